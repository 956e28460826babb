//! The answer to a question about usage.

use std::io;

use serde::{Deserialize, Serialize, Serializer};
use utoipa::ToSchema;

use super::statistics::{Amounts, RuntimeMs, Statistics};

/// An answer: everything but the rows, and the rows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Answer {
    /// Everything but the rows.
    #[serde(flatten)]
    pub head: AnswerHead,
    /// What each group used in each bucket, by bucket and then by group. What has no usage has no row.
    pub rows: Vec<AnswerRow>,
    /// The same for the window that is compared with. Their buckets are those of `previousBuckets`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous_rows: Option<Vec<AnswerRow>>,
}

/// Everything of an answer but its rows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AnswerHead {
    /// The farm.
    pub farm: FarmName,
    /// The window that was asked about.
    pub window: Window,
    /// What it is cut into: `none` or a unit of the calendar.
    pub period: String,
    /// The names of what makes a group, in the order of the groups' values.
    pub group_by: Vec<String>,
    /// The names of the statistics.
    pub statistics: Vec<String>,
    /// Every bucket of the window, ascending, the empty ones too; one where the window is not cut.
    pub buckets: Vec<Bucket>,
    /// The groups, greatest first.
    pub groups: Vec<Group>,
    /// Everything that was counted, each session once.
    pub total: Amounts,
    /// The window that is compared with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous_window: Option<Window>,
    /// The buckets of that window.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous_buckets: Option<Vec<Bucket>>,
    /// Everything that was counted in that window.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<Amounts>,
    /// What the farm has, whatever was asked.
    pub data: DataSpan,
    /// How the answer came about.
    pub explain: Explain,
}

/// A farm.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct FarmName {
    /// Its id.
    pub farm_id: String,
    /// What people call it.
    pub display_name: String,
    /// What its costs are multiplied by.
    pub cost_scale_factor: String,
}

/// A window of time, on the clock of its zone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Window {
    /// The first instant inside.
    pub from: String,
    /// The first instant after.
    pub to: String,
    /// The time zone.
    pub time_zone: String,
}

/// A bucket, on the clock of the window's zone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Bucket {
    /// The first instant inside.
    pub from: String,
    /// The first instant after.
    pub to: String,
}

/// A group and what it used in the whole window.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Group {
    /// A value for each member of `groupBy`, null for no value. Left out for the groups that `top` leaves out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub values: Option<Vec<Option<Named>>>,
    /// How many groups this one stands for, if it stands for those that `top` leaves out; zero where there are such groups
    /// only in the window that is compared with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub other: Option<u64>,
    /// What it used in the window.
    pub total: Amounts,
    /// What it used in the window that is compared with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<Amounts>,
}

/// Something with an id and a name; the same text twice where there is but one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Named {
    /// The id.
    pub id: String,
    /// What people call it.
    pub name: String,
}

/// What a group used in a bucket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AnswerRow {
    /// Which bucket, from zero.
    pub bucket: u32,
    /// Which group, from zero.
    pub group: u32,
    /// Sessions with a part in the bucket. A session that spans two buckets counts in both.
    pub sessions: u64,
    /// Costs, as those of a group.
    #[schema(value_type = std::collections::HashMap<String, String>)]
    pub cost: Statistics<String>,
    /// Runtimes, as those of a group.
    #[schema(value_type = std::collections::HashMap<String, RuntimeMs>)]
    pub runtime_ms: Statistics<RuntimeMs>,
}

/// What a farm has.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DataSpan {
    /// When its first usage began, in UTC; null without any.
    pub first_usage: Option<String>,
    /// When its last usage ended or, if it still goes on, the instant of the question.
    pub last_usage: Option<String>,
    /// Sessions and volumes.
    pub records: u64,
}

/// How an answer came about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Explain {
    /// Sessions and volumes that were looked at.
    pub rows_scanned: u64,
    /// Blocks of sessions that were read.
    pub blocks_read: u64,
    /// Blocks that did not have to be read.
    pub blocks_skipped: u64,
    /// How long it took, without the writing of the answer.
    pub elapsed_micros: u64,
    /// The instant of the question, in UTC: whatever still ran then counts up to it.
    pub as_of: String,
}

/// Writes an answer as JSON whose rows are made as they are written, so that they are never in memory at once.
pub fn write_answer<I, P>(
    out: impl io::Write,
    head: &AnswerHead,
    rows: impl Fn() -> I,
    previous_rows: Option<impl Fn() -> P>,
) -> io::Result<()>
where
    I: Iterator<Item = AnswerRow>,
    P: Iterator<Item = AnswerRow>,
{
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Written<'a, R: Serialize, P: Serialize> {
        #[serde(flatten)]
        head: &'a AnswerHead,
        rows: R,
        #[serde(skip_serializing_if = "Option::is_none")]
        previous_rows: Option<P>,
    }
    let written = Written { head, rows: Lazy(rows), previous_rows: previous_rows.map(Lazy) };
    Ok(serde_json::to_writer(out, &written)?)
}

struct Lazy<F>(F);

impl<F: Fn() -> I, I: Iterator<Item = AnswerRow>> Serialize for Lazy<F> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq((self.0)())
    }
}
