//! What an engine on other machines is told about sealed records, and how it can fail.

use farmtally_model::RecordId;

use crate::error::AggregationError;

/// The sealed records that a question is about: whole files, less what was removed from them since they were written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SealedRecords {
    /// The files, by their names below the store's root, with `/` between folders.
    pub files: Vec<String>,
    /// Records of these files that are no longer live. Another record under the same id has another revision.
    pub removed: Vec<RemovedRecord>,
    /// Records that are live.
    pub record_count: u64,
    /// Usage lines of the live records, which are rows of the files.
    pub line_count: u64,
    /// Costs of all live lines together, in nano-dollars. No sum of their pieces is greater.
    pub cost_nanos: u128,
    /// A bound in milliseconds that no sum of runtimes of these records passes, however they are grouped.
    pub runtime_ms_bound: u128,
}

/// A record that is still in a file and does not count any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RemovedRecord {
    /// Its id.
    pub id: RecordId,
    /// Its revision.
    pub revision: u32,
}

/// What an engine saw of the sealed records while it counted them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Seen {
    /// Usage lines that are live, those that the question does not ask for included.
    pub line_count: u128,
    /// Their costs together, in nano-dollars.
    pub cost_nanos: u128,
}

impl SealedRecords {
    /// Refuses an answer whose engine did not see exactly the lines and costs that there are.
    pub fn check(&self, seen: Seen) -> Result<(), DistributedError> {
        let compare = |what, found: u128, expected: u128| {
            if found == expected {
                Ok(())
            } else {
                Err(DistributedError::Disagrees { what, found, expected })
            }
        };
        compare("usage lines", seen.line_count, self.line_count.into())?;
        compare("nano-dollars", seen.cost_nanos, self.cost_nanos)
    }
}

/// Why an engine on other machines gave no answer that can be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DistributedError {
    /// Nobody answers, or the connection broke.
    #[error("the distributed engine cannot be reached: {reason}")]
    Unreachable {
        /// What the connection said.
        reason: String,
    },
    /// It answered that it cannot answer.
    #[error("the distributed engine failed: {reason}")]
    Failed {
        /// What it said.
        reason: String,
    },
    /// It answered in a form that was not asked for.
    #[error("the distributed engine's answer cannot be read: {reason}")]
    Malformed {
        /// What is wrong with it.
        reason: String,
    },
    /// It counted other records than there are.
    #[error(
        "the distributed engine saw {found} {what} where the manifest has {expected}; its answer is not used"
    )]
    Disagrees {
        /// What was counted.
        what: &'static str,
        /// What the engine says.
        found: u128,
        /// What the manifest says.
        expected: u128,
    },
    /// Whoever asked called it off.
    #[error("the aggregation was cancelled")]
    Cancelled,
    /// A limit of every engine.
    #[error(transparent)]
    Limit(#[from] AggregationError),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_over_other_lines_or_costs_is_refused() {
        let records = SealedRecords { line_count: 10, cost_nanos: 700, ..SealedRecords::default() };
        assert_eq!(records.check(Seen { line_count: 10, cost_nanos: 700 }), Ok(()));
        for (seen, message) in [
            (Seen { line_count: 9, cost_nanos: 700 }, "saw 9 usage lines where the manifest has 10"),
            (Seen { line_count: 11, cost_nanos: 700 }, "saw 11 usage lines where the manifest has 10"),
            (Seen { line_count: 10, cost_nanos: 699 }, "saw 699 nano-dollars where the manifest has 700"),
        ] {
            let error = records.check(seen).unwrap_err().to_string();
            assert!(error.contains(message), "{error}");
        }
    }
}
