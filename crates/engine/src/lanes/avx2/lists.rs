//! Pieces that follow each other in one bucket are made ready for its list together.

use std::arch::x86_64::{
    __m256i, _mm256_cmpeq_epi32, _mm256_permute2x128_si256, _mm256_setzero_si256, _mm256_unpackhi_epi32,
    _mm256_unpackhi_epi64, _mm256_unpacklo_epi32, _mm256_unpacklo_epi64,
};

use super::vector;
use crate::lanes::pieces::{LANES, PieceChunk};
use crate::piece::Piece;

/// Bytes of a line of the caches.
const LINE_BYTES: usize = 64;

/// Pieces of a line of the caches.
const LINE_PIECES: usize = LINE_BYTES / size_of::<Piece>();

/// Lines of one list that are asked for: 4 KiB.
const LINES_FETCHED_MAX: usize = 64;

/// Asks for the line after the one in which the next piece of a list will lie.
#[inline]
pub(in crate::lanes) fn fetch_end(list: &[Piece]) {
    vector::fetch(list, list.len() + LINE_PIECES);
}

/// Asks for the lines of a list, or for the first of a long one: the processor finds the others by itself.
#[inline]
pub(in crate::lanes) fn fetch<T>(list: &[T]) {
    let per_line = (LINE_BYTES / size_of::<T>()).max(1);
    for from in (0..list.len()).step_by(per_line).take(LINES_FETCHED_MAX) {
        vector::fetch(list, from);
    }
}

/// Hands pieces on by runs of at most eight of one bucket: the bucket, eight pieces, and how many of them are of the run.
#[target_feature(enable = "avx2,bmi1")]
pub(in crate::lanes) fn for_each_run(pieces: &PieceChunk, mut take: impl FnMut(u32, &[Piece; LANES], usize)) {
    let mut from = 0;
    while from < pieces.len {
        let bucket = pieces.buckets[from];
        let is_same = _mm256_cmpeq_epi32(vector::load(&pieces.buckets, from), vector::all(bucket));
        let run = (!vector::mask(is_same)).trailing_zeros() as usize;
        let run = run.min(LANES).min(pieces.len - from);
        take(bucket, &eight(pieces, from), run);
        from += run;
    }
}

#[inline]
#[target_feature(enable = "avx2")]
fn eight(pieces: &PieceChunk, from: usize) -> [Piece; LANES] {
    let keys = vector::load(&pieces.keys, from);
    let (costs, runtimes) =
        (vector::load(&pieces.costs_nanos, from), vector::load(&pieces.runtimes_ms, from));
    let none = _mm256_setzero_si256();
    // Keys, and amounts, of the pieces 0, 1, 4, 5 and of 2, 3, 6, 7.
    let keys = [_mm256_unpacklo_epi32(keys, none), _mm256_unpackhi_epi32(keys, none)];
    let amounts = [_mm256_unpacklo_epi32(costs, runtimes), _mm256_unpackhi_epi32(costs, runtimes)];
    // Pieces 0 and 4, 1 and 5, 2 and 6, 3 and 7.
    let pairs = [
        _mm256_unpacklo_epi64(keys[0], amounts[0]),
        _mm256_unpackhi_epi64(keys[0], amounts[0]),
        _mm256_unpacklo_epi64(keys[1], amounts[1]),
        _mm256_unpackhi_epi64(keys[1], amounts[1]),
    ];
    let low = |one, other| _mm256_permute2x128_si256::<0x20>(one, other);
    let high = |one, other| _mm256_permute2x128_si256::<0x31>(one, other);
    let four: [__m256i; 4] = [
        low(pairs[0], pairs[1]),
        low(pairs[2], pairs[3]),
        high(pairs[0], pairs[1]),
        high(pairs[2], pairs[3]),
    ];
    bytemuck::must_cast::<_, [[u64; 2]; LANES]>(four).map(|[key, amounts]| {
        let [cost_nanos, runtime_ms] = bytemuck::must_cast(amounts);
        Piece { key, cost_nanos, runtime_ms }
    })
}
