//! The scan: blocks are handed to threads, every row that the question asks for becomes pieces in groups.

use std::sync::atomic::{AtomicUsize, Ordering};

use farmtally_columns::{BlockView, SessionBlock};

use crate::error::AggregationError;
use crate::groups::Groups;
use crate::limits::AggregationControl;
use crate::part::Part;
use crate::plan::{AggregationPlan, KeySource, PlannedVolume, RowsOf, usage_code};

/// The groups of all sessions, and those of the volumes, which never share a row.
#[derive(Debug)]
pub(crate) struct ScannedGroups {
    pub(crate) sessions: Groups,
    pub(crate) volumes: Groups,
}

/// Blocks from which on a second thread pays.
const BLOCKS_PER_THREAD_MIN: usize = 2;

/// Scans everything the plan asks for.
pub(crate) fn scan(
    plan: &AggregationPlan<'_>,
    control: &AggregationControl<'_>,
) -> Result<ScannedGroups, AggregationError> {
    let blocks: Vec<&BlockView> = plan.snapshot.blocks().iter().chain([&plan.running]).collect();
    let threads = (blocks.len() / BLOCKS_PER_THREAD_MIN).clamp(1, control.limits.threads.get());
    let next = AtomicUsize::new(0);
    let sessions = std::thread::scope(|scope| {
        let helpers: Vec<_> =
            (1..threads).map(|_| scope.spawn(|| scan_blocks(plan, &blocks, &next, control))).collect();
        let mut sessions = scan_blocks(plan, &blocks, &next, control)?;
        for helper in helpers {
            match helper.join() {
                Ok(groups) => sessions.merge(groups?),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        Ok(sessions)
    })?;
    Ok(ScannedGroups { sessions, volumes: scan_volumes(plan) })
}

/// Takes blocks until there are none left.
fn scan_blocks(
    plan: &AggregationPlan<'_>,
    blocks: &[&BlockView],
    next: &AtomicUsize,
    control: &AggregationControl<'_>,
) -> Result<Groups, AggregationError> {
    let mut groups = Groups::new(plan.buckets.len(), plan.cardinalities());
    while let Some(view) = blocks.get(next.fetch_add(1, Ordering::Relaxed)) {
        if control.is_cancelled() {
            return Err(AggregationError::Cancelled);
        }
        scan_block(plan, view, &mut groups);
        if groups.len() > control.limits.rows_max {
            return Err(AggregationError::TooManyRows { rows_max: control.limits.rows_max });
        }
    }
    Ok(groups)
}

fn scan_block(plan: &AggregationPlan<'_>, view: &BlockView, groups: &mut Groups) {
    let block = view.block();
    let window = plan.buckets.window();
    let removed = view.removed();
    let (codes, wanted) = plan.filter(block);
    let rows = Rows { plan, block, sources: plan.key_sources(block) };
    for index in block.candidates(window.start().millis(), window.end().millis()) {
        if wanted[codes[index] as usize] && removed.is_none_or(|removed| !removed[index]) {
            rows.add(index, groups);
        }
    }
}

/// The rows of one block with what is needed to group them.
struct Rows<'a> {
    plan: &'a AggregationPlan<'a>,
    block: &'a SessionBlock,
    sources: [KeySource<'a>; 2],
}

impl<'a> Rows<'a> {
    /// Adds what counts of one session.
    #[inline]
    fn add(&self, index: usize, groups: &mut Groups) {
        let session = self.session(index);
        let window = self.plan.buckets.window();
        if !session.overlaps(window.start().millis(), window.end().millis()) {
            return;
        }
        match self.plan.rows_of {
            RowsOf::Sessions => self.add_part(index, usage_code::COMPUTE, 0, &session, groups),
            RowsOf::UsageTypes => self.add_usage_types(index, &session, groups),
            RowsOf::Licenses => self.add_licenses(index, &session, groups),
        }
    }

    fn session(&self, index: usize) -> Part<'a> {
        let compute_nanos = self.block.compute_nanos()[index];
        Part {
            start_ms: self.block.start_ms()[index],
            end_ms: self.block.end_ms()[index],
            compute_nanos,
            licenses: self.block.licenses(index),
            total_nanos: compute_nanos + self.block.license_nanos()[index],
        }
    }

    /// One part per usage type: hours are not counted twice because a session held three licences.
    fn add_usage_types(&self, index: usize, session: &Part<'_>, groups: &mut Groups) {
        if self.block.has_compute()[index] {
            let part = Part { licenses: &[], total_nanos: session.compute_nanos, ..*session };
            self.add_part(index, usage_code::COMPUTE, 0, &part, groups);
        }
        if !session.licenses.is_empty() {
            let total_nanos = session.total_nanos - session.compute_nanos;
            let part = Part { compute_nanos: 0, total_nanos, ..*session };
            self.add_part(index, usage_code::LICENSE, 0, &part, groups);
        }
    }

    fn add_licenses(&self, index: usize, session: &Part<'_>, groups: &mut Groups) {
        for line in session.licenses {
            let licenses = std::slice::from_ref(line);
            let part = Part { compute_nanos: 0, licenses, total_nanos: line.cost_nanos, ..*session };
            self.add_part(index, usage_code::LICENSE, line.product, &part, groups);
        }
    }

    #[inline]
    fn add_part(&self, index: usize, usage: u32, product: u32, part: &Part<'_>, groups: &mut Groups) {
        let codes = self.sources.map(|source| match source {
            KeySource::Column(codes) => codes[index],
            KeySource::UsageType => usage,
            KeySource::Product => product,
            KeySource::Nothing => 0,
        });
        part.for_each_piece(&self.plan.buckets, |piece| groups.add(codes, piece));
    }
}

/// Volumes have no queue, job, user or instance type: in those positions they have no value.
fn scan_volumes(plan: &AggregationPlan<'_>) -> Groups {
    let mut groups = Groups::Sparse(hashbrown::HashMap::new());
    let window = plan.buckets.window();
    for volume in &plan.volumes {
        let part = volume_part(volume);
        if part.overlaps(window.start().millis(), window.end().millis()) {
            part.for_each_piece(&plan.buckets, |piece| groups.add(volume_codes(plan, volume), piece));
        }
    }
    groups
}

fn volume_part(volume: &PlannedVolume) -> Part<'static> {
    let span = volume.span;
    Part {
        start_ms: span.start_ms,
        end_ms: span.end_ms,
        compute_nanos: span.cost_nanos,
        licenses: &[],
        total_nanos: span.cost_nanos,
    }
}

/// The code of "no value".
pub(crate) const ABSENT: u32 = u32::MAX;

fn volume_codes(plan: &AggregationPlan<'_>, volume: &PlannedVolume) -> [u32; 2] {
    use farmtally_model::UsageGroupBy::{FleetId, UsageType};
    let mut codes = [0; 2];
    for (code, field) in codes.iter_mut().zip(plan.group_by.fields()) {
        *code = match field {
            UsageType => usage_code::PERSISTENT_VOLUME,
            FleetId => volume.fleet,
            _ => ABSENT,
        };
    }
    codes
}
