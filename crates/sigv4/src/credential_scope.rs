//! Where and when a signing key is good: `20261121/us-west-2/deadline/aws4_request`.

use std::fmt;

use crate::amz_date::AmzDate;
use crate::error::SignatureError;
use crate::policy::Policy;

/// The last part of every scope.
pub(crate) const TERMINATOR: &str = "aws4_request";

/// A scope without its terminator, which is always the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CredentialScope {
    /// `yyyymmdd`, UTC.
    pub(crate) day: String,
    pub(crate) region: String,
    pub(crate) service: String,
}

impl CredentialScope {
    /// Refuses a scope for another day than the request's, another region or another service.
    pub(crate) fn check(&self, signed_at: AmzDate, policy: &Policy) -> Result<(), SignatureError> {
        if self.day != signed_at.day() {
            return Err(SignatureError::ScopeDayDiffers { scope_day: self.day.as_str().into(), signed_at });
        }
        if let Some(expected) = policy.region.as_ref().filter(|expected| **expected != self.region) {
            let region = self.region.as_str().into();
            return Err(SignatureError::RegionNotServed { region, expected: expected.clone() });
        }
        if self.service != policy.service {
            let service = self.service.as_str().into();
            return Err(SignatureError::ServiceNotServed { service, expected: policy.service.clone() });
        }
        Ok(())
    }
}

impl fmt::Display for CredentialScope {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}/{}/{TERMINATOR}", self.day, self.region, self.service)
    }
}
