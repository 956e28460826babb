//! The persistent volumes of the spot fleet: caches that outlive the machines they hang on.

use farmtally_model::{HourlyRate, Record, RecordNames, Span, Submission, Timestamp, Volume, VolumeId};

use super::HOUR_MS;
use super::prng::Prng;
use super::studio::{SPOT, Studio};
use crate::certain::certain;

/// Where in the period each volume begins and ends, in percent; the last ones still exist.
const SPANS_PERCENT: [(i64, Option<i64>); 6] =
    [(2, Some(35)), (5, Some(60)), (30, Some(72)), (48, Some(90)), (55, None), (88, None)];
/// Dollars per hour: a terabyte at a common price per gigabyte and month.
const RATE: &str = "0.109589041";

pub(super) fn volumes(prng: &mut Prng, studio: &Studio, origin_ms: i64, days: u32) -> Vec<Submission> {
    SPANS_PERCENT.map(|(start, end)| volume(prng, studio, origin_ms, days, (start, end))).to_vec()
}

fn volume(
    prng: &mut Prng,
    studio: &Studio,
    origin_ms: i64,
    days: u32,
    (start_percent, end_percent): (i64, Option<i64>),
) -> Submission {
    let period_ms = i64::from(days) * 24 * HOUR_MS;
    let at = |percent: i64| Timestamp::from_millis_clamped(origin_ms - period_ms + period_ms * percent / 100);
    let (started_at, ended_at) = (at(start_percent), end_percent.map(at));
    let used_ms = ended_at.map_or(origin_ms, Timestamp::millis).abs_diff(started_at.millis());
    let fleet = &studio.fleets[SPOT];
    let volume = Volume {
        volume_id: VolumeId::from_bytes(prng.bytes16()),
        fleet_id: fleet.id,
        span: certain(Span::new(started_at, ended_at)),
        revision: 0,
        cost: certain(HourlyRate::parse(RATE)).cost_of(used_ms, 1),
    };
    let names = RecordNames { fleet: Some(fleet.name.clone()), ..RecordNames::default() };
    Submission { record: Record::Volume(volume), names }
}
