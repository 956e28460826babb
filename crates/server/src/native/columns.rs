//! An answer as a table of columns: a row for each bucket and group, with names and without nesting.
//!
//! CSV, Arrow and Parquet are the same table in three spellings. A group that stands for others has no values; how many
//! groups it stands for is in the column `otherGroups`.

use farmtally_model::question::AskedStatistic;
use farmtally_model::{
    Amounts, Calendar, CostScaleFactor, Dimension, GroupMembers, Grouping, Statistic, UsageAmounts, UsageRow,
};
use farmtally_service::{NamedValue, UsageAnswer};
use farmtally_wire::native::{average_cost_nanos, average_runtime_micros};

/// A column and its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Column {
    pub(crate) name: String,
    pub(crate) values: Values,
}

/// The values of a column, one for each row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Values {
    /// Instants in milliseconds since 1970.
    Time(Vec<Option<i64>>),
    /// Texts, by their places among the different ones.
    Text { texts: Vec<String>, places: Vec<Option<u32>> },
    /// Whole numbers.
    Count(Vec<Option<i64>>),
    /// Decimals as whole numbers of units of ten to the minus `scale`.
    Decimal { scale: u8, values: Vec<Option<i128>> },
}

/// Digits of a decimal with so many decimals: runtimes fit 64 bits, costs need 128.
pub(crate) const fn precision(scale: u8) -> u8 {
    if scale <= 6 { 18 } else { 38 }
}

/// A bucket and a group, with what it used there and in the window that is compared with.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Row<'a> {
    bucket: u32,
    group: u32,
    now: Option<&'a UsageAmounts>,
    before: Option<&'a UsageAmounts>,
}

/// The columns of some rows of an answer. Their names and types are the same for all of its rows.
pub(crate) fn columns(answer: &UsageAnswer, rows: &[Row<'_>]) -> Vec<Column> {
    let mut columns = Columns::default();
    columns.add_buckets("bucket", &answer.table.calendar, rows);
    columns.add_groups(answer, rows);
    let amounts = AmountColumns { statistics: statistics(answer), factor: answer.farm.cost_scale_factor };
    amounts.add("", &rows.iter().map(|row| row.now).collect::<Vec<_>>(), &mut columns);
    if let Some(compared) = &answer.compared {
        columns.add_buckets("previous_bucket", &compared.calendar, rows);
        amounts.add("previous_", &rows.iter().map(|row| row.before).collect::<Vec<_>>(), &mut columns);
    }
    columns.0
}

/// Goes through the rows of both windows, side by side. Both are ordered by bucket and then by group.
#[derive(Debug, Default)]
pub(crate) struct RowCursor {
    now: usize,
    before: usize,
}

impl RowCursor {
    /// The next rows, at most so many; none after the last.
    pub(crate) fn next<'a>(&mut self, answer: &'a UsageAnswer, rows_max: usize) -> Vec<Row<'a>> {
        let of_now = &answer.table.rows;
        let of_before = answer.compared.as_ref().map_or(&[] as &[UsageRow], |compared| &compared.rows);
        let place = |row: &UsageRow| (row.bucket, row.group);
        let mut rows = Vec::with_capacity(rows_max.min(of_now.len() + of_before.len()));
        while rows.len() < rows_max {
            let (now, before) = (of_now.get(self.now), of_before.get(self.before));
            let Some(next) = now.into_iter().chain(before).map(place).min() else { break };
            let [now, before] = [now, before].map(|row| row.filter(|row| place(row) == next));
            self.now += usize::from(now.is_some());
            self.before += usize::from(before.is_some());
            let (bucket, group) = next;
            rows.push(Row {
                bucket,
                group,
                now: now.map(|row| &row.amounts),
                before: before.map(|row| &row.amounts),
            });
        }
        rows
    }
}

#[derive(Debug, Default)]
struct Columns(Vec<Column>);

impl Columns {
    /// Adds a column; one whose name is taken gets a number.
    fn add(&mut self, name: &str, values: Values) {
        let is_free = |name: &str| self.0.iter().all(|column| column.name != name);
        let mut free = name.to_owned();
        let mut number = 2;
        while !is_free(&free) {
            free = format!("{name}_{number}");
            number += 1;
        }
        self.0.push(Column { name: free, values });
    }

    /// Where each row's bucket begins and ends; nothing where the window has fewer buckets than the other.
    fn add_buckets(&mut self, name: &str, calendar: &Calendar, rows: &[Row<'_>]) {
        let edges = calendar.edges_ms();
        let edge = |row: &Row<'_>, further: usize| {
            let place = row.bucket as usize;
            (place + 1 < edges.len()).then(|| edges[place + further])
        };
        self.add(&format!("{name}Start"), Values::Time(rows.iter().map(|row| edge(row, 0)).collect()));
        self.add(&format!("{name}End"), Values::Time(rows.iter().map(|row| edge(row, 1)).collect()));
    }

    fn add_groups(&mut self, answer: &UsageAnswer, rows: &[Row<'_>]) {
        let groups = GroupsOfRows::new(rows);
        for (position, grouping) in answer.groupings.iter().enumerate() {
            let named = |group: u32| match &answer.table.groups.get(group as usize)?.members {
                GroupMembers::Values(values) => {
                    values.get(position)?.as_ref().map(|value| answer.names.named(value))
                }
                GroupMembers::Others { .. } => None,
            };
            let named: Vec<Option<NamedValue>> = groups.groups.iter().map(|group| named(*group)).collect();
            let text = |text: fn(NamedValue) -> String| groups.texts(&named, text);
            match id_and_name(grouping) {
                Some((id_column, name_column)) => {
                    self.add(id_column, text(|value| value.id));
                    self.add(name_column, text(|value| value.name));
                }
                None if *grouping == Grouping::By(Dimension::Worker) => {
                    self.add("workerId", text(|value| value.id));
                }
                None => self.add(grouping.name(), text(|value| value.id)),
            }
        }
        if answer.has_others {
            let others = |row: &Row<'_>| match answer.table.groups.get(row.group as usize)?.members {
                GroupMembers::Others { groups } => i64::try_from(groups).ok(),
                GroupMembers::Values(_) => None,
            };
            self.add("otherGroups", Values::Count(rows.iter().map(others).collect()));
        }
    }
}

/// The columns of dimensions whose values have ids and names.
fn id_and_name(grouping: &Grouping) -> Option<(&'static str, &'static str)> {
    match grouping {
        Grouping::By(Dimension::Queue) => Some(("queueId", "queueName")),
        Grouping::By(Dimension::Fleet) => Some(("fleetId", "fleetName")),
        Grouping::By(Dimension::Job) => Some(("jobId", "jobName")),
        Grouping::By(Dimension::User) => Some(("userId", "userName")),
        _ => None,
    }
}

/// The groups that rows are of, each once.
struct GroupsOfRows {
    groups: Vec<u32>,
    /// For each row the place of its group among them.
    places: Vec<u32>,
}

impl GroupsOfRows {
    fn new(rows: &[Row<'_>]) -> Self {
        let mut groups: Vec<u32> = rows.iter().map(|row| row.group).collect();
        groups.sort_unstable();
        groups.dedup();
        let place = |row: &Row<'_>| groups.partition_point(|group| *group < row.group);
        let places = rows.iter().map(|row| u32::try_from(place(row)).unwrap_or(u32::MAX)).collect();
        Self { groups, places }
    }

    /// A text of each row's group. A group's text is kept once.
    fn texts(&self, named: &[Option<NamedValue>], text: fn(NamedValue) -> String) -> Values {
        let mut texts = Vec::new();
        let mut place_of_group = Vec::with_capacity(named.len());
        for value in named {
            place_of_group.push(value.clone().and_then(|value| {
                texts.push(text(value));
                u32::try_from(texts.len() - 1).ok()
            }));
        }
        let places = self.places.iter().map(|place| place_of_group.get(*place as usize).copied().flatten());
        Values::Text { texts, places: places.collect() }
    }
}

/// A statistic with its name and, for a percentile, its place among the percentiles.
type Shown = (String, AskedStatistic, usize);

fn statistics(answer: &UsageAnswer) -> Vec<Shown> {
    let mut percentiles = 0;
    let shown = answer.statistics.iter().map(|statistic| {
        let place = percentiles;
        percentiles += usize::from(matches!(statistic, AskedStatistic::Percentile(_)));
        (statistic.to_string(), statistic, place)
    });
    shown.collect()
}

struct AmountColumns {
    statistics: Vec<Shown>,
    factor: CostScaleFactor,
}

impl AmountColumns {
    fn add(&self, prefix: &str, amounts: &[Option<&UsageAmounts>], columns: &mut Columns) {
        let sessions = amounts.iter().map(|amounts| i64::try_from((*amounts)?.sessions).ok());
        columns.add(&format!("{prefix}sessions"), Values::Count(sessions.collect()));
        for (name, statistic, place) in &self.statistics {
            let values = |value: &dyn Fn(&UsageAmounts) -> Option<i128>| -> Vec<Option<i128>> {
                amounts.iter().map(|amounts| value((*amounts)?)).collect()
            };
            let is_avg = *statistic == AskedStatistic::Of(Statistic::Avg);
            let (scale, values) = if is_avg {
                (
                    9,
                    values(&|amounts| {
                        average_cost_nanos(amounts.cost.sum, amounts.sessions, self.factor)?.try_into().ok()
                    }),
                )
            } else {
                let (scale, factor) = cost_scale(self.factor);
                (
                    scale,
                    values(&|amounts| {
                        let nanos = whole(*statistic, &amounts.cost, amounts.cost_percentiles.get(*place))?;
                        i128::try_from(nanos).ok()?.checked_mul(factor)
                    }),
                )
            };
            columns.add(&format!("{prefix}costInUsd_{name}"), Values::Decimal { scale, values });
        }
        for (name, statistic, place) in &self.statistics {
            let is_avg = *statistic == AskedStatistic::Of(Statistic::Avg);
            let value = |amounts: &UsageAmounts| {
                if is_avg {
                    return average_runtime_micros(amounts.runtime.sum, amounts.sessions)?.try_into().ok();
                }
                let millis = whole(*statistic, &amounts.runtime, amounts.runtime_percentiles.get(*place))?;
                i128::try_from(millis).ok()
            };
            let values = amounts.iter().map(|amounts| value((*amounts)?)).collect();
            let scale = if is_avg { 6 } else { 3 };
            columns.add(&format!("{prefix}runtimeSeconds_{name}"), Values::Decimal { scale, values });
        }
    }
}

/// Decimals of a cost after a factor, and what nano-dollars are multiplied by.
pub(super) fn cost_scale(factor: CostScaleFactor) -> (u8, i128) {
    if factor == CostScaleFactor::ONE { (9, 1) } else { (18, i128::from(factor.nanos())) }
}

fn whole(statistic: AskedStatistic, amounts: &Amounts, percentile: Option<&u64>) -> Option<u128> {
    match statistic {
        AskedStatistic::Of(Statistic::Sum) => Some(amounts.sum),
        AskedStatistic::Of(Statistic::Min) => Some(amounts.min.into()),
        AskedStatistic::Of(Statistic::Max) => Some(amounts.max.into()),
        AskedStatistic::Of(Statistic::Avg) => None,
        AskedStatistic::Percentile(_) => percentile.map(|amount| u128::from(*amount)),
    }
}
