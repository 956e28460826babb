//! Summaries instead of rows: a set that lies in one bucket as a whole is answered by what its block, or a group of blocks, has
//! summed before.

use std::sync::Arc;

use farmtally_columns::{Axis, Cube, CubeKind, EDGES_MAX, Slices, Summary};

use crate::block_keys::BlockKeys;
use crate::dense;
use crate::plan::{AggregationPlan, KeySource, RowsOf};

/// What summaries have left of a class of sessions.
#[derive(Debug, Clone)]
pub(crate) enum Rest {
    /// Nothing: they stand for all of it.
    Nothing,
    /// The rows that slices have not summed.
    Cut(Arc<Slices>),
    /// Everything.
    All,
}

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

/// How buckets divide a span: a stretch more than there are edges, each with its bucket if it lies in the window.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Stretches {
    /// Where stretches meet, in milliseconds since 1970.
    pub(crate) edges_ms: Vec<i64>,
    pub(crate) buckets: Vec<Option<usize>>,
}

/// The stretches of a span, unless they are so many that no summaries are kept for them.
pub(crate) fn stretches(plan: &AggregationPlan<'_>, (start_ms, end_ms): (i64, i64)) -> Option<Stretches> {
    let window = plan.window_ms();
    let (mut edges_ms, mut buckets) = (Vec::new(), Vec::new());
    let (first_ms, after_ms) = (start_ms.max(window.start), end_ms.min(window.end));
    if first_ms >= after_ms {
        return Some(Stretches { edges_ms, buckets: vec![None] });
    }
    if start_ms < window.start {
        edges_ms.push(window.start);
        buckets.push(None);
    }
    let mut bucket = plan.buckets.index_of(first_ms);
    loop {
        buckets.push(Some(bucket));
        let edge_ms = plan.buckets.end_ms(bucket);
        if edge_ms >= after_ms {
            break;
        }
        edges_ms.push(edge_ms);
        if edges_ms.len() > EDGES_MAX {
            return None;
        }
        bucket += 1;
    }
    if end_ms > window.end {
        edges_ms.push(window.end);
        buckets.push(None);
    }
    (edges_ms.len() <= EDGES_MAX).then_some(Stretches { edges_ms, buckets })
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
pub(crate) fn add_cubes<'c>(
    axis: Axis,
    keys: &BlockKeys,
    cubes: impl IntoIterator<Item = (CubeKind, Cube<'c>)>,
    sums: &mut [Summary],
) {
    for (kind, cube) in cubes {
        let (shared, details) = match kind {
            CubeKind::Sessions => (0, None),
            CubeKind::SessionsByType => (0, keys.instance_types.as_deref()),
            CubeKind::Compute => (keys.compute, None),
            CubeKind::Licenses => (keys.license, None),
            CubeKind::LinesByProduct => (0, keys.products.as_deref()),
        };
        add(axis, keys, &cube, (shared, details), sums);
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
