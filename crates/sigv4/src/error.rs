//! Why a request was refused: the sentence its caller reads, and the AWS error type that an SDK matches on.

use std::fmt;

use crate::amz_date::AmzDate;
use crate::excerpt::Excerpt;
use crate::policy::ClockSkewMax;

/// A reason to refuse a request. `Display` is the sentence for the caller: it holds nothing of the secret and
/// nothing that the caller did not send, save the server's clock, region and service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SignatureError {
    /// There is no `Authorization` header.
    AuthorizationMissing,
    /// The query has a parameter that belongs to a presigned URL.
    PresignedUrl {
        /// The parameter.
        parameter: Excerpt,
    },
    /// A header that has one meaning came more than once.
    HeaderRepeated {
        /// The header, in lower case.
        name: &'static str,
        /// How often it came.
        count: usize,
    },
    /// A header that this check must read has bytes outside ASCII.
    HeaderNotAscii {
        /// The header, in lower case.
        name: &'static str,
    },
    /// The `Authorization` header is of another scheme or algorithm.
    AlgorithmNotServed {
        /// Its first word.
        algorithm: Excerpt,
    },
    /// The `Authorization` header lacks a parameter.
    ParameterMissing {
        /// `Credential`, `SignedHeaders` or `Signature`.
        name: &'static str,
    },
    /// The `Authorization` header has a parameter twice.
    ParameterRepeated {
        /// The parameter.
        name: Excerpt,
    },
    /// The `Authorization` header has a parameter that is none of the three.
    ParameterUnknown {
        /// The parameter.
        name: Excerpt,
    },
    /// `Credential` is not an access key and a scope.
    CredentialMalformed {
        /// The credential.
        credential: Excerpt,
    },
    /// `SignedHeaders` is not a sorted list of lower-case names.
    SignedHeadersMalformed {
        /// The list.
        signed_headers: Excerpt,
    },
    /// `Signature` is not 64 lower-case hexadecimal digits.
    SignatureMalformed {
        /// How many characters it has.
        length: usize,
    },
    /// The request carries a session token, which no key of this server has.
    SessionTokenPresent,
    /// There is no `X-Amz-Date` header.
    DateMissing,
    /// `X-Amz-Date` is not a time.
    DateMalformed {
        /// The header's value.
        value: Excerpt,
    },
    /// The scope is for another day than the request.
    ScopeDayDiffers {
        /// The day in the scope.
        scope_day: Excerpt,
        /// The time of the request.
        signed_at: AmzDate,
    },
    /// The scope is for another region than this server's.
    RegionNotServed {
        /// The region in the scope.
        region: Excerpt,
        /// The server's region.
        expected: String,
    },
    /// The scope is for another service.
    ServiceNotServed {
        /// The service in the scope.
        service: Excerpt,
        /// The server's service.
        expected: String,
    },
    /// The request was signed too long ago.
    Expired {
        /// When it was signed.
        signed_at: AmzDate,
        /// The server's clock.
        now: AmzDate,
        /// How far the two may be apart.
        clock_skew_max: ClockSkewMax,
    },
    /// The request was signed too far in the future.
    NotYetCurrent {
        /// When it was signed.
        signed_at: AmzDate,
        /// The server's clock.
        now: AmzDate,
        /// How far the two may be apart.
        clock_skew_max: ClockSkewMax,
    },
    /// A header that must be signed is not.
    HeaderNotSigned {
        /// The header, in lower case.
        name: Excerpt,
    },
    /// A header is named as signed but did not arrive.
    SignedHeaderAbsent {
        /// The header, in lower case.
        name: Excerpt,
    },
    /// `x-amz-content-sha256` says that the body is not covered by the signature.
    BodyNotSigned {
        /// The header's value.
        value: Excerpt,
    },
    /// `x-amz-content-sha256` is not the hash of the body that arrived.
    BodyHashDiffers {
        /// The header's value.
        value: Excerpt,
        /// The hash of the body, 64 hexadecimal digits.
        received: String,
    },
    /// The access key is none of this server's.
    AccessKeyUnknown {
        /// The access key id.
        access_key_id: Excerpt,
    },
    /// Everything is in order but the signature.
    SignatureDiffers {
        /// The access key id.
        access_key_id: Excerpt,
        /// Whether the path has an empty segment, which some clients sign as it is.
        has_empty_segment: bool,
    },
}

impl SignatureError {
    /// The name by which AWS's clients know this error, for `x-amzn-errortype`.
    pub fn aws_error_type(&self) -> &'static str {
        match self {
            Self::AuthorizationMissing => "MissingAuthenticationTokenException",
            Self::PresignedUrl { .. }
            | Self::HeaderRepeated { .. }
            | Self::HeaderNotAscii { .. }
            | Self::AlgorithmNotServed { .. }
            | Self::ParameterMissing { .. }
            | Self::ParameterRepeated { .. }
            | Self::ParameterUnknown { .. }
            | Self::CredentialMalformed { .. }
            | Self::SignedHeadersMalformed { .. }
            | Self::SignatureMalformed { .. }
            | Self::DateMissing
            | Self::DateMalformed { .. } => "IncompleteSignatureException",
            Self::SessionTokenPresent | Self::AccessKeyUnknown { .. } => "UnrecognizedClientException",
            Self::ScopeDayDiffers { .. }
            | Self::RegionNotServed { .. }
            | Self::ServiceNotServed { .. }
            | Self::Expired { .. }
            | Self::NotYetCurrent { .. }
            | Self::HeaderNotSigned { .. }
            | Self::SignedHeaderAbsent { .. }
            | Self::BodyNotSigned { .. }
            | Self::BodyHashDiffers { .. }
            | Self::SignatureDiffers { .. } => "InvalidSignatureException",
        }
    }
}

impl fmt::Display for SignatureError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.sentence())
    }
}

impl std::error::Error for SignatureError {}

impl SignatureError {
    fn sentence(&self) -> String {
        match self {
            Self::AuthorizationMissing => {
                "the request has no Authorization header; sign it with AWS Signature Version 4 (anonymous \
                 requests, as `--no-sign-request` sends them, are not served)"
                    .to_owned()
            }
            Self::PresignedUrl { parameter } => format!(
                "query parameter `{parameter}` belongs to a presigned URL, and presigned URLs are not \
                 served; send the signature in the Authorization header"
            ),
            Self::HeaderRepeated { name, count } => {
                format!("header {name} came {count} times; it must come once")
            }
            Self::HeaderNotAscii { name } => format!("header {name} has bytes that are not visible ASCII"),
            Self::AlgorithmNotServed { algorithm } => format!(
                "the Authorization header begins with `{algorithm}`; only AWS4-HMAC-SHA256 is served, which \
                 is AWS Signature Version 4"
            ),
            Self::ParameterMissing { name } => format!(
                "the Authorization header has no {name}; it must have Credential, SignedHeaders and Signature"
            ),
            Self::ParameterRepeated { name } => {
                format!("the Authorization header has {name} twice; it must have it once")
            }
            Self::ParameterUnknown { name } => format!(
                "the Authorization header has a parameter `{name}`; it must have Credential, SignedHeaders \
                 and Signature only"
            ),
            Self::CredentialMalformed { credential } => format!(
                "Credential is `{credential}`; it must be access-key-id/yyyymmdd/region/service/aws4_request"
            ),
            Self::SignedHeadersMalformed { signed_headers } => format!(
                "SignedHeaders is `{signed_headers}`; it must be lower-case header names, sorted, each \
                 once, with `;` between them"
            ),
            Self::SignatureMalformed { length } => {
                format!("Signature has {length} characters; it must be 64 lower-case hexadecimal digits")
            }
            Self::SessionTokenPresent => {
                "the request carries an X-Amz-Security-Token, but access keys of this server have no session \
                 token; unset AWS_SESSION_TOKEN and use an access key of this server"
                    .to_owned()
            }
            Self::DateMissing => {
                "the request has no X-Amz-Date header; it must have one, and a Date header does not stand in \
                 for it"
                    .to_owned()
            }
            Self::DateMalformed { value } => {
                format!("X-Amz-Date is `{value}`; it must be a time such as 20261121T012557Z")
            }
            Self::ScopeDayDiffers { scope_day, signed_at } => format!(
                "the day in Credential is `{scope_day}` but X-Amz-Date is {signed_at}; they must be the \
                 same day"
            ),
            Self::RegionNotServed { region, expected } => format!(
                "Credential is scoped to region `{region}`; this server is `{expected}`: pass `--region \
                 {expected}` or set AWS_REGION"
            ),
            Self::ServiceNotServed { service, expected } => {
                format!("Credential is scoped to service `{service}`; it must be `{expected}`")
            }
            Self::Expired { signed_at, now, clock_skew_max } => {
                let earliest = now.plus_seconds(-i64::from(clock_skew_max.seconds()));
                format!(
                    "Signature expired: {signed_at} is now earlier than {earliest} ({now} - {clock_skew_max})"
                )
            }
            Self::NotYetCurrent { signed_at, now, clock_skew_max } => {
                let latest = now.plus_seconds(i64::from(clock_skew_max.seconds()));
                format!(
                    "Signature not yet current: {signed_at} is still later than {latest} ({now} + \
                     {clock_skew_max})"
                )
            }
            Self::HeaderNotSigned { name } => format!(
                "header `{name}` is not in SignedHeaders; host and every x-amz- header that is sent must be \
                 signed"
            ),
            Self::SignedHeaderAbsent { name } => format!(
                "header `{name}` is in SignedHeaders but did not arrive; if a proxy removes it, the client \
                 must not sign it"
            ),
            Self::BodyNotSigned { value } => {
                format!("x-amz-content-sha256 is `{value}`; it must be the SHA-256 of the body")
            }
            Self::BodyHashDiffers { value, received } => format!(
                "x-amz-content-sha256 is `{value}` but the SHA-256 of the body that arrived is \
                 `{received}`; the body was changed on the way, or another one was hashed"
            ),
            Self::AccessKeyUnknown { access_key_id } => format!(
                "access key `{access_key_id}` is none of this server's; use an access key that was made for \
                 this server"
            ),
            Self::SignatureDiffers { access_key_id, has_empty_segment } => {
                signature_differs(access_key_id, *has_empty_segment)
            }
        }
    }
}

fn signature_differs(access_key_id: &Excerpt, has_empty_segment: bool) -> String {
    let advice = if has_empty_segment {
        ", whose path has an empty segment (`//`), as from an empty variable for a farm's id or a base URL that \
         ends in `/`: a right signature leaves such a segment out, and curl does not; write the path without it, \
         then check the secret"
    } else {
        "; check the secret, that no proxy changes the Host header, path, query or body, and that the client \
         signs the query sorted and percent-encoded (curl 7.88 does not)"
    };
    format!(
        "the signature is not the one that the secret of access key `{access_key_id}` makes of this request{advice}"
    )
}
