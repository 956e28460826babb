//! Few ids and names, so that sessions share them, chosen so that a wrong order shows.

use farmtally_model::{FleetId, InstanceType, JobId, JobName, LicenseProduct, QueueId, UserId, WorkerId};

use crate::certain::certain;

/// First bytes of the ids that sessions have: not in order, and neighbours in text.
const USED: [u8; 3] = [0x9f, 0x0a, 0xa0];
/// First bytes of ids that no session has, for questions.
const UNUSED: [u8; 8] = [0x00, 0x0b, 0x10, 0x99, 0x9e, 0xa1, 0xfe, 0xff];

fn id_bytes(first: u8) -> [u8; 16] {
    let mut bytes = [0x5c; 16];
    bytes[0] = first;
    bytes
}

pub(super) fn used_queues() -> Vec<QueueId> {
    USED.into_iter().map(id_bytes).map(QueueId::from_bytes).collect()
}

pub(super) fn unused_queues() -> Vec<QueueId> {
    UNUSED.into_iter().map(id_bytes).map(QueueId::from_bytes).collect()
}

pub(super) fn used_fleets() -> Vec<FleetId> {
    USED.into_iter().map(id_bytes).map(FleetId::from_bytes).collect()
}

pub(super) fn unused_fleets() -> Vec<FleetId> {
    UNUSED.into_iter().map(id_bytes).map(FleetId::from_bytes).collect()
}

pub(super) fn jobs() -> Vec<JobId> {
    USED.into_iter().chain([0x01]).map(id_bytes).map(JobId::from_bytes).collect()
}

/// Names do not belong to one job: a job changes its name, and two jobs share one.
pub(super) fn job_names() -> Vec<JobName> {
    ["sh010 comp v1", "sh010 comp v10", "sh010 comp v2", "Überflug"]
        .map(|name| certain(JobName::new(name)))
        .to_vec()
}

pub(super) fn users() -> Vec<UserId> {
    ["ana", "Ana", "ana2", "élodie"].map(|user| certain(UserId::new(user))).to_vec()
}

pub(super) fn instance_types() -> Vec<Option<InstanceType>> {
    let known =
        ["c6i.8xlarge", "c6i.16xlarge", "g5.xlarge"].map(|name| Some(certain(InstanceType::new(name))));
    known.into_iter().chain([None]).collect()
}

pub(super) fn products() -> Vec<LicenseProduct> {
    ["nuke", "arnold", "houdini"].map(|product| certain(LicenseProduct::new(product))).to_vec()
}

pub(super) fn workers() -> Vec<Option<WorkerId>> {
    USED.into_iter().map(id_bytes).map(WorkerId::from_bytes).map(Some).chain([None]).collect()
}
