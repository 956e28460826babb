//! GetSessionsStatisticsAggregation's answer: one page of rows, or the state of an aggregation that has none.
//!
//! Clients are particular here. `nextToken` is left out when there is none, because an empty one makes some of them ask
//! for ever; `statistics` is always there, because others fail when it is not; a value that a row does not have is left
//! out, never `null`; and rows are written straight from the table, because polling scripts read thousands of pages.

use std::ops::Range;

use farmtally_model::aggregation::Status;
use farmtally_model::{
    CostScaleFactor, GroupValue, Statistic, StatisticSet, StatisticsRow, StatisticsTable, TimeRange,
};
use serde::ser::{SerializeMap, SerializeSeq};
use serde::{Serialize, Serializer};

use crate::json::{self, Text};
use crate::timestamp::WireTimestamp;

/// What a page shows.
#[derive(Debug, Clone)]
pub struct StatisticsPage<'a> {
    /// How far the aggregation has come.
    pub status: Status,
    /// Why it failed and what to do, when it failed.
    pub status_message: Option<&'a str>,
    /// The page's rows, once there is an answer.
    pub rows: Option<StatisticsRows<'a>>,
    /// The token of the next page, if there is one.
    pub next_token: Option<&'a str>,
}

/// Rows and what is needed to show them.
#[derive(Debug, Clone)]
pub struct StatisticsRows<'a> {
    /// The answer that the rows belong to.
    pub table: &'a StatisticsTable,
    /// Which of the table's rows. No row counts more than 2,147,483,647, the most that the wire's integer holds.
    pub rows: Range<usize>,
    /// The statistics that were asked for.
    pub statistics: StatisticSet,
    /// What every cost is multiplied by.
    pub cost_scale_factor: CostScaleFactor,
}

/// A page without rows, with a token.
const PAGE_BYTES_USUAL: usize = 256;
/// A row with two groupBy fields and all statistics.
const ROW_BYTES_USUAL: usize = 384;

/// The body of a page.
pub fn write_statistics_page(page: &StatisticsPage<'_>) -> Vec<u8> {
    let rows = page.rows.as_ref().map_or(0, |rows| rows.rows.len());
    json::to_bytes_of(&PageShape(page), PAGE_BYTES_USUAL + rows * ROW_BYTES_USUAL)
}

struct PageShape<'a>(&'a StatisticsPage<'a>);

impl Serialize for PageShape<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let page = self.0;
        let mut members = serializer.serialize_map(None)?;
        members.serialize_entry("statistics", &RowsShape(page.rows.as_ref()))?;
        members.serialize_entry("status", page.status.as_str())?;
        if let Some(message) = page.status_message {
            members.serialize_entry("statusMessage", message)?;
        }
        if let Some(token) = page.next_token {
            members.serialize_entry("nextToken", token)?;
        }
        members.end()
    }
}

struct RowsShape<'a>(Option<&'a StatisticsRows<'a>>);

impl Serialize for RowsShape<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut elements = serializer.serialize_seq(None)?;
        if let Some(rows) = self.0 {
            // Rows of one bucket come one after the other, and their times are written once.
            let mut last: Option<(TimeRange, BucketText)> = None;
            for row in rows.table.rows.range(rows.rows.clone()) {
                let known = last.take().filter(|(bucket, _)| *bucket == row.bucket);
                let (_, bucket) =
                    last.insert(known.unwrap_or_else(|| (row.bucket, BucketText::new(row.bucket))));
                elements.serialize_element(&RowShape { rows, row, bucket })?;
            }
        }
        elements.end()
    }
}

/// The ends of a bucket as they are written.
struct BucketText {
    start: String,
    end: String,
}

impl BucketText {
    fn new(bucket: TimeRange) -> Self {
        let text = |instant| WireTimestamp(instant).to_string();
        Self { start: text(bucket.start()), end: text(bucket.end()) }
    }
}

struct RowShape<'a> {
    rows: &'a StatisticsRows<'a>,
    row: StatisticsRow,
    bucket: &'a BucketText,
}

impl Serialize for RowShape<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { rows, row, bucket } = self;
        debug_assert!(i32::try_from(row.count).is_ok(), "a row counts {}, too many for the wire", row.count);
        let mut members = serializer.serialize_map(None)?;
        for value in rows.table.values_of(row) {
            write_group_value(&mut members, &value)?;
        }
        let cost = |statistic| row.cost_usd(statistic, rows.cost_scale_factor);
        let runtime = |statistic| row.runtime_seconds(statistic);
        members.serialize_entry("count", &row.count)?;
        members.serialize_entry("costInUsd", &StatsShape { statistics: rows.statistics, value: cost })?;
        members.serialize_entry(
            "runtimeInSeconds",
            &StatsShape { statistics: rows.statistics, value: runtime },
        )?;
        members.serialize_entry("aggregationStartTime", &bucket.start)?;
        members.serialize_entry("aggregationEndTime", &bucket.end)?;
        members.end()
    }
}

/// The members that a groupBy field gives a row: none for an absent value, two for a job.
fn write_group_value<M: SerializeMap>(members: &mut M, value: &GroupValue) -> Result<(), M::Error> {
    match value {
        GroupValue::Queue(id) => members.serialize_entry("queueId", &Text(id)),
        GroupValue::Fleet(id) => members.serialize_entry("fleetId", &Text(id)),
        GroupValue::Job(id, name) => {
            members.serialize_entry("jobId", &Text(id))?;
            members.serialize_entry("jobName", name.as_str())
        }
        GroupValue::User(id) => members.serialize_entry("userId", id.as_str()),
        GroupValue::UsageType(text) => members.serialize_entry("usageType", text),
        GroupValue::InstanceType(Some(name)) => members.serialize_entry("instanceType", name.as_str()),
        GroupValue::LicenseProduct(name) => members.serialize_entry("licenseProduct", name.as_str()),
        GroupValue::InstanceType(None) | GroupValue::Absent => Ok(()),
    }
}

/// The statistics that were asked for, each with its value.
struct StatsShape<F> {
    statistics: StatisticSet,
    value: F,
}

impl<F: Fn(Statistic) -> f64> Serialize for StatsShape<F> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut members = serializer.serialize_map(None)?;
        for statistic in self.statistics.iter() {
            members.serialize_entry(member_name(statistic), &(self.value)(statistic))?;
        }
        members.end()
    }
}

const fn member_name(statistic: Statistic) -> &'static str {
    match statistic {
        Statistic::Sum => "sum",
        Statistic::Min => "min",
        Statistic::Max => "max",
        Statistic::Avg => "avg",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use farmtally_model::{
        Amounts, FleetId, GroupBy, GroupValues, InstanceType, JobId, JobName, LicenseProduct, QueueId,
        Timestamp, UsageGroupBy, UsageType, UserId,
    };
    use proptest::prelude::*;
    use serde_json::{Value, json};

    fn row(values: [u32; 2]) -> StatisticsRow {
        let time = |text| Timestamp::parse(text).unwrap();
        StatisticsRow {
            bucket: TimeRange::new(time("2025-11-24T22:00:00Z"), time("2025-11-24T23:00:00Z")).unwrap(),
            values,
            count: 2,
            cost: Amounts { sum: 3_000_000_000, min: 500_000_000, max: 2_500_000_000 },
            runtime: Amounts { sum: 53_773, min: 0, max: 53_773 },
        }
    }

    fn table(group_by: &[UsageGroupBy], values: [Vec<GroupValue>; 2]) -> StatisticsTable {
        StatisticsTable {
            group_by: GroupBy::new(group_by).unwrap(),
            values: values.map(GroupValues::from),
            rows: [row([0, 0])].into_iter().collect(),
        }
    }

    fn by_user() -> StatisticsTable {
        table(&[UsageGroupBy::UserId], [vec![GroupValue::User(UserId::new("alice").unwrap())], vec![]])
    }

    fn rows(table: &StatisticsTable, statistics: impl IntoIterator<Item = Statistic>) -> StatisticsRows<'_> {
        StatisticsRows {
            table,
            rows: 0..table.rows.len(),
            statistics: StatisticSet::new(statistics).unwrap(),
            cost_scale_factor: CostScaleFactor::ONE,
        }
    }

    fn text(rows: Option<StatisticsRows<'_>>, status: Status) -> String {
        let page = StatisticsPage { status, status_message: None, rows, next_token: None };
        String::from_utf8(write_statistics_page(&page)).unwrap()
    }

    /// The only row of a page, as JSON.
    fn shown(rows: StatisticsRows<'_>) -> Value {
        let page: Value = serde_json::from_str(&text(Some(rows), Status::Completed)).unwrap();
        page["statistics"][0].clone()
    }

    /// The members that a groupBy value brings.
    fn group_members(field: UsageGroupBy, value: GroupValue) -> Value {
        let table = table(&[field], [vec![value], vec![]]);
        let mut row = shown(rows(&table, [Statistic::Sum]));
        for name in ["count", "costInUsd", "runtimeInSeconds", "aggregationStartTime", "aggregationEndTime"] {
            assert!(row.as_object_mut().unwrap().remove(name).is_some(), "{name} is not there");
        }
        row
    }

    #[test]
    fn a_page_is_written_byte_for_byte_like_this() {
        assert_eq!(
            text(Some(rows(&by_user(), [Statistic::Sum])), Status::Completed),
            concat!(
                r#"{"statistics":[{"userId":"alice","count":2,"costInUsd":{"sum":3.0},"#,
                r#""runtimeInSeconds":{"sum":53.773},"aggregationStartTime":"2025-11-24T22:00:00Z","#,
                r#""aggregationEndTime":"2025-11-24T23:00:00Z"}],"status":"COMPLETED"}"#
            )
        );
    }

    #[test]
    fn only_the_requested_statistics_are_shown() {
        let table = by_user();
        for statistic in Statistic::ALL {
            let row = shown(rows(&table, [statistic]));
            for member in ["costInUsd", "runtimeInSeconds"] {
                let names: Vec<_> = row[member].as_object().unwrap().keys().collect();
                assert_eq!(names, [member_name(statistic)]);
            }
        }
        let row = shown(rows(&table, Statistic::ALL));
        assert_eq!(row["costInUsd"], json!({ "sum": 3.0, "min": 0.5, "max": 2.5, "avg": 1.5 }));
        assert_eq!(
            row["runtimeInSeconds"],
            json!({ "sum": 53.773, "min": 0.0, "max": 53.773, "avg": 26.8865 })
        );
    }

    #[test]
    fn the_scale_factor_multiplies_costs_and_nothing_else() {
        let table = by_user();
        let cost_scale_factor = CostScaleFactor::parse("0.5").unwrap();
        let row = shown(StatisticsRows { cost_scale_factor, ..rows(&table, [Statistic::Sum]) });
        assert_eq!(
            (&row["costInUsd"]["sum"], &row["runtimeInSeconds"]["sum"]),
            (&json!(1.5), &json!(53.773))
        );
    }

    #[test]
    fn a_row_has_the_members_of_its_group_by_fields_only() {
        let hex = "ab".repeat(16);
        let bytes = [0xab; 16];
        for (field, value, expected) in [
            (
                UsageGroupBy::QueueId,
                GroupValue::Queue(QueueId::from_bytes(bytes)),
                json!({ "queueId": format!("queue-{hex}") }),
            ),
            (
                UsageGroupBy::FleetId,
                GroupValue::Fleet(FleetId::from_bytes(bytes)),
                json!({ "fleetId": format!("fleet-{hex}") }),
            ),
            (
                UsageGroupBy::JobId,
                GroupValue::Job(JobId::from_bytes(bytes), JobName::new("sh010 \"comp\"\n☃").unwrap()),
                json!({ "jobId": format!("job-{hex}"), "jobName": "sh010 \"comp\"\n☃" }),
            ),
            (
                UsageGroupBy::UserId,
                GroupValue::User(UserId::new("alice").unwrap()),
                json!({ "userId": "alice" }),
            ),
            (
                UsageGroupBy::UsageType,
                GroupValue::usage_type(UsageType::PersistentVolume),
                json!({ "usageType": "PERSISTENT_VOLUME" }),
            ),
            (
                UsageGroupBy::InstanceType,
                GroupValue::InstanceType(Some(InstanceType::new("c6i.8xlarge").unwrap())),
                json!({ "instanceType": "c6i.8xlarge" }),
            ),
            (
                UsageGroupBy::LicenseProduct,
                GroupValue::LicenseProduct(LicenseProduct::new("arnold").unwrap()),
                json!({ "licenseProduct": "arnold" }),
            ),
        ] {
            assert_eq!(group_members(field, value), expected);
        }
    }

    #[test]
    fn two_group_by_fields_are_both_shown() {
        let users = vec![GroupValue::User(UserId::new("alice").unwrap())];
        let queues = vec![
            GroupValue::Queue(QueueId::from_bytes([1; 16])),
            GroupValue::Queue(QueueId::from_bytes([2; 16])),
        ];
        let mut table = table(&[UsageGroupBy::UserId, UsageGroupBy::QueueId], [users, queues]);
        table.rows = [row([0, 1])].into_iter().collect();
        let row = shown(rows(&table, [Statistic::Sum]));
        assert_eq!(
            (&row["userId"], &row["queueId"]),
            (&json!("alice"), &json!(format!("queue-{}", "02".repeat(16))))
        );
    }

    #[test]
    fn an_absent_value_leaves_its_member_out_and_keeps_the_row() {
        assert_eq!(group_members(UsageGroupBy::InstanceType, GroupValue::InstanceType(None)), json!({}));
        assert_eq!(group_members(UsageGroupBy::QueueId, GroupValue::Absent), json!({}));
    }

    #[test]
    fn without_an_answer_statistics_is_an_empty_list() {
        assert_eq!(text(None, Status::InProgress), r#"{"statistics":[],"status":"IN_PROGRESS"}"#);
    }

    #[test]
    fn message_and_token_are_there_only_when_there_is_one() {
        let failed = StatisticsPage {
            status: Status::Failed,
            status_message: Some("too many rows"),
            rows: None,
            next_token: None,
        };
        assert_eq!(
            write_statistics_page(&failed),
            br#"{"statistics":[],"status":"FAILED","statusMessage":"too many rows"}"#
        );
        let table = by_user();
        let paged = StatisticsPage {
            status: Status::Completed,
            status_message: None,
            rows: Some(StatisticsRows { rows: 0..0, ..rows(&table, [Statistic::Sum]) }),
            next_token: Some("token"),
        };
        assert_eq!(
            write_statistics_page(&paged),
            br#"{"statistics":[],"status":"COMPLETED","nextToken":"token"}"#
        );
    }

    proptest! {
        #[test]
        fn every_double_reads_back_to_the_same_double(
            sum in 0_u128..1 << 90, min: u64, max: u64, count in 1_u64..=0x7fff_ffff, nanos in 0..=CostScaleFactor::MAX.nanos(),
        ) {
            let mut table = by_user();
            let amounts = Amounts { sum, min, max };
            let row = StatisticsRow { count, cost: amounts, runtime: amounts, ..row([0, 0]) };
            table.rows = [row.clone()].into_iter().collect();
            let cost_scale_factor = CostScaleFactor::from_nanos(nanos).unwrap();
            let shape = StatisticsRows { cost_scale_factor, ..rows(&table, Statistic::ALL) };
            let page = text(Some(shape), Status::Completed);
            for statistic in Statistic::ALL {
                // Read by the standard library, which rounds correctly; serde_json's own reader may be a digit off.
                let number = |member: &str| {
                    let after = &page[page.find(member).unwrap()..];
                    let key = format!("\"{}\":", member_name(statistic));
                    let after = &after[after.find(&key).unwrap() + key.len()..];
                    after[..after.find([',', '}']).unwrap()].parse::<f64>().unwrap()
                };
                let cost = row.cost_usd(statistic, cost_scale_factor);
                let runtime = row.runtime_seconds(statistic);
                prop_assert_eq!(number("costInUsd").to_bits(), cost.to_bits());
                prop_assert_eq!(number("runtimeInSeconds").to_bits(), runtime.to_bits());
            }
        }
    }
}
