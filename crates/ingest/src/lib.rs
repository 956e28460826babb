//! Source formats to checked sessions, and the rate card that prices them.
//!
//! [`open`] turns a file or stream into [`Entry`] values, one for each record of the source: a submission, a refusal
//! that names line, field, value and bound, or a row that was left out on purpose. [`RateCard`] prices the usage
//! lines that came without a cost. Nothing here touches the store, the network or the clock.
//!
//! The one fact that hurts when discovered late: an entry is a whole session or nothing. In the flat formats a bad
//! usage line refuses all lines of its session, because a session with a missing line would be a wrong bill.

mod amended_lines;
mod cell;
mod column;
mod csv_rows;
mod csv_text;
mod entry;
mod flamenco;
mod flat_rows;
mod foreign_id;
mod format;
mod growth;
mod input;
mod json_members;
mod json_objects;
mod json_sessions;
mod jsonl;
mod known;
mod limits;
mod lines;
mod mapping;
mod opencue;
mod parquet_batch;
mod parquet_cell;
mod parquet_rows;
mod parquet_sessions;
mod parquet_table;
mod rates;
mod record;
mod slurm;
mod suggestion;
mod swf;

pub use amended_lines::{AmendedLine, AmendedShare, parse_amended};
pub use entry::{Entry, ReadError, Reject, SkipReason};
pub use flamenco::{FlamencoJob, FlamencoNames, SharedFlamencoNames, flamenco_task_log};
pub use foreign_id::{ForeignSource, farm_id_for_name, fleet_id_for_name, queue_id_for_name};
pub use format::{Entries, Format, Input, Options, UnknownFormat, open};
pub use growth::Growth;
pub use jsonl::parse_jsonl;
pub use limits::{LINE_BYTES_MAX, RATES_MAX};
pub use mapping::{Mapping, MappingError, draft_mapping};
pub use opencue::{OpenCueAllocation, OpenCueFrame, OpenCueJob, OpenCueLicenses};
pub use rates::{Charge, LineExplanation, PricedRecord, RateCard, RateCardError, RatePart, rate_card_id};
pub use suggestion::nearest_name;

#[cfg(test)]
mod samples_tests;
