//! Pieces are added to sums, each as one vector.

#![expect(unsafe_code, reason = "a sum is read and written as a vector")]

use std::arch::x86_64::{
    __m256i, _mm256_add_epi64, _mm256_and_si256, _mm256_blend_epi32, _mm256_castsi256_pd, _mm256_cmpeq_epi64,
    _mm256_load_si256, _mm256_max_epi32, _mm256_movemask_pd, _mm256_mullo_epi32, _mm256_permute4x64_epi64,
    _mm256_set1_epi64x, _mm256_setr_epi8, _mm256_setr_epi32, _mm256_setzero_si256, _mm256_shuffle_epi8,
    _mm256_store_si256, _mm256_unpackhi_epi32, _mm256_unpackhi_epi64, _mm256_unpacklo_epi32,
    _mm256_xor_si256,
};
use std::ptr;

use super::vector;
use crate::lanes::pieces::{LANES, PieceChunk, Ring};
use crate::piece::{Piece, Pieces};
use crate::ranked_sums::{self, RankedGroups, Ranks};
use farmtally_columns::narrow_sum::{NarrowSum, RUNTIME_SUM_BITS};

#[target_feature(enable = "avx2")]
#[expect(clippy::cast_possible_truncation, reason = "numbers of sums fit")]
pub(in crate::lanes) fn add_to_sums(sums: &mut [NarrowSum], pieces: &[Piece]) {
    for piece in pieces {
        add_one(&mut sums[piece.key as usize], pair(piece));
    }
}

#[target_feature(enable = "avx2,bmi1,bmi2,popcnt")]
pub(in crate::lanes) fn add_ranked(
    groups: &mut RankedGroups,
    pieces: &Pieces,
    words: u64,
    number_of: impl Fn(u64) -> u64 + Copy,
    count: impl FnOnce(&mut Ranks) -> usize,
) {
    groups.add_each(pieces, words, number_of, count, |sum, piece| add_one(sum, pair(piece)));
}

#[target_feature(enable = "avx2")]
pub(in crate::lanes) fn key_span(pieces: &Pieces) -> (u32, u32) {
    ranked_sums::key_span(pieces)
}

#[target_feature(enable = "popcnt")]
pub(in crate::lanes) fn count_ranks(ranks: &mut Ranks) -> usize {
    ranks.count()
}

/// Cost and runtime of a piece in each quarter of a vector.
#[inline]
#[target_feature(enable = "avx2")]
fn pair(piece: &Piece) -> __m256i {
    let pair = u64::from(piece.cost_nanos) | u64::from(piece.runtime_ms) << 32;
    _mm256_set1_epi64x(pair.cast_signed())
}

#[target_feature(enable = "avx2")]
pub(in crate::lanes) fn add_to_ring(sums: &mut [NarrowSum], ring: Ring, pieces: &PieceChunk) {
    for from in (0..pieces.len).step_by(LANES) {
        let buckets = _mm256_and_si256(vector::load(&pieces.buckets, from), vector::all(ring.mask));
        let keys = vector::load(&pieces.keys, from);
        let places = vector::add(_mm256_mullo_epi32(buckets, vector::all(ring.per_bucket)), keys);
        let places = bytemuck::must_cast::<_, [u32; LANES]>(places);
        let costs = vector::load(&pieces.costs_nanos, from);
        let runtimes = vector::load(&pieces.runtimes_ms, from);
        // Cost and runtime side by side, of the pieces 0, 1, 4, 5 and of 2, 3, 6, 7.
        let (ends, middles) =
            (_mm256_unpacklo_epi32(costs, runtimes), _mm256_unpackhi_epi32(costs, runtimes));
        let of_one = [
            _mm256_permute4x64_epi64::<0b00_00_00_00>(ends),
            _mm256_permute4x64_epi64::<0b01_01_01_01>(ends),
            _mm256_permute4x64_epi64::<0b00_00_00_00>(middles),
            _mm256_permute4x64_epi64::<0b01_01_01_01>(middles),
            _mm256_permute4x64_epi64::<0b10_10_10_10>(ends),
            _mm256_permute4x64_epi64::<0b11_11_11_11>(ends),
            _mm256_permute4x64_epi64::<0b10_10_10_10>(middles),
            _mm256_permute4x64_epi64::<0b11_11_11_11>(middles),
        ];
        if pieces.len - from >= LANES {
            for (place, pair) in places.into_iter().zip(of_one) {
                add_one(&mut sums[place as usize], pair);
            }
        } else {
            for (place, pair) in places.into_iter().zip(of_one).take(pieces.len - from) {
                add_one(&mut sums[place as usize], pair);
            }
        }
    }
}

/// Whether sums are empty is asked of four at once.
const FOUR: usize = 4;

#[target_feature(enable = "avx2")]
pub(in crate::lanes) fn note_filled(sums: &[NarrowSum], filled: &mut [u64]) {
    for (filled, sums) in filled.iter_mut().zip(sums.chunks(64)) {
        let (fours, others) = sums.as_chunks::<FOUR>();
        *filled = 0;
        for (sums, place) in fours.iter().zip((0_u32..).step_by(FOUR)) {
            let [first, second, third, last] = sums;
            let one_and_three = vector::joined(first.amounts(), third.amounts());
            let two_and_four = vector::joined(second.amounts(), last.amounts());
            let counted = _mm256_unpackhi_epi64(one_and_three, two_and_four);
            let is_empty = _mm256_cmpeq_epi64(counted, _mm256_setzero_si256());
            let is_empty = _mm256_movemask_pd(_mm256_castsi256_pd(is_empty)).cast_unsigned();
            *filled |= u64::from(is_empty ^ 0b1111) << place;
        }
        for (sum, place) in others.iter().zip(sums.len() - others.len()..) {
            *filled |= u64::from(!sum.is_empty()) << place;
        }
    }
}

/// A count of one, in the half of the last word of a sum that lies above the runtime of a piece.
const ONE_COUNTED: i32 = 1 << (RUNTIME_SUM_BITS - u32::BITS);

/// Adds a piece, whose cost and runtime each quarter of the vector has.
#[inline]
#[target_feature(enable = "avx2")]
fn add_one(sum: &mut NarrowSum, pair: __m256i) {
    let own: *mut __m256i = ptr::from_mut(sum).cast();
    // SAFETY: a sum has 32 bytes, all of them numbers, and lies at a multiple of 32.
    unsafe { _mm256_store_si256(own, add(_mm256_load_si256(own), of_pair(pair))) }
}

/// The sum of one piece.
#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn of_one(piece: &Piece) -> __m256i {
    of_pair(pair(piece))
}

#[inline]
#[target_feature(enable = "avx2")]
fn of_pair(pair: __m256i) -> __m256i {
    // As `NarrowSum::add` puts them: complement of the cost, cost, the same of the runtime; cost; runtime and count.
    #[rustfmt::skip]
    let order = _mm256_setr_epi8(
        0, 1, 2, 3, 0, 1, 2, 3, 4, 5, 6, 7, 4, 5, 6, 7,
        0, 1, 2, 3, -1, -1, -1, -1, 4, 5, 6, 7, -1, -1, -1, -1,
    );
    let flipped = _mm256_setr_epi32(i32::MAX, i32::MIN, i32::MAX, i32::MIN, 0, 0, 0, ONE_COUNTED);
    _mm256_xor_si256(_mm256_shuffle_epi8(pair, order), flipped)
}

/// Two sums together.
#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn add(one: __m256i, other: __m256i) -> __m256i {
    let (greatest, added) = (_mm256_max_epi32(one, other), _mm256_add_epi64(one, other));
    _mm256_blend_epi32::<0b1111_0000>(greatest, added)
}
