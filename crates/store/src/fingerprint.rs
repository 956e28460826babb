//! What a record said when it was submitted, in 16 bytes.
//!
//! Two submissions with the same fingerprint say the same thing, so one of them is enough. The layout that is hashed is
//! in `docs/format.md` and never changes: stored fingerprints are compared with those of records that are yet to come.

use std::fmt;

use farmtally_model::{LineCost, NanoUsd, Record, Session, Span, Usage, UsageLine, Volume};
use xxhash_rust::xxh3::xxh3_128;

/// The fingerprint of a submitted record.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint([u8; 16]);

impl Fingerprint {
    /// The fingerprint with these bytes.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// Its bytes.
    pub const fn bytes(self) -> [u8; 16] {
        self.0
    }

    /// Its first 48 bits, which are what records with the same id are told apart by.
    pub(crate) const fn short(self) -> u64 {
        (u128::from_be_bytes(self.0) >> 80) as u64
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", u128::from_be_bytes(self.0))
    }
}

/// The fingerprint of a record as it was submitted: before pricing, and without its revision.
pub fn fingerprint(record: &Record<Option<NanoUsd>>) -> Fingerprint {
    digest(record, &|cost| *cost)
}

/// How the costs of a stored record came in, as far as its fingerprint tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Submitted {
    /// All of them were given.
    WithCosts,
    /// None was given: the rate card priced all lines.
    WithoutCosts,
    /// Some were given, or the record says another thing than it did when it came in.
    Otherwise,
}

/// How a stored record with this fingerprint was submitted.
pub(crate) fn submitted_as(record: &Record<LineCost>, fingerprint: Fingerprint) -> Submitted {
    let ways = [Submitted::WithCosts, Submitted::WithoutCosts];
    let way = ways.into_iter().find(|way| fingerprint_as(record, *way) == fingerprint);
    way.unwrap_or(Submitted::Otherwise)
}

/// The fingerprint that a stored record had if it was submitted in this way.
pub(crate) fn fingerprint_as(record: &Record<LineCost>, submitted: Submitted) -> Fingerprint {
    digest(record, &|cost| match cost {
        LineCost::Total(total) if submitted == Submitted::WithCosts => Some(*total),
        _ => None,
    })
}

fn digest<C>(record: &Record<C>, given: &dyn Fn(&C) -> Option<NanoUsd>) -> Fingerprint {
    let mut content = Content { bytes: Vec::with_capacity(CONTENT_BYTES), given };
    match record {
        Record::Session(session) => content.session(session),
        Record::Volume(volume) => content.volume(volume),
    }
    Fingerprint(xxh3_128(&content.bytes).to_be_bytes())
}

/// Room for the content of nearly every record.
const CONTENT_BYTES: usize = 384;

struct Content<'a, C> {
    bytes: Vec<u8>,
    given: &'a dyn Fn(&C) -> Option<NanoUsd>,
}

impl<C> Content<'_, C> {
    fn session(&mut self, session: &Session<C>) {
        self.bytes(b"S");
        self.bytes(&session.session_id.bytes());
        self.bytes(&session.queue_id.bytes());
        self.bytes(&session.fleet_id.bytes());
        self.bytes(&session.job_id.bytes());
        self.text(session.job_name.as_str());
        self.text(session.user_id.as_str());
        self.option(session.worker_id, |content, worker| content.bytes(&worker.bytes()));
        self.option(session.instance_type.as_ref(), |content, kind| content.text(kind.as_str()));
        self.option(session.outcome, |content, outcome| content.text(outcome.as_str()));
        self.span(session.span);
        self.lines(session.usage.as_slice());
    }

    fn volume(&mut self, volume: &Volume<C>) {
        self.bytes(b"V");
        self.bytes(&volume.volume_id.bytes());
        self.bytes(&volume.fleet_id.bytes());
        self.span(volume.span);
        self.cost(&volume.cost);
    }

    /// Lines in an order of their own, because the order in which a source names its licences says nothing.
    fn lines(&mut self, lines: &[UsageLine<C>]) {
        self.bytes(&(lines.len() as u64).to_le_bytes());
        if let [line] = lines {
            return self.line(line);
        }
        let mut lines: Vec<_> = lines.iter().collect();
        lines.sort_by_key(|line| match &line.usage {
            Usage::Compute => None,
            Usage::License { product, .. } => Some(product.as_str()),
        });
        for line in lines {
            self.line(line);
        }
    }

    fn line(&mut self, line: &UsageLine<C>) {
        match &line.usage {
            Usage::Compute => self.bytes(b"C"),
            Usage::License { product, quantity } => {
                self.bytes(b"L");
                self.text(product.as_str());
                self.bytes(&quantity.to_le_bytes());
            }
        }
        self.cost(&line.cost);
    }

    fn span(&mut self, span: Span) {
        self.bytes(&span.started_at().millis().to_le_bytes());
        self.option(span.ended_at(), |content, end| content.bytes(&end.millis().to_le_bytes()));
    }

    fn cost(&mut self, cost: &C) {
        self.option((self.given)(cost), |content, cost| content.bytes(&cost.nanos().to_le_bytes()));
    }

    fn option<T>(&mut self, value: Option<T>, write: impl FnOnce(&mut Self, T)) {
        match value {
            None => self.bytes(&[0]),
            Some(value) => {
                self.bytes(&[1]);
                write(self, value);
            }
        }
    }

    fn text(&mut self, text: &str) {
        self.bytes(&(text.len() as u64).to_le_bytes());
        self.bytes(text.as_bytes());
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use farmtally_model::{
        FleetId, InstanceType, JobId, JobName, LicenseProduct, Outcome, QueueId, SessionId, Timestamp,
        UsageLines, UserId, VolumeId, WorkerId,
    };

    type Submitted = Session<Option<NanoUsd>>;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis).unwrap()
    }

    fn line(product: Option<&str>, nanos: Option<u64>) -> UsageLine<Option<NanoUsd>> {
        let usage = match product {
            None => Usage::Compute,
            Some(product) => Usage::License { product: LicenseProduct::new(product).unwrap(), quantity: 1 },
        };
        UsageLine { usage, cost: nanos.map(|nanos| NanoUsd::from_nanos(nanos).unwrap()) }
    }

    fn session() -> Submitted {
        Session {
            session_id: SessionId::from_bytes([1; 16]),
            queue_id: QueueId::from_bytes([2; 16]),
            fleet_id: FleetId::from_bytes([3; 16]),
            job_id: JobId::from_bytes([4; 16]),
            job_name: JobName::new("sh010 comp").unwrap(),
            user_id: UserId::new("alice").unwrap(),
            worker_id: Some(WorkerId::from_bytes([5; 16])),
            instance_type: Some(InstanceType::new("c6i.8xlarge").unwrap()),
            outcome: Some(Outcome::Succeeded),
            span: Span::new(at(1000), Some(at(2000))).unwrap(),
            revision: 0,
            usage: UsageLines::new(vec![line(None, Some(7)), line(Some("arnold"), None)]).unwrap(),
        }
    }

    fn of(session: Submitted) -> Fingerprint {
        fingerprint(&Record::Session(session))
    }

    /// If this fails, records that are stored already will not be recognised when they are sent again.
    #[test]
    fn fingerprints_are_the_same_for_ever() {
        let volume = Volume {
            volume_id: VolumeId::from_bytes([1; 16]),
            fleet_id: FleetId::from_bytes([3; 16]),
            span: Span::new(at(1000), None).unwrap(),
            revision: 0,
            cost: None,
        };
        assert_eq!(format!("{:?}", of(session())), "413bd24ec8397a98db069e1ac96e6dd5");
        assert_eq!(format!("{:?}", fingerprint(&Record::Volume(volume))), "e540d7071796b750ea62ac57742929f0");
    }

    #[test]
    fn the_layout_is_the_documented_one() {
        let mut bytes = vec![b'S'];
        (1..=4).for_each(|id| bytes.extend([id; 16]));
        bytes.extend(b"\x0a\0\0\0\0\0\0\0sh010 comp\x05\0\0\0\0\0\0\0alice");
        bytes.push(1);
        bytes.extend([5; 16]);
        bytes.extend(b"\x01\x0b\0\0\0\0\0\0\0c6i.8xlarge\x01\x09\0\0\0\0\0\0\0SUCCEEDED");
        bytes.extend(b"\xe8\x03\0\0\0\0\0\0\x01\xd0\x07\0\0\0\0\0\0");
        bytes.extend(b"\x02\0\0\0\0\0\0\0C\x01\x07\0\0\0\0\0\0\0");
        bytes.extend(b"L\x06\0\0\0\0\0\0\0arnold\x01\0\0\0\0");
        let expected = xxh3_128(&bytes);
        assert_eq!(of(session()).bytes(), expected.to_be_bytes());
    }

    #[test]
    fn revision_and_order_of_the_lines_do_not_matter() {
        assert_eq!(of(Session { revision: 9, ..session() }), of(session()));
        let usage = UsageLines::new(vec![line(Some("arnold"), None), line(None, Some(7))]).unwrap();
        assert_eq!(of(Session { usage, ..session() }), of(session()));
    }

    #[test]
    fn every_member_matters() {
        let usage = |lines: &[(Option<&str>, Option<u64>)]| {
            UsageLines::new(lines.iter().map(|(product, nanos)| line(*product, *nanos)).collect()).unwrap()
        };
        let changed = [
            session(),
            Session { session_id: SessionId::from_bytes([9; 16]), ..session() },
            Session { queue_id: QueueId::from_bytes([9; 16]), ..session() },
            Session { fleet_id: FleetId::from_bytes([9; 16]), ..session() },
            Session { job_id: JobId::from_bytes([9; 16]), ..session() },
            Session { job_name: JobName::new("sh010 compa").unwrap(), ..session() },
            Session { user_id: UserId::new("lice").unwrap(), ..session() },
            Session { worker_id: None, ..session() },
            Session { instance_type: None, ..session() },
            Session { outcome: Some(Outcome::Failed), ..session() },
            Session { span: Span::new(at(1000), None).unwrap(), ..session() },
            Session { span: Span::new(at(999), Some(at(2000))).unwrap(), ..session() },
            Session { usage: usage(&[(None, Some(8)), (Some("arnold"), None)]), ..session() },
            Session { usage: usage(&[(None, Some(7)), (Some("arnold"), Some(0))]), ..session() },
            Session { usage: usage(&[(None, Some(7)), (Some("nuke"), None)]), ..session() },
            Session { usage: usage(&[(None, Some(7))]), ..session() },
        ];
        let prints: std::collections::HashSet<_> = changed.iter().cloned().map(of).collect();
        assert_eq!(prints.len(), changed.len());
    }
}
