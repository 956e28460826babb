//! Rows that lie in several buckets become pieces.
//!
//! Costs accrue in whole nano-dollars, so each edge takes a division. A product of doubles is at most one above the whole number
//! that is asked for, and the remainder in integers tells whether it is.

use std::arch::x86_64::{
    __m256d, __m256i, _mm256_add_epi32, _mm256_add_epi64, _mm256_add_pd, _mm256_blend_epi32,
    _mm256_blendv_epi8, _mm256_castpd_si256, _mm256_castsi256_pd, _mm256_cmpeq_epi32, _mm256_cmpgt_epi64,
    _mm256_div_pd, _mm256_mul_epu32, _mm256_mul_pd, _mm256_or_si256, _mm256_set1_pd, _mm256_setzero_si256,
    _mm256_slli_epi64, _mm256_srli_epi64, _mm256_sub_epi32, _mm256_sub_pd,
};

use super::vector::{self, Table};
use crate::calendar::{BEFORE, Edges};
use crate::lanes::pieces::{Crossing, LANES, PieceChunk};

/// Cuts rows: see [`crate::lanes::Lanes::cut`].
#[target_feature(enable = "avx2,popcnt")]
pub(in crate::lanes) fn cut(rows: &Crossing, with_lines: bool, edges: Edges<'_>, pieces: &mut PieceChunk) {
    if with_lines {
        cut_costs::<2>(rows, edges, pieces);
    } else {
        cut_costs::<1>(rows, edges, pieces);
    }
}

#[target_feature(enable = "avx2,popcnt")]
fn cut_costs<const COSTS: usize>(rows: &Crossing, edges: Edges<'_>, pieces: &mut PieceChunk) {
    let mut len = 0;
    let bucket_ends = Table::new(edges.ends_ms);
    let count = vector::all(u32::try_from(edges.ends_ms.len()).unwrap_or(u32::MAX));
    for row in (0..rows.len).step_by(LANES) {
        let keys = vector::load(&rows.keys, row);
        let ends = vector::load(&rows.ends_ms, row);
        let runtimes = vector::load(&rows.runtimes_ms, row);
        let starts = _mm256_sub_epi32(ends, runtimes);
        let costs: [Accruing; COSTS] = std::array::from_fn(|cost| {
            let of_row = if cost == 0 { &rows.costs_nanos } else { &rows.lines_nanos };
            Accruing::new(vector::load(of_row, row), runtimes)
        });
        let total = costs.iter().fold(_mm256_setzero_si256(), |sum, cost| _mm256_add_epi32(sum, cost.costs));
        let until = |instants: __m256i| {
            let elapsed = _mm256_sub_epi32(instants, starts);
            costs.iter().fold(_mm256_setzero_si256(), |sum, cost| _mm256_add_epi32(sum, cost.until(elapsed)))
        };
        let (mut buckets, _) = vector::look_up_slots(edges.slots, vector::slots_of(starts));
        let is_before = _mm256_cmpeq_epi32(buckets, vector::all(BEFORE));
        let first_start = vector::all(edges.start_ms);
        let (mut lows, mut until_low) = (starts, _mm256_setzero_si256());
        if vector::mask(is_before) != 0 {
            buckets = _mm256_blendv_epi8(buckets, vector::all(edges.first), is_before);
            lows = _mm256_blendv_epi8(lows, first_start, is_before);
            until_low = _mm256_blendv_epi8(until_low, until(first_start), is_before);
        }
        let mut left = vector::mask(vector::first_lanes(rows.len - row));
        loop {
            let places = _mm256_sub_epi32(buckets, vector::all(edges.first));
            // Beyond the last bucket there is no piece. Those that lie there have their highest bit set.
            left &= !vector::mask(vector::at_least(places, count));
            if left == 0 {
                break;
            }
            let edge = bucket_ends.at(places);
            let is_last = vector::at_least(edge, ends);
            let high = _mm256_blendv_epi8(edge, ends, is_last);
            let until_high = _mm256_blendv_epi8(until(edge), total, is_last);
            let order = vector::order_of(left);
            vector::store(vector::pack(buckets, order), &mut pieces.buckets, len);
            vector::store(vector::pack(keys, order), &mut pieces.keys, len);
            let costs = _mm256_sub_epi32(until_high, until_low);
            vector::store(vector::pack(costs, order), &mut pieces.costs_nanos, len);
            let lengths = _mm256_sub_epi32(high, lows);
            vector::store(vector::pack(lengths, order), &mut pieces.runtimes_ms, len);
            len += left.count_ones() as usize;
            left &= !vector::mask(is_last);
            if left == 0 {
                break;
            }
            (lows, until_low) = (edge, until_high);
            buckets = _mm256_add_epi32(buckets, vector::all(1));
        }
    }
    pieces.len = len;
}

/// The numbers with an even place, in 64 bits each, and those with an odd one.
#[inline]
#[target_feature(enable = "avx2")]
fn halves(numbers: __m256i) -> [__m256i; 2] {
    [vector::even(numbers), _mm256_srli_epi64::<32>(numbers)]
}

/// Numbers below 2^32 as doubles: a double between 2^52 and 2^53 has a whole number in its lowest bits.
#[inline]
#[target_feature(enable = "avx2")]
fn doubles(numbers: __m256i) -> __m256d {
    let biased = _mm256_castsi256_pd(_mm256_or_si256(numbers, _mm256_castpd_si256(_mm256_set1_pd(BIAS))));
    _mm256_sub_pd(biased, _mm256_set1_pd(BIAS))
}

/// 2^52.
const BIAS: f64 = 4_503_599_627_370_496.0;

/// Costs that accrue over runtimes.
#[derive(Debug, Clone, Copy)]
struct Accruing {
    costs: __m256i,
    costs_halves: [__m256i; 2],
    runtimes: [__m256i; 2],
    /// Costs divided by runtimes, nearly.
    rates: [__m256d; 2],
}

impl Accruing {
    #[inline]
    #[target_feature(enable = "avx2")]
    fn new(costs: __m256i, runtimes: __m256i) -> Self {
        let (costs_halves, runtimes) = (halves(costs), halves(runtimes));
        let rate = |half: usize| _mm256_div_pd(doubles(costs_halves[half]), doubles(runtimes[half]));
        Self { costs, costs_halves, runtimes, rates: [rate(0), rate(1)] }
    }

    /// What has accrued so long after the start: `costs * elapsed / runtimes`, rounded down. Lanes in which more has elapsed
    /// than there is runtime have any number.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn until(&self, elapsed: __m256i) -> __m256i {
        let elapsed = halves(elapsed);
        let half = |half: usize| {
            let near = _mm256_mul_pd(self.rates[half], doubles(elapsed[half]));
            // The nearest whole number lies in the lowest 32 bits.
            let nearest = _mm256_castpd_si256(_mm256_add_pd(near, _mm256_set1_pd(BIAS)));
            let product = _mm256_mul_epu32(self.costs_halves[half], elapsed[half]);
            let taken = _mm256_mul_epu32(nearest, self.runtimes[half]);
            // One too large if more was taken than there is.
            let is_above = _mm256_cmpgt_epi64(taken, product);
            _mm256_add_epi64(nearest, is_above)
        };
        let (even, odd) = (half(0), half(1));
        _mm256_blend_epi32::<0b1010_1010>(even, _mm256_slli_epi64::<32>(odd))
    }
}
