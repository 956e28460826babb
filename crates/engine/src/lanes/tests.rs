//! Each kernel and its plain twin. On a processor without lanes there is nothing to compare.

use std::collections::BTreeMap;
use std::ops::Range;

use farmtally_model::{Buckets, Period, TimeRange, Timestamp, UtcOffset, accrued};
use proptest::prelude::*;

use super::pieces::CHUNK_ROWS;
use super::*;
use crate::calendar::{BlockCalendar, SLOT_MS, Slots};
use crate::keys::KeyLayout;
use crate::output::{Groups, finished, note_filled};
use crate::part::Part;

/// A whole half-hour.
const BASE_MS: i64 = 1_760_000_400_000;
const SHORT_MS: u32 = 3 * 3_600_000 - 1;

/// Bucket, key, cost and runtime.
type Piece4 = (u32, u32, u32, u32);

/// Rows of a short set: end, runtime, cost, line, and codes.
#[derive(Debug, Default)]
struct Rows {
    ends_ms: Vec<u32>,
    runtimes_ms: Vec<u32>,
    costs: Vec<u32>,
    lines: Vec<u32>,
    words: [Vec<u16>; 2],
    bytes: Vec<u8>,
}

/// Rows that begin so long after the base, or later.
fn rows_from(base_ms: u32) -> impl Strategy<Value = Rows> {
    let amount = || (0_u32..=32).prop_flat_map(|bits| 0..=u32::MAX.checked_shr(32 - bits).unwrap_or(0));
    let row =
        (base_ms..base_ms + 400_000_000, 1..=SHORT_MS, amount(), amount(), 0_u16..7, 0_u16..400, 0_u8..9);
    prop::collection::vec(row, Columns::ROWS_MIN..600).prop_map(|drawn| {
        let mut rows = Rows::default();
        for (start_ms, runtime_ms, one, other, first, second, byte) in drawn {
            // Some begin and end where buckets do, and some a millisecond later.
            let aligned = |ms: u32| if one % 5 < 2 { ms - ms % SLOT_MS } else { ms };
            let runtime_ms = (aligned(runtime_ms) + u32::from(one % 5 == 1)).max(1);
            rows.ends_ms.push(aligned(start_ms) + runtime_ms);
            rows.runtimes_ms.push(runtime_ms);
            rows.costs.push(one.max(other));
            rows.lines.push(one.min(other));
            rows.words[0].push(first);
            rows.words[1].push(second);
            rows.bytes.push(byte);
        }
        rows
    })
}

impl Rows {
    fn amounts(&self, kind: usize) -> Amounts<'_> {
        match kind {
            0 => Amounts::Whole(&self.costs),
            1 => Amounts::Without(&self.costs, &self.lines),
            _ => Amounts::With(&self.costs, &self.lines),
        }
    }

    /// Every other stretch between a few cuts, and all stretches between many.
    fn stretches(&self, cuts: Vec<usize>) -> Vec<(u64, Range<usize>)> {
        let step = if cuts.len() < 100 { 2 } else { 1 };
        let mut edges: Vec<usize> = cuts.into_iter().map(|cut| cut % self.costs.len()).collect();
        edges.extend([0, self.costs.len()]);
        edges.sort_unstable();
        edges.windows(2).step_by(step).map(|edge| (edge[0] as u64 * 7, edge[0]..edge[1])).collect()
    }
}

/// The half-hours of another block, all of them in some bucket.
fn used_slots(base_ms: i64) -> Slots {
    let buckets = buckets((-60, 2_000), Some(Period::Hourly));
    BlockCalendar::new(&buckets, &(0..buckets.len()), base_ms, u32::MAX, Slots::new()).into_slots()
}

fn buckets(hours: (i64, i64), period: Option<Period>) -> Buckets {
    let at = |hours: i64| Timestamp::from_millis(BASE_MS - BASE_MS % 3_600_000 + hours * 3_600_000).unwrap();
    let window = TimeRange::new(at(hours.0), at(hours.0 + hours.1)).unwrap();
    Buckets::new(window, period, UtcOffset::UTC)
}

/// The pieces of some stretches, row by row.
fn plain_pieces(
    rows: &Rows,
    columns: &Columns<'_>,
    stretches: &Stretches<'_>,
    buckets: &Buckets,
) -> Vec<Piece4> {
    let mut pieces = Vec::new();
    let base_ms = BASE_MS - BASE_MS % i64::from(SLOT_MS);
    let window = buckets.window();
    for (shared, stretch) in stretches.rest {
        for row in stretch.clone() {
            let end_ms = base_ms + i64::from(rows.ends_ms[row]);
            let words = columns.words.iter().flatten().map(|(codes, shares)| shares[usize::from(codes[row])]);
            let bytes = columns.bytes.iter().map(|(codes, shares)| shares[usize::from(codes[row])]);
            let key = u32::try_from(*shared).unwrap() + stretches.shared + words.chain(bytes).sum::<u32>();
            let costs = match columns.amounts {
                Amounts::Whole(costs) => [costs[row], 0],
                Amounts::Without(costs, lines) => [costs[row] - lines[row], 0],
                Amounts::With(costs, lines) => [costs[row] - lines[row], lines[row]],
            };
            let start_ms = end_ms - i64::from(rows.runtimes_ms[row]);
            let mut of_row: Vec<Piece4> = Vec::new();
            for cost in costs {
                let part = Part::new(start_ms, end_ms, cost.into(), &[]);
                if !part.overlaps(window.start().millis(), window.end().millis()) {
                    continue;
                }
                let mut of_cost = Vec::new();
                part.for_each_piece(buckets, |piece| {
                    let narrow = |number: u64| u32::try_from(number).unwrap();
                    of_cost.push((
                        narrow(piece.bucket as u64),
                        key,
                        narrow(piece.cost_nanos),
                        narrow(piece.runtime_ms),
                    ));
                });
                of_row = if of_row.is_empty() {
                    of_cost
                } else {
                    of_row
                        .iter()
                        .zip(of_cost)
                        .map(|(one, other)| (one.0, one.1, one.2 + other.2, one.3))
                        .collect()
                };
            }
            pieces.extend(of_row);
        }
    }
    pieces.sort_unstable();
    pieces
}

/// Sums by bucket and key.
type Sums = BTreeMap<(u32, u32), Summary>;

/// What the kernel for rows of one key finds in some stretches, with what it leaves to be cut, and what there is row by row.
fn sums_of_one_key(
    lanes: Lanes,
    (rows, amounts): (&Rows, usize),
    asked: &[(u64, Range<usize>)],
    shared: u32,
    buckets: &Buckets,
) -> (Sums, Sums) {
    let columns = Columns {
        ends_ms: &rows.ends_ms,
        runtimes_ms: &rows.runtimes_ms,
        amounts: rows.amounts(amounts),
        words: [None, None],
        bytes: None,
    };
    let mut stretches = Stretches { rest: asked, done: 0, shared };
    let mut plain = Sums::new();
    for (bucket, key, cost, runtime) in plain_pieces(rows, &columns, &stretches, buckets) {
        plain.entry((bucket, key)).or_insert(Summary::EMPTY).add(cost.into(), runtime);
    }
    let length_ms = *rows.ends_ms.iter().max().unwrap();
    let base_ms = BASE_MS - BASE_MS % i64::from(SLOT_MS);
    let calendar = BlockCalendar::new(buckets, &(0..buckets.len()), base_ms, length_ms, used_slots(base_ms));
    let edges = calendar.edges(u32::MAX);
    let (mut own, mut crossing, mut cut) = (OneKey::default(), Crossing::new(), PieceChunk::new());
    own.begin(edges.first, edges.ends_ms.len());
    let mut found = Sums::new();
    while !stretches.rest.is_empty() {
        let mut merge = |bucket: u32, key: u32, sum: &Summary| {
            found.entry((bucket, key)).or_insert(Summary::EMPTY).merge(sum);
        };
        lanes.sum_one_key(&columns, &mut stretches, edges, (&mut own, &mut crossing), &mut merge);
        lanes.cut(&crossing, amounts == 2, edges, &mut cut);
        for (bucket, key, cost, runtime) in cut.iter() {
            let mut sum = Summary::EMPTY;
            sum.add(cost.into(), runtime);
            merge(bucket, key, &sum);
        }
    }
    own.take(|bucket, key, sum| found.entry((bucket, key)).or_insert(Summary::EMPTY).merge(sum));
    (found, plain)
}

#[test]
fn many_short_stretches_of_rows_that_are_cut_fit_the_room_for_them() {
    let Some(lanes) = Lanes::detect() else { return };
    let mut rows = Rows::default();
    for row in 0..900 {
        rows.ends_ms.push(SHORT_MS + row * 400_000);
        rows.runtimes_ms.push(SHORT_MS);
        rows.costs.push(row * 1_000_003);
        rows.lines.push(row);
    }
    for len in [1, 3, 5, 7, 12] {
        // Neighbours have other keys, and the first one comes again.
        let asked: Vec<_> =
            (0..900 / len).map(|place| (place as u64 % 3, place * len..(place + 1) * len)).collect();
        let buckets = buckets((0, 200), Some(Period::Hourly));
        let (found, plain) = sums_of_one_key(lanes, (&rows, 2), &asked, 5, &buckets);
        assert_eq!(found, plain, "stretches of {len}");
    }
}

proptest! {
    #[test]
    fn rows_are_sifted_and_cut_as_one_by_one(
        (base_ms, rows) in prop::sample::select(vec![0, 1 << 31, u32::MAX - SHORT_MS - 400_000_000])
            .prop_flat_map(|base_ms| (Just(base_ms), rows_from(base_ms))),
        hours in (-50_i64..110, 1_i64..100), cuts in prop::collection::vec(0_usize..600, 0..7),
        period in prop::sample::select(vec![None, Some(Period::Hourly), Some(Period::Daily)]),
        (amounts, words, has_bytes) in (0_usize..3, 0_usize..3, any::<bool>()), shared in 0_u32..1000,
    ) {
        let Some(lanes) = Lanes::detect() else { return Ok(()) };
        let shares: Vec<u32> = (0..400).map(|code| code * 3).collect();
        let with_words = |word: usize| (words > word).then_some((rows.words[word].as_slice(), shares.as_slice()));
        let columns = Columns {
            ends_ms: &rows.ends_ms,
            runtimes_ms: &rows.runtimes_ms,
            amounts: rows.amounts(amounts),
            words: [with_words(0), with_words(1)],
            bytes: (has_bytes && words < 2).then_some((rows.bytes.as_slice(), shares.as_slice())),
        };
        let asked = rows.stretches(cuts);
        let mut stretches = Stretches { rest: &asked, done: 0, shared };
        let hours = (hours.0 + i64::from(base_ms / 3_600_000), hours.1);
        let buckets = buckets(hours, period);
        let plain = plain_pieces(&rows, &columns, &stretches, &buckets);
        let length_ms = *rows.ends_ms.iter().max().unwrap();
        let base_ms = BASE_MS - BASE_MS % i64::from(SLOT_MS);
        let calendar = BlockCalendar::new(&buckets, &(0..buckets.len()), base_ms, length_ms, used_slots(base_ms));
        let mut found = Sifted { inside: PieceChunk::new(), crossing: Crossing::new() };
        let (mut cut, mut pieces, mut sifts) = (PieceChunk::new(), Vec::new(), 0);
        while !stretches.rest.is_empty() {
            lanes.sift(&columns, &mut stretches, calendar.edges(u32::MAX), &mut found);
            lanes.cut(&found.crossing, amounts == 2, calendar.edges(u32::MAX), &mut cut);
            pieces.extend(found.inside.iter().chain(cut.iter()));
            sifts += 1;
        }
        prop_assert!(sifts <= 1 + rows.costs.len() / CHUNK_ROWS + asked.len());
        pieces.sort_unstable();
        prop_assert_eq!(pieces, plain);
    }

    #[test]
    fn rows_of_one_key_are_summed_and_cut_as_one_by_one(
        (base_ms, mut rows) in prop::sample::select(vec![0, 1 << 31, u32::MAX - SHORT_MS - 400_000_000])
            .prop_flat_map(|base_ms| (Just(base_ms), rows_from(base_ms))),
        hours in (-50_i64..110, 1_i64..100),
        cuts in prop_oneof![prop::collection::vec(0_usize..600, 0..7), prop::collection::vec(0_usize..600, 100..200)],
        period in prop::sample::select(vec![None, Some(Period::Hourly), Some(Period::Daily), Some(Period::Weekly)]),
        (amounts, is_sorted, shared) in (0_usize..3, any::<bool>(), 0_u32..1000),
    ) {
        let Some(lanes) = Lanes::detect() else { return Ok(()) };
        if is_sorted {
            // A runtime goes with its end, because it is at most that.
            let mut spans: Vec<_> = rows.ends_ms.iter().copied().zip(rows.runtimes_ms.iter().copied()).collect();
            spans.sort_unstable();
            (rows.ends_ms, rows.runtimes_ms) = spans.into_iter().unzip();
        }
        let hours = (hours.0 + i64::from(base_ms / 3_600_000), hours.1);
        let asked = rows.stretches(cuts);
        let (found, plain) = sums_of_one_key(lanes, (&rows, amounts), &asked, shared, &buckets(hours, period));
        prop_assert_eq!(found, plain);
    }

    #[test]
    fn pieces_are_added_to_sums_as_one_by_one(
        drawn in prop::collection::vec((0_u32..16, 0_u32..5, any::<u32>(), 0_u32..1 << 24), 0..200),
    ) {
        let Some(lanes) = Lanes::detect() else { return Ok(()) };
        let (mut chunk, mut narrow) = (PieceChunk::new(), Vec::new());
        let (mut in_ring, mut by_key) = ([NarrowSum::EMPTY; 40], [NarrowSum::EMPTY; 5]);
        for (bucket, key, cost_nanos, runtime_ms) in drawn {
            push(&mut chunk, (bucket, key, cost_nanos, runtime_ms));
            in_ring[((bucket % 8) * 5 + key) as usize].add(cost_nanos, runtime_ms);
            by_key[key as usize].add(cost_nanos, runtime_ms);
            narrow.push(Piece { key: key.into(), cost_nanos, runtime_ms });
        }
        let mut sums = [NarrowSum::EMPTY; 40];
        lanes.add_to_ring(&mut sums, Ring { mask: 7, per_bucket: 5 }, &chunk);
        prop_assert_eq!(sums, in_ring);
        let mut of_keys = [NarrowSum::EMPTY; 5];
        lanes.add_to_sums(&mut of_keys, &narrow);
        prop_assert_eq!(of_keys, by_key);
    }

    #[test]
    fn pieces_go_to_lists_by_runs_as_one_by_one(
        runs in prop::collection::vec((0_u32..4, 1_usize..20), 110..150), amounts in any::<u32>(),
        len in prop_oneof![0..PieceChunk::PIECES, Just(PieceChunk::PIECES)],
    ) {
        let Some(lanes) = Lanes::detect() else { return Ok(()) };
        // There is something in the lanes beyond the last piece.
        let mut chunk = PieceChunk::new();
        let buckets = runs.into_iter().flat_map(|(bucket, len)| std::iter::repeat_n(bucket, len));
        for (bucket, key) in buckets.take(PieceChunk::PIECES).zip(0_u32..) {
            push(&mut chunk, (bucket, key, amounts.wrapping_mul(key), amounts.wrapping_add(key) >> 8));
        }
        chunk.len = len.min(chunk.len);
        let mut plain = vec![Vec::new(); 4];
        for (bucket, key, cost_nanos, runtime_ms) in chunk.iter() {
            plain[bucket as usize].push(Piece { key: key.into(), cost_nanos, runtime_ms });
        }
        let mut lists = vec![Vec::new(); 4];
        lanes.for_each_run(&chunk, |bucket, eight, run| lists[bucket as usize].extend_from_slice(&eight[..run]));
        prop_assert_eq!(lists, plain);
    }

    #[test]
    fn sums_are_packed_as_rows_are_one_by_one(
        drawn in prop::collection::vec((0_usize..300, 1_u32..6000, 0_u32..=32, 0_u32..=24, any::<u32>()), 0..200),
        len in 0_usize..=300,
        // Words that are full, and such that fill the room for keys together.
        full in prop::collection::vec(prop::sample::select(vec![0_usize, 1, 4, 60, 64]), 5),
    ) {
        let Some(lanes) = Lanes::detect() else { return Ok(()) };
        let mut sums = vec![NarrowSum::EMPTY; 300];
        for (place, count, cost_bits, runtime_bits, seed) in drawn {
            for number in 0..count {
                let mixed = seed.wrapping_add(number).wrapping_mul(0x9e37_79b9);
                let narrow = |bits: u32| u32::try_from(u64::from(mixed) >> (32 - bits)).unwrap();
                sums[place].add(narrow(cost_bits), narrow(runtime_bits));
            }
        }
        for (sums, full) in sums.chunks_mut(64).zip(full) {
            sums.iter_mut().take(full).for_each(|sum| sum.add(1, 1));
        }
        let words = len.div_ceil(64);
        let (mut noted, mut plainly) = (vec![u64::MAX; words], vec![u64::MAX; words]);
        lanes.note_filled(&sums[..len], &mut noted);
        note_filled(&sums[..len], &mut plainly);
        for place in 0..words * 64 {
            let is_filled = place < len && !sums[place].is_empty();
            for noted in [&noted, &plainly] {
                prop_assert_eq!(noted[place / 64] >> (place % 64) & 1 == 1, is_filled, "{}", place);
            }
        }
        let keys = KeyLayout { second_bits: 9, len: 1 << 9 };
        let mut plain = Output::new(keys, [1, 300], None);
        plain.begin_bucket(0);
        for (key, sum) in (0..).zip(&sums).filter(|(_, sum)| !sum.is_empty()) {
            plain.narrow(key, sum);
        }
        let mut packed = Output::new(keys, [1, 300], Some(lanes));
        packed.begin_bucket(0);
        packed.narrow_all(&mut sums);
        prop_assert_eq!(finished(packed), finished(plain));
        prop_assert!(sums.iter().all(NarrowSum::is_empty));
    }
}

fn push(pieces: &mut PieceChunk, (bucket, key, cost, runtime): Piece4) {
    let place = pieces.len;
    (pieces.buckets[place], pieces.keys[place]) = (bucket, key);
    (pieces.costs_nanos[place], pieces.runtimes_ms[place]) = (cost, runtime);
    pieces.len += 1;
}

/// Costs and runtimes whose quotients lie at, just below and just above whole numbers, as widely as a short session has them.
#[test]
fn costs_that_accrue_are_rounded_down_to_the_last_nano_dollar() {
    let Some(lanes) = Lanes::detect() else { return };
    let buckets = buckets((0, 200), Some(Period::Hourly));
    let base_ms = BASE_MS - BASE_MS % 3_600_000;
    let calendar = BlockCalendar::new(&buckets, &(0..buckets.len()), base_ms, 500_000_000, Slots::new());
    let mut numbers = 0x5eed_u64;
    let mut below = |end: u64| {
        numbers ^= numbers << 13;
        numbers ^= numbers >> 7;
        numbers ^= numbers << 17;
        u32::try_from(numbers % end).unwrap()
    };
    let mut pieces = PieceChunk::new();
    for _ in 0..20_000 {
        let mut crossing = Crossing::new();
        let mut expected = Vec::new();
        for row in 0..8 {
            let runtime = 1 + below(u64::from(SHORT_MS));
            let first = 1 + below(u64::from(runtime.min(3_600_000)));
            if first == runtime {
                continue;
            }
            // The product of cost and time is near a multiple of the runtime.
            let times = below(u64::from(u32::MAX));
            let near = (u128::from(times) * u128::from(runtime)).div_ceil(u128::from(first));
            let near = u32::try_from(near.min(u128::from(u32::MAX))).unwrap();
            let cost = [near, near.saturating_sub(1), u32::MAX - below(9), below(1 << 32)][row % 4];
            let place = crossing.len;
            crossing.keys[place] = u32::try_from(place).unwrap();
            // It ends an hour's edge after `first` milliseconds.
            crossing.ends_ms[place] = 36_000_000 - first + runtime;
            crossing.runtimes_ms[place] = runtime;
            crossing.costs_nanos[place] = cost;
            crossing.len += 1;
            expected.push(accrued(cost.into(), first.into(), runtime.into()));
        }
        lanes.cut(&crossing, false, calendar.edges(u32::MAX), &mut pieces);
        for (bucket, key, cost, _) in pieces.iter().filter(|piece| piece.0 == 9) {
            assert_eq!(u64::from(cost), expected[key as usize], "bucket {bucket} of {crossing:?}");
        }
        assert!(pieces.iter().filter(|piece| piece.0 == 9).count() == crossing.len);
    }
}

/// Every edge of a half-hour, and the milliseconds beside it.
#[cfg(target_arch = "x86_64")]
#[test]
fn instants_are_divided_by_half_hours_exactly() {
    let Some(lanes) = Lanes::detect() else { return };
    for slot in 0..=u32::MAX / SLOT_MS {
        let edge_ms = slot * SLOT_MS;
        let instants =
            [0, 1, 63, 64, SLOT_MS - 64, SLOT_MS - 1, 900_001, 899_999].map(|ms| edge_ms.saturating_add(ms));
        assert_eq!(lanes.half_hours(instants), instants.map(|instant_ms| instant_ms / SLOT_MS));
    }
}

#[cfg(target_arch = "x86_64")]
#[expect(unsafe_code, reason = "as `call`")]
impl Lanes {
    fn half_hours(self, instants_ms: [u32; 8]) -> [u32; 8] {
        let Self(()) = self;
        // SAFETY: `self` proves that the processor has AVX2.
        unsafe { avx2::half_hours(instants_ms) }
    }
}
