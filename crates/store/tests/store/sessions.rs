//! Records for the tests, and what a store holds as something that can be compared.

use std::path::Path;

use farmtally_columns::{BlockView, FarmSnapshot};
use farmtally_model::{
    DisplayName, FarmId, FleetId, InstanceType, JobId, JobName, LicenseProduct, LineCost, NanoUsd, QueueId,
    Record, RecordId, RecordNames, Session, SessionId, Span, Timestamp, Usage, UsageLine, UsageLines, UserId,
    Volume, VolumeId,
};
use farmtally_store::{NewFarm, PricedSubmission, Store, fingerprint};
use rusqlite::{Connection, OpenFlags};

pub(crate) const NOW: i64 = 1_764_000_000_000;

pub(crate) fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis).unwrap()
}

pub(crate) fn farm(number: u8) -> FarmId {
    FarmId::from_bytes([number; 16])
}

pub(crate) fn bytes(number: u32) -> [u8; 16] {
    let mut bytes = [0; 16];
    bytes[12..].copy_from_slice(&number.to_be_bytes());
    bytes
}

pub(crate) fn session_id(number: u32) -> RecordId {
    RecordId::Session(SessionId::from_bytes(bytes(number)))
}

/// Opens a folder with farm 1 in it.
pub(crate) fn open(dir: &Path) -> Store {
    let store = Store::open(dir).unwrap();
    create_farm(&store, farm(1));
    store
}

/// Opens the catalogue of a folder that a store has made in this process, for changing it behind that store's back: what is
/// written gets the checksums of its pages, so that something else has to find it out.
pub(crate) fn catalogue(dir: &Path) -> Connection {
    Connection::open_with_flags_and_vfs(dir.join("catalogue.sqlite"), OpenFlags::default(), c"farmtally")
        .unwrap()
}

pub(crate) fn create_farm(store: &Store, farm_id: FarmId) {
    let new = NewFarm {
        farm_id,
        display_name: DisplayName::new("feature film").unwrap(),
        created_by: "maria".to_owned(),
    };
    store.catalogue().create_farm(&new, at(NOW)).unwrap();
}

/// A session as a test describes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Facts {
    pub(crate) number: u32,
    pub(crate) queue: u8,
    pub(crate) start: i64,
    pub(crate) end: Option<i64>,
    pub(crate) cost: u64,
    pub(crate) revision: u32,
    pub(crate) is_volume: bool,
}

/// An ended session that costs `number` nano-dollars.
pub(crate) fn ended(number: u32) -> Facts {
    let cost = u64::from(number);
    Facts { number, queue: 1, start: 1000, end: Some(2000), cost, revision: 0, is_volume: false }
}

impl Facts {
    pub(crate) fn id(self) -> RecordId {
        if self.is_volume {
            RecordId::Volume(VolumeId::from_bytes(bytes(self.number)))
        } else {
            session_id(self.number)
        }
    }

    fn record<C: Clone>(self, cost: impl Fn(u64) -> C) -> Record<C> {
        let span = Span::new(at(self.start), self.end.map(at)).unwrap();
        let fleet_id = FleetId::from_bytes([self.queue / 2; 16]);
        if self.is_volume {
            return Record::Volume(Volume {
                volume_id: VolumeId::from_bytes(bytes(self.number)),
                fleet_id,
                span,
                revision: self.revision,
                cost: cost(self.cost),
            });
        }
        let product = LicenseProduct::new("arnold").unwrap();
        let lines = vec![
            UsageLine { usage: Usage::Compute, cost: cost(self.cost) },
            UsageLine { usage: Usage::License { product, quantity: 2 }, cost: cost(self.cost / 2) },
        ];
        Record::Session(Session {
            session_id: SessionId::from_bytes(bytes(self.number)),
            queue_id: QueueId::from_bytes([self.queue; 16]),
            fleet_id,
            job_id: JobId::from_bytes([self.queue; 16]),
            job_name: JobName::new(&format!("sh{:03}", self.queue)).unwrap(),
            user_id: UserId::new(&format!("user {}", self.queue % 3)).unwrap(),
            worker_id: None,
            instance_type: self.number.is_multiple_of(2).then(|| InstanceType::new("c6i.8xlarge").unwrap()),
            outcome: None,
            span,
            revision: self.revision,
            usage: UsageLines::new(lines).unwrap(),
        })
    }

    pub(crate) fn submission(self) -> PricedSubmission {
        let submitted = self.record(|nanos| Some(NanoUsd::from_nanos(nanos).unwrap()));
        PricedSubmission {
            fingerprint: fingerprint(&submitted),
            record: self.record(|nanos| LineCost::Total(NanoUsd::from_nanos(nanos).unwrap())),
            names: RecordNames::default(),
            amendment: None,
        }
    }

    /// The same without costs of its own: a rate card gave them.
    pub(crate) fn priced(self) -> PricedSubmission {
        PricedSubmission { fingerprint: fingerprint(&self.record(|_| None)), ..self.submission() }
    }

    /// What the engine can see of the record.
    pub(crate) fn row(self) -> Row {
        let (start, end) = (self.start, self.end.unwrap_or(FAR));
        let place = if self.is_volume { self.queue / 2 } else { self.queue };
        Row { is_volume: self.is_volume, place, start, end, cost: self.cost }
    }
}

pub(crate) fn submissions(facts: &[Facts]) -> Vec<PricedSubmission> {
    facts.iter().map(|facts| facts.submission()).collect()
}

/// An instant after all others, at which running sessions are looked at.
const FAR: i64 = 30_000_000_000_000;

/// A record as the engine sees it: volumes by their fleet, sessions by their queue.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Row {
    is_volume: bool,
    place: u8,
    start: i64,
    end: i64,
    cost: u64,
}

/// Everything in a snapshot, sorted.
pub(crate) fn rows(snapshot: &FarmSnapshot) -> Vec<Row> {
    let running = snapshot.running_at(FAR, |_, _| true).unwrap();
    let mut rows = Vec::new();
    for row in snapshot.blocks().iter().chain(&running).flat_map(BlockView::live_rows) {
        let cost = row.compute_nanos.unwrap();
        assert_eq!(row.license_nanos(), cost / 2);
        rows.push(Row {
            is_volume: false,
            place: snapshot.queues().get(row.queue).bytes()[0],
            start: row.start_ms,
            end: row.end_ms,
            cost,
        });
    }
    for volume in snapshot.volumes() {
        let span = volume.span_at(FAR).unwrap().unwrap();
        rows.push(Row {
            is_volume: true,
            place: snapshot.fleets().get(volume.fleet).bytes()[0],
            start: span.start_ms,
            end: span.end_ms,
            cost: span.cost_nanos,
        });
    }
    rows.sort();
    rows
}

/// Everything that a store holds of farm 1.
pub(crate) fn stored_rows(store: &Store) -> Vec<Row> {
    let snapshot = store.snapshot(farm(1)).unwrap();
    assert_eq!(store.record_count(farm(1)).unwrap(), snapshot.session_count() + snapshot.volume_count());
    rows(&snapshot)
}

pub(crate) fn sorted_rows(facts: impl IntoIterator<Item = Facts>) -> Vec<Row> {
    let mut rows: Vec<Row> = facts.into_iter().map(Facts::row).collect();
    rows.sort();
    rows
}
