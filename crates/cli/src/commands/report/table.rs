//! An answer as a table for people.

use std::collections::{BTreeMap, HashMap};

use farmtally_wire::native::{Answer, AnswerRow, Bucket, Group, Named};

use super::bars::{bar, line};
use super::columns::{Column, Figures};
use super::figures::{Figure, grouped};
use super::layout::{Layout, Side};
use crate::args::Metric;
use crate::terminal_text::one_line;

/// The columns of a comparison.
const COMPARED: [(&str, Side); 2] = [("before", Side::Right), ("change", Side::Right)];

/// How an answer is shown.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shown {
    pub(super) metric: Metric,
    /// Draw bars, and with a period a line for each group in the place of a row for each of its buckets.
    pub(super) chart: bool,
}

/// The table.
pub(super) fn table(answer: &Answer, shown: Shown) -> Layout {
    let table = Table::of(answer, shown);
    let is_cut = answer.head.period != "none";
    if is_cut && !shown.chart { table.by_bucket() } else { table.by_group() }
}

struct Table<'a> {
    answer: &'a Answer,
    shown: Shown,
    columns: Vec<Column>,
    metric: Column,
    /// Names that stand for more than one id, by the column that they are in.
    ambiguous: Vec<HashMap<&'a str, bool>>,
}

impl<'a> Table<'a> {
    fn of(answer: &'a Answer, shown: Shown) -> Self {
        let statistics = &answer.head.statistics;
        Self {
            answer,
            shown,
            columns: Column::all(statistics, shown.metric),
            metric: Column::of_metric(statistics, shown.metric),
            ambiguous: (0..answer.head.group_by.len())
                .map(|index| ambiguous(&answer.head.groups, index))
                .collect(),
        }
    }

    /// A row for each group.
    fn by_group(&self) -> Layout {
        let head = &self.answer.head;
        let is_grouped = !head.group_by.is_empty();
        let mut columns = self.label_columns(None);
        columns.extend(self.figure_columns());
        columns.extend(self.added_columns().into_iter().map(|(name, side)| (name.to_owned(), side)));
        let row = |(index, group): (usize, &Group)| {
            let mut row = self.labels(group);
            row.extend(self.columns.iter().map(|column| column.shown(Figures::Of(&group.total))));
            row.extend(self.added(Some(index), group));
            row
        };
        let groups = head.groups.iter().enumerate().filter(|_| is_grouped);
        let whole =
            Group { values: None, other: None, total: head.total.clone(), previous: head.previous.clone() };
        let mut total = self.total_label(0);
        total.extend(self.columns.iter().map(|column| column.shown(Figures::Of(&head.total))));
        total.extend(self.added(None, &whole));
        Layout { columns, rows: groups.map(row).collect(), total }
    }

    /// A row for each bucket and group with usage.
    fn by_bucket(&self) -> Layout {
        let head = &self.answer.head;
        let mut columns = self.label_columns(Some(&head.period));
        columns.extend(self.figure_columns());
        if head.previous.is_some() {
            columns.extend(COMPARED.map(|(name, side)| (name.to_owned(), side)));
        }
        let mut places: BTreeMap<(u32, u32), [Option<&AnswerRow>; 2]> = BTreeMap::new();
        for (side, rows) in
            [Some(&self.answer.rows), self.answer.previous_rows.as_ref()].into_iter().enumerate()
        {
            for row in rows.into_iter().flatten() {
                places.entry((row.bucket, row.group)).or_default()[side] = Some(row);
            }
        }
        let rows = places.into_iter().map(|((bucket, group), [now, before])| {
            let mut cells = vec![self.bucket_label(bucket as usize)];
            if let Some(group) = head.groups.get(group as usize) {
                cells.extend(self.labels(group));
            }
            let shown =
                |column: &Column| now.map_or_else(|| "-".to_owned(), |row| column.shown(Figures::OfRow(row)));
            cells.extend(self.columns.iter().map(shown));
            if head.previous.is_some() {
                cells.extend(self.compared(now.map(Figures::OfRow), before.map(Figures::OfRow)));
            }
            cells
        });
        let rows = rows.collect();
        let mut total = self.total_label(1);
        total.extend(self.columns.iter().map(|column| column.shown(Figures::Of(&head.total))));
        if let Some(previous) = &head.previous {
            total.extend(self.compared(Some(Figures::Of(&head.total)), Some(Figures::Of(previous))));
        }
        Layout { columns, rows, total }
    }

    /// Where a bucket begins. The window before may have one more, as a month of six weeks has.
    fn bucket_label(&self, bucket: usize) -> String {
        let head = &self.answer.head;
        let before = || {
            let bucket = head.previous_buckets.as_ref()?.get(bucket)?;
            Some(format!("({})", bucket_label(bucket)))
        };
        head.buckets.get(bucket).map(bucket_label).or_else(before).unwrap_or_default()
    }

    /// What was before, and how much more or less it is now.
    fn compared(&self, now: Option<Figures<'_>>, before: Option<Figures<'_>>) -> [String; 2] {
        let exact = |figures: Option<Figures<'_>>| {
            figures.and_then(|figures| self.metric.figure(figures)).unwrap_or_default()
        };
        let (figure, figure_before) = (exact(now), exact(before));
        let new = if figure.0 > 0 { "new" } else { "" };
        [
            before.map_or_else(|| "-".to_owned(), |before| self.metric.shown(before)),
            figure.change_from(figure_before).unwrap_or_else(|| new.to_owned()),
        ]
    }

    fn label_columns(&self, period: Option<&str>) -> Vec<(String, Side)> {
        let names = period.into_iter().chain(self.answer.head.group_by.iter().map(String::as_str));
        let mut columns: Vec<_> = names.map(|name| (one_line(name).into_owned(), Side::Left)).collect();
        if columns.is_empty() {
            columns.push((String::new(), Side::Left));
        }
        columns
    }

    fn figure_columns(&self) -> Vec<(String, Side)> {
        self.columns.iter().map(|column| (column.title(), Side::Right)).collect()
    }

    /// What is shown beside the figures: share, comparison and bars.
    fn added_columns(&self) -> Vec<(&'static str, Side)> {
        let mut columns = Vec::new();
        if self.has_shares() {
            columns.push(("share", Side::Right));
        }
        if self.answer.head.previous.is_some() {
            columns.extend(COMPARED);
        }
        if self.shown.chart {
            columns.push(("", Side::Left));
        }
        columns
    }

    fn has_shares(&self) -> bool {
        self.metric.adds_up() && !self.answer.head.group_by.is_empty()
    }

    /// The cells of [`Self::added_columns`] for a group, or for everything.
    fn added(&self, index: Option<usize>, group: &Group) -> Vec<String> {
        let head = &self.answer.head;
        let figure = self.metric.figure(Figures::Of(&group.total)).unwrap_or_default();
        let mut cells = Vec::new();
        if self.has_shares() {
            let whole = self.metric.figure(Figures::Of(&head.total)).unwrap_or_default();
            cells.push(figure.share_of(whole).unwrap_or_default());
        }
        if head.previous.is_some() {
            cells.extend(
                self.compared(Some(Figures::Of(&group.total)), group.previous.as_ref().map(Figures::Of)),
            );
        }
        if self.shown.chart {
            cells.push(self.drawn(index, figure));
        }
        cells
    }

    /// A bar, or a line of bars over time. Everything together gets a line and no bar, which all others would vanish beside.
    fn drawn(&self, index: Option<usize>, figure: Figure) -> String {
        let head = &self.answer.head;
        if head.period != "none" {
            return line(&self.over_time(index));
        }
        let greatest =
            head.groups.iter().filter_map(|group| self.metric.figure(Figures::Of(&group.total))).max();
        index.map_or_else(String::new, |_| bar(figure, greatest.unwrap_or_default()))
    }

    fn over_time(&self, index: Option<usize>) -> Vec<Figure> {
        let mut figures = vec![Figure::default(); self.answer.head.buckets.len()];
        let is_meant = |group: u32| index.is_none_or(|index| index == group as usize);
        for row in self.answer.rows.iter().filter(|row| is_meant(row.group)) {
            if let Some(place) = figures.get_mut(row.bucket as usize) {
                place.0 += self.metric.figure(Figures::OfRow(row)).unwrap_or_default().0;
            }
        }
        figures
    }

    fn labels(&self, group: &Group) -> Vec<String> {
        let names = self.answer.head.group_by.len();
        match (&group.values, group.other) {
            (Some(values), _) => {
                values.iter().enumerate().map(|(index, value)| self.label(index, value.as_ref())).collect()
            }
            (None, other) => {
                let other = other.unwrap_or_default();
                let noun = if other == 1 { "group" } else { "groups" };
                let first = format!("other ({} {noun})", grouped(other.into()));
                std::iter::once(first).chain(std::iter::repeat(String::new())).take(names).collect()
            }
        }
    }

    fn label(&self, index: usize, value: Option<&Named>) -> String {
        let Some(value) = value else { return "-".to_owned() };
        let name = one_line(&value.name);
        let is_ambiguous = self.ambiguous.get(index).and_then(|names| names.get(value.name.as_str()));
        if is_ambiguous == Some(&true) {
            format!("{name} ({})", one_line(&value.id))
        } else {
            name.into_owned()
        }
    }

    /// `total`, and empty cells up to the figures; `more` columns stand before those of the groups.
    fn total_label(&self, more: usize) -> Vec<String> {
        let labels = (self.answer.head.group_by.len() + more).max(1);
        std::iter::once("total".to_owned()).chain(std::iter::repeat(String::new())).take(labels).collect()
    }
}

/// The names of a column, each with whether it stands for several ids.
fn ambiguous(groups: &[Group], index: usize) -> HashMap<&str, bool> {
    let mut ids: HashMap<&str, &str> = HashMap::new();
    let mut names = HashMap::new();
    let values = groups.iter().filter_map(|group| group.values.as_ref()?.get(index)?.as_ref());
    for Named { id, name } in values {
        let first = *ids.entry(name).or_insert(id);
        *names.entry(name.as_str()).or_insert(false) |= first != id;
    }
    names
}

/// The beginning of a bucket, without what is the same for all of its kind.
fn bucket_label(bucket: &Bucket) -> String {
    match bucket.from.split_once('T') {
        Some((date, time)) if time.starts_with("00:00:00") => date.to_owned(),
        Some((date, time)) => format!("{date} {}", time.get(..5).unwrap_or(time)),
        None => bucket.from.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use insta::assert_snapshot;

    const FARM: &str = r#""farm":{"farmId":"farm-1","displayName":"Studio","costScaleFactor":"1"},
        "data":{"firstUsage":"2025-11-24T00:00:00Z","lastUsage":"2025-11-26T00:00:00Z","records":5},
        "explain":{"rowsScanned":5,"blocksRead":1,"blocksSkipped":0,"elapsedMicros":120,"asOf":"2025-11-26T09:00:00Z"},
        "window":{"from":"2025-11-24T00:00:00+01:00","to":"2025-11-26T00:00:00+01:00","timeZone":"Europe/Paris"}"#;

    fn amounts(sessions: u64, cost: &str, hours: u64) -> String {
        format!(
            r#""sessions":{sessions},"cost":{{"sum":"{cost}"}},"runtimeMs":{{"sum":{}}}"#,
            hours * 3_600_000
        )
    }

    fn shown(members: &str, metric: Metric, chart: bool) -> String {
        let answer: Answer = serde_json::from_str(&format!("{{{FARM},{members}}}")).unwrap();
        table(&answer, Shown { metric, chart }).to_string()
    }

    fn by_user() -> String {
        let group = |value: &str, amounts: &str, before: &str| {
            format!(r#"{{{value},"total":{{{amounts}}},"previous":{{{before}}}}}"#)
        };
        let groups = [
            group(
                r#""values":[{"id":"u-1","name":"alice"}]"#,
                &amounts(1200, "1234.565", 30),
                &amounts(3, "500", 1),
            ),
            group(r#""values":[{"id":"u-2","name":"alice"}]"#, &amounts(2, "20", 4), &amounts(0, "0", 0)),
            group(
                r#""values":[{"id":"u-3","name":"b\u001b[31mob"}]"#,
                &amounts(1, "0.005000001", 0),
                &amounts(1, "1", 1),
            ),
            group(r#""values":[null]"#, &amounts(1, "0", 0), &amounts(0, "0", 0)),
            group(r#""other":37"#, &amounts(40, "100", 6), &amounts(9, "100", 6)),
        ];
        format!(
            r#""period":"none","groupBy":["user"],"statistics":["sum"],
            "buckets":[{{"from":"2025-11-24T00:00:00+01:00","to":"2025-11-26T00:00:00+01:00"}}],
            "groups":[{}],"rows":[],"previousRows":[],"total":{{{}}},"previous":{{{}}}"#,
            groups.join(","),
            amounts(1244, "1354.570000001", 40),
            amounts(13, "601", 8)
        )
    }

    #[test]
    fn groups_have_names_shares_and_what_was_before() {
        assert_snapshot!(shown(&by_user(), Metric::Cost, false), @r"
        user               sessions  hours       USD    share  before    change
        alice (u-1)           1,200  30.00  1,234.56   91.1 %  500.00  +146.9 %
        alice (u-2)               2   4.00     20.00    1.5 %    0.00       new
        b\u{1b}[31mob             1   0.00      0.01    0.0 %    1.00   -99.5 %
        -                         1   0.00      0.00    0.0 %    0.00
        other (37 groups)        40   6.00    100.00    7.4 %  100.00     0.0 %
        ───────────────────────────────────────────────────────────────────────
        total                 1,244  40.00  1,354.57  100.0 %  601.00  +125.4 %
        ");
    }

    #[test]
    fn bars_are_as_long_as_the_metric() {
        assert_snapshot!(shown(&by_user(), Metric::Sessions, true), @r"
        user               sessions  hours       USD  before       change
        alice (u-1)           1,200  30.00  1,234.56       3  +39,900.0 %  ████████████████████████
        alice (u-2)               2   4.00     20.00       0          new  ▏
        b\u{1b}[31mob             1   0.00      0.01       1        0.0 %  ▏
        -                         1   0.00      0.00       0          new  ▏
        other (37 groups)        40   6.00    100.00       9     +344.4 %  ▉
        ───────────────────────────────────────────────────────────────────────────────────────────
        total                 1,244  40.00  1,354.57      13   +9,469.2 %
        ");
    }

    fn by_day(chart: bool) -> String {
        let row = |bucket: u32, group: u32, amounts: &str| {
            format!(r#"{{"bucket":{bucket},"group":{group},{amounts}}}"#)
        };
        let group = |name: &str, amounts: &str| {
            format!(r#"{{"values":[{{"id":"{name}","name":"{name}"}}],"total":{{{amounts}}}}}"#)
        };
        let members = format!(
            r#""period":"day","groupBy":["queue"],"statistics":["sum"],
            "buckets":[{{"from":"2025-11-24T00:00:00+01:00","to":"2025-11-25T00:00:00+01:00"}},
                       {{"from":"2025-11-25T00:00:00+01:00","to":"2025-11-26T00:00:00+01:00"}}],
            "groups":[{},{}],"rows":[{},{},{}],"total":{{{}}}"#,
            group("comp", &amounts(2, "4.15", 2)),
            group("日本", &amounts(3, "3.61", 3)),
            row(0, 0, &amounts(2, "3.45", 1)),
            row(1, 0, &amounts(1, "0.7", 1)),
            row(1, 1, &amounts(3, "3.61", 3)),
            amounts(5, "7.76", 5)
        );
        shown(&members, Metric::Cost, chart)
    }

    #[test]
    fn a_cut_range_has_a_row_for_each_bucket_and_group() {
        assert_snapshot!(by_day(false), @"
        day         queue  sessions  hours   USD
        2025-11-24  comp          2   1.00  3.45
        2025-11-25  comp          1   1.00  0.70
        2025-11-25  日本          3   3.00  3.61
        ────────────────────────────────────────
        total                     5   5.00  7.76
        ");
    }

    #[test]
    fn a_cut_range_has_what_was_before_in_each_bucket() {
        let row = |bucket: u32, amounts: &str| format!(r#"{{"bucket":{bucket},"group":0,{amounts}}}"#);
        let bucket = |day: u32| {
            format!(r#"{{"from":"2025-11-{day}T00:00:00+01:00","to":"2025-11-{}T00:00:00+01:00"}}"#, day + 1)
        };
        let members = format!(
            r#""period":"day","groupBy":[],"statistics":["sum"],"buckets":[{},{}],"previousBuckets":[{},{},{}],
            "groups":[{{"values":[],"total":{{{total}}}}}],"total":{{{total}}},"previous":{{{}}},"rows":[{}],"previousRows":[{},{},{}]"#,
            bucket(24),
            bucket(25),
            bucket(21),
            bucket(22),
            bucket(23),
            amounts(3, "7", 3),
            row(0, &amounts(2, "5", 1)),
            row(0, &amounts(1, "4", 1)),
            row(1, &amounts(1, "2", 1)),
            row(2, &amounts(1, "1", 1)),
            total = amounts(2, "5", 1),
        );
        assert_snapshot!(shown(&members, Metric::Cost, false), @"
        day           sessions  hours   USD  before    change
        2025-11-24           2   1.00  5.00    4.00   +25.0 %
        2025-11-25           -      -     -    2.00  -100.0 %
        (2025-11-23)         -      -     -    1.00  -100.0 %
        ─────────────────────────────────────────────────────
        total                2   1.00  5.00    7.00   -28.6 %
        ");
    }

    #[test]
    fn a_chart_of_a_cut_range_has_a_line_for_each_group() {
        assert_snapshot!(by_day(true), @"
        queue  sessions  hours   USD    share
        comp          2   2.00  4.15   53.5 %  █▂
        日本          3   3.00  3.61   46.5 %   █
        ─────────────────────────────────────────
        total         5   5.00  7.76  100.0 %  ▇█
        ");
    }

    #[test]
    fn other_statistics_are_of_what_was_asked_about() {
        let members = r#""period":"none","groupBy":[],"statistics":["sum","p95"],
            "buckets":[{"from":"2025-11-24T00:00:00+01:00","to":"2025-11-26T00:00:00+01:00"}],"groups":[],"rows":[],
            "total":{"sessions":5,"cost":{"sum":"7.76","p95":"3.6"},"runtimeMs":{"sum":18000000,"p95":10800000}}"#;
        assert_snapshot!(shown(members, Metric::Cost, false), @"
               sessions  hours   USD  USD p95
        total         5   5.00  7.76     3.60
        ");
        assert_snapshot!(shown(members, Metric::Hours, false), @"
               sessions  hours   USD  hours p95
        total         5   5.00  7.76       3.00
        ");
    }
}
