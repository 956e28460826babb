//! The short way against the CSV form of the same rows, which has no short way.

use std::fmt::Write;
use std::io::Cursor;
use std::sync::Arc;

use bytes::Bytes;
use parquet::data_type::{ByteArray, ByteArrayType, DataType, Int32Type, Int64Type};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::parser::parse_message_type;
use proptest::prelude::*;
use proptest::sample::select;

use crate::column::Column;
use crate::entry::Entry;
use crate::format::{Format, Input, Options, open};
use crate::limits::PARQUET_BATCH_ROWS;
use crate::parquet_rows::ParquetRows;

/// What a column has of a line.
type TextOf<'a> = dyn Fn(&(Line, Option<&str>)) -> Option<String> + 'a;

/// A usage line; what is absent is `None`.
#[derive(Debug, Clone)]
struct Line {
    session: Option<&'static str>,
    volume: Option<&'static str>,
    texts: [Option<&'static str>; TEXTS.len()],
    started_at: Option<i64>,
    ended_at: Option<i64>,
    revision: Option<i32>,
    quantity: Option<i32>,
    /// In nano-dollars.
    cost: Option<i64>,
}

const TEXTS: [&str; 12] = [
    "queueId",
    "queueName",
    "fleetId",
    "fleetName",
    "jobId",
    "jobName",
    "userId",
    "userName",
    "workerId",
    "instanceType",
    "outcome",
    "usageType",
];

const SESSIONS: [&str; 4] = [
    "session-00000000000000000000000000000001",
    "session-00000000000000000000000000000002",
    "session-0000000000000000000000000000000f",
    "session-0000000000000000000000000000000F",
];

/// Values of a text column, the first of which are as they should be.
fn pool(column: &str) -> &'static [&'static str] {
    match column {
        "queueId" => {
            &["queue-00000000000000000000000000000001", "queue-0000000000000000000000000000000a", "queue-1"]
        }
        "fleetId" => {
            &["fleet-00000000000000000000000000000001", "fleet-0000000000000000000000000000000a", "7"]
        }
        "jobId" => &["job-00000000000000000000000000000001", "job-0000000000000000000000000000000b", "job"],
        "workerId" => &["worker-00000000000000000000000000000001", "worker-g0000000000000000000000000000001"],
        "outcome" => &["SUCCEEDED", "FAILED", "CANCELLED", "DONE"],
        "usageType" => &["COMPUTE", "LICENSE", "PERSISTENT_VOLUME", "compute"],
        _ => &["alice", "sh010 comp", "é"],
    }
}

fn text(column: &'static str) -> impl Strategy<Value = Option<&'static str>> {
    let pool = pool(column);
    let absent = if column == "usageType" { 1 } else { 4 };
    prop_oneof![absent => Just(None), 40 => select(&pool[..2]).prop_map(Some), 1 => select(pool).prop_map(Some)]
}

fn instant() -> impl Strategy<Value = Option<i64>> {
    const START_MS: i64 = 1_764_000_000_000;
    prop_oneof![
        1 => Just(None),
        30 => (START_MS..START_MS + 4).prop_map(Some),
        1 => select(&[-1, 0, 32_503_679_999_999, 32_503_680_000_000][..]).prop_map(Some)
    ]
}

prop_compose! {
    fn line()(
        session in prop_oneof![1 => Just(None), 30 => select(&SESSIONS[..]).prop_map(Some)],
        volume in prop_oneof![
            30 => Just(None),
            1 => Just(Some("volume-00000000000000000000000000000001")),
        ],
        texts in TEXTS.map(text),
        started_at in instant(),
        ended_at in instant(),
        revision in prop_oneof![5 => Just(None), 5 => (0..3).prop_map(Some), 1 => Just(Some(-1))],
        quantity in prop_oneof![9 => Just(None), 9 => Just(Some(1)), 1 => (-1..3).prop_map(Some)],
        cost in prop_oneof![
            5 => Just(None),
            20 => (0_i64..5_000_000_000).prop_map(Some),
            1 => select(&[-1, 1_000_000_000_000_000_000, 1_000_000_000_000_000_001][..]).prop_map(Some),
        ],
    ) -> Line {
        Line { session, volume, texts, started_at, ended_at, revision, quantity, cost }
    }
}

/// Usage lines, of which each has a successor that differs in the licensed product and cost alone, or has none.
fn lines() -> impl Strategy<Value = Vec<(Line, Option<&'static str>)>> {
    let product = prop_oneof![12 => Just(None), 3 => Just(Some("arnold")), 3 => Just(Some("nuke"))];
    prop::collection::vec((line(), product, 0_usize..3), 0..40).prop_map(|lines| {
        let repeat = |(line, product, more): (Line, Option<&'static str>, usize)| {
            let licensed = |product| {
                let mut texts = line.texts;
                texts[TEXTS.len() - 1] = Some("LICENSE");
                (Line { texts, ..line.clone() }, Some(product))
            };
            let others = ["houdini", "katana"].into_iter().take(more).map(licensed).collect::<Vec<_>>();
            [(line.clone(), product)].into_iter().chain(others)
        };
        lines.into_iter().flat_map(repeat).collect()
    })
}

fn csv(lines: &[(Line, Option<&str>)]) -> Vec<u8> {
    let mut text = format!(
        "sessionId,volumeId,{},licenseProduct,startedAt,endedAt,revision,quantity,costInUsd\n",
        TEXTS.join(",")
    );
    let instant = |millis: Option<i64>| {
        millis.map_or(String::new(), |millis| {
            // Instants that are not kept have no text of ours.
            let stamp = jiff::Timestamp::from_millisecond(millis).unwrap();
            stamp.to_string()
        })
    };
    for (line, product) in lines {
        let cost = line.cost.map_or(String::new(), |nanos| {
            let sign = if nanos < 0 { "-" } else { "" };
            format!("{sign}{}.{:09}", nanos.abs() / 1_000_000_000, nanos.abs() % 1_000_000_000)
        });
        let number = |number: Option<i32>| number.map_or(String::new(), |number| number.to_string());
        let texts = line.texts.map(Option::unwrap_or_default).join(",");
        writeln!(
            text,
            "{},{},{texts},{},{},{},{},{},{cost}",
            line.session.unwrap_or_default(),
            line.volume.unwrap_or_default(),
            product.unwrap_or_default(),
            instant(line.started_at),
            instant(line.ended_at),
            number(line.revision),
            number(line.quantity),
        )
        .unwrap();
    }
    text.into_bytes()
}

fn write<T: DataType>(group: &mut SerializedRowGroupWriter<'_, Vec<u8>>, values: Vec<Option<T::T>>) {
    let mut column = group.next_column().unwrap().unwrap();
    let levels: Vec<i16> = values.iter().map(|value| i16::from(value.is_some())).collect();
    let present: Vec<T::T> = values.into_iter().flatten().collect();
    column.typed::<T>().write_batch(&present, Some(&levels), None).unwrap();
    column.close().unwrap();
}

fn parquet(lines: &[(Line, Option<&str>)], group_rows: usize) -> Bytes {
    let texts: Vec<String> = ["sessionId", "volumeId"]
        .into_iter()
        .chain(TEXTS)
        .chain(["licenseProduct"])
        .map(|name| format!("optional binary {name} (STRING);"))
        .collect();
    let schema = format!(
        "message sessions {{ {} optional int64 startedAt (TIMESTAMP(MICROS,true));
         optional int64 endedAt (TIMESTAMP(MILLIS,false)); optional int32 revision; optional int32 quantity;
         optional int64 costInUsd (DECIMAL(18,9)); }}",
        texts.concat()
    );
    let schema = parse_message_type(&schema).unwrap();
    let properties = Arc::new(WriterProperties::builder().build());
    let mut writer = SerializedFileWriter::new(Vec::new(), Arc::new(schema), properties).unwrap();
    for lines in lines.chunks(group_rows) {
        let mut group = writer.next_row_group().unwrap();
        let bytes = |of: &TextOf<'_>| -> Vec<Option<ByteArray>> {
            lines.iter().map(|line| of(line).map(|text| ByteArray::from(text.into_bytes()))).collect()
        };
        let text = |text: Option<&str>| text.map(str::to_owned);
        write::<ByteArrayType>(&mut group, bytes(&|(line, _)| text(line.session)));
        write::<ByteArrayType>(&mut group, bytes(&|(line, _)| text(line.volume)));
        for index in 0..TEXTS.len() {
            write::<ByteArrayType>(&mut group, bytes(&|(line, _)| text(line.texts[index])));
        }
        write::<ByteArrayType>(&mut group, bytes(&|(_, product)| text(*product)));
        let micros = |millis: i64| millis * 1000;
        write::<Int64Type>(&mut group, lines.iter().map(|(line, _)| line.started_at.map(micros)).collect());
        write::<Int64Type>(&mut group, lines.iter().map(|(line, _)| line.ended_at).collect());
        write::<Int32Type>(&mut group, lines.iter().map(|(line, _)| line.revision).collect());
        write::<Int32Type>(&mut group, lines.iter().map(|(line, _)| line.quantity).collect());
        write::<Int64Type>(&mut group, lines.iter().map(|(line, _)| line.cost).collect());
        group.close().unwrap();
    }
    Bytes::from(writer.into_inner().unwrap())
}

/// What became of each record: the record, or the field that it was refused for. A line of CSV has the header before it.
fn entries(format: Format, bytes: Bytes, header_lines: u64) -> Vec<(u64, Result<String, String>)> {
    let entries = open(format, Input::Stream(Box::new(Cursor::new(bytes))), Options::default()).unwrap();
    let described = entries.map(|entry| match entry.unwrap() {
        Entry::Submission { line, submission } => (line - header_lines, Ok(format!("{submission:?}"))),
        Entry::Rejected(reject) => (reject.line - header_lines, Err(reject.field)),
        Entry::Skipped { .. } => panic!("no row of these formats is skipped"),
    });
    described.collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]
    #[test]
    fn a_parquet_file_says_what_the_same_rows_say_as_csv(lines in lines(), group_rows in 1_usize..50) {
        let typed = entries(Format::Parquet, parquet(&lines, group_rows), 0);
        let plain = entries(Format::Csv, Bytes::from(csv(&lines)), 1);
        prop_assert_eq!(typed, plain);
    }
}

#[test]
fn nearly_all_of_a_tidy_file_goes_the_short_way() {
    let line = |number: usize| {
        let mut texts = TEXTS.map(|column| Some(pool(column)[0]));
        texts[TEXTS.len() - 1] = None;
        let ended_at = Some(1_764_000_000_000 + i64::try_from(number).unwrap());
        let line = Line {
            session: Some(SESSIONS[number % 3]),
            volume: None,
            texts,
            started_at: Some(1_764_000_000_000),
            ended_at,
            revision: Some(0),
            quantity: None,
            cost: Some(7),
        };
        (line, None)
    };
    let rows = PARQUET_BATCH_ROWS + 100;
    let lines: Vec<_> = (0..rows).map(line).collect();
    let items = ParquetRows::open(parquet(&lines, rows)).unwrap();
    let short = items.filter(|item| matches!(item, Ok(crate::flat_rows::FlatItem::Whole(_)))).count();
    assert_eq!(short, rows - 2, "all but the last of each batch");
    assert_eq!(Column::COUNT, TEXTS.len() + 8);
}
