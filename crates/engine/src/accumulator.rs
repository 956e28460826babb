//! The widest sums: 128 bits, for pieces that fit nothing narrower.

use farmtally_columns::Summary;
use farmtally_model::{Amounts, NarrowRow, StatisticsRow, TimeRange};

/// Count, sums, least and greatest of the pieces of one group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Accumulator {
    count: u64,
    cost: Amounts,
    runtime: Amounts,
}

const NOTHING: Amounts = Amounts { sum: 0, min: u64::MAX, max: 0 };

impl Accumulator {
    /// The accumulator of nothing, which merges without effect.
    pub(crate) const EMPTY: Self = Self { count: 0, cost: NOTHING, runtime: NOTHING };

    /// What was counted elsewhere.
    pub(crate) const fn of(count: u64, cost: Amounts, runtime: Amounts) -> Self {
        Self { count, cost, runtime }
    }

    pub(crate) fn add(&mut self, cost_nanos: u64, runtime_ms: u64) {
        let one = |amount: u64| Amounts { sum: u128::from(amount), min: amount, max: amount };
        self.merge(&Self { count: 1, cost: one(cost_nanos), runtime: one(runtime_ms) });
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        self.count += other.count;
        merge(&mut self.cost, &other.cost);
        merge(&mut self.runtime, &other.runtime);
    }

    /// Number of pieces.
    pub(crate) fn count(&self) -> u64 {
        self.count
    }

    /// Costs in nano-dollars; without a piece the least is the greatest number.
    pub(crate) fn cost(&self) -> Amounts {
        self.cost
    }

    /// Runtimes in milliseconds, likewise.
    pub(crate) fn runtime(&self) -> Amounts {
        self.runtime
    }

    /// The same in 64 bits, if that is enough.
    pub(crate) fn summary(&self) -> Option<Summary> {
        Some(Summary {
            count: u32::try_from(self.count).ok()?,
            runtime_min_ms: u32::try_from(self.runtime.min).ok()?,
            runtime_max_ms: u32::try_from(self.runtime.max).ok()?,
            runtime_sum_ms: u64::try_from(self.runtime.sum).ok()?,
            cost_sum_nanos: u64::try_from(self.cost.sum).ok()?,
            cost_min_nanos: self.cost.min,
            cost_max_nanos: self.cost.max,
        })
    }

    /// As the row of an answer.
    pub(crate) fn row(&self, bucket: TimeRange, values: [u32; 2]) -> StatisticsRow {
        StatisticsRow { bucket, values, count: self.count, cost: self.cost, runtime: self.runtime }
    }
}

fn merge(amounts: &mut Amounts, other: &Amounts) {
    amounts.sum += other.sum;
    amounts.min = amounts.min.min(other.min);
    amounts.max = amounts.max.max(other.max);
}

impl From<&NarrowRow> for Accumulator {
    fn from(row: &NarrowRow) -> Self {
        let wide = |sum: u64, min, max| Amounts { sum: u128::from(sum), min, max };
        Self {
            count: u64::from(row.count),
            cost: wide(row.cost_sum_nanos, row.cost_min_nanos, row.cost_max_nanos),
            runtime: wide(row.runtime_sum_ms, u64::from(row.runtime_min_ms), u64::from(row.runtime_max_ms)),
        }
    }
}

impl From<&Summary> for Accumulator {
    /// The least runtime of an empty summary is the greatest number of 32 bits, which is less than that of a long session.
    fn from(summary: &Summary) -> Self {
        if summary.count == 0 { Self::EMPTY } else { Self::from(&narrow_row([0; 2], summary)) }
    }
}

/// A summary as the row of an answer.
#[inline]
pub(crate) fn narrow_row(codes: [u32; 2], summary: &Summary) -> NarrowRow {
    NarrowRow {
        codes,
        count: summary.count,
        runtime_min_ms: summary.runtime_min_ms,
        runtime_max_ms: summary.runtime_max_ms,
        runtime_sum_ms: summary.runtime_sum_ms,
        cost_sum_nanos: summary.cost_sum_nanos,
        cost_min_nanos: summary.cost_min_nanos,
        cost_max_nanos: summary.cost_max_nanos,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_summary_merges_without_effect_beside_a_session_of_more_than_49_days() {
        let mut sum = Accumulator::EMPTY;
        sum.add(7, u64::from(u32::MAX) + 1);
        let before = sum;
        sum.merge(&Accumulator::from(&Summary::EMPTY));
        assert_eq!(sum, before);
    }
}
