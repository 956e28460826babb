//! Percentiles need every amount. Amounts are kept as they come, sorted by their number once, and then looked at number by
//! number.

use farmtally_model::Percentile;

/// Costs and runtimes, each under a number.
#[derive(Debug, Default)]
pub(crate) struct Recorded {
    numbers: Vec<u32>,
    costs_nanos: Vec<u64>,
    runtimes_ms: Vec<u64>,
}

/// For each number the percentiles of its costs and of its runtimes.
#[derive(Debug, Default)]
pub(crate) struct FoundPercentiles {
    per_number: usize,
    costs_nanos: Vec<u64>,
    runtimes_ms: Vec<u64>,
}

impl FoundPercentiles {
    /// The percentiles of costs and runtimes of a number; none if none were asked for.
    pub(crate) fn of(&self, number: u32) -> (Vec<u64>, Vec<u64>) {
        let from = number as usize * self.per_number;
        let own = |found: &[u64]| found.get(from..from + self.per_number).unwrap_or_default().to_vec();
        (own(&self.costs_nanos), own(&self.runtimes_ms))
    }
}

impl Recorded {
    #[inline]
    pub(crate) fn push(&mut self, number: u32, cost_nanos: u64, runtime_ms: u64) {
        self.numbers.push(number);
        self.costs_nanos.push(cost_nanos);
        self.runtimes_ms.push(runtime_ms);
    }

    /// All amounts under one number.
    pub(crate) fn together(&self) -> Self {
        Self {
            numbers: vec![0; self.numbers.len()],
            costs_nanos: self.costs_nanos.clone(),
            runtimes_ms: self.runtimes_ms.clone(),
        }
    }

    /// Finds percentiles for numbers below `count`.
    pub(crate) fn percentiles(&self, count: usize, percentiles: &[Percentile]) -> FoundPercentiles {
        let mut ends = vec![0_usize; count + 1];
        for number in &self.numbers {
            ends[*number as usize + 1] += 1;
        }
        for index in 1..ends.len() {
            ends[index] += ends[index - 1];
        }
        FoundPercentiles {
            per_number: percentiles.len(),
            costs_nanos: self.of_amounts(&self.costs_nanos, &ends, percentiles),
            runtimes_ms: self.of_amounts(&self.runtimes_ms, &ends, percentiles),
        }
    }

    fn of_amounts(&self, amounts: &[u64], ends: &[usize], percentiles: &[Percentile]) -> Vec<u64> {
        let mut sorted = vec![0; amounts.len()];
        let mut next = ends.to_vec();
        for (number, amount) in self.numbers.iter().zip(amounts) {
            let next = &mut next[*number as usize];
            sorted[*next] = *amount;
            *next += 1;
        }
        let mut found = Vec::with_capacity((ends.len() - 1) * percentiles.len());
        for own in ends.windows(2) {
            let own = &mut sorted[own[0]..own[1]];
            found.extend(percentiles.iter().map(|percentile| nearest_rank(own, *percentile)));
        }
        found
    }

    /// Memory that is held, in bytes, and will be while percentiles are found.
    pub(crate) fn bytes(&self) -> usize {
        self.numbers.capacity() * (size_of::<u32>() + 3 * size_of::<u64>())
    }
}

fn nearest_rank(amounts: &mut [u64], percentile: Percentile) -> u64 {
    if amounts.is_empty() {
        return 0;
    }
    let place = percentile.place(amounts.len());
    *amounts.select_nth_unstable(place).1
}
