//! Sums by number: narrow ones for pieces that are short and cheap, which nearly all are, and wide ones beside for the others.
//!
//! A narrow sum takes 32 bytes where a summary takes 48, and a piece is added to it with half of the instructions: the least
//! and greatest numbers are one comparison of four lanes.

use std::ops::Range;

use farmtally_columns::Summary;

/// Pieces with a cost below 2^32 nano-dollars and a runtime below 2^24 milliseconds are added to narrow sums.
const COST_BITS: u32 = 32;
const RUNTIME_BITS: u32 = 24;
/// Most pieces of a narrow sum, so that neither the count nor the sum of runtimes leaves its part of the word.
const PIECES_MAX: usize = 1 << COUNT_BITS;
const COUNT_BITS: u32 = 20;
const RUNTIME_SUM_BITS: u32 = COUNT_BITS + RUNTIME_BITS;

const _: () = assert!(COUNT_BITS + RUNTIME_SUM_BITS <= u64::BITS);

/// Count, sums, least and greatest of fewer than [`PIECES_MAX`] narrow pieces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(C, align(32))]
struct NarrowSum {
    /// The greatest cost and runtime, and the greatest complements of them, which are the complements of the least; as signed
    /// numbers in the same order, because those can be compared four at once on every processor.
    greatest: [i32; 4],
    cost_sum_nanos: u64,
    /// The count above the sum of runtimes.
    count_and_runtime_sum: u64,
}

impl NarrowSum {
    const EMPTY: Self = Self { greatest: [i32::MIN; 4], cost_sum_nanos: 0, count_and_runtime_sum: 0 };

    #[inline]
    fn add(&mut self, cost_nanos: u32, runtime_ms: u32) {
        let piece = [cost_nanos, runtime_ms, !cost_nanos, !runtime_ms].map(signed);
        for (greatest, own) in self.greatest.iter_mut().zip(piece) {
            *greatest = (*greatest).max(own);
        }
        self.cost_sum_nanos = self.cost_sum_nanos.wrapping_add(u64::from(cost_nanos));
        let counted = u64::from(runtime_ms) | 1 << RUNTIME_SUM_BITS;
        self.count_and_runtime_sum = self.count_and_runtime_sum.wrapping_add(counted);
    }

    /// Takes what it has to a wide sum.
    #[inline]
    fn move_to(&mut self, wide: &mut Summary) {
        if self.count() > 0 {
            wide.merge(&self.summary());
            *self = Self::EMPTY;
        }
    }

    #[inline]
    fn count(&self) -> u32 {
        (self.count_and_runtime_sum >> RUNTIME_SUM_BITS) as u32
    }

    #[inline]
    fn summary(&self) -> Summary {
        let [cost_max, runtime_max, cost_min, runtime_min] = self.greatest.map(unsigned);
        Summary {
            count: self.count(),
            runtime_min_ms: !runtime_min,
            runtime_max_ms: runtime_max,
            runtime_sum_ms: self.count_and_runtime_sum & ((1 << RUNTIME_SUM_BITS) - 1),
            cost_sum_nanos: self.cost_sum_nanos,
            cost_min_nanos: u64::from(!cost_min),
            cost_max_nanos: u64::from(cost_max),
        }
    }
}

/// Unsigned numbers as signed ones in the same order.
#[inline]
fn signed(number: u32) -> i32 {
    (number ^ 1 << 31).cast_signed()
}

#[inline]
fn unsigned(number: i32) -> u32 {
    number.cast_unsigned() ^ 1 << 31
}

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

    #[inline(never)]
    fn add_wide(&mut self, index: usize, cost_nanos: u64, runtime_ms: u32) {
        self.wide(index..index + 1)[0].add(cost_nanos, runtime_ms);
    }

    /// Some sums, to which summaries can be merged.
    pub(crate) fn wide(&mut self, range: Range<usize>) -> &mut [Summary] {
        if self.wide.is_empty() {
            self.wide = vec![Summary::EMPTY; self.narrow.len()];
        }
        &mut self.wide[range]
    }

    /// Takes the sums of a range out and hands those that are not empty to `each`, with their place in the range.
    #[inline]
    pub(crate) fn drain(&mut self, range: Range<usize>, mut each: impl FnMut(u64, &Summary)) {
        if self.wide.is_empty() {
            for (place, sum) in (0..).zip(&mut self.narrow[range]) {
                if sum.count() > 0 {
                    each(place, &sum.summary());
                    *sum = NarrowSum::EMPTY;
                }
            }
            return;
        }
        let sums = self.narrow[range.clone()].iter_mut().zip(&mut self.wide[range]);
        for (place, (narrow, wide)) in (0..).zip(sums) {
            narrow.move_to(wide);
            if wide.count > 0 {
                each(place, wide);
                *wide = Summary::EMPTY;
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
            grown.drain(5..9, |place, sum| drained[usize::try_from(place).unwrap()] = *sum);
            prop_assert_eq!(drained, plain);
            let mut left = 0;
            grown.drain(0..9, |_, _| left += 1);
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
        table.drain(0..1, |_, sum| assert_eq!(*sum, plain));
    }
}
