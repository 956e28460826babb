//! Percentiles need every amount. Amounts are kept as they come, put in the order of their numbers once, and then looked at
//! number by number.

use farmtally_model::Percentile;

/// Costs and runtimes, each under a number.
#[derive(Debug, Default)]
pub(crate) struct Recorded {
    numbers: Vec<u32>,
    costs_nanos: Vec<u64>,
    runtimes_ms: Vec<u64>,
}

impl Recorded {
    #[inline]
    pub(crate) fn push(&mut self, number: u32, cost_nanos: u64, runtime_ms: u64) {
        self.numbers.push(number);
        self.costs_nanos.push(cost_nanos);
        self.runtimes_ms.push(runtime_ms);
    }

    /// Pushes many.
    pub(crate) fn extend(&mut self, numbers: &[u32], amounts: impl Iterator<Item = (u64, u32)> + Clone) {
        self.numbers.extend_from_slice(numbers);
        self.costs_nanos.extend(amounts.clone().map(|(cost_nanos, _)| cost_nanos));
        self.runtimes_ms.extend(amounts.map(|(_, runtime_ms)| u64::from(runtime_ms)));
    }

    /// Memory that is held, in bytes, and will be while percentiles are found.
    pub(crate) fn bytes(&self) -> usize {
        self.numbers.capacity() * (size_of::<u32>() + 3 * size_of::<u64>())
    }
}

/// What the numbers of some amounts are taken for.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Under<'a> {
    /// Themselves.
    Themselves,
    /// The slot of the row with the number.
    SlotOfRow(&'a [(u32, u32)]),
    /// Zero, all of them.
    Zero,
}

impl Under<'_> {
    fn number(self, number: u32) -> usize {
        match self {
            Self::Themselves => number as usize,
            Self::SlotOfRow(rows) => rows[number as usize].0 as usize,
            Self::Zero => 0,
        }
    }
}

/// For each number the percentiles of its costs and of its runtimes.
#[derive(Debug, Default)]
pub(crate) struct FoundPercentiles {
    per_number: usize,
    costs_nanos: Vec<u64>,
    runtimes_ms: Vec<u64>,
}

impl FoundPercentiles {
    /// Finds percentiles for numbers below `count`, of all amounts in some lists together.
    pub(crate) fn new(lists: &[(&Recorded, Under<'_>)], count: usize, percentiles: &[Percentile]) -> Self {
        let mut begins = vec![0_usize; count + 1];
        for (list, under) in lists {
            for number in &list.numbers {
                begins[under.number(*number) + 1] += 1;
            }
        }
        for index in 1..begins.len() {
            begins[index] += begins[index - 1];
        }
        let find = |amounts: fn(&Recorded) -> &[u64]| of_amounts(lists, amounts, &begins, percentiles);
        let costs_nanos = find(|list| &list.costs_nanos);
        Self { per_number: percentiles.len(), costs_nanos, runtimes_ms: find(|list| &list.runtimes_ms) }
    }

    /// The percentiles of costs and runtimes of a number; none if none were asked for.
    pub(crate) fn of(&self, number: u32) -> (Vec<u64>, Vec<u64>) {
        let from = number as usize * self.per_number;
        let own = |found: &[u64]| found.get(from..from + self.per_number).unwrap_or_default().to_vec();
        (own(&self.costs_nanos), own(&self.runtimes_ms))
    }
}

fn of_amounts(
    lists: &[(&Recorded, Under<'_>)],
    amounts: fn(&Recorded) -> &[u64],
    begins: &[usize],
    percentiles: &[Percentile],
) -> Vec<u64> {
    let mut sorted = vec![0; begins.last().copied().unwrap_or(0)];
    let mut next = begins.to_vec();
    for (list, under) in lists {
        for (number, amount) in list.numbers.iter().zip(amounts(list)) {
            let next = &mut next[under.number(*number)];
            sorted[*next] = *amount;
            *next += 1;
        }
    }
    let mut found = Vec::with_capacity((begins.len() - 1) * percentiles.len());
    for own in begins.windows(2) {
        let own = &mut sorted[own[0]..own[1]];
        find_ranks(own, percentiles, &mut found);
    }
    found
}

/// Appends the percentiles of some amounts. Each is looked for above the one below it, where the greater amounts are already.
fn find_ranks(amounts: &mut [u64], percentiles: &[Percentile], found: &mut Vec<u64>) {
    let first = found.len();
    found.resize(first + percentiles.len(), 0);
    if amounts.is_empty() {
        return;
    }
    let places = percentiles.iter().map(|percentile| percentile.place(amounts.len()));
    let mut order: Vec<(usize, usize)> = places.zip(first..).collect();
    order.sort_unstable();
    let mut from = 0;
    for (place, of) in order {
        // The place before `from` has its amount.
        if place >= from {
            amounts[from..].select_nth_unstable(place - from);
            from = place + 1;
        }
        found[of] = amounts[place];
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn percentiles_in_any_order_are_those_of_the_sorted_amounts(
            mut amounts in prop::collection::vec(0_u64..50, 0..60),
            texts in prop::collection::vec(prop::sample::select(vec!["p0", "p50", "p51", "p95", "p99.9", "p100"]), 0..6),
        ) {
            let percentiles: Vec<_> = texts.iter().map(|text| Percentile::parse(text).unwrap()).collect();
            let mut found = vec![7];
            find_ranks(&mut amounts.clone(), &percentiles, &mut found);
            amounts.sort_unstable();
            let at = |percentile: &Percentile| amounts.get(percentile.place(amounts.len())).copied().unwrap_or(0);
            let expected: Vec<u64> = [7].into_iter().chain(percentiles.iter().map(at)).collect();
            prop_assert_eq!(found, expected);
        }
    }
}
