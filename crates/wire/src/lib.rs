//! The AWS Deadline Cloud API as it looks on the wire: restJson1 shapes, errors and timestamps.
//!
//! Requests become types of the model that cannot be wrong, and answers become bytes. This is the only place that knows
//! the API's JSON; it knows no HTTP library, no store and no clock. A handler routes with [`Operation::route`], reads
//! with a `parse_…` function, and answers with a `write_…` function or a [`WireError`].
//!
//! The painful fact: the service's own clients check hardly anything before they send. Unknown enum texts, eleven
//! queue ids, a `maxResults` of 1000 and an empty farm id all arrive here, so every rule of the service model is
//! checked here, and all that is wrong with a request is said in one answer.

mod associations;
mod batch;
mod body;
mod error;
mod excerpt;
mod farms;
mod fields;
mod fleets;
mod get;
mod jobs;
mod json;
pub mod native;
mod operation;
mod page_size;
mod paging;
mod query_string;
mod queues;
mod request;
mod resource;
mod search;
mod sessions;
mod shapes;
mod start;
mod statistics_page;
mod tags;
mod timestamp;
mod validation;
mod workers;

pub use associations::{
    Association, AssociationKey, ListAssociationsRequest, parse_association, parse_is_active,
    parse_list_associations, write_association, write_associations_page,
};
pub use batch::Found;
pub use error::{ConflictReason, WireError};
pub use farms::{
    Farm, farm_id, parse_create_farm, parse_list_farms, parse_update_farm, write_created_farm, write_farm,
    write_farms_page, write_nothing,
};
pub use fleets::{
    Fleet, ListFleetsRequest, parse_fleet, parse_list_fleets, write_created_fleet, write_fleet,
    write_fleets_page,
};
pub use get::{GetRequest, parse_get};
pub use jobs::{
    Job, JobKey, parse_batch_get_job, parse_job, parse_list_jobs, write_batch_of_jobs, write_found_jobs,
    write_job, write_jobs_page,
};
pub use operation::{Access, Labels, Operation, Route};
pub use page_size::{PageSize, PageSizeOutOfRange};
pub use paging::{ListPosition, NEXT_TOKEN_LENGTH_MAX};
pub use queues::{
    ListQueuesRequest, Queue, parse_create, parse_list_queues, parse_patch, parse_queue, write_created_queue,
    write_queue, write_queues_page,
};
pub use request::{CheckedRequest, Received};
pub use resource::{NewResource, Resource, ResourcePatch, Settings};
pub use search::{SEARCH_RESULTS_MAX, SearchRequest, parse_search};
pub use sessions::{
    NO_WORKER, Session, SessionKey, SessionPlace, parse_batch_get_session, parse_list_sessions,
    parse_list_sessions_for_worker, parse_session, write_batch_of_sessions, write_session,
    write_sessions_page, write_worker_sessions_page,
};
pub use start::{StartRequest, parse_start, write_start};
pub use statistics_page::{StatisticsPage, StatisticsRows, write_statistics_page};
pub use tags::{TAGS_MAX, TaggedResource, parse_tag_keys, parse_tagged, tags, write_tags};
pub use validation::{FieldProblem, ValidationError};
pub use workers::{
    Worker, WorkerKey, parse_batch_get_worker, parse_list_workers, parse_worker, write_batch_of_workers,
    write_found_workers, write_worker, write_workers_page,
};
