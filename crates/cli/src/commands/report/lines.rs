//! An answer as JSON Lines: a line for each row, with the names of its bucket and group in it.

use farmtally_wire::native::{Answer, AnswerRow};
use serde_json::{Map, Value, json};

/// The lines, each with its end.
pub(super) fn lines(answer: &Answer) -> String {
    let rows = answer.rows.iter().map(|row| Value::Object(object(answer, row)).to_string() + "\n");
    rows.collect()
}

fn object(answer: &Answer, row: &AnswerRow) -> Map<String, Value> {
    let head = &answer.head;
    let mut object = Map::new();
    if let Some(bucket) = head.buckets.get(row.bucket as usize) {
        object.insert("bucketStart".to_owned(), json!(bucket.from));
        object.insert("bucketEnd".to_owned(), json!(bucket.to));
    }
    let group = head.groups.get(row.group as usize);
    if let Some(values) = group.and_then(|group| group.values.as_ref()) {
        let named = head.group_by.iter().cloned().zip(values.iter().map(|value| json!(value)));
        object.extend(named);
    }
    if let Some(other) = group.and_then(|group| group.other) {
        object.insert("other".to_owned(), json!(other));
    }
    object.insert("sessions".to_owned(), json!(row.sessions));
    object.insert("cost".to_owned(), json!(row.cost));
    object.insert("runtimeMs".to_owned(), json!(row.runtime_ms));
    object
}
