//! Questions that are asked again and that no rollup is worth it for: the pieces that blocks remember, in place of their rows.

use std::ops::Range;

use farmtally_columns::narrow_sum::is_narrow;
use farmtally_columns::{BlockPiece, BlockPieces, BlockView, Detail, PiecesOf, Recalled};

use crate::block_keys::BlockKeys;
use crate::block_scan::{BlockScan, Scratch};
use crate::edges::{buckets_in, edges_ms};
use crate::lanes::{Lanes, PieceChunk};
use crate::making::Making;
use crate::piece_lists::PieceLists;
use crate::plan::{AggregationPlan, KeySource};
use crate::remembered::RememberedPieces;
use crate::rollup_scan::axis_source;
use crate::rollups::{FoundRollups, is_running};
use crate::sink::PieceSink;
use crate::steps::{Step, Summed};

/// Notes of which blocks pieces are to be remembered for a question: of those for which no rollup is worth it.
pub(crate) fn mark(plan: &AggregationPlan<'_>, found: &FoundRollups, steps: &mut [Step<'_>]) {
    let Some(details) = details_of(plan) else { return };
    let has_rollups = details[1] == Detail::Nothing;
    for step in steps {
        if let Step::Block(step) = step
            && step.view.is_whole()
            && !is_running(step.view, plan.running.as_ref())
            && (!has_rollups || found.is_useless(step.view))
        {
            step.details = Some(details);
        }
    }
}

/// What pieces need to have codes of to answer a question, if they can: one or two things beside what the question filters by.
fn details_of(plan: &AggregationPlan<'_>) -> Option<[Detail; 2]> {
    let sources = plan.sources();
    let others = [KeySource::Nothing, axis_source(plan.axis())];
    // In the same order whichever is shown first.
    let of_rows = [
        (KeySource::Job, Detail::Job),
        (KeySource::User, Detail::User),
        (KeySource::InstanceType, Detail::InstanceType),
    ];
    let is_of_row = |source| of_rows.iter().any(|(of_row, _)| *of_row == source);
    if !sources.iter().all(|source| others.contains(source) || is_of_row(*source)) {
        return None;
    }
    let mut details =
        of_rows.into_iter().filter(|(source, _)| sources.contains(source)).map(|(_, detail)| detail);
    Some([details.next()?, details.next().unwrap_or(Detail::Nothing)])
}

/// Adds the pieces that a block remembers, those of some buckets, to their lists, and makes it remember those that are worth it. What is left in
/// `keys` are the queues or fleets whose rows have to be looked at.
pub(crate) fn add_remembered(
    plan: &AggregationPlan<'_>,
    asked: &Range<usize>,
    (view, details): (&BlockView, [Detail; 2]),
    keys: &mut BlockKeys,
    scratch: &mut Scratch,
    lists: &mut PieceLists,
) {
    let block = view.block();
    let Some(span_ms) = block.columns_span_ms() else { return };
    let Some(buckets) = buckets_in(&plan.buckets, span_ms) else { return };
    let edges_ms = edges_ms(&plan.buckets, span_ms, &buckets);
    let axis = plan.axis();
    let recall = |axis_code| {
        let of = PiecesOf { axis, axis_code, details, edges_ms: &edges_ms };
        let recalled = block.recall_pieces(of, plan.asker);
        let makes = matches!(recalled, Recalled::Makes);
        let making = makes.then(|| Making::new(move |is_next| block.put_back_pieces(of, is_next)));
        (of, recalled, making)
    };
    // All are asked for before any is made: what one takes is no reason to leave out another one of the same question.
    let recalled: Vec<_> = keys.wanted(axis).map(recall).collect();
    let (mut found, mut left) = (Vec::new(), Vec::new());
    let mut room = block.room_of_pieces(recalled.len(), &edges_ms);
    for (of, recalled, making) in recalled {
        let pieces = match (recalled, making) {
            (Recalled::Has(pieces), _) => Some(pieces),
            (_, Some(mut making)) => {
                let pieces = recorded(plan, view, of, Recorder::new(&buckets, room), scratch);
                // If there is no room now, there will hardly be any for the next question.
                making.is_next = false;
                pieces.and_then(|pieces| {
                    let kept = block.keep_pieces(of, pieces);
                    making.done();
                    kept
                })
            }
            _ => None,
        };
        match pieces {
            Some(pieces) => {
                room = room.saturating_sub(pieces.room());
                found.push((keys.of_axis(axis, of.axis_code), pieces));
            }
            None => left.push(of.axis_code),
        }
    }
    if !found.is_empty() {
        let shares = details.map(|detail| keys.table(detail).unwrap_or(&[0]).to_vec());
        let asked = asked.start.max(buckets.start)..asked.end.min(buckets.end);
        let pieces = RememberedPieces { by_axis: found, shares, first_bucket: buckets.start };
        lists.add_remembered(asked, pieces);
    }
    keys.leave_only(axis, &left);
}

/// Cuts the rows of one queue or fleet into pieces. `None` when there is no room for so many.
fn recorded(
    plan: &AggregationPlan<'_>,
    view: &BlockView,
    of: PiecesOf<'_>,
    mut recorder: Recorder,
    scratch: &mut Scratch,
) -> Option<BlockPieces> {
    let keys = BlockKeys::of_details(&view.block().codes(), of);
    let all = 0..plan.buckets.len();
    BlockScan::new(plan, &all, view, keys, scratch).scan(Summed::default(), &mut recorder);
    recorder.finish()
}

/// The pieces of one bucket.
#[derive(Debug, Clone, Default)]
struct Recorded {
    narrow: Vec<BlockPiece<u32>>,
    wide: Vec<BlockPiece<u64>>,
}

/// Takes in pieces whose keys are the codes of their details.
#[derive(Debug)]
struct Recorder {
    /// The first bucket.
    first: usize,
    buckets: Vec<Recorded>,
    /// Pieces for which there is still room; `None` when there came more.
    room: Option<usize>,
}

impl Recorder {
    fn new(buckets: &Range<usize>, room: usize) -> Self {
        Self { first: buckets.start, buckets: vec![Recorded::default(); buckets.len()], room: Some(room) }
    }

    fn finish(self) -> Option<BlockPieces> {
        let buckets = self.buckets.iter().map(|bucket| (bucket.narrow.as_slice(), bucket.wide.as_slice()));
        self.room.map(|_| BlockPieces::of(buckets))
    }
}

impl PieceSink for Recorder {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "codes of a block have 16 bits, and costs are looked at"
    )]
    fn add(&mut self, bucket: u32, key: u64, cost_nanos: u64, runtime_ms: u32) {
        self.room = self.room.and_then(|room| room.checked_sub(1));
        if self.room.is_none() {
            return;
        }
        let codes = [key as u16, (key >> u16::BITS) as u16];
        let Recorded { narrow, wide } = &mut self.buckets[bucket as usize - self.first];
        if is_narrow(cost_nanos, runtime_ms) {
            narrow.push(BlockPiece { codes, runtime_ms, cost_nanos: cost_nanos as u32 });
        } else {
            wide.push(BlockPiece { codes, runtime_ms, cost_nanos });
        }
    }

    fn add_chunk(&mut self, _: Lanes, pieces: &PieceChunk) {
        for (bucket, key, cost_nanos, runtime_ms) in pieces.iter() {
            self.add(bucket, key.into(), cost_nanos.into(), runtime_ms);
        }
    }
}

/// How many queues or fleets of blocks have pieces that are remembered for a question, and how many have none.
#[cfg(test)]
pub(crate) fn remembered(plan: &AggregationPlan<'_>) -> [usize; 2] {
    let mut found = [0; 2];
    let Some(details) = details_of(plan) else { return found };
    let axis = plan.axis();
    for view in plan.snapshot.blocks().iter().filter(|view| view.is_whole()) {
        let block = view.block();
        let Some(span_ms) = block.columns_span_ms() else { continue };
        let Some(buckets) = buckets_in(&plan.buckets, span_ms) else { continue };
        let edges_ms = edges_ms(&plan.buckets, span_ms, &buckets);
        for axis_code in BlockKeys::new(plan, &block.codes(), None).wanted(axis) {
            let of = PiecesOf { axis, axis_code, details, edges_ms: &edges_ms };
            match block.recall_pieces(of, plan.asker) {
                Recalled::Has(_) => found[0] += 1,
                Recalled::Asked | Recalled::Useless => found[1] += 1,
                Recalled::Makes => block.put_back_pieces(of, true),
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use farmtally_columns::{Asker, Axis, FarmSnapshot};
    use farmtally_model::UsageGroupBy::{JobId, UserId};
    use farmtally_model::{AggregationQuery, GroupBy, Period, Resources, Timestamp, UsageGroupBy};

    use super::*;
    use crate::twin::{farm, questions, table};

    /// A question of some queues of the farm.
    fn question(queues: &[usize], by: [UsageGroupBy; 2], period: Period) -> AggregationQuery {
        let of_queues = |query: &AggregationQuery| query.resources().queue_ids().is_some();
        let hours = |query: &AggregationQuery| query.buckets().len();
        let like = questions().into_iter().filter(of_queues).max_by_key(hours).unwrap();
        let ids = like.resources().queue_ids().unwrap();
        let ids = queues.iter().map(|place| ids[*place]);
        let (resources, group_by) = (Resources::queues(ids).unwrap(), GroupBy::new(&by).unwrap());
        let (window, offset) = (like.buckets().window(), like.offset());
        AggregationQuery::new(resources, window, offset, Some(period), group_by, like.statistics()).unwrap()
    }

    /// Compares an answer with that of the plain path, and says what was remembered before.
    fn ask(snapshot: &FarmSnapshot, query: &AggregationQuery) -> [usize; 2] {
        let plan = AggregationPlan::new(snapshot, query, Timestamp::MAX).unwrap();
        let before = remembered(&plan);
        assert_eq!(table(&plan, false, 1), table(&plan, true, 1), "{query:?}");
        before
    }

    #[test]
    fn pieces_serve_questions_for_other_queues_and_in_another_order() {
        let snapshot = farm().snapshot();
        let [both, others, turned] =
            [(&[0, 1], [JobId, UserId]), (&[1, 2], [JobId, UserId]), (&[0, 1], [UserId, JobId])]
                .map(|(queues, by)| question(queues, by, Period::Daily));
        let ask = |query| ask(&snapshot, query)[0];
        let made = [&both, &both, &both].map(ask);
        assert!(made[0] == 0 && made[1] == 0 && made[2] >= 2 * 10, "{made:?}");
        let of_others = [&others, &others, &others].map(ask);
        assert!((10..made[2]).contains(&of_others[0]), "those of one queue were there");
        assert!(of_others[2] > of_others[0], "{of_others:?}");
        assert_eq!(ask(&turned), made[2]);
    }

    #[test]
    fn what_has_no_room_beside_the_others_of_its_question_is_read_each_time() {
        let snapshot = farm().snapshot();
        let query = question(&[0, 1, 2], [JobId, UserId], Period::Hourly);
        let asked: Vec<_> = (0..6).map(|_| ask(&snapshot, &query)).collect();
        let [found, not_found] = asked[2];
        assert!(found > 0 && not_found > 10 && asked[2..].iter().all(|then| *then == asked[2]), "{asked:?}");
    }

    #[test]
    fn whoever_does_not_put_pieces_together_leaves_it_to_another_question() {
        let snapshot = farm().snapshot();
        let block = snapshot.blocks()[0].block();
        let of = PiecesOf {
            axis: Axis::Queue,
            axis_code: 0,
            details: [Detail::Job, Detail::User],
            edges_ms: &[0, 9],
        };
        let makes = || matches!(block.recall_pieces(of, Asker::new()), Recalled::Makes);
        assert_eq!([makes(), makes(), makes()], [false, true, false]);
        let making = || Making::new(|is_next| block.put_back_pieces(of, is_next));
        drop(making());
        assert!(makes());
        let mut making = making();
        making.is_next = false;
        drop(making);
        assert!(!makes());
    }
}
