//! The narrowest sum: for pieces that are short and cheap, which nearly all are.
//!
//! It takes 32 bytes where a summary takes 48, a piece is added to it with half of the instructions, because the least and
//! greatest numbers are one comparison of four lanes, and it lies as the row of an answer does.

use farmtally_columns::Summary;
use farmtally_model::{RowExtremes, SmallRow};

/// Costs from 2^32 nano-dollars and runtimes from 2^24 milliseconds are not narrow.
pub(crate) const COST_BITS: u32 = 32;
pub(crate) const RUNTIME_BITS: u32 = 24;
/// Pieces of one narrow sum must be fewer, so that neither the count nor the sum of runtimes leaves its part of the word.
pub(crate) const PIECES_MAX: usize = 1 << COUNT_BITS;
const COUNT_BITS: u32 = 20;
/// Bits of the sum of runtimes; those of the count lie above them.
pub(crate) const RUNTIME_SUM_BITS: u32 = COUNT_BITS + RUNTIME_BITS;

const _: () = assert!(COUNT_BITS + RUNTIME_SUM_BITS <= u64::BITS);

const _: () = assert!(RUNTIME_BITS < u32::BITS);

/// Whether a piece can be added to narrow sums.
#[inline]
pub(crate) fn is_narrow(cost_nanos: u64, runtime_ms: u32) -> bool {
    cost_nanos >> COST_BITS | u64::from(runtime_ms >> RUNTIME_BITS) == 0
}

/// Count, sums, least and greatest of fewer than [`PIECES_MAX`] narrow pieces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(C, align(32))]
pub(crate) struct NarrowSum {
    /// The greatest complement of a cost, which is the complement of the least, the greatest cost, and the same of runtimes;
    /// as signed numbers in the same order, because those can be compared four at once on every processor.
    greatest: [i32; 4],
    cost_sum_nanos: u64,
    /// The count above the sum of runtimes.
    count_and_runtime_sum: u64,
}

const _: () = assert!(size_of::<NarrowSum>() == 32 && align_of::<NarrowSum>() == 32);

impl NarrowSum {
    pub(crate) const EMPTY: Self =
        Self { greatest: [i32::MIN; 4], cost_sum_nanos: 0, count_and_runtime_sum: 0 };

    /// Adds a piece, of which the runtime has [`RUNTIME_BITS`].
    #[inline]
    pub(crate) fn add(&mut self, cost_nanos: u32, runtime_ms: u32) {
        let piece = [!cost_nanos, cost_nanos, !runtime_ms, runtime_ms].map(signed);
        for (greatest, own) in self.greatest.iter_mut().zip(piece) {
            *greatest = (*greatest).max(own);
        }
        self.cost_sum_nanos = self.cost_sum_nanos.wrapping_add(u64::from(cost_nanos));
        let counted = u64::from(runtime_ms) | 1 << RUNTIME_SUM_BITS;
        self.count_and_runtime_sum = self.count_and_runtime_sum.wrapping_add(counted);
    }

    /// Takes what it has to a wide sum.
    #[inline]
    pub(crate) fn move_to(&mut self, wide: &mut Summary) {
        if !self.is_empty() {
            wide.merge(&self.summary());
            *self = Self::EMPTY;
        }
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
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

    /// As the row of an answer. It must not be empty.
    #[inline]
    pub(crate) fn row(&self) -> SmallRow {
        let [costs_nanos, runtimes_ms] = self.extremes();
        SmallRow {
            count: self.count(),
            cost_sum_nanos: self.cost_sum_nanos,
            runtime_sum_ms: self.runtime_sum_ms(),
            costs_nanos,
            runtimes_ms,
        }
    }

    /// The sum of costs, and the count above the sum of runtimes.
    #[cfg_attr(not(target_arch = "x86_64"), allow(dead_code, reason = "only kernels read sums by it"))]
    #[inline]
    pub(crate) fn amounts(&self) -> [u64; 2] {
        [self.cost_sum_nanos, self.count_and_runtime_sum]
    }

    /// The extremes of the row of an answer.
    #[inline]
    pub(crate) fn extremes(&self) -> RowExtremes {
        bytemuck::must_cast::<_, [u64; 2]>(self.greatest).map(|word| word ^ PAIR)
    }

    /// As a wide sum.
    #[inline]
    pub(crate) fn summary(&self) -> Summary {
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
pub(crate) const PAIR: u64 = 1 << 63 | (u32::MAX >> 1) as u64;
