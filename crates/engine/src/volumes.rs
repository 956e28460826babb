//! Volumes: few, and grouped plainly. They have no queue, job, user or instance type.

use std::collections::BTreeMap;

use farmtally_model::UsageGroupBy;

use crate::groups::Accumulator;
use crate::part::Part;
use crate::plan::{AggregationPlan, PlannedVolume, usage_code};

/// The code of "no value".
pub(crate) const ABSENT: u32 = u32::MAX;

/// A group of volumes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct VolumeGroup {
    pub(crate) bucket: usize,
    pub(crate) codes: [u32; 2],
    pub(crate) accumulator: Accumulator,
}

/// The groups of the volumes, ascending by bucket. They share none with sessions, because their usage type is their own.
pub(crate) fn scan_volumes(plan: &AggregationPlan<'_>) -> Vec<VolumeGroup> {
    let mut groups: BTreeMap<(usize, [u32; 2]), Accumulator> = BTreeMap::new();
    let window = plan.window_ms();
    for volume in &plan.volumes {
        let part = Part::new(volume.span.start_ms, volume.span.end_ms, volume.span.cost_nanos, &[]);
        if part.overlaps(window.start, window.end) {
            let codes = codes(plan, volume);
            part.for_each_piece(&plan.buckets, |piece| {
                let accumulator = groups.entry((piece.bucket, codes)).or_insert(Accumulator::EMPTY);
                accumulator.add(piece.cost_nanos, piece.runtime_ms);
            });
        }
    }
    let group = |((bucket, codes), accumulator)| VolumeGroup { bucket, codes, accumulator };
    groups.into_iter().map(group).collect()
}

fn codes(plan: &AggregationPlan<'_>, volume: &PlannedVolume) -> [u32; 2] {
    let mut codes = [0; 2];
    for (code, field) in codes.iter_mut().zip(plan.group_by.fields()) {
        *code = match field {
            UsageGroupBy::UsageType => usage_code::PERSISTENT_VOLUME,
            UsageGroupBy::FleetId => volume.fleet,
            UsageGroupBy::QueueId
            | UsageGroupBy::JobId
            | UsageGroupBy::UserId
            | UsageGroupBy::InstanceType
            | UsageGroupBy::LicenseProduct => ABSENT,
        };
    }
    codes
}
