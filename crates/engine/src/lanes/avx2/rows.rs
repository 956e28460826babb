//! Narrow sums become rows of an answer.

use std::arch::x86_64::{
    __m256i, _mm256_and_si256, _mm256_blend_epi32, _mm256_castsi256_pd, _mm256_cmpeq_epi64,
    _mm256_cvtepu32_epi64, _mm256_movemask_pd, _mm256_or_si256, _mm256_set1_epi64x, _mm256_setzero_si256,
    _mm256_slli_epi64, _mm256_srli_epi64, _mm256_unpackhi_epi64, _mm256_unpacklo_epi64,
};

use farmtally_columns::Summary;
use farmtally_model::{RowExtremes, RowHead, RowRoom};

use super::vector;
use crate::accumulator::narrow_row;
use crate::keys::KeyLayout;
use crate::output::{Ordered, Output};
use farmtally_columns::narrow_sum::{COST_BITS, NarrowSum, PAIR, RUNTIME_SUM_BITS};

const ROWS: usize = RowRoom::ROWS;

/// See [`crate::lanes::Lanes::pack`].
#[target_feature(enable = "avx2,bmi1,popcnt")]
pub(in crate::lanes) fn pack(filled: &[u64], sums: &mut [NarrowSum], rows: &mut Output) {
    let mut keys = Keys::of(filled);
    loop {
        let keys = keys.next();
        if keys.is_empty() {
            return;
        }
        rows.append(|room, seen| {
            let (fours, others) = keys.as_chunks::<FOUR>();
            for keys in fours {
                let (mut amounts, mut extremes) = ([[0; 2]; FOUR], [[0; 2]; FOUR]);
                for ((key, amounts), extremes) in keys.iter().zip(&mut amounts).zip(&mut extremes) {
                    let sum = &sums[*key as usize];
                    (*amounts, *extremes) = (sum.amounts(), sum.extremes());
                }
                let (heads, too_large) = heads_of(*keys, amounts);
                if too_large == 0 {
                    room.push_some(heads, extremes);
                } else {
                    for key in keys {
                        push(room, seen.keys, *key, &sums[*key as usize], &[]);
                    }
                }
                for key in keys {
                    sums[*key as usize] = NarrowSum::EMPTY;
                }
            }
            for key in others {
                let sum = &mut sums[*key as usize];
                push(room, seen.keys, *key, sum, &[]);
                *sum = NarrowSum::EMPTY;
            }
        });
    }
}

/// See [`crate::lanes::Lanes::pack_ordered`].
#[target_feature(enable = "avx2,bmi1")]
pub(in crate::lanes) fn pack_ordered(groups: Ordered<'_>, rows: &mut Output) {
    let Ordered { keys, sums, wide, .. } = groups;
    for (keys, sums) in keys.chunks(ROWS).zip(sums.chunks_mut(ROWS)) {
        rows.append(|room, seen| {
            let (keys, other_keys) = keys.as_chunks::<FOUR>();
            let (sums, other_sums) = sums.as_chunks_mut::<FOUR>();
            for (keys, sums) in keys.iter().zip(sums) {
                let (amounts, extremes) =
                    (sums.each_ref().map(NarrowSum::amounts), sums.each_ref().map(NarrowSum::extremes));
                let (heads, too_large) = heads_of(*keys, amounts);
                if too_large == 0 {
                    room.push_some(heads, extremes);
                } else {
                    // Some of nearly every 64 rows are too large, and the others have heads already.
                    for (lane, (head, extremes)) in heads.into_iter().zip(extremes).enumerate() {
                        if too_large >> lane & 1 == 0 {
                            room.push_some([head], [extremes]);
                        } else {
                            push(room, seen.keys, keys[lane], &sums[lane], wide);
                        }
                    }
                }
                *sums = [NarrowSum::EMPTY; FOUR];
            }
            for (key, sum) in other_keys.iter().zip(other_sums) {
                push(room, seen.keys, *key, sum, wide);
                *sum = NarrowSum::EMPTY;
            }
        });
    }
}

/// Appends the row of any sum, narrow or not.
#[inline]
fn push(room: &mut RowRoom<'_>, layout: KeyLayout, key: u32, sum: &NarrowSum, wide: &[Summary]) {
    let key = u64::from(key);
    let codes = layout.places(key);
    if let Some(place) = sum.place_beside() {
        room.push(key, &narrow_row(codes, &wide[place]));
    } else if let Some(row) = sum.row() {
        room.push_small(key, codes, &row);
    } else {
        room.push(key, &narrow_row(codes, &sum.summary()));
    }
}

/// Rows that are made together.
const FOUR: usize = 4;

/// The bits of the count in the head of a row.
const COUNT_MASK: u64 = (1 << RowRoom::COUNT.end) - (1 << RowRoom::COUNT.start);

/// The bits of the count and of the sum of runtimes for which a packed row has no room.
const BEYOND_ROWS: u64 = !(COUNT_MASK << (RUNTIME_SUM_BITS - RowRoom::COUNT.start)
    | u64::MAX >> (u64::BITS - RowRoom::RUNTIME_SUM_BITS));

// So many narrow costs as a packed row counts have room in it, and so has the cost of a piece that is alone (`NarrowSum::alone`).
const _: () = assert!(COST_BITS + (RowRoom::COUNT.end - RowRoom::COUNT.start) <= RowRoom::COST_SUM_BITS);

/// The heads of four rows, and a bit for each whose numbers are too large for one: what [`RowRoom::push_small`] does for one row.
#[inline]
#[target_feature(enable = "avx2")]
fn heads_of(keys: [u32; FOUR], sums: [[u64; 2]; FOUR]) -> ([RowHead; FOUR], u32) {
    const UP: i32 = (RowRoom::COUNT.end - RowRoom::RUNTIME_SUM_BITS).cast_signed();
    const DOWN: i32 = (RUNTIME_SUM_BITS - RowRoom::COUNT.start).cast_signed();
    const LOW_BITS: i32 = RowRoom::RUNTIME_SUM_BITS.cast_signed();
    const _: () = assert!(LOW_BITS == 32);
    let all = |word: u64| _mm256_set1_epi64x(word.cast_signed());
    let (one_and_three, two_and_four) = (vector::joined(sums[0], sums[2]), vector::joined(sums[1], sums[3]));
    let costs = _mm256_unpacklo_epi64(one_and_three, two_and_four);
    let counted = _mm256_unpackhi_epi64(one_and_three, two_and_four);
    let beyond = _mm256_and_si256(counted, all(BEYOND_ROWS));
    let fits = _mm256_castsi256_pd(_mm256_cmpeq_epi64(beyond, _mm256_setzero_si256()));
    let too_large = _mm256_movemask_pd(fits).cast_unsigned() ^ 0b1111;
    let count = _mm256_and_si256(_mm256_srli_epi64::<DOWN>(counted), all(COUNT_MASK));
    let high = _mm256_and_si256(_mm256_slli_epi64::<UP>(costs), all(u64::MAX << RowRoom::COUNT.end));
    let keys = _mm256_cvtepu32_epi64(bytemuck::must_cast(keys));
    let first = _mm256_or_si256(_mm256_or_si256(count, high), keys);
    let last = _mm256_blend_epi32::<0b1010_1010>(counted, _mm256_slli_epi64::<LOW_BITS>(costs));
    let [one, three]: [RowHead; 2] = bytemuck::must_cast(_mm256_unpacklo_epi64(first, last));
    let [two, four]: [RowHead; 2] = bytemuck::must_cast(_mm256_unpackhi_epi64(first, last));
    ([one, two, three, four], too_large)
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
