//! Summaries instead of rows: a set that lies in one bucket as a whole is answered by what its block, or a group of blocks, has
//! summed before.

use farmtally_columns::{Axis, Cube, CubeKind, Summary};

use crate::block_keys::BlockKeys;
use crate::dense;
use crate::plan::{AggregationPlan, KeySource, RowsOf};

/// The cubes that answer a question together; none when rows have to be looked at.
pub(crate) fn kinds(plan: &AggregationPlan<'_>) -> &'static [CubeKind] {
    let has_only = |detail| has_only(plan, detail);
    match plan.rows_of {
        RowsOf::Sessions if has_only(None) => &[CubeKind::Sessions],
        RowsOf::Sessions if has_only(Some(KeySource::InstanceType)) => &[CubeKind::SessionsByType],
        RowsOf::UsageTypes if has_only(Some(KeySource::UsageType)) => {
            &[CubeKind::Compute, CubeKind::Licenses]
        }
        RowsOf::Licenses if has_only(Some(KeySource::Product)) => &[CubeKind::LinesByProduct],
        _ => &[],
    }
}

/// Whether groups are told apart by nothing but the axis and `detail`.
fn has_only(plan: &AggregationPlan<'_>, detail: Option<KeySource>) -> bool {
    plan.positions.iter().all(|position| match position.source {
        KeySource::Nothing => true,
        KeySource::Queue => plan.axis() == Axis::Queue,
        KeySource::Fleet => plan.axis() == Axis::Fleet,
        source => Some(source) == detail,
    })
}

/// The bucket in which a class lies as a whole, if it does.
pub(crate) fn bucket_of(plan: &AggregationPlan<'_>, (start_ms, end_ms): (i64, i64)) -> Option<usize> {
    let window = plan.window_ms();
    if start_ms < window.start || start_ms >= window.end {
        return None;
    }
    let bucket = plan.buckets.index_of(start_ms);
    (end_ms <= window.end.min(plan.buckets.end_ms(bucket))).then_some(bucket)
}

/// The cubes of some kinds, if all of them are kept.
pub(crate) fn cubes<'c>(
    kinds: &'static [CubeKind],
    cube: impl Fn(CubeKind) -> Option<Cube<'c>>,
) -> Option<Vec<(CubeKind, Cube<'c>)>> {
    let cubes = kinds.iter().map(|kind| Some((*kind, cube(*kind)?)));
    cubes.collect::<Option<Vec<_>>>().filter(|cubes| !cubes.is_empty())
}

/// Adds cubes, whose codes are those of the keys, to the sums of their bucket.
pub(crate) fn add_cubes(axis: Axis, keys: &BlockKeys, cubes: &[(CubeKind, Cube<'_>)], sums: &mut [Summary]) {
    for (kind, cube) in cubes {
        let (shared, details) = match kind {
            CubeKind::Sessions => (0, None),
            CubeKind::SessionsByType => (0, keys.instance_types.as_deref()),
            CubeKind::Compute => (keys.compute, None),
            CubeKind::Licenses => (keys.license, None),
            CubeKind::LinesByProduct => (0, keys.products.as_deref()),
        };
        add(axis, keys, cube, (shared, details), sums);
    }
}

fn add(
    axis: Axis,
    keys: &BlockKeys,
    cube: &Cube<'_>,
    (shared, details): (u64, Option<&[u64]>),
    sums: &mut [Summary],
) {
    let of_axis = match axis {
        Axis::Queue => &keys.queues,
        Axis::Fleet => &keys.fleets,
    };
    for code in keys.wanted(axis) {
        let shared = shared + of_axis.as_ref().map_or(0, |shares| shares[code as usize]);
        for (summary, share) in cube.of(code as usize).zip(details.unwrap_or(&[0])) {
            dense::merge(sums, shared + share, &summary);
        }
    }
}
