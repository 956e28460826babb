//! Who may read the metrics: whoever brings the token, because they say what was used and what it cost.

use http::header::AUTHORIZATION;
use subtle::ConstantTimeEq as _;

use crate::request::ReceivedRequest;

/// The token, if there is one; without it nobody may.
pub(crate) struct MetricsAccess(Option<String>);

impl std::fmt::Debug for MetricsAccess {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MetricsAccess(hidden)")
    }
}

impl MetricsAccess {
    pub(crate) fn new(token: Option<String>) -> Self {
        Self(token.filter(|token| !token.is_empty()))
    }

    /// Whether there is a way in at all.
    pub(crate) fn is_open_to_somebody(&self) -> bool {
        self.0.is_some()
    }

    /// Whether the request brings the token.
    pub(crate) fn admits(&self, request: &ReceivedRequest) -> bool {
        let brought = request.only_header(&AUTHORIZATION).and_then(|value| value.strip_prefix("Bearer "));
        match (&self.0, brought) {
            (Some(token), Some(brought)) => token.as_bytes().ct_eq(brought.as_bytes()).into(),
            _ => false,
        }
    }
}
