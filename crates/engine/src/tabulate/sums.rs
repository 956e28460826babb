//! Sums by number: narrow ones for columns, whose totals are known to fit 64 bits, and wide ones for everything else.

use farmtally_columns::Summary;

use crate::accumulator::Accumulator;

/// Sums that grow as numbers are met.
#[derive(Debug, Default)]
pub(crate) struct Sums {
    pub(crate) narrow: Vec<Summary>,
    wide: Vec<Accumulator>,
}

impl Sums {
    /// Adds an amount whose sum may need more than 64 bits.
    pub(crate) fn add_wide(&mut self, number: u32, cost_nanos: u64, runtime_ms: u64) {
        let index = number as usize;
        if index >= self.wide.len() {
            self.wide.resize(index + 1, Accumulator::EMPTY);
        }
        self.wide[index].add(cost_nanos, runtime_ms);
    }

    /// Everything under one number.
    pub(crate) fn get(&self, number: u32) -> Accumulator {
        let index = number as usize;
        let mut sum = self.wide.get(index).copied().unwrap_or(Accumulator::EMPTY);
        if let Some(narrow) = self.narrow.get(index) {
            sum.merge(&Accumulator::from(narrow));
        }
        sum
    }

    /// Memory that is held, in bytes.
    pub(crate) fn bytes(&self) -> usize {
        self.narrow.capacity() * size_of::<Summary>() + self.wide.capacity() * size_of::<Accumulator>()
    }
}
