//! Source formats and the rate card.

use std::io::Cursor;

use farmtally_ingest::{Entry, Format, Input, Options, RateCard, open, parse_jsonl};

use crate::text;

/// Reads all of a source; how it ends does not matter, that it ends does.
fn read(format: Format, bytes: &[u8]) {
    let input = Input::Stream(Box::new(Cursor::new(bytes.to_vec())));
    let options = Options { source_name: Some("a log".into()) };
    let Ok(entries) = open(format, input, options) else { return };
    for entry in entries {
        match entry {
            Ok(entry) => check(&entry),
            Err(error) => return assert!(!error.to_string().is_empty()),
        }
    }
}

fn check(entry: &Entry) {
    if let Entry::Rejected(reject) = entry {
        assert!(!reject.message.is_empty(), "a refusal without a reason: {reject:?}");
    }
}

pub(crate) fn jsonl(bytes: &[u8]) {
    for entry in parse_jsonl(bytes) {
        check(&entry);
    }
    read(Format::Jsonl, bytes);
}

pub(crate) fn csv(bytes: &[u8]) {
    read(Format::Csv, bytes);
}

pub(crate) fn slurm(bytes: &[u8]) {
    read(Format::Slurm, bytes);
}

pub(crate) fn swf(bytes: &[u8]) {
    read(Format::Swf, bytes);
}

/// Text behind the first bytes of gzip, so that the rest is unpacked.
pub(crate) fn gzip(bytes: &[u8]) {
    const MAGIC: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3];
    read(Format::Jsonl, &[&MAGIC, bytes].concat());
    read(Format::Csv, bytes);
}

pub(crate) fn parquet(bytes: &[u8]) {
    read(Format::Parquet, bytes);
}

pub(crate) fn rates(bytes: &[u8]) {
    match RateCard::parse(&text(bytes)) {
        Ok(card) => assert!(card.len() <= farmtally_ingest::RATES_MAX),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}
