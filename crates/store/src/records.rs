//! Stored records, each with what its source said about its costs: for revisions, explanations and exports.
//!
//! A stored record does not say which of its costs were given and which the rate card made. Its fingerprint does, because
//! that is of the record as it was sent: the way of sending that has the fingerprint is the way in which it was sent.

use std::borrow::Cow;

use farmtally_model::{FarmId, LineCost, NanoUsd, Record, RecordId, RecordNames, Usage};

use crate::admission::{Amendment, PricedSubmission};
use crate::book::Reading;
use crate::database::Database;
use crate::encoding::{Put, StoredShare};
use crate::error::StoreError;
use crate::farm::OpenFarm;
use crate::fingerprint::{Fingerprint, fingerprint};
use crate::sealed::read_records;
use crate::store::Store;

/// Where the cost of a usage line or a volume comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CostOrigin {
    /// It came with the record.
    Sent,
    /// The rate card made it.
    Priced,
    /// It is a share of a bill.
    Share,
}

/// A record as it is stored now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredRecord {
    /// The record.
    pub record: Record<LineCost>,
    /// Where the cost of each line, or of the volume, comes from. `None` when that cannot be told, for a record with more
    /// than twelve lines of which some came with a cost.
    pub origins: Option<Vec<CostOrigin>>,
    /// Set when the worker's cost is a share of a bill.
    pub share: Option<StoredShare>,
    /// Of what its source sent, see [`fingerprint`](crate::fingerprint()).
    pub fingerprint: Fingerprint,
}

/// A stored record with another cost. Its source has told nothing new: revision and fingerprint are those that are stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Amended {
    /// The record, ended, with the costs that it is to have.
    pub record: Record<LineCost>,
    /// Of what its source sent.
    pub fingerprint: Fingerprint,
    /// Set when the worker's cost is a share of a bill.
    pub share: Option<StoredShare>,
}

impl From<Amended> for PricedSubmission {
    fn from(amended: Amended) -> Self {
        let Amended { record, fingerprint, share } = amended;
        let amendment = Some(Amendment { share });
        Self { record, fingerprint, names: RecordNames::default(), amendment }
    }
}

/// Most lines of a record with given and priced costs of which it is found out which is which: every selection is tried.
const MIXED_LINES_MAX: usize = 12;

impl StoredRecord {
    fn new(put: Put) -> Self {
        let Put { record, fingerprint, share } = put;
        let before = before_share(&record, share);
        let given = given_lines(&before, fingerprint.short());
        let origins = given.map(|given| {
            let share_line = share.and_then(|_| compute_line(&record));
            let origin = |(index, given): (usize, bool)| {
                if share_line == Some(index) {
                    CostOrigin::Share
                } else if given {
                    CostOrigin::Sent
                } else {
                    CostOrigin::Priced
                }
            };
            given.into_iter().enumerate().map(origin).collect()
        });
        Self { record, origins, share, fingerprint }
    }

    /// Whether the rate card priced any of its lines.
    pub fn is_priced(&self) -> bool {
        self.origins.as_ref().is_some_and(|origins| origins.contains(&CostOrigin::Priced))
    }

    /// The record without the costs that the rate card made.
    pub fn unpriced(&self) -> Option<Record<Option<NanoUsd>>> {
        let origins = self.origins.as_ref()?;
        Some(self.record.with_costs(|index, cost| match (origins.get(index), cost) {
            (Some(CostOrigin::Sent | CostOrigin::Share), LineCost::Total(cost)) => Some(cost),
            _ => None,
        }))
    }

    /// What stores other costs in the place of those that are stored, if nobody changed the record meanwhile.
    pub fn with_costs_of(&self, record: Record<LineCost>) -> Amended {
        self.amended(record, self.share)
    }

    /// What makes a share of a bill the cost of the worker, and leaves the licences as they are; `None` when it is that
    /// already, or there is no worker's line.
    pub fn with_share(&self, cost: NanoUsd) -> Option<Amended> {
        let line = compute_line(&self.record)?;
        let Record::Session(session) = &self.record else { return None };
        let LineCost::Total(before) = session.usage.as_slice().get(line)?.cost else { return None };
        if self.share.is_some() && before == cost {
            return None;
        }
        let sent = match self.origins.as_ref().and_then(|origins| origins.get(line)) {
            Some(CostOrigin::Sent) => Some(before),
            // Where it cannot be told, what is stored is kept, and nothing is known less than before.
            None => self.share.map_or(Some(before), |share| share.sent),
            Some(CostOrigin::Priced) => None,
            Some(CostOrigin::Share) => self.share.and_then(|share| share.sent),
        };
        let with_share = |index, cost_before| if index == line { LineCost::Total(cost) } else { cost_before };
        Some(self.amended(self.record.with_costs(with_share), Some(StoredShare { sent })))
    }

    fn amended(&self, record: Record<LineCost>, share: Option<StoredShare>) -> Amended {
        Amended { record, fingerprint: self.fingerprint, share }
    }
}

/// The line of a session's worker.
fn compute_line<C>(record: &Record<C>) -> Option<usize> {
    match record {
        Record::Session(session) => {
            session.usage.as_slice().iter().position(|line| line.usage == Usage::Compute)
        }
        Record::Volume(_) => None,
    }
}

/// The record with the cost that its worker was sent with, in the place of a share.
fn before_share(record: &Record<LineCost>, share: Option<StoredShare>) -> Cow<'_, Record<LineCost>> {
    let Some(StoredShare { sent: Some(sent) }) = share else { return Cow::Borrowed(record) };
    let line = compute_line(record);
    let with_sent = |index, cost| if Some(index) == line { LineCost::Total(sent) } else { cost };
    Cow::Owned(record.with_costs(with_sent))
}

/// The record as it was sent, if these of its costs came with it.
pub fn as_submitted(record: &Record<LineCost>, given: &[bool]) -> Record<Option<NanoUsd>> {
    record.with_costs(|index, cost| match cost {
        LineCost::Total(cost) if given.get(index) == Some(&true) => Some(cost),
        LineCost::Total(_) | LineCost::PerHour(_) => None,
    })
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
        book.for_each_unsealed(&reading, book.manifest.base(), |_, put| visit(StoredRecord::new(put)))?;
        let in_time = book
            .manifest
            .segments()
            .filter(|segment| segment.start_min_ms < until_ms && from_ms <= segment.end_max_ms);
        for segment in in_time {
            read_records(&self.files, segment, |sealed| {
                if book.manifest.is_live(segment.number, sealed.row) {
                    visit(StoredRecord::new(sealed.into_put()));
                }
                Ok(())
            })?;
        }
        Ok(())
    }

    fn record(&self, database: &Database, id: RecordId) -> Result<Option<StoredRecord>, StoreError> {
        let book = self.book()?;
        let reading = Reading { database, files: &self.files };
        Ok(book.live_put(&reading, id)?.map(StoredRecord::new))
    }
}

#[cfg(test)]
mod tests {
    use farmtally_model::{
        FleetId, JobId, JobName, LicenseProduct, QueueId, Session, SessionId, Span, Timestamp, UsageLine,
        UsageLines, UserId,
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
