//! Narrow sums become rows of an answer.

use std::arch::x86_64::{
    __m256i, _mm256_and_si256, _mm256_blend_epi32, _mm256_cvtepu32_epi64, _mm256_or_si256,
    _mm256_set1_epi64x, _mm256_slli_epi64, _mm256_srli_epi64, _mm256_testz_si256, _mm256_unpackhi_epi64,
    _mm256_unpacklo_epi64,
};

use farmtally_model::{RowExtremes, RowHead, RowRoom};

use super::vector;
use crate::keys::KeyLayout;
use crate::output::Output;
use farmtally_columns::narrow_sum::{COST_BITS, NarrowSum, PAIR, RUNTIME_SUM_BITS};

const ROWS: usize = RowRoom::ROWS;

#[target_feature(enable = "avx2,bmi1,popcnt")]
pub(in crate::lanes) fn pack(
    filled: &[u64],
    sums: &mut [NarrowSum],
    mut place_of: impl FnMut(u32) -> usize,
    rows: &mut Output,
) {
    let mut keys = Keys::of(filled);
    loop {
        let keys = keys.next();
        if keys.is_empty() {
            return;
        }
        rows.append(|room, seen| {
            let (fours, others) = keys.as_chunks::<FOUR>();
            for keys in fours {
                let [first, second, third, last] = *keys;
                let places = [place_of(first), place_of(second), place_of(third), place_of(last)];
                let (mut amounts, mut extremes) = ([[0; 2]; FOUR], [[0; 2]; FOUR]);
                for ((place, amounts), extremes) in places.iter().zip(&mut amounts).zip(&mut extremes) {
                    (*amounts, *extremes) = (sums[*place].amounts(), sums[*place].extremes());
                }
                if let Some(heads) = heads_of(*keys, amounts) {
                    room.push_some(heads, extremes);
                    for place in places {
                        sums[place] = NarrowSum::EMPTY;
                    }
                } else {
                    for (key, place) in keys.iter().zip(places) {
                        pack_one(seen.keys, *key, &mut sums[place], room);
                    }
                }
            }
            for key in others {
                pack_one(seen.keys, *key, &mut sums[place_of(*key)], room);
            }
        });
    }
}

/// Takes a sum out.
#[inline]
fn pack_one(layout: KeyLayout, key: u32, sum: &mut NarrowSum, room: &mut RowRoom<'_>) {
    let key = u64::from(key);
    room.push_small(key, layout.places(key), &sum.row());
    *sum = NarrowSum::EMPTY;
}

/// Rows that are made together.
const FOUR: usize = 4;

/// The bits of the count in the head of a row.
const COUNT_MASK: u64 = (1 << RowRoom::COUNT.end) - (1 << RowRoom::COUNT.start);

/// The bits of the count and of the sum of runtimes for which a packed row has no room.
const BEYOND_ROWS: u64 = !(COUNT_MASK << (RUNTIME_SUM_BITS - RowRoom::COUNT.start)
    | u64::MAX >> (u64::BITS - RowRoom::RUNTIME_SUM_BITS));

// So many narrow costs as a packed row counts have room in it.
const _: () = assert!(COST_BITS + (RowRoom::COUNT.end - RowRoom::COUNT.start) <= RowRoom::COST_SUM_BITS);

/// The heads of four rows, unless a number is too large for one: what [`RowRoom::push_small`] does for one row.
#[inline]
#[target_feature(enable = "avx2")]
fn heads_of(keys: [u32; FOUR], sums: [[u64; 2]; FOUR]) -> Option<[RowHead; FOUR]> {
    const UP: i32 = (RowRoom::COUNT.end - RowRoom::RUNTIME_SUM_BITS).cast_signed();
    const DOWN: i32 = (RUNTIME_SUM_BITS - RowRoom::COUNT.start).cast_signed();
    const LOW_BITS: i32 = RowRoom::RUNTIME_SUM_BITS.cast_signed();
    const _: () = assert!(LOW_BITS == 32);
    let all = |word: u64| _mm256_set1_epi64x(word.cast_signed());
    let (one_and_three, two_and_four) = (vector::joined(sums[0], sums[2]), vector::joined(sums[1], sums[3]));
    let costs = _mm256_unpacklo_epi64(one_and_three, two_and_four);
    let counted = _mm256_unpackhi_epi64(one_and_three, two_and_four);
    if _mm256_testz_si256(counted, all(BEYOND_ROWS)) == 0 {
        return None;
    }
    let count = _mm256_and_si256(_mm256_srli_epi64::<DOWN>(counted), all(COUNT_MASK));
    let high = _mm256_and_si256(_mm256_slli_epi64::<UP>(costs), all(u64::MAX << RowRoom::COUNT.end));
    let keys = _mm256_cvtepu32_epi64(bytemuck::must_cast(keys));
    let first = _mm256_or_si256(_mm256_or_si256(count, high), keys);
    let last = _mm256_blend_epi32::<0b1010_1010>(counted, _mm256_slli_epi64::<LOW_BITS>(costs));
    let [one, three]: [RowHead; 2] = bytemuck::must_cast(_mm256_unpacklo_epi64(first, last));
    let [two, four]: [RowHead; 2] = bytemuck::must_cast(_mm256_unpackhi_epi64(first, last));
    Some([one, two, three, four])
}

/// Head and extremes of one row, likewise.
#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn packed(key: u64, sum: __m256i) -> Option<(RowHead, RowExtremes)> {
    let [costs, runtimes, cost_sum, counted] = bytemuck::must_cast::<_, [u64; 4]>(sum);
    if counted & BEYOND_ROWS != 0 {
        return None;
    }
    let count = counted >> (RUNTIME_SUM_BITS - RowRoom::COUNT.start) & COUNT_MASK;
    let high =
        cost_sum << (RowRoom::COUNT.end - RowRoom::RUNTIME_SUM_BITS) & (u64::MAX << RowRoom::COUNT.end);
    let low = counted & (u64::MAX >> (u64::BITS - RowRoom::RUNTIME_SUM_BITS));
    let head = [key | count | high, low | cost_sum << RowRoom::RUNTIME_SUM_BITS];
    Some((head, [costs ^ PAIR, runtimes ^ PAIR]))
}

/// Numbers that are written at once, whether there are as many or not: nobody can foretell how many bits a word has.
const AT_ONCE: usize = 4;

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
        let (mut len, mut first, mut words) = (0, self.first, self.words);
        while let Some((word, later)) = words.split_first() {
            let count = word.count_ones() as usize;
            if len + count > ROWS {
                break;
            }
            let mut rest = *word;
            for numbers in self.found[len..].as_chunks_mut::<AT_ONCE>().0 {
                for number in numbers {
                    *number = first.wrapping_add(rest.trailing_zeros());
                    rest &= rest.wrapping_sub(1);
                }
                if rest == 0 {
                    break;
                }
            }
            len += count;
            first = first.wrapping_add(u64::BITS);
            words = later;
        }
        (self.first, self.words) = (first, words);
        &self.found[..len]
    }
}
