//! Summaries instead of rows: a set that lies in one bucket as a whole is answered by what its block has summed before.

use farmtally_columns::{Axis, Cube, CubeKind, Nanos, RowSet, Summary};

use crate::block_scan::BlockScan;
use crate::dense::DenseSums;
use crate::plan::{KeySource, RowsOf};

/// Sessions that have summaries of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Class {
    /// Short ones.
    Short,
    /// Long ones.
    Long,
}

/// Adds the summaries of a class, if its rows lie in one bucket and the block has summaries for the question. False when
/// the rows have to be looked at.
pub(crate) fn add_cubes(
    scan: &BlockScan<'_>,
    class: Class,
    (start_ms, end_ms): (i64, i64),
    sums: &mut DenseSums,
) -> bool {
    let (plan, block) = (scan.plan, scan.block);
    let window = plan.window_ms();
    if start_ms < window.start || end_ms > window.end {
        return false;
    }
    let offset_ms = u32::try_from(start_ms - block.base_ms()).unwrap_or(u32::MAX);
    let bucket = scan.calendar.bucket_at(offset_ms);
    let Ok(index) = usize::try_from(bucket) else { return false };
    if index >= plan.buckets.len() || end_ms > plan.buckets.end_ms(index) {
        return false;
    }
    let axis = plan.axis();
    let sums = sums.of_bucket(bucket);
    let cube = |kind| match class {
        Class::Short => block.short_cube(axis, kind),
        Class::Long => block.long_cube(axis, kind),
    };
    let has_only = |detail| has_only(scan, axis, detail);
    match plan.rows_of {
        RowsOf::Sessions if has_only(None) => {
            let Some(sessions) = cube(CubeKind::Sessions) else { return false };
            add(scan, axis, &sessions, 0, None, sums);
        }
        RowsOf::Sessions if has_only(Some(KeySource::InstanceType)) => {
            let Some(sessions) = cube(CubeKind::SessionsByType) else { return false };
            add(scan, axis, &sessions, 0, scan.keys.instance_types.as_deref(), sums);
        }
        RowsOf::UsageTypes if has_only(Some(KeySource::UsageType)) => {
            let Some(compute) = cube(CubeKind::Compute) else { return false };
            let Some(licenses) = cube(CubeKind::Licenses) else { return false };
            add(scan, axis, &compute, scan.keys.compute, None, sums);
            add(scan, axis, &licenses, scan.keys.license, None, sums);
        }
        RowsOf::Licenses if has_only(Some(KeySource::Product)) => {
            let Some(lines) = cube(CubeKind::LinesByProduct) else { return false };
            add(scan, axis, &lines, 0, scan.keys.products.as_deref(), sums);
        }
        _ => return false,
    }
    true
}

/// Earliest start and latest end of two sets; `None` when both are empty.
pub(crate) fn span_ms<C: Nanos>(sets: &[RowSet<'_, C>]) -> Option<(i64, i64)> {
    let sets = sets.iter().filter(|set| !set.is_empty());
    let spans = sets.map(|set| (set.start_min_ms, set.end_max_ms));
    spans.reduce(|one, other| (one.0.min(other.0), one.1.max(other.1)))
}

/// Whether groups are told apart by nothing but the axis and `detail`.
fn has_only(scan: &BlockScan<'_>, axis: Axis, detail: Option<KeySource>) -> bool {
    scan.plan.positions.iter().all(|position| match position.source {
        KeySource::Nothing => true,
        KeySource::Queue => axis == Axis::Queue,
        KeySource::Fleet => axis == Axis::Fleet,
        source => Some(source) == detail,
    })
}

fn add(
    scan: &BlockScan<'_>,
    axis: Axis,
    cube: &Cube<'_>,
    shared: u64,
    details: Option<&[u64]>,
    sums: &mut [Summary],
) {
    let of_axis = match axis {
        Axis::Queue => &scan.keys.queues,
        Axis::Fleet => &scan.keys.fleets,
    };
    for code in scan.keys.wanted(axis) {
        let shared = shared + of_axis.as_ref().map_or(0, |shares| shares[code]);
        for (detail, summary) in cube.of(code).enumerate() {
            let key = shared + details.map_or(0, |shares| shares[detail]);
            if let Some(sum) = usize::try_from(key).ok().and_then(|key| sums.get_mut(key)) {
                sum.merge(&summary);
            }
        }
    }
}
