//! The farm as records, and the snapshot that the engine is asked about.

use std::path::Path;
use std::sync::Arc;

use farmtally_columns::{FarmColumns, FarmSnapshot};
use farmtally_model::{
    FleetId, InstanceType, JobId, JobName, LicenseProduct, LineCost, NanoUsd, QueueId, Record, Session,
    SessionId, Span, Timestamp, Usage, UsageLine, UsageLines, UserId,
};

use crate::farm::{Farm, FarmSession};
use crate::kept;
use crate::random::Random;

/// The seed of the published figures.
pub(crate) const SEED: u64 = 7;

/// Sessions that are put in at once.
const BATCH: usize = 131_072;

/// A farm of so many sessions in memory, from a file of columns if there is one. If there is none, it is written.
pub(crate) fn snapshot(sessions: u64, file: Option<&Path>) -> std::io::Result<Arc<FarmSnapshot>> {
    let Some(file) = file else { return Ok(columns(sessions).snapshot()) };
    if !file.exists() {
        kept::write(&columns(sessions), file)?;
    }
    let columns = kept::read(file)?;
    let snapshot = columns.snapshot();
    let has_our_jobs = snapshot.jobs().iter().take(1).all(|job| job.job_id == job_id(number_of(job.job_id)));
    let is_of_this_farm = snapshot.session_count() == sessions && has_our_jobs;
    assert!(is_of_this_farm, "the file holds the columns of another farm");
    Ok(snapshot)
}

/// Columns that are put in batch by batch as they would arrive, and sealed.
fn columns(sessions: u64) -> FarmColumns {
    let mut farm = Farm::new(sessions, SEED);
    let mut columns = FarmColumns::default();
    loop {
        let batch: Vec<_> = farm.by_ref().take(BATCH).map(record).collect();
        if batch.is_empty() {
            columns.seal();
            return columns;
        }
        columns.apply(&batch, &[]);
    }
}

pub(crate) fn queue_id(code: u8) -> QueueId {
    QueueId::from_bytes([code; 16])
}

pub(crate) fn fleet_id(code: u8) -> FleetId {
    FleetId::from_bytes([code; 16])
}

/// The id of a job. As those of AWS it says nothing of the job's time; its number is in the second half.
pub(crate) fn job_id(job: u32) -> JobId {
    let job = u64::from(job);
    let halves = [Random::new(job).next(), job].map(u64::to_be_bytes);
    JobId::from_bytes(std::array::from_fn(|byte| halves[byte / 8][byte % 8]))
}

/// The number of a job.
pub(crate) fn number_of(job: JobId) -> u32 {
    u128::from_be_bytes(job.bytes()) as u32
}

fn record(session: FarmSession) -> Record<LineCost> {
    let at = |millis| Timestamp::from_millis(millis).expect("inside the years");
    Record::Session(Session {
        session_id: SessionId::from_bytes(session.id),
        queue_id: queue_id(session.queue),
        fleet_id: fleet_id(session.fleet),
        job_id: job_id(session.job),
        job_name: JobName::new("sh010 comp v001").expect("short"),
        user_id: UserId::new(&format!("user{:03}", session.user)).expect("short"),
        worker_id: None,
        instance_type: Some(InstanceType::new(&format!("type{:03}", session.instance_type)).expect("short")),
        outcome: None,
        span: Span::new(at(session.start_ms), Some(at(session.end_ms))).expect("in order"),
        revision: 0,
        usage: usage(&session),
    })
}

fn usage(session: &FarmSession) -> UsageLines<LineCost> {
    let cost = |nanos: i64| LineCost::Total(NanoUsd::from_nanos(nanos as u64).expect("small"));
    let mut lines = vec![UsageLine { usage: Usage::Compute, cost: cost(session.compute_nanos) }];
    lines.extend(session.license.map(|license| {
        let product = LicenseProduct::new(&format!("product{:03}", license.product)).expect("short");
        UsageLine { usage: Usage::License { product, quantity: 1 }, cost: cost(license.nanos) }
    }));
    UsageLines::new(lines).expect("at most two lines")
}
