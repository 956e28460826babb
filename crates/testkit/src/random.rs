//! Random farms and questions for proptest, small enough to shrink to something readable.
//!
//! Uniformly random times almost never meet an edge. So instants lie around one anchor, mostly on whole and half hours or
//! a millisecond beside them, ids come from small pools so that groups collide, and the awkward values (no length,
//! running, no machine, no COMPUTE line, a billion dollars) are as frequent as the ordinary ones.

mod farm;
mod pools;
mod question;
mod times;
mod usage_question;

use farmtally_model::{AggregationQuery, Calendar, LineCost, Record, Timestamp, UsageQuery};
use proptest::prelude::*;

/// A farm, a question about it and the instant of the question.
#[derive(Debug, Clone)]
pub struct RandomCase {
    /// The farm's records, each id once.
    pub records: Vec<Record<LineCost>>,
    /// The question, about times near those of the records.
    pub query: AggregationQuery,
    /// When the question is asked, in the middle of the records as often as after them.
    pub now: Timestamp,
}

/// Up to 40 sessions and 4 volumes around the end of November 2025.
pub fn random_farm() -> impl Strategy<Value = Vec<Record<LineCost>>> {
    farm::farm_around(times::usual_anchor())
}

/// A question about times around the end of November 2025.
pub fn random_query() -> impl Strategy<Value = AggregationQuery> {
    question::query_around(times::usual_anchor())
}

/// A farm, a question and a now that belong together, around one of several remarkable days.
pub fn random_case() -> impl Strategy<Value = RandomCase> {
    times::anchors().prop_flat_map(|anchor| {
        let parts =
            (farm::farm_around(anchor), question::query_around(anchor), times::instants_around(anchor));
        parts.prop_map(|(records, query, now)| RandomCase { records, query, now })
    })
}

/// A farm, a question of the native API and a now that belong together.
#[derive(Debug, Clone)]
pub struct RandomUsageCase {
    /// The farm's records, each id once.
    pub records: Vec<Record<LineCost>>,
    /// The question, about times near those of the records.
    pub query: UsageQuery,
    /// A window to compare with, anywhere near.
    pub before: Calendar,
    /// When the question is asked.
    pub now: Timestamp,
}

/// The same records with one name for each job, so that what is asked of a name can be asked of each session alone: a job goes
/// by the name of its latest session.
pub fn with_one_name_for_each_job(records: Vec<Record<LineCost>>) -> Vec<Record<LineCost>> {
    let mut names = std::collections::HashMap::new();
    let renamed = records.into_iter().map(|record| match record {
        Record::Session(mut session) => {
            session.job_name = names.entry(session.job_id).or_insert(session.job_name).clone();
            Record::Session(session)
        }
        volume @ Record::Volume(_) => volume,
    });
    renamed.collect()
}

/// Like [`random_case`], with the questions that only the native API can ask.
pub fn random_usage_case() -> impl Strategy<Value = RandomUsageCase> {
    times::anchors().prop_flat_map(|anchor| {
        let question = usage_question::question_around(anchor);
        let before = usage_question::calendar_around(anchor);
        let parts = (farm::farm_around(anchor), question, before, times::instants_around(anchor));
        parts.prop_map(|(records, query, before, now)| RandomUsageCase { records, query, before, now })
    })
}

#[cfg(test)]
mod tests;
