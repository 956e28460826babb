//! What farmtally counts, as types that cannot be wrong.
//!
//! Sessions, volumes, money, time, queries and statistics: values are checked once, where they are made, and trusted
//! from there on. This crate has no I/O, no clock, no JSON and no async; every other crate may know it and it knows none.
//!
//! The one fact that hurts when discovered late: nothing in here is a float. Time is whole milliseconds, money is whole
//! nano-dollars, and a double appears only in [`exact`], once, at the very end of an answer.

pub mod aggregation;
pub mod exact;
mod ids;
mod money;
mod period;
mod query;
pub mod search;
mod session;
mod statistics;
mod table_rows;
mod text;
mod time;

pub use ids::{AggregationId, FarmId, FleetId, IdError, JobId, QueueId, SessionId, VolumeId, WorkerId};
pub use money::{CostScaleFactor, HourlyRate, LineCost, MoneyError, NanoUsd, accrued};
pub use period::{Buckets, Period};
pub use query::{
    AggregationQuery, GroupBy, QueryError, RESOURCES_MAX, Resources, Statistic, StatisticSet, UsageGroupBy,
};
pub use session::{
    Outcome, Record, RecordId, RecordNames, Session, SessionError, Span, Submission, USAGE_LINES_MAX, Usage,
    UsageLine, UsageLines, UsageType, Volume,
};
pub use statistics::{Amounts, GroupValue, StatisticsRow, StatisticsTable};
pub use table_rows::{NarrowRow, Stretch, TableRows};
pub use text::{DisplayName, InstanceType, JobName, LicenseProduct, TextError, UserId};
pub use time::{TimeError, TimeRange, Timestamp, UtcOffset};
