//! Volumes: few, and grouped plainly. They have no queue, job, user or instance type.

use crate::part::Part;
use crate::places::{ABSENT, Places};
use crate::plan::{AggregationPlan, KeySource, PlannedVolume, usage_code};
use crate::wide::WideGroups;

/// Adds the volumes that the question asks for. They share no group with sessions, because their usage type is their own.
pub(crate) fn add_volumes(plan: &AggregationPlan<'_>, groups: &mut WideGroups) {
    let window = plan.window_ms();
    for volume in &plan.volumes {
        let part = Part::new(volume.span.start_ms, volume.span.end_ms, volume.span.cost_nanos, &[]);
        if part.overlaps(window.start, window.end) {
            let places = places(plan, volume);
            part.for_each_piece(&plan.buckets, |piece| {
                groups.add(piece.bucket, places, piece.cost_nanos, piece.runtime_ms);
            });
        }
    }
}

fn places(plan: &AggregationPlan<'_>, volume: &PlannedVolume) -> [u32; 2] {
    plan.positions.each_ref().map(|position| match position.source {
        KeySource::UsageType => position.places.of(usage_code::PERSISTENT_VOLUME),
        KeySource::Fleet => position.places.of(volume.fleet),
        KeySource::InstanceType => not_known(plan, &position.places),
        KeySource::Queue | KeySource::Job | KeySource::User | KeySource::Product | KeySource::Nothing => {
            ABSENT
        }
    })
}

/// The place of "no instance type is known", which sessions may have too.
fn not_known(plan: &AggregationPlan<'_>, places: &Places) -> u32 {
    let first = 1;
    if places.len() < 2 {
        return ABSENT;
    }
    let is_known = places.code(first).is_none_or(|code| plan.snapshot.instance_types().get(code).is_some());
    if is_known { ABSENT } else { first }
}
