//! Percentiles need every amount. Amounts are kept as they come, put in the order of groups and rows once, and then looked at
//! row by row, group by group, and all together.

use std::borrow::Cow;
use std::ops::Range;

use farmtally_model::Percentile;

use crate::tabulate::recorded::{Part, Recorded, RecordedAmounts, with_room};

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

/// Percentiles of a whole answer.
#[derive(Debug, Default)]
pub(crate) struct AnswerPercentiles {
    /// By number of the row. There are none with one bucket.
    pub(crate) rows: FoundPercentiles,
    /// By slot.
    pub(crate) groups: FoundPercentiles,
    /// Of all sessions, under zero.
    pub(crate) total: FoundPercentiles,
}

impl AnswerPercentiles {
    /// Finds them for slots below `slots` and rows, each given by its slot; with one bucket there are no rows.
    pub(crate) fn new(
        recorded: &RecordedAmounts,
        rows: Option<&[u32]>,
        slots: usize,
        percentiles: &[Percentile],
    ) -> Self {
        let slot_of = rows.map_or_else(|| Cow::Owned((0..).take(slots).collect()), Cow::Borrowed);
        let order = SlotOrder::new(&slot_of, slots);
        let search = Search {
            inside: Places::new(&recorded.inside, slot_of.len(), Some(&order.positions)),
            pieces: Places::new(&recorded.pieces, slot_of.len(), None),
            totals: Places::new(&recorded.totals, slots, None),
            recorded,
            order: &order,
            rows: rows.map_or(0, <[u32]>::len),
            percentiles,
        };
        let mut room = with_room(recorded.inside.len() + recorded.sessions.len());
        let costs = search.find(|part| &part.costs_nanos, &mut room);
        let runtimes = search.find(|part| &part.runtimes_ms, &mut room);
        let found = |costs_nanos, runtimes_ms| FoundPercentiles {
            per_number: percentiles.len(),
            costs_nanos,
            runtimes_ms,
        };
        Self {
            rows: found(costs.rows, runtimes.rows),
            groups: found(costs.groups, runtimes.groups),
            total: found(costs.total, runtimes.total),
        }
    }
}

/// Numbers in the order of their slots, so that the amounts of a slot lie together, and so do those of each number.
struct SlotOrder {
    /// Of each number.
    positions: Vec<u32>,
    /// Positions from which on each slot has its numbers, and their end.
    begins: Vec<usize>,
}

impl SlotOrder {
    fn new(slot_of: &[u32], slots: usize) -> Self {
        let begins = begins(slots, slot_of.iter().copied());
        let mut next = begins.clone();
        let positions = slot_of.iter().map(|slot| {
            let next = &mut next[*slot as usize];
            *next += 1;
            u32::try_from(*next - 1).unwrap_or(u32::MAX)
        });
        Self { positions: positions.collect(), begins }
    }
}

/// Where amounts are put, so that those under one number lie together.
struct Places<'a> {
    begins: Vec<usize>,
    /// In which order the numbers follow each other, if not in their own.
    positions: Option<&'a [u32]>,
}

impl<'a> Places<'a> {
    fn new(list: &Recorded, numbers: usize, positions: Option<&'a [u32]>) -> Self {
        let recorded = list.parts().iter().flat_map(|part| &part.numbers);
        let begins = match positions {
            Some(positions) => begins(numbers, recorded.map(|number| positions[*number as usize])),
            None => begins(numbers, recorded.copied()),
        };
        Self { begins, positions }
    }

    /// Where the amounts at some positions are.
    fn range(&self, positions: Range<usize>) -> Range<usize> {
        self.begins[positions.start]..self.begins[positions.end]
    }

    /// Puts one kind of amounts.
    fn put(&self, list: &Recorded, amounts: fn(&Part) -> &[u64], room: &mut Vec<u64>) {
        // What was there before is overwritten: every place gets an amount.
        room.resize(list.len(), 0);
        let mut next = self.begins.clone();
        for part in list.parts() {
            for (number, amount) in part.numbers.iter().zip(amounts(part)) {
                let position = self.positions.map_or(*number, |positions| positions[*number as usize]);
                let next = &mut next[position as usize];
                room[*next] = *amount;
                *next += 1;
            }
        }
    }
}

/// Where each of `count` positions begins when what lies at them is put in their order, and where the last ends.
fn begins(count: usize, positions: impl Iterator<Item = u32>) -> Vec<usize> {
    let mut begins = vec![0_usize; count + 1];
    positions.for_each(|position| begins[position as usize + 1] += 1);
    for index in 1..begins.len() {
        begins[index] += begins[index - 1];
    }
    begins
}

/// What is searched.
struct Search<'a> {
    recorded: &'a RecordedAmounts,
    order: &'a SlotOrder,
    inside: Places<'a>,
    pieces: Places<'a>,
    totals: Places<'a>,
    /// Rows whose percentiles are asked for.
    rows: usize,
    percentiles: &'a [Percentile],
}

/// Percentiles of one kind of amounts.
struct Found {
    rows: Vec<u64>,
    groups: Vec<u64>,
    total: Vec<u64>,
}

impl Search<'_> {
    fn find(&self, amounts: fn(&Part) -> &[u64], room: &mut Vec<u64>) -> Found {
        let mut scratch = Vec::new();
        self.inside.put(&self.recorded.inside, amounts, room);
        let mut find = |own: &mut [u64], more: &[u64], found: &mut Vec<u64>| {
            if more.is_empty() {
                return find_ranks(own, self.percentiles, found);
            }
            scratch.clear();
            scratch.extend_from_slice(own);
            scratch.extend_from_slice(more);
            find_ranks(&mut scratch, self.percentiles, found);
        };

        let mut others = Vec::new();
        let mut found = Found { rows: Vec::new(), groups: Vec::new(), total: Vec::new() };
        self.pieces.put(&self.recorded.pieces, amounts, &mut others);
        for number in 0..self.rows {
            let position = self.order.positions[number] as usize;
            let own = self.inside.range(position..position + 1);
            find(&mut room[own], &others[self.pieces.range(number..number + 1)], &mut found.rows);
        }
        self.totals.put(&self.recorded.totals, amounts, &mut others);
        for (slot, positions) in self.order.begins.windows(2).enumerate() {
            let own = self.inside.range(positions[0]..positions[1]);
            find(&mut room[own], &others[self.totals.range(slot..slot + 1)], &mut found.groups);
        }
        for part in self.recorded.sessions.parts() {
            room.extend_from_slice(amounts(part));
        }
        find_ranks(room, self.percentiles, &mut found.total);
        found
    }
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
