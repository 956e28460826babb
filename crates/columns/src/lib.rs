//! A farm's sessions as immutable blocks of integer columns.
//!
//! [`FarmColumns`] takes in records and publishes [`FarmSnapshot`]s; a snapshot never changes, is cheap to share, and is
//! all that the engine sees. Ids and names are replaced by dictionary codes, rows of one queue and fleet lie together in the
//! order of their ends, and blocks know their earliest and latest instants and sums of their sessions, so that a question
//! skips what it does not need. A block is one run of bytes, the same in memory as in a mapped file.
//!
//! Rows carry no session id: a row is found again by its contents, because two rows that are equal in every column are
//! interchangeable for every question.

mod assemble;
mod block;
mod block_pieces;
mod cubes;
mod dictionary;
mod farm;
mod groups;
mod image;
mod jobs;
pub mod narrow_sum;
mod odd;
mod ranks;
mod remembered;
mod restore;
mod rollups;
mod row;
mod running;
mod stack;
mod summary;
mod view;
mod volumes;

pub use block::{BLOCK_ROWS_MAX, BlockCodes, RowSet, Run, SessionBlock};
pub use block_pieces::{BlockPiece, BlockPieces, PiecesOf, PiecesOfBucket};
pub use cubes::{Axis, Class, Cube, CubeKind, TotalsBy};
pub use dictionary::Values;
pub use farm::{FarmColumns, FarmSnapshot};
pub use groups::{BlockGroup, GROUP_LEN, GroupMember};
pub use image::ImageError;
pub use jobs::{Job, JobEntry};
pub use ranks::Ranks;
pub use remembered::{Asker, Recalled};
pub use restore::{
    BlocksOfSessions, DICTIONARIES, FarmDictionaries, JobSessions, RestoreError, RestoredBlock, SealedPart,
};
pub use rollups::{Detail, RolledRun, RolledSum, Rollup, RollupOf};
pub use row::{LicenseLine, Nanos, OUTCOME_CODES, SessionRow, outcome_code, outcome_of};
pub use running::{AccruedTooMuch, RunningSession};
pub use summary::Summary;
pub use view::BlockView;
pub use volumes::{VolumeRow, VolumeSpan};
