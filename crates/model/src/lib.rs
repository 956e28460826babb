//! What farmtally counts, as types that cannot be wrong.
//!
//! Sessions, volumes, money, time, queries and statistics: values are checked once, where they are made, and trusted
//! from there on. This crate has no I/O, no clock, no JSON and no async; every other crate may know it and it knows none.
//!
//! The one fact that hurts when discovered late: nothing in here is a float. Time is whole milliseconds, money is whole
//! nano-dollars, and a double appears only in [`exact`], once, at the very end of an answer.

pub mod aggregation;
mod calendar;
mod dimension;
pub mod exact;
mod group_values;
mod ids;
mod money;
mod name_pattern;
mod packed_row;
mod period;
mod query;
pub mod question;
pub mod search;
mod session;
mod statistics;
mod table_rows;
mod text;
mod time;
mod usage_query;
mod usage_table;
mod word_pairs;
mod zone;

pub use calendar::{BUCKETS_MAX, Calendar, CalendarError, CalendarUnit};
pub use dimension::{Dimension, DimensionValue};
pub use group_values::{GroupValues, ValueSource};
pub use ids::{AggregationId, FarmId, FleetId, IdError, JobId, QueueId, SessionId, VolumeId, WorkerId};
pub use money::{CostScaleFactor, HourlyRate, LineCost, MoneyError, NanoUsd, accrued};
pub use name_pattern::{LABEL_LENGTH_MAX, NameGlob, NamePattern, PATTERN_BYTES_MAX, PatternError};
pub use packed_row::{LIST_ROWS_MAX, RowBeside, RowExtremes, RowHead, RowList, RowRoom, SmallRow};
pub use period::{Buckets, Period};
pub use query::{
    AggregationQuery, GroupBy, QueryError, RESOURCES_MAX, Resources, Statistic, StatisticSet, UsageGroupBy,
};
pub use session::{
    Outcome, Record, RecordId, RecordNames, Session, SessionError, Span, Submission, USAGE_LINES_MAX, Usage,
    UsageLine, UsageLines, UsageType, Volume,
};
pub use statistics::{Amounts, GroupValue, StatisticsRow, StatisticsTable};
pub use table_rows::{NarrowRow, Stretch, TableParts, TableRows, ValuesByCode};
pub use text::{DisplayName, InstanceType, JobName, LicenseProduct, TextError, UserId};
pub use time::{TimeError, TimeRange, Timestamp, UtcOffset};
pub use usage_query::{
    DimensionFilter, FILTERS_MAX, FilterTerm, GROUPINGS_MAX, Grouping, PERCENTILES_MAX, Percentile, RankBy,
    TERMS_MAX, Top, UsageQuery, UsageQueryError,
};
pub use usage_table::{
    ComparedUsage, GroupMembers, ScanFigures, UsageAmounts, UsageGroup, UsageRow, UsageTable,
};
pub use zone::{Zone, ZoneError};
