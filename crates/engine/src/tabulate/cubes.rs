//! Summaries instead of rows: where a block's short or long sessions lie in one bucket as a whole, what the block has summed
//! before is enough for questions about its queues or fleets, its users, or its jobs.

use farmtally_columns::{Axis, Class, Cube, CubeKind, Summary, TotalsBy};

use crate::tabulate::block_scan::BlockScan;
use crate::tabulate::plan::Source;

/// Adds the summaries of a class of sessions. False when their rows have to be looked at.
pub(crate) fn add_class(scan: &mut BlockScan<'_, '_>, class: Class) -> bool {
    let block = scan.view.block();
    let Some(asked) = Asked::of(scan) else { return false };
    let Some(span_ms) = block.class_span_ms(class) else { return true };
    match asked {
        Asked::Axis(axis) => add(scan, axis, span_ms, |kind| block.cube_of(class, axis, kind)),
        Asked::Totals(by) => add_totals(scan, by, span_ms, block.totals_of(class, by)),
    }
}

/// What a cube has to tell apart to answer a question.
#[derive(Debug, Clone, Copy)]
enum Asked {
    Axis(Axis),
    Totals(TotalsBy),
}

impl Asked {
    /// `None` when no cube can answer.
    fn of(scan: &BlockScan<'_, '_>) -> Option<Self> {
        let is_plain = scan.plan.lines.is_whole && scan.tally.recorded.is_none() && scan.view.is_whole();
        if !is_plain || !scan.filter.admits_all_of_run() {
            return None;
        }
        let (sources, is_by) = (scan.plan.sources.as_slice(), |axis| scan.filter.is_by(axis));
        let has_only = |own| sources.iter().all(|source| *source == own || *source == Source::InstanceType);
        match sources {
            _ if has_only(Source::Queue) && !is_by(Axis::Fleet) => Some(Self::Axis(Axis::Queue)),
            _ if has_only(Source::Fleet) && !is_by(Axis::Queue) => Some(Self::Axis(Axis::Fleet)),
            _ if is_by(Axis::Queue) || is_by(Axis::Fleet) => None,
            [Source::User] => Some(Self::Totals(TotalsBy::User)),
            [Source::Job | Source::JobText] => Some(Self::Totals(TotalsBy::Job)),
            _ => None,
        }
    }
}

fn add<'c>(
    scan: &mut BlockScan<'_, '_>,
    axis: Axis,
    span_ms: (i64, i64),
    cube: impl Fn(CubeKind) -> Option<Cube<'c>>,
) -> bool {
    let Some(bucket) = scan.bucket_of(span_ms) else { return false };
    let by_type = scan.plan.sources.contains(&Source::InstanceType);
    let kind = if by_type { CubeKind::SessionsByType } else { CubeKind::Sessions };
    let Some(cube) = cube(kind) else { return false };
    let codes = scan.view.block().codes();
    let code_count = if axis == Axis::Queue { codes.queues.len() } else { codes.fleets.len() };
    let filter = scan.filter;
    for code in (0..code_count).filter(|code| filter.admits(axis, *code)) {
        for (detail, summary) in cube.of(code).enumerate().filter(|(_, summary)| summary.count > 0) {
            let key = scan.groups.of_axis(axis, code) + if by_type { scan.groups.of_type(detail) } else { 0 };
            let slot = scan.groups.slot(key, &mut scan.tally.slots);
            scan.tally.merge_inside(slot, bucket, &summary);
        }
    }
    true
}

fn add_totals(
    scan: &mut BlockScan<'_, '_>,
    by: TotalsBy,
    span_ms: (i64, i64),
    totals: Option<impl Iterator<Item = Summary>>,
) -> bool {
    let Some((bucket, totals)) = scan.bucket_of(span_ms).zip(totals) else { return false };
    for (code, summary) in totals.enumerate().filter(|(_, summary)| summary.count > 0) {
        let slot = scan.groups.slot(scan.groups.of_totals(by, code), &mut scan.tally.slots);
        scan.tally.merge_inside(slot, bucket, &summary);
    }
    true
}
