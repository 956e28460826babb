//! Where the parts of a segment's file lie, and their checksums, so that a few sessions can be read without the whole file.
//!
//! The manifest knows a checksum of the whole file alone. An outline is made once in a process, of a file that was
//! verified as a whole; from then on a row group is read and verified by itself.

use std::fs::File;
use std::io;
use std::ops::{Range, RangeInclusive};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use bytes::buf::{Buf, Reader};
use farmtally_model::{LineCost, Session};
use parquet::errors::ParquetError;
use parquet::file::metadata::{ParquetMetaData, RowGroupMetaData};
use parquet::file::properties::ReaderProperties;
use parquet::file::reader::{ChunkReader, FileReader, Length};
use parquet::file::serialized_reader::{SerializedFileReader, SerializedRowGroupReader};
use parquet::file::statistics::Statistics;
use xxhash_rust::xxh3::xxh3_64;

use crate::encoding::Malformed;
use crate::error::StoreError;
use crate::sealed::files::FarmFiles;
use crate::sealed::manifest::Segment;
use crate::sealed::segment_reader::{ENDED_AT, STARTED_AT, Sought, damaged, read_sought, verified_bytes};

/// The row groups of a segment's file.
#[derive(Debug)]
pub(crate) struct SegmentOutline {
    file_checksum: [u8; 16],
    metadata: ParquetMetaData,
    groups: Vec<GroupOutline>,
}

#[derive(Debug)]
struct GroupOutline {
    /// Where its columns lie in the file.
    bytes: Range<u64>,
    checksum: u64,
    rows: Range<u32>,
    /// First and last start and end, in milliseconds since 1970.
    starts: RangeInclusive<i64>,
    ends: RangeInclusive<i64>,
}

impl SegmentOutline {
    /// Reads and verifies the file.
    pub(crate) fn read(files: &FarmFiles, segment: &Segment) -> Result<Self, StoreError> {
        let damaged = |malformed: Malformed| damaged(files, segment, &malformed.reason());
        let bytes = verified_bytes(files, segment)?;
        let file = SerializedFileReader::new(bytes.clone()).map_err(|error| damaged(error.into()))?;
        let mut first_row = 0;
        let mut groups = Vec::with_capacity(file.num_row_groups());
        for group in file.metadata().row_groups() {
            let outline = GroupOutline::of(group, &bytes, first_row).map_err(damaged)?;
            first_row = outline.rows.end;
            groups.push(outline);
        }
        Ok(Self { file_checksum: segment.file_checksum, metadata: file.metadata().clone(), groups })
    }

    /// Whether it is that of this segment's file.
    pub(crate) fn is_of(&self, segment: &Segment) -> bool {
        self.file_checksum == segment.file_checksum
    }

    /// Visits the sessions that are sought, with their first rows. Row groups that can have none are not read.
    pub(crate) fn read_sought(
        &self,
        files: &FarmFiles,
        segment: &Segment,
        sought: Sought<'_>,
        mut visit: impl FnMut(u32, Session<LineCost>),
    ) -> Result<(), StoreError> {
        let can_have = |group: &GroupOutline| match sought {
            Sought::Spans(spans) => spans.has_within(&group.starts, &group.ends),
            Sought::Owner(_) => true,
            Sought::Rows(rows) => rows.iter().any(|row| group.rows.contains(row)),
        };
        let groups = self.groups.iter().enumerate().filter(|(_, group)| can_have(group));
        groups
            .map(|(index, _)| index)
            .try_for_each(|index| self.read_sought_in(index, files, segment, sought, &mut visit))
    }

    /// First and last start and end of the sessions of each row group, in milliseconds since 1970.
    pub(crate) fn spans(&self) -> impl Iterator<Item = (&RangeInclusive<i64>, &RangeInclusive<i64>)> {
        self.groups.iter().map(|group| (&group.starts, &group.ends))
    }

    /// Visits the sessions of one row group that are sought, with their first rows.
    pub(crate) fn read_sought_in(
        &self,
        index: usize,
        files: &FarmFiles,
        segment: &Segment,
        sought: Sought<'_>,
        visit: &mut impl FnMut(u32, Session<LineCost>),
    ) -> Result<(), StoreError> {
        let Some(group) = self.groups.get(index) else { return Ok(()) };
        let bytes = group.read(files, segment)?;
        let part = Arc::new(FilePart { start: group.bytes.start, bytes });
        let of_group = self.metadata.row_group(index);
        let pages = self.metadata.page_index_for_row_group(index);
        let properties = Arc::new(ReaderProperties::builder().build());
        SerializedRowGroupReader::new(part, of_group, pages, properties)
            .map_err(Malformed::from)
            .and_then(|reader| read_sought(&reader, group.rows.start, sought, visit))
            .map_err(|malformed| damaged(files, segment, &malformed.reason()))
    }
}

impl GroupOutline {
    fn of(group: &RowGroupMetaData, file: &Bytes, first_row: u32) -> Result<Self, Malformed> {
        let columns = group.columns().iter().map(|column| {
            let (start, length) = column.byte_range();
            start..start.saturating_add(length)
        });
        let joined = columns.reduce(|one, other| one.start.min(other.start)..one.end.max(other.end));
        let bytes = joined.unwrap_or(0..0);
        let place = usize::try_from(bytes.start)?..usize::try_from(bytes.end)?;
        let content = file.get(place).ok_or_else(|| Malformed::new("a row group lies outside of it"))?;
        let instants = |column: usize| match group.column(column).statistics() {
            Some(Statistics::Int64(found)) => match (found.min_opt(), found.max_opt()) {
                (Some(least), Some(greatest)) => *least..=*greatest,
                _ => i64::MIN..=i64::MAX,
            },
            _ => i64::MIN..=i64::MAX,
        };
        let (starts, ends) = (instants(STARTED_AT), instants(ENDED_AT));
        let rows = first_row..first_row.saturating_add(u32::try_from(group.num_rows())?);
        Ok(Self { checksum: xxh3_64(content), bytes, rows, starts, ends })
    }

    /// The bytes of its columns, verified. A copy of the file that is missing or damaged is fetched anew.
    fn read(&self, files: &FarmFiles, segment: &Segment) -> Result<Bytes, StoreError> {
        let path = files.segment(segment.month, segment.number);
        let changed = || damaged(files, segment, "it changed since it was verified");
        let is_own = |bytes: &Bytes| xxh3_64(bytes) == self.checksum;
        match self.read_at(&path) {
            Ok(bytes) if is_own(&bytes) => Ok(bytes),
            Ok(_) if !files.are_copies() => Err(changed()),
            Err(error) if !files.are_copies() => Err(files.failed(&path)(error)),
            _ => {
                let file = verified_bytes(files, segment)?;
                let place = usize::try_from(self.bytes.start).ok().zip(usize::try_from(self.bytes.end).ok());
                let bytes =
                    place.and_then(|(start, end)| (end <= file.len()).then(|| file.slice(start..end)));
                bytes.filter(is_own).ok_or_else(changed)
            }
        }
    }

    fn read_at(&self, path: &Path) -> io::Result<Bytes> {
        let length = usize::try_from(self.bytes.end - self.bytes.start).unwrap_or(usize::MAX);
        let mut bytes = vec![0; length];
        File::open(path)?.read_exact_at(&mut bytes, self.bytes.start)?;
        Ok(bytes.into())
    }
}

/// A stretch of a file, which is read as if it were the file.
struct FilePart {
    start: u64,
    bytes: Bytes,
}

impl FilePart {
    fn behind(&self, start: u64) -> Result<Bytes, ParquetError> {
        let skipped = start.checked_sub(self.start).and_then(|skipped| usize::try_from(skipped).ok());
        match skipped.filter(|skipped| *skipped <= self.bytes.len()) {
            Some(skipped) => Ok(self.bytes.slice(skipped..)),
            None => Err(ParquetError::EOF(format!("nothing was read at {start}"))),
        }
    }
}

impl Length for FilePart {
    fn len(&self) -> u64 {
        self.start + self.bytes.len() as u64
    }
}

impl ChunkReader for FilePart {
    type T = Reader<Bytes>;

    fn get_read(&self, start: u64) -> Result<Self::T, ParquetError> {
        self.behind(start).map(Buf::reader)
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes, ParquetError> {
        let behind = self.behind(start)?;
        if length > behind.len() {
            return Err(ParquetError::EOF(format!("{length} bytes were not read at {start}")));
        }
        Ok(behind.slice(..length))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encoding::Put;
    use crate::fingerprint::fingerprint;
    use crate::limits::ROW_GROUP_ROWS;
    use crate::records::as_submitted;
    use crate::roster::SessionOwner;
    use crate::sealed::{Month, NewSegment, SegmentNames, read_records, write_segment};
    use crate::spans::SoughtSpans;
    use farmtally_model::{
        FarmId, FleetId, JobId, JobName, LicenseProduct, NanoUsd, QueueId, Record, SessionId, Span,
        Timestamp, Usage, UsageLine, UsageLines, UserId,
    };

    fn job_id(number: u32) -> JobId {
        JobId::from_bytes([u8::try_from(number % 97).unwrap(); 16])
    }

    fn session(number: u32) -> Session<LineCost> {
        let at = |ms: u32| Timestamp::from_millis(i64::from(ms)).unwrap();
        let cost = LineCost::Total(NanoUsd::from_nanos(u64::from(number)).unwrap());
        let license =
            |product: &str| Usage::License { product: LicenseProduct::new(product).unwrap(), quantity: 1 };
        let usage =
            [Usage::Compute, license("arnold"), license("nuke")].into_iter().take(1 + number as usize % 3);
        let mut id = [0; 16];
        id[..4].copy_from_slice(&number.to_be_bytes());
        Session {
            session_id: SessionId::from_bytes(id),
            queue_id: QueueId::from_bytes([1; 16]),
            fleet_id: FleetId::from_bytes([2; 16]),
            job_id: job_id(number),
            job_name: JobName::new(&format!("take {}", number % 7)).unwrap(),
            user_id: UserId::new("alice").unwrap(),
            worker_id: None,
            instance_type: None,
            outcome: None,
            // Several end at once, and starts are in another order.
            span: Span::new(at(number / 2 - number % 5), Some(at(number / 2))).unwrap(),
            revision: 0,
            usage: UsageLines::new(usage.map(|usage| UsageLine { usage, cost }).collect()).unwrap(),
        }
    }

    /// The last session of as many as a row group has rows.
    fn last() -> u32 {
        99 + u32::try_from(ROW_GROUP_ROWS).unwrap()
    }

    fn written(files: &FarmFiles) -> Segment {
        let put = |number: u32| {
            let record = Record::Session(session(number));
            Put { fingerprint: fingerprint(&as_submitted(&record, &[])), record, share: None }
        };
        let puts: Vec<Put> = (100..=last()).map(put).collect();
        let names = SegmentNames::default();
        let month = Month::of(Timestamp::MIN);
        let new = NewSegment { number: 1, month, sequences: (1, 1), names: &names };
        write_segment(files, new, puts.iter()).unwrap().segment
    }

    #[test]
    fn sessions_are_read_out_of_their_row_groups_as_out_of_the_whole_file() {
        let dir = tempfile::tempdir().unwrap();
        let files = FarmFiles::new(dir.path(), FarmId::from_bytes([1; 16]));
        let segment = written(&files);
        let outline = SegmentOutline::read(&files, &segment).unwrap();
        assert_eq!(outline.groups.len(), 2, "several lines a session are more rows than a group has");
        let span = |session: &Session<LineCost>| {
            (session.span.started_at().millis(), session.span.ended_at().unwrap().millis())
        };
        let numbers = [100, 101, 5_000, 40_000, 40_001, 60_000, last()];
        let mut sought: Vec<(i64, i64)> = numbers.iter().map(|number| span(&session(*number))).collect();
        sought.push((7, 3));
        let sought = SoughtSpans::new(&sought);
        let mut expected = Vec::new();
        read_records(&files, &segment, |sealed| {
            if let Record::Session(session) = sealed.record
                && sought.contains(span(&session))
            {
                expected.push((sealed.row, session));
            }
            Ok(())
        })
        .unwrap();
        let mut found = Vec::new();
        outline
            .read_sought(&files, &segment, Sought::Spans(&sought), |row, session| found.push((row, session)))
            .unwrap();
        assert!(found.len() >= numbers.len());
        assert_eq!(found, expected);
    }

    /// All sessions of a segment that are wanted, with their rows.
    fn whole(
        files: &FarmFiles,
        segment: &Segment,
        wanted: impl Fn(u32, &Session<LineCost>) -> bool,
    ) -> Vec<(u32, Session<LineCost>)> {
        let mut found = Vec::new();
        read_records(files, segment, |sealed| {
            match sealed.record {
                Record::Session(session) if wanted(sealed.row, &session) => found.push((sealed.row, session)),
                _ => {}
            }
            Ok(())
        })
        .unwrap();
        found
    }

    #[test]
    fn sessions_of_rows_and_of_a_job_are_read_as_out_of_the_whole_file() {
        let dir = tempfile::tempdir().unwrap();
        let files = FarmFiles::new(dir.path(), FarmId::from_bytes([1; 16]));
        let segment = written(&files);
        let outline = SegmentOutline::read(&files, &segment).unwrap();
        let read = |sought: Sought<'_>| {
            let mut found = Vec::new();
            outline.read_sought(&files, &segment, sought, |row, session| found.push((row, session))).unwrap();
            found
        };
        let all = whole(&files, &segment, |_, _| true);
        // The first and the last of each row group are among them, and neighbours.
        let mut rows: Vec<u32> = all.iter().map(|(row, _)| *row).step_by(1_009).collect();
        rows.extend(all.iter().map(|(row, _)| *row).filter(|row| {
            outline
                .groups
                .iter()
                .any(|group| row.abs_diff(group.rows.start) < 4 || row.abs_diff(group.rows.end) < 4)
        }));
        rows.extend(all.last().map(|(row, _)| *row));
        rows.sort_unstable();
        rows.dedup();
        assert_eq!(read(Sought::Rows(&rows)), whole(&files, &segment, |row, _| rows.contains(&row)));
        let second_lines: Vec<u32> = all
            .iter()
            .filter(|(_, one)| one.usage.as_slice().len() > 1)
            .map(|(row, _)| row + 1)
            .take(5)
            .collect();
        assert_eq!(read(Sought::Rows(&second_lines)), [], "no record begins there");
        let owner = SessionOwner::Job(QueueId::from_bytes([1; 16]), job_id(5));
        let of_job = read(Sought::Owner(owner));
        assert!(of_job.len() > 100);
        assert_eq!(of_job, whole(&files, &segment, |_, session| session.job_id == job_id(5)));
    }

    #[test]
    fn what_changed_since_it_was_verified_is_not_read() {
        let dir = tempfile::tempdir().unwrap();
        let files = FarmFiles::new(dir.path(), FarmId::from_bytes([1; 16]));
        let segment = written(&files);
        let outline = SegmentOutline::read(&files, &segment).unwrap();
        let path = files.segment(segment.month, segment.number);
        let mut bytes = std::fs::read(&path).unwrap();
        let middle = usize::try_from(outline.groups[1].bytes.start).unwrap() + 100;
        bytes[middle] ^= 1;
        std::fs::write(&path, bytes).unwrap();
        let read = |number: u32| {
            let session = session(number);
            let span = (session.span.started_at().millis(), session.span.ended_at().unwrap().millis());
            let mut found = 0;
            let spans = SoughtSpans::new(&[span]);
            let read = outline.read_sought(&files, &segment, Sought::Spans(&spans), |_, _| found += 1);
            read.map(|()| found)
        };
        assert!(read(101).unwrap() >= 1, "the other row group is as it was");
        let error = read(last()).unwrap_err().to_string();
        assert!(error.contains("it changed since it was verified"), "{error}");
    }
}
