//! Stored records, each with what its source said about its costs: for revisions, explanations and exports.
//!
//! A stored record does not say which of its costs were given and which the rate card made. Its fingerprint does, because
//! that is of the record as it was sent: the way of sending that has the fingerprint is the way in which it was sent.

use farmtally_model::{FarmId, LineCost, NanoUsd, Record, RecordId, Session, UsageLines, Volume};

use crate::book::Reading;
use crate::database::Database;
use crate::error::StoreError;
use crate::farm::OpenFarm;
use crate::fingerprint::fingerprint;
use crate::sealed::read_records;
use crate::store::Store;

/// A record as it is stored now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredRecord {
    /// The record.
    pub record: Record<LineCost>,
    /// Of each line, or of the volume, whether its cost came with the record; the others were priced. `None` when that
    /// cannot be told, for a record with more than twelve lines of which some came with a cost.
    pub given: Option<Vec<bool>>,
}

/// Most lines of a record with given and priced costs of which it is found out which is which: every selection is tried.
const MIXED_LINES_MAX: usize = 12;

impl StoredRecord {
    fn new(record: Record<LineCost>, print: u64) -> Self {
        let given = given_lines(&record, print);
        Self { record, given }
    }

    /// Whether the rate card priced any of its lines.
    pub fn is_priced(&self) -> bool {
        self.given.as_ref().is_some_and(|given| given.iter().any(|given| !given))
    }
}

/// The record as it was sent, if these of its costs came with it.
pub fn as_submitted(record: &Record<LineCost>, given: &[bool]) -> Record<Option<NanoUsd>> {
    let sent = |index: usize, cost: LineCost| match cost {
        LineCost::Total(cost) if given.get(index) == Some(&true) => Some(cost),
        LineCost::Total(_) | LineCost::PerHour(_) => None,
    };
    match record {
        Record::Session(session) => Record::Session(with_costs(session, sent)),
        Record::Volume(volume) => Record::Volume(Volume {
            volume_id: volume.volume_id,
            fleet_id: volume.fleet_id,
            span: volume.span,
            revision: volume.revision,
            cost: sent(0, volume.cost),
        }),
    }
}

fn with_costs<D>(session: &Session<LineCost>, cost: impl Fn(usize, LineCost) -> D) -> Session<D> {
    let mut index = 0;
    let usage: Result<UsageLines<D>, std::convert::Infallible> = session.usage.clone().map_costs(|_, old| {
        index += 1;
        Ok(cost(index - 1, old))
    });
    let Ok(usage) = usage;
    Session {
        session_id: session.session_id,
        queue_id: session.queue_id,
        fleet_id: session.fleet_id,
        job_id: session.job_id,
        job_name: session.job_name.clone(),
        user_id: session.user_id.clone(),
        worker_id: session.worker_id,
        instance_type: session.instance_type.clone(),
        outcome: session.outcome,
        span: session.span,
        revision: session.revision,
        usage,
    }
}

/// Which costs came with the record whose fingerprint begins so.
fn given_lines(record: &Record<LineCost>, print: u64) -> Option<Vec<bool>> {
    let lines = match record {
        Record::Session(session) => session.usage.as_slice().len(),
        Record::Volume(_) => 1,
    };
    let is_sent_so = |given: &Vec<bool>| fingerprint(&as_submitted(record, given)).short() == print;
    let none_or_all = [vec![false; lines], vec![true; lines]];
    if let Some(given) = none_or_all.into_iter().find(is_sent_so) {
        return Some(given);
    }
    if lines > MIXED_LINES_MAX {
        return None;
    }
    let selections = 1..(1_u32 << lines);
    selections.map(|selection| (0..lines).map(|line| selection >> line & 1 == 1).collect()).find(is_sent_so)
}

impl Store {
    /// Visits every record that is stored now and may have been in use between two instants, in no particular order.
    ///
    /// The farm takes nothing in meanwhile, and `visit` must not ask the store anything.
    pub fn for_each_record(
        &self,
        farm_id: FarmId,
        between_ms: (i64, i64),
        visit: &mut dyn FnMut(StoredRecord),
    ) -> Result<(), StoreError> {
        if !self.catalogue().database().is_shared() {
            return self
                .on_farm(farm_id, |farm, database| farm.for_each_record(database, between_ms, &mut *visit));
        }
        let mut records = Vec::new();
        // Another server may move records while they are visited, and then all are visited anew.
        self.on_farm(farm_id, |farm, database| {
            records.clear();
            farm.for_each_record(database, between_ms, &mut |record| records.push(record))
        })?;
        records.into_iter().for_each(visit);
        Ok(())
    }

    /// The record that is stored under an id.
    pub fn record(&self, farm_id: FarmId, id: RecordId) -> Result<Option<StoredRecord>, StoreError> {
        self.on_farm(farm_id, |farm, database| farm.record(database, id))
    }
}

impl OpenFarm {
    fn for_each_record(
        &self,
        database: &Database,
        (from_ms, until_ms): (i64, i64),
        visit: &mut dyn FnMut(StoredRecord),
    ) -> Result<(), StoreError> {
        let book = self.book()?;
        let reading = Reading { database, files: &self.files };
        book.for_each_unsealed(&reading, book.manifest.base(), &mut |_, record: Record<LineCost>| {
            if let Some((identity, _)) = book.identities.get(record.id()) {
                visit(StoredRecord::new(record, identity.print));
            }
        })?;
        let in_time = book
            .manifest
            .segments()
            .filter(|segment| segment.start_min_ms < until_ms && from_ms <= segment.end_max_ms);
        for segment in in_time {
            read_records(&self.files, segment, |sealed| {
                if book.manifest.is_live(segment.number, sealed.row) {
                    let put = sealed.into_put();
                    visit(StoredRecord::new(put.record, put.fingerprint.short()));
                }
                Ok(())
            })?;
        }
        Ok(())
    }

    fn record(&self, database: &Database, id: RecordId) -> Result<Option<StoredRecord>, StoreError> {
        let book = self.book()?;
        let reading = Reading { database, files: &self.files };
        let print = match book.identities.get(id) {
            Some((identity, _)) => Some(identity.print),
            None => book.sealed_record(&self.files, id)?.sealed.get(&id).map(|(identity, _)| identity.print),
        };
        let record = book.live_record(&reading, id)?;
        Ok(record.zip(print).map(|(record, print)| StoredRecord::new(record, print)))
    }
}

#[cfg(test)]
mod tests {
    use farmtally_model::{
        FleetId, JobId, JobName, LicenseProduct, QueueId, SessionId, Span, Timestamp, Usage, UsageLine,
        UserId,
    };

    use super::*;

    fn with_lines(count: u32) -> Record<LineCost> {
        let line = |number: u32| UsageLine {
            usage: Usage::License {
                product: LicenseProduct::new(&format!("product {number}")).unwrap(),
                quantity: 1,
            },
            cost: LineCost::Total(NanoUsd::from_nanos(number.into()).unwrap()),
        };
        Record::Session(Session {
            session_id: SessionId::from_bytes([1; 16]),
            queue_id: QueueId::from_bytes([2; 16]),
            fleet_id: FleetId::from_bytes([3; 16]),
            job_id: JobId::from_bytes([4; 16]),
            job_name: JobName::new("sh010").unwrap(),
            user_id: UserId::new("alice").unwrap(),
            worker_id: None,
            instance_type: None,
            outcome: None,
            span: Span::new(Timestamp::MIN, Some(Timestamp::MAX)).unwrap(),
            revision: 0,
            usage: UsageLines::new((0..count).map(line).collect()).unwrap(),
        })
    }

    #[test]
    fn the_fingerprint_tells_which_costs_were_given() {
        let record = with_lines(3);
        for given in [[false; 3], [true; 3], [true, false, true], [false, false, true]] {
            let print = fingerprint(&as_submitted(&record, &given)).short();
            assert_eq!(given_lines(&record, print).unwrap(), given);
        }
        assert_eq!(given_lines(&record, 7), None);
        let many = with_lines(20);
        let print = fingerprint(&as_submitted(&many, &[false; 20])).short();
        assert_eq!(given_lines(&many, print).unwrap(), [false; 20]);
    }
}
