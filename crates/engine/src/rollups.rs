//! What is asked again: blocks and groups of blocks whose rollups stand for all of their rows.
//!
//! A rollup is the answer to the question behind the question, which leaves no queue or fleet out and tells them apart. It is
//! made when questions with the same buckets have read as much as it takes, if it is much smaller than what it stands for. The
//! highest groups are tried first, so that few rollups answer for many blocks; what none stands for is scanned.

use std::ops::Range;
use std::sync::Arc;

use farmtally_columns::{
    Asker, Axis, BlockCodes, BlockView, Detail, FarmSnapshot, GroupMember, OUTCOME_CODES, Recalled, Rollup,
    RollupOf, SessionBlock,
};

use crate::edges::{Bucketed, buckets_in, edges_ms};
use crate::error::AggregationError;
use crate::making::Making;
use crate::steps::address;

/// A question that rollups can answer.
pub(crate) trait RollupQuestion {
    /// How it cuts time.
    fn buckets(&self) -> &impl Bucketed;

    /// What rollups have to tell apart.
    fn axis(&self) -> Option<Axis>;
    fn detail(&self) -> Detail;
    /// Whether rollups have totals beside their buckets.
    fn has_totals(&self) -> bool;

    /// As whom blocks know the question, and which share of their rows it reads.
    fn asker(&self) -> (Asker, f64);

    /// The rollup of the columns of some blocks, of which every row is there and of which the outlines were checked. Its
    /// first bucket is `buckets.start` of the question. `None` when it cannot be made, or has more sums.
    fn rollup(
        &self,
        views: &[BlockView],
        buckets: &Range<usize>,
        sums_max: usize,
    ) -> Result<Option<Rollup>, AggregationError>;
}

/// What of a question is answered by rollups.
#[derive(Debug, Default)]
pub(crate) struct FoundRollups {
    pub(crate) rollups: Vec<FoundRollup>,
    /// Addresses of the blocks of groups that no rollup stands for.
    loose: Vec<usize>,
    /// Those of them for which none is worth it.
    useless: Vec<usize>,
}

/// A rollup, whose first bucket is this one of the question.
#[derive(Debug)]
pub(crate) struct FoundRollup {
    pub(crate) first: usize,
    pub(crate) rollup: Arc<Rollup>,
}

/// Finds the rollups that stand for some of the blocks, and makes those that are worth it. The outlines of the blocks were
/// checked.
pub(crate) fn find(
    question: &impl RollupQuestion,
    snapshot: &FarmSnapshot,
) -> Result<FoundRollups, AggregationError> {
    let mut found = FoundRollups::default();
    snapshot.groups().iter().try_for_each(|root| found.add(question, root))?;
    found.loose.sort_unstable();
    found.useless.sort_unstable();
    Ok(found)
}

/// Which share of all queues or fleets is asked for, and so of rows: those of others are not read.
pub(crate) fn share(wanted: &[bool]) -> f64 {
    let count = |wanted: usize| u32::try_from(wanted).map_or(f64::MAX, f64::from);
    count(wanted.iter().filter(|is_wanted| **is_wanted).count()) / count(wanted.len().max(1))
}

/// Whether a block is that of the running sessions, which nobody asks again.
pub(crate) fn is_running(view: &BlockView, running: Option<&BlockView>) -> bool {
    running.is_some_and(|running| std::ptr::eq(running, view))
}

impl FoundRollups {
    /// Whether no rollup answers for anything.
    pub(crate) fn is_empty(&self) -> bool {
        self.rollups.is_empty()
    }

    /// Whether a block that can have something in the window is to be scanned, one of the snapshot's or that of the running sessions.
    pub(crate) fn leave(&self, view: &BlockView, running: Option<&BlockView>) -> bool {
        let is_loose = || self.loose.binary_search(&address(view.block())).is_ok();
        self.is_empty() || is_running(view, running) || !view.is_whole() || is_loose()
    }

    /// Whether no rollup is worth it for a block.
    pub(crate) fn is_useless(&self, view: &BlockView) -> bool {
        self.useless.binary_search(&address(view.block())).is_ok()
    }

    fn add(&mut self, question: &impl RollupQuestion, member: &GroupMember) -> Result<(), AggregationError> {
        let window = question.buckets().window_ms();
        let Some(span_ms) = member.span_ms() else { return Ok(()) };
        // As a view says it, which is asked by whoever scans what is left.
        if span_ms.0 >= window.end || span_ms.1 < window.start {
            return Ok(());
        }
        let mut is_useless = false;
        if let Some(buckets) = buckets_in(question.buckets(), span_ms) {
            let edges_ms = edges_ms(question.buckets(), span_ms, &buckets);
            let of = RollupOf {
                axis: question.axis(),
                detail: question.detail(),
                has_totals: question.has_totals(),
                edges_ms: &edges_ms,
            };
            let rollup = match member.rollup(of, question.asker()) {
                Recalled::Has(rollup) => Some(rollup),
                Recalled::Makes => {
                    let mut making = Making::new(|is_next| member.put_back_rollup(of, is_next));
                    match made(question, member, &buckets) {
                        // This question has not the memory, and others may have it, though most have as much.
                        Err(AggregationError::TooMuchMemory { .. }) => {
                            making.is_next = false;
                            None
                        }
                        made => {
                            let made = member.keep_rollup(of, made?);
                            making.done();
                            is_useless = made.is_none();
                            made
                        }
                    }
                }
                Recalled::Asked => None,
                Recalled::Useless => {
                    is_useless = true;
                    None
                }
            };
            if let Some(rollup) = rollup {
                self.rollups.push(FoundRollup { first: buckets.start, rollup });
                return Ok(());
            }
        }
        match member {
            // What is not worth it for many blocks is not for few.
            _ if is_useless => {
                let blocks = member.views();
                let blocks = blocks.iter().map(|view| address(view.block()));
                self.loose.extend(blocks.clone());
                self.useless.extend(blocks);
            }
            GroupMember::Block(block) => self.loose.push(address(block.as_ptr())),
            GroupMember::Group(group) => {
                group.members().iter().try_for_each(|member| self.add(question, member))?;
            }
        }
        Ok(())
    }
}

/// The rollup of some blocks, unless it is foreseen to be too large.
fn made(
    question: &impl RollupQuestion,
    member: &GroupMember,
    buckets: &Range<usize>,
) -> Result<Option<Rollup>, AggregationError> {
    let window = question.buckets().window_ms();
    let mut views = member.views();
    views.retain(|view| view.overlaps(window.start, window.end));
    for view in &views {
        view.block().check_outline()?;
    }
    let rows = views.iter().map(BlockView::live_len).sum();
    if sums_foreseen(question, buckets, &views) > rows {
        return Ok(None);
    }
    match question.rollup(&views, buckets, member.rollup_sums_max()) {
        Err(AggregationError::TooManyRows { .. }) => Ok(None),
        rollup => rollup,
    }
}

/// About how many sums a rollup of some blocks has at most, by the largest of their dictionaries.
fn sums_foreseen(question: &impl RollupQuestion, buckets: &Range<usize>, views: &[BlockView]) -> usize {
    let most = |count: &dyn Fn(&BlockCodes<'_>) -> usize| {
        views.iter().map(|view| count(&view.block().codes())).max().unwrap_or(0)
    };
    let details = match question.detail() {
        // Each block has jobs of its own, and a job mostly has one queue.
        Detail::Job => {
            let of_block = |block: &SessionBlock| {
                let buckets = buckets_in(question.buckets(), block.span_ms());
                block.codes().jobs.len() * buckets.map_or(0, |buckets| buckets.len())
            };
            return views.iter().map(|view| of_block(view.block())).sum();
        }
        Detail::Nothing => 1,
        Detail::UsageType => 2,
        Detail::Queue => most(&|codes| codes.queues.len()),
        Detail::Fleet => most(&|codes| codes.fleets.len()),
        Detail::User => most(&|codes| codes.users.len()),
        Detail::InstanceType => most(&|codes| codes.instance_types.len()),
        Detail::Product => most(&|codes| codes.products.len()),
        Detail::Worker => most(&|codes| codes.workers.len()),
        Detail::Outcome => OUTCOME_CODES,
    };
    let axis_codes = match question.axis() {
        None => 1,
        Some(Axis::Queue) => most(&|codes| codes.queues.len()),
        Some(Axis::Fleet) => most(&|codes| codes.fleets.len()),
    };
    buckets.len() * axis_codes * details
}
