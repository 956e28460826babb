//! Which figures of an answer are columns, and how each is shown.

use farmtally_wire::native::{Amounts, AnswerRow};

use super::figures::{Figure, grouped};
use crate::args::Metric;

/// The statistic that a total is.
const SUM: &str = "sum";

/// The figures of a group, of a row, or of everything.
#[derive(Debug, Clone, Copy)]
pub(super) enum Figures<'a> {
    Of(&'a Amounts),
    OfRow(&'a AnswerRow),
}

/// A column of figures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Column {
    Sessions,
    Hours(String),
    Cost(String),
}

impl Column {
    /// The columns of an answer: sessions, the sums, and every other statistic of what was asked about.
    pub(super) fn all(statistics: &[String], metric: Metric) -> Vec<Self> {
        let mut columns = vec![Self::Sessions];
        for name in statistics {
            if name == SUM || metric == Metric::Hours {
                columns.push(Self::Hours(name.clone()));
            }
            if name == SUM || metric != Metric::Hours {
                columns.push(Self::Cost(name.clone()));
            }
        }
        columns
    }

    /// The column that groups are ranked, drawn and compared by.
    pub(super) fn of_metric(statistics: &[String], metric: Metric) -> Self {
        let has_sum = statistics.iter().any(|name| name == SUM);
        let name = if has_sum { SUM } else { statistics.first().map_or(SUM, String::as_str) };
        match metric {
            Metric::Cost => Self::Cost(name.to_owned()),
            Metric::Hours => Self::Hours(name.to_owned()),
            Metric::Sessions => Self::Sessions,
        }
    }

    /// What stands above it.
    pub(super) fn title(&self) -> String {
        let named =
            |unit: &str, name: &str| if name == SUM { unit.to_owned() } else { format!("{unit} {name}") };
        match self {
            Self::Sessions => "sessions".to_owned(),
            Self::Hours(name) => named("hours", name),
            Self::Cost(name) => named("USD", name),
        }
    }

    /// Whether parts of it add up to the whole, so that they have a share of it.
    pub(super) fn adds_up(&self) -> bool {
        matches!(self, Self::Hours(name) | Self::Cost(name) if name == SUM)
    }

    /// The figure, exact.
    pub(super) fn figure(&self, figures: Figures<'_>) -> Option<Figure> {
        let (sessions, cost, runtime) = match figures {
            Figures::Of(amounts) => (amounts.sessions, &amounts.cost, &amounts.runtime_ms),
            Figures::OfRow(row) => (row.sessions, &row.cost, &row.runtime_ms),
        };
        match self {
            Self::Sessions => Some(Figure(sessions.into())),
            Self::Hours(name) => runtime.get(name).and_then(Figure::of_runtime),
            Self::Cost(name) => cost.get(name).and_then(|text| Figure::of_cost(text)),
        }
    }

    /// The figure as people read it; `-` where there is none, as of the least of nothing.
    pub(super) fn shown(&self, figures: Figures<'_>) -> String {
        let figure = self.figure(figures);
        figure.map_or_else(
            || "-".to_owned(),
            |figure| match self {
                Self::Sessions => grouped(figure.0),
                Self::Hours(_) => figure.as_hours(),
                Self::Cost(_) => figure.as_money(),
            },
        )
    }
}
