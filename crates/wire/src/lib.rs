//! The AWS Deadline Cloud API as it looks on the wire: restJson1 shapes, errors and timestamps.
//!
//! Requests become types of the model that cannot be wrong, and answers become bytes. This is the only place that knows
//! the API's JSON; it knows no HTTP library, no store and no clock. A handler routes with [`Operation::route`], reads
//! with a `parse_…` function, and answers with a `write_…` function or a [`WireError`].
//!
//! The painful fact: the service's own clients check hardly anything before they send. Unknown enum texts, eleven
//! queue ids, a `maxResults` of 1000 and an empty farm id all arrive here, so every rule of the service model is
//! checked here, and all that is wrong with a request is said in one answer.

mod body;
mod error;
mod excerpt;
mod farms;
mod fields;
mod fleets;
mod get;
mod json;
mod operation;
mod page_size;
mod paging;
mod principal;
mod query_string;
mod queues;
mod start;
mod statistics_page;
mod timestamp;
mod validation;

pub use error::WireError;
pub use farms::{Farm, ListFarmsRequest, parse_get_farm, parse_list_farms, write_farm, write_farms_page};
pub use fleets::{Fleet, FleetStatus, ListFleetsRequest, parse_list_fleets, write_fleets_page};
pub use get::{GetRequest, parse_get};
pub use operation::{Operation, Route};
pub use page_size::{PageSize, PageSizeOutOfRange};
pub use paging::{ListPosition, NEXT_TOKEN_LENGTH_MAX};
pub use queues::{ListQueuesRequest, Queue, QueueStatus, parse_list_queues, write_queues_page};
pub use start::{StartRequest, parse_start, write_start};
pub use statistics_page::{StatisticsPage, StatisticsRows, write_statistics_page};
pub use validation::{FieldProblem, ValidationError};
