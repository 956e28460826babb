//! The answer to a question about usage.

use std::io;

use serde::{Deserialize, Serialize};
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

/// The text of an answer around its three lists, which are written element by element: whoever writes a million rows need
/// not have them as text at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnswerFrame {
    /// What comes before the groups.
    pub before_groups: String,
    /// What comes between the groups and the rows.
    pub before_rows: String,
}

impl AnswerFrame {
    /// What comes between the rows and those of the window that is compared with.
    pub const BEFORE_PREVIOUS_ROWS: &'static str = "],\"previousRows\":[";
    /// What comes after the last list.
    pub const END: &'static str = "]}";

    /// The text around the lists of an answer. The groups of `head` are not looked at.
    pub fn of(head: AnswerHead) -> io::Result<Self> {
        /// Cannot be inside of a text, where quotes have a backslash before them.
        const GROUPS: &str = "\"groups\":[";
        let text = serde_json::to_string(&AnswerHead { groups: Vec::new(), ..head })?;
        let (before, behind) =
            text.split_once(GROUPS).ok_or_else(|| io::Error::other("the text of an answer has no groups"))?;
        let behind = behind.strip_suffix('}').unwrap_or(behind);
        Ok(Self { before_groups: format!("{before}{GROUPS}"), before_rows: format!("{behind},\"rows\":[") })
    }
}

/// Writes some elements of a list, of which `written` are written already.
pub fn write_elements<T: Serialize>(
    mut out: impl io::Write,
    written: usize,
    elements: impl Iterator<Item = T>,
) -> io::Result<()> {
    for (index, element) in elements.enumerate() {
        if written + index > 0 {
            out.write_all(b",")?;
        }
        serde_json::to_writer(&mut out, &element)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_in_parts_is_the_answer() {
        let amounts = r#"{"sessions":1,"cost":{"sum":"1"},"runtimeMs":{"sum":1}}"#;
        let group = format!(r#"{{"values":[],"total":{amounts}}}"#);
        let row = r#"{"bucket":0,"group":0,"sessions":1,"cost":{"sum":"1"},"runtimeMs":{"sum":1}}"#;
        let text = format!(
            r#"{{"farm":{{"farmId":"f","displayName":"a\"groups\":[]b","costScaleFactor":"1"}},
            "window":{{"from":"a","to":"b","timeZone":"UTC"}},"period":"none","groupBy":[],"statistics":["sum"],"buckets":[],
            "groups":[{group},{group},{group}],"total":{amounts},
            "data":{{"firstUsage":null,"lastUsage":null,"records":0}},
            "explain":{{"rowsScanned":1,"blocksRead":1,"blocksSkipped":0,"elapsedMicros":1,"asOf":"c"}},
            "rows":[{row},{row}],"previousRows":[{row}]}}"#
        );
        let answer: Answer = serde_json::from_str(&text).unwrap();
        let frame = AnswerFrame::of(answer.head.clone()).unwrap();
        let mut out = frame.before_groups.into_bytes();
        write_elements(&mut out, 0, answer.head.groups[..2].iter()).unwrap();
        write_elements(&mut out, 2, answer.head.groups[2..].iter()).unwrap();
        out.extend(frame.before_rows.bytes());
        write_elements(&mut out, 0, answer.rows.iter()).unwrap();
        out.extend(AnswerFrame::BEFORE_PREVIOUS_ROWS.bytes());
        write_elements(&mut out, 0, answer.previous_rows.iter().flatten()).unwrap();
        out.extend(AnswerFrame::END.bytes());
        assert_eq!(String::from_utf8(out).unwrap(), serde_json::to_string(&answer).unwrap());
    }
}
