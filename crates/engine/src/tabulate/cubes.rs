//! Summaries instead of rows: where a block's short or long sessions lie in one bucket as a whole, what the block has summed
//! before is enough for questions about its queues or fleets, its users, or its jobs; and where few edges cut them, what it has summed
//! between these is enough for all but the sessions that are cut.

use farmtally_columns::{Axis, Class, Cube, CubeKind, EDGES_MAX, ImageError, SlicesOf, Summary, TotalsBy};

use crate::cube_scan::Rest;
use crate::tabulate::block_scan::BlockScan;
use crate::tabulate::plan::Source;

/// Adds the summaries of a class of sessions, and says what they leave.
pub(crate) fn add_class(scan: &mut BlockScan<'_, '_>, class: Class) -> Result<Rest, ImageError> {
    let block = scan.view.block();
    let Some(asked) = Asked::of(scan) else { return Ok(Rest::All) };
    let Some(span_ms) = block.class_span_ms(class) else { return Ok(Rest::Nothing) };
    match asked {
        Asked::Axis(axis) => add(scan, class, axis, span_ms),
        Asked::Totals(by) => {
            let is_added = add_totals(scan, by, span_ms, block.totals_of(class, by));
            Ok(if is_added { Rest::Nothing } else { Rest::All })
        }
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

fn add(
    scan: &mut BlockScan<'_, '_>,
    class: Class,
    axis: Axis,
    span_ms: (i64, i64),
) -> Result<Rest, ImageError> {
    let block = scan.view.block();
    let by_type = scan.plan.sources.contains(&Source::InstanceType);
    let kind = if by_type { CubeKind::SessionsByType } else { CubeKind::Sessions };
    if let Some(bucket) = scan.bucket_of(span_ms) {
        let Some(cube) = block.cube_of(class, axis, kind) else { return Ok(Rest::All) };
        add_cube(scan, axis, (kind, cube), bucket);
        return Ok(Rest::Nothing);
    }
    let Some((edges_ms, buckets)) = edges_in(scan, span_ms) else { return Ok(Rest::All) };
    // Slices are made of columns.
    block.check_columns()?;
    let kinds: &'static [CubeKind] =
        if by_type { &[CubeKind::SessionsByType] } else { &[CubeKind::Sessions] };
    let Some(slices) = block.slices(SlicesOf { class, axis, kinds, edges_ms }, scan.plan.asker) else {
        return Ok(Rest::All);
    };
    for (slice, bucket) in buckets.into_iter().enumerate() {
        let Some(bucket) = bucket else { continue };
        for cube in slices.cubes(slice) {
            add_cube(scan, axis, cube, bucket);
        }
    }
    Ok(Rest::Cut(slices))
}

/// The edges of buckets inside of a span, and the bucket before each and after the last, if it lies
/// in the window. `None` if they are too many, or if the block has no half-hour of such a bucket.
fn edges_in<'a>(
    scan: &BlockScan<'a, '_>,
    (start_ms, end_ms): (i64, i64),
) -> Option<(&'a [i64], Vec<Option<u32>>)> {
    let edges_ms = scan.calendar.edges_ms();
    let first = edges_ms.partition_point(|edge_ms| *edge_ms <= start_ms);
    let inside = &edges_ms[first..edges_ms.partition_point(|edge_ms| *edge_ms < end_ms).max(first)];
    if inside.is_empty() || inside.len() > EDGES_MAX {
        return None;
    }
    let buckets = (first..=first + inside.len()).map(|edges| {
        // As many edges lie before the bucket as it has buckets before it, and its own start.
        let bucket = edges.checked_sub(1).filter(|bucket| bucket + 1 < edges_ms.len());
        let Some(bucket) = bucket else { return Some(None) };
        let bucket = u32::try_from(bucket).ok()?;
        scan.has_half_hour_of(bucket).then_some(Some(bucket))
    });
    Some((inside, buckets.collect::<Option<_>>()?))
}

fn add_cube(scan: &mut BlockScan<'_, '_>, axis: Axis, (kind, cube): (CubeKind, Cube<'_>), bucket: u32) {
    let by_type = kind == CubeKind::SessionsByType;
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
