//! AWS Signature Version 4 for the requests of one service, as pure functions.
//!
//! Nothing here reads a clock, a socket or a key file: the caller brings the request as it arrived, the time,
//! and the secret. Because the secret can only be looked up once the request has named its access key,
//! checking is two stages: [`UnverifiedSignature::from_request`] refuses everything that can be refused
//! without the secret, and [`UnverifiedSignature::verify`] compares the signature. [`Signer`] is the other
//! direction, for our own client.
//!
//! The painful fact: a signature covers the bytes of the request as they were sent. Hand over the raw request
//! target and the raw header values, never what a router or a form decoder made of them: a nextToken with a
//! `+` in it, or a path with a `%2F`, would be signed as something else.

mod amz_date;
mod authorization;
mod canonical_request;
mod canonical_uri;
mod credential_scope;
mod error;
mod excerpt;
mod hex;
mod policy;
mod secret;
mod sign;
mod signed_headers;
mod signing_key;
mod string_to_sign;
mod verify;

#[cfg(test)]
mod published_suite;

pub use amz_date::AmzDate;
pub use canonical_request::body_sha256;
pub use error::SignatureError;
pub use excerpt::Excerpt;
pub use policy::{ClockSkewMax, ClockSkewOutOfRange, Policy};
pub use secret::SecretAccessKey;
pub use sign::{OutgoingRequest, Signer, SigningHeaders};
pub use verify::{ReceivedRequest, UnverifiedSignature, Verified};
