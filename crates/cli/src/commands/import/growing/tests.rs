use std::io::Write;

use farmtally_ingest::{Entry, Format, Input, Options, open};

use super::*;

const HEAD: &str =
    "sessionId,queueName,fleetName,jobName,userId,startedAt,endedAt,usageType,licenseProduct,costInUsd\n";

fn row(number: u32, usage: &str) -> String {
    format!(
        "session-{number:032x},comp,spot,sh010,alice,2025-11-24T22:00:00Z,2025-11-24T23:00:00Z,{usage},1\n"
    )
}

fn line(number: u32) -> String {
    format!(
        "{{\"sessionId\":\"session-{number:032x}\",\"queueName\":\"comp\",\"fleetName\":\"spot\",\"jobName\":\"sh010\",\
         \"userId\":\"alice\",\"startedAt\":\"2025-11-24T22:00:00Z\"}}\n"
    )
}

/// A file in a folder of its own, and whoever follows it.
struct Followed {
    folder: tempfile::TempDir,
    growing: GrowingFile,
    format: Format,
}

impl Followed {
    fn new(format: Format, text: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        fs::write(&path, text).unwrap();
        Self { growing: GrowingFile::new(&path, format == Format::Csv), folder, format }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("file")
    }

    fn append(&self, text: &str) {
        fs::OpenOptions::new().append(true).open(self.path()).unwrap().write_all(text.as_bytes()).unwrap();
    }

    /// What a look brings: the last digits of the sessions, and the number of their usage lines; refusals by their lines.
    fn look(&mut self) -> Vec<(String, usize)> {
        self.look_and_settle(true)
    }

    fn look_and_settle(&mut self, is_stored: bool) -> Vec<(String, usize)> {
        if !self.growing.look().unwrap() {
            return vec![];
        }
        let (format, growth) = (self.format, self.growing.growth());
        let make = |bytes| {
            open(format, Input::Stream(bytes), Options { growth: Some(growth), ..Options::default() })
        };
        let Some(mut entries) = self.growing.take(make).unwrap() else { return vec![] };
        let found = entries.by_ref().map(|entry| described(entry.unwrap())).collect();
        self.growing.put_back(entries);
        self.growing.settle(is_stored);
        found
    }
}

fn described(entry: Entry) -> (String, usize) {
    match entry {
        Entry::Submission { submission, .. } => match submission.record {
            farmtally_model::Record::Session(session) => {
                (session.session_id.to_string()[38..].to_owned(), session.usage.as_slice().len())
            }
            farmtally_model::Record::Volume(_) => ("volume".to_owned(), 0),
        },
        Entry::Rejected(reject) => (format!("line {}", reject.line), 0),
        Entry::Skipped { .. } => ("skipped".to_owned(), 0),
    }
}

fn ones(numbers: &[u32]) -> Vec<(String, usize)> {
    numbers.iter().map(|number| (format!("{number:02x}"), 1)).collect()
}

#[test]
fn only_whole_lines_are_read_and_each_once() {
    let mut file = Followed::new(Format::Jsonl, &line(1));
    assert_eq!(file.look(), ones(&[1]));
    assert_eq!(file.look(), []);
    let second = line(2);
    file.append(&second[..40]);
    assert_eq!(file.look(), []);
    file.append(&second[40..]);
    file.append("{}\n");
    assert_eq!(file.look(), [("02".to_owned(), 1), ("line 3".to_owned(), 0)]);
    assert_eq!(file.look(), []);
}

#[test]
fn an_empty_file_may_get_its_first_line_later() {
    for (format, head) in [(Format::Jsonl, ""), (Format::Csv, HEAD)] {
        let mut file = Followed::new(format, "");
        assert_eq!(file.look(), []);
        file.append(head);
        assert_eq!(file.look(), []);
        file.append(&if format == Format::Csv { row(1, "COMPUTE,") } else { line(1) });
        let mut found = file.look();
        found.extend(file.look());
        assert_eq!(found, ones(&[1]), "{format}");
    }
}

#[test]
fn a_file_that_was_renamed_is_read_to_its_end_before_the_new_one() {
    let mut file = Followed::new(Format::Jsonl, &line(1));
    assert_eq!(file.look(), ones(&[1]));
    file.append(&line(2));
    // The old file's writer has not noticed yet, and its last line has no end.
    fs::rename(file.path(), file.folder.path().join("file.1")).unwrap();
    assert_eq!(file.look(), ones(&[2]), "there is no file of the name for a while");
    fs::write(file.path(), line(4)).unwrap();
    let mut old = fs::OpenOptions::new().append(true).open(file.folder.path().join("file.1")).unwrap();
    old.write_all(line(3).trim_end().as_bytes()).unwrap();
    assert_eq!(file.look(), [], "it may still grow");
    assert_eq!(file.look(), ones(&[3]));
    assert_eq!(file.look(), ones(&[4]));
    assert_eq!(file.look(), []);
}

/// A rotation: each number grows by one.
fn rotate(file: &Followed, numbers: u32) {
    let name = |number: u32| file.folder.path().join(format!("file.{number}"));
    for number in (1..=numbers).rev().filter(|number| name(*number).exists()) {
        fs::rename(name(number), name(number + 1)).unwrap();
    }
    fs::rename(file.path(), name(1)).unwrap();
}

/// Looks until nothing is left over.
fn catch_up(file: &mut Followed) -> Vec<(String, usize)> {
    let mut found = Vec::new();
    for _ in 0..20 {
        found.extend(file.look());
    }
    assert!(!file.growing.is_behind());
    found
}

#[test]
fn every_file_that_had_the_name_between_two_looks_is_read() {
    let mut file = Followed::new(Format::Jsonl, &line(1));
    fs::write(file.folder.path().join("file.1"), line(99)).unwrap();
    assert_eq!(file.look(), ones(&[1]), "what was renamed before is not read");
    file.append(&line(2));
    for numbers in [[3, 4], [5, 6], [7, 8]] {
        rotate(&file, 5);
        fs::write(file.path(), line(numbers[0]) + line(numbers[1]).trim_end()).unwrap();
    }
    assert!(file.growing.is_behind());
    assert_eq!(catch_up(&mut file), ones(&[2, 3, 4, 5, 6, 7]), "the last line may still grow");
    file.append("\n");
    assert_eq!(file.look(), ones(&[8]));
    rotate(&file, 5);
    fs::write(file.path(), line(9)).unwrap();
    assert_eq!(catch_up(&mut file), ones(&[9]), "nothing is read twice");
}

#[test]
fn a_file_between_that_was_compressed_is_read_too() {
    let mut file = Followed::new(Format::Jsonl, &line(1));
    assert_eq!(file.look(), ones(&[1]));
    rotate(&file, 5);
    rotate_compressed(&file, &line(2));
    fs::write(file.path(), line(3)).unwrap();
    assert_eq!(catch_up(&mut file), ones(&[2, 3]));
}

/// A file takes the name, is renamed and compressed.
fn rotate_compressed(file: &Followed, text: &str) {
    fs::rename(file.folder.path().join("file.1"), file.folder.path().join("file.2")).unwrap();
    let gzip = File::create(file.folder.path().join("file.1.gz")).unwrap();
    let mut encoder = flate2::write::GzEncoder::new(gzip, flate2::Compression::fast());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap();
}

#[test]
fn a_file_between_that_is_gone_is_an_error_that_names_it() {
    let mut file = Followed::new(Format::Jsonl, &line(1));
    assert_eq!(file.look(), ones(&[1]));
    rotate(&file, 5);
    fs::write(file.path(), line(2)).unwrap();
    rotate(&file, 5);
    fs::remove_file(file.folder.path().join("file.1")).unwrap();
    fs::write(file.path(), line(3)).unwrap();
    let error = file.growing.look().unwrap_err().to_string();
    assert!(error.starts_with("it was renamed more than once since the last look, and `"), "{error}");
    assert!(error.contains("/file.1` is not there; import what became of that file"), "{error}");
}

#[test]
fn a_file_that_was_cut_is_read_from_its_beginning() {
    let mut file = Followed::new(Format::Jsonl, &(line(1) + &line(2)));
    assert_eq!(file.look(), ones(&[1, 2]));
    fs::write(file.path(), line(3)).unwrap();
    assert_eq!(file.look(), ones(&[3]));
    // As long as before and longer, so that only what is in it tells.
    fs::write(file.path(), line(4)).unwrap();
    file.append(&line(5));
    assert_eq!(file.look(), ones(&[4, 5]));
}

#[test]
fn what_was_not_stored_is_read_again() {
    let mut file = Followed::new(Format::Jsonl, &line(1));
    assert_eq!(file.look_and_settle(false), ones(&[1]));
    assert_eq!(file.look(), ones(&[1]));
    assert_eq!(file.look(), []);
}

#[test]
fn a_session_of_several_rows_waits_for_its_last() {
    let mut file = Followed::new(Format::Csv, &format!("{HEAD}{}{}", row(1, "COMPUTE,"), row(2, "COMPUTE,")));
    assert_eq!(file.look(), ones(&[1]), "the second may go on");
    file.append(&row(2, "LICENSE,arnold"));
    assert_eq!(file.look(), [], "and does");
    assert_eq!(file.look(), [("02".to_owned(), 2)], "nothing came for a while");
    file.append(&row(3, "COMPUTE,"));
    let mut found = file.look();
    found.extend(file.look());
    assert_eq!(found, ones(&[3]));
    assert_eq!(file.look(), []);
}

#[test]
fn a_parser_that_saw_an_end_too_early_begins_anew() {
    let mut file = Followed::new(Format::Csv, HEAD);
    let row = row(1, "COMPUTE,").replace("sh010", "\"sh\n010\"");
    let middle = row.find('\n').unwrap() + 1;
    file.append(&row[..middle]);
    assert_eq!(file.look(), [], "half of a row in quotes");
    file.append(&row[middle..]);
    let found: Vec<_> = (0..4).flat_map(|_| file.look()).collect();
    assert_eq!(found, ones(&[1]));
}

#[test]
fn events_of_flamenco_keep_what_is_open() {
    let text = include_str!("../../../../../../tests/data/flamenco/events.jsonl");
    let (first, rest) = text.split_at(text.len() / 2);
    let mut file = Followed::new(Format::Flamenco, first);
    let mut found: Vec<_> = file.look();
    file.append(rest);
    found.extend(file.look());
    let mut whole = Followed::new(Format::Flamenco, text).look();
    whole.dedup();
    found.sort();
    found.dedup();
    whole.sort();
    assert_eq!(found, whole);
}

#[test]
fn what_is_compressed_is_not_followed() {
    let file = Followed::new(Format::Jsonl, "x");
    assert!(can_be_followed(&file.path()));
    fs::write(file.path(), [0x1f, 0x8b, 8]).unwrap();
    assert!(!can_be_followed(&file.path()) && !can_be_followed(file.folder.path()));
}
