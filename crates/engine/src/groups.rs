//! Accumulators by group. Everything in them is an integer, so merging is the same in any order.
//!
//! A group has a number: `(bucket * first cardinality + first code) * second cardinality + second code`. Blocks come in the
//! order of their starts, so the buckets that are still open form a window that only moves forward. Where its groups are
//! few enough they are an array; a bucket that the window leaves is finished and goes to the end of a sorted list, so that
//! a result of millions of rows is never hashed and hardly sorted. What the array does not cover goes to a hash table.
//!
//! The array's sums have 64 bits. Whoever adds reserves room first, and when there is none left, the array is moved to
//! the hash table's 128-bit sums.

use std::ops::Range;

use hashbrown::HashMap;

/// Count, sums, least and greatest of the pieces of one group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Accumulator {
    pub(crate) count: u64,
    pub(crate) cost_sum: u128,
    pub(crate) cost_min: u64,
    pub(crate) cost_max: u64,
    pub(crate) runtime_sum: u128,
    pub(crate) runtime_min: u64,
    pub(crate) runtime_max: u64,
}

impl Accumulator {
    /// The accumulator of nothing, which merges without effect.
    pub(crate) const EMPTY: Self = Self {
        count: 0,
        cost_sum: 0,
        cost_min: u64::MAX,
        cost_max: 0,
        runtime_sum: 0,
        runtime_min: u64::MAX,
        runtime_max: 0,
    };

    pub(crate) fn add(&mut self, cost_nanos: u64, runtime_ms: u64) {
        self.count += 1;
        self.cost_sum += u128::from(cost_nanos);
        self.cost_min = self.cost_min.min(cost_nanos);
        self.cost_max = self.cost_max.max(cost_nanos);
        self.runtime_sum += u128::from(runtime_ms);
        self.runtime_min = self.runtime_min.min(runtime_ms);
        self.runtime_max = self.runtime_max.max(runtime_ms);
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        self.count += other.count;
        self.cost_sum += other.cost_sum;
        self.cost_min = self.cost_min.min(other.cost_min);
        self.cost_max = self.cost_max.max(other.cost_max);
        self.runtime_sum += other.runtime_sum;
        self.runtime_min = self.runtime_min.min(other.runtime_min);
        self.runtime_max = self.runtime_max.max(other.runtime_max);
    }
}

/// An accumulator whose sums have 64 bits: 56 bytes, and an addition is one instruction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NarrowAccumulator {
    count: u64,
    cost_sum: u64,
    runtime_sum: u64,
    cost_min: u64,
    cost_max: u64,
    runtime_min: u64,
    runtime_max: u64,
}

impl NarrowAccumulator {
    pub(crate) const EMPTY: Self = Self {
        count: 0,
        cost_sum: 0,
        runtime_sum: 0,
        cost_min: u64::MAX,
        cost_max: 0,
        runtime_min: u64::MAX,
        runtime_max: 0,
    };

    #[inline]
    pub(crate) fn add(&mut self, cost_nanos: u64, runtime_ms: u64) {
        self.count += 1;
        // The sums cannot overflow: whoever adds has reserved room with `Groups::reserve`.
        self.cost_sum = self.cost_sum.wrapping_add(cost_nanos);
        self.runtime_sum = self.runtime_sum.wrapping_add(runtime_ms);
        self.cost_min = self.cost_min.min(cost_nanos);
        self.cost_max = self.cost_max.max(cost_nanos);
        self.runtime_min = self.runtime_min.min(runtime_ms);
        self.runtime_max = self.runtime_max.max(runtime_ms);
    }
}

impl From<NarrowAccumulator> for Accumulator {
    fn from(narrow: NarrowAccumulator) -> Self {
        Self {
            count: narrow.count,
            cost_sum: u128::from(narrow.cost_sum),
            cost_min: narrow.cost_min,
            cost_max: narrow.cost_max,
            runtime_sum: u128::from(narrow.runtime_sum),
            runtime_min: narrow.runtime_min,
            runtime_max: narrow.runtime_max,
        }
    }
}

/// Accumulators up to which an array is used: 14 MiB.
const DENSE_MAX: u64 = 1 << 18;

/// How groups are numbered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Numbering {
    /// Groups of one bucket.
    per_bucket: u64,
    /// Groups of one code of the first position.
    per_first: u64,
}

impl Numbering {
    /// `None` when there are more possible groups than 64 bits can number.
    pub(crate) fn new(buckets: usize, cardinalities: [usize; 2]) -> Option<Self> {
        let [first, second] = cardinalities.map(|cardinality| cardinality.max(1) as u64);
        let per_bucket = first.checked_mul(second)?;
        per_bucket.checked_mul(buckets as u64)?;
        Some(Self { per_bucket, per_first: second })
    }

    pub(crate) fn index(self, codes: [u32; 2]) -> u64 {
        u64::from(codes[0]) * self.per_first + u64::from(codes[1])
    }

    pub(crate) fn bucket(self, number: u64) -> u64 {
        number / self.per_bucket
    }

    #[expect(clippy::cast_possible_truncation, reason = "codes have 32 bits")]
    pub(crate) fn codes(self, number: u64) -> [u32; 2] {
        let index = number % self.per_bucket;
        [(index / self.per_first) as u32, (index % self.per_first) as u32]
    }
}

/// The groups of one scan.
#[derive(Debug)]
pub(crate) struct Groups {
    numbering: Numbering,
    /// The buckets of the array; they only move forward.
    open: Range<usize>,
    array: Vec<NarrowAccumulator>,
    /// Groups of the buckets before the open ones, ascending by number.
    finished: Vec<(u64, NarrowAccumulator)>,
    table: HashMap<u64, Accumulator>,
    /// What may still be added to a 64-bit sum before one of them could overflow.
    cost_room: u64,
    runtime_room: u64,
}

/// The groups that have a piece, ascending by number. Few scans need the wide form.
#[derive(Debug)]
pub(crate) enum SortedGroups {
    Narrow(Vec<(u64, NarrowAccumulator)>),
    Wide(Vec<(u64, Accumulator)>),
}

impl Groups {
    /// No groups yet, of so many buckets.
    pub(crate) fn new(numbering: Numbering, buckets: usize) -> Self {
        let mut groups = Self {
            numbering,
            open: 0..0,
            array: Vec::new(),
            finished: Vec::new(),
            table: HashMap::new(),
            cost_room: u64::MAX,
            runtime_room: u64::MAX,
        };
        // A small group space is open as a whole all the time.
        if numbering.per_bucket * buckets as u64 <= DENSE_MAX {
            groups.open = 0..buckets;
            groups.array.resize(groups.array_len(buckets), NarrowAccumulator::EMPTY);
        }
        groups
    }

    /// Makes ready for a block whose sessions lie in these buckets. The blocks of a scan come in the order of the first.
    pub(crate) fn begin_block(&mut self, buckets: Range<usize>) {
        if self.open.start <= buckets.start && buckets.end <= self.open.end {
            return;
        }
        debug_assert!(buckets.start >= self.open.start);
        self.finish_before(buckets.start);
        let open_max = usize::try_from(DENSE_MAX / self.numbering.per_bucket).unwrap_or(0);
        let end = buckets.end.max(self.open.end).min(buckets.start + open_max);
        self.open = buckets.start..end;
        let len = self.array_len(end - buckets.start);
        self.array.resize(len, NarrowAccumulator::EMPTY);
    }

    fn array_len(&self, buckets: usize) -> usize {
        buckets * usize::try_from(self.numbering.per_bucket).unwrap_or(0)
    }

    /// Takes the buckets before `bucket` out of the array.
    fn finish_before(&mut self, bucket: usize) {
        let leaving = bucket.min(self.open.end).saturating_sub(self.open.start);
        let first_number = self.open.start as u64 * self.numbering.per_bucket;
        let len = self.array_len(leaving).min(self.array.len());
        let numbered = (first_number..).zip(self.array.drain(..len));
        self.finished.extend(numbered.filter(|(_, accumulator)| accumulator.count > 0));
        self.open.start += leaving;
    }

    pub(crate) fn numbering(&self) -> Numbering {
        self.numbering
    }

    /// Makes sure that the 64-bit sums have room for so much more.
    pub(crate) fn reserve(&mut self, cost_nanos: u64, runtime_ms: u64) {
        if self.cost_room < cost_nanos || self.runtime_room < runtime_ms {
            self.widen();
        }
        self.cost_room = self.cost_room.saturating_sub(cost_nanos);
        self.runtime_room = self.runtime_room.saturating_sub(runtime_ms);
    }

    /// Moves what the array holds to the hash table.
    #[cold]
    fn widen(&mut self) {
        let first_number = self.open.start as u64 * self.numbering.per_bucket;
        for (number, narrow) in (first_number..).zip(&mut self.array) {
            if narrow.count > 0 {
                let narrow = std::mem::replace(narrow, NarrowAccumulator::EMPTY);
                self.table.entry(number).or_insert(Accumulator::EMPTY).merge(&narrow.into());
            }
        }
        (self.cost_room, self.runtime_room) = (u64::MAX, u64::MAX);
    }

    /// The accumulators of a bucket by index, if it is open.
    #[inline]
    pub(crate) fn open_bucket(&mut self, bucket: usize) -> Option<&mut [NarrowAccumulator]> {
        if !self.open.contains(&bucket) {
            return None;
        }
        let len = self.array_len(1);
        let from = (bucket - self.open.start) * len;
        self.array.get_mut(from..from + len)
    }

    /// Adds one piece to the group with an index in a bucket. Room for it must have been reserved.
    #[inline]
    pub(crate) fn add(&mut self, bucket: usize, index: u64, cost_nanos: u64, runtime_ms: u64) {
        let in_bucket = usize::try_from(index).unwrap_or(usize::MAX);
        if let Some(accumulator) = self.open_bucket(bucket).and_then(|bucket| bucket.get_mut(in_bucket)) {
            accumulator.add(cost_nanos, runtime_ms);
        } else {
            let number = bucket as u64 * self.numbering.per_bucket + index;
            self.table.entry(number).or_insert(Accumulator::EMPTY).add(cost_nanos, runtime_ms);
        }
    }

    /// At least so many groups have a piece.
    pub(crate) fn known_len(&self) -> usize {
        self.finished.len().max(self.table.len())
    }

    /// The groups in order.
    pub(crate) fn into_sorted(mut self) -> SortedGroups {
        self.finish_before(self.open.end);
        if self.table.is_empty() {
            return SortedGroups::Narrow(self.finished);
        }
        let wide = self.finished.into_iter().map(|(number, narrow)| (number, narrow.into()));
        SortedGroups::Wide(merged(self.table.into_iter().chain(wide).collect()))
    }
}

impl SortedGroups {
    /// Adds the groups of another scan of the same question.
    pub(crate) fn merge(self, other: Self) -> Self {
        match (self, other) {
            (Self::Narrow(one), Self::Narrow(other)) if one.is_empty() => Self::Narrow(other),
            (Self::Narrow(one), Self::Narrow(other)) if other.is_empty() => Self::Narrow(one),
            (one, other) => {
                let mut together = one.into_wide();
                together.extend(other.into_wide());
                Self::Wide(merged(together))
            }
        }
    }

    fn into_wide(self) -> Vec<(u64, Accumulator)> {
        match self {
            Self::Narrow(groups) => {
                groups.into_iter().map(|(number, narrow)| (number, narrow.into())).collect()
            }
            Self::Wide(groups) => groups,
        }
    }
}

/// Sorts groups by number and makes one of those that have the same.
fn merged(mut groups: Vec<(u64, Accumulator)>) -> Vec<(u64, Accumulator)> {
    // The stable sort finds the sorted stretches that the groups come in.
    groups.sort_by_key(|(number, _)| *number);
    groups.dedup_by(|later, earlier| {
        let same = later.0 == earlier.0;
        if same {
            earlier.1.merge(&later.1);
        }
        same
    });
    groups
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    type Pieces = Vec<(usize, u32, u32, u64, u64)>;

    /// The pieces added one by one to a hash table.
    fn plainly(numbering: Numbering, pieces: &Pieces) -> Vec<(u64, Accumulator)> {
        let mut groups: HashMap<u64, Accumulator> = HashMap::new();
        for (bucket, first, second, cost, runtime) in pieces.iter().copied() {
            let number = bucket as u64 * numbering.per_bucket + numbering.index([first, second]);
            groups.entry(number).or_insert(Accumulator::EMPTY).add(cost, runtime);
        }
        merged(groups.into_iter().collect())
    }

    /// The pieces as blocks would bring them, each block a bucket or more later than the one before.
    fn through_blocks(
        numbering: Numbering,
        buckets: usize,
        pieces: &Pieces,
        block_len: usize,
    ) -> SortedGroups {
        let mut groups = Groups::new(numbering, buckets);
        for block in pieces.chunks(block_len) {
            let first = block[0].0;
            let last = block.iter().map(|piece| piece.0).max().unwrap();
            groups.begin_block(first..last + 1);
            for (bucket, first, second, cost, runtime) in block.iter().copied() {
                groups.reserve(cost, runtime);
                groups.add(bucket, numbering.index([first, second]), cost, runtime);
            }
        }
        groups.into_sorted()
    }

    proptest! {
        #[test]
        fn arrays_tables_and_merges_agree_with_adding_one_by_one(
            mut pieces in prop::collection::vec(
                (0_usize..40, 0_u32..4, 0_u32..3, 0_u64..=1_000_000_000_000_000_000, 0_u64..1 << 62), 1..80),
            block_len in 1_usize..20,
            second in prop::sample::select(vec![3_usize, 9_000, 90_000]),
            cut in 0_usize..80,
        ) {
            pieces.sort_by_key(|piece| piece.0);
            let numbering = Numbering::new(40, [4, second]).unwrap();
            let late = pieces.split_off(cut.min(pieces.len()));
            let halves = [&pieces, &late].map(|half| through_blocks(numbering, 40, half, block_len));
            let [early_groups, late_groups] = halves;
            let together = early_groups.merge(late_groups).into_wide();
            pieces.extend(late);
            prop_assert_eq!(&together, &plainly(numbering, &pieces));
            for (number, _) in together {
                let codes = numbering.codes(number);
                prop_assert_eq!(numbering.bucket(number) * numbering.per_bucket + numbering.index(codes), number);
            }
        }
    }
}
