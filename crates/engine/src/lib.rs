//! The aggregation engine: a snapshot and a question in, rows out.
//!
//! Integers in every sum, CPU only: the engine knows no file, no clock, no HTTP and no JSON, and it can fail for nothing but its
//! own named limits. The stages are types: [`AggregationQuery`] → plan → groups (merged in any order with the same
//! result) → [`StatisticsTable`].

mod accumulator;
mod arrivals;
mod block_keys;
mod block_scan;
mod calendar;
mod coarse_scan;
mod cube_scan;
mod dense;
mod distributed;
mod edges;
mod error;
mod finish;
mod fold;
mod keys;
mod lane_scan;
mod lanes;
mod large_pages;
mod limits;
mod making;
mod output;
mod part;
mod piece;
mod piece_lists;
mod piece_memory;
mod places;
mod plan;
mod processors;
mod ranked_sums;
mod remembered;
mod rollup_scan;
mod rollups;
mod scan;
mod seen;
mod select;
mod session;
mod sink;
mod sort;
mod steps;
mod sum_table;
mod tabulate;
#[cfg(test)]
mod twin;
mod volumes;
mod wide;

use farmtally_columns::FarmSnapshot;
use farmtally_model::{AggregationQuery, StatisticsTable, Timestamp, UsageGroupBy};

pub use distributed::{
    DistributedEngine, DistributedError, Group, JobNames, MergedGroups, RemovedRecord, SealedRecords, Seen,
};
pub use error::AggregationError;
pub use limits::{AggregationControl, AggregationLimits};
pub use tabulate::{EndedSpans, latest_ended, tabulate, tabulate_beside};

use plan::AggregationPlan;

/// Answers a question about the records of a snapshot, with everything that still runs ended at `now`.
///
/// The answer is the same, bit for bit, for any order of arrival, layout of blocks and number of threads.
pub fn aggregate(
    snapshot: &FarmSnapshot,
    query: &AggregationQuery,
    now: Timestamp,
    control: &AggregationControl<'_>,
) -> Result<StatisticsTable, AggregationError> {
    if query.group_by().contains(UsageGroupBy::JobId) {
        control.check_shared(snapshot.job_ranks_bytes())?;
    }
    let plan = AggregationPlan::new(snapshot, query, now)?;
    let found = scan::scan(&plan, control)?;
    finish::finish(&plan, found, control)
}
