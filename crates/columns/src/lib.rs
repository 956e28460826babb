//! A farm's sessions as immutable blocks of integer columns.
//!
//! [`FarmColumns`] takes in records and publishes [`FarmSnapshot`]s; a snapshot never changes, is cheap to share, and is
//! all that the engine sees. Ids and names are replaced by dictionary codes, rows of one queue and fleet lie together in the
//! order of their ends, and blocks and runs know their earliest and latest instants, so that a question skips what it does
//! not need.
//!
//! Rows carry no session id: a row is found again by its contents, because two rows that are equal in every column are
//! interchangeable for every question.

mod block;
mod dictionary;
mod farm;
mod jobs;
mod row;
mod running;
mod view;
mod volumes;

pub use block::{LicenseColumns, Nanos, RowSet, Run, SessionBlock};
pub use dictionary::Values;
pub use farm::{FarmColumns, FarmSnapshot};
pub use jobs::Job;
pub use row::{LicenseLine, SessionRow};
pub use running::{AccruedTooMuch, RunningSession};
pub use view::BlockView;
pub use volumes::{VolumeRow, VolumeSpan};
