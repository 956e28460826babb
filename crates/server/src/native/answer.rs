//! An answer of the service as a document of the native API.

use std::sync::Arc;

use farmtally_model::question::AskedStatistic;
use farmtally_model::{
    Amounts as WholeAmounts, Calendar, CostScaleFactor, GroupMembers, Statistic, UsageAmounts, UsageRow, Zone,
};
use farmtally_service::UsageAnswer;
use farmtally_wire::native::{
    Amounts, AnswerHead, AnswerRow, Bucket, DataSpan, Explain, FarmName, Group, Named, RuntimeMs, Statistics,
    Window, decimal_cost, decimal_cost_avg, decimal_runtime_avg,
};

/// The document of an answer, element by element.
#[derive(Debug)]
pub(super) struct AnswerDocument {
    amounts: AmountWriter,
}

impl AnswerDocument {
    pub(super) fn new(answer: &UsageAnswer) -> Self {
        Self { amounts: AmountWriter::new(answer) }
    }

    /// Everything but the groups and the rows.
    pub(super) fn head(&self, answer: &UsageAnswer) -> AnswerHead {
        head(answer, &self.amounts)
    }

    /// A group by its index.
    pub(super) fn group(&self, answer: &UsageAnswer, index: usize) -> Group {
        let group = &answer.table.groups[index];
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
        let previous = answer.compared.as_ref().and_then(|compared| compared.groups.get(index)?.as_ref());
        let previous = previous.map(|previous| self.amounts.amounts(previous));
        Group { values, other, total: self.amounts.amounts(&group.total), previous }
    }

    pub(super) fn row(&self, row: &UsageRow) -> AnswerRow {
        self.amounts.row(row)
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
        groups: Vec::new(),
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

/// Makes text of amounts.
#[derive(Debug)]
struct AmountWriter {
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
