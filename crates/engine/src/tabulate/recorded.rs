//! The single amounts that percentiles are found among.

use std::sync::{Mutex, PoisonError};

use crate::large_pages;

/// Amounts of the first part of a list, and those of a large one: 10 MiB, which fill large pages.
const PART_MIN: usize = 1 << 10;
const PART_MAX: usize = 1 << 19;
const PART_GROWTH: usize = 64;

/// Large parts that are kept for the next answers: 60 MiB. Half of the time would go into memory that the system has to
/// clear first.
const PARTS_KEPT_MAX: usize = 6;

static PARTS_KEPT: Mutex<Vec<Part>> = Mutex::new(Vec::new());

/// The single amounts behind rows, totals and the total.
#[derive(Debug, Default)]
pub(crate) struct RecordedAmounts {
    /// Of sessions in one bucket and one group, by row or, with one bucket, by slot.
    pub(crate) inside: Recorded,
    /// Of all other sessions, by row, by slot, and once.
    pub(crate) pieces: Recorded,
    pub(crate) totals: Recorded,
    pub(crate) sessions: Recorded,
}

impl RecordedAmounts {
    /// Memory that is held, in bytes, and will be while percentiles are found: each amount is put in a place once, costs
    /// before runtimes, and at most once more.
    pub(crate) fn bytes(&self) -> usize {
        let lists = [&self.inside, &self.pieces, &self.totals, &self.sessions];
        let room: usize = lists.into_iter().map(|list| list.room).sum();
        room * (size_of::<u32>() + 4 * size_of::<u64>())
    }
}

/// Costs and runtimes, each under a number. They lie in parts, so that none is moved when there are more.
#[derive(Debug, Default)]
pub(crate) struct Recorded {
    parts: Vec<Part>,
    /// Amounts of each kind that there is room for.
    room: usize,
}

/// Some of them.
#[derive(Debug)]
pub(crate) struct Part {
    pub(crate) numbers: Vec<u32>,
    pub(crate) costs_nanos: Vec<u64>,
    pub(crate) runtimes_ms: Vec<u64>,
}

impl Recorded {
    #[inline]
    pub(crate) fn push(&mut self, number: u32, cost_nanos: u64, runtime_ms: u64) {
        let part = self.part_for(1);
        part.numbers.push(number);
        part.costs_nanos.push(cost_nanos);
        part.runtimes_ms.push(runtime_ms);
    }

    /// Pushes many, which are no more than a chunk of rows.
    pub(crate) fn extend(&mut self, numbers: &[u32], amounts: impl Iterator<Item = (u64, u32)> + Clone) {
        let part = self.part_for(numbers.len());
        part.numbers.extend_from_slice(numbers);
        part.costs_nanos.extend(amounts.clone().map(|(cost_nanos, _)| cost_nanos));
        part.runtimes_ms.extend(amounts.map(|(_, runtime_ms)| u64::from(runtime_ms)));
    }

    pub(crate) fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// Number of amounts of each kind.
    pub(crate) fn len(&self) -> usize {
        self.parts.iter().map(|part| part.numbers.len()).sum()
    }

    /// A part with room for so many.
    fn part_for(&mut self, more: usize) -> &mut Part {
        let has_room = |part: &Part| part.numbers.capacity() - part.numbers.len() >= more;
        if !self.parts.last().is_some_and(has_room) {
            self.begin_part(more);
        }
        let last = self.parts.len() - 1;
        &mut self.parts[last]
    }

    #[cold]
    fn begin_part(&mut self, more: usize) {
        let room = (self.room * (PART_GROWTH - 1)).clamp(PART_MIN, PART_MAX).max(more);
        self.room += room;
        let kept = if room == PART_MAX { Part::kept() } else { None };
        self.parts.push(kept.unwrap_or_else(|| Part::with_room(room)));
    }
}

/// Large parts are kept.
impl Drop for Recorded {
    fn drop(&mut self) {
        for mut part in self.parts.drain(..).filter(|part| part.numbers.capacity() == PART_MAX) {
            part.numbers.clear();
            part.costs_nanos.clear();
            part.runtimes_ms.clear();
            let mut kept = PARTS_KEPT.lock().unwrap_or_else(PoisonError::into_inner);
            if kept.len() < PARTS_KEPT_MAX {
                kept.push(part);
            }
        }
    }
}

impl Part {
    fn with_room(room: usize) -> Self {
        Self { numbers: with_room(room), costs_nanos: with_room(room), runtimes_ms: with_room(room) }
    }

    /// An empty large one that an earlier answer had, if one is kept.
    fn kept() -> Option<Self> {
        PARTS_KEPT.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }
}

/// An empty list that will be filled.
pub(crate) fn with_room<T>(room: usize) -> Vec<T> {
    let mut list = Vec::with_capacity(room);
    large_pages::prefer(&mut list);
    list
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_keep_their_order_over_parts_and_few_large_parts_are_kept() {
        let amounts: Vec<(u64, u32)> = (0..1_000).map(|number| (u64::from(number) + 7, number)).collect();
        let numbers: Vec<u32> = amounts.iter().map(|(_, number)| *number).collect();
        for _ in 0..2 {
            let mut list = Recorded::default();
            let times = (PARTS_KEPT_MAX + 2) * PART_MAX / amounts.len();
            for _ in 0..times {
                list.extend(&numbers, amounts.iter().copied());
            }
            assert_eq!(list.len(), times * amounts.len());
            let of_all = |of: fn(&Part) -> Vec<u64>| list.parts().iter().flat_map(of).collect::<Vec<u64>>();
            let again = |index: usize| amounts[index % amounts.len()];
            let costs = of_all(|part| part.costs_nanos.clone());
            assert!(costs.iter().enumerate().all(|(index, cost)| *cost == again(index).0));
            let runtimes = of_all(|part| part.runtimes_ms.clone());
            assert!(runtimes.iter().enumerate().all(|(index, runtime)| *runtime == again(index).1.into()));
            assert!(list.parts().iter().all(|part| part.numbers.len() == part.costs_nanos.len()));
        }
        assert!(PARTS_KEPT.lock().unwrap().len() <= PARTS_KEPT_MAX);
    }
}
