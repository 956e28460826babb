//! What is finally signed: the algorithm, the time, the scope, and the hash of the canonical request.

use crate::amz_date::AmzDate;
use crate::canonical_request::CanonicalRequest;
use crate::credential_scope::CredentialScope;
use crate::hex;

/// The one algorithm served here, as the Authorization header and the string to sign spell it.
pub(crate) const ALGORITHM: &str = "AWS4-HMAC-SHA256";

/// Four lines; the last one stands for the whole request.
#[derive(Debug)]
pub(crate) struct StringToSign(String);

impl StringToSign {
    pub(crate) fn new(signed_at: AmzDate, scope: &CredentialScope, request: &CanonicalRequest<'_>) -> Self {
        Self(format!("{ALGORITHM}\n{signed_at}\n{scope}\n{}", hex::encode(&request.sha256())))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}
