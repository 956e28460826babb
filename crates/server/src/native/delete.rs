//! Takes a session or a volume out.

use farmtally_model::{RecordId, SessionId, VolumeId};
use farmtally_service::Service;

use crate::gate::VerifiedRequest;
use crate::refusal::Refusal;
use crate::reply::Reply;

pub(crate) fn delete_session(
    service: &Service,
    request: &VerifiedRequest,
    farm_label: &str,
    session_label: &str,
) -> Result<Reply, Refusal> {
    let session_id = SessionId::parse(session_label).map_err(|error| Refusal::field("sessionId", &error))?;
    delete(service, request, farm_label, RecordId::Session(session_id))
}

pub(crate) fn delete_volume(
    service: &Service,
    request: &VerifiedRequest,
    farm_label: &str,
    volume_label: &str,
) -> Result<Reply, Refusal> {
    let volume_id = VolumeId::parse(volume_label).map_err(|error| Refusal::field("volumeId", &error))?;
    delete(service, request, farm_label, RecordId::Volume(volume_id))
}

fn delete(
    service: &Service,
    request: &VerifiedRequest,
    farm_label: &str,
    record_id: RecordId,
) -> Result<Reply, Refusal> {
    let farm_id = super::farm_id(farm_label)?;
    if service.delete(request.caller(), farm_id, record_id)? {
        Ok(Reply::no_content())
    } else {
        Err(Refusal::missing_record(record_id))
    }
}
