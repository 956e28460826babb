//! Sums by number: narrow ones for pieces that are short and cheap, which nearly all are, and wide ones beside for the others.

use std::ops::Range;

use crate::output::Groups;
use farmtally_columns::narrow_sum::{COST_BITS, NarrowSum, PIECES_MAX, RUNTIME_BITS};
use farmtally_columns::{RolledSum, Summary};

/// Sums by number from zero.
#[derive(Debug, Default)]
pub(crate) struct SumTable {
    narrow: Vec<NarrowSum>,
    /// Empty until something is added that is not narrow.
    wide: Vec<Summary>,
    /// Most pieces that any narrow sum can have.
    pieces_max: usize,
    /// One if nothing may be added to narrow sums now, else zero.
    refused: u64,
}

impl SumTable {
    /// So many empty sums.
    pub(crate) fn new(len: usize) -> Self {
        Self { narrow: vec![NarrowSum::EMPTY; len], ..Self::default() }
    }

    /// Makes a table of which everything was taken out one of so many sums, and says that at most so many pieces will be
    /// added next.
    pub(crate) fn begin(&mut self, len: usize, pieces: usize) {
        self.narrow.resize(len, NarrowSum::EMPTY);
        self.wide.clear();
        self.pieces_max = 0;
        self.expect_pieces(pieces);
    }

    pub(crate) fn len(&self) -> usize {
        self.narrow.len()
    }

    /// Says that at most so many pieces will be added next. Without that none may be added.
    pub(crate) fn expect_pieces(&mut self, pieces: usize) {
        if self.pieces_max.saturating_add(pieces) >= PIECES_MAX {
            self.widen();
        }
        self.refused = u64::from(pieces >= PIECES_MAX);
        self.pieces_max = self.pieces_max.saturating_add(pieces);
    }

    /// Adds a piece.
    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "narrow costs have 32 bits")]
    pub(crate) fn add(&mut self, index: usize, cost_nanos: u64, runtime_ms: u32) {
        if cost_nanos >> COST_BITS | u64::from(runtime_ms >> RUNTIME_BITS) | self.refused == 0 {
            self.narrow[index].add(cost_nanos as u32, runtime_ms);
        } else {
            self.add_wide(index, cost_nanos, runtime_ms);
        }
    }

    /// The narrow sums, if narrow pieces may be added to them now.
    pub(crate) fn narrow(&mut self) -> Option<&mut [NarrowSum]> {
        (self.refused == 0).then_some(&mut self.narrow)
    }

    #[inline(never)]
    fn add_wide(&mut self, index: usize, cost_nanos: u64, runtime_ms: u32) {
        self.wide(index..index + 1)[0].add(cost_nanos, runtime_ms);
    }

    /// Adds a sum of some of the pieces that were announced.
    #[inline]
    pub(crate) fn merge(&mut self, index: usize, sum: RolledSum<'_>) {
        match sum {
            RolledSum::Narrow(sum) if self.refused == 0 => self.narrow[index].merge(sum),
            sum => match self.wide.get_mut(index) {
                Some(own) => own.merge(&sum.summary()),
                None => self.merge_first_wide(index, sum),
            },
        }
    }

    #[cold]
    #[inline(never)]
    fn merge_first_wide(&mut self, index: usize, sum: RolledSum<'_>) {
        self.wide(index..index + 1)[0].merge(&sum.summary());
    }

    /// Some sums, to which summaries can be merged.
    pub(crate) fn wide(&mut self, range: Range<usize>) -> &mut [Summary] {
        if self.wide.is_empty() {
            self.wide = vec![Summary::EMPTY; self.narrow.len()];
        }
        &mut self.wide[range]
    }

    /// Takes the sums of a range out and hands those that are not empty to `groups`. Their keys are their places in the range.
    #[inline]
    pub(crate) fn drain(&mut self, range: Range<usize>, groups: &mut impl Groups) {
        if self.wide.is_empty() {
            return groups.narrow_all(&mut self.narrow[range]);
        }
        let sums = self.narrow[range.clone()].iter_mut().zip(&mut self.wide[range]);
        for (key, (narrow, wide)) in (0..).zip(sums) {
            if wide.count > 0 {
                narrow.move_to(wide);
                groups.wide(key, wide);
                *wide = Summary::EMPTY;
            } else if !narrow.is_empty() {
                groups.narrow(key, narrow);
                *narrow = NarrowSum::EMPTY;
            }
        }
    }

    /// Takes over sums of another table, which are moved to `to`.
    pub(crate) fn take_over(&mut self, to: Range<usize>, other: &Self, from: Range<usize>) {
        self.narrow[to.clone()].copy_from_slice(&other.narrow[from.clone()]);
        if !other.wide.is_empty() {
            self.wide(to).copy_from_slice(&other.wide[from]);
        }
        self.pieces_max = self.pieces_max.max(other.pieces_max);
    }

    /// Makes all narrow sums wide.
    fn widen(&mut self) {
        let mut narrow = std::mem::take(&mut self.narrow);
        if self.wide.is_empty() {
            self.wide = vec![Summary::EMPTY; narrow.len()];
        }
        for (wide, narrow) in self.wide.iter_mut().zip(&mut narrow) {
            narrow.move_to(wide);
        }
        (self.narrow, self.pieces_max) = (narrow, 0);
    }

    pub(crate) fn bytes(&self) -> usize {
        self.narrow.len() * size_of::<NarrowSum>() + self.wide.len() * size_of::<Summary>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::Each;
    use proptest::prelude::*;

    fn number(bits: u32) -> impl Strategy<Value = u64> {
        (0..=bits).prop_flat_map(|bits| 0..=(1_u64 << bits) - 1)
    }

    proptest! {
        #[test]
        fn narrow_and_wide_sums_are_the_plain_summaries(
            pieces in prop::collection::vec((0_usize..4, number(43), number(32)), 0..80),
            expected in prop::sample::select(vec![80_usize, PIECES_MAX - 50, PIECES_MAX]),
        ) {
            let mut plain = [Summary::EMPTY; 4];
            let mut table = SumTable::new(5);
            for pieces in pieces.chunks(40) {
                table.expect_pieces(expected);
                for (index, cost_nanos, runtime_ms) in pieces {
                    let runtime_ms = u32::try_from(*runtime_ms).unwrap();
                    plain[*index].add(*cost_nanos, runtime_ms);
                    table.add(index + 1, *cost_nanos, runtime_ms);
                }
            }
            let mut grown = SumTable::new(9);
            grown.take_over(4..9, &table, 0..5);
            let mut drained = [Summary::EMPTY; 4];
            grown.drain(5..9, &mut Each(|place, sum: &Summary| drained[usize::try_from(place).unwrap()] = *sum));
            prop_assert_eq!(drained, plain);
            let mut left = 0;
            grown.drain(0..9, &mut Each(|_, _: &Summary| left += 1));
            prop_assert_eq!(left, 0);
        }
    }

    #[test]
    fn a_narrow_sum_holds_as_many_of_the_greatest_pieces_as_it_may() {
        let mut table = SumTable::new(1);
        let mut plain = Summary::EMPTY;
        table.expect_pieces(PIECES_MAX - 1);
        for _ in 0..PIECES_MAX - 1 {
            table.add(0, (1 << COST_BITS) - 1, (1 << RUNTIME_BITS) - 1);
            plain.add((1 << COST_BITS) - 1, (1 << RUNTIME_BITS) - 1);
        }
        assert!(table.wide.is_empty());
        table.drain(0..1, &mut Each(|_, sum: &Summary| assert_eq!(*sum, plain)));
    }
}
