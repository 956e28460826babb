//! What an operator watches, in the text format of Prometheus.
//!
//! Every label has a bounded number of values: routes and outcomes come from the program, and farms are at most as many
//! as the overview shows. Keys, users, queues and paths are never labels.

mod access;
mod counters;
mod exposition;
mod histogram;
mod usage;

pub(crate) use access::MetricsAccess;
pub(crate) use counters::{Metrics, OpenConnection};
pub(crate) use exposition::render;
pub(crate) use usage::UsageGauges;
