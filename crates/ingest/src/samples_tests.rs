//! The samples under `tests/data`: one list of sessions in every form that carries it, written by different programs.

use std::fs::{self, File};
use std::path::PathBuf;

use crate::{Entry, Format, Input, Options, open, parse_jsonl};
use farmtally_model::Submission;

fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/data").join(name)
}

fn submissions(format: Format, name: &str) -> Vec<Submission> {
    let input = Input::File(File::open(path(name)).unwrap());
    let entries = open(format, input, Options::default()).unwrap();
    entries.map(|entry| submission(entry.unwrap())).collect()
}

fn submission(entry: Entry) -> Submission {
    match entry {
        Entry::Submission { submission, .. } => submission,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_same_sessions_are_read_from_every_form() {
    let expected = submissions(Format::Jsonl, "sessions.jsonl");
    assert_eq!(expected.len(), 5);
    for (format, name) in [
        (Format::Csv, "sessions.csv"),
        (Format::Parquet, "sessions.parquet"),
        (Format::Parquet, "sessions-pandas.parquet"),
        (Format::Parquet, "sessions-polars.parquet"),
        (Format::Parquet, "sessions-duckdb.parquet"),
    ] {
        assert_eq!(submissions(format, name), expected, "{name}");
    }
}

#[test]
fn a_body_and_a_file_are_read_alike() {
    let body = fs::read(path("sessions.jsonl")).unwrap();
    let from_body: Vec<Submission> = parse_jsonl(&body).map(submission).collect();
    assert_eq!(from_body, submissions(Format::Jsonl, "sessions.jsonl"));
}

#[test]
fn a_parquet_stream_and_a_parquet_file_are_read_alike() {
    let stream = Input::Stream(Box::new(File::open(path("sessions.parquet")).unwrap()));
    let entries = open(Format::Parquet, stream, Options::default()).unwrap();
    let from_stream: Vec<Submission> = entries.map(|entry| submission(entry.unwrap())).collect();
    assert_eq!(from_stream, submissions(Format::Parquet, "sessions.parquet"));
}
