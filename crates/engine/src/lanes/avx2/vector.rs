//! Eight numbers of 32 bits in a vector.
#![expect(unsafe_code, reason = "memory is asked for ahead, and tables are read at eight places at once")]

use std::arch::x86_64::{
    __m256i, _MM_HINT_T0, _mm_prefetch, _mm256_add_epi32, _mm256_blend_epi32, _mm256_castps_si256,
    _mm256_castsi256_ps, _mm256_castsi256_si128, _mm256_cmpeq_epi32, _mm256_cmpgt_epi32,
    _mm256_cvtepu8_epi32, _mm256_cvtepu16_epi32, _mm256_extracti128_si256, _mm256_i32gather_epi32,
    _mm256_i32gather_epi64, _mm256_max_epu32, _mm256_min_epu32, _mm256_movemask_ps, _mm256_mul_epu32,
    _mm256_permute4x64_epi64, _mm256_permutevar8x32_epi32, _mm256_set_m128i, _mm256_set1_epi32,
    _mm256_set1_epi64x, _mm256_setr_epi32, _mm256_setzero_si256, _mm256_shuffle_ps, _mm256_srli_epi32,
    _mm256_srli_epi64,
};

use crate::calendar::{SLOT_MS, SLOTS, Slot};
use crate::lanes::pieces::LANES;

/// Asks for the memory of a row of a column, which may lie beyond its end, and does not wait.
#[inline]
pub(super) fn fetch<T>(column: &[T], row: usize) {
    // SAFETY: nothing is read, and an address without memory is no error.
    unsafe { _mm_prefetch::<_MM_HINT_T0>(column.as_ptr().wrapping_add(row).cast()) }
}

/// The eight numbers from `from` on.
#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn load(numbers: &[u32], from: usize) -> __m256i {
    bytemuck::must_cast::<[u32; LANES], _>(eight(numbers, from))
}

/// Eight codes of 16 bits from `from` on.
#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn load_words(codes: &[u16], from: usize) -> __m256i {
    _mm256_cvtepu16_epi32(bytemuck::must_cast::<[u16; LANES], _>(eight(codes, from)))
}

/// Eight codes of 8 bits from `from` on.
#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn load_bytes(codes: &[u8], from: usize) -> __m256i {
    let bytes = u64::from_le_bytes(eight(codes, from));
    _mm256_cvtepu8_epi32(bytemuck::must_cast::<[u64; 2], _>([bytes, 0]))
}

#[inline]
#[expect(clippy::expect_used, reason = "as an index beyond the end would")]
fn eight<T: Copy>(numbers: &[T], from: usize) -> [T; LANES] {
    *numbers[from..].first_chunk().expect("eight numbers from there on")
}

#[inline]
#[target_feature(enable = "avx2")]
#[expect(clippy::cast_possible_wrap, reason = "a lane has no sign")]
pub(super) fn all(number: u32) -> __m256i {
    _mm256_set1_epi32(number as i32)
}

/// All bits of the first lanes, of so many of them as there are.
#[inline]
#[target_feature(enable = "avx2")]
#[expect(clippy::cast_possible_truncation, clippy::cast_possible_wrap, reason = "it is made small")]
pub(super) fn first_lanes(count: usize) -> __m256i {
    let lanes = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    _mm256_cmpgt_epi32(_mm256_set1_epi32(count.min(LANES) as i32), lanes)
}

/// Two words in each half. By way of memory a whole vector would have to wait until both halves have been written.
#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn joined(low: [u64; 2], high: [u64; 2]) -> __m256i {
    _mm256_set_m128i(bytemuck::must_cast(high), bytemuck::must_cast(low))
}

/// The lanes with an even place as numbers of 64 bits.
#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn even(lanes: __m256i) -> __m256i {
    _mm256_blend_epi32::<0b1010_1010>(lanes, _mm256_setzero_si256())
}

/// A bit for each lane whose highest bit is set.
#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn mask(lanes: __m256i) -> u32 {
    _mm256_movemask_ps(_mm256_castsi256_ps(lanes)).cast_unsigned()
}

/// Whether a lane is at least another one, without signs.
#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn at_least(one: __m256i, other: __m256i) -> __m256i {
    _mm256_cmpeq_epi32(_mm256_max_epu32(one, other), one)
}

/// Each lane divided by the length of a half-hour.
///
/// That is 2^6 times 28,125, and a number of 26 bits is divided by 28,125 by a multiplication: the factor is less than 28,125 / 2^41
/// too large, which 26 bits cannot make a whole one.
#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn slots_of(instants_ms: __m256i) -> __m256i {
    const ODD: u32 = SLOT_MS >> 6;
    const FACTOR: i64 = (1_u64 << 41).div_ceil(ODD as u64).cast_signed();
    const _: () = assert!(SLOT_MS == ODD << 6 && ODD <= 1 << (41 - 26));
    let factor = _mm256_set1_epi64x(FACTOR);
    let numbers = _mm256_srli_epi32::<6>(instants_ms);
    let even = _mm256_srli_epi64::<41>(_mm256_mul_epu32(numbers, factor));
    let odd = _mm256_srli_epi64::<9>(_mm256_mul_epu32(_mm256_srli_epi64::<32>(numbers), factor));
    _mm256_blend_epi32::<0b1010_1010>(even, odd)
}

/// Bucket and start of the bucket at each half-hour.
#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn look_up_slots(slots: &[Slot; SLOTS], half_hours: __m256i) -> (__m256i, __m256i) {
    const LAST: u32 = 4095;
    const _: () = assert!(LAST as usize == SLOTS - 1 && size_of::<Slot>() == 8);
    let half_hours = _mm256_min_epu32(half_hours, all(LAST));
    let (low, high) = (_mm256_castsi256_si128(half_hours), _mm256_extracti128_si256::<1>(half_hours));
    let begin = slots.as_ptr().cast();
    // SAFETY: each half-hour was made one of the table, whose entries are two numbers of 32 bits in the order of the fields.
    let (low, high) =
        unsafe { (_mm256_i32gather_epi64::<8>(begin, low), _mm256_i32gather_epi64::<8>(begin, high)) };
    let (low, high) = (_mm256_castsi256_ps(low), _mm256_castsi256_ps(high));
    let buckets = _mm256_castps_si256(_mm256_shuffle_ps::<0b10_00_10_00>(low, high));
    let starts = _mm256_castps_si256(_mm256_shuffle_ps::<0b11_01_11_01>(low, high));
    (_mm256_permute4x64_epi64::<0b11_01_10_00>(buckets), _mm256_permute4x64_epi64::<0b11_01_10_00>(starts))
}

/// A table that is read at eight places at once.
#[derive(Debug, Clone, Copy)]
pub(super) struct Table<'a> {
    entries: &'a [u32],
    last: __m256i,
}

impl<'a> Table<'a> {
    /// The table of some entries, or one that has nothing but zeros if there are none.
    #[inline]
    #[target_feature(enable = "avx2")]
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the last place of a longer table is one of it all the same"
    )]
    pub(super) fn new(entries: &'a [u32]) -> Self {
        let entries = if entries.is_empty() { &[0] } else { entries };
        Self { entries, last: all((entries.len() - 1).min(i32::MAX as usize) as u32) }
    }

    /// What it has at each place; places beyond have what the last one has.
    #[inline]
    #[target_feature(enable = "avx2")]
    pub(super) fn at(&self, places: __m256i) -> __m256i {
        let places = _mm256_min_epu32(places, self.last);
        // SAFETY: each place was made one of the table, which is not empty.
        unsafe { _mm256_i32gather_epi32::<4>(self.entries.as_ptr().cast(), places) }
    }
}

/// The lanes of a mask one after the other, and then any others.
#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn pack(lanes: __m256i, order: __m256i) -> __m256i {
    _mm256_permutevar8x32_epi32(lanes, order)
}

/// How [`pack`] has to order lanes for a mask of 8 bits.
#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn order_of(mask: u32) -> __m256i {
    static ORDERS: [u64; 1 << LANES] = orders();
    let order = ORDERS[mask as usize % ORDERS.len()];
    _mm256_cvtepu8_epi32(bytemuck::must_cast::<[u64; 2], _>([order, 0]))
}

/// For each mask the numbers of its bits, a byte each.
const fn orders() -> [u64; 1 << LANES] {
    let mut orders = [0; 1 << LANES];
    let mut mask = 0;
    while mask < orders.len() {
        let (mut bit, mut found) = (0, 0);
        while bit < LANES as u64 {
            if mask >> bit & 1 == 1 {
                orders[mask] |= bit << (8 * found);
                found += 1;
            }
            bit += 1;
        }
        mask += 1;
    }
    orders
}

/// Writes eight lanes from `to` on.
#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn store(lanes: __m256i, numbers: &mut [u32], to: usize) {
    numbers[to..][..LANES].copy_from_slice(&bytemuck::must_cast::<_, [u32; LANES]>(lanes));
}

#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn add(one: __m256i, other: __m256i) -> __m256i {
    _mm256_add_epi32(one, other)
}
