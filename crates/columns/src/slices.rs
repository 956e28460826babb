//! The sessions of a class between edges: summaries of those that lie between two edges as a whole, and which ones an edge cuts.
//!
//! A block's own cubes answer where all sessions of a class lie in one bucket. Where buckets meet inside of the class, slices
//! answer for all sessions but those that are cut. They hold every queue and fleet, so that any question with the same edges has
//! use for them. They are memory only: a block makes them when a second question asks for the same ones, and keeps those that were
//! used last.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::block::SessionBlock;
use crate::cubes::{AnySet, Axis, Class, Cube, CubeKind, NO_CUBE, Places};
use crate::summary::{Summary, SummaryWords};

/// Edges of slices that are made at all.
pub const EDGES_MAX: usize = 8;

/// Bytes that all slices of a block may take for each of its rows, and beside. Those of one class may take half of it, so that a
/// question does not push out its own.
const BYTES_BY_ROW: usize = 4;
const BYTES_BESIDE: usize = 4096;

/// Rows of the class for each one that is cut, from which on slices are worth it. Summaries have to be no more than rows.
const ROWS_BY_CUT: usize = 6;

/// What slices are made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SlicesOf<'e> {
    /// The sessions.
    pub class: Class,
    /// The first codes of the cubes.
    pub axis: Axis,
    /// What is summed: a cube of each kind for each slice.
    pub kinds: &'static [CubeKind],
    /// Where one slice ends and the next one begins, inside of the class's span: milliseconds since 1970, ascending.
    pub edges_ms: &'e [i64],
}

/// A class of a block between edges.
#[derive(Debug)]
pub struct Slices {
    count: usize,
    cubes: Vec<SlicedCube>,
    cut: [Vec<u16>; 2],
}

/// The cubes of one kind of all slices, one behind the other.
#[derive(Debug)]
struct SlicedCube {
    kind: CubeKind,
    details: usize,
    summaries: Vec<SummaryWords>,
}

impl Slices {
    /// The cubes of a slice: of what lies before the first edge, between two, or after the last.
    pub fn cubes(&self, slice: usize) -> impl Iterator<Item = (CubeKind, Cube<'_>)> {
        self.cubes.iter().map(move |SlicedCube { kind, details, summaries }| {
            let len = summaries.len() / self.count;
            (*kind, Cube::new(&summaries[slice * len..][..len], *details))
        })
    }

    /// The rows among some of a set that an edge cuts, ascending; the set is the class's one with licences, or the other.
    pub fn cut_rows(&self, is_licensed: bool, rows: &Range<usize>) -> impl Iterator<Item = usize> + '_ {
        let cut = &self.cut[usize::from(is_licensed)];
        let before = |end: usize| cut.partition_point(|row| usize::from(*row) < end);
        cut[before(rows.start)..before(rows.end)].iter().map(|row| usize::from(*row))
    }

    fn bytes(&self) -> usize {
        let cubes = self.cubes.iter().map(|cube| size_of_val(cube.summaries.as_slice()));
        cubes.chain(self.cut.iter().map(|rows| size_of_val(rows.as_slice()))).sum()
    }

    /// The slices of a block, if they are worth it.
    fn new(of: SlicesOf<'_>, block: &SessionBlock) -> Option<Self> {
        let (sets, counts) = (block.sets(of.class), block.code_counts());
        let offsets = of.edges_ms.iter().map(|edge_ms| u32::try_from(edge_ms - block.base_ms()).ok());
        let edges_ms: Vec<u32> = offsets.collect::<Option<_>>()?;
        let (count, of_licenses) = (of.edges_ms.len() + 1, of.kinds.iter().all(|kind| kind.is_of_licenses()));
        let is_counted = |set: &AnySet<'_>| set.is_licensed() || !of_licenses;
        let rows: usize = sets.iter().filter(|set| is_counted(set)).map(AnySet::len).sum();
        let shapes = || of.kinds.iter().map(|kind| (*kind, counts.shape(of.axis, *kind)));
        let summaries: usize = shapes().map(|(_, shape)| count * shape.len).sum();
        if count > EDGES_MAX + 1 || rows < summaries {
            return None;
        }
        let places =
            sets.each_ref().map(|set| if is_counted(set) { places(set, &edges_ms) } else { Vec::new() });
        let [without, with] = places.each_ref().map(|places| cut_rows(places));
        let cut = [without?, with?];
        if rows < ROWS_BY_CUT * (cut[0].len() + cut[1].len()) {
            return None;
        }
        let cubes = shapes().map(|(kind, shape)| {
            let mut sums = vec![Summary::EMPTY; count * shape.len];
            for (set, places) in sets.iter().zip(&places) {
                set.add_to(shape, Places::Each(places), &mut sums);
            }
            let summaries = sums.into_iter().map(Summary::to_words).collect();
            SlicedCube { kind, details: shape.details, summaries }
        });
        Some(Self { count, cubes: cubes.collect(), cut })
    }
}

/// The slice in which each row of a set lies as a whole, or [`NO_CUBE`] if an edge cuts it.
fn places(set: &AnySet<'_>, edges_ms: &[u32]) -> Vec<u8> {
    // Of each row the slices in which it starts and in which it has its last millisecond; edge by edge, in loops without a branch.
    let spans = || set.end_offset_ms().iter().zip(set.runtime_ms());
    let (mut first, mut last) = (vec![0_u8; set.len()], vec![0_u8; set.len()]);
    for edge_ms in edges_ms {
        for ((first, last), (end_ms, runtime_ms)) in first.iter_mut().zip(&mut last).zip(spans()) {
            *first = first.wrapping_add(u8::from(end_ms.wrapping_sub(*runtime_ms) >= *edge_ms));
            *last = last.wrapping_add(u8::from(*end_ms > *edge_ms));
        }
    }
    for (first, last) in first.iter_mut().zip(&last) {
        *first = if first == last { *first } else { NO_CUBE };
    }
    first
}

/// The rows that are cut, if all of them have 16 bits, as in all blocks but those of very many running sessions.
fn cut_rows(places: &[u8]) -> Option<Vec<u16>> {
    let (mut rows, mut from) = (Vec::new(), 0);
    while let Some(cut) = places[from..].iter().position(|place| *place == NO_CUBE) {
        rows.push(u16::try_from(from + cut).ok()?);
        from += cut + 1;
    }
    rows.shrink_to_fit();
    Some(rows)
}

/// Who asks for slices: a question, however often it asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asker(u64);

impl Asker {
    /// One that is like no other of this process.
    pub fn new() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Self(NEXT.fetch_add(1, Ordering::Relaxed))
    }
}

impl Default for Asker {
    fn default() -> Self {
        Self::new()
    }
}

/// The slices that a block was asked for, those that were asked for last behind.
#[derive(Debug, Default)]
pub(crate) struct SlicesKept(Mutex<VecDeque<(Key, State)>>);

#[derive(Debug, PartialEq, Eq)]
struct Key {
    class: Class,
    axis: Axis,
    kinds: &'static [CubeKind],
    edges_ms: Vec<i64>,
}

impl Key {
    fn of(SlicesOf { class, axis, kinds, edges_ms }: SlicesOf<'_>) -> Self {
        Self { class, axis, kinds, edges_ms: edges_ms.to_vec() }
    }

    fn is(&self, of: SlicesOf<'_>) -> bool {
        let Self { class, axis, kinds, edges_ms } = self;
        SlicesOf { class: *class, axis: *axis, kinds, edges_ms } == of
    }
}

/// What is known of some slices.
#[derive(Debug)]
enum State {
    /// One question asked for them. Making them costs several times what the rows cost a question, so that it reads these.
    Asked(Asker),
    /// A second one asked.
    Made(Arc<Slices>),
    /// They are not worth it.
    Useless,
}

impl State {
    fn bytes(&self) -> usize {
        match self {
            Self::Made(slices) => slices.bytes(),
            Self::Asked(_) | Self::Useless => 0,
        }
    }
}

/// Entries without slices that are kept: some hundred bytes each.
const NOTED_MAX: usize = 32;

/// What a block does about slices that it is asked for.
enum Answer {
    Has(Arc<Slices>),
    Makes,
    HasNot,
}

impl SlicesKept {
    /// Those that are kept, or, for the second question, new ones if they are worth it.
    pub(crate) fn get(&self, of: SlicesOf<'_>, asker: Asker, block: &SessionBlock) -> Option<Arc<Slices>> {
        let bytes_max = BYTES_BESIDE + BYTES_BY_ROW * block.len();
        match self.answer(of, asker, bytes_max) {
            Answer::Has(slices) => Some(slices),
            Answer::HasNot => None,
            Answer::Makes => {
                let made = Slices::new(of, block);
                let made = made.filter(|slices| slices.bytes() <= bytes_max / 2).map(Arc::new);
                self.keep(of, made.clone().map_or(State::Useless, State::Made), bytes_max);
                made
            }
        }
    }

    fn answer(&self, of: SlicesOf<'_>, asker: Asker, bytes_max: usize) -> Answer {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(place) = kept.iter().position(|(key, _)| key.is(of)) else {
            kept.push_back((Key::of(of), State::Asked(asker)));
            if kept.iter().filter(|(_, state)| !matches!(state, State::Made(_))).count() > NOTED_MAX
                && let Some(oldest) = kept.iter().position(|(_, state)| !matches!(state, State::Made(_)))
            {
                kept.remove(oldest);
            }
            return Answer::HasNot;
        };
        // Slices that were used since these were asked for make no room for them: those of three questions in turn, of which two have
        // room, would all be made again and again.
        let used_since: usize = kept.iter().skip(place).map(|(_, state)| state.bytes()).sum();
        let answer = match &kept[place].1 {
            State::Asked(first) if *first == asker => return Answer::HasNot,
            State::Asked(_) if used_since <= bytes_max / 2 => return Answer::Makes,
            State::Asked(_) | State::Useless => Answer::HasNot,
            State::Made(slices) => Answer::Has(Arc::clone(slices)),
        };
        if let Some(entry) = kept.remove(place) {
            kept.push_back(entry);
        }
        answer
    }

    /// Keeps what is known, and forgets the slices that were not used for longest while all together take too much.
    fn keep(&self, of: SlicesOf<'_>, state: State, bytes_max: usize) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|(key, _)| !key.is(of));
        let mut bytes = state.bytes() + kept.iter().map(|(_, state)| state.bytes()).sum::<usize>();
        kept.retain(|(_, state)| {
            let is_kept = bytes <= bytes_max || state.bytes() == 0;
            bytes -= if is_kept { 0 } else { state.bytes() };
            is_kept
        });
        kept.push_back((Key::of(of), state));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::row::{LicenseLine, SessionRow};

    const MINUTE_MS: i64 = 60_000;

    /// A row a minute, every eighth of which is long, and every third of which has one licence or two.
    fn row(index: u32) -> SessionRow {
        let start_ms = i64::from(index) * MINUTE_MS;
        let line = |product| LicenseLine { product, cost_nanos: u64::from(index % 13 + product) };
        SessionRow {
            start_ms,
            // Some end on the edges themselves.
            end_ms: start_ms
                + MINUTE_MS * if index.is_multiple_of(8) { 200 } else { i64::from(index % 7 + 1) },
            queue: index % 3,
            fleet: index % 2,
            job: 0,
            user: 0,
            instance_type: index % 5 / 3,
            worker: 0,
            outcome: 0,
            compute_nanos: Some(u64::from(index % 11)),
            licenses: match index % 9 {
                0 | 3 => vec![line(index % 2)],
                6 => vec![line(0), line(1)],
                _ => Vec::new(),
            },
        }
    }

    fn rows() -> Vec<SessionRow> {
        (0..4000).map(row).collect()
    }

    /// The first row starts at zero, which is the base too.
    fn edges(minutes: &[u32]) -> Vec<i64> {
        minutes.iter().map(|minute| i64::from(*minute) * MINUTE_MS).collect()
    }

    fn asked<'e>(class: Class, kinds: &'static [CubeKind], edges_ms: &'e [i64]) -> SlicesOf<'e> {
        SlicesOf { class, axis: Axis::Queue, kinds, edges_ms }
    }

    /// What a row adds to a summary of a kind: detail, and cost.
    fn pieces(row: &SessionRow, kind: CubeKind) -> Vec<(usize, u64)> {
        let license: u64 = row.licenses.iter().map(|line| line.cost_nanos).sum();
        let compute = row.compute_nanos.unwrap();
        match kind {
            CubeKind::Sessions => vec![(0, compute + license)],
            CubeKind::Compute => vec![(0, compute)],
            CubeKind::Licenses => Vec::from_iter((!row.licenses.is_empty()).then_some((0, license))),
            CubeKind::LinesByProduct => {
                row.licenses.iter().map(|line| (line.product as usize, line.cost_nanos)).collect()
            }
            CubeKind::SessionsByType => vec![(row.instance_type as usize, compute + license)],
        }
    }

    #[test]
    fn every_row_is_in_one_slice_or_cut() {
        let rows = rows();
        let block = SessionBlock::from_rows(&rows);
        let kinds: [&'static [CubeKind]; 4] = [
            &[CubeKind::Sessions],
            &[CubeKind::Compute, CubeKind::Licenses],
            &[CubeKind::LinesByProduct],
            &[CubeKind::SessionsByType],
        ];
        for minutes in [&[1500][..], &[300, 1800], &[60, 700, 701, 2000, 3999]] {
            let edges_ms = edges(minutes);
            for (class, kinds) in Class::ALL.into_iter().flat_map(|class| kinds.map(|kinds| (class, kinds))) {
                let of = asked(class, kinds, &edges_ms);
                let Some(slices) = Slices::new(of, &block) else {
                    assert!(class == Class::Long && minutes.len() > 2, "{of:?}");
                    continue;
                };
                let is_cut = |row: &SessionRow| {
                    edges_ms.iter().any(|edge| (row.start_ms + 1..row.end_ms).contains(edge))
                };
                let of_class = |row: &&SessionRow| {
                    (row.end_ms - row.start_ms > 100 * MINUTE_MS) == (class == Class::Long)
                };
                for slice in 0..=edges_ms.len() {
                    let from_ms = slice.checked_sub(1).map_or(0, |before| edges_ms[before]);
                    let until_ms = edges_ms.get(slice).copied().unwrap_or(i64::MAX);
                    for (kind, cube) in slices.cubes(slice) {
                        let details = block.code_counts().of_detail(kind);
                        let mut expected = vec![Summary::EMPTY; 3 * details];
                        let whole = rows
                            .iter()
                            .filter(of_class)
                            .filter(|row| !is_cut(row) && row.start_ms >= from_ms && row.end_ms <= until_ms);
                        for row in whole {
                            let runtime_ms = u32::try_from(row.end_ms - row.start_ms).unwrap();
                            for (detail, cost_nanos) in pieces(row, kind) {
                                expected[row.queue as usize * details + detail].add(cost_nanos, runtime_ms);
                            }
                        }
                        let found: Vec<Summary> = (0..3).flat_map(|queue| cube.of(queue)).collect();
                        assert_eq!(found, expected, "{kind:?} of slice {slice} of {of:?}");
                    }
                }
                let of_licenses = kinds.iter().all(|kind| kind.is_of_licenses());
                for with_licenses in [false, true] {
                    let set = &block.sets(class)[usize::from(with_licenses)];
                    let places: Vec<usize> = slices.cut_rows(with_licenses, &(0..set.len())).collect();
                    let later = slices
                        .cut_rows(with_licenses, &(places.first().map_or(0, |first| first + 1)..set.len()));
                    assert_eq!(later.count(), places.len().saturating_sub(1));
                    let cut = rows.iter().filter(of_class).filter(|row| {
                        is_cut(row)
                            && row.licenses.is_empty() != with_licenses
                            && (with_licenses || !of_licenses)
                    });
                    assert_eq!(places.len(), cut.count(), "{of:?}");
                    assert!(places.is_sorted());
                    for place in places {
                        let (end_ms, runtime_ms) = (set.end_offset_ms()[place], set.runtime_ms()[place]);
                        let start_ms = end_ms - runtime_ms;
                        assert!(edges_ms.iter().any(|edge_ms| (i64::from(start_ms) + 1..i64::from(end_ms)).contains(edge_ms)));
                    }
                }
            }
        }
    }

    /// Asks as a question of its own, and tells whether there are slices.
    fn ask(block: &SessionBlock, of: SlicesOf<'_>) -> Option<Arc<Slices>> {
        block.slices(of, Asker::new())
    }

    #[test]
    fn slices_are_made_for_the_second_question() {
        let block = SessionBlock::from_rows(&rows());
        let (first, second) = (edges(&[1500]), edges(&[1501]));
        let of = asked(Class::Short, &[CubeKind::SessionsByType], &first);
        let asker = Asker::new();
        assert!([(); 3].iter().all(|()| block.slices(of, asker).is_none()));
        // Others are told apart.
        assert!(ask(&block, SlicesOf { edges_ms: &second, ..of }).is_none());
        assert!(ask(&block, SlicesOf { axis: Axis::Fleet, ..of }).is_none());
        let made = ask(&block, of).unwrap();
        assert!(Arc::ptr_eq(&made, &block.slices(of, asker).unwrap()));
    }

    #[test]
    fn slices_that_are_used_stay_and_those_that_are_not_make_room() {
        let block = SessionBlock::from_rows(&rows());
        let bytes_max = BYTES_BESIDE + BYTES_BY_ROW * 4000;
        let first = edges(&[1500]);
        let of = asked(Class::Short, &[CubeKind::SessionsByType], &first);
        ask(&block, of);
        let used = ask(&block, of).unwrap();
        let mut seen = 0;
        for minute in 200..400 {
            let edges_ms = edges(&[minute]);
            let other = SlicesOf { edges_ms: &edges_ms, ..of };
            assert!(ask(&block, other).is_none() && ask(&block, other).is_some());
            assert!(Arc::ptr_eq(&used, &ask(&block, of).unwrap()), "{minute}");
            let kept = block.slices.0.lock().unwrap();
            let bytes: usize = kept.iter().map(|(_, state)| state.bytes()).sum();
            assert!(bytes <= bytes_max, "{bytes}");
            seen = seen.max(kept.len());
        }
        assert!((20..190).contains(&seen), "{seen}");
        // Noted edges are bounded too.
        for minute in 400..600 {
            assert!(ask(&block, SlicesOf { edges_ms: &edges(&[minute]), ..of }).is_none());
        }
        assert!(block.slices.0.lock().unwrap().len() <= seen + NOTED_MAX);
        // Without being used the first ones go, and whoever holds them still has them.
        for minute in 200..400 {
            let edges_ms = edges(&[minute]);
            let other = SlicesOf { edges_ms: &edges_ms, ..of };
            (0..2).for_each(|_| drop(ask(&block, other)));
        }
        assert!(ask(&block, of).is_none());
        assert_eq!(used.cubes(0).count(), 1);
    }

    #[test]
    fn questions_in_turn_that_have_no_room_together_do_not_push_each_other_out() {
        let block = SessionBlock::from_rows(&rows());
        // Each takes nearly half of the room: many edges cut many rows.
        let all: Vec<Vec<i64>> = (0..3)
            .map(|first| edges(&(0..8).map(|edge| 100 + first + edge * 450).collect::<Vec<u32>>()))
            .collect();
        let kinds: &'static [CubeKind] =
            &[CubeKind::SessionsByType, CubeKind::Sessions, CubeKind::Compute, CubeKind::LinesByProduct];
        let turn = || {
            let of = all.iter().map(|edges_ms| asked(Class::Short, kinds, edges_ms));
            of.map(|of| ask(&block, of)).collect::<Vec<_>>()
        };
        turn();
        let made: Vec<_> = (0..4).map(|_| turn()).collect();
        let bytes = made[0].iter().flatten().map(|slices| slices.bytes()).max().unwrap();
        assert!(3 * bytes > BYTES_BESIDE + BYTES_BY_ROW * 4000, "{bytes}");
        for turn in &made[1..] {
            let kept: Vec<bool> = turn.iter().map(Option::is_some).collect();
            assert_eq!(kept, [true, true, false]);
            assert!(
                turn.iter()
                    .zip(&made[0])
                    .take(2)
                    .all(|(now, before)| { Arc::ptr_eq(now.as_ref().unwrap(), before.as_ref().unwrap()) })
            );
        }
    }

    #[test]
    fn slices_that_are_not_worth_it_are_not_made() {
        let block = SessionBlock::from_rows(&rows());
        // Of 500 long sessions of 200 minutes each edge cuts 25.
        let (few, many) = (edges(&[1000, 2000]), edges(&[500, 1000, 1500, 2000, 2500]));
        let made = |edges_ms: &[i64]| {
            let of = asked(Class::Long, &[CubeKind::Sessions], edges_ms);
            (0..3).map(|_| ask(&block, of).is_some()).collect::<Vec<bool>>()
        };
        assert_eq!(made(&few), [false, true, true]);
        assert_eq!(made(&many), [false; 3]);
        let more = edges(&(1..=9).map(|edge| edge * 400).collect::<Vec<u32>>());
        let of = asked(Class::Short, &[CubeKind::Sessions], &more);
        assert!(ask(&block, of).is_none() && ask(&block, of).is_none());
        let of = SlicesOf { edges_ms: &more[1..], ..of };
        assert!(ask(&block, of).is_none() && ask(&block, of).is_some());
    }

    #[test]
    fn rows_beyond_16_bits_are_in_no_slices() {
        // As many sessions as may run at once: one every ten seconds, in one run by its ends.
        let rows: Vec<SessionRow> = (0..70_000)
            .map(|index| {
                let start_ms = i64::from(index) * 10_000;
                SessionRow {
                    start_ms,
                    end_ms: start_ms + 60_000,
                    queue: 0,
                    fleet: 0,
                    licenses: Vec::new(),
                    ..row(0)
                }
            })
            .collect();
        let block = SessionBlock::from_rows(&rows);
        let made = |row: i64| {
            let edges_ms = [row * 10_000 + 5_000];
            let of = asked(Class::Short, &[CubeKind::Sessions], &edges_ms);
            [ask(&block, of), ask(&block, of)][1].is_some()
        };
        assert!(made(65_530));
        assert!(!made(65_540));
    }
}
