//! Reads a segment back: whole, verified by its checksum, through the same rules as when its records came in.

use std::fs::File;
use std::io::Read;
use std::ops::Range;

use bytes::Bytes;
use farmtally_model::{
    FleetId, InstanceType, JobId, JobName, LicenseProduct, LineCost, NanoUsd, Outcome, QueueId, Record,
    Session, SessionId, Span, Timestamp, Usage, UsageLine, UsageLines, UserId, Volume, VolumeId, WorkerId,
};
use hashbrown::HashMap;
use parquet::column::reader::get_typed_column_reader;
use parquet::data_type::{
    BoolType, ByteArray, ByteArrayType, DataType, FixedLenByteArray, FixedLenByteArrayType, Int32Type,
    Int64Type,
};
use parquet::file::reader::{FileReader, RowGroupReader};
use parquet::file::serialized_reader::SerializedFileReader;
use xxhash_rust::xxh3::xxh3_128;

use crate::encoding::{Malformed, Put, StoredShare};
use crate::error::StoreError;
use crate::fingerprint::{Fingerprint, Submitted, fingerprint_as};
use crate::roster::SessionOwner;
use crate::sealed::files::FarmFiles;
use crate::sealed::manifest::Segment;
use crate::spans::SoughtSpans;

/// A record of a segment.
#[derive(Debug)]
pub(crate) struct SealedRecord {
    /// Its first row in the file, from 0.
    pub(crate) row: u32,
    pub(crate) record: Record<LineCost>,
    submitted: Submitted,
    fingerprint: Option<Fingerprint>,
    share: Option<StoredShare>,
}

impl SealedRecord {
    /// The record with the fingerprint of its submission, which is computed only here.
    pub(crate) fn into_put(self) -> Put {
        let fingerprint = self.fingerprint.unwrap_or_else(|| fingerprint_as(&self.record, self.submitted));
        Put { record: self.record, fingerprint, share: self.share }
    }
}

/// Visits every record of a segment, in order of their rows. The file is verified first.
pub(crate) fn read_records(
    files: &FarmFiles,
    segment: &Segment,
    visit: impl FnMut(SealedRecord) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    read_rows(files, segment, |_| true, visit)
}

/// Visits the records of the row groups that are `wanted` by their rows.
pub(crate) fn read_rows(
    files: &FarmFiles,
    segment: &Segment,
    wanted: impl Fn(&Range<u32>) -> bool,
    mut visit: impl FnMut(SealedRecord) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let damaged = |malformed: Malformed| damaged(files, segment, &malformed.reason());
    let file =
        SerializedFileReader::new(verified_bytes(files, segment)?).map_err(|error| damaged(error.into()))?;
    let mut texts = Texts::default();
    let mut first = 0_u32;
    for index in 0..file.num_row_groups() {
        let group = file.get_row_group(index).map_err(|error| damaged(error.into()))?;
        let length = u32::try_from(group.metadata().num_rows()).unwrap_or(u32::MAX);
        let rows = first..first.saturating_add(length);
        first = rows.end;
        if wanted(&rows) {
            let all = 0..length as usize;
            let columns = Columns::read(group.as_ref(), std::slice::from_ref(&all)).map_err(damaged)?;
            let mut next = 0;
            while next < length as usize {
                let (record, end) = columns.record(next, &mut texts).map_err(damaged)?;
                // A row's place inside its group is below the number of rows of the file.
                let row = rows.start + u32::try_from(next).unwrap_or(u32::MAX);
                visit(columns.sealed(row, next, record).map_err(damaged)?)?;
                next = end;
            }
        }
    }
    if first == segment.row_count {
        Ok(())
    } else {
        Err(damaged(Malformed::new(&format!("it has {first} rows instead of {}", segment.row_count))))
    }
}

/// The columns with a line's number in its record, and with the job, the worker, the start and the end of a session.
const LINE: usize = 2;
const JOB_ID: usize = 7;
const WORKER_ID: usize = 10;
pub(super) const STARTED_AT: usize = 13;
pub(super) const ENDED_AT: usize = 14;

/// What is looked for in a row group. Other records are not made.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Sought<'a> {
    /// Sessions with one of these starts and ends.
    Spans(&'a SoughtSpans),
    /// Sessions of a job or a worker, and of one that has the same id in another queue or fleet.
    Owner(SessionOwner),
    /// The records that begin in these rows of the file, which are in order.
    Rows(&'a [u32]),
}

/// Visits the sessions of a row group that are sought, with their first rows.
pub(super) fn read_sought(
    group: &dyn RowGroupReader,
    first_row: u32,
    sought: Sought<'_>,
    visit: &mut impl FnMut(u32, Session<LineCost>),
) -> Result<(), Malformed> {
    let length = usize::try_from(group.metadata().num_rows())?;
    let picked = match sought {
        Sought::Spans(spans) => rows_of_spans(group, length, spans)?,
        Sought::Owner(owner) => rows_of_owner(group, length, owner)?,
        Sought::Rows(rows) => rows_from(group, length, first_row, rows)?,
    };
    if picked.is_empty() {
        return Ok(());
    }
    let columns = Columns::read(group, &picked)?;
    let rows: Vec<usize> = picked.into_iter().flatten().collect();
    let mut texts = Texts::default();
    let mut next = 0;
    while let Some(row) = rows.get(next) {
        let (record, end) = columns.record(next, &mut texts)?;
        if let Record::Session(session) = record {
            visit(first_row.saturating_add(u32::try_from(*row)?), session);
        }
        next = end;
    }
    Ok(())
}

/// Rows as stretches. All lines of a record have to be among them or none.
fn stretches(rows: impl Iterator<Item = usize>) -> Vec<Range<usize>> {
    let mut picked: Vec<Range<usize>> = Vec::new();
    for row in rows {
        match picked.last_mut() {
            Some(last) if last.end == row => last.end = row + 1,
            _ => picked.push(row..row + 1),
        }
    }
    picked
}

fn whole_column<D: DataType>(
    group: &dyn RowGroupReader,
    mut column: usize,
    length: usize,
) -> Result<Column<D::T>, Malformed> {
    Column::<D::T>::read::<D>(group, &mut column, std::slice::from_ref(&(0..length)))
}

/// The rows with one of the spans, which all lines of a record share.
fn rows_of_spans(
    group: &dyn RowGroupReader,
    length: usize,
    sought: &SoughtSpans,
) -> Result<Vec<Range<usize>>, Malformed> {
    let starts = whole_column::<Int64Type>(group, STARTED_AT, length)?;
    let ends = whole_column::<Int64Type>(group, ENDED_AT, length)?;
    let mut rows = Vec::new();
    for row in 0..length {
        if sought.contains((*starts.required(row)?, *ends.required(row)?)) {
            rows.push(row);
        }
    }
    Ok(stretches(rows.into_iter()))
}

/// The rows with the id of a job or a worker, which all lines of a session share.
fn rows_of_owner(
    group: &dyn RowGroupReader,
    length: usize,
    owner: SessionOwner,
) -> Result<Vec<Range<usize>>, Malformed> {
    let (column, id) = match owner {
        SessionOwner::Job(_, job_id) => (JOB_ID, job_id.to_string()),
        SessionOwner::Worker(_, worker_id) => (WORKER_ID, worker_id.to_string()),
    };
    let ids = whole_column::<ByteArrayType>(group, column, length)?;
    let is_own = |row: &usize| ids.get(*row).is_some_and(|found| found.data() == id.as_bytes());
    Ok(stretches((0..length).filter(is_own)))
}

/// The rows of the records that begin in some rows of the file. A row that no record begins in has none.
fn rows_from(
    group: &dyn RowGroupReader,
    length: usize,
    first_row: u32,
    begin: &[u32],
) -> Result<Vec<Range<usize>>, Malformed> {
    let lines = whole_column::<Int32Type>(group, LINE, length)?;
    let begins = |row: &usize| lines.get(*row) == Some(&0);
    let mut rows = Vec::new();
    for row in begin {
        let Some(row) = row.checked_sub(first_row).map(usize::try_from).transpose()? else { continue };
        if row < length && begins(&row) {
            rows.push(row);
            rows.extend((row + 1..length).take_while(|row| !begins(row)));
        }
    }
    Ok(stretches(rows.into_iter()))
}

/// Sees that a segment's file is there and has its length; what is in it is verified when it is read. A copy that is
/// missing is fetched when it is needed.
pub(crate) fn check_file(files: &FarmFiles, segment: &Segment) -> Result<(), StoreError> {
    if files.are_copies() {
        return Ok(());
    }
    let path = files.segment(segment.month, segment.number);
    match std::fs::metadata(&path) {
        Ok(metadata) if metadata.len() == segment.file_bytes => Ok(()),
        Ok(_) => Err(damaged(files, segment, "its length is not that of the manifest")),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            Err(damaged(files, segment, "it is missing"))
        }
        Err(error) => Err(files.failed(&path)(error)),
    }
}

/// The bytes of a segment's file, which are those that were written. A copy that is missing or damaged is fetched anew.
pub(crate) fn verified_bytes(files: &FarmFiles, segment: &Segment) -> Result<Bytes, StoreError> {
    match bytes_in_folder(files, segment) {
        Err(StoreError::Damaged { .. }) if files.are_copies() => fetched_bytes(files, segment),
        read => read,
    }
}

fn fetched_bytes(files: &FarmFiles, segment: &Segment) -> Result<Bytes, StoreError> {
    let bytes = files.fetch(segment.month, segment.number)?;
    let bytes = bytes.ok_or_else(|| damaged(files, segment, "it is missing"))?;
    verify(files, segment, &bytes)?;
    files.put_segment(segment, &bytes)?;
    Ok(bytes)
}

fn bytes_in_folder(files: &FarmFiles, segment: &Segment) -> Result<Bytes, StoreError> {
    let path = files.segment(segment.month, segment.number);
    let mut bytes = Vec::with_capacity(usize::try_from(segment.file_bytes).unwrap_or(0).min(1 << 30));
    let read = File::open(&path).and_then(|file| file.take(segment.file_bytes + 1).read_to_end(&mut bytes));
    match read {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Err(damaged(files, segment, "it is missing"));
        }
        read => read.map_err(files.failed(&path))?,
    };
    verify(files, segment, &bytes)?;
    Ok(bytes.into())
}

fn verify(files: &FarmFiles, segment: &Segment, bytes: &[u8]) -> Result<(), StoreError> {
    if bytes.len() as u64 != segment.file_bytes {
        return Err(damaged(files, segment, "its length is not that of the manifest"));
    }
    if xxh3_128(bytes).to_be_bytes() != segment.file_checksum {
        return Err(damaged(files, segment, "its checksum does not match"));
    }
    Ok(())
}

pub(crate) fn damaged(files: &FarmFiles, segment: &Segment, reason: &str) -> StoreError {
    StoreError::damaged(format!("`{}`", files.segment_name(segment.month, segment.number)), reason)
}

/// A column of a row group, with a place for each row that is read.
struct Column<T> {
    values: Vec<Option<T>>,
}

impl<T: Clone> Column<T> {
    fn read<D: DataType<T = T>>(
        group: &dyn RowGroupReader,
        index: &mut usize,
        picked: &[Range<usize>],
    ) -> Result<Self, Malformed> {
        let mut reader = get_typed_column_reader::<D>(group.get_column_reader(*index)?);
        *index += 1;
        let rows = picked.iter().map(ExactSizeIterator::len).sum();
        let (mut levels, mut values) = (Vec::new(), Vec::with_capacity(rows));
        let mut at = 0;
        for rows in picked {
            let skipped = reader.skip_records(rows.start - at)?;
            let (read, ..) = reader.read_records(rows.len(), Some(&mut levels), None, &mut values)?;
            if at + skipped + read != rows.end {
                return Err(Malformed::new("a column is shorter than its row group"));
            }
            at = rows.end;
        }
        if levels.is_empty() {
            return Ok(Self { values: values.into_iter().map(Some).collect() });
        }
        let mut values = values.into_iter();
        let values = levels.iter().map(|level| if *level > 0 { values.next() } else { None }).collect();
        Ok(Self { values })
    }

    fn get(&self, row: usize) -> Option<&T> {
        self.values.get(row).and_then(Option::as_ref)
    }

    fn required(&self, row: usize) -> Result<&T, Malformed> {
        self.get(row).ok_or_else(|| Malformed::new("a value is missing"))
    }
}

impl Column<ByteArray> {
    fn text(&self, row: usize) -> Result<Option<&str>, Malformed> {
        Ok(self.get(row).map(|value| std::str::from_utf8(value.data())).transpose()?)
    }

    fn required_text(&self, row: usize) -> Result<&str, Malformed> {
        self.text(row)?.ok_or_else(|| Malformed::new("a text is missing"))
    }
}

/// Texts that were checked once and are shared by their records.
#[derive(Default)]
struct Texts {
    job_names: HashMap<Box<str>, JobName>,
    users: HashMap<Box<str>, UserId>,
    instance_types: HashMap<Box<str>, InstanceType>,
    products: HashMap<Box<str>, LicenseProduct>,
}

fn shared<T: Clone, E: std::error::Error>(
    known: &mut HashMap<Box<str>, T>,
    text: &str,
    parse: impl FnOnce(&str) -> Result<T, E>,
) -> Result<T, Malformed> {
    if let Some(known) = known.get(text) {
        return Ok(known.clone());
    }
    let value = parse(text)?;
    known.insert(text.into(), value.clone());
    Ok(value)
}

/// The columns of some rows of a row group, in the order of the schema.
struct Columns {
    session_id: Column<ByteArray>,
    volume_id: Column<ByteArray>,
    line: Column<i32>,
    queue_id: Column<ByteArray>,
    fleet_id: Column<ByteArray>,
    job_id: Column<ByteArray>,
    job_name: Column<ByteArray>,
    user_id: Column<ByteArray>,
    worker_id: Column<ByteArray>,
    instance_type: Column<ByteArray>,
    outcome: Column<ByteArray>,
    started_at: Column<i64>,
    ended_at: Column<i64>,
    revision: Column<i32>,
    usage_type: Column<ByteArray>,
    license_product: Column<ByteArray>,
    quantity: Column<i32>,
    cost_in_usd: Column<i64>,
    priced: Column<bool>,
    fingerprint: Column<FixedLenByteArray>,
    /// Absent in the segments of versions before 6.
    shares: Option<(Column<bool>, Column<i64>)>,
}

impl Columns {
    fn read(group: &dyn RowGroupReader, rows: &[Range<usize>]) -> Result<Self, Malformed> {
        let mut index = 0;
        let next = &mut index;
        let text = |next: &mut usize| Column::read::<ByteArrayType>(group, next, rows);
        let skip = |next: &mut usize| *next += 1;
        let (session_id, volume_id) = (text(next)?, text(next)?);
        let line = Column::read::<Int32Type>(group, next, rows)?;
        let queue_id = text(next)?;
        skip(next);
        let fleet_id = text(next)?;
        skip(next);
        Ok(Self {
            session_id,
            volume_id,
            line,
            queue_id,
            fleet_id,
            job_id: text(next)?,
            job_name: text(next)?,
            user_id: text(next)?,
            worker_id: text(next)?,
            instance_type: text(next)?,
            outcome: text(next)?,
            started_at: Column::read::<Int64Type>(group, next, rows)?,
            ended_at: Column::read::<Int64Type>(group, next, rows)?,
            revision: Column::read::<Int32Type>(group, next, rows)?,
            usage_type: text(next)?,
            license_product: text(next)?,
            quantity: Column::read::<Int32Type>(group, next, rows)?,
            cost_in_usd: Column::read::<Int64Type>(group, next, rows)?,
            priced: Column::read::<BoolType>(group, next, rows)?,
            fingerprint: Column::read::<FixedLenByteArrayType>(group, next, rows)?,
            shares: (*next < group.num_columns())
                .then(|| {
                    let shares = Column::read::<BoolType>(group, next, rows)?;
                    Ok::<_, Malformed>((shares, Column::read::<Int64Type>(group, next, rows)?))
                })
                .transpose()?,
        })
    }

    /// The record that begins in a row, and the row behind its last.
    fn record(&self, row: usize, texts: &mut Texts) -> Result<(Record<LineCost>, usize), Malformed> {
        if self.volume_id.get(row).is_some() {
            return Ok((Record::Volume(self.volume(row)?), row + 1));
        }
        let mut end = row;
        let mut lines = Vec::with_capacity(1);
        while usize::try_from(self.line.get(end).copied().unwrap_or(0)) == Ok(end - row)
            && self.line.get(end).is_some()
        {
            lines.push(self.usage_line(end, texts)?);
            end += 1;
        }
        if lines.is_empty() {
            return Err(Malformed::new("a record does not begin with its first line"));
        }
        Ok((Record::Session(self.session(row, lines, texts)?), end))
    }

    fn volume(&self, row: usize) -> Result<Volume<LineCost>, Malformed> {
        Ok(Volume {
            volume_id: VolumeId::parse(self.volume_id.required_text(row)?)?,
            fleet_id: FleetId::parse(self.fleet_id.required_text(row)?)?,
            span: self.span(row)?,
            revision: self.revision.required(row)?.cast_unsigned(),
            cost: self.cost(row)?,
        })
    }

    fn session(
        &self,
        row: usize,
        lines: Vec<UsageLine<LineCost>>,
        texts: &mut Texts,
    ) -> Result<Session<LineCost>, Malformed> {
        let instance_type = self.instance_type.text(row)?;
        Ok(Session {
            session_id: SessionId::parse(self.session_id.required_text(row)?)?,
            queue_id: QueueId::parse(self.queue_id.required_text(row)?)?,
            fleet_id: FleetId::parse(self.fleet_id.required_text(row)?)?,
            job_id: JobId::parse(self.job_id.required_text(row)?)?,
            job_name: shared(&mut texts.job_names, self.job_name.required_text(row)?, JobName::new)?,
            user_id: shared(&mut texts.users, self.user_id.required_text(row)?, UserId::new)?,
            worker_id: self.worker_id.text(row)?.map(WorkerId::parse).transpose()?,
            instance_type: instance_type
                .map(|text| shared(&mut texts.instance_types, text, InstanceType::new))
                .transpose()?,
            outcome: self.outcome.text(row)?.map(outcome).transpose()?,
            span: self.span(row)?,
            revision: self.revision.required(row)?.cast_unsigned(),
            usage: UsageLines::new(lines)?,
        })
    }

    fn usage_line(&self, row: usize, texts: &mut Texts) -> Result<UsageLine<LineCost>, Malformed> {
        let usage = match self.usage_type.required_text(row)? {
            "COMPUTE" => Usage::Compute,
            "LICENSE" => Usage::License {
                product: shared(
                    &mut texts.products,
                    self.license_product.required_text(row)?,
                    LicenseProduct::new,
                )?,
                quantity: self.quantity.required(row)?.cast_unsigned(),
            },
            _ => return Err(Malformed::new("a usage type is not known")),
        };
        Ok(UsageLine { usage, cost: self.cost(row)? })
    }

    fn span(&self, row: usize) -> Result<Span, Malformed> {
        let instant =
            |column: &Column<i64>| Ok::<_, Malformed>(Timestamp::from_millis(*column.required(row)?)?);
        Ok(Span::new(instant(&self.started_at)?, Some(instant(&self.ended_at)?))?)
    }

    fn cost(&self, row: usize) -> Result<LineCost, Malformed> {
        let nanos = u64::try_from(*self.cost_in_usd.required(row)?)?;
        Ok(LineCost::Total(NanoUsd::from_nanos(nanos)?))
    }

    fn sealed(&self, row: u32, index: usize, record: Record<LineCost>) -> Result<SealedRecord, Malformed> {
        let fingerprint = self.fingerprint.get(index).map(|bytes| bytes.data().try_into());
        let submitted =
            if *self.priced.required(index)? { Submitted::WithoutCosts } else { Submitted::WithCosts };
        let fingerprint = fingerprint.transpose()?.map(Fingerprint::from_bytes);
        let share = self.share(index, &record)?;
        Ok(SealedRecord { row, record, submitted, fingerprint, share })
    }

    /// The share that the worker's line of a record has, whose first row is `row`.
    fn share(&self, row: usize, record: &Record<LineCost>) -> Result<Option<StoredShare>, Malformed> {
        let (Some((shares, sent)), Record::Session(session)) = (&self.shares, record) else {
            return Ok(None);
        };
        for line in row..row + session.usage.as_slice().len() {
            if *shares.required(line)? {
                let nanos = sent.get(line).map(|nanos| u64::try_from(*nanos)).transpose()?;
                return Ok(Some(StoredShare { sent: nanos.map(NanoUsd::from_nanos).transpose()? }));
            }
        }
        Ok(None)
    }
}

fn outcome(text: &str) -> Result<Outcome, Malformed> {
    Outcome::parse(text).ok_or_else(|| Malformed::new("an outcome is not known"))
}
