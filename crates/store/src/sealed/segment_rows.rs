//! Records to rows of a segment: a row for each usage line, in the columns of the schema.

use std::io::Write;

use farmtally_model::{DisplayName, FleetId, LineCost, QueueId, Record, Session, Usage, UsageType, Volume};
use hashbrown::HashMap;
use parquet::data_type::{
    BoolType, ByteArray, ByteArrayType, DataType, FixedLenByteArray, FixedLenByteArrayType, Int32Type,
    Int64Type,
};
use parquet::errors::{ParquetError, Result};
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};

use crate::encoding::Put;
use crate::fingerprint::{Submitted, submitted_as};

/// What people call queues and fleets, at the moment of sealing.
#[derive(Debug, Clone, Default)]
pub(crate) struct SegmentNames {
    pub(crate) queues: HashMap<QueueId, DisplayName>,
    pub(crate) fleets: HashMap<FleetId, DisplayName>,
}

/// Values of a column that are there, and a level for each row that says whether one is.
#[derive(Debug)]
struct Column<T> {
    values: Vec<T>,
    levels: Vec<i16>,
}

impl<T> Default for Column<T> {
    fn default() -> Self {
        Self { values: Vec::new(), levels: Vec::new() }
    }
}

impl<T> Column<T> {
    fn push(&mut self, value: Option<T>) {
        self.levels.push(i16::from(value.is_some()));
        self.values.extend(value);
    }

    fn clear(&mut self) {
        self.values.clear();
        self.levels.clear();
    }
}

/// A column of texts that repeat.
#[derive(Debug, Default)]
struct TextColumn {
    column: Column<ByteArray>,
    known: HashMap<Box<str>, ByteArray>,
}

/// Texts that a column remembers to share; more than this many do not repeat enough to be worth it.
const TEXTS_KNOWN_MAX: usize = 1 << 16;

impl TextColumn {
    fn push(&mut self, text: Option<&str>) {
        let value = text.map(|text| self.shared(text));
        self.column.push(value);
    }

    /// The text of an id, made only when it was not met before.
    fn push_id<I: Copy + std::fmt::Display>(&mut self, ids: &mut Ids<I>, id: Option<(I, [u8; 16])>) {
        let value = id.map(|(id, bytes)| ids.text(id, bytes));
        self.column.push(value);
    }

    fn shared(&mut self, text: &str) -> ByteArray {
        if let Some(known) = self.known.get(text) {
            return known.clone();
        }
        if self.known.len() >= TEXTS_KNOWN_MAX {
            self.known.clear();
        }
        let value = ByteArray::from(text);
        self.known.insert(text.into(), value.clone());
        value
    }
}

/// Texts of ids that repeat.
#[derive(Debug)]
struct Ids<I> {
    known: HashMap<[u8; 16], ByteArray>,
    of: std::marker::PhantomData<I>,
}

impl<I> Default for Ids<I> {
    fn default() -> Self {
        Self { known: HashMap::new(), of: std::marker::PhantomData }
    }
}

impl<I: std::fmt::Display> Ids<I> {
    fn text(&mut self, id: I, bytes: [u8; 16]) -> ByteArray {
        if let Some(known) = self.known.get(&bytes) {
            return known.clone();
        }
        if self.known.len() >= TEXTS_KNOWN_MAX {
            self.known.clear();
        }
        let value = ByteArray::from(id.to_string().as_str());
        self.known.insert(bytes, value.clone());
        value
    }
}

/// The rows of one row group.
#[derive(Debug, Default)]
pub(super) struct RowGroup {
    session_id: Column<ByteArray>,
    volume_id: Column<ByteArray>,
    line: Column<i32>,
    queue_id: TextColumn,
    queue_ids: Ids<QueueId>,
    queue_name: TextColumn,
    fleet_id: TextColumn,
    fleet_ids: Ids<FleetId>,
    fleet_name: TextColumn,
    job_id: TextColumn,
    job_ids: Ids<farmtally_model::JobId>,
    job_name: TextColumn,
    user_id: TextColumn,
    worker_id: TextColumn,
    worker_ids: Ids<farmtally_model::WorkerId>,
    instance_type: TextColumn,
    outcome: TextColumn,
    started_at: Column<i64>,
    ended_at: Column<i64>,
    revision: Column<i32>,
    usage_type: TextColumn,
    license_product: TextColumn,
    quantity: Column<i32>,
    cost_in_usd: Column<i64>,
    priced: Column<bool>,
    fingerprint: Column<FixedLenByteArray>,
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
        self.line.values.len()
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
        let id = ByteArray::from(session.session_id.to_string().into_bytes());
        let mut cost_nanos = 0;
        for (number, line) in session.usage.as_slice().iter().enumerate() {
            let (usage_type, license) = match &line.usage {
                Usage::Compute => (UsageType::Compute, None),
                Usage::License { product, quantity } => {
                    (UsageType::License, Some((product.as_str(), *quantity)))
                }
            };
            let nanos = ended_nanos(line.cost, license.map_or(1, |(_, quantity)| quantity), put);
            self.session_id.push(Some(id.clone()));
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
        let nanos = ended_nanos(volume.cost, 1, put);
        self.session_id.push(None);
        self.volume_id.push(Some(ByteArray::from(volume.volume_id.to_string().into_bytes())));
        self.push_place(None, volume.fleet_id, names);
        let line = Line { number: 0, usage_type: UsageType::PersistentVolume, license: None, nanos };
        self.push_line(&line, put, submitted);
        nanos
    }

    fn push_place(&mut self, session: Option<&Session<LineCost>>, fleet_id: FleetId, names: &SegmentNames) {
        self.fleet_id.push_id(&mut self.fleet_ids, Some((fleet_id, fleet_id.bytes())));
        self.fleet_name.push(names.fleets.get(&fleet_id).map(DisplayName::as_str));
        let queue_id = session.map(|session| session.queue_id);
        self.queue_id.push_id(&mut self.queue_ids, queue_id.map(|id| (id, id.bytes())));
        self.queue_name.push(queue_id.and_then(|id| names.queues.get(&id)).map(DisplayName::as_str));
        self.job_id
            .push_id(&mut self.job_ids, session.map(|session| (session.job_id, session.job_id.bytes())));
        self.job_name.push(session.map(|session| session.job_name.as_str()));
        self.user_id.push(session.map(|session| session.user_id.as_str()));
        let worker_id = session.and_then(|session| session.worker_id);
        self.worker_id.push_id(&mut self.worker_ids, worker_id.map(|id| (id, id.bytes())));
        let instance_type = session.and_then(|session| session.instance_type.as_ref());
        self.instance_type.push(instance_type.map(farmtally_model::InstanceType::as_str));
        let outcome = session.and_then(|session| session.outcome);
        self.outcome.push(outcome.map(farmtally_model::Outcome::as_str));
    }

    fn push_line(&mut self, line: &Line<'_>, put: &Put, submitted: Submitted) {
        let span = put.record.span();
        let ended_at = span.ended_at().unwrap_or(span.started_at());
        // A session has at most 64 lines, and costs are far from the largest integer.
        self.line.push(Some(i32::try_from(line.number).unwrap_or(i32::MAX)));
        self.started_at.push(Some(span.started_at().millis()));
        self.ended_at.push(Some(ended_at.millis()));
        self.revision.push(Some(put.record.revision().cast_signed()));
        self.usage_type.push(Some(line.usage_type.as_str()));
        self.license_product.push(line.license.map(|(product, _)| product));
        self.quantity.push(line.license.map(|(_, quantity)| quantity.cast_signed()));
        self.cost_in_usd.push(Some(line.nanos.cast_signed()));
        self.priced.push(Some(submitted == Submitted::WithoutCosts));
        let fingerprint = (submitted == Submitted::Otherwise)
            .then(|| FixedLenByteArray::from(put.fingerprint.bytes().to_vec()));
        self.fingerprint.push(fingerprint);
    }

    /// Writes the rows as the next row group, and is empty afterwards.
    pub(super) fn write<W: Write + Send>(&mut self, file: &mut SerializedFileWriter<W>) -> Result<()> {
        let mut group = file.next_row_group()?;
        write_column::<ByteArrayType, _>(&mut group, &mut self.session_id)?;
        write_column::<ByteArrayType, _>(&mut group, &mut self.volume_id)?;
        write_column::<Int32Type, _>(&mut group, &mut self.line)?;
        for column in [
            &mut self.queue_id,
            &mut self.queue_name,
            &mut self.fleet_id,
            &mut self.fleet_name,
            &mut self.job_id,
            &mut self.job_name,
            &mut self.user_id,
            &mut self.worker_id,
            &mut self.instance_type,
            &mut self.outcome,
        ] {
            write_column::<ByteArrayType, _>(&mut group, &mut column.column)?;
        }
        write_column::<Int64Type, _>(&mut group, &mut self.started_at)?;
        write_column::<Int64Type, _>(&mut group, &mut self.ended_at)?;
        write_column::<Int32Type, _>(&mut group, &mut self.revision)?;
        write_column::<ByteArrayType, _>(&mut group, &mut self.usage_type.column)?;
        write_column::<ByteArrayType, _>(&mut group, &mut self.license_product.column)?;
        write_column::<Int32Type, _>(&mut group, &mut self.quantity)?;
        write_column::<Int64Type, _>(&mut group, &mut self.cost_in_usd)?;
        write_column::<BoolType, _>(&mut group, &mut self.priced)?;
        write_column::<FixedLenByteArrayType, _>(&mut group, &mut self.fingerprint)?;
        group.close()?;
        Ok(())
    }
}

fn write_column<T: DataType, W: Write + Send>(
    group: &mut SerializedRowGroupWriter<'_, W>,
    column: &mut Column<T::T>,
) -> Result<()> {
    let too_few = || ParquetError::General("the schema has too few columns".to_owned());
    let mut writer = group.next_column()?.ok_or_else(too_few)?;
    let typed = writer.typed::<T>();
    let levels = (typed.get_descriptor().max_def_level() > 0).then_some(column.levels.as_slice());
    typed.write_batch(&column.values, levels, None)?;
    writer.close()?;
    column.clear();
    Ok(())
}

/// What an ended line cost. An hourly one is priced over its span, as the columns have it.
fn ended_nanos(cost: LineCost, quantity: u32, put: &Put) -> u64 {
    let span = put.record.span();
    let ended_at = span.ended_at().unwrap_or(span.started_at());
    let elapsed_ms = span.started_at().millis().abs_diff(ended_at.millis());
    match cost {
        LineCost::Total(total) => total.nanos(),
        LineCost::PerHour(rate) => {
            rate.cost_of(elapsed_ms, quantity).unwrap_or(farmtally_model::NanoUsd::MAX).nanos()
        }
    }
}
