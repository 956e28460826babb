//! Percentiles need every amount. Amounts are kept as they come. Where numbers have few each, all are put in the order of their
//! numbers and looked at number by number; where they have many, they are counted in bins first, and only those in the bins
//! with the percentiles are put in order.

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
        let is_binned = count.saturating_mul(BINS) <= begins[count];
        let find = |amounts: fn(&Recorded) -> &[u64]| {
            if is_binned {
                by_bins(lists, amounts, &begins, percentiles)
            } else {
                by_order(lists, amounts, &begins, percentiles)
            }
        };
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

fn by_order(
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

/// Bins of amounts: one for each below 32, and sixteen for each power of two from there on.
const BINS: usize = 1 << 10;

/// The bin of an amount. A greater amount has no lower bin.
#[inline]
fn bin(amount: u64) -> usize {
    let number = |bits: u64| usize::try_from(bits).unwrap_or(0);
    if amount < 32 {
        return number(amount);
    }
    let power = 63 - amount.leading_zeros() as usize;
    32 + (power - 5) * 16 + number((amount >> (power - 4)) & 15)
}

/// A bin that has a percentile, and which of its amounts that is.
struct Sought {
    bin: u32,
    place: usize,
}

/// No amount of a bin is wanted.
const UNWANTED: u32 = u32::MAX;

fn by_bins(
    lists: &[(&Recorded, Under<'_>)],
    amounts: fn(&Recorded) -> &[u64],
    begins: &[usize],
    percentiles: &[Percentile],
) -> Vec<u64> {
    let mut cells = vec![0_u32; (begins.len() - 1) * BINS];
    for_each_amount(lists, amounts, |cell, _| cells[cell] += 1);
    let (sought, mut bins) = seek(&mut cells, begins, percentiles);
    for_each_amount(lists, amounts, |cell, amount| {
        if let Some(bin) = bins.get_mut(cells[cell] as usize) {
            bin.push(amount);
        }
    });
    let find = |sought: Option<Sought>| {
        let Sought { bin, place } = sought?;
        let own = bins.get_mut(bin as usize).filter(|own| place < own.len())?;
        Some(*own.select_nth_unstable(place).1)
    };
    sought.into_iter().map(find).map(Option::unwrap_or_default).collect()
}

/// Visits every amount with its cell: the bins of the first number, then those of the second, and so on.
#[inline]
fn for_each_amount(
    lists: &[(&Recorded, Under<'_>)],
    amounts: fn(&Recorded) -> &[u64],
    mut visit: impl FnMut(usize, u64),
) {
    for (list, under) in lists {
        for (number, amount) in list.numbers.iter().zip(amounts(list)) {
            visit(under.number(*number) * BINS + bin(*amount), *amount);
        }
    }
}

/// Where the percentiles of each number are, by how many amounts each cell has. Then cells have the number of their bin instead,
/// if it is wanted, and the bins have room for their amounts.
fn seek(
    cells: &mut [u32],
    begins: &[usize],
    percentiles: &[Percentile],
) -> (Vec<Option<Sought>>, Vec<Vec<u64>>) {
    let (mut sought, mut bins) = (Vec::new(), Vec::new());
    for (own, lengths) in cells.chunks_mut(BINS).zip(begins.windows(2)) {
        let length = lengths[1] - lengths[0];
        let counts = own.to_vec();
        own.fill(UNWANTED);
        for percentile in percentiles {
            if length == 0 {
                sought.push(None);
                continue;
            }
            let mut place = percentile.place(length);
            let is_behind = |count: &&u32| {
                let is_behind = place >= **count as usize;
                place -= if is_behind { **count as usize } else { 0 };
                is_behind
            };
            let at = counts.iter().take_while(is_behind).count();
            if own[at] == UNWANTED {
                own[at] = u32::try_from(bins.len()).unwrap_or(UNWANTED);
                bins.push(Vec::with_capacity(counts[at] as usize));
            }
            sought.push(Some(Sought { bin: own[at], place }));
        }
    }
    (sought, bins)
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
        fn bins_find_the_amounts_that_order_finds(
            amounts in prop::collection::vec((0_u32..3, prop_oneof![0_u64..200, any::<u64>()]), 0..200),
            texts in prop::collection::vec(prop::sample::select(vec!["p0", "p50", "p51", "p95", "p99.9", "p100"]), 1..6),
        ) {
            let percentiles: Vec<_> = texts.iter().map(|text| Percentile::parse(text).unwrap()).collect();
            let mut list = Recorded::default();
            let mut begins = vec![0, 0, 0, 0];
            for (number, amount) in amounts {
                list.push(number, amount, 0);
                begins[number as usize + 1..].iter_mut().for_each(|begin| *begin += 1);
            }
            let lists = [(&list, Under::Themselves)];
            let costs: fn(&Recorded) -> &[u64] = |list| &list.costs_nanos;
            let found = by_bins(&lists, costs, &begins, &percentiles);
            prop_assert_eq!(found, by_order(&lists, costs, &begins, &percentiles));
        }

        #[test]
        fn a_greater_amount_has_no_lower_bin(one in any::<u64>(), other in any::<u64>(), shift in 0_u32..64) {
            let (one, other) = (one >> shift, other >> shift);
            prop_assert!(bin(one.min(other)) <= bin(one.max(other)));
            prop_assert!(bin(one) < BINS);
        }

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
