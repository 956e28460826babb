//! Sources that are no files: the databases and folders of other farms, read as entries of an import.
//!
//! What a row means is decided in `farmtally-ingest`, which does no such reading; here it is only fetched. Nothing is ever
//! written to a source.

mod flamenco;
mod opencue;
mod postgres;

pub use farmtally_postgres::{PostgresAddress, PostgresEnvironment, PostgresError};
pub use flamenco::{FlamencoError, flamenco_names, flamenco_task_logs};
pub use opencue::{OpenCue, OpenCueEnd, OpenCueError, OpenCuePart, OpenCueProgress};
