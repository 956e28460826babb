//! Source formats and the rate card.

use std::io::Cursor;

use farmtally_ingest::{
    Entry, FlamencoNames, Format, Input, Mapping, Options, RateCard, draft_mapping, flamenco_task_log, open,
    parse_amended, parse_jsonl,
};

use crate::text;

/// Reads all of a source; how it ends does not matter, that it ends does.
fn read(format: Format, bytes: &[u8]) {
    let input = Input::Stream(Box::new(Cursor::new(bytes.to_vec())));
    let options = Options { source_name: Some("a log".into()), ..Options::default() };
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
    for reject in parse_amended(bytes).filter_map(Result::err) {
        check(&Entry::Rejected(reject));
    }
    read(Format::Jsonl, bytes);
}

pub(crate) fn csv(bytes: &[u8]) {
    read(Format::Csv, bytes);
}

pub(crate) fn slurm(bytes: &[u8]) {
    read(Format::Slurm, bytes);
}

pub(crate) fn slurm_json(bytes: &[u8]) {
    read(Format::SlurmJson, bytes);
}

/// Both the events and a task's log.
pub(crate) fn flamenco(bytes: &[u8]) {
    read(Format::Flamenco, bytes);
    if let Ok(entries) = flamenco_task_log("a job", "a task", bytes, &FlamencoNames::default()) {
        entries.iter().for_each(check);
    }
}

/// A mapping, and a small table that is read by it.
pub(crate) fn mapping(bytes: &[u8]) {
    match Mapping::parse(&text(bytes)) {
        Ok(mapping) => mapped(b"id,start,cost\n1,2025-11-24 22:00:00,1.5\n", mapping),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

/// A table, the mapping that is drafted for it, and the table read by that: in both formats, or in the one that it looks like
/// where many are tried, since no target does more for an input.
pub(crate) fn table(bytes: &[u8]) {
    let like = if bytes.starts_with(b"{") { Format::Jsonl } else { Format::Csv };
    let tried = if cfg!(feature = "libfuzzer") { &[like][..] } else { &[Format::Csv, Format::Jsonl] };
    for format in tried.iter().copied() {
        let input = Input::Stream(Box::new(Cursor::new(bytes.to_vec())));
        let Ok(draft) = draft_mapping(format, input, "a table") else { continue };
        match Mapping::parse(&draft) {
            Ok(mapping) => mapped(bytes, mapping),
            // A table without times has no mapping that could be used as it stands.
            Err(error) => assert!(error.to_string().contains("startedAt"), "{error}\n{draft}"),
        }
    }
}

fn mapped(bytes: &[u8], mapping: Mapping) {
    let input = Input::Stream(Box::new(Cursor::new(bytes.to_vec())));
    let format = mapping.format().unwrap_or(Format::Csv);
    let options = Options { mapping: Some(mapping), ..Options::default() };
    let Ok(entries) = open(format, input, options) else { return };
    entries.map_while(Result::ok).for_each(|entry| check(&entry));
}

pub(crate) fn swf(bytes: &[u8]) {
    read(Format::Swf, bytes);
}

/// Text behind the first bytes of gzip, so that the rest is unpacked, and a file that has them itself. What has not is plain text, for
/// which there are other targets.
pub(crate) fn gzip(bytes: &[u8]) {
    const MAGIC: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3];
    read(Format::Jsonl, &[&MAGIC, bytes].concat());
    if bytes.starts_with(&MAGIC[..2]) {
        read(Format::Csv, bytes);
    }
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
