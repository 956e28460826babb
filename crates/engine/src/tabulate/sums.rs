//! Sums by number: narrow ones for columns, whose totals are known to fit 64 bits, and wide ones for everything else.

use farmtally_columns::Summary;

use crate::accumulator::Accumulator;

/// Sums that grow as numbers are met.
#[derive(Debug, Default)]
pub(crate) struct Sums {
    narrow: Vec<Summary>,
    wide: Vec<Accumulator>,
}

impl Sums {
    /// The narrow sum of a number.
    #[inline]
    pub(crate) fn narrow(&mut self, number: u32) -> &mut Summary {
        let index = number as usize;
        if index >= self.narrow.len() {
            self.narrow.resize(index + 1, Summary::EMPTY);
        }
        &mut self.narrow[index]
    }

    /// Adds an amount whose sum may need more than 64 bits.
    pub(crate) fn add_wide(&mut self, number: u32, cost_nanos: u64, runtime_ms: u64) {
        self.wide(number).add(cost_nanos, runtime_ms);
    }

    /// Adds a sum that may need more than 64 bits.
    pub(crate) fn merge_wide(&mut self, number: u32, sum: &Accumulator) {
        self.wide(number).merge(sum);
    }

    fn wide(&mut self, number: u32) -> &mut Accumulator {
        let index = number as usize;
        if index >= self.wide.len() {
            self.wide.resize(index + 1, Accumulator::EMPTY);
        }
        &mut self.wide[index]
    }

    /// Everything under one number.
    pub(crate) fn get(&self, number: u32) -> Accumulator {
        let mut sum = self.wide.get(number as usize).copied().unwrap_or(Accumulator::EMPTY);
        if let Some(narrow) = self.inside(number) {
            sum.merge(&Accumulator::from(&narrow));
        }
        sum
    }

    /// The narrow sum of a number, if there is one.
    pub(crate) fn inside(&self, number: u32) -> Option<Summary> {
        self.narrow.get(number as usize).copied()
    }

    /// All narrow sums.
    pub(crate) fn all_inside(&self) -> &[Summary] {
        &self.narrow
    }

    /// Memory that is held, in bytes.
    pub(crate) fn bytes(&self) -> usize {
        self.narrow.capacity() * size_of::<Summary>() + self.wide.capacity() * size_of::<Accumulator>()
    }
}
