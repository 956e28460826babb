//! The payload of a batch: what is stored, in a form of its own that changes only by a new version.
//!
//! These structs are the format, described in `docs/format.md`: the order of their fields and variants must never change.
//! What is read back goes through the model's constructors again, so that no record exists that breaks their rules.

use std::io::{self, BufWriter, Write};

use farmtally_model::{
    FleetId, HourlyRate, InstanceType, JobId, JobName, LicenseProduct, LineCost, NanoUsd, Outcome, QueueId,
    Record, RecordId, Session, SessionId, Span, Timestamp, Usage, UsageLine, UsageLines, UserId, Volume,
    VolumeId, WorkerId,
};
use serde::{Deserialize, Serialize};

use crate::error::StoreError;
use crate::fingerprint::Fingerprint;

/// A record as it is stored, with the fingerprint of its submission.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Put {
    pub(crate) record: Record<LineCost>,
    pub(crate) fingerprint: Fingerprint,
    /// Of a session whose worker costs a share of a bill.
    pub(crate) share: Option<StoredShare>,
}

/// A share of a bill, in the place of what a session's worker cost before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoredShare {
    /// What the source said that the worker cost; `None` when it left that to the rate card.
    pub sent: Option<NanoUsd>,
}

/// One thing that a batch says about one id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Entry {
    /// This is stored under the id.
    Put(Put),
    /// Nothing is stored under the id any more.
    Delete { id: RecordId, revision: u32 },
}

impl Entry {
    /// The record that it stores, if it stores one.
    pub(crate) fn record(&self) -> Option<&Record<LineCost>> {
        match self {
            Self::Put(put) => Some(&put.record),
            Self::Delete { .. } => None,
        }
    }

    pub(crate) fn id(&self) -> RecordId {
        match self {
            Self::Put(put) => put.record.id(),
            Self::Delete { id, .. } => *id,
        }
    }
}

/// Why bytes are not what this program could have written.
#[derive(Debug)]
pub(crate) struct Malformed(String);

impl<E: std::error::Error> From<E> for Malformed {
    fn from(error: E) -> Self {
        Self(error.to_string())
    }
}

impl Malformed {
    pub(crate) fn new(reason: &str) -> Self {
        Self(reason.to_owned())
    }

    pub(crate) fn reason(self) -> String {
        self.0
    }
}

/// zstd's fastest regular level: ids hardly compress, and a batch is written once and read at every start.
const COMPRESSION_LEVEL: i32 = 1;

/// Serialises and compresses a versioned form.
pub(crate) fn pack(form: &impl Serialize) -> Result<Vec<u8>, StoreError> {
    let refused = |cause: String| StoreError::Database { cause };
    let bytes = postcard::to_stdvec(form).map_err(|error| refused(error.to_string()))?;
    zstd::bulk::compress(&bytes, COMPRESSION_LEVEL).map_err(|error| refused(error.to_string()))
}

/// [`pack`] for what is too large to be encoded as a whole.
pub(crate) fn pack_to(form: &impl Serialize, output: impl Write) -> Result<(), StoreError> {
    let refused = |cause: String| StoreError::Database { cause };
    let write = || {
        let compressed = zstd::stream::Encoder::new(output, COMPRESSION_LEVEL)?;
        // The encoder takes long for a few bytes, and an answer is made of such.
        let buffered = BufWriter::with_capacity(1 << 16, compressed);
        let buffered = postcard::to_io(form, buffered).map_err(io::Error::other)?;
        buffered.into_inner().map_err(io::IntoInnerError::into_error)?.finish().map(drop)
    };
    write().map_err(|error: io::Error| refused(error.to_string()))
}

/// Undoes the compression of [`pack`]; the form borrows from the result.
pub(crate) fn unpack(payload: &[u8]) -> Result<Vec<u8>, Malformed> {
    Ok(zstd::stream::decode_all(payload)?)
}

/// The payload that stores these records.
pub(crate) fn encode_puts(puts: &[Put]) -> Result<Vec<u8>, StoreError> {
    pack(&StoredBatch::V1(puts.iter().map(StoredEntry::put).collect()))
}

/// The payload that deletes one record.
pub(crate) fn encode_delete(id: RecordId, revision: u32) -> Result<Vec<u8>, StoreError> {
    let tombstone = StoredTombstone { id: StoredId::from(id), revision };
    pack(&StoredBatch::V1(vec![StoredEntry::Tombstone(tombstone)]))
}

/// The payload that says these things, records and deletions alike.
pub(crate) fn encode_entries(entries: &[Entry]) -> Result<Vec<u8>, StoreError> {
    let stored = entries.iter().map(|entry| match entry {
        Entry::Put(put) => StoredEntry::put(put),
        Entry::Delete { id, revision } => {
            StoredEntry::Tombstone(StoredTombstone { id: StoredId::from(*id), revision: *revision })
        }
    });
    pack(&StoredBatch::V1(stored.collect()))
}

/// One record by itself, without its fingerprint.
pub(crate) fn encode_record(record: &Record<LineCost>) -> Result<Vec<u8>, StoreError> {
    let put = Put { record: record.clone(), fingerprint: Fingerprint::from_bytes([0; 16]), share: None };
    encode_puts(std::slice::from_ref(&put))
}

/// Undoes [`encode_record`].
pub(crate) fn decode_record(payload: &[u8]) -> Result<Record<LineCost>, Malformed> {
    match decode(payload)?.pop() {
        Some(Entry::Put(put)) => Ok(put.record),
        _ => Err(Malformed::new("there is no record in it")),
    }
}

/// The entries of a payload.
pub(crate) fn decode(payload: &[u8]) -> Result<Vec<Entry>, Malformed> {
    let bytes = unpack(payload)?;
    let StoredBatch::V1(entries) = postcard::from_bytes(&bytes)?;
    entries.into_iter().map(StoredEntry::into_entry).collect()
}

/// Those of the entries of a payload that are wanted by what they are about, with their places, and how many there are in
/// all. The others are not made.
pub(crate) fn decode_wanted(
    payload: &[u8],
    wanted: impl Fn(u32, Option<SessionOf>) -> bool,
) -> Result<(Vec<(u32, Entry)>, usize), Malformed> {
    let bytes = unpack(payload)?;
    let StoredBatch::V1(entries) = postcard::from_bytes(&bytes)?;
    let count = entries.len();
    let entries = (0..).zip(entries).filter(|(place, entry)| wanted(*place, entry.session_of()));
    let entries = entries.map(|(place, entry)| Ok::<_, Malformed>((place, entry.into_entry()?)));
    Ok((entries.collect::<Result<_, _>>()?, count))
}

/// Whose a stored session is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SessionOf {
    pub(crate) job: (QueueId, JobId),
    pub(crate) worker: (FleetId, Option<WorkerId>),
}

#[derive(Serialize, Deserialize)]
enum StoredBatch<'a> {
    #[serde(borrow)]
    V1(Vec<StoredEntry<'a>>),
}

#[derive(Serialize, Deserialize)]
enum StoredEntry<'a> {
    #[serde(borrow)]
    Session(StoredSession<'a>),
    Volume(StoredVolume),
    Tombstone(StoredTombstone),
    /// Since version 6.
    Shared(StoredWithShare<'a>),
}

#[derive(Serialize, Deserialize)]
struct StoredWithShare<'a> {
    #[serde(borrow)]
    session: StoredSession<'a>,
    sent_nanos: Option<u64>,
}

#[derive(Serialize, Deserialize)]
struct StoredSession<'a> {
    session_id: [u8; 16],
    queue_id: [u8; 16],
    fleet_id: [u8; 16],
    job_id: [u8; 16],
    job_name: &'a str,
    user_id: &'a str,
    worker_id: Option<[u8; 16]>,
    instance_type: Option<&'a str>,
    outcome: Option<StoredOutcome>,
    span: StoredSpan,
    revision: u32,
    usage: Vec<StoredLine<'a>>,
    fingerprint: [u8; 16],
}

#[derive(Serialize, Deserialize)]
struct StoredVolume {
    volume_id: [u8; 16],
    fleet_id: [u8; 16],
    span: StoredSpan,
    revision: u32,
    cost: StoredCost,
    fingerprint: [u8; 16],
}

#[derive(Serialize, Deserialize)]
struct StoredTombstone {
    id: StoredId,
    revision: u32,
}

#[derive(Serialize, Deserialize)]
enum StoredId {
    Session([u8; 16]),
    Volume([u8; 16]),
}

#[derive(Serialize, Deserialize)]
struct StoredSpan {
    started_at_ms: i64,
    ended_at_ms: Option<i64>,
}

#[derive(Serialize, Deserialize)]
enum StoredOutcome {
    Succeeded,
    Failed,
    Canceled,
    Retried,
    Preempted,
}

#[derive(Serialize, Deserialize)]
struct StoredLine<'a> {
    #[serde(borrow)]
    usage: StoredUsage<'a>,
    cost: StoredCost,
}

#[derive(Serialize, Deserialize)]
enum StoredUsage<'a> {
    Compute,
    License { product: &'a str, quantity: u32 },
}

#[derive(Serialize, Deserialize)]
enum StoredCost {
    TotalNanos(u64),
    NanosPerHour(u64),
}

impl<'a> StoredEntry<'a> {
    fn put(put: &'a Put) -> Self {
        match (&put.record, put.share) {
            (Record::Session(session), None) => Self::Session(StoredSession::new(session, put.fingerprint)),
            (Record::Session(session), Some(share)) => Self::Shared(StoredWithShare {
                session: StoredSession::new(session, put.fingerprint),
                sent_nanos: share.sent.map(NanoUsd::nanos),
            }),
            (Record::Volume(volume), _) => Self::Volume(StoredVolume::new(volume, put.fingerprint)),
        }
    }

    /// Whose session it stores, if it stores one.
    fn session_of(&self) -> Option<SessionOf> {
        match self {
            Self::Session(session) | Self::Shared(StoredWithShare { session, .. }) => Some(SessionOf {
                job: (QueueId::from_bytes(session.queue_id), JobId::from_bytes(session.job_id)),
                worker: (FleetId::from_bytes(session.fleet_id), session.worker_id.map(WorkerId::from_bytes)),
            }),
            Self::Volume(_) | Self::Tombstone(_) => None,
        }
    }

    fn into_entry(self) -> Result<Entry, Malformed> {
        match self {
            Self::Session(stored) => stored.into_put().map(Entry::Put),
            Self::Volume(stored) => stored.into_put().map(Entry::Put),
            Self::Shared(StoredWithShare { session, sent_nanos }) => {
                let share = StoredShare { sent: sent_nanos.map(NanoUsd::from_nanos).transpose()? };
                Ok(Entry::Put(Put { share: Some(share), ..session.into_put()? }))
            }
            Self::Tombstone(stored) => {
                Ok(Entry::Delete { id: stored.id.into_record_id(), revision: stored.revision })
            }
        }
    }
}

impl<'a> StoredSession<'a> {
    fn new(session: &'a Session<LineCost>, fingerprint: Fingerprint) -> Self {
        Self {
            session_id: session.session_id.bytes(),
            queue_id: session.queue_id.bytes(),
            fleet_id: session.fleet_id.bytes(),
            job_id: session.job_id.bytes(),
            job_name: session.job_name.as_str(),
            user_id: session.user_id.as_str(),
            worker_id: session.worker_id.map(WorkerId::bytes),
            instance_type: session.instance_type.as_ref().map(InstanceType::as_str),
            outcome: session.outcome.map(StoredOutcome::from),
            span: session.span.into(),
            revision: session.revision,
            usage: session.usage.as_slice().iter().map(StoredLine::new).collect(),
            fingerprint: fingerprint.bytes(),
        }
    }

    fn into_put(self) -> Result<Put, Malformed> {
        let lines = self.usage.into_iter().map(StoredLine::into_line).collect::<Result<_, _>>()?;
        let session = Session {
            session_id: SessionId::from_bytes(self.session_id),
            queue_id: QueueId::from_bytes(self.queue_id),
            fleet_id: FleetId::from_bytes(self.fleet_id),
            job_id: JobId::from_bytes(self.job_id),
            job_name: JobName::new(self.job_name)?,
            user_id: UserId::new(self.user_id)?,
            worker_id: self.worker_id.map(WorkerId::from_bytes),
            instance_type: self.instance_type.map(InstanceType::new).transpose()?,
            outcome: self.outcome.map(Outcome::from),
            span: self.span.into_span()?,
            revision: self.revision,
            usage: UsageLines::new(lines)?,
        };
        session.usage.check_total()?;
        let fingerprint = Fingerprint::from_bytes(self.fingerprint);
        Ok(Put { record: Record::Session(session), fingerprint, share: None })
    }
}

impl StoredVolume {
    fn new(volume: &Volume<LineCost>, fingerprint: Fingerprint) -> Self {
        Self {
            volume_id: volume.volume_id.bytes(),
            fleet_id: volume.fleet_id.bytes(),
            span: volume.span.into(),
            revision: volume.revision,
            cost: volume.cost.into(),
            fingerprint: fingerprint.bytes(),
        }
    }

    fn into_put(self) -> Result<Put, Malformed> {
        let volume = Volume {
            volume_id: VolumeId::from_bytes(self.volume_id),
            fleet_id: FleetId::from_bytes(self.fleet_id),
            span: self.span.into_span()?,
            revision: self.revision,
            cost: self.cost.into_line_cost()?,
        };
        let fingerprint = Fingerprint::from_bytes(self.fingerprint);
        Ok(Put { record: Record::Volume(volume), fingerprint, share: None })
    }
}

impl From<RecordId> for StoredId {
    fn from(id: RecordId) -> Self {
        match id {
            RecordId::Session(id) => Self::Session(id.bytes()),
            RecordId::Volume(id) => Self::Volume(id.bytes()),
        }
    }
}

impl StoredId {
    fn into_record_id(self) -> RecordId {
        match self {
            Self::Session(bytes) => RecordId::Session(SessionId::from_bytes(bytes)),
            Self::Volume(bytes) => RecordId::Volume(VolumeId::from_bytes(bytes)),
        }
    }
}

impl From<Span> for StoredSpan {
    fn from(span: Span) -> Self {
        Self {
            started_at_ms: span.started_at().millis(),
            ended_at_ms: span.ended_at().map(Timestamp::millis),
        }
    }
}

impl StoredSpan {
    fn into_span(self) -> Result<Span, Malformed> {
        let ended_at = self.ended_at_ms.map(Timestamp::from_millis).transpose()?;
        Ok(Span::new(Timestamp::from_millis(self.started_at_ms)?, ended_at)?)
    }
}

impl From<Outcome> for StoredOutcome {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Succeeded => Self::Succeeded,
            Outcome::Failed => Self::Failed,
            Outcome::Canceled => Self::Canceled,
            Outcome::Retried => Self::Retried,
            Outcome::Preempted => Self::Preempted,
        }
    }
}

impl From<StoredOutcome> for Outcome {
    fn from(outcome: StoredOutcome) -> Self {
        match outcome {
            StoredOutcome::Succeeded => Self::Succeeded,
            StoredOutcome::Failed => Self::Failed,
            StoredOutcome::Canceled => Self::Canceled,
            StoredOutcome::Retried => Self::Retried,
            StoredOutcome::Preempted => Self::Preempted,
        }
    }
}

impl<'a> StoredLine<'a> {
    fn new(line: &'a UsageLine<LineCost>) -> Self {
        let usage = match &line.usage {
            Usage::Compute => StoredUsage::Compute,
            Usage::License { product, quantity } => {
                StoredUsage::License { product: product.as_str(), quantity: *quantity }
            }
        };
        Self { usage, cost: line.cost.into() }
    }

    fn into_line(self) -> Result<UsageLine<LineCost>, Malformed> {
        let usage = match self.usage {
            StoredUsage::Compute => Usage::Compute,
            StoredUsage::License { product, quantity } => {
                Usage::License { product: LicenseProduct::new(product)?, quantity }
            }
        };
        Ok(UsageLine { usage, cost: self.cost.into_line_cost()? })
    }
}

impl From<LineCost> for StoredCost {
    fn from(cost: LineCost) -> Self {
        match cost {
            LineCost::Total(total) => Self::TotalNanos(total.nanos()),
            LineCost::PerHour(rate) => Self::NanosPerHour(rate.nanos()),
        }
    }
}

impl StoredCost {
    fn into_line_cost(self) -> Result<LineCost, Malformed> {
        Ok(match self {
            Self::TotalNanos(nanos) => LineCost::Total(NanoUsd::from_nanos(nanos)?),
            Self::NanosPerHour(nanos) => LineCost::PerHour(HourlyRate::from_nanos(nanos)?),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn text(max: usize) -> impl Strategy<Value = String> {
        prop::collection::vec(any::<char>(), 1..=max).prop_map(String::from_iter)
    }

    fn span() -> impl Strategy<Value = Span> {
        let millis = 0..=Timestamp::MAX.millis();
        (millis.clone(), prop::option::of(millis)).prop_map(|(one, other)| {
            let at = Timestamp::from_millis_clamped;
            Span::new(at(one.min(other.unwrap_or(one))), other.map(|other| at(one.max(other)))).unwrap()
        })
    }

    fn cost() -> impl Strategy<Value = LineCost> {
        prop_oneof![
            (0..=NanoUsd::MAX.nanos() / 64)
                .prop_map(|nanos| LineCost::Total(NanoUsd::from_nanos(nanos).unwrap())),
            (0..=HourlyRate::MAX.nanos())
                .prop_map(|nanos| LineCost::PerHour(HourlyRate::from_nanos(nanos).unwrap())),
        ]
    }

    fn usage() -> impl Strategy<Value = UsageLines<LineCost>> {
        let licenses = prop::collection::btree_map(text(100), (any::<u32>(), cost()), 0..4);
        (cost(), licenses).prop_map(|(compute, licenses)| {
            let license = |(product, (quantity, cost)): (String, (u32, LineCost))| {
                let product = LicenseProduct::new(&product).unwrap();
                UsageLine { usage: Usage::License { product, quantity }, cost }
            };
            let compute = UsageLine { usage: Usage::Compute, cost: compute };
            let lines = licenses.into_iter().map(license).chain([compute]);
            UsageLines::new(lines.collect()).unwrap()
        })
    }

    fn session() -> impl Strategy<Value = Record<LineCost>> {
        let ids = any::<[[u8; 16]; 4]>();
        let texts = (text(512), text(60), prop::option::of(text(100)));
        let outcome = prop::option::of(prop::sample::select(&Outcome::ALL[..]));
        let rest = (prop::option::of(any::<[u8; 16]>()), span(), any::<u32>(), usage());
        (ids, texts, outcome, rest).prop_map(|(ids, texts, outcome, (worker_id, span, revision, usage))| {
            Record::Session(Session {
                session_id: SessionId::from_bytes(ids[0]),
                queue_id: QueueId::from_bytes(ids[1]),
                fleet_id: FleetId::from_bytes(ids[2]),
                job_id: JobId::from_bytes(ids[3]),
                job_name: JobName::new(&texts.0).unwrap(),
                user_id: UserId::new(&texts.1).unwrap(),
                worker_id: worker_id.map(WorkerId::from_bytes),
                instance_type: texts.2.map(|kind| InstanceType::new(&kind).unwrap()),
                outcome: outcome.map(|(_, outcome)| outcome),
                span,
                revision,
                usage,
            })
        })
    }

    fn volume() -> impl Strategy<Value = Record<LineCost>> {
        (any::<[[u8; 16]; 2]>(), span(), any::<u32>(), cost()).prop_map(|(ids, span, revision, cost)| {
            Record::Volume(Volume {
                volume_id: VolumeId::from_bytes(ids[0]),
                fleet_id: FleetId::from_bytes(ids[1]),
                span,
                revision,
                cost,
            })
        })
    }

    fn put() -> impl Strategy<Value = Put> {
        let sent = || {
            prop::option::of((0..=NanoUsd::MAX.nanos()).prop_map(|nanos| NanoUsd::from_nanos(nanos).unwrap()))
        };
        let share = prop::option::of(sent().prop_map(|sent| StoredShare { sent }));
        let record = prop_oneof![
            4 => (session(), share),
            1 => volume().prop_map(|volume| (volume, None)),
        ];
        (record, any::<[u8; 16]>()).prop_map(|((record, share), fingerprint)| Put {
            record,
            fingerprint: Fingerprint::from_bytes(fingerprint),
            share,
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn records_read_back_equal_in_every_field(puts in prop::collection::vec(put(), 0..20)) {
            let payload = encode_puts(&puts).unwrap();
            let entries: Vec<_> = puts.into_iter().map(Entry::Put).collect();
            prop_assert_eq!(decode(&payload).unwrap(), entries);
        }

        #[test]
        fn bytes_that_are_not_a_payload_are_an_error_and_never_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
            prop_assert!(decode(&bytes).is_err());
            let wrapped = zstd::bulk::compress(&bytes, COMPRESSION_LEVEL).unwrap();
            if let Ok(entries) = decode(&wrapped) {
                // A few bytes can spell an empty list or a tombstone.
                prop_assert!(entries.len() < 30);
            }
        }
    }

    #[test]
    fn a_tombstone_reads_back() {
        let id = RecordId::Volume(VolumeId::from_bytes([7; 16]));
        let payload = encode_delete(id, 3).unwrap();
        assert_eq!(decode(&payload).unwrap(), [Entry::Delete { id, revision: 3 }]);
    }

    #[test]
    fn a_record_that_breaks_the_rules_is_not_read() {
        let volume = |started_at_ms, ended_at_ms, nanos| {
            let span = StoredSpan { started_at_ms, ended_at_ms };
            let cost = StoredCost::TotalNanos(nanos);
            let stored = StoredVolume {
                volume_id: [1; 16],
                fleet_id: [2; 16],
                span,
                revision: 0,
                cost,
                fingerprint: [3; 16],
            };
            decode(&pack(&StoredBatch::V1(vec![StoredEntry::Volume(stored)])).unwrap())
        };
        assert!(volume(5, Some(6), 1).is_ok());
        assert!(volume(6, Some(5), 1).is_err(), "it ends before it starts");
        assert!(volume(-1, None, 1).is_err(), "it starts before 1970");
        assert!(volume(5, None, u64::MAX).is_err(), "it costs too much");
    }
}
