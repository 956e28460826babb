//! A column of a row group: its pages, compressed, and what the file says of them.

use std::borrow::Cow;
use std::io::Write;
use std::vec;

use bytes::Bytes;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::column::page::{CompressedPage, Page, PageWriteSpec, PageWriter};
use parquet::column::writer::ColumnCloseResult;
use parquet::data_type::ByteArray;
use parquet::errors::{ParquetError, Result};
use parquet::file::metadata::ColumnChunkMetaData;
use parquet::file::statistics::Statistics;
use parquet::file::writer::{
    SerializedFileWriter, SerializedPageWriter, SerializedRowGroupWriter, TrackedWrite,
};
use parquet::schema::types::ColumnDescPtr;
use zstd::bulk::Compressor;

use crate::sealed::column_encoding::{Number, bit_width, bits, deltas, ids, runs};

/// zstd's fastest regular level: most of a segment is random digits, of which no level makes less.
const COMPRESSION_LEVEL: i32 = 1;

/// The code of a row without a value.
pub(super) const ABSENT: u32 = u32::MAX;

/// Longest texts of which the file says the least and the greatest.
const STATISTIC_BYTES_MAX: usize = 64;

/// Texts by their codes.
#[derive(Debug, Default)]
pub(super) struct Dictionary {
    /// As the format has them plain: a length before each.
    plain: Vec<u8>,
    count: u32,
    least: Vec<u8>,
    greatest: Vec<u8>,
}

impl Dictionary {
    /// Adds a text, and gives its code.
    pub(super) fn add(&mut self, text: &[u8]) -> u32 {
        // Texts have bounds far below this.
        self.plain.extend_from_slice(&u32::try_from(text.len()).unwrap_or(u32::MAX).to_le_bytes());
        self.plain.extend_from_slice(text);
        if self.count == 0 || text < self.least.as_slice() {
            self.least = text.to_vec();
        }
        if self.count == 0 || text > self.greatest.as_slice() {
            self.greatest = text.to_vec();
        }
        self.count += 1;
        self.count - 1
    }

    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    fn statistics(&self, nulls: usize) -> Option<Statistics> {
        if self.least.len().max(self.greatest.len()) > STATISTIC_BYTES_MAX {
            return None;
        }
        let bound = |text: &[u8]| (self.count > 0).then(|| ByteArray::from(text.to_vec()));
        let (least, greatest) = (bound(&self.least), bound(&self.greatest));
        Some(Statistics::byte_array(least, greatest, None, Some(nulls as u64), false))
    }
}

/// Writes the columns of a row group in the order of the schema.
pub(super) struct Chunks<'a, W: Write> {
    group: SerializedRowGroupWriter<'a, W>,
    columns: vec::IntoIter<ColumnDescPtr>,
    compressor: Compressor<'static>,
    rows: usize,
}

/// A column whose values are encoded and not yet compressed.
struct Encoded<'e> {
    /// Levels and values of all rows.
    page: Vec<u8>,
    encoding: Encoding,
    dictionary: Option<&'e Dictionary>,
    statistics: Option<Statistics>,
}

impl<'a, W: Write + Send> Chunks<'a, W> {
    /// Begins a row group.
    pub(super) fn begin(file: &'a mut SerializedFileWriter<W>, rows: usize) -> Result<Self> {
        let columns = file.schema_descr().columns().to_vec().into_iter();
        let compressor = Compressor::new(COMPRESSION_LEVEL).map_err(ParquetError::from)?;
        Ok(Self { group: file.next_row_group()?, columns, compressor, rows })
    }

    pub(super) fn close(self) -> Result<()> {
        self.group.close().map(drop)
    }

    /// Texts by their codes, one for each row, [`ABSENT`] where there is none.
    pub(super) fn texts(&mut self, codes: &[u32], dictionary: &Dictionary) -> Result<()> {
        let is_present = |code: &u32| *code != ABSENT;
        let absent = codes.iter().filter(|code| !is_present(code)).count();
        let mut page = self.levels(codes.iter().map(is_present), absent);
        let present = match absent {
            0 => Cow::Borrowed(codes),
            _ => Cow::Owned(codes.iter().copied().filter(is_present).collect()),
        };
        let width = bit_width(dictionary.count as usize);
        if !present.is_empty() {
            page.push(width.to_le_bytes()[0]);
            runs(&mut page, &present, width);
        }
        let statistics = dictionary.statistics(absent);
        let (encoding, dictionary) = if present.is_empty() {
            (Encoding::PLAIN, None)
        } else {
            (Encoding::RLE_DICTIONARY, Some(dictionary))
        };
        self.write(Encoded { page, encoding, dictionary, statistics })
    }

    /// Ids behind a prefix, of the rows that have one.
    pub(super) fn ids(&mut self, prefix: &[u8], own: &[Option<[u8; 16]>]) -> Result<()> {
        let present: Vec<[u8; 16]> = own.iter().flatten().copied().collect();
        let mut page = self.levels(own.iter().map(Option::is_some), own.len() - present.len());
        ids(&mut page, prefix, &present);
        self.write(Encoded { page, encoding: Encoding::DELTA_BYTE_ARRAY, dictionary: None, statistics: None })
    }

    /// Instants and amounts, one for each row.
    pub(super) fn longs(&mut self, values: &[i64]) -> Result<()> {
        let (least, greatest) = (values.iter().min().copied(), values.iter().max().copied());
        self.numbers(values, Statistics::int64(least, greatest, None, Some(0), false))
    }

    /// Small numbers, one for each row.
    pub(super) fn integers(&mut self, values: &[i32]) -> Result<()> {
        self.numbers(values, Statistics::int32(None, None, None, Some(0), false))
    }

    fn numbers<N: Number>(&mut self, values: &[N], statistics: Statistics) -> Result<()> {
        let mut page = Vec::new();
        deltas(&mut page, values);
        let statistics = Some(statistics);
        self.write(Encoded { page, encoding: Encoding::DELTA_BINARY_PACKED, dictionary: None, statistics })
    }

    /// Small numbers of the rows that have one.
    pub(super) fn optional_integers(&mut self, values: &[Option<i32>]) -> Result<()> {
        self.optional_numbers(values, |absent| Statistics::int32(None, None, None, absent, false))
    }

    /// Numbers of the rows that have one.
    pub(super) fn optional_longs(&mut self, values: &[Option<i64>]) -> Result<()> {
        self.optional_numbers(values, |absent| Statistics::int64(None, None, None, absent, false))
    }

    fn optional_numbers<N: Number>(
        &mut self,
        values: &[Option<N>],
        statistics: impl FnOnce(Option<u64>) -> Statistics,
    ) -> Result<()> {
        let present: Vec<N> = values.iter().flatten().copied().collect();
        let absent = values.len() - present.len();
        let mut page = self.levels(values.iter().map(Option::is_some), absent);
        deltas(&mut page, &present);
        let statistics = Some(statistics(Some(absent as u64)));
        self.write(Encoded { page, encoding: Encoding::DELTA_BINARY_PACKED, dictionary: None, statistics })
    }

    /// Booleans, one for each row.
    pub(super) fn booleans(&mut self, values: &[bool]) -> Result<()> {
        let mut page = Vec::new();
        bits(&mut page, values);
        self.write(Encoded { page, encoding: Encoding::PLAIN, dictionary: None, statistics: None })
    }

    /// Sixteen bytes each, of the rows that have them.
    pub(super) fn blocks(&mut self, values: &[Option<[u8; 16]>]) -> Result<()> {
        let absent = values.iter().filter(|value| value.is_none()).count();
        let mut page = self.levels(values.iter().map(Option::is_some), absent);
        values.iter().flatten().for_each(|value| page.extend_from_slice(value));
        self.write(Encoded { page, encoding: Encoding::PLAIN, dictionary: None, statistics: None })
    }

    /// A page that begins with the levels of the next column, if it may lack values.
    fn levels(&self, present: impl Iterator<Item = bool>, absent: usize) -> Vec<u8> {
        let may_lack =
            self.columns.as_slice().first().is_some_and(|descriptor| descriptor.max_def_level() > 0);
        let mut page = vec![0; if may_lack { 4 } else { 0 }];
        if may_lack {
            let levels: Vec<u32> = match absent {
                0 => vec![1; self.rows],
                _ => present.map(u32::from).collect(),
            };
            runs(&mut page, &levels, 1);
            let length = u32::try_from(page.len() - 4).unwrap_or(u32::MAX);
            page[..4].copy_from_slice(&length.to_le_bytes());
        }
        page
    }

    fn write(&mut self, encoded: Encoded<'_>) -> Result<()> {
        let too_few = || ParquetError::General("the schema has too few columns".to_owned());
        let descriptor = self.columns.next().ok_or_else(too_few)?;
        let Encoded { page, encoding, dictionary, statistics } = encoded;
        let mut own = Vec::with_capacity(2);
        if let Some(Dictionary { plain, count, .. }) = dictionary {
            let (buf, encoding) = (self.compress(plain)?, Encoding::PLAIN);
            let page = Page::DictionaryPage { buf, num_values: *count, encoding, is_sorted: false };
            own.push(CompressedPage::new(page, plain.len()));
        }
        let data = Page::DataPage {
            buf: self.compress(&page)?,
            num_values: u32::try_from(self.rows).unwrap_or(u32::MAX),
            encoding,
            def_level_encoding: Encoding::RLE,
            rep_level_encoding: Encoding::RLE,
            statistics: None,
        };
        own.push(CompressedPage::new(data, page.len()));
        let mut sink = TrackedWrite::new(Vec::new());
        let written = own
            .into_iter()
            .map(|page| SerializedPageWriter::new(&mut sink).write_page(page))
            .collect::<Result<Vec<_>>>()?;
        let total = |of: fn(&PageWriteSpec) -> usize| written.iter().map(of).sum::<usize>();
        let encodings = match dictionary {
            Some(_) => vec![Encoding::PLAIN, Encoding::RLE, encoding],
            None => vec![Encoding::RLE, encoding],
        };
        let mut metadata = ColumnChunkMetaData::builder(descriptor)
            .set_compression(Compression::ZSTD(ZstdLevel::try_new(COMPRESSION_LEVEL)?))
            .set_encodings(encodings)
            .set_num_values(signed(self.rows))
            .set_total_compressed_size(signed(total(|page| page.compressed_size)))
            .set_total_uncompressed_size(signed(total(|page| page.uncompressed_size)))
            .set_dictionary_page_offset(dictionary.map(|_| 0))
            .set_data_page_offset(written.last().map_or(0, |page| page.offset.cast_signed()));
        if let Some(statistics) = statistics {
            metadata = metadata.set_statistics(statistics);
        }
        let close = ColumnCloseResult {
            bytes_written: sink.bytes_written() as u64,
            rows_written: self.rows as u64,
            metadata: metadata.build()?,
            bloom_filter: None,
            column_index: None,
            offset_index: None,
        };
        self.group.append_column(&Bytes::from(sink.into_inner()?), close)
    }

    fn compress(&mut self, plain: &[u8]) -> Result<Bytes> {
        self.compressor.compress(plain).map(Bytes::from).map_err(ParquetError::from)
    }
}

fn signed(length: usize) -> i64 {
    i64::try_from(length).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
