//! The other direction: our own command line signs what it sends to a server of ours.

use crate::amz_date::AmzDate;
use crate::authorization::Authorization;
use crate::canonical_request::CanonicalRequest;
use crate::credential_scope::CredentialScope;
use crate::secret::SecretAccessKey;
use crate::signed_headers::SignedHeaders;
use crate::signing_key::SigningKey;
use crate::string_to_sign::StringToSign;

/// A request that is about to be sent.
#[derive(Clone, Copy, Debug)]
pub struct OutgoingRequest<'a> {
    /// `GET`, `POST`.
    pub method: &'a str,
    /// The `Host` header as it will be sent, with the port unless it is the scheme's own.
    pub host: &'a str,
    /// The request target as it will be sent: percent-encoded path, and behind a `?` the query.
    pub target: &'a str,
    /// Further headers to sign; without host, x-amz-date and authorization, which are ours to add. They must
    /// reach the server unchanged.
    pub headers: &'a [(&'a str, &'a [u8])],
    /// From [`body_sha256`](crate::body_sha256).
    pub body_sha256: &'a [u8; 32],
}

/// An access key and the server it is used for.
#[derive(Clone, Copy, Debug)]
pub struct Signer<'a> {
    /// The public half of the key pair.
    pub access_key_id: &'a str,
    /// The other half.
    pub secret_access_key: &'a SecretAccessKey,
    /// The server's region.
    pub region: &'a str,
    /// The service's signing name.
    pub service: &'a str,
}

/// The values of the two headers that make a request a signed one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SigningHeaders {
    /// For `authorization`.
    pub authorization: String,
    /// For `x-amz-date`.
    pub x_amz_date: String,
}

impl Signer<'_> {
    /// Signs the request as of `now_unix_seconds`. The server takes it for some minutes from then.
    pub fn sign(&self, request: &OutgoingRequest<'_>, now_unix_seconds: i64) -> SigningHeaders {
        let signed_at = AmzDate::from_unix_seconds(now_unix_seconds);
        let x_amz_date = signed_at.to_string();
        let own = [("host", request.host.as_bytes()), ("x-amz-date", x_amz_date.as_bytes())];
        let headers = [request.headers, &own].concat();
        let signed_headers = SignedHeaders::of(headers.iter().map(|(name, _)| *name));
        let OutgoingRequest { method, target, body_sha256, .. } = *request;
        let canonical_request = CanonicalRequest::new(method, target, &headers, &signed_headers, body_sha256);
        let scope = self.scope(signed_at);
        let string_to_sign = StringToSign::new(signed_at, &scope, &canonical_request);
        let signature = SigningKey::derive(self.secret_access_key, &scope).sign(&string_to_sign);
        let access_key_id = self.access_key_id.to_owned();
        let authorization =
            Authorization { access_key_id, scope, signed_headers, signature }.to_header_value();
        SigningHeaders { authorization, x_amz_date }
    }

    fn scope(&self, signed_at: AmzDate) -> CredentialScope {
        CredentialScope {
            day: signed_at.day(),
            region: self.region.to_owned(),
            service: self.service.to_owned(),
        }
    }
}
