//! Which rows lie wholly in one bucket, with their keys, and which have to be cut.

use std::arch::x86_64::{__m256i, _mm256_blendv_epi8, _mm256_sub_epi32};
use std::ops::Range;

use super::costs::{self, WHOLE, WITH, WITHOUT};
use super::vector::{self, Table};
use crate::calendar::Edges;
use crate::lanes::pieces::{Amounts, CHUNK_ROWS, Codes, Columns, Crossing, LANES, Sifted, Stretches};

/// Looks at some rows: see [`crate::lanes::Lanes::sift`].
#[target_feature(enable = "avx2,popcnt")]
pub(in crate::lanes) fn sift(
    columns: &Columns<'_>,
    stretches: &mut Stretches<'_>,
    edges: Edges<'_>,
    found: &mut Sifted,
) {
    if edges.changes.is_some() {
        sift_amounts::<true>(columns, stretches, edges, found);
    } else {
        sift_amounts::<false>(columns, stretches, edges, found);
    }
}

#[target_feature(enable = "avx2,popcnt")]
fn sift_amounts<const IS_COARSE: bool>(
    columns: &Columns<'_>,
    stretches: &mut Stretches<'_>,
    edges: Edges<'_>,
    found: &mut Sifted,
) {
    match columns.amounts {
        Amounts::Whole(costs) => {
            sift_costs::<WHOLE, IS_COARSE>(columns, [costs, costs], stretches, edges, found);
        }
        Amounts::Without(costs, lines) => {
            sift_costs::<WITHOUT, IS_COARSE>(columns, [costs, lines], stretches, edges, found);
        }
        Amounts::With(costs, lines) => {
            sift_costs::<WITH, IS_COARSE>(columns, [costs, lines], stretches, edges, found);
        }
    }
}

#[target_feature(enable = "avx2,popcnt")]
fn sift_costs<const AMOUNTS: usize, const IS_COARSE: bool>(
    columns: &Columns<'_>,
    costs: [&[u32]; 2],
    stretches: &mut Stretches<'_>,
    edges: Edges<'_>,
    found: &mut Sifted,
) {
    let numbers = [columns.ends_ms, columns.runtimes_ms, costs[0], costs[1]];
    match (columns.words, columns.bytes) {
        ([Some(first), Some(second)], _) => {
            sift_by::<AMOUNTS, _, _, IS_COARSE>(numbers, [first, second], [], stretches, edges, found);
        }
        ([Some(words), None] | [None, Some(words)], Some(bytes)) => {
            sift_by::<AMOUNTS, _, _, IS_COARSE>(numbers, [words], [bytes], stretches, edges, found);
        }
        ([Some(words), None] | [None, Some(words)], None) => {
            sift_by::<AMOUNTS, _, _, IS_COARSE>(numbers, [words], [], stretches, edges, found);
        }
        ([None, None], Some(bytes)) => {
            sift_by::<AMOUNTS, _, _, IS_COARSE>(numbers, [], [bytes], stretches, edges, found);
        }
        ([None, None], None) => sift_by::<AMOUNTS, _, _, IS_COARSE>(numbers, [], [], stretches, edges, found),
    }
}

// A function for each kind of cost and key, so that nothing is asked for each row.
#[target_feature(enable = "avx2,popcnt")]
fn sift_by<const AMOUNTS: usize, const WORDS: usize, const BYTES: usize, const IS_COARSE: bool>(
    numbers: [&[u32]; 4],
    words: [Codes<'_, u16>; WORDS],
    bytes: [Codes<'_, u8>; BYTES],
    stretches: &mut Stretches<'_>,
    edges: Edges<'_>,
    found: &mut Sifted,
) {
    // All columns have one length, so that one comparison says whether eight rows are there.
    let [ends_ms, runtimes_ms, costs_nanos, lines_nanos] = numbers;
    let len = ends_ms.len();
    let (runtimes_ms, costs_nanos, lines_nanos) =
        (&runtimes_ms[..len], &costs_nanos[..len], &lines_nanos[..len]);
    let words = words.map(|(codes, shares)| (&codes[..len], Table::new(shares)));
    let bytes = bytes.map(|(codes, shares)| (&codes[..len], Table::new(shares)));
    let from_max = len - LANES;
    let (inside, crossing) = (&mut found.inside, &mut found.crossing);
    let (mut inside_len, mut crossing_len, mut left) = (0, 0, CHUNK_ROWS);
    let mut ahead = Ahead::of(stretches, AHEAD);
    while let Some((shared, rows)) = stretches.rest.first()
        && left > 0
    {
        #[expect(clippy::cast_possible_truncation, reason = "keys have 32 bits, or there are no lanes")]
        let shared = vector::all((*shared as u32).wrapping_add(stretches.shared));
        let begin = rows.start + stretches.done;
        let end = rows.end.min(begin + left);
        for row in (begin..end).step_by(LANES) {
            let fetched = ahead.next();
            vector::fetch(ends_ms, fetched);
            vector::fetch(runtimes_ms, fetched);
            vector::fetch(costs_nanos, fetched);
            if AMOUNTS != WHOLE {
                vector::fetch(lines_nanos, fetched);
            }
            for (codes, _) in words {
                vector::fetch(codes, fetched);
            }
            for (codes, _) in bytes {
                vector::fetch(codes, fetched);
            }
            // The last rows of a column are looked at again, and those from `row` on count.
            let from = row.min(from_max);
            let there = ((1_u32 << (end - row).min(LANES)) - 1) << (row - from);
            let ends = vector::load(ends_ms, from);
            let runtimes = vector::load(runtimes_ms, from);
            let Located { buckets, is_whole, .. } = Located::of::<IS_COARSE>(ends, runtimes, edges);
            let whole = vector::mask(is_whole);
            // The buckets outside of those that are asked for are the only ones with their highest bit set.
            let is_inside = whole & !vector::mask(buckets) & there;
            let is_crossing = !whole & there;
            let mut keys = shared;
            for (codes, shares) in words {
                keys = vector::add(keys, shares.at(vector::load_words(codes, from)));
            }
            for (codes, shares) in bytes {
                keys = vector::add(keys, shares.at(vector::load_bytes(codes, from)));
            }
            let (costs, lines) = (vector::load(costs_nanos, from), vector::load(lines_nanos, from));
            let (costs, [parts, lines]) = costs::split::<AMOUNTS>(costs, lines);
            let order = vector::order_of(is_inside);
            vector::store(vector::pack(buckets, order), &mut inside.buckets, inside_len);
            vector::store(vector::pack(keys, order), &mut inside.keys, inside_len);
            vector::store(vector::pack(costs, order), &mut inside.costs_nanos, inside_len);
            vector::store(vector::pack(runtimes, order), &mut inside.runtimes_ms, inside_len);
            inside_len += is_inside.count_ones() as usize;
            if is_crossing != 0 {
                crossing_len +=
                    list(crossing, crossing_len, is_crossing, [keys, ends, runtimes, parts, lines]);
            }
        }
        left -= end - begin;
        stretches.done += end - begin;
        if end == rows.end {
            (stretches.rest, stretches.done) = (&stretches.rest[1..], 0);
        }
    }
    (inside.len, crossing.len) = (inside_len, crossing_len);
}

/// Where eight rows lie: the buckets of their last milliseconds, where those start, and whether the rows do not start before.
pub(super) struct Located {
    pub(super) buckets: __m256i,
    pub(super) starts: __m256i,
    pub(super) is_whole: __m256i,
}

impl Located {
    #[inline]
    #[target_feature(enable = "avx2")]
    pub(super) fn of<const IS_COARSE: bool>(ends: __m256i, runtimes: __m256i, edges: Edges<'_>) -> Self {
        // The bucket contains the last millisecond of the row, not its end; a runtime is never zero.
        let last = _mm256_sub_epi32(ends, vector::all(1));
        let (buckets, starts) = if IS_COARSE {
            let (mut buckets, mut starts) = (vector::all(edges.initial), vector::all(0));
            for change in edges.changes.unwrap_or_default() {
                let from = vector::all(change.from_ms);
                let is_after = vector::at_least(last, from);
                buckets = _mm256_blendv_epi8(buckets, vector::all(change.bucket), is_after);
                starts = _mm256_blendv_epi8(starts, from, is_after);
            }
            (buckets, starts)
        } else {
            vector::look_up_slots(edges.slots, vector::slots_of(last))
        };
        let is_whole = vector::at_least(_mm256_sub_epi32(ends, runtimes), starts);
        Self { buckets, starts, is_whole }
    }
}

/// Lists rows that are cut from `to` on, those of the lanes of a mask, and says how many they are: keys, ends, runtimes, and the
/// two costs that are cut by themselves.
#[inline]
#[target_feature(enable = "avx2,popcnt")]
pub(super) fn list(crossing: &mut Crossing, to: usize, lanes: u32, rows: [__m256i; 5]) -> usize {
    let order = vector::order_of(lanes);
    let [keys, ends, runtimes, parts, lines] = rows.map(|numbers| vector::pack(numbers, order));
    vector::store(keys, &mut crossing.keys, to);
    vector::store(ends, &mut crossing.ends_ms, to);
    vector::store(runtimes, &mut crossing.runtimes_ms, to);
    vector::store(parts, &mut crossing.costs_nanos, to);
    vector::store(lines, &mut crossing.lines_nanos, to);
    lanes.count_ones() as usize
}

/// Rows that are brought near before they are needed: memory takes as long as some hundred rows do.
const AHEAD: usize = 128;

/// The row that comes so many rows later, in whichever stretch that is.
struct Ahead<'a> {
    rest: &'a [(u64, Range<usize>)],
    row: usize,
}

impl<'a> Ahead<'a> {
    fn of(stretches: &Stretches<'a>, rows: usize) -> Self {
        let row = stretches.rest.first().map_or(0, |(_, rows)| rows.start + stretches.done);
        let mut ahead = Self { rest: stretches.rest, row: row + rows };
        ahead.settle();
        ahead
    }

    #[inline]
    fn next(&mut self) -> usize {
        self.row += LANES;
        if self.rest.first().is_none_or(|(_, rows)| self.row >= rows.end) {
            self.settle();
        }
        self.row
    }

    fn settle(&mut self) {
        while let [(_, rows), rest @ ..] = self.rest
            && self.row >= rows.end
            && let Some((_, next)) = rest.first()
        {
            self.row = next.start + (self.row - rows.end);
            self.rest = rest;
        }
    }
}
