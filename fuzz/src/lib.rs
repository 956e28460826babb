//! Every parser of bytes that come from outside, as functions that must return whatever they are given.
//!
//! libFuzzer drives them in `scripts/trust`, and `tests/corpus.rs` runs each over its corpus and some thousand mutations of
//! it with every other test. Where a value can be written and read back, a target also asserts that it is the same.

mod aws;
mod ingest;
mod questions;
mod requests;
mod values;

/// A parser, fed with bytes.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// Its name, and that of its corpus.
    pub name: &'static str,
    /// Gives it an input.
    pub run: fn(&[u8]),
    /// Longest input worth trying, in bytes.
    pub bytes_max: usize,
}

const fn target(name: &'static str, run: fn(&[u8]), bytes_max: usize) -> Target {
    Target { name, run, bytes_max }
}

/// Every target.
pub const TARGETS: &[Target] = &[
    target("authorization", requests::authorization, 1024),
    target("signed-request", requests::signed_request, 4096),
    target("route", requests::route, 1024),
    target("start", requests::start, 4096),
    target("get", requests::get, 2048),
    target("lists", requests::lists, 2048),
    target("question", questions::body, 4096),
    target("question-string", questions::query_string, 2048),
    target("aws-documents", aws::documents, 8192),
    target("aws-sessions", aws::sessions, 8192),
    target("timestamp", values::timestamp, 64),
    target("offset", values::offset, 32),
    target("money", values::money, 64),
    target("ids", values::ids, 128),
    target("texts", values::texts, 512),
    target("jsonl", ingest::jsonl, 8192),
    target("csv", ingest::csv, 8192),
    target("slurm", ingest::slurm, 8192),
    target("slurm-json", ingest::slurm_json, 8192),
    target("swf", ingest::swf, 8192),
    target("flamenco", ingest::flamenco, 8192),
    target("mapping", ingest::mapping, 4096),
    target("table", ingest::table, 4096),
    target("gzip", ingest::gzip, 4096),
    target("parquet", ingest::parquet, 32768),
    target("rates", ingest::rates, 4096),
];

/// The bytes as text, in which what is no UTF-8 is replaced.
fn text(bytes: &[u8]) -> std::borrow::Cow<'_, str> {
    String::from_utf8_lossy(bytes)
}
