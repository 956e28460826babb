//! The documents of farmtally's own API: questions about usage and their answers, beside the API of AWS.
//!
//! A question comes as JSON or as a query string; both become one [`Query`], and [`Query::check`] makes the question of the
//! model out of it, so that the two forms cannot differ. The types of answers are read by clients as well as written.
//! Nothing here is of AWS: names are written `queue` and not `QUEUE_ID`, money is text, and errors say what to do.

mod amounts;
mod answer;
mod check;
mod lists;
mod problem;
mod query;
mod resources;
mod statistics;
mod url;

pub use amounts::{
    average_cost_nanos, average_runtime_micros, decimal, decimal_cost, decimal_cost_avg, decimal_runtime_avg,
};
pub use answer::{
    Answer, AnswerFrame, AnswerHead, AnswerRow, Bucket, DataSpan, Explain, FarmName, Group, Named, Window,
    write_elements,
};
pub use check::BOTH_ENDS_HINT;
pub use lists::{
    SESSIONS_IN_TABLE_MAX, SESSIONS_MAX, SESSIONS_PARAMETERS, SessionsQuery, VALUES_MAX, VALUES_PARAMETERS,
    ValuesQuery, parse_sessions_query, parse_values_query,
};
pub use problem::Problem;
pub use query::{Filter, GroupBy, NamedPattern, Query};
pub use resources::{
    FarmSummary, Farms, InWindow, SessionRow, SessionUsage, Sessions, Values, write_resource,
};
pub use statistics::{Amounts, RuntimeMs, Statistics};
pub use url::{QUERY_PARAMETERS, parameter, parse_query_string};
