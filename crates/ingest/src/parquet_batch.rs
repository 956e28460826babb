//! Rows of a Parquet file that were decoded together, in the types that the file gave them.

use parquet::data_type::{AsBytes, ByteArray, FixedLenByteArray};
use parquet::errors::{ParquetError, Result};

use crate::cell::Cell;
use crate::known::{Unusual, Usual};
use crate::parquet_cell::{Encoding, big_endian};

/// Columns of the same rows.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    columns: Vec<Values>,
    rows: usize,
}

/// The values of one column.
#[derive(Debug)]
pub(crate) struct Values {
    encoding: Encoding,
    data: Data,
    /// Where the value of each row is, [`NULL`] where there is none; absent when every row has one.
    places: Option<Vec<u32>>,
    rows: usize,
}

/// Values as they are stored, without the nulls.
#[derive(Debug)]
pub(crate) enum Data {
    Int32(Vec<i32>),
    Int64(Vec<i64>),
    Float(Vec<f32>),
    Double(Vec<f64>),
    Bytes(Vec<ByteArray>),
    FixedBytes(Vec<FixedLenByteArray>),
    /// So many values that nobody can read.
    Unread(usize),
}

/// The place of a value that is not there.
const NULL: u32 = u32::MAX;

impl Batch {
    /// Puts columns side by side, which have to be equally long.
    pub(crate) fn new(columns: Vec<Values>) -> Result<Self> {
        let rows = columns.first().map_or(0, |column| column.rows);
        if columns.iter().any(|column| column.rows != rows) {
            return Err(ParquetError::General("the columns of a row group differ in length".to_owned()));
        }
        Ok(Self { columns, rows })
    }

    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    /// The cells of a row, whatever is in them.
    pub(crate) fn cells(&self, row: usize) -> impl Iterator<Item = Option<Cell<'static>>> + '_ {
        self.columns.iter().map(move |column| column.cell(row))
    }

    /// A column, by its place among those that were chosen.
    pub(crate) fn column(&self, index: usize) -> Option<&Values> {
        self.columns.get(index)
    }
}

impl Values {
    /// Values of one column; `levels` has one of `level_max` for each row with a value.
    pub(crate) fn new(encoding: Encoding, data: Data, levels: Option<&[i16]>, level_max: i16) -> Self {
        let values = data.len();
        let Some(levels) = levels else { return Self { encoding, data, places: None, rows: values } };
        let rows = levels.len();
        if values == rows {
            return Self { encoding, data, places: None, rows };
        }
        let mut next = 0;
        let places = levels.iter().map(|level| {
            // A level without a value, in a file that contradicts itself, is a null.
            if *level != level_max || next as usize >= values {
                return NULL;
            }
            next += 1;
            next - 1
        });
        Self { encoding, data, places: Some(places.collect()), rows }
    }

    fn place(&self, row: usize) -> Option<usize> {
        match &self.places {
            None => Some(row),
            Some(places) => places.get(row).filter(|place| **place != NULL).map(|place| *place as usize),
        }
    }

    /// The cell of a row.
    fn cell(&self, row: usize) -> Option<Cell<'static>> {
        let place = self.place(row)?;
        let encoding = self.encoding;
        match &self.data {
            Data::Int32(values) => values.get(place).map(|value| encoding.int32(*value)),
            Data::Int64(values) => values.get(place).map(|value| encoding.int64(*value)),
            Data::Float(values) => values.get(place).map(Encoding::fraction),
            Data::Double(values) => values.get(place).map(Encoding::fraction),
            Data::Bytes(values) => encoding.bytes(values.get(place)?.data()),
            Data::FixedBytes(values) => encoding.bytes(values.get(place)?.as_bytes()),
            Data::Unread(_) => None,
        }
    }

    /// The bytes of a text; an empty one is absent.
    pub(crate) fn text(&self, row: usize) -> Usual<Option<&[u8]>> {
        let Some(place) = self.place(row) else { return Ok(None) };
        match (&self.data, self.encoding) {
            (Data::Bytes(values), Encoding::Text) => {
                let text = values.get(place).map(ByteArray::data);
                Ok(text.filter(|text| !text.is_empty()))
            }
            (Data::Unread(_), _) => Ok(None),
            _ => Err(Unusual),
        }
    }

    /// A whole number that 32 bits without a sign can hold.
    pub(crate) fn whole(&self, row: usize) -> Usual<Option<u32>> {
        let Some(place) = self.place(row) else { return Ok(None) };
        let number = match (&self.data, self.encoding) {
            (Data::Int32(values), Encoding::Unsigned32) => {
                values.get(place).map(|value| value.cast_unsigned())
            }
            (Data::Int32(values), Encoding::Signed) => {
                values.get(place).and_then(|value| u32::try_from(*value).ok())
            }
            (Data::Int64(values), Encoding::Signed) => {
                values.get(place).and_then(|value| u32::try_from(*value).ok())
            }
            (Data::Unread(_), _) => return Ok(None),
            _ => None,
        };
        number.map(Some).ok_or(Unusual)
    }

    /// Milliseconds since 1970 of an instant, cut to whole ones.
    pub(crate) fn millis(&self, row: usize) -> Usual<Option<i64>> {
        let Some(place) = self.place(row) else { return Ok(None) };
        let (Encoding::Instant { units_per_millisecond } | Encoding::WallTime { units_per_millisecond }) =
            self.encoding
        else {
            return if matches!(self.data, Data::Unread(_)) { Ok(None) } else { Err(Unusual) };
        };
        match &self.data {
            Data::Int64(values) => {
                let units = values.get(place).copied().ok_or(Unusual)?;
                // A division takes long, and most files count milliseconds.
                let is_whole = units_per_millisecond == 1;
                Ok(Some(if is_whole { units } else { units.div_euclid(units_per_millisecond) }))
            }
            _ => Err(Unusual),
        }
    }

    /// A decimal as a whole number of units of ten to the minus the second.
    pub(crate) fn decimal(&self, row: usize) -> Usual<Option<(i128, u32)>> {
        let Some(place) = self.place(row) else { return Ok(None) };
        let Encoding::Decimal { scale } = self.encoding else {
            return if matches!(self.data, Data::Unread(_)) { Ok(None) } else { Err(Unusual) };
        };
        let unscaled = match &self.data {
            Data::Int32(values) => values.get(place).map(|value| i128::from(*value)),
            Data::Int64(values) => values.get(place).map(|value| i128::from(*value)),
            Data::Bytes(values) => values.get(place).and_then(|value| big_endian(value.data())),
            Data::FixedBytes(values) => values.get(place).and_then(|value| big_endian(value.as_bytes())),
            _ => None,
        };
        unscaled.map(|unscaled| Some((unscaled, scale))).ok_or(Unusual)
    }

    /// Whether two rows have the same value, as it is stored.
    pub(crate) fn is_same(&self, one: usize, other: usize) -> bool {
        let (Some(one), Some(other)) = (self.place(one), self.place(other)) else {
            return self.place(one).is_none() && self.place(other).is_none();
        };
        match &self.data {
            Data::Int32(values) => values.get(one) == values.get(other),
            Data::Int64(values) => values.get(one) == values.get(other),
            Data::Bytes(values) => {
                values.get(one).map(ByteArray::data) == values.get(other).map(ByteArray::data)
            }
            Data::FixedBytes(values) => {
                values.get(one).map(AsBytes::as_bytes) == values.get(other).map(AsBytes::as_bytes)
            }
            Data::Float(_) | Data::Double(_) | Data::Unread(_) => false,
        }
    }
}

impl Data {
    fn len(&self) -> usize {
        match self {
            Self::Int32(values) => values.len(),
            Self::Int64(values) => values.len(),
            Self::Float(values) => values.len(),
            Self::Double(values) => values.len(),
            Self::Bytes(values) => values.len(),
            Self::FixedBytes(values) => values.len(),
            Self::Unread(values) => *values,
        }
    }
}
