//! Which statistics an answer shows, in the order in which they were asked for.

use std::fmt;

use super::error::QuestionError;
use crate::query::Statistic;
use crate::usage_query::{PERCENTILES_MAX, Percentile};

const HINT: &str = "write sum, avg, min, max or a percentile such as p50, p95 or p99.9";

/// One statistic of costs and runtimes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AskedStatistic {
    /// Sum, average, least or greatest.
    Of(Statistic),
    /// A percentile.
    Percentile(Percentile),
}

impl fmt::Display for AskedStatistic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Of(Statistic::Sum) => f.write_str("sum"),
            Self::Of(Statistic::Avg) => f.write_str("avg"),
            Self::Of(Statistic::Min) => f.write_str("min"),
            Self::Of(Statistic::Max) => f.write_str("max"),
            Self::Percentile(percentile) => percentile.fmt(f),
        }
    }
}

/// At least one statistic, each once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AskedStatistics(Vec<AskedStatistic>);

impl Default for AskedStatistics {
    /// The sum.
    fn default() -> Self {
        Self(vec![AskedStatistic::Of(Statistic::Sum)])
    }
}

impl AskedStatistics {
    /// Reads `sum`, `p95` and the like; none is the sum. One that is given twice counts once.
    pub fn parse<'a>(texts: impl IntoIterator<Item = &'a str>) -> Result<Self, QuestionError> {
        let mut statistics = Vec::new();
        for (index, text) in texts.into_iter().enumerate() {
            let statistic = parse_one(&format!("statistics[{index}]"), text)?;
            if !statistics.contains(&statistic) {
                statistics.push(statistic);
            }
        }
        if statistics.is_empty() {
            return Ok(Self::default());
        }
        let asked = Self(statistics);
        match asked.percentiles().count() {
            count if count > PERCENTILES_MAX => {
                let message = format!("{count} percentiles are given; at most {PERCENTILES_MAX} are allowed");
                Err(QuestionError::missing("statistics", message))
            }
            _ => Ok(asked),
        }
    }

    /// The statistics in their order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = AskedStatistic> + '_ {
        self.0.iter().copied()
    }

    /// The percentiles among them, in their order.
    pub fn percentiles(&self) -> impl Iterator<Item = Percentile> + '_ {
        self.iter().filter_map(|statistic| match statistic {
            AskedStatistic::Percentile(percentile) => Some(percentile),
            AskedStatistic::Of(_) => None,
        })
    }
}

fn parse_one(field: &str, text: &str) -> Result<AskedStatistic, QuestionError> {
    Ok(match text {
        "sum" => AskedStatistic::Of(Statistic::Sum),
        "avg" => AskedStatistic::Of(Statistic::Avg),
        "min" => AskedStatistic::Of(Statistic::Min),
        "max" => AskedStatistic::Of(Statistic::Max),
        _ => match Percentile::parse(text) {
            Ok(percentile) => AskedStatistic::Percentile(percentile),
            Err(_) => return Err(QuestionError::new(field, text, "not a statistic").hint(HINT)),
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statistics_keep_their_order_and_count_once() {
        let texts = |texts: &[&str]| {
            let parsed = AskedStatistics::parse(texts.iter().copied());
            parsed.map(|asked| asked.iter().map(|one| one.to_string()).collect::<Vec<_>>().join(" "))
        };
        assert_eq!(texts(&["p99.9", "sum", "p50", "p99.90"]).unwrap(), "p99.9 sum p50");
        assert_eq!(texts(&[]).unwrap(), "sum");
        let error = texts(&["sum", "median"]).unwrap_err();
        assert_eq!((error.field.as_str(), error.value.as_deref()), ("statistics[1]", Some("median")));
        let nine: Vec<String> = (1..=9).map(|percentile| format!("p{percentile}")).collect();
        let nine: Vec<&str> = nine.iter().map(String::as_str).collect();
        assert!(texts(&nine).unwrap_err().to_string().contains("at most 8"));
    }
}
