//! Page tokens: where the next page begins, sealed, so that nobody can make, change or move one.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use farmtally_model::{AggregationId, FarmId, Timestamp};

use crate::error::ServiceError;
use crate::limits::PAGE_TOKEN_LIFE_MS;
use crate::sealing::SealingKey;

/// Longest token we read; ours are far shorter.
const TOKEN_LENGTH_MAX: usize = 512;
const VERSION: u8 = 2;
/// Of tokens without the number of the answer, which is 0.
const FIRST_VERSION: u8 = 1;
/// A token is an argument of commands, so it must not begin with the hyphen that base64 for URLs may begin with.
const PREFIX: &str = "p";

/// What a token says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PageToken {
    /// The row at which its page begins.
    pub(crate) row: usize,
    /// How often the aggregation had been begun again that has the row.
    pub(crate) resumed_count: u32,
}

/// Makes and reads page tokens.
#[derive(Debug)]
pub(crate) struct PageTokens {
    key: SealingKey,
}

impl PageTokens {
    pub(crate) fn new(key: &[u8; 32]) -> Self {
        Self { key: SealingKey::new(key) }
    }

    /// A token for a page.
    pub(crate) fn issue(
        &self,
        farm_id: FarmId,
        aggregation_id: AggregationId,
        page: PageToken,
        now: Timestamp,
    ) -> Result<String, ServiceError> {
        let mut plain = vec![VERSION];
        plain.extend((page.row as u64).to_be_bytes());
        plain.extend(now.millis().to_be_bytes());
        plain.extend(page.resumed_count.to_be_bytes());
        let sealed =
            self.key.seal(&plain, &context(farm_id, aggregation_id)).map_err(ServiceError::internal)?;
        Ok(format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(sealed)))
    }

    /// What a token says, if it is one of this aggregation's and not too old.
    pub(crate) fn read(
        &self,
        token: &str,
        farm_id: FarmId,
        aggregation_id: AggregationId,
        now: Timestamp,
    ) -> Result<PageToken, ServiceError> {
        let invalid = |reason| ServiceError::InvalidPageToken { reason };
        let (token, issued_ms) = self.open(token, &context(farm_id, aggregation_id)).ok_or(invalid(
            "is not one that this aggregation's pages gave; pass the token of the page before unchanged",
        ))?;
        if now.millis() - issued_ms >= PAGE_TOKEN_LIFE_MS {
            return Err(invalid("is older than 24 hours; start the aggregation again"));
        }
        Ok(token)
    }

    fn open(&self, token: &str, context: &[u8]) -> Option<(PageToken, i64)> {
        if token.len() > TOKEN_LENGTH_MAX {
            return None;
        }
        let sealed = URL_SAFE_NO_PAD.decode(token.strip_prefix(PREFIX)?).ok()?;
        let plain = self.key.open(&sealed, context)?;
        let (&version, numbers) = plain.split_first()?;
        let (row, rest) = numbers.split_first_chunk::<8>()?;
        let (issued_ms, rest) = rest.split_first_chunk::<8>()?;
        let resumed_count = match version {
            FIRST_VERSION => 0,
            VERSION => u32::from_be_bytes(rest.try_into().ok()?),
            _ => return None,
        };
        let row = usize::try_from(u64::from_be_bytes(*row)).ok()?;
        Some((PageToken { row, resumed_count }, i64::from_be_bytes(*issued_ms)))
    }
}

/// What a token is bound to.
fn context(farm_id: FarmId, aggregation_id: AggregationId) -> Vec<u8> {
    [b"page-token".as_slice(), &farm_id.bytes(), &aggregation_id.bytes()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    const FARM: FarmId = FarmId::from_bytes([1; 16]);
    const AGGREGATION: AggregationId = AggregationId::from_bytes([2; 16]);

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis).unwrap()
    }

    fn read(token: &str, farm_id: FarmId, aggregation_id: AggregationId, now_ms: i64) -> Option<usize> {
        let read = PageTokens::new(&[9; 32]).read(token, farm_id, aggregation_id, at(now_ms)).ok()?;
        assert_eq!(read.resumed_count, 3);
        Some(read.row)
    }

    fn page(row: usize) -> PageToken {
        PageToken { row, resumed_count: 3 }
    }

    #[test]
    fn a_token_of_an_earlier_program_is_of_the_first_answer() {
        let key = SealingKey::new(&[9; 32]);
        let plain = [&[FIRST_VERSION][..], &7_u64.to_be_bytes(), &1000_i64.to_be_bytes()].concat();
        let sealed = key.seal(&plain, &context(FARM, AGGREGATION)).unwrap();
        let token = format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(sealed));
        let read = PageTokens::new(&[9; 32]).read(&token, FARM, AGGREGATION, at(1000)).unwrap();
        assert_eq!(read, PageToken { row: 7, resumed_count: 0 });
    }

    #[test]
    fn a_token_is_valid_for_its_aggregation_for_24_hours() {
        let token = PageTokens::new(&[9; 32]).issue(FARM, AGGREGATION, page(12_345), at(1000)).unwrap();
        assert!(token.len() <= 100, "{}", token.len());
        assert_eq!(read(&token, FARM, AGGREGATION, 1000), Some(12_345));
        assert_eq!(read(&token, FARM, AGGREGATION, 1000 + PAGE_TOKEN_LIFE_MS - 1), Some(12_345));
        assert_eq!(read(&token, FARM, AGGREGATION, 1000 + PAGE_TOKEN_LIFE_MS), None);
        assert_eq!(read(&token, FarmId::from_bytes([3; 16]), AGGREGATION, 1000), None);
        assert_eq!(read(&token, FARM, AggregationId::from_bytes([3; 16]), 1000), None);
    }

    #[test]
    fn every_changed_character_makes_a_token_invalid() {
        let token = PageTokens::new(&[9; 32]).issue(FARM, AGGREGATION, page(7), at(1000)).unwrap();
        for index in 0..token.len() {
            let mut changed = token.clone().into_bytes();
            changed[index] = if changed[index] == b'A' { b'B' } else { b'A' };
            assert_eq!(read(&String::from_utf8(changed).unwrap(), FARM, AGGREGATION, 1000), None, "{index}");
            assert_eq!(read(&token[..index], FARM, AGGREGATION, 1000), None, "{index}");
        }
    }
}
