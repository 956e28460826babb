//! The one folder: catalogue, durable batches, identity, snapshots and recovery.
//!
//! A [`Store`] takes in priced records, decides by identity what each of them means, commits them as batches, and keeps
//! the live ones in memory as columns that the engine reads through snapshots. A [`Catalogue`] is the SQLite file in the
//! same folder: farms and names, rate cards, access keys, and aggregations with their answers. Nothing outside this crate
//! touches a file. The layout is in `docs/format.md`, the promises are in `docs/durability.md`.
//!
//! The one fact that hurts when discovered late: a write that the disk did not confirm is never tried again. The store
//! refuses every later write until it is opened anew, because a second sync may report as safe what the first one lost.
//!
//! All calls block; call them from a thread that may.

mod admission;
mod answer_layout;
mod answers;
mod audit;
mod background;
mod backup;
mod batches;
mod behind;
mod book;
mod catalogue;
mod compaction;
mod database;
mod deletion;
mod durable;
mod encoding;
mod error;
mod farm;
mod find;
mod fingerprint;
mod folder;
mod follow;
mod heartbeat;
mod hex;
mod identity;
mod limits;
mod location;
mod locking;
mod lookup;
mod maintenance;
mod migrate;
mod objects;
mod rebuild;
mod records;
mod refresh;
mod registry;
mod retention;
mod roster;
mod sealed;
mod sealing;
mod shared;
mod shared_format;
mod shares;
mod spans;
mod store;
mod straight;
mod verify;

pub use admission::{Amendment, BatchReceipt, PricedSubmission, REVISION_ADVICE, Refusal, RefusalReason};
pub use audit::{AuditEntry, AuditError, AuditLog, AuditSummary, AuditWriteError};
pub use backup::{backup, restore};
pub use behind::{SessionSearch, SessionsBehind};
pub use catalogue::{
    AggregationState, Association, AssociationDeletion, AssociationFilter, Begun, Budget, Catalogue,
    ClientCall, Created, Deletion, Farm, InterruptedAggregation, NamedResource, NewAggregation, NewFarm,
    NewResource, Passed, RateCardVersion, ResourceChange, ResourceId, SpreadBill, StoredAccessKey, Tagged,
    Tags, Webhook,
};
pub use durable::Durable;
pub use encoding::StoredShare;
pub use error::{OpenError, StoreError};
pub use find::SessionPosition;
pub use fingerprint::{Fingerprint, fingerprint};
pub use folder::{MasterKey, holder, published_endpoint};
pub use limits::{BATCH_RECORDS_MAX, STRAIGHT_RECORDS_MAX};
pub use location::StoreLocation;
pub use migrate::{Migrated, migrate};
pub use rebuild::{rebuild, seal};
pub use records::{Amended, CostOrigin, StoredRecord, as_submitted};
pub use roster::{Activity, JobSummary, SessionOwner, WorkerSummary};
pub use sealed::HeldFiles;
pub use shares::{FarmShares, SealedShare};
pub use store::Store;
pub use straight::is_worth_segments;
pub use verify::{FarmFigures, Finding, VerifyReport, verify};
