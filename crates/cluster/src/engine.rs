//! Spark behind the engine's door.

use std::sync::atomic::AtomicBool;

use farmtally_engine::{DistributedEngine, DistributedError, MergedGroups, SealedRecords, Seen};
use farmtally_model::AggregationQuery;

use crate::answer::Answer;
use crate::spark::{Address, Session, SettingError, Stop};
use crate::sql;

/// A server of the Spark Connect protocol that reads the sealed segments.
#[derive(Debug)]
pub struct SparkEngine {
    address: Address,
    /// Where the server finds the store's root, such as `file:///srv/farmtally` or `s3a://bucket/farmtally`, without a slash at
    /// its end.
    root: String,
}

impl SparkEngine {
    /// The server at an address, which finds what the store has in its root under `root`.
    ///
    /// Refuses a root that is no URL, and one in which Spark would read a pattern.
    pub fn new(address: Address, root: &str) -> Result<Self, SettingError> {
        let refused = |reason: &str| Err(SettingError(format!("{root:?} {reason}")));
        if !root.contains(":/") {
            return refused("is no URL; `file:///srv/farm` is one");
        }
        match root.chars().find(|character| "*?[]{}\\,".contains(*character) || character.is_control()) {
            Some(character) => refused(&format!("has {character:?} in it, which Spark reads as a pattern")),
            None => Ok(Self { address, root: root.trim_end_matches('/').to_owned() }),
        }
    }

    async fn ask(
        &self,
        query: &AggregationQuery,
        records: &SealedRecords,
        answer: &mut Answer<'_>,
        cancelled: &AtomicBool,
    ) -> Result<(), Stop> {
        let mut session = Session::begin(&self.address, session_id()?, cancelled).await?;
        let paths = records.files.iter().map(|name| format!("{}/{name}", self.root)).collect();
        let asked = match session.name_files(sql::LINES, sql::SCHEMA, paths).await {
            Ok(()) => {
                session.ask(sql::question(query, records), |rows, count| answer.take(rows, count)).await
            }
            Err(stop) => Err(stop),
        };
        session.end(asked.is_err()).await;
        asked
    }
}

impl DistributedEngine for SparkEngine {
    fn name(&self) -> &'static str {
        "spark"
    }

    fn can_answer(&self, query: &AggregationQuery, records: &SealedRecords) -> bool {
        sql::can_ask(query, records)
    }

    fn aggregate(
        &self,
        query: &AggregationQuery,
        records: &SealedRecords,
        groups: &mut MergedGroups,
        cancelled: &AtomicBool,
    ) -> Result<Seen, DistributedError> {
        let mut answer = Answer::new(query.group_by(), records, groups);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| DistributedError::Failed { reason: error.to_string() })?;
        runtime.block_on(self.ask(query, records, &mut answer, cancelled))?;
        Ok(answer.seen())
    }
}

/// A random UUID, by which the server tells sessions apart.
fn session_id() -> Result<String, Stop> {
    let mut bytes = [0_u8; 16];
    getrandom::fill(&mut bytes).map_err(|error| DistributedError::Failed { reason: error.to_string() })?;
    // Version 4, variant 1.
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let hex = format!("{:032x}", u128::from_be_bytes(bytes));
    Ok(format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_root_is_a_url_without_patterns() {
        let engine = |root: &str| SparkEngine::new(Address::parse("sc://x").unwrap(), root);
        assert_eq!(engine("s3a://bucket/farm/").unwrap().root, "s3a://bucket/farm");
        for (root, reason) in
            [("/srv/farm", "is no URL"), ("file:///srv/farm*", "which Spark reads as a pattern")]
        {
            let error = engine(root).unwrap_err().to_string();
            assert!(error.contains(reason), "{error}");
        }
    }

    #[test]
    fn sessions_have_ids_of_their_own_that_are_uuids() {
        let (one, other) = (session_id().unwrap(), session_id().unwrap());
        assert_ne!(one, other);
        assert_eq!((one.len(), &one[14..15]), (36, "4"));
    }
}
