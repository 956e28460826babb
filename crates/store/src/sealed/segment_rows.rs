//! Records to rows of a segment: a row for each usage line, in the columns of the schema.

use std::fmt::Display;
use std::io::Write;

use farmtally_model::{
    DisplayName, FleetId, LineCost, QueueId, Record, Session, Span, Usage, UsageType, Volume,
};
use hashbrown::HashMap;
use parquet::errors::Result;
use parquet::file::writer::SerializedFileWriter;

use crate::encoding::Put;
use crate::fingerprint::{Submitted, submitted_as};
use crate::sealed::column_chunk::{ABSENT, Chunks, Dictionary};

/// What people call queues and fleets, at the moment of sealing.
#[derive(Debug, Clone, Default)]
pub(crate) struct SegmentNames {
    pub(crate) queues: HashMap<QueueId, DisplayName>,
    pub(crate) fleets: HashMap<FleetId, DisplayName>,
}

/// A column of texts that repeat.
#[derive(Debug, Default)]
struct TextColumn {
    codes: Vec<u32>,
    dictionary: Dictionary,
    known: HashMap<Box<[u8]>, u32>,
}

impl TextColumn {
    fn push(&mut self, text: Option<&str>) {
        let code = text.map_or(ABSENT, |text| self.code(text.as_bytes()));
        self.codes.push(code);
    }

    fn code(&mut self, text: &[u8]) -> u32 {
        if let Some(code) = self.known.get(text) {
            return *code;
        }
        let code = self.dictionary.add(text);
        self.known.insert(text.into(), code);
        code
    }

    fn write<W: Write + Send>(&mut self, chunks: &mut Chunks<'_, W>) -> Result<()> {
        chunks.texts(&self.codes, &self.dictionary)?;
        self.codes.clear();
        self.dictionary.clear();
        self.known.clear();
        Ok(())
    }
}

/// A column of ids that repeat, and beside it one of what people call them.
#[derive(Debug, Default)]
struct IdColumn {
    codes: Vec<u32>,
    dictionary: Dictionary,
    known: HashMap<[u8; 16], u32>,
    /// The code of the name of each id, by the code of the id.
    name_codes: Vec<u32>,
    names: TextColumn,
}

impl IdColumn {
    /// Adds an id; its text and name are asked for when it was not met before.
    fn push<'n, I: Display>(&mut self, id: Option<(I, [u8; 16])>, name: impl FnOnce(&I) -> Option<&'n str>) {
        let Some((id, bytes)) = id else {
            self.codes.push(ABSENT);
            self.names.codes.push(ABSENT);
            return;
        };
        let code = match self.known.get(&bytes) {
            Some(code) => *code,
            None => self.add(&id, bytes, name(&id)),
        };
        self.codes.push(code);
        self.names.codes.push(self.name_codes[code as usize]);
    }

    fn add(&mut self, id: &impl Display, bytes: [u8; 16], name: Option<&str>) -> u32 {
        let code = self.dictionary.add(id.to_string().as_bytes());
        self.known.insert(bytes, code);
        let name_code = name.map_or(ABSENT, |name| self.names.code(name.as_bytes()));
        self.name_codes.push(name_code);
        code
    }

    fn write_ids<W: Write + Send>(&mut self, chunks: &mut Chunks<'_, W>) -> Result<()> {
        chunks.texts(&self.codes, &self.dictionary)?;
        self.codes.clear();
        self.dictionary.clear();
        self.known.clear();
        self.name_codes.clear();
        Ok(())
    }

    fn write_names<W: Write + Send>(&mut self, chunks: &mut Chunks<'_, W>) -> Result<()> {
        self.names.write(chunks)
    }
}

/// The rows of one row group.
#[derive(Debug, Default)]
pub(super) struct RowGroup {
    session_id: Vec<Option<[u8; 16]>>,
    volume_id: Vec<Option<[u8; 16]>>,
    line: Vec<i32>,
    queue: IdColumn,
    fleet: IdColumn,
    job_id: IdColumn,
    job_name: TextColumn,
    user_id: TextColumn,
    worker_id: IdColumn,
    instance_type: TextColumn,
    outcome: TextColumn,
    started_at: Vec<i64>,
    ended_at: Vec<i64>,
    revision: Vec<i32>,
    usage_type: TextColumn,
    license_product: TextColumn,
    quantity: Vec<Option<i32>>,
    cost_in_usd: Vec<i64>,
    priced: Vec<bool>,
    fingerprint: Vec<Option<[u8; 16]>>,
    share: Vec<bool>,
    sent_cost_in_usd: Vec<Option<i64>>,
}

/// A usage line as it is written.
struct Line<'a> {
    number: usize,
    usage_type: UsageType,
    license: Option<(&'a str, u32)>,
    nanos: u64,
}

impl RowGroup {
    /// Number of rows.
    pub(super) fn len(&self) -> usize {
        self.line.len()
    }

    /// Adds the rows of an ended record and returns their number and the cost of all together, in nano-dollars.
    pub(super) fn push(&mut self, put: &Put, names: &SegmentNames) -> (usize, u64) {
        let submitted = submitted_as(&put.record, put.fingerprint);
        match &put.record {
            Record::Session(session) => self.push_session(session, put, submitted, names),
            Record::Volume(volume) => (1, self.push_volume(volume, put, submitted, names)),
        }
    }

    fn push_session(
        &mut self,
        session: &Session<LineCost>,
        put: &Put,
        submitted: Submitted,
        names: &SegmentNames,
    ) -> (usize, u64) {
        let mut cost_nanos = 0;
        for (number, line) in session.usage.as_slice().iter().enumerate() {
            let (usage_type, license) = match &line.usage {
                Usage::Compute => (UsageType::Compute, None),
                Usage::License { product, quantity } => {
                    (UsageType::License, Some((product.as_str(), *quantity)))
                }
            };
            let quantity = license.map_or(1, |(_, quantity)| quantity);
            let nanos = ended_nanos(line.cost, quantity, put.record.span());
            self.session_id.push(Some(session.session_id.bytes()));
            self.volume_id.push(None);
            self.push_place(Some(session), session.fleet_id, names);
            self.push_line(&Line { number, usage_type, license, nanos }, put, submitted);
            cost_nanos += nanos;
        }
        (session.usage.as_slice().len(), cost_nanos)
    }

    fn push_volume(
        &mut self,
        volume: &Volume<LineCost>,
        put: &Put,
        submitted: Submitted,
        names: &SegmentNames,
    ) -> u64 {
        let nanos = ended_nanos(volume.cost, 1, put.record.span());
        self.session_id.push(None);
        self.volume_id.push(Some(volume.volume_id.bytes()));
        self.push_place(None, volume.fleet_id, names);
        let line = Line { number: 0, usage_type: UsageType::PersistentVolume, license: None, nanos };
        self.push_line(&line, put, submitted);
        nanos
    }

    fn push_place(&mut self, session: Option<&Session<LineCost>>, fleet_id: FleetId, names: &SegmentNames) {
        let fleet_name = |id: &FleetId| names.fleets.get(id).map(DisplayName::as_str);
        self.fleet.push(Some((fleet_id, fleet_id.bytes())), fleet_name);
        let queue_id = session.map(|session| session.queue_id);
        let queue_name = |id: &QueueId| names.queues.get(id).map(DisplayName::as_str);
        self.queue.push(queue_id.map(|id| (id, id.bytes())), queue_name);
        self.job_id.push(session.map(|session| (session.job_id, session.job_id.bytes())), |_| None);
        self.job_name.push(session.map(|session| session.job_name.as_str()));
        self.user_id.push(session.map(|session| session.user_id.as_str()));
        let worker_id = session.and_then(|session| session.worker_id);
        self.worker_id.push(worker_id.map(|id| (id, id.bytes())), |_| None);
        let instance_type = session.and_then(|session| session.instance_type.as_ref());
        self.instance_type.push(instance_type.map(farmtally_model::InstanceType::as_str));
        let outcome = session.and_then(|session| session.outcome);
        self.outcome.push(outcome.map(farmtally_model::Outcome::as_str));
    }

    fn push_line(&mut self, line: &Line<'_>, put: &Put, submitted: Submitted) {
        let span = put.record.span();
        let ended_at = span.ended_at().unwrap_or(span.started_at());
        // A session has at most 64 lines, and costs are far from the largest integer.
        self.line.push(i32::try_from(line.number).unwrap_or(i32::MAX));
        self.started_at.push(span.started_at().millis());
        self.ended_at.push(ended_at.millis());
        self.revision.push(put.record.revision().cast_signed());
        self.usage_type.push(Some(line.usage_type.as_str()));
        self.license_product.push(line.license.map(|(product, _)| product));
        self.quantity.push(line.license.map(|(_, quantity)| quantity.cast_signed()));
        self.cost_in_usd.push(line.nanos.cast_signed());
        self.priced.push(submitted == Submitted::WithoutCosts);
        self.fingerprint.push((submitted == Submitted::Otherwise).then(|| put.fingerprint.bytes()));
        let share = put.share.filter(|_| line.usage_type == UsageType::Compute);
        self.share.push(share.is_some());
        self.sent_cost_in_usd.push(share.and_then(|share| share.sent).map(|sent| sent.nanos().cast_signed()));
    }

    /// Writes the rows as the next row group, and is empty afterwards.
    pub(super) fn write<W: Write + Send>(&mut self, file: &mut SerializedFileWriter<W>) -> Result<()> {
        let mut chunks = Chunks::begin(file, self.len())?;
        chunks.ids(b"session-", &self.session_id)?;
        chunks.ids(b"volume-", &self.volume_id)?;
        chunks.integers(&self.line)?;
        self.queue.write_ids(&mut chunks)?;
        self.queue.write_names(&mut chunks)?;
        self.fleet.write_ids(&mut chunks)?;
        self.fleet.write_names(&mut chunks)?;
        self.job_id.write_ids(&mut chunks)?;
        self.job_name.write(&mut chunks)?;
        self.user_id.write(&mut chunks)?;
        self.worker_id.write_ids(&mut chunks)?;
        self.instance_type.write(&mut chunks)?;
        self.outcome.write(&mut chunks)?;
        chunks.longs(&self.started_at)?;
        chunks.longs(&self.ended_at)?;
        chunks.integers(&self.revision)?;
        self.usage_type.write(&mut chunks)?;
        self.license_product.write(&mut chunks)?;
        chunks.optional_integers(&self.quantity)?;
        chunks.longs(&self.cost_in_usd)?;
        chunks.booleans(&self.priced)?;
        chunks.blocks(&self.fingerprint)?;
        chunks.booleans(&self.share)?;
        chunks.optional_longs(&self.sent_cost_in_usd)?;
        chunks.close()?;
        self.clear();
        Ok(())
    }

    /// Forgets what is not forgotten with its column.
    fn clear(&mut self) {
        self.session_id.clear();
        self.volume_id.clear();
        self.line.clear();
        // Jobs and workers have no names beside their ids.
        self.job_id.names.codes.clear();
        self.worker_id.names.codes.clear();
        self.started_at.clear();
        self.ended_at.clear();
        self.revision.clear();
        self.quantity.clear();
        self.cost_in_usd.clear();
        self.priced.clear();
        self.fingerprint.clear();
        self.share.clear();
        self.sent_cost_in_usd.clear();
    }
}

/// What an ended line cost. An hourly one is priced over its span, as the columns have it.
pub(crate) fn ended_nanos(cost: LineCost, quantity: u32, span: Span) -> u64 {
    let ended_at = span.ended_at().unwrap_or(span.started_at());
    let elapsed_ms = span.started_at().millis().abs_diff(ended_at.millis());
    match cost {
        LineCost::Total(total) => total.nanos(),
        LineCost::PerHour(rate) => {
            rate.cost_of(elapsed_ms, quantity).unwrap_or(farmtally_model::NanoUsd::MAX).nanos()
        }
    }
}
