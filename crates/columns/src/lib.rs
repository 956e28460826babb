//! A farm's sessions as immutable blocks of integer columns.
//!
//! [`FarmColumns`] takes in records and publishes [`FarmSnapshot`]s; a snapshot never changes, is cheap to share, and is
//! all that the engine sees. Ids and names are replaced by dictionary codes, rows are sorted by start, and each block
//! knows the earliest and latest instants inside it, so that a question skips what it does not need.
//!
//! Rows carry no session id: a row is found again by its contents, because two rows that are equal in every column are
//! interchangeable for every question.

mod block;
mod dictionary;
mod farm;
mod running;
mod volumes;

pub use block::{BlockView, LicenseLine, SessionBlock};
pub use dictionary::{Job, Values};
pub use farm::{FarmColumns, FarmSnapshot};
pub use running::{AccruedTooMuch, RunningSession};
pub use volumes::{VolumeRow, VolumeSpan};
