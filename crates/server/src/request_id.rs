//! The id by which one request is found again in the log.

use std::fmt;

/// A version 4 UUID, as the service's own clients print it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RequestId(u128);

impl RequestId {
    /// A fresh id. Without randomness from the system it is the same one each time, which is better than no answer.
    pub(crate) fn new() -> Self {
        let mut bytes = [0; 16];
        if let Err(error) = getrandom::fill(&mut bytes) {
            tracing::error!(%error, "the system gave no random bytes for a request id");
        }
        Self::from_random(u128::from_be_bytes(bytes))
    }

    const fn from_random(random: u128) -> Self {
        const VERSION_MASK: u128 = 0xf << 76;
        const VARIANT_MASK: u128 = 0x3 << 62;
        Self(random & !VERSION_MASK & !VARIANT_MASK | 0x4 << 76 | 0x2 << 62)
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = format!("{:032x}", self.0);
        let (time_low, rest) = digits.split_at(8);
        let (time_mid, rest) = rest.split_at(4);
        let (version, rest) = rest.split_at(4);
        let (variant, node) = rest.split_at(4);
        write!(f, "{time_low}-{time_mid}-{version}-{variant}-{node}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_a_version_4_uuid() {
        assert_eq!(RequestId::from_random(0).to_string(), "00000000-0000-4000-8000-000000000000");
        assert_eq!(RequestId::from_random(u128::MAX).to_string(), "ffffffff-ffff-4fff-bfff-ffffffffffff");
    }

    #[test]
    fn two_ids_differ() {
        assert_ne!(RequestId::new(), RequestId::new());
    }
}
