//! Which costs of rows count: kernels have a loop for each of the ways, so that nothing is asked for each row.

use std::arch::x86_64::{__m256i, _mm256_setzero_si256, _mm256_sub_epi32};

// The ways of `lanes::Amounts`.
pub(super) const WHOLE: usize = 0;
pub(super) const WITHOUT: usize = 1;
pub(super) const WITH: usize = 2;

/// Costs of rows that lie in one bucket, and the two costs of which those that are cut consist.
#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn split<const AMOUNTS: usize>(costs: __m256i, lines: __m256i) -> (__m256i, [__m256i; 2]) {
    let costs_without = _mm256_sub_epi32(costs, lines);
    match AMOUNTS {
        WITHOUT => (costs_without, [costs_without, _mm256_setzero_si256()]),
        WITH => (costs, [costs_without, lines]),
        _ => (costs, [costs, _mm256_setzero_si256()]),
    }
}
