//! What farmtally does, without saying how it is asked: take sessions in, start and read aggregations, list the farm.
//!
//! The service joins the store and the engine, which do not know each other. It knows no HTTP and no JSON, and it reads
//! no clock but the one it is given. Its methods block on the disk; callers in async code move them off their threads.

mod access;
mod aggregation;
mod amending;
mod budgets;
mod clock;
mod counts;
mod engines;
mod error;
mod explanation;
mod export;
mod farms;
mod ingest;
mod jobs;
mod key_ring;
mod keys;
mod limits;
mod month;
mod overview;
mod page_token;
mod records;
mod repricing;
mod resources;
mod result_cache;
mod retry_key;
mod sealing;
mod service;
mod sessions;
mod shown;
mod spreading;
mod threads;
mod underway;
mod usage;
mod verification;
mod watchdog;
mod workers;

pub use access::{Action, Caller, Role};
pub use aggregation::{AggregationPage, PageRequest, StartAggregation};
pub use amending::NumberedAmended;
pub use budgets::{
    BudgetStatus, UnmatchedJobName, UnmatchedUser, is_passed, open_webhook_secret, seal_webhook_secret,
    unmatched_user,
};
pub use clock::{Clock, ManualClock, SystemClock};
pub use counts::ServiceCounts;
pub use engines::Distributed;
pub use error::{InternalError, OpenError, ResourceName, ServiceError};
pub use explanation::{ExplainingCard, Explanation, FleetThen};
pub use export::{Cell, Column, ColumnKind, ExportError, ExportFormat, FocusOptions, FocusVersion, Table};
pub use ingest::{IngestReport, NumberedSubmission, RateCardRefused, RefusedSubmission, UnpricedUses};
pub use jobs::{Job, Search, SearchResult};
pub use keys::{AccessKeySecret, AccessKeySummary, Credential, KeyAdministration, KeyError};
pub use limits::ServiceLimits;
pub use month::{Month, MonthError};
pub use overview::{FarmOverview, UsageTotals};
pub use repricing::{MonthDifference, Repricing};
pub use retry_key::retry_key;
pub use service::Service;
pub use sessions::SessionAddress;
pub use spreading::{FleetBill, Share, Spread, SpreadError};
pub use usage::{
    FarmSpan, FoundSession, FoundSessions, FoundValues, InWindow, NamedValue, SessionsRequest, UsageAnswer,
    UsageError, UsageNames, ValuesRequest,
};
pub use verification::verify;
pub use workers::Worker;

// What the faces need of the folder without a server on it, so that they need not know the store.
pub use farmtally_store::{
    Amended, Association, AssociationFilter, AuditEntry, AuditError, AuditSummary, AuditWriteError, Budget,
    Catalogue, ClientCall, CostOrigin, Farm, FarmFigures, Fingerprint, Migrated, NamedResource, NewFarm,
    NewResource, OpenError as FolderError, Passed, REVISION_ADVICE, RateCardVersion, ResourceChange,
    ResourceId, STRAIGHT_RECORDS_MAX, SessionPosition, SpreadBill, StoreError, StoreLocation, StoredRecord,
    StoredShare, Tagged, Tags, VerifyReport, Webhook, backup, holder, migrate, published_endpoint, rebuild,
    restore, seal,
};
