//! Accumulators by group. Everything in them is an integer, so merging is the same in any order.
//!
//! A group has a number: `(bucket * first cardinality + first code) * second cardinality + second code`. Where the numbers
//! of a block are few, its accumulators are an array; the array's 64-bit sums are moved to 128-bit ones before they can
//! overflow. Where they are many, the 128-bit accumulators in a hash table are used directly.

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

    fn merge(&mut self, other: &Self) {
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

    #[inline]
    pub(crate) fn merge(&mut self, other: &Self) {
        self.count += other.count;
        self.cost_sum = self.cost_sum.wrapping_add(other.cost_sum);
        self.runtime_sum = self.runtime_sum.wrapping_add(other.runtime_sum);
        self.cost_min = self.cost_min.min(other.cost_min);
        self.cost_max = self.cost_max.max(other.cost_max);
        self.runtime_min = self.runtime_min.min(other.runtime_min);
        self.runtime_max = self.runtime_max.max(other.runtime_max);
    }

    fn widened(&self) -> Accumulator {
        Accumulator {
            count: self.count,
            cost_sum: u128::from(self.cost_sum),
            cost_min: self.cost_min,
            cost_max: self.cost_max,
            runtime_sum: u128::from(self.runtime_sum),
            runtime_min: self.runtime_min,
            runtime_max: self.runtime_max,
        }
    }
}

/// Accumulators up to which an array is used: 14 MiB.
const DENSE_MAX: u64 = 1 << 18;

/// The groups of one scan.
#[derive(Debug)]
pub(crate) struct Groups {
    /// Groups of one bucket.
    per_bucket: u64,
    second_cardinality: u64,
    /// The group numbers that the array covers.
    dense_numbers: Range<u64>,
    dense: Vec<NarrowAccumulator>,
    /// What may still be added to every 64-bit sum before one of them could overflow.
    cost_room: u64,
    runtime_room: u64,
    sparse: HashMap<u64, Accumulator>,
}

impl Groups {
    /// No groups yet. `None` when there are more possible groups than 64 bits can number.
    pub(crate) fn new(buckets: usize, cardinalities: [usize; 2]) -> Option<Self> {
        let [first, second] = cardinalities.map(|cardinality| cardinality as u64);
        let per_bucket = first.checked_mul(second)?;
        let count = per_bucket.checked_mul(buckets as u64)?;
        let mut groups = Self {
            per_bucket,
            second_cardinality: second,
            dense_numbers: 0..0,
            dense: Vec::new(),
            cost_room: u64::MAX,
            runtime_room: u64::MAX,
            sparse: HashMap::new(),
        };
        // A small group space is covered once and for all.
        groups.cover(0..count);
        Some(groups)
    }

    /// Makes ready for a block whose sessions lie in these buckets.
    pub(crate) fn begin_block(&mut self, buckets: Range<usize>) {
        let numbers = buckets.start as u64 * self.per_bucket..buckets.end as u64 * self.per_bucket;
        let is_covered = self.dense_numbers.start <= numbers.start && numbers.end <= self.dense_numbers.end;
        if !is_covered {
            self.flush();
            self.cover(numbers);
        }
    }

    /// Lets the array stand for these groups, unless they are too many.
    fn cover(&mut self, numbers: Range<u64>) {
        let count = numbers.end - numbers.start;
        self.dense_numbers = if count <= DENSE_MAX { numbers } else { 0..0 };
        let len = self.dense_numbers.end - self.dense_numbers.start;
        self.dense.clear();
        self.dense.resize(usize::try_from(len).unwrap_or(0), NarrowAccumulator::EMPTY);
    }

    /// The number of the group of a bucket with these codes.
    #[inline]
    pub(crate) fn number(&self, bucket: usize, codes: [u32; 2]) -> u64 {
        bucket as u64 * self.per_bucket + u64::from(codes[0]) * self.second_cardinality + u64::from(codes[1])
    }

    /// What a code of each position adds to a group's number.
    pub(crate) fn strides(&self) -> [u64; 2] {
        [self.second_cardinality, 1]
    }

    /// Makes sure that the 64-bit sums have room for so much more.
    #[inline]
    pub(crate) fn reserve(&mut self, cost_nanos: u64, runtime_ms: u64) {
        if self.cost_room < cost_nanos || self.runtime_room < runtime_ms {
            self.spill();
        }
        self.cost_room = self.cost_room.saturating_sub(cost_nanos);
        self.runtime_room = self.runtime_room.saturating_sub(runtime_ms);
    }

    /// The accumulators of a bucket by index, if the array covers it.
    #[inline]
    pub(crate) fn dense_of(&mut self, bucket: usize) -> Option<&mut [NarrowAccumulator]> {
        let number = bucket as u64 * self.per_bucket;
        if !self.dense_numbers.contains(&number) {
            return None;
        }
        let from = usize::try_from(number - self.dense_numbers.start).ok()?;
        self.dense.get_mut(from..from + usize::try_from(self.per_bucket).ok()?)
    }

    /// Adds one piece. Room for it must have been reserved.
    #[inline]
    pub(crate) fn add(&mut self, number: u64, cost_nanos: u64, runtime_ms: u64) {
        if self.dense_numbers.contains(&number) {
            let index = usize::try_from(number - self.dense_numbers.start).unwrap_or(usize::MAX);
            self.dense[index].add(cost_nanos, runtime_ms);
        } else {
            self.sparse.entry(number).or_insert(Accumulator::EMPTY).add(cost_nanos, runtime_ms);
        }
    }

    #[cold]
    fn spill(&mut self) {
        self.flush();
        self.dense.fill(NarrowAccumulator::EMPTY);
    }

    /// Moves the array's contents to the hash table.
    fn flush(&mut self) {
        for (number, accumulator) in (self.dense_numbers.start..).zip(&self.dense) {
            if accumulator.count > 0 {
                self.sparse.entry(number).or_insert(Accumulator::EMPTY).merge(&accumulator.widened());
            }
        }
        (self.cost_room, self.runtime_room) = (u64::MAX, u64::MAX);
    }

    /// At least so many groups have a piece.
    pub(crate) fn known_len(&self) -> usize {
        self.sparse.len()
    }

    /// Adds the groups of another scan of the same question.
    pub(crate) fn merge(&mut self, mut other: Self) {
        other.flush();
        for (number, accumulator) in &other.sparse {
            self.sparse.entry(*number).or_insert(Accumulator::EMPTY).merge(accumulator);
        }
    }

    /// Bucket and codes of each group that has a piece, in no particular order.
    pub(crate) fn into_entries(mut self) -> Vec<GroupEntry> {
        self.flush();
        let (per_bucket, second) = (self.per_bucket, self.second_cardinality);
        let narrow = |value: u64| u32::try_from(value).unwrap_or(u32::MAX);
        let entries = self.sparse.into_iter().map(|(number, accumulator)| GroupEntry {
            bucket: narrow(number / per_bucket),
            codes: [narrow(number % per_bucket / second), narrow(number % second)],
            accumulator,
        });
        entries.collect()
    }
}

/// A group and what has accumulated in it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct GroupEntry {
    pub(crate) bucket: u32,
    pub(crate) codes: [u32; 2],
    pub(crate) accumulator: Accumulator,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The pieces added one by one to a hash table.
    fn plainly(pieces: &[(usize, u32, u32, u64, u64)]) -> Vec<(u32, [u32; 2], Accumulator)> {
        let mut groups: HashMap<(u32, [u32; 2]), Accumulator> = HashMap::new();
        for (bucket, first, second, cost, runtime) in pieces.iter().copied() {
            let one = NarrowAccumulator {
                count: 1,
                cost_sum: cost,
                runtime_sum: runtime,
                cost_min: cost,
                cost_max: cost,
                runtime_min: runtime,
                runtime_max: runtime,
            };
            let key = (u32::try_from(bucket).unwrap(), [first, second]);
            groups.entry(key).or_insert(Accumulator::EMPTY).merge(&one.widened());
        }
        sorted(
            groups.into_iter().map(|((bucket, codes), accumulator)| (bucket, codes, accumulator)).collect(),
        )
    }

    fn sorted(mut entries: Vec<(u32, [u32; 2], Accumulator)>) -> Vec<(u32, [u32; 2], Accumulator)> {
        entries.sort_by_key(|(bucket, codes, _)| (*bucket, *codes));
        entries
    }

    proptest! {
        #[test]
        fn arrays_tables_spills_and_merges_agree_with_adding_one_by_one(
            pieces in prop::collection::vec((0_usize..5, 0_u32..4, 0_u32..3, 0_u64..=1_000_000_000_000_000_000, 0_u64..1 << 62), 0..60),
            blocks in prop::collection::vec((0_usize..5, 1_usize..5), 1..5),
            cut in 0_usize..60,
        ) {
            let (early, late) = pieces.split_at(cut.min(pieces.len()));
            let mut halves = [early, late].map(|half| {
                let mut groups = Groups::new(9, [4, 3]).unwrap();
                for (index, (bucket, first, second, cost, runtime)) in half.iter().copied().enumerate() {
                    let (start, len) = blocks[index % blocks.len()];
                    groups.begin_block(start..start + len);
                    groups.reserve(cost, runtime);
                    groups.add(groups.number(bucket, [first, second]), cost, runtime);
                }
                Some(groups)
            });
            let mut whole = halves[0].take().unwrap();
            whole.merge(halves[1].take().unwrap());
            let entries = whole.into_entries().into_iter().map(|entry| (entry.bucket, entry.codes, entry.accumulator));
            prop_assert_eq!(sorted(entries.collect()), plainly(&pieces));
        }
    }
}
