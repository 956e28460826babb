//! An answer of the service as a document of the native API.

use std::sync::Arc;

use farmtally_model::question::AskedStatistic;
use farmtally_model::{
    Amounts as WholeAmounts, Calendar, CostScaleFactor, GroupMembers, Statistic, UsageAmounts, UsageRow, Zone,
};
use farmtally_service::UsageAnswer;
use farmtally_wire::native::{
    Amounts, Answer, AnswerHead, AnswerRow, Bucket, DataSpan, Explain, FarmName, Group, Named, RuntimeMs,
    Statistics, Window, decimal_cost, decimal_cost_avg, decimal_runtime_avg,
};

/// An answer as a document whose rows are made when they are wanted.
#[derive(Debug)]
pub struct AnswerDocument<'a> {
    answer: &'a UsageAnswer,
    amounts: AmountWriter,
    /// Everything but the rows.
    pub head: AnswerHead,
}

impl<'a> AnswerDocument<'a> {
    /// The document of an answer.
    pub fn of(answer: &'a UsageAnswer) -> Self {
        let amounts = AmountWriter::new(answer);
        let head = head(answer, &amounts);
        Self { answer, amounts, head }
    }

    /// The rows.
    pub fn rows(&self) -> impl Iterator<Item = AnswerRow> + '_ {
        self.answer.table.rows.iter().map(|row| self.amounts.row(row))
    }

    /// The rows of the window that is compared with; none without one.
    pub fn previous_rows(&self) -> impl Iterator<Item = AnswerRow> + '_ {
        let compared = self.answer.compared.iter();
        compared.flat_map(|compared| &compared.rows).map(|row| self.amounts.row(row))
    }

    /// The whole of it.
    pub fn into_answer(self) -> Answer {
        let rows = self.rows().collect();
        let previous_rows = self.answer.compared.is_some().then(|| self.previous_rows().collect());
        Answer { head: self.head, rows, previous_rows }
    }
}

fn head(answer: &UsageAnswer, amounts: &AmountWriter) -> AnswerHead {
    let (table, compared) = (&answer.table, answer.compared.as_ref());
    let figures = table.figures;
    AnswerHead {
        farm: FarmName {
            farm_id: answer.farm.farm_id.to_string(),
            display_name: answer.farm.display_name.to_string(),
            cost_scale_factor: answer.farm.cost_scale_factor.to_string(),
        },
        window: window(&table.calendar, &answer.zone),
        period: answer.unit.map_or("none", |unit| unit.as_str()).to_owned(),
        group_by: answer.group_by.clone(),
        statistics: amounts.statistics.iter().map(|(name, _)| name.to_string()).collect(),
        buckets: buckets(&table.calendar, &answer.zone),
        groups: groups(answer, amounts),
        total: amounts.amounts(&table.total),
        previous_window: compared.map(|compared| window(&compared.calendar, &answer.zone)),
        previous_buckets: compared.map(|compared| buckets(&compared.calendar, &answer.zone)),
        previous: compared.map(|compared| amounts.amounts(&compared.total)),
        data: DataSpan {
            first_usage: answer.span.first_usage.map(|at| at.to_string()),
            last_usage: answer.span.last_usage.map(|at| at.to_string()),
            records: answer.span.records,
        },
        explain: Explain {
            rows_scanned: figures.rows_scanned,
            blocks_read: figures.blocks_read,
            blocks_skipped: figures.blocks_skipped,
            elapsed_micros: u64::try_from(answer.elapsed.as_micros()).unwrap_or(u64::MAX),
            as_of: answer.as_of.to_string(),
        },
    }
}

/// A window on the clock of a zone.
pub(crate) fn window(calendar: &Calendar, zone: &Zone) -> Window {
    let window = calendar.window();
    Window { from: zone.text(window.start()), to: zone.text(window.end()), time_zone: zone.name().to_owned() }
}

fn buckets(calendar: &Calendar, zone: &Zone) -> Vec<Bucket> {
    let bucket = |range: farmtally_model::TimeRange| Bucket {
        from: zone.text(range.start()),
        to: zone.text(range.end()),
    };
    calendar.buckets().map(bucket).collect()
}

fn groups(answer: &UsageAnswer, amounts: &AmountWriter) -> Vec<Group> {
    let before = answer.compared.as_ref().map(|compared| &compared.groups);
    let groups = answer.table.groups.iter().enumerate();
    let group = |(index, group): (usize, &farmtally_model::UsageGroup)| {
        let (values, other) = match &group.members {
            GroupMembers::Values(values) => {
                let named = |value| {
                    let named = answer.names.named(value);
                    Named { id: named.id, name: named.name }
                };
                (Some(values.iter().map(|value| value.as_ref().map(named)).collect()), None)
            }
            GroupMembers::Others { groups } => (None, Some(*groups as u64)),
        };
        let previous = before.and_then(|before| before.get(index)?.as_ref());
        let previous = previous.map(|previous| amounts.amounts(previous));
        Group { values, other, total: amounts.amounts(&group.total), previous }
    };
    groups.map(group).collect()
}

/// Makes text of amounts.
#[derive(Debug)]
pub(crate) struct AmountWriter {
    factor: CostScaleFactor,
    /// The statistics with their names, each percentile with its place among the percentiles.
    statistics: Vec<(Arc<str>, Shown)>,
}

/// A statistic that is shown.
#[derive(Debug, Clone, Copy)]
enum Shown {
    Of(Statistic),
    Percentile(usize),
}

impl AmountWriter {
    fn new(answer: &UsageAnswer) -> Self {
        let mut percentiles = 0..;
        let statistics = answer.statistics.iter().map(|statistic| {
            let shown = match statistic {
                AskedStatistic::Of(statistic) => Shown::Of(statistic),
                AskedStatistic::Percentile(_) => Shown::Percentile(percentiles.next().unwrap_or(0)),
            };
            (statistic.to_string().into(), shown)
        });
        let statistics = statistics.collect();
        Self { factor: answer.farm.cost_scale_factor, statistics }
    }

    fn row(&self, row: &UsageRow) -> AnswerRow {
        let Amounts { sessions, cost, runtime_ms } = self.amounts(&row.amounts);
        AnswerRow { bucket: row.bucket, group: row.group, sessions, cost, runtime_ms }
    }

    /// Sessions, costs and runtimes. Of no sessions there is nothing but a sum.
    fn amounts(&self, amounts: &UsageAmounts) -> Amounts {
        let sessions = amounts.sessions;
        let cost = self.shown(|shown| {
            let nanos = whole(shown, &amounts.cost, &amounts.cost_percentiles, sessions);
            match nanos? {
                Whole::Amount(nanos) => Some(decimal_cost(nanos, self.factor)),
                Whole::Average => decimal_cost_avg(amounts.cost.sum, sessions, self.factor),
            }
        });
        let runtime_ms = self.shown(|shown| {
            let millis = whole(shown, &amounts.runtime, &amounts.runtime_percentiles, sessions);
            match millis? {
                Whole::Amount(millis) => Some(RuntimeMs::Whole(u64::try_from(millis).unwrap_or(u64::MAX))),
                Whole::Average => decimal_runtime_avg(amounts.runtime.sum, sessions).map(RuntimeMs::Decimal),
            }
        });
        Amounts { sessions, cost, runtime_ms }
    }

    fn shown<T>(&self, value: impl Fn(Shown) -> Option<T>) -> Statistics<T> {
        let statistics = self.statistics.iter();
        Statistics(statistics.filter_map(|(name, shown)| Some((Arc::clone(name), value(*shown)?))).collect())
    }
}

/// A statistic in whole numbers, or one that has to be divided.
enum Whole {
    Amount(u128),
    Average,
}

fn whole(shown: Shown, amounts: &WholeAmounts, percentiles: &[u64], sessions: u64) -> Option<Whole> {
    match shown {
        Shown::Of(Statistic::Sum) => Some(Whole::Amount(amounts.sum)),
        _ if sessions == 0 => None,
        Shown::Of(Statistic::Min) => Some(Whole::Amount(amounts.min.into())),
        Shown::Of(Statistic::Max) => Some(Whole::Amount(amounts.max.into())),
        Shown::Of(Statistic::Avg) => Some(Whole::Average),
        Shown::Percentile(place) => percentiles.get(place).map(|amount| Whole::Amount((*amount).into())),
    }
}
