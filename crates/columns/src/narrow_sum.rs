//! The narrowest sum: for pieces that are short and cheap, which nearly all are.
//!
//! It takes 32 bytes where a summary takes 48, a piece is added to it with half of the instructions, because the least and
//! greatest numbers are one comparison of four lanes, and it lies as the row of an answer does.

use farmtally_model::{RowExtremes, RowRoom, SmallRow};

use crate::summary::Summary;

/// Costs from 2^32 nano-dollars on are not narrow.
pub const COST_BITS: u32 = 32;
/// Runtimes from 2^24 milliseconds on are not narrow.
pub const RUNTIME_BITS: u32 = 24;
/// Pieces of one narrow sum must be fewer, so that neither the count nor the sum of runtimes leaves its part of the word.
pub const PIECES_MAX: usize = 1 << COUNT_BITS;
const COUNT_BITS: u32 = 20;
/// Bits of the sum of runtimes; those of the count lie above them.
pub const RUNTIME_SUM_BITS: u32 = COUNT_BITS + RUNTIME_BITS;

/// A runtime that nothing is counted with: the sum is elsewhere.
const BESIDE: u64 = 1 << (RUNTIME_SUM_BITS - 1);

const _: () = assert!(COUNT_BITS + RUNTIME_SUM_BITS <= u64::BITS);

const _: () = assert!(RUNTIME_BITS < u32::BITS);

/// Whether a piece can be added to narrow sums.
#[inline]
pub fn is_narrow(cost_nanos: u64, runtime_ms: u32) -> bool {
    cost_nanos >> COST_BITS | u64::from(runtime_ms >> RUNTIME_BITS) == 0
}

/// Count, sums, least and greatest of fewer than [`PIECES_MAX`] narrow pieces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(C, align(32))]
pub struct NarrowSum {
    /// The greatest complement of a cost, which is the complement of the least, the greatest cost, and the same of runtimes;
    /// as signed numbers in the same order, because those can be compared four at once on every processor.
    greatest: [i32; 4],
    cost_sum_nanos: u64,
    /// The count above the sum of runtimes.
    count_and_runtime_sum: u64,
}

const _: () = assert!(size_of::<NarrowSum>() == 32 && align_of::<NarrowSum>() == 32);

impl NarrowSum {
    /// The sum of nothing.
    pub const EMPTY: Self = Self { greatest: [i32::MIN; 4], cost_sum_nanos: 0, count_and_runtime_sum: 0 };

    /// Adds a piece, of which the runtime has [`RUNTIME_BITS`].
    #[inline]
    pub fn add(&mut self, cost_nanos: u32, runtime_ms: u32) {
        debug_assert!(!self.is_alone());
        let piece = [!cost_nanos, cost_nanos, !runtime_ms, runtime_ms].map(signed);
        for (greatest, own) in self.greatest.iter_mut().zip(piece) {
            *greatest = (*greatest).max(own);
        }
        self.cost_sum_nanos = self.cost_sum_nanos.wrapping_add(u64::from(cost_nanos));
        let counted = u64::from(runtime_ms) | 1 << RUNTIME_SUM_BITS;
        self.count_and_runtime_sum = self.count_and_runtime_sum.wrapping_add(counted);
    }

    /// The same sum, if it fits. Its greatest runtime may have 32 bits.
    pub(crate) fn of(sum: &Summary) -> Option<Self> {
        let cost_min = u32::try_from(sum.cost_min_nanos).ok()?;
        let cost_max = u32::try_from(sum.cost_max_nanos).ok()?;
        let fits =
            sum.count > 0 && (sum.count as usize) < PIECES_MAX && sum.runtime_sum_ms >> RUNTIME_SUM_BITS == 0;
        fits.then(|| Self {
            greatest: [!cost_min, cost_max, !sum.runtime_min_ms, sum.runtime_max_ms].map(signed),
            cost_sum_nanos: sum.cost_sum_nanos,
            count_and_runtime_sum: sum.runtime_sum_ms | u64::from(sum.count) << RUNTIME_SUM_BITS,
        })
    }

    /// The sum of a piece that is alone, narrow or not, if the row of one session has room for its cost. Nothing may be added to it: least
    /// and greatest are its sums, and not noted.
    #[inline]
    pub fn alone(cost_nanos: u64, runtime_ms: u32) -> Option<Self> {
        (cost_nanos >> RowRoom::COST_SUM_BITS == 0).then_some(Self {
            cost_sum_nanos: cost_nanos,
            count_and_runtime_sum: u64::from(runtime_ms) | 1 << RUNTIME_SUM_BITS,
            ..Self::EMPTY
        })
    }

    /// Whether there is a piece of which least and greatest are not noted.
    #[inline]
    fn is_alone(&self) -> bool {
        self.greatest == Self::EMPTY.greatest && self.count() > 0
    }

    /// One that counts nothing and says where the sum itself is.
    pub fn beside(place: usize) -> Self {
        Self { cost_sum_nanos: place as u64, count_and_runtime_sum: BESIDE, ..Self::EMPTY }
    }

    /// Where the sum itself is, if it is not here.
    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "a place in memory")]
    pub fn place_beside(&self) -> Option<usize> {
        (self.count_and_runtime_sum == BESIDE).then_some(self.cost_sum_nanos as usize)
    }

    /// Adds the pieces of another sum. Together they are fewer than [`PIECES_MAX`], and have less than 2^[`RUNTIME_SUM_BITS`]
    /// milliseconds.
    #[inline]
    pub fn merge(&mut self, other: &Self) {
        debug_assert!(!self.is_alone() && !other.is_alone());
        for (greatest, own) in self.greatest.iter_mut().zip(other.greatest) {
            *greatest = (*greatest).max(own);
        }
        self.cost_sum_nanos = self.cost_sum_nanos.wrapping_add(other.cost_sum_nanos);
        self.count_and_runtime_sum = self.count_and_runtime_sum.wrapping_add(other.count_and_runtime_sum);
    }

    /// Takes what it has to a wide sum.
    #[inline]
    pub fn move_to(&mut self, wide: &mut Summary) {
        if !self.is_empty() {
            wide.merge(&self.summary());
            *self = Self::EMPTY;
        }
    }

    /// Whether there is no piece.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.count_and_runtime_sum == 0
    }

    #[inline]
    fn count(&self) -> u32 {
        (self.count_and_runtime_sum >> RUNTIME_SUM_BITS) as u32
    }

    #[inline]
    fn runtime_sum_ms(&self) -> u64 {
        self.count_and_runtime_sum & ((1 << RUNTIME_SUM_BITS) - 1)
    }

    /// As the row of an answer, if least and greatest are [noted](Self::alone). It must neither be empty nor lie beside.
    #[inline]
    pub fn row(&self) -> Option<SmallRow> {
        debug_assert!(!self.is_empty() && self.place_beside().is_none());
        let [costs_nanos, runtimes_ms] = self.extremes();
        let row = SmallRow {
            count: self.count(),
            cost_sum_nanos: self.cost_sum_nanos,
            runtime_sum_ms: self.runtime_sum_ms(),
            costs_nanos,
            runtimes_ms,
        };
        (!self.is_alone()).then_some(row)
    }

    /// The sum of costs, and the count above the sum of runtimes.
    #[cfg_attr(not(target_arch = "x86_64"), allow(dead_code, reason = "only kernels read sums by it"))]
    #[inline]
    pub fn amounts(&self) -> [u64; 2] {
        [self.cost_sum_nanos, self.count_and_runtime_sum]
    }

    /// The extremes of the row of an answer.
    #[inline]
    pub fn extremes(&self) -> RowExtremes {
        bytemuck::must_cast::<_, [u64; 2]>(self.greatest).map(|word| word ^ PAIR)
    }

    /// As a wide sum. It must neither be empty nor lie beside.
    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "the runtime of one piece has 32 bits")]
    pub fn summary(&self) -> Summary {
        debug_assert!(!self.is_empty() && self.place_beside().is_none());
        if self.is_alone() {
            let mut one = Summary::EMPTY;
            one.add(self.cost_sum_nanos, self.runtime_sum_ms() as u32);
            return one;
        }
        self.summary_with_extremes()
    }

    /// The same, if least and greatest are noted, as in rollups.
    #[inline]
    pub(crate) fn summary_with_extremes(&self) -> Summary {
        let [cost_min, cost_max, runtime_min, runtime_max] = self.greatest.map(unsigned);
        Summary {
            count: self.count(),
            runtime_min_ms: !runtime_min,
            runtime_max_ms: runtime_max,
            runtime_sum_ms: self.runtime_sum_ms(),
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

/// The bits by which a least number and a greatest one above it differ from how [`NarrowSum`] keeps them.
pub const PAIR: u64 = 1 << 63 | (u32::MAX >> 1) as u64;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn sums_that_fit_are_the_same_narrow_and_merge_as_wide_ones_do(
            pieces in prop::collection::vec((0_u64..1 << 33, 0_u32..u32::MAX), 1..9), first in 0_usize..9,
        ) {
            let (first, others) = pieces.split_at(first.min(pieces.len()));
            let wide = [first, others].map(|pieces| {
                let mut sum = Summary::EMPTY;
                for (cost_nanos, runtime_ms) in pieces {
                    sum.add(*cost_nanos, *runtime_ms);
                }
                sum
            });
            let narrow = wide.each_ref().map(NarrowSum::of);
            for (narrow, wide) in narrow.iter().zip(&wide) {
                let fits = wide.count > 0 && wide.cost_max_nanos >> COST_BITS == 0;
                prop_assert_eq!(narrow.map(|narrow| narrow.summary()), fits.then_some(*wide));
            }
            if let [Some(mut one), Some(other)] = narrow {
                one.merge(&other);
                let mut merged = wide[0];
                merged.merge(&wide[1]);
                prop_assert_eq!(one.summary(), merged);
            }
        }
    }

    #[test]
    fn a_sum_is_narrow_up_to_its_last_piece_and_millisecond() {
        let sum = |count: usize, runtime_sum_ms| Summary {
            count: u32::try_from(count).unwrap(),
            runtime_sum_ms,
            runtime_min_ms: 0,
            cost_min_nanos: 0,
            ..Summary::EMPTY
        };
        let most = (1 << RUNTIME_SUM_BITS) - 1;
        assert!(NarrowSum::of(&sum(PIECES_MAX - 1, most)).is_some());
        assert!(NarrowSum::of(&sum(PIECES_MAX, most)).is_none());
        assert!(NarrowSum::of(&sum(PIECES_MAX - 1, most + 1)).is_none());
        let beside = NarrowSum::beside(7);
        assert_eq!(beside.place_beside(), Some(7));
        assert_eq!(NarrowSum::of(&sum(1, 0)).unwrap().place_beside(), None);
    }

    #[test]
    fn the_sum_of_one_piece_has_room_for_any_that_a_row_of_one_session_has() {
        for (cost_nanos, runtime_ms) in [(7, 9), ((1 << 44) - 1, u32::MAX), (0, 1), (1 << 32, 1 << 24)] {
            let mut expected = Summary::EMPTY;
            expected.add(cost_nanos, runtime_ms);
            let sum = NarrowSum::alone(cost_nanos, runtime_ms).unwrap();
            assert_eq!(sum.summary(), expected);
            assert!(!sum.is_empty() && sum.place_beside().is_none() && sum.row().is_none());
            let (mut sum, mut wide) = (sum, expected);
            sum.move_to(&mut wide);
            expected.merge(&expected.clone());
            assert_eq!((wide, sum), (expected, NarrowSum::EMPTY));
        }
        assert_eq!(NarrowSum::alone(1 << 44, 1), None);
    }
}
