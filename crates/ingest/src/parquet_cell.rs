//! From a Parquet column's physical and logical type to cells.
//!
//! One meaning has many encodings: a cost may be a decimal in four physical types, a text, or a double. The encoding
//! is chosen once per file, and a column whose type cannot hold its meaning is refused before the first row.

use std::borrow::Cow;

use parquet::basic::{ConvertedType, LogicalType, TimeUnit, Type};
use parquet::schema::types::ColumnDescriptor;

use farmtally_model::{NanoUsd, Timestamp};

use crate::cell::Cell;
use crate::column::{Column, ColumnKind};
use crate::entry::ReadError;

/// Most decimals of a decimal column: what 256 bits can hold, which is the widest that common writers know.
const DECIMAL_SCALE_MAX: u32 = 76;

/// How a column of a file is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Encoding {
    /// UTF-8 text.
    Text,
    /// A signed whole number.
    Signed,
    /// A whole number whose 32 bits have no sign.
    Unsigned32,
    /// A number of time units since 1970.
    Instant { units_per_millisecond: i64 },
    /// The same, of the time that a clock on some wall showed.
    WallTime { units_per_millisecond: i64 },
    /// A whole number of units of ten to the minus `scale`.
    Decimal { scale: u32 },
    /// A binary fraction, exact enough for money.
    Double,
    /// A binary fraction that only tells whole numbers well.
    Float,
    /// A column that its writer knew no type for, because every value is null.
    Null,
}

impl Encoding {
    /// The encoding of a column, if it can hold what the column means.
    pub(crate) fn of(column: Column, descriptor: &ColumnDescriptor) -> Result<Self, ReadError> {
        let flat = descriptor.max_rep_level() == 0 && descriptor.path().parts().len() == 1;
        let encoding = if flat { detect(descriptor) } else { None };
        let fits = |encoding: &Self| encoding.fits(column.kind());
        encoding.filter(fits).ok_or_else(|| ReadError::header(refusal(column, descriptor)))
    }

    /// The encoding of a column whatever it means, if it is one that can be read.
    pub(crate) fn of_any(descriptor: &ColumnDescriptor) -> Option<Self> {
        if descriptor.max_rep_level() == 0 { detect(descriptor) } else { None }
    }

    fn fits(self, kind: ColumnKind) -> bool {
        match self {
            Self::Null => true,
            Self::Text => kind != ColumnKind::Integer,
            Self::Signed | Self::Unsigned32 => matches!(kind, ColumnKind::Integer | ColumnKind::Money),
            Self::Instant { .. } | Self::WallTime { .. } => kind == ColumnKind::Instant,
            Self::Decimal { .. } => kind == ColumnKind::Money,
            Self::Double => matches!(kind, ColumnKind::Integer | ColumnKind::Money),
            Self::Float => kind == ColumnKind::Integer,
        }
    }

    /// The cell of an INT32 value.
    pub(crate) fn int32(self, value: i32) -> Cell<'static> {
        match self {
            Self::Unsigned32 => Cell::Integer(i64::from(value.cast_unsigned())),
            _ => self.int64(i64::from(value)),
        }
    }

    /// The cell of an INT64 value.
    pub(crate) fn int64(self, value: i64) -> Cell<'static> {
        match self {
            Self::Instant { units_per_millisecond } => instant(value.div_euclid(units_per_millisecond)),
            Self::WallTime { units_per_millisecond } => {
                match instant(value.div_euclid(units_per_millisecond)) {
                    Cell::Instant(instant) => Cell::WallTime(instant),
                    other => other,
                }
            }
            Self::Decimal { scale } => money(&plain_decimal(i128::from(value), scale)),
            _ => Cell::Integer(value),
        }
    }

    /// The cell of a DOUBLE or FLOAT value: its shortest decimal form is taken for what was meant.
    pub(crate) fn fraction(value: &impl ToString) -> Cell<'static> {
        Cell::Number(Cow::Owned(value.to_string()))
    }

    /// The cell of a BYTE_ARRAY or FIXED_LEN_BYTE_ARRAY value; an empty text is absent.
    pub(crate) fn bytes(self, bytes: &[u8]) -> Option<Cell<'static>> {
        match self {
            Self::Decimal { scale } => Some(match big_endian(bytes) {
                Some(unscaled) => money(&plain_decimal(unscaled, scale)),
                None => Cell::Unusable {
                    value: format!("{} bytes", bytes.len()),
                    message: "the decimal does not fit 128 bits".to_owned(),
                },
            }),
            _ => text(bytes),
        }
    }
}

fn detect(descriptor: &ColumnDescriptor) -> Option<Encoding> {
    let logical = descriptor.logical_type_ref();
    if matches!(logical, Some(LogicalType::Unknown)) {
        return Some(Encoding::Null);
    }
    if is_decimal(descriptor) {
        let scale = u32::try_from(descriptor.type_scale()).ok().filter(|scale| *scale <= DECIMAL_SCALE_MAX);
        return scale.map(|scale| Encoding::Decimal { scale });
    }
    match descriptor.physical_type() {
        Type::BYTE_ARRAY => Some(Encoding::Text),
        Type::INT32 => detect_int32(descriptor),
        Type::INT64 => detect_int64(descriptor),
        Type::DOUBLE => Some(Encoding::Double),
        Type::FLOAT => Some(Encoding::Float),
        Type::BOOLEAN | Type::INT96 | Type::FIXED_LEN_BYTE_ARRAY => None,
    }
}

fn is_decimal(descriptor: &ColumnDescriptor) -> bool {
    matches!(descriptor.logical_type_ref(), Some(LogicalType::Decimal(_)))
        || descriptor.converted_type() == ConvertedType::DECIMAL
}

fn detect_int32(descriptor: &ColumnDescriptor) -> Option<Encoding> {
    match (descriptor.logical_type_ref(), descriptor.converted_type()) {
        (Some(LogicalType::Integer(integer)), _) if integer.is_signed => Some(Encoding::Signed),
        (Some(LogicalType::Integer(_)), _) => Some(Encoding::Unsigned32),
        (None, ConvertedType::UINT_8 | ConvertedType::UINT_16 | ConvertedType::UINT_32) => {
            Some(Encoding::Unsigned32)
        }
        (
            None,
            ConvertedType::NONE | ConvertedType::INT_8 | ConvertedType::INT_16 | ConvertedType::INT_32,
        ) => Some(Encoding::Signed),
        _ => None,
    }
}

fn detect_int64(descriptor: &ColumnDescriptor) -> Option<Encoding> {
    let instant = |units_per_millisecond| Some(Encoding::Instant { units_per_millisecond });
    match (descriptor.logical_type_ref(), descriptor.converted_type()) {
        (Some(LogicalType::Timestamp(timestamp)), _) => {
            let units_per_millisecond = match timestamp.unit {
                TimeUnit::MILLIS => 1,
                TimeUnit::MICROS => 1_000,
                TimeUnit::NANOS => 1_000_000,
            };
            Some(if timestamp.is_adjusted_to_u_t_c {
                Encoding::Instant { units_per_millisecond }
            } else {
                Encoding::WallTime { units_per_millisecond }
            })
        }
        // Numbers beyond 2^63 would read as negative, and so are refused row by row, as numbers beyond the bound are.
        (Some(LogicalType::Integer(_)), _) => Some(Encoding::Signed),
        (None, ConvertedType::TIMESTAMP_MILLIS) => instant(1),
        (None, ConvertedType::TIMESTAMP_MICROS) => instant(1_000),
        (None, ConvertedType::NONE | ConvertedType::INT_64 | ConvertedType::UINT_64) => {
            Some(Encoding::Signed)
        }
        _ => None,
    }
}

fn refusal(column: Column, descriptor: &ColumnDescriptor) -> String {
    let expected = match column.kind() {
        ColumnKind::Text => "a string",
        ColumnKind::Instant => "a TIMESTAMP, or a string in ISO 8601",
        ColumnKind::Integer => "an INT32 or INT64",
        ColumnKind::Money => "a DECIMAL, a string or a DOUBLE",
    };
    let name = column.name();
    if descriptor.max_rep_level() > 0 || descriptor.path().parts().len() > 1 {
        return format!("column {name} is nested; {expected} is needed");
    }
    let found = descriptor.physical_type();
    match descriptor.logical_type_ref() {
        Some(logical) => format!("column {name} is {found} ({logical:?}); {expected} is needed"),
        None => format!("column {name} is {found}; {expected} is needed"),
    }
}

fn instant(millis: i64) -> Cell<'static> {
    match Timestamp::from_millis(millis) {
        Ok(instant) => Cell::Instant(instant),
        Err(error) => Cell::Unusable { value: format!("{millis} ms"), message: error.to_string() },
    }
}

fn money(text: &str) -> Cell<'static> {
    match NanoUsd::parse(text) {
        Ok(amount) => Cell::Money(amount),
        Err(error) => Cell::Unusable { value: text.to_owned(), message: error.to_string() },
    }
}

fn text(bytes: &[u8]) -> Option<Cell<'static>> {
    match std::str::from_utf8(bytes) {
        Ok("") => None,
        Ok(text) => Some(Cell::Text(Cow::Owned(text.to_owned()))),
        Err(_) => Some(Cell::Unusable {
            value: String::from_utf8_lossy(bytes).into_owned(),
            message: "the text is not UTF-8".to_owned(),
        }),
    }
}

/// A two's complement number, most significant byte first.
pub(crate) fn big_endian(bytes: &[u8]) -> Option<i128> {
    let filler = if bytes.first()? & 0x80 == 0 { 0 } else { 0xff };
    let excess = bytes.len().saturating_sub(16);
    let (excess, significant) = bytes.split_at(excess);
    let sign_survives = excess.is_empty() || (significant[0] ^ filler) & 0x80 == 0;
    if !sign_survives || excess.iter().any(|byte| *byte != filler) {
        return None;
    }
    let mut whole = [filler; 16];
    whole[16 - significant.len()..].copy_from_slice(significant);
    Some(i128::from_be_bytes(whole))
}

/// `-12345` with scale 2 is `-123.45`.
fn plain_decimal(unscaled: i128, scale: u32) -> String {
    let sign = if unscaled < 0 { "-" } else { "" };
    let scale = scale as usize;
    let digits = format!("{:0>width$}", unscaled.unsigned_abs(), width = scale + 1);
    let (whole, fraction) = digits.split_at(digits.len() - scale);
    if fraction.is_empty() { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cell::Cells;

    #[test]
    fn decimals_keep_every_digit() {
        assert_eq!(plain_decimal(-12345, 2), "-123.45");
        assert_eq!(plain_decimal(5, 9), "0.000000005");
        assert_eq!(plain_decimal(7, 0), "7");
        assert_eq!(plain_decimal(i128::MIN, 0), i128::MIN.to_string());
    }

    #[test]
    fn big_endian_numbers_may_be_shorter_or_longer_than_they_need() {
        assert_eq!(big_endian(&[0xff, 0x85]), Some(-123));
        assert_eq!(big_endian(&[0x7b]), Some(123));
        assert_eq!(big_endian(&[&[0; 20][..], &[0x7b]].concat()), Some(123));
        assert_eq!(big_endian(&[&[0xff; 20][..], &[0x85]].concat()), Some(-123));
        assert_eq!(big_endian(&[&[0, 0x80][..], &[0; 15]].concat()), None);
        assert_eq!(big_endian(&[]), None);
    }

    #[test]
    fn a_double_stands_for_its_shortest_decimal() {
        let nanos = |value: f64| {
            let mut cells = Cells::new();
            cells.set(Column::CostInUsd, Some(Encoding::fraction(&value)));
            cells.money(Column::CostInUsd).map(|amount| amount.unwrap().nanos())
        };
        assert_eq!(nanos(0.1), Ok(100_000_000));
        assert_eq!(nanos(1e-9), Ok(1));
        assert_eq!(nanos(12.0), Ok(12_000_000_000));
        for refused in [0.1 + 0.2, 1e-10, f64::NAN, f64::INFINITY, -1.0, 1e300] {
            assert!(nanos(refused).is_err(), "{refused}");
        }
    }

    #[test]
    fn instants_are_cut_to_the_millisecond_also_before_1970() {
        let micros = Encoding::Instant { units_per_millisecond: 1_000 };
        assert_eq!(micros.int64(1_999), Cell::Instant(Timestamp::from_millis(1).unwrap()));
        assert!(matches!(micros.int64(-1), Cell::Unusable { .. }));
    }
}
