//! Takes other costs for records that are stored, which the farm's owner worked out from what was stored.

use farmtally_ingest::{AmendedLine, AmendedShare, Reject, parse_amended};
use farmtally_service::{Amended, Fingerprint, NumberedAmended, Service, StoredShare};

use super::send;
use crate::gate::VerifiedRequest;
use crate::refusal::Refusal;
use crate::reply::Reply;

pub(crate) fn amend_costs(
    service: &Service,
    request: &VerifiedRequest,
    farm_label: &str,
) -> Result<Reply, Refusal> {
    let farm_id = super::farm_id(farm_label)?;
    let (mut batch, mut rejects) = (Vec::new(), Vec::<Reject>::new());
    for line in parse_amended(request.body()) {
        match line {
            Ok(line) => batch.push(numbered(line)),
            Err(reject) => rejects.push(reject),
        }
    }
    let received = batch.len() + rejects.len();
    let report = service.amend(request.caller(), farm_id, batch)?;
    Ok(send::answer(received, &report, rejects))
}

fn numbered(sent: AmendedLine) -> NumberedAmended {
    let AmendedLine { line, record, fingerprint, share } = sent;
    let fingerprint = Fingerprint::from_bytes(fingerprint);
    let share = share.map(|AmendedShare { sent }| StoredShare { sent });
    NumberedAmended { line, amended: Amended { record, fingerprint, share } }
}
