use std::sync::Arc;

use bytes::Bytes;
use parquet::data_type::{
    ByteArray, ByteArrayType, DataType, DoubleType, FixedLenByteArray, FixedLenByteArrayType, FloatType,
    Int32Type, Int64Type,
};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::parser::parse_message_type;

use farmtally_model::{NanoUsd, Record, Session, Submission};

use super::*;
use crate::entry::Entry;
use crate::format::{Format, Input, Options, open};
use crate::limits::PARQUET_BATCH_ROWS;

const TEXT_COLUMNS: &str = "
    required binary sessionId (STRING);
    required binary queueName (STRING);
    required binary fleetName (STRING);
    optional binary jobName (STRING);
    required binary userId (STRING);
    ";

/// Writes the values of one further column of a row group.
type WriteColumn = dyn Fn(&mut SerializedRowGroupWriter<'_, Vec<u8>>);

fn write<T: DataType>(group: &mut SerializedRowGroupWriter<'_, Vec<u8>>, values: &[Option<T::T>]) {
    let mut column = group.next_column().unwrap().unwrap();
    let levels: Vec<i16> = values.iter().map(|value| i16::from(value.is_some())).collect();
    let present: Vec<T::T> = values.iter().flatten().cloned().collect();
    column.typed::<T>().write_batch(&present, Some(&levels), None).unwrap();
    column.close().unwrap();
}

#[expect(clippy::unnecessary_wraps, reason = "cells are optional")]
fn text(value: &str) -> Option<ByteArray> {
    Some(ByteArray::from(value))
}

/// What became of each row.
type Rows = Vec<Result<Session<Option<NanoUsd>>, String>>;

/// A file of `rows` sessions in one or more row groups, with further columns as given.
fn file(rows: usize, groups: usize, columns: &[(&str, &WriteColumn)]) -> Bytes {
    let further: Vec<String> = columns.iter().map(|(declaration, _)| format!("{declaration};")).collect();
    let message = format!("message sessions {{ {TEXT_COLUMNS} {} }}", further.concat());
    let schema = parse_message_type(&message).unwrap();
    let properties = Arc::new(WriterProperties::builder().build());
    let mut writer = SerializedFileWriter::new(Vec::new(), Arc::new(schema), properties).unwrap();
    for group_number in 0..groups {
        let mut group = writer.next_row_group().unwrap();
        let ids = (0..rows).map(|row| text(&format!("session-{:032x}", group_number * rows + row)));
        write::<ByteArrayType>(&mut group, &ids.collect::<Vec<_>>());
        for value in ["comp", "gpu", "sh010", "alice"] {
            write::<ByteArrayType>(&mut group, &vec![text(value); rows]);
        }
        for (_, write_column) in columns {
            write_column(&mut group);
        }
        group.close().unwrap();
    }
    Bytes::from(writer.into_inner().unwrap())
}

const START: (&str, &WriteColumn) = ("required int64 startedAt (TIMESTAMP(MILLIS,true))", &|group| {
    write::<Int64Type>(group, &[Some(1_764_000_000_000)]);
});

fn read(bytes: Bytes) -> Result<Rows, String> {
    let input = Input::Stream(Box::new(std::io::Cursor::new(bytes)));
    let entries = open(Format::Parquet, input, Options::default()).map_err(|error| error.to_string())?;
    let described = entries.map(|entry| match entry.map_err(|error| error.to_string())? {
        Entry::Submission { submission: Submission { record: Record::Session(session), .. }, .. } => {
            Ok(Ok(session))
        }
        Entry::Rejected(reject) => Ok(Err(reject.to_string())),
        other => panic!("{other:?}"),
    });
    described.collect()
}

/// The one session of a file of one row.
fn read_one(columns: &[(&str, &WriteColumn)]) -> Result<Session<Option<NanoUsd>>, String> {
    read(file(1, 1, columns))?.remove(0)
}

/// The cost of the one session, whose cost column is as given.
fn cost(column: &str, write_column: &WriteColumn) -> Result<Option<u64>, String> {
    let session = read_one(&[START, (column, write_column)])?;
    Ok(session.usage.as_slice()[0].cost.map(NanoUsd::nanos))
}

#[test]
fn every_time_unit_with_or_without_utc_is_the_same_instant() {
    let cases: [(&str, i64); 6] = [
        ("required int64 startedAt (TIMESTAMP(MILLIS,true))", 1_764_000_000_123),
        ("optional int64 startedAt (TIMESTAMP(MICROS,false))", 1_764_000_000_123_999),
        ("optional int64 startedAt (TIMESTAMP(NANOS,true))", 1_764_000_000_123_999_999),
        ("optional int64 startedAt (TIMESTAMP(NANOS,false))", 1_764_000_000_123_000_000),
        ("optional int64 startedAt (TIMESTAMP_MILLIS)", 1_764_000_000_123),
        ("optional int64 startedAt (TIMESTAMP_MICROS)", 1_764_000_000_123_000),
    ];
    for (declaration, value) in cases {
        let session =
            read_one(&[(declaration, &move |group| write::<Int64Type>(group, &[Some(value)]))]).unwrap();
        assert_eq!(session.span.started_at().millis(), 1_764_000_000_123, "{declaration}");
    }
    let texts = read_one(&[("optional binary startedAt (STRING)", &|group| {
        write::<ByteArrayType>(group, &[text("2025-11-24T16:00:00.123Z")]);
    })]);
    assert_eq!(texts.unwrap().span.started_at().millis(), 1_764_000_000_123);
}

#[test]
fn every_decimal_encoding_is_the_same_amount() {
    let bytes = |length: usize| 1_230_000_i128.to_be_bytes()[16 - length..].to_vec();
    let fixed = FixedLenByteArray::from(bytes(16));
    let short = ByteArray::from(bytes(3));
    let amounts = [
        cost("optional int32 costInUsd (DECIMAL(9,6))", &|group| {
            write::<Int32Type>(group, &[Some(1_230_000)]);
        }),
        cost("optional int64 costInUsd (DECIMAL(18,9))", &|group| {
            write::<Int64Type>(group, &[Some(1_230_000_000)]);
        }),
        cost("optional fixed_len_byte_array(16) costInUsd (DECIMAL(38,6))", &move |group| {
            write::<FixedLenByteArrayType>(group, &[Some(fixed.clone())]);
        }),
        cost("optional binary costInUsd (DECIMAL(20,6))", &move |group| {
            write::<ByteArrayType>(group, &[Some(short.clone())]);
        }),
        cost("optional binary costInUsd (STRING)", &|group| write::<ByteArrayType>(group, &[text("1.23")])),
        cost("optional double costInUsd", &|group| write::<DoubleType>(group, &[Some(1.23)])),
    ];
    for amount in amounts {
        assert_eq!(amount, Ok(Some(1_230_000_000)));
    }
}

#[test]
fn a_null_cost_is_absent() {
    assert_eq!(cost("optional double costInUsd", &|group| write::<DoubleType>(group, &[None])), Ok(None));
    let empty =
        cost("optional binary costInUsd (STRING)", &|group| write::<ByteArrayType>(group, &[text("")]));
    assert_eq!(empty, Ok(None));
}

#[test]
fn amounts_that_are_not_exact_nano_dollars_are_refused_by_row() {
    let double =
        |value| cost("optional double costInUsd", &move |group| write::<DoubleType>(group, &[Some(value)]));
    assert_eq!(
        double(0.1 + 0.2).unwrap_err(),
        "line 1, costInUsd: 0.30000000000000004 has more than nine decimals; round it to 1e-9 before sending it"
    );
    assert_eq!(double(f64::NAN).unwrap_err(), "line 1, costInUsd: \"NaN\" is not a decimal number");
    let negative =
        cost("optional int64 costInUsd (DECIMAL(18,2))", &|group| write::<Int64Type>(group, &[Some(-5)]));
    assert_eq!(negative.unwrap_err(), "line 1, costInUsd: -0.05 is negative; the least is 0");
}

#[test]
fn whole_numbers_may_be_of_any_width_and_sign() {
    let cases: [(&str, &WriteColumn); 4] = [
        ("optional int32 revision", &|group| write::<Int32Type>(group, &[Some(7)])),
        ("optional int64 revision", &|group| write::<Int64Type>(group, &[Some(7)])),
        ("optional int32 revision (INTEGER(32,false))", &|group| write::<Int32Type>(group, &[Some(7)])),
        ("optional int32 revision (INTEGER(8,true))", &|group| write::<Int32Type>(group, &[Some(7)])),
    ];
    for (declaration, write_column) in cases {
        assert_eq!(read_one(&[START, (declaration, write_column)]).unwrap().revision, 7, "{declaration}");
    }
    let largest = read_one(&[
        START,
        ("optional int32 revision (INTEGER(32,false))", &|group| {
            write::<Int32Type>(group, &[Some(-1)]);
        }),
    ]);
    assert_eq!(largest.unwrap().revision, u32::MAX);
    let negative =
        read_one(&[START, ("optional int32 revision", &|group| write::<Int32Type>(group, &[Some(-1)]))]);
    assert_eq!(negative.unwrap_err(), "line 1, revision: -1 is not a whole number from 0 to 4294967295");
}

/// The revision of the one session, whose revision column is a DOUBLE.
fn double_revision(value: Option<f64>) -> Result<u32, String> {
    let revision: (&str, &WriteColumn) =
        ("optional double revision", &move |group| write::<DoubleType>(group, &[value]));
    read_one(&[START, revision]).map(|session| session.revision)
}

#[test]
fn whole_numbers_may_be_fractions_in_form() {
    assert_eq!(double_revision(Some(7.0)), Ok(7));
    assert_eq!(double_revision(Some(4_294_967_295.0)), Ok(u32::MAX));
    assert_eq!(double_revision(None), Ok(0));
    let float = read_one(&[
        START,
        ("optional float revision", &|group| write::<FloatType>(group, &[Some(16_777_216.0)])),
    ]);
    assert_eq!(float.unwrap().revision, 16_777_216);
}

#[test]
fn fractions_that_are_no_whole_number_in_range_are_refused_by_row() {
    for (value, shown) in [
        (1.5, "1.5"),
        (-1.0, "-1"),
        (4_294_967_296.0, "4294967296"),
        (f64::NAN, "NaN"),
        (f64::INFINITY, "inf"),
    ] {
        assert_eq!(
            double_revision(Some(value)).unwrap_err(),
            format!("line 1, revision: {shown} is not a whole number from 0 to 4294967295")
        );
    }
}

#[test]
fn the_index_that_pandas_writes_is_passed_over_wherever_it_stands() {
    let index: &WriteColumn = &|group| write::<Int64Type>(group, &[Some(99)]);
    let session = read_one(&[
        ("optional int64 __index_level_0__", index),
        START,
        ("optional int64 __index_level_10__", index),
        ("optional int32 revision", &|group| write::<Int32Type>(group, &[Some(7)])),
    ]);
    assert_eq!(session.unwrap().revision, 7);
}

#[test]
fn an_instant_outside_the_years_is_refused_by_row() {
    let start: (&str, &WriteColumn) = ("optional int64 startedAt (TIMESTAMP(MILLIS,true))", &|group| {
        write::<Int64Type>(group, &[Some(-1)]);
    });
    let refusal = read_one(&[start]).unwrap_err();
    assert_eq!(refusal, "line 1, startedAt: -1 ms after 1970 is outside the years 1970 to 2999");
}

#[test]
fn batches_and_row_groups_are_read_through_and_nulls_keep_their_place() {
    let rows = PARQUET_BATCH_ROWS * 2 + 10;
    let starts = move |group: &mut SerializedRowGroupWriter<'_, Vec<u8>>| {
        write::<Int64Type>(group, &vec![Some(1_764_000_000_000); rows]);
    };
    let revisions = move |group: &mut SerializedRowGroupWriter<'_, Vec<u8>>| {
        let values: Vec<_> =
            (0..rows).map(|row| (!row.is_multiple_of(3)).then(|| i32::try_from(row).unwrap())).collect();
        write::<Int32Type>(group, &values);
    };
    let bytes = file(rows, 2, &[(START.0, &starts), ("optional int32 revision", &revisions)]);
    let sessions = read(bytes).unwrap();
    assert_eq!(sessions.len(), 2 * rows);
    for (row, session) in sessions.into_iter().map(Result::unwrap).enumerate() {
        let in_group = row % rows;
        let expected = if in_group.is_multiple_of(3) { 0 } else { in_group };
        assert_eq!(session.session_id.to_string(), format!("session-{row:032x}"));
        assert_eq!(session.revision as usize, expected, "row {row}");
    }
}

#[test]
fn columns_of_the_wrong_type_or_name_are_refused_at_once() {
    for (declaration, sentence) in [
        (
            "optional int64 startedAt",
            "column startedAt is INT64; a TIMESTAMP, or a string in ISO 8601 is needed",
        ),
        ("optional float costInUsd", "column costInUsd is FLOAT; a DECIMAL, a string or a DOUBLE is needed"),
        ("optional double outcome", "column outcome is DOUBLE; a string is needed"),
        ("optional float outcome", "column outcome is FLOAT; a string is needed"),
        ("optional int32 __index_level_x__", "unknown column \"__index_level_x__\""),
        (
            "optional binary quantity (STRING)",
            "column quantity is BYTE_ARRAY (String); an INT32 or INT64 is needed",
        ),
        ("optional int96 endedAt", "column endedAt is INT96; a TIMESTAMP, or a string in ISO 8601 is needed"),
        ("repeated binary outcome (STRING)", "column outcome is nested; a string is needed"),
        ("optional binary started_at (STRING)", "unknown column \"started_at\"; did you mean startedAt?"),
        ("optional int32 revision", "required columns are missing: startedAt"),
    ] {
        assert_eq!(read(file(0, 0, &[(declaration, &|_| ())])).unwrap_err(), sentence);
    }
}

#[test]
fn what_is_no_parquet_file_is_an_error() {
    for bytes in [&b""[..], b"PAR1", b"sessionId,queueId\n", b"PAR1 something in between PAR1"] {
        let error = read(Bytes::copy_from_slice(bytes)).unwrap_err();
        assert!(error.starts_with("not a readable Parquet file: "), "{error}");
    }
    let whole = file(1, 1, &[START]);
    assert!(read(whole.slice(..whole.len() - 9)).is_err());
}

/// How reading bytes to their end ends.
fn read_to_the_end(bytes: Vec<u8>) -> Result<usize, ReadError> {
    let entries =
        open(Format::Parquet, Input::Stream(Box::new(std::io::Cursor::new(bytes))), Options::default())?;
    entries.map(|entry| entry.map(drop)).try_fold(0, |count, entry| entry.map(|()| count + 1))
}

#[test]
fn a_column_that_begins_before_the_file_does_is_refused() {
    let bytes = include_bytes!("../../../../fuzz/corpus/parquet/negative-column-start").to_vec();
    let error = read_to_the_end(bytes).unwrap_err();
    assert!(matches!(error, ReadError::Parquet(_)), "{error}");
}

#[test]
fn a_file_with_a_changed_byte_is_read_or_refused_and_stops_nobody() {
    let whole = include_bytes!("../../../../tests/data/sessions-duckdb.parquet");
    assert!(read_to_the_end(whole.to_vec()).unwrap() > 0);
    for index in 0..whole.len() {
        let mut changed = whole.to_vec();
        changed[index] ^= 1 << (index % 8);
        drop(read_to_the_end(changed));
    }
}
