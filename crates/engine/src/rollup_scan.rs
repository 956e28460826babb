//! A question to AWS's operations by rollups: those that stand for some of its blocks, and the answer that they make.

use std::cmp::Reverse;
use std::ops::Range;

use farmtally_columns::narrow_sum::{PIECES_MAX, RUNTIME_SUM_BITS};
use farmtally_columns::{Asker, Axis, BlockView, Detail, RolledRun, Rollup, Summary};

use crate::edges::Bucketed;
use crate::error::AggregationError;
use crate::limits::{AggregationControl, AggregationLimits};
use crate::output::{Groups, Output};
use crate::places::Places;
use crate::plan::{AggregationPlan, KeySource, Position};
use crate::rollups::{self, FoundRollup, FoundRollups, RollupQuestion};
use crate::scan;
use crate::sum_table::SumTable;

/// Possible groups for each sum of rollups up to which there is a sum for all of them.
const KEYS_PER_SUM_MAX: usize = 4;
/// Possible groups up to which there always is one.
const KEYS_FEW: usize = 64;

/// Finds the rollups that stand for some of the blocks, and makes those that are worth it. The outlines of the blocks were
/// checked.
pub(crate) fn find(
    plan: &AggregationPlan<'_>,
    control: &AggregationControl<'_>,
) -> Result<FoundRollups, AggregationError> {
    match detail_of(plan) {
        Some((detail, position)) => {
            rollups::find(&Question { plan, detail, position, control }, plan.snapshot)
        }
        None => Ok(FoundRollups::default()),
    }
}

/// What a rollup tells apart besides queues or fleets to answer a question, and the groupBy position of it, if there is one; `None`
/// if that are two things.
fn detail_of(plan: &AggregationPlan<'_>) -> Option<(Detail, Option<usize>)> {
    let details = plan.positions.each_ref().map(|position| match position.source {
        KeySource::Nothing => Detail::Nothing,
        source if source == axis_source(plan.axis()) => Detail::Nothing,
        KeySource::Queue => Detail::Queue,
        KeySource::Fleet => Detail::Fleet,
        KeySource::Job => Detail::Job,
        KeySource::User => Detail::User,
        KeySource::InstanceType => Detail::InstanceType,
        KeySource::UsageType => Detail::UsageType,
        KeySource::Product => Detail::Product,
    });
    match details {
        [Detail::Nothing, Detail::Nothing] => Some((Detail::Nothing, None)),
        [detail, Detail::Nothing] => Some((detail, Some(0))),
        [Detail::Nothing, detail] => Some((detail, Some(1))),
        _ => None,
    }
}

/// What rollups tell apart by their first codes; nothing where the question has all queues or fleets in the same groups.
fn axis_of(plan: &AggregationPlan<'_>) -> Option<Axis> {
    let source = axis_source(plan.axis());
    let is_grouped = plan.positions.iter().any(|position| position.source == source);
    let has_all = plan.wanted_axis_codes().iter().all(|is_wanted| *is_wanted);
    (is_grouped || !has_all).then_some(plan.axis())
}

/// Where a groupBy position finds what questions filter by.
pub(crate) fn axis_source(axis: Axis) -> KeySource {
    match axis {
        Axis::Queue => KeySource::Queue,
        Axis::Fleet => KeySource::Fleet,
    }
}

/// A question by a detail.
struct Question<'q, 'a> {
    plan: &'q AggregationPlan<'a>,
    detail: Detail,
    /// The groupBy position of the detail.
    position: Option<usize>,
    control: &'q AggregationControl<'q>,
}

impl RollupQuestion for Question<'_, '_> {
    fn buckets(&self) -> &impl Bucketed {
        &self.plan.buckets
    }

    fn axis(&self) -> Option<Axis> {
        axis_of(self.plan)
    }

    fn detail(&self) -> Detail {
        self.detail
    }

    fn has_totals(&self) -> bool {
        false
    }

    fn asker(&self) -> (Asker, f64) {
        (self.plan.asker, rollups::share(self.plan.wanted_axis_codes()))
    }

    fn rollup(
        &self,
        views: &[BlockView],
        buckets: &Range<usize>,
        sums_max: usize,
    ) -> Result<Option<Rollup>, AggregationError> {
        let Some(plan) = self.plan_of_all() else { return Ok(None) };
        // Threads may have two parts of a sum.
        let limits = AggregationLimits { rows_max: sums_max.saturating_mul(2), ..self.control.limits };
        let control = AggregationControl { limits, ..*self.control };
        let outputs = scan::scan_blocks(&plan, &views.iter().collect::<Vec<_>>(), &control)?;
        Ok(Some(rollup_of(&outputs, plan.keys.second_bits, buckets)))
    }
}

/// What threads have found as a rollup. Those that share the blocks have parts of a group each.
fn rollup_of(outputs: &[Output], second_bits: u32, buckets: &Range<usize>) -> Rollup {
    let numbered = outputs.iter().enumerate();
    let mut parts: Vec<_> =
        numbered.flat_map(|(number, output)| output.parts.iter().map(move |part| (number, part))).collect();
    parts.sort_by_key(|(_, part)| part.bucket);
    let mut rollup = Rollup::default();
    for parts in parts.chunk_by(|(_, one), (_, other)| one.bucket == other.bucket) {
        let bucket = parts[0].1.bucket - buckets.start;
        let mut push = |codes: [u32; 2], sum: &Summary| {
            // A place is a code and one more; where there is no code, it is zero.
            let [axis_code, detail] = codes.map(|place| place.saturating_sub(1));
            rollup.push(bucket, axis_code, detail, sum);
        };
        let rows = parts.iter().flat_map(|(number, part)| {
            outputs[*number].lists[part.list].range(part.rows.clone(), second_bits)
        });
        if parts.iter().all(|(number, _)| *number == parts[0].0) {
            rows.for_each(|row| push(row.codes, &row.into()));
            continue;
        }
        let mut rows: Vec<_> = rows.collect();
        rows.sort_unstable_by_key(|row| row.codes);
        for group in rows.chunk_by(|one, other| one.codes == other.codes) {
            let mut sum = Summary::EMPTY;
            for row in group {
                sum.merge(&Summary::from(*row));
            }
            push(group[0].codes, &sum);
        }
    }
    rollup
}

impl Question<'_, '_> {
    /// The question behind the question.
    fn plan_of_all(&self) -> Option<AggregationPlan<'_>> {
        let plan = self.plan;
        let detail = self.position.map_or(KeySource::Nothing, |position| plan.positions[position].source);
        let position = |source| Position { source, places: Places::Fixed { codes: plan.code_count(source) } };
        plan.of_all([position(axis_of(plan).map_or(KeySource::Nothing, axis_source)), position(detail)])
    }
}

/// What a rollup has in one bucket of the question.
struct Part<'r> {
    bucket: usize,
    rollup: &'r Rollup,
    /// The bucket's number in the rollup.
    place: usize,
}

/// The groups of rollups.
pub(crate) fn output(
    plan: &AggregationPlan<'_>,
    found: &FoundRollups,
    control: &AggregationControl<'_>,
) -> Result<Output, AggregationError> {
    let mut parts: Vec<Part<'_>> = Vec::new();
    for FoundRollup { first, rollup } in &found.rollups {
        parts.extend((0..rollup.buckets()).map(|place| Part { bucket: first + place, rollup, place }));
    }
    parts.sort_by_key(|part| Reverse(part.bucket));
    let places = plan.positions.each_ref().map(|position| position.places.len());
    let mut output = Output::new(plan.keys, places, plan.lanes);
    let keys = RollupKeys::new(plan);
    let mut room = Room::default();
    for parts in parts.chunk_by(|one, other| one.bucket == other.bucket) {
        control.check(output.row_count(), output.bytes() + room.bytes())?;
        output.begin_bucket(parts[0].bucket);
        room.add(&keys, parts, &mut output);
        output.end_bucket();
    }
    output.end();
    control.check(output.row_count(), output.bytes())?;
    Ok(output)
}

/// What the codes of rollups add to a key.
struct RollupKeys<'a> {
    /// For each code of the axis; `None` if it is not asked for.
    of_axis: Vec<Option<u64>>,
    of_detail: DetailKeys<'a>,
    /// Keys are below it.
    len: usize,
}

/// What the codes of the detail add.
enum DetailKeys<'a> {
    /// By code, where there are few.
    Table(Vec<u64>),
    /// As a groupBy position has them.
    Places(&'a AggregationPlan<'a>, usize),
}

/// Codes up to which a table of all costs less than it saves.
const DETAILS_FEW: u32 = 1 << 12;

impl<'a> RollupKeys<'a> {
    fn new(plan: &'a AggregationPlan<'a>) -> Self {
        let axis = axis_of(plan).map_or(KeySource::Nothing, axis_source);
        let share =
            |position: usize, code| plan.keys.share(position, plan.positions[position].places.of(code));
        let is_axis = |position: &usize| plan.positions[*position].source == axis;
        let of_code = |code| (0..2).filter(is_axis).map(|position| share(position, code)).sum();
        let wanted = (0..).zip(plan.wanted_axis_codes());
        let of_axis = match axis {
            KeySource::Nothing => vec![Some(0)],
            _ => wanted.map(|(code, is_wanted)| is_wanted.then(|| of_code(code))).collect(),
        };
        let of_detail = match detail_of(plan).and_then(|(_, position)| position) {
            None => DetailKeys::Table(vec![0]),
            Some(position) => match plan.code_count(plan.positions[position].source) {
                codes if codes <= DETAILS_FEW => {
                    DetailKeys::Table((0..codes).map(|code| share(position, code)).collect())
                }
                _ => DetailKeys::Places(plan, position),
            },
        };
        Self { of_axis, of_detail, len: usize::try_from(plan.keys.len).unwrap_or(usize::MAX) }
    }

    /// The queues or fleets of a bucket that are asked for, with what each adds to a key.
    fn runs<'r>(&self, rollup: &'r Rollup, bucket: usize) -> impl Iterator<Item = (u64, RolledRun<'r>)> {
        // A snapshot has every code that its blocks have.
        rollup.runs(bucket).filter_map(|run| Some((self.of_axis.get(run.axis_code as usize).copied()??, run)))
    }
}

/// Room for the sums of one bucket, kept from one to the next.
#[derive(Default)]
struct Room {
    table: SumTable,
    sums: Vec<(u64, Summary)>,
}

impl Room {
    fn bytes(&self) -> usize {
        self.table.bytes() + self.sums.capacity() * size_of::<(u64, Summary)>()
    }

    /// Adds what rollups have of one bucket to the answer.
    fn add(&mut self, keys: &RollupKeys<'_>, parts: &[Part<'_>], output: &mut Output) {
        match &keys.of_detail {
            DetailKeys::Table(shares) => self.add_with(keys, parts, |code| shares[code as usize], output),
            DetailKeys::Places(plan, position) => {
                let places = &plan.positions[*position].places;
                self.add_with(keys, parts, |code| plan.keys.share(*position, places.of(code)), output);
            }
        }
    }

    fn add_with(
        &mut self,
        keys: &RollupKeys<'_>,
        parts: &[Part<'_>],
        share_of: impl Fn(u32) -> u64,
        output: &mut Output,
    ) {
        let runs = || parts.iter().flat_map(|part| keys.runs(part.rollup, part.place));
        let sums: usize = runs().map(|(_, run)| run.len()).sum();
        if keys.len <= KEYS_FEW.max(sums.saturating_mul(KEYS_PER_SUM_MAX)) {
            self.table.begin(keys.len, pieces_max(parts));
            for (share, run) in runs() {
                for (detail, sum) in run.sums() {
                    self.table.merge(place(share + share_of(detail)), sum);
                }
            }
            self.table.drain(0..keys.len, output);
            return;
        }
        self.sums.clear();
        for (share, run) in runs() {
            self.sums.extend(run.sums().map(|(detail, sum)| (share + share_of(detail), sum.summary())));
        }
        self.sums.sort_unstable_by_key(|(key, _)| *key);
        for group in self.sums.chunk_by(|one, other| one.0 == other.0) {
            let mut whole = group[0].1;
            for (_, sum) in &group[1..] {
                whole.merge(sum);
            }
            output.wide(group[0].0, &whole);
        }
    }
}

/// Most pieces of a group, as sums are to expect them: as many as no narrow sum takes where the runtimes of all may not fit one.
fn pieces_max(parts: &[Part<'_>]) -> usize {
    let totals = parts.iter().map(|part| part.rollup.totals(part.place));
    let (pieces, runtime_ms) =
        totals.fold((0_u64, 0_u64), |sum, (pieces, runtime_ms)| (sum.0 + pieces, sum.1 + runtime_ms));
    if runtime_ms >> RUNTIME_SUM_BITS == 0 {
        usize::try_from(pieces).unwrap_or(PIECES_MAX)
    } else {
        PIECES_MAX
    }
}

/// A key as a place among sums.
#[expect(clippy::cast_possible_truncation, reason = "sums are few")]
fn place(key: u64) -> usize {
    key as usize
}

/// Whether rollups answer a question for some of the blocks.
#[cfg(test)]
pub(crate) fn answer_a_part(plan: &AggregationPlan<'_>) -> bool {
    let limits =
        AggregationLimits { rows_max: 1 << 24, bytes_max: 1 << 30, threads: std::num::NonZeroUsize::MIN };
    let control = AggregationControl { limits, cancelled: &std::sync::atomic::AtomicBool::new(false) };
    !find(plan, &control).unwrap().is_empty()
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroUsize;
    use std::sync::atomic::AtomicBool;

    use farmtally_model::Timestamp;

    use super::*;
    use crate::twin::{farm, questions};

    /// All sums of a rollup, bucket by bucket.
    fn sums(rollup: &Rollup) -> Vec<(usize, u32, u32, Summary)> {
        let of_run = |(bucket, run): (usize, RolledRun<'_>)| {
            let sums = run.sums().map(move |(detail, sum)| (bucket, run.axis_code, detail, sum.summary()));
            sums.collect::<Vec<_>>()
        };
        (0..rollup.buckets())
            .flat_map(|bucket| rollup.runs(bucket).map(move |run| (bucket, run)))
            .flat_map(of_run)
            .collect()
    }

    #[test]
    fn threads_make_the_rollup_that_one_makes() {
        let snapshot = farm().snapshot();
        let views: Vec<BlockView> =
            snapshot.blocks().iter().filter(|view| view.is_whole()).cloned().collect();
        let (mut made, mut largest) = (0, 0);
        for query in questions() {
            let plan = AggregationPlan::new(&snapshot, &query, Timestamp::MAX).unwrap();
            let Some((detail, position)) = detail_of(&plan) else { continue };
            let [one, three] = [1, 3].map(|threads| {
                let threads = NonZeroUsize::new(threads).unwrap();
                let limits = AggregationLimits { rows_max: 1, bytes_max: 1 << 30, threads };
                let control = AggregationControl { limits, cancelled: &AtomicBool::new(false) };
                let question = Question { plan: &plan, detail, position, control: &control };
                sums(&question.rollup(&views, &(0..plan.buckets.len()), usize::MAX).unwrap().unwrap())
            });
            assert!(one == three, "{query:?}");
            (made, largest) = (made + 1, largest.max(one.len()));
        }
        assert!(made > 50 && largest > 5_000, "{made} {largest}");
    }
}
