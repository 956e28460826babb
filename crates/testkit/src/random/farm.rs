//! Random sessions and volumes, as a farm keeps them.

use farmtally_model::{
    HourlyRate, LicenseProduct, LineCost, NanoUsd, Outcome, Record, Session, SessionId, Span, Timestamp,
    Usage, UsageLine, UsageLines, Volume, VolumeId,
};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

use super::{pools, times};
use crate::certain::certain;

/// Most lines of a random session: COMPUTE and three products.
const LINES_MAX: u64 = 4;
/// A thousand dollars an hour: a running session stays below [`NanoUsd::MAX`] for years.
const RATE_NANOS_MAX: u64 = 1_000_000_000_000;

pub(super) fn farm_around(anchor: Timestamp) -> impl Strategy<Value = Vec<Record<LineCost>>> {
    (vec(session_around(anchor), 0..40), vec(volume_around(anchor), 0..4)).prop_map(|(sessions, volumes)| {
        let sessions = sessions.into_iter().zip(0..).map(|(session, number)| {
            Record::Session(Session { session_id: SessionId::from_bytes(scattered(number)), ..session })
        });
        let volumes = volumes.into_iter().zip(0..).map(|(volume, number)| {
            Record::Volume(Volume { volume_id: VolumeId::from_bytes(scattered(number)), ..volume })
        });
        sessions.chain(volumes).collect()
    })
}

/// Different bytes for different numbers, in an order that tells nothing about that of the numbers.
fn scattered(number: u128) -> [u8; 16] {
    const ODD: u128 = 0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835;
    number.wrapping_mul(ODD).to_be_bytes()
}

/// A session whose id is given later.
fn session_around(anchor: Timestamp) -> impl Strategy<Value = Session<LineCost>> {
    let place = (select(pools::used_queues()), select(pools::used_fleets()), select(pools::instance_types()));
    let job = (select(pools::jobs()), select(pools::job_names()), select(pools::users()));
    let aside = (select(pools::workers()), proptest::option::of(select(&Outcome::ALL[..])), 0_u32..3);
    let parts = (place, job, aside, times::spans_around(anchor).prop_flat_map(span_and_usage));
    parts.prop_map(|(place, job, aside, (span, usage))| Session {
        session_id: SessionId::from_bytes([0; 16]),
        queue_id: place.0,
        fleet_id: place.1,
        instance_type: place.2,
        job_id: job.0,
        job_name: job.1,
        user_id: job.2,
        worker_id: aside.0,
        outcome: aside.1.map(|(_, outcome)| outcome),
        revision: aside.2,
        span,
        usage,
    })
}

/// A volume whose id is given later.
fn volume_around(anchor: Timestamp) -> impl Strategy<Value = Volume<LineCost>> {
    let timing = times::spans_around(anchor).prop_flat_map(|span| (Just(span), line_cost(span)));
    (select(pools::used_fleets()), timing, 0_u32..3).prop_map(|(fleet_id, (span, cost), revision)| Volume {
        volume_id: VolumeId::from_bytes([0; 16]),
        fleet_id,
        span,
        revision,
        cost,
    })
}

fn span_and_usage(span: Span) -> impl Strategy<Value = (Span, UsageLines<LineCost>)> {
    let usage = prop_oneof![
        8 => lines(span),
        1 => Just(vec![UsageLine { usage: Usage::Compute, cost: LineCost::Total(NanoUsd::MAX) }]),
    ];
    (Just(span), usage.prop_map(|lines| certain(UsageLines::new(lines))))
}

/// Licences for none to three products, and a COMPUTE line before them, after them or, beside a licence, nowhere.
fn lines(span: Span) -> impl Strategy<Value = Vec<UsageLine<LineCost>>> {
    let licences = subsequence(pools::products(), 0..=3).prop_flat_map(move |products| {
        products.into_iter().map(|product| license(product, span)).collect::<Vec<_>>()
    });
    let compute = line_cost(span).prop_map(|cost| UsageLine { usage: Usage::Compute, cost });
    (licences, compute, 0..3).prop_map(|(mut lines, compute, place)| {
        match place {
            0 => lines.insert(0, compute),
            1 => lines.push(compute),
            _ if lines.is_empty() => lines.push(compute),
            _ => {}
        }
        lines
    })
}

fn license(product: LicenseProduct, span: Span) -> impl Strategy<Value = UsageLine<LineCost>> {
    let quantity = prop_oneof![3 => Just(1), 1 => 2_u32..5];
    (quantity, line_cost(span)).prop_map(move |(quantity, cost)| UsageLine {
        usage: Usage::License { product: product.clone(), quantity },
        cost,
    })
}

/// Only what still runs has a price instead of a cost.
fn line_cost(span: Span) -> BoxedStrategy<LineCost> {
    match span.ended_at() {
        Some(_) => total().boxed(),
        None => prop_oneof![total(), per_hour()].boxed(),
    }
}

/// Costs that round, costs that do not, and costs that together reach the greatest.
fn total() -> impl Strategy<Value = LineCost> {
    let largest = NanoUsd::MAX.nanos() / LINES_MAX;
    let nanos = prop_oneof![
        1 => Just(0),
        2 => 1_u64..10,
        4 => 1_u64..10_000_000_000,
        1 => 0..=largest,
        1 => Just(largest),
    ];
    nanos.prop_map(|nanos| LineCost::Total(certain(NanoUsd::from_nanos(nanos))))
}

fn per_hour() -> impl Strategy<Value = LineCost> {
    let nanos =
        prop_oneof![1 => Just(0), 2 => 1_u64..10, 4 => 1_u64..10_000_000_000, 1 => Just(RATE_NANOS_MAX)];
    nanos.prop_map(|nanos| LineCost::PerHour(certain(HourlyRate::from_nanos(nanos))))
}
