//! A question as SQL over the rows of sealed segments, in integers whose bounds are known before it is asked.
//!
//! Each live line is in the answer exactly once as `line_count` and `line_cost`, whether or not the question asks for it:
//! what it does not ask for is in the bucket -1. So the sums of these two columns over all rows say which lines were read.
//!
//! `docs/semantics.md` says what is computed. A line's cost up to an instant is `floor(cost * elapsed / runtime)`. The product
//! has up to 105 bits. With `cost = q * runtime + r` it is `q * elapsed + floor(r * elapsed / runtime)`, whose products stay
//! below 2^62 for a runtime of less than 2^31 milliseconds (24 days); for longer ones it is computed in DECIMAL(38), which has
//! room for 33 digits. Sums are taken in 64 bits if all costs and all runtimes together fit in there, and otherwise of
//! DECIMAL(28) into DECIMAL(38).

mod calendar;

use std::fmt::Write as _;

use farmtally_engine::SealedRecords;
use farmtally_model::{AggregationQuery, GroupBy, UsageGroupBy, UsageType};

use calendar::Calendar;

/// The columns of a segment that a question can need, and their types.
pub(crate) const SCHEMA: &str = "sessionId STRING, volumeId STRING, queueId STRING, fleetId STRING, jobId STRING, \
    userId STRING, instanceType STRING, startedAt TIMESTAMP, endedAt TIMESTAMP, revision BIGINT, usageType STRING, \
    licenseProduct STRING, costInUsd DECIMAL(18, 9)";

/// The name of the segments' rows.
pub(crate) const LINES: &str = "lines";

/// The bucket of lines that the question does not ask for.
pub(crate) const OUTSIDE: i64 = -1;

/// Most buckets of unequal width: each is in the text several times.
const MONTHS_MAX: usize = 600;
/// Most records that the text can leave out by name.
const REMOVED_MAX: usize = 5_000;
/// No sum of DECIMAL(28) into DECIMAL(38) wraps below this: 10^37.
const DECIMAL_SUM_MAX: u128 = 10_u128.pow(37);

/// Whether a question over such records can be put in SQL.
pub(crate) fn can_ask(query: &AggregationQuery, records: &SealedRecords) -> bool {
    let is_short =
        query.period() != Some(farmtally_model::Period::Monthly) || query.buckets().len() <= MONTHS_MAX;
    let fits = records.cost_nanos < DECIMAL_SUM_MAX && records.runtime_ms_bound < DECIMAL_SUM_MAX;
    is_short && fits && records.removed.len() <= REMOVED_MAX
}

/// What the rows of an answer are made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum RowsOf {
    /// Whole sessions, with all of their lines.
    Sessions,
    /// The lines of one usage type per session or volume.
    UsageTypes,
    /// Single licence lines: a session has one for a product.
    Licenses,
}

impl RowsOf {
    fn of(group_by: GroupBy) -> Self {
        if group_by.contains(UsageGroupBy::LicenseProduct) {
            Self::Licenses
        } else if group_by.contains(UsageGroupBy::UsageType) {
            Self::UsageTypes
        } else {
            Self::Sessions
        }
    }
}

/// A question on its way to SQL.
#[derive(Debug)]
struct Question<'a> {
    query: &'a AggregationQuery,
    records: &'a SealedRecords,
    calendar: Calendar,
    rows_of: RowsOf,
    /// `g0`, or `g0, g1`.
    groups: &'static str,
}

/// The text of a question, whose answer has the columns `bucket`, `g0`, `g1` if there are two groupBy fields, `count`,
/// `runtime_sum`, `runtime_min`, `runtime_max`, `cost_sum`, `cost_min`, `cost_max`, `line_count` and `line_cost`.
pub(crate) fn question(query: &AggregationQuery, records: &SealedRecords) -> String {
    let groups = if query.group_by().fields().len() == 2 { "g0, g1" } else { "g0" };
    let rows_of = RowsOf::of(query.group_by());
    Question { query, records, calendar: Calendar::of(query), rows_of, groups }.text()
}

impl Question<'_> {
    fn text(&self) -> String {
        let steps = [
            ("line", self.live_lines()),
            ("judged", self.judged()),
            ("placed", self.placed()),
            ("cut", self.cut()),
            ("piece", self.pieces()),
            ("unit", self.units()),
        ];
        let mut text = String::from("WITH ");
        for (index, (name, step)) in steps.iter().enumerate() {
            let comma = if index == 0 { "" } else { ",\n" };
            // Writing into a text does not fail.
            write!(text, "{comma}{name}_step AS ({step})").unwrap_or_default();
        }
        text + "\n" + &self.rows()
    }

    /// Rows of live records, with times and costs as integers.
    fn live_lines(&self) -> String {
        let removed: Vec<String> = self
            .records
            .removed
            .iter()
            .map(|removed| format!("'{}/{}'", removed.id, removed.revision))
            .collect();
        let live = if removed.is_empty() {
            String::new()
        } else {
            format!(
                " WHERE concat(coalesce(sessionId, volumeId), '/', CAST(revision AS STRING)) NOT IN ({})",
                removed.join(", ")
            )
        };
        format!(
            "SELECT coalesce(sessionId, volumeId) AS id, volumeId, queueId, fleetId, jobId, userId, instanceType, \
             usageType, licenseProduct, unix_millis(startedAt) AS start_ms, unix_millis(endedAt) AS end_ms, \
             CAST(costInUsd * 1000000000 AS BIGINT) AS cost FROM {LINES}{live}"
        )
    }

    /// Whether a line is asked for.
    fn judged(&self) -> String {
        let (start, end) = (self.calendar.start_ms(), self.calendar.end_ms());
        let mut conditions = vec![
            format!("start_ms < {end}L"),
            format!("(end_ms > {start}L OR (end_ms = start_ms AND start_ms >= {start}L))"),
        ];
        let resources = self.query.resources();
        if let Some(ids) = resources.queue_ids() {
            conditions.push(format!("queueId IN ({})", quoted(ids)));
        }
        if let Some(ids) = resources.fleet_ids() {
            conditions.push(format!("fleetId IN ({})", quoted(ids)));
        }
        // Volumes have no place but among usage types, and none where queues are asked for.
        if self.rows_of != RowsOf::UsageTypes || resources.queue_ids().is_some() {
            conditions.push("volumeId IS NULL".to_owned());
        }
        if self.rows_of == RowsOf::Licenses {
            conditions.push(format!("usageType = '{}'", UsageType::License.as_str()));
        }
        // A volume has no queue, so that the comparison is neither true nor false.
        format!("SELECT *, coalesce({}, false) AS is_asked FROM line_step", conditions.join(" AND "))
    }

    /// First and last bucket of each line. Lines that are not asked for lose what tells them apart.
    fn placed(&self) -> String {
        let fields: Vec<String> = (0..)
            .zip(self.query.group_by().fields())
            .map(|(index, field)| format!("CASE WHEN is_asked THEN {} END AS g{index}", column(field)))
            .collect();
        let (start, last) = (self.calendar.start_ms(), self.calendar.end_ms() - 1);
        let bucket = |instant: &str| {
            format!("CASE WHEN is_asked THEN {} ELSE {OUTSIDE}L END", self.calendar.index_of(instant))
        };
        format!(
            "SELECT CASE WHEN is_asked THEN id END AS id, {groups}, start_ms, end_ms, cost, is_asked, \
             {first} AS bucket_first, {last_bucket} AS bucket_last FROM (SELECT *, greatest(start_ms, {start}L) AS from_ms, \
             least(greatest(end_ms - 1L, start_ms), {last}L) AS until_ms FROM judged_step)",
            groups = fields.join(", "),
            first = bucket("from_ms"),
            last_bucket = bucket("until_ms"),
        )
    }

    /// A row for each bucket of each line, and what of the line lies in it.
    fn cut(&self) -> String {
        let groups = self.groups;
        let each = if self.calendar.has_edges() {
            "explode(sequence(bucket_first, bucket_last))"
        } else {
            "bucket_first"
        };
        format!(
            "SELECT *, greatest(start_ms, {start}) AS low, least(end_ms, {end}) AS high FROM \
             (SELECT id, {groups}, start_ms, end_ms, cost, is_asked, bucket_first, {each} AS bucket FROM placed_step)",
            start = self.calendar.start_of("bucket"),
            end = self.calendar.end_of("bucket"),
        )
    }

    /// Runtime and cost of each piece. The line itself is counted with its first one.
    fn pieces(&self) -> String {
        let groups = self.groups;
        let (high, low) = (accrued_at("high"), accrued_at("low"));
        format!(
            "SELECT id, {groups}, bucket, CASE WHEN is_asked THEN high - low ELSE 0L END AS runtime, \
             CASE WHEN NOT is_asked THEN 0L WHEN low = start_ms AND high = end_ms THEN cost ELSE \
             CASE WHEN high = end_ms THEN cost ELSE {high} END - CASE WHEN low = start_ms THEN 0L ELSE {low} END END \
             AS cost, CASE WHEN bucket = bucket_first THEN 1L ELSE 0L END AS line_count, \
             CASE WHEN bucket = bucket_first THEN cost ELSE 0L END AS line_cost FROM cut_step"
        )
    }

    /// What one session or volume contributes to one row: its lines together, and its time once. A session and its lines
    /// cost at most 10^18 together.
    fn units(&self) -> String {
        let groups = self.groups;
        if self.rows_of == RowsOf::Licenses {
            return "SELECT * FROM piece_step".to_owned();
        }
        // The lines that are not asked for are one unit, whose costs are those of many.
        let line_cost = sum_of("line_cost", self.records.cost_nanos);
        format!(
            "SELECT id, {groups}, bucket, max(runtime) AS runtime, sum(cost) AS cost, \
             sum(line_count) AS line_count, {line_cost} AS line_cost FROM piece_step GROUP BY id, {groups}, bucket"
        )
    }

    fn rows(&self) -> String {
        let groups = self.groups;
        let (costs, runtimes) = (self.records.cost_nanos, self.records.runtime_ms_bound);
        let line_cost = if self.rows_of == RowsOf::Licenses {
            sum_of("line_cost", costs)
        } else {
            // The units have summed it to its final type; their sums together are bounded by the same number.
            "sum(line_cost)".to_owned()
        };
        format!(
            "SELECT bucket, {groups}, count(*) AS count, CAST({runtime_sum} AS DECIMAL(38, 0)) AS runtime_sum, \
             min(runtime) AS runtime_min, max(runtime) AS runtime_max, CAST({cost_sum} AS DECIMAL(38, 0)) AS cost_sum, \
             min(cost) AS cost_min, max(cost) AS cost_max, sum(line_count) AS line_count, \
             CAST({line_cost} AS DECIMAL(38, 0)) AS line_cost FROM unit_step GROUP BY bucket, {groups}",
            runtime_sum = sum_of("runtime", runtimes),
            cost_sum = sum_of("cost", costs),
        )
    }
}

/// The sum of a column that is never greater than `bound`, in a type that holds it.
fn sum_of(column: &str, bound: u128) -> String {
    if bound <= i64::MAX.unsigned_abs().into() {
        format!("sum({column})")
    } else {
        format!("sum(CAST({column} AS DECIMAL(28, 0)))")
    }
}

/// What a line had cost at an instant inside of it.
fn accrued_at(instant: &str) -> String {
    let runtime = "greatest(end_ms - start_ms, 1L)";
    let elapsed = format!("({instant} - start_ms)");
    format!(
        "CASE WHEN end_ms - start_ms < 2147483648L THEN (cost div {runtime}) * {elapsed} + \
         ((cost % {runtime}) * {elapsed}) div {runtime} ELSE (CAST(cost AS DECIMAL(19, 0)) * CAST({elapsed} AS \
         DECIMAL(14, 0))) div CAST({runtime} AS DECIMAL(14, 0)) END"
    )
}

fn column(field: UsageGroupBy) -> &'static str {
    match field {
        UsageGroupBy::QueueId => "queueId",
        UsageGroupBy::FleetId => "fleetId",
        UsageGroupBy::JobId => "jobId",
        UsageGroupBy::UserId => "userId",
        UsageGroupBy::UsageType => "usageType",
        UsageGroupBy::InstanceType => "instanceType",
        UsageGroupBy::LicenseProduct => "licenseProduct",
    }
}

/// Ids as a list of texts; hexadecimal digits need no escape.
fn quoted<I: std::fmt::Display>(ids: &[I]) -> String {
    ids.iter().map(|id| format!("'{id}'")).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use farmtally_engine::RemovedRecord;
    use farmtally_model::{
        Period, QueueId, RecordId, Resources, SessionId, Statistic, StatisticSet, TimeRange, Timestamp,
        UtcOffset,
    };

    use super::*;

    fn query(years: u32, period: Option<Period>) -> AggregationQuery {
        let at = |year: u32| Timestamp::parse(&format!("{year}-01-01T00:00:00Z")).unwrap();
        let window = TimeRange::new(at(2025), at(2025 + years)).unwrap();
        let queues = Resources::queues([QueueId::from_bytes([1; 16])]).unwrap();
        let group_by = GroupBy::new(&[UsageGroupBy::UserId]).unwrap();
        let statistics = StatisticSet::new([Statistic::Sum]).unwrap();
        AggregationQuery::new(queues, window, UtcOffset::UTC, period, group_by, statistics).unwrap()
    }

    fn removed(count: usize) -> SealedRecords {
        let id = RecordId::Session(SessionId::from_bytes([9; 16]));
        SealedRecords { removed: vec![RemovedRecord { id, revision: 3 }; count], ..SealedRecords::default() }
    }

    #[test]
    fn what_has_no_bound_or_makes_the_text_too_long_is_not_asked() {
        let year = query(1, Some(Period::Monthly));
        let bounded = |cost_nanos, runtime_ms_bound| {
            can_ask(&year, &SealedRecords { cost_nanos, runtime_ms_bound, ..SealedRecords::default() })
        };
        let limit = DECIMAL_SUM_MAX;
        assert!(bounded(limit - 1, limit - 1) && !bounded(limit, 0) && !bounded(0, limit));
        assert!(can_ask(&year, &removed(REMOVED_MAX)) && !can_ask(&year, &removed(REMOVED_MAX + 1)));
        assert!(can_ask(&query(50, Some(Period::Monthly)), &removed(0)));
        assert!(!can_ask(&query(51, Some(Period::Monthly)), &removed(0)), "612 months");
        assert!(can_ask(&query(51, Some(Period::Daily)), &removed(0)), "days are of one width");
    }

    #[test]
    fn sums_that_may_pass_64_bits_are_taken_of_decimals_and_others_are_not() {
        let text_with = |cost_nanos| {
            let records = SealedRecords { cost_nanos, ..SealedRecords::default() };
            question(&query(1, None), &records)
        };
        let narrow = i64::MAX.unsigned_abs().into();
        assert!(!text_with(narrow).contains("DECIMAL(28, 0)"));
        assert!(text_with(narrow + 1).contains("sum(CAST(line_cost AS DECIMAL(28, 0)))"));
    }

    #[test]
    fn records_that_are_not_live_are_left_out_by_id_and_revision() {
        let text = question(&query(1, None), &removed(1));
        assert!(text.contains(&format!("NOT IN ('{}/3')", SessionId::from_bytes([9; 16]))), "{text}");
    }
}
