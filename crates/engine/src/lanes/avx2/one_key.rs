//! Rows that all have one key, such as those of a queue: what lies in one bucket is summed where it is read.
//!
//! Rows of a run are sorted by their ends, so that many of one bucket follow each other. While all eight lie in the bucket of the rows before,
//! they are added to sums in registers; where they do not, buckets are looked up.

use std::arch::x86_64::{
    __m256i, _mm256_add_epi64, _mm256_and_si256, _mm256_andnot_si256, _mm256_cmpeq_epi32, _mm256_max_epu32,
    _mm256_min_epu32, _mm256_or_si256, _mm256_srli_epi64, _mm256_sub_epi32,
};

use farmtally_columns::Summary;

use super::costs::{self, WHOLE, WITH, WITHOUT};
use super::sift::{self, Located};
use super::vector;
use crate::calendar::{Edges, OUTSIDE};
use crate::lanes::one_key::{LaneSums, OneKey};
use crate::lanes::pieces::{Amounts, CHUNK_ROWS, Columns, Crossing, LANES, Stretches};

const ALL: u32 = (1 << LANES) - 1;

/// Adds rows: see [`crate::lanes::Lanes::sum_one_key`].
#[target_feature(enable = "avx2,popcnt,bmi1")]
pub(in crate::lanes) fn sum_one_key(
    columns: &Columns<'_>,
    stretches: &mut Stretches<'_>,
    edges: Edges<'_>,
    found: (&mut OneKey, &mut Crossing),
    merge: impl FnMut(u32, u32, &Summary),
) {
    match columns.amounts {
        Amounts::Whole(costs) => sum_by::<WHOLE>(columns, (costs, costs), stretches, edges, found, merge),
        Amounts::Without(costs, lines) => {
            sum_by::<WITHOUT>(columns, (costs, lines), stretches, edges, found, merge);
        }
        Amounts::With(costs, lines) => {
            sum_by::<WITH>(columns, (costs, lines), stretches, edges, found, merge);
        }
    }
}

#[target_feature(enable = "avx2,popcnt,bmi1")]
fn sum_by<const AMOUNTS: usize>(
    columns: &Columns<'_>,
    (costs, lines): (&[u32], &[u32]),
    stretches: &mut Stretches<'_>,
    edges: Edges<'_>,
    (own, crossing): (&mut OneKey, &mut Crossing),
    mut merge: impl FnMut(u32, u32, &Summary),
) {
    crossing.len = 0;
    while let Some((shared, rows)) = stretches.rest.first() {
        #[expect(clippy::cast_possible_truncation, reason = "keys have 32 bits, or there are no lanes")]
        let key = (*shared as u32).wrapping_add(stretches.shared);
        if key != own.key {
            own.take(&mut merge);
            own.key = key;
        }
        let rows = rows.start + stretches.done..rows.end;
        let mut last_bucket: Option<LastBucket> = None;
        let (ends, last_ends) = columns.ends_ms[rows.clone()].as_chunks::<LANES>();
        let (runtimes, last_runtimes) = columns.runtimes_ms[rows.clone()].as_chunks::<LANES>();
        let (costs, last_costs) = costs[rows.clone()].as_chunks::<LANES>();
        let (lines, last_lines) = lines[rows].as_chunks::<LANES>();
        let amounts = costs.iter().zip(lines);
        for ((ends, runtimes), (costs, lines)) in ends.iter().zip(runtimes).zip(amounts) {
            if crossing.len > CHUNK_ROWS - LANES {
                // Nothing is left to close: the rows before this were looked up.
                return;
            }
            stretches.done += LANES;
            let eight = Eight::new::<AMOUNTS>([ends, runtimes, costs, lines], LANES);
            if let Some(last_bucket) = &mut last_bucket
                && last_bucket.has_all(&eight)
            {
                add_all(&mut last_bucket.sums, eight.amounts());
            } else {
                close(own, last_bucket.as_ref());
                last_bucket = eight.add(edges, key, own, crossing);
            }
        }
        close(own, last_bucket.as_ref());
        if !last_ends.is_empty() {
            if crossing.len > CHUNK_ROWS - LANES {
                return;
            }
            let last = [last_ends, last_runtimes, last_costs, last_lines].map(|numbers| {
                let mut eight = [0; LANES];
                eight[..numbers.len()].copy_from_slice(numbers);
                eight
            });
            Eight::new::<AMOUNTS>(last.each_ref(), last_ends.len()).add(edges, key, own, crossing);
        }
        (stretches.rest, stretches.done) = (&stretches.rest[1..], 0);
    }
}

/// Adds what was summed in registers to the bucket's sums.
#[inline]
#[target_feature(enable = "avx2")]
fn close(own: &mut OneKey, last_bucket: Option<&LastBucket>) {
    if let Some(LastBucket { place, sums, .. }) = last_bucket
        && sums.count > 0
    {
        merge_lanes(&mut own.sums[*place], sums);
    }
}

/// The bucket that the last rows were in.
struct LastBucket {
    place: usize,
    starts: __m256i,
    /// Its length without the last millisecond.
    lasts: __m256i,
    sums: LaneSums,
}

impl LastBucket {
    /// Whether eight rows, which are there, lie in it wholly.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn has_all(&self, eight: &Eight) -> bool {
        // The bucket contains the last millisecond of the row, not its end; a runtime is never zero.
        let into = _mm256_sub_epi32(_mm256_sub_epi32(eight.ends, vector::all(1)), self.starts);
        let starts = _mm256_sub_epi32(eight.ends, eight.runtimes);
        let is_whole = vector::at_least(starts, self.starts);
        vector::mask(_mm256_and_si256(is_whole, vector::at_least(self.lasts, into))) == ALL
    }
}

/// Eight rows, of which some may not be there.
struct Eight {
    ends: __m256i,
    runtimes: __m256i,
    costs: __m256i,
    /// The two costs that are cut by themselves.
    parts: [__m256i; 2],
    there: __m256i,
}

impl Eight {
    /// The first rows of some, of which the columns are ends, runtimes, costs and lines.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn new<const AMOUNTS: usize>(columns: [&[u32; LANES]; 4], count: usize) -> Self {
        let [ends, runtimes, costs, lines] = columns.map(|numbers| bytemuck::must_cast(*numbers));
        let (costs, parts) = costs::split::<AMOUNTS>(costs, lines);
        Self { ends, runtimes, costs, parts, there: vector::first_lanes(count) }
    }

    fn amounts(&self) -> [__m256i; 2] {
        [self.costs, self.runtimes]
    }

    /// Adds the rows, each to the sums of its bucket, or puts them to those that are cut, and says which bucket the last one was in.
    #[inline(never)]
    #[target_feature(enable = "avx2,popcnt,bmi1")]
    fn add(
        &self,
        edges: Edges<'_>,
        key: u32,
        own: &mut OneKey,
        crossing: &mut Crossing,
    ) -> Option<LastBucket> {
        let Located { buckets, starts, is_whole } = Located::of::<false>(self.ends, self.runtimes, edges);
        let is_inside = _mm256_and_si256(is_whole, self.there);
        let there = vector::mask(self.there);
        // The buckets outside of those that are asked for are the only ones with their highest bit set.
        let mut left = vector::mask(is_inside) & !vector::mask(buckets);
        let is_crossing = there & !vector::mask(is_whole);
        if is_crossing != 0 {
            let [parts, lines] = self.parts;
            let rows = [vector::all(key), self.ends, self.runtimes, parts, lines];
            crossing.len += sift::list(crossing, crossing.len, is_crossing, rows);
        }
        let numbers: [u32; LANES] = bytemuck::must_cast(buckets);
        while left != 0 {
            let bucket = numbers[left.trailing_zeros() as usize % LANES];
            let of = _mm256_and_si256(_mm256_cmpeq_epi32(buckets, vector::all(bucket)), is_inside);
            let place = own.place_of(bucket);
            add_some(&mut own.sums[place], self.amounts(), of);
            left &= !vector::mask(of);
        }
        let last = LANES - 1;
        let bucket = numbers[last];
        (there == ALL && bucket < OUTSIDE).then(|| {
            let place = own.place_of(bucket);
            let start = bytemuck::must_cast::<_, [u32; LANES]>(starts)[last];
            let end = edges.ends_ms[place];
            let lasts = vector::all(end.wrapping_sub(start).wrapping_sub(1));
            LastBucket { place, starts: vector::all(start), lasts, sums: LaneSums::EMPTY }
        })
    }
}

/// Adds eight rows.
#[inline]
#[target_feature(enable = "avx2")]
fn add_all(sums: &mut LaneSums, amounts: [__m256i; 2]) {
    add(sums, ALL.count_ones(), amounts, amounts);
}

/// Adds the rows for which `of` is set.
#[inline]
#[target_feature(enable = "avx2,popcnt")]
fn add_some(sums: &mut LaneSums, amounts: [__m256i; 2], of: __m256i) {
    let some = amounts.map(|numbers| _mm256_and_si256(numbers, of));
    let none = _mm256_andnot_si256(of, vector::all(u32::MAX));
    add(sums, vector::mask(of).count_ones(), some, some.map(|numbers| _mm256_or_si256(numbers, none)));
}

/// Adds so many rows: their amounts, and the same with the greatest number in lanes that have none, for the least ones.
#[inline]
#[target_feature(enable = "avx2")]
fn add(sums: &mut LaneSums, count: u32, amounts: [__m256i; 2], for_least: [__m256i; 2]) {
    sums.count = sums.count.wrapping_add(count);
    for (amount, (numbers, for_least)) in amounts.into_iter().zip(for_least).enumerate() {
        let sum = _mm256_add_epi64(bytemuck::must_cast(sums.sums[amount]), vector::even(numbers));
        let sum = _mm256_add_epi64(sum, _mm256_srli_epi64::<32>(numbers));
        sums.sums[amount] = bytemuck::must_cast(sum);
        let greatest = _mm256_max_epu32(bytemuck::must_cast(sums.greatest[amount]), numbers);
        sums.greatest[amount] = bytemuck::must_cast(greatest);
        let least = _mm256_min_epu32(bytemuck::must_cast(sums.least[amount]), for_least);
        sums.least[amount] = bytemuck::must_cast(least);
    }
}

/// Adds other sums, lane by lane.
#[inline]
#[target_feature(enable = "avx2")]
fn merge_lanes(own: &mut LaneSums, other: &LaneSums) {
    own.count = own.count.wrapping_add(other.count);
    for amount in 0..2 {
        let [sum, other_sum] = [own.sums, other.sums].map(|sums| bytemuck::must_cast(sums[amount]));
        own.sums[amount] = bytemuck::must_cast(_mm256_add_epi64(sum, other_sum));
        let [least, other_least] = [own.least, other.least].map(|least| bytemuck::must_cast(least[amount]));
        own.least[amount] = bytemuck::must_cast(_mm256_min_epu32(least, other_least));
        let [greatest, other_greatest] =
            [own.greatest, other.greatest].map(|greatest| bytemuck::must_cast(greatest[amount]));
        own.greatest[amount] = bytemuck::must_cast(_mm256_max_epu32(greatest, other_greatest));
    }
}
