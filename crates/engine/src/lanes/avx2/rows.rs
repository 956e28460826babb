//! Narrow sums become rows of an answer, each as one vector.

#![expect(unsafe_code, reason = "a sum is read as a vector")]

use std::arch::x86_64::{
    __m256i, _mm256_and_si256, _mm256_load_si256, _mm256_or_si256, _mm256_permute4x64_epi64,
    _mm256_setr_epi64x, _mm256_sllv_epi64, _mm256_srlv_epi64, _mm256_testz_si256, _mm256_xor_si256,
};
use std::ptr;

use farmtally_model::{RowChunk, RowExtremes, RowHead};

use crate::lanes::pieces::PackedRows;
use crate::narrow_sum::{NarrowSum, PAIR, RUNTIME_SUM_BITS};

/// The bits of a sum's words that are set in none whose numbers fit a packed row.
const BEYOND_ROWS: [u64; 4] = {
    let count_bits = RowChunk::COUNT.end - RowChunk::COUNT.start;
    let beyond_runtimes = (1 << RUNTIME_SUM_BITS) - (1 << RowChunk::RUNTIME_SUM_BITS);
    [0, 0, u64::MAX << RowChunk::COST_SUM_BITS, u64::MAX << (RUNTIME_SUM_BITS + count_bits) | beyond_runtimes]
};

const ROWS: usize = RowChunk::ROWS;

#[target_feature(enable = "avx2,bmi1,popcnt")]
pub(in crate::lanes) fn pack(
    filled: &[u64],
    sums: &mut [NarrowSum],
    mut place_of: impl FnMut(u32) -> usize,
    packed: &mut RowChunk,
    rows: &mut impl PackedRows,
) {
    packed.clear();
    let mut keys = Keys::of(filled);
    loop {
        let keys = keys.next();
        for key in keys {
            let sum = &mut sums[place_of(*key)];
            let lanes = load(sum);
            if _mm256_testz_si256(lanes, quarters(BEYOND_ROWS)) == 0 {
                rows.extend(packed);
                packed.clear();
                rows.push((*key).into(), sum);
            } else {
                let (head, extremes) = row_of(lanes, (*key).into());
                packed.push(head, extremes);
            }
            *sum = NarrowSum::EMPTY;
        }
        rows.extend(packed);
        packed.clear();
        if keys.is_empty() {
            return;
        }
    }
}

/// Numbers that are written at once, whether there are as many or not: nobody can foretell how many bits a word has.
const AT_ONCE: usize = 8;

/// The numbers of the bits that are set in some words, some at a time.
struct Keys<'a> {
    words: &'a [u64],
    first: u32,
    found: [u32; ROWS + AT_ONCE],
}

impl<'a> Keys<'a> {
    fn of(words: &'a [u64]) -> Self {
        Self { words, first: 0, found: [0; ROWS + AT_ONCE] }
    }

    /// The next ones, of at least one word unless none is left.
    #[inline]
    #[target_feature(enable = "avx2,bmi1,popcnt")]
    fn next(&mut self) -> &[u32] {
        let mut len = 0;
        while let Some((word, later)) = self.words.split_first() {
            let count = word.count_ones() as usize;
            if len + count > ROWS {
                break;
            }
            let (mut rest, mut from) = (*word, len);
            let mut left = count;
            loop {
                for place in 0..AT_ONCE {
                    self.found[from + place] = self.first.wrapping_add(rest.trailing_zeros());
                    rest &= rest.wrapping_sub(1);
                }
                if left <= AT_ONCE {
                    break;
                }
                left -= AT_ONCE;
                from += AT_ONCE;
            }
            len += count;
            self.first = self.first.wrapping_add(u64::BITS);
            self.words = later;
        }
        &self.found[..len]
    }
}

#[inline]
#[target_feature(enable = "avx2")]
fn load(sum: &NarrowSum) -> __m256i {
    // SAFETY: a sum has 32 bytes, all of them numbers, and lies at a multiple of 32.
    unsafe { _mm256_load_si256(ptr::from_ref(sum).cast()) }
}

#[inline]
#[target_feature(enable = "avx2")]
fn quarters(words: [u64; 4]) -> __m256i {
    let [first, second, third, last] = words.map(u64::cast_signed);
    _mm256_setr_epi64x(first, second, third, last)
}

/// Moves the numbers of a sum, of which none is beyond a row, to their places in head and extremes.
#[inline]
#[target_feature(enable = "avx2")]
fn row_of(sum: __m256i, key: u64) -> (RowHead, RowExtremes) {
    const COUNT: std::ops::Range<u32> = RowChunk::COUNT;
    const LOW_BITS: u32 = RowChunk::RUNTIME_SUM_BITS;
    const COUNT_MASK: u64 = (1 << COUNT.end) - (1 << COUNT.start);
    const ALL: u64 = u64::MAX;
    // Shifts of a whole word or more leave nothing.
    const NOTHING: u64 = 64;
    let sum = _mm256_xor_si256(sum, quarters([PAIR, PAIR, 0, 0]));
    // Sum of costs, count and sum of runtimes, costs, runtimes.
    let one = _mm256_permute4x64_epi64::<0b01_00_11_10>(sum);
    // The two sums the other way round.
    let other = _mm256_permute4x64_epi64::<0b00_00_10_11>(sum);
    // High bits of the sum of costs; sum of runtimes; costs; runtimes.
    let high = _mm256_sllv_epi64(one, quarters([(COUNT.end - LOW_BITS).into(), 0, 0, 0]));
    let high = _mm256_and_si256(high, quarters([ALL << COUNT.end, (1 << LOW_BITS) - 1, ALL, ALL]));
    // The count, and the low bits of the sum of costs.
    let down = (RUNTIME_SUM_BITS - COUNT.start).into();
    let count = _mm256_srlv_epi64(other, quarters([down, NOTHING, NOTHING, NOTHING]));
    let count = _mm256_and_si256(count, quarters([COUNT_MASK, 0, 0, 0]));
    let low = _mm256_sllv_epi64(other, quarters([NOTHING, LOW_BITS.into(), NOTHING, NOTHING]));
    let words = _mm256_or_si256(_mm256_or_si256(high, low), _mm256_or_si256(count, quarters([key, 0, 0, 0])));
    bytemuck::must_cast::<_, [[u64; 2]; 2]>(words).into()
}
