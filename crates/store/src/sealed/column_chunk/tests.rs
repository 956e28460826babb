//! What is written here, read by the library.

use std::sync::Arc;

use bytes::Bytes;
use parquet::column::reader::{ColumnReaderImpl, get_typed_column_reader};
use parquet::data_type::{BoolType, ByteArrayType, DataType, FixedLenByteArrayType, Int32Type, Int64Type};
use parquet::file::properties::WriterProperties;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::schema::parser::parse_message_type;
use proptest::prelude::*;

use super::*;

const SCHEMA: &str = "message rows {
    optional binary id (STRING);
    optional binary text (STRING);
    required binary always (STRING);
    required int64 long;
    required int32 integer;
    optional int32 sometimes;
    required boolean flag;
    optional fixed_len_byte_array (16) block;
}";

#[derive(Debug, Clone)]
struct Row {
    id: Option<u128>,
    text: Option<u16>,
    always: u16,
    long: i64,
    integer: i32,
    sometimes: Option<i32>,
    flag: bool,
    block: Option<u128>,
}

prop_compose! {
    fn row(spread: u32)(
        id in prop::option::of(prop_oneof![any::<u128>(), 0_u128..2]),
        text in prop::option::weighted(0.7, 0..=u16::try_from(spread).unwrap_or(u16::MAX)),
        always in 0..=u16::try_from(spread / 2).unwrap_or(u16::MAX),
        long in prop_oneof![any::<i64>(), 0..=i64::from(spread), Just(i64::MIN), Just(i64::MAX)],
        integer in prop_oneof![any::<i32>(), Just(0), Just(i32::MIN), Just(i32::MAX)],
        sometimes in prop::option::of(any::<i32>()),
        flag in any::<bool>(),
        block in prop::option::of(any::<u128>()),
    ) -> Row {
        Row { id, text, always, long, integer, sometimes, flag, block }
    }
}

fn rows() -> impl Strategy<Value = Vec<Row>> {
    prop_oneof![Just(0_u32), 1_u32..10, 10_u32..3000]
        .prop_flat_map(|spread| prop::collection::vec(row(spread), 1..600))
}

/// The same rows, of which each has its values as all others have.
fn uniform() -> impl Strategy<Value = Vec<Row>> {
    (row(100), 1_usize..300).prop_map(|(row, count)| vec![row; count])
}

/// Codes of texts in the order of their first use, and the texts.
fn coded(texts: impl Iterator<Item = Option<u16>>) -> (Vec<u32>, Dictionary) {
    let (mut dictionary, mut known) = (Dictionary::default(), std::collections::HashMap::new());
    let mut code = |text: Option<u16>| {
        let Some(text) = text else { return ABSENT };
        *known.entry(text).or_insert_with(|| dictionary.add(shown(text).as_bytes()))
    };
    (texts.map(&mut code).collect(), dictionary)
}

fn shown(text: u16) -> String {
    format!("text {text}")
}

fn file(rows: &[Row]) -> Bytes {
    let schema = Arc::new(parse_message_type(SCHEMA).unwrap());
    let mut file =
        SerializedFileWriter::new(Vec::new(), schema, Arc::new(WriterProperties::default())).unwrap();
    let mut chunks = Chunks::begin(&mut file, rows.len()).unwrap();
    let ids: Vec<_> = rows.iter().map(|row| row.id.map(u128::to_be_bytes)).collect();
    chunks.ids(b"session-", &ids).unwrap();
    let (codes, dictionary) = coded(rows.iter().map(|row| row.text));
    chunks.texts(&codes, &dictionary).unwrap();
    let (codes, dictionary) = coded(rows.iter().map(|row| Some(row.always)));
    chunks.texts(&codes, &dictionary).unwrap();
    chunks.longs(&rows.iter().map(|row| row.long).collect::<Vec<_>>()).unwrap();
    chunks.integers(&rows.iter().map(|row| row.integer).collect::<Vec<_>>()).unwrap();
    chunks.optional_integers(&rows.iter().map(|row| row.sometimes).collect::<Vec<_>>()).unwrap();
    chunks.booleans(&rows.iter().map(|row| row.flag).collect::<Vec<_>>()).unwrap();
    chunks.blocks(&rows.iter().map(|row| row.block.map(u128::to_be_bytes)).collect::<Vec<_>>()).unwrap();
    chunks.close().unwrap();
    Bytes::from(file.into_inner().unwrap())
}

/// The values of a column, with `None` for null.
fn read<T: DataType>(reader: &dyn FileReader, column: usize, rows: usize) -> Vec<Option<T::T>> {
    let group = reader.get_row_group(0).unwrap();
    let mut reader: ColumnReaderImpl<T> = get_typed_column_reader(group.get_column_reader(column).unwrap());
    let (mut levels, mut values) = (Vec::new(), Vec::new());
    reader.read_records(rows + 1, Some(&mut levels), None, &mut values).unwrap();
    if levels.is_empty() {
        return values.into_iter().map(Some).collect();
    }
    let mut values = values.into_iter();
    levels.into_iter().map(|level| if level == 1 { values.next() } else { None }).collect()
}

fn check(rows: &[Row]) -> std::result::Result<(), TestCaseError> {
    let reader = SerializedFileReader::new(file(rows)).unwrap();
    let count = rows.len();
    let texts = |column| -> Vec<Option<String>> {
        let values = read::<ByteArrayType>(&reader, column, count).into_iter();
        values.map(|value| value.map(|value| value.as_utf8().unwrap().to_owned())).collect()
    };
    let id = |row: &Row| row.id.map(|id| format!("session-{id:032x}"));
    prop_assert_eq!(texts(0), rows.iter().map(id).collect::<Vec<_>>());
    prop_assert_eq!(texts(1), rows.iter().map(|row| row.text.map(shown)).collect::<Vec<_>>());
    prop_assert_eq!(texts(2), rows.iter().map(|row| Some(shown(row.always))).collect::<Vec<_>>());
    let longs: Vec<_> = rows.iter().map(|row| Some(row.long)).collect();
    prop_assert_eq!(read::<Int64Type>(&reader, 3, count), longs);
    let integers: Vec<_> = rows.iter().map(|row| Some(row.integer)).collect();
    prop_assert_eq!(read::<Int32Type>(&reader, 4, count), integers);
    let sometimes: Vec<_> = rows.iter().map(|row| row.sometimes).collect();
    prop_assert_eq!(read::<Int32Type>(&reader, 5, count), sometimes);
    let flags: Vec<_> = rows.iter().map(|row| Some(row.flag)).collect();
    prop_assert_eq!(read::<BoolType>(&reader, 6, count), flags);
    let blocks = read::<FixedLenByteArrayType>(&reader, 7, count).into_iter();
    let blocks: Vec<_> = blocks.map(|block| block.map(|block| block.data().to_vec())).collect();
    let expected: Vec<_> =
        rows.iter().map(|row| row.block.map(|block| block.to_be_bytes().to_vec())).collect();
    prop_assert_eq!(blocks, expected);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(200) })]

    #[test]
    fn the_library_reads_back_what_is_encoded_here(rows in prop_oneof![8 => rows(), 2 => uniform()]) {
        check(&rows)?;
    }
}

#[test]
fn statistics_are_the_bounds_of_what_is_there() {
    let row = |text, long| Row {
        id: None,
        text,
        always: 1,
        long,
        integer: 0,
        sometimes: None,
        flag: true,
        block: None,
    };
    let bytes = file(&[row(Some(7), -3), row(None, 9), row(Some(12), 4)]);
    let reader = SerializedFileReader::new(bytes).unwrap();
    let group = reader.metadata().row_group(0);
    let bounds = |column: usize| {
        let statistics = group.column(column).statistics().unwrap();
        (statistics.min_bytes_opt().unwrap().to_vec(), statistics.max_bytes_opt().unwrap().to_vec())
    };
    assert_eq!(bounds(1), (b"text 12".to_vec(), b"text 7".to_vec()));
    assert_eq!(bounds(3), ((-3_i64).to_le_bytes().to_vec(), 9_i64.to_le_bytes().to_vec()));
    assert_eq!(group.column(1).statistics().unwrap().null_count_opt(), Some(1));
}
