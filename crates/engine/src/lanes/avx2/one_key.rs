//! Pieces of one key are added to sums that each lane has for itself.

use std::arch::x86_64::{
    __m256i, _mm256_add_epi64, _mm256_and_si256, _mm256_andnot_si256, _mm256_cmpeq_epi32, _mm256_max_epu32,
    _mm256_min_epu32, _mm256_or_si256, _mm256_srli_epi64,
};

use farmtally_columns::Summary;

use super::vector;
use crate::lanes::one_key::{LaneSums, OneKey};
use crate::lanes::pieces::{LANES, PieceChunk};

#[target_feature(enable = "avx2,popcnt,bmi1")]
pub(in crate::lanes) fn add_to_one_key(
    own: &mut OneKey,
    pieces: &PieceChunk,
    mut merge: impl FnMut(u32, u32, &Summary),
) {
    for from in (0..pieces.len).step_by(LANES) {
        let keys = vector::load(&pieces.keys, from);
        let buckets = vector::load(&pieces.buckets, from);
        let amounts = [&pieces.costs_nanos, &pieces.runtimes_ms].map(|numbers| vector::load(numbers, from));
        let there = vector::first_lanes(pieces.len - from);
        let mut left = vector::mask(there);
        while left != 0 {
            let piece = from + left.trailing_zeros() as usize;
            let (bucket, key) = (pieces.buckets[piece], pieces.keys[piece]);
            if key != own.key {
                own.take(&mut merge);
                own.key = key;
            }
            let is_key = _mm256_and_si256(_mm256_cmpeq_epi32(keys, vector::all(key)), there);
            let is_same = _mm256_and_si256(_mm256_cmpeq_epi32(buckets, vector::all(bucket)), is_key);
            add(&mut own.sums[bucket.wrapping_sub(own.first_bucket) as usize], amounts, is_same);
            left &= !vector::mask(is_same);
        }
    }
}

/// Adds the lanes for which `of` is set.
#[inline]
#[target_feature(enable = "avx2,popcnt")]
fn add(sums: &mut LaneSums, amounts: [__m256i; 2], of: __m256i) {
    sums.count = sums.count.wrapping_add(vector::mask(of).count_ones());
    for (amount, numbers) in amounts.into_iter().enumerate() {
        let some = _mm256_and_si256(numbers, of);
        let sum = bytemuck::must_cast(sums.sums[amount]);
        let sum = _mm256_add_epi64(_mm256_add_epi64(sum, vector::even(some)), _mm256_srli_epi64::<32>(some));
        sums.sums[amount] = bytemuck::must_cast(sum);
        let greatest = _mm256_max_epu32(bytemuck::must_cast(sums.greatest[amount]), some);
        sums.greatest[amount] = bytemuck::must_cast(greatest);
        let others = _mm256_or_si256(some, _mm256_andnot_si256(of, vector::all(u32::MAX)));
        let least = _mm256_min_epu32(bytemuck::must_cast(sums.least[amount]), others);
        sums.least[amount] = bytemuck::must_cast(least);
    }
}
