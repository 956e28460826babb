//! Who changed what: lines of JSON that are only ever added, each holding the hash of the one before.
//!
//! A line that was changed, taken out, put in or moved breaks the chain at that place. Lines cut off at the end do not:
//! compare the hash of the last line with one that was written down elsewhere. Behind what a kill or a power cut left of a line the
//! chain goes on. Several processes may append, one after the other.

use std::fmt::{self, Write as _};
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write as _};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use farmtally_model::Timestamp;
use rustix::fs::{FlockOperation, flock};
use sha2::{Digest, Sha256};

use crate::hex::hex;

/// Its name in the folder.
pub(crate) const AUDIT_LOG: &str = "audit.jsonl";
/// Longest line, in bytes; a longer text of an entry is cut.
const LINE_BYTES_MAX: usize = 8 * 1024;
const TEXT_BYTES_MAX: usize = 512;
/// What the first line names as the one before.
const NOTHING: &str = "0000000000000000000000000000000000000000000000000000000000000000";
const BEGIN: &str = "{\"sequence\":";
const PREVIOUS: &str = ",\"previous\":\"";
const HASH: &str = ",\"hash\":\"";

/// What somebody did or was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AuditEntry<'a> {
    /// The access key, or `owner` for whoever ran a command on the folder.
    pub actor: &'a str,
    /// What was done, such as `key.create` or the name of an operation.
    pub action: &'a str,
    /// What it was done to.
    pub subject: &'a str,
    /// How it ended: `done`, or the name of the error.
    pub outcome: &'a str,
    /// Numbers and names that belong to it. Never a secret, never a body.
    pub detail: &'a str,
    /// Where the request came from; empty for a command.
    pub source: &'a str,
    /// The id of the request; empty for a command.
    pub request_id: &'a str,
}

/// The log of a folder.
#[derive(Debug, Clone)]
pub struct AuditLog {
    path: PathBuf,
}

/// Why a line could not be added.
#[derive(Debug, thiserror::Error)]
#[error("cannot write the audit log `{path}`")]
pub struct AuditWriteError {
    path: PathBuf,
    source: io::Error,
}

impl AuditLog {
    /// The log of a folder, which need not exist yet.
    pub fn in_folder(dir: &Path) -> Self {
        Self { path: dir.join(AUDIT_LOG) }
    }

    /// Adds a line. It is on disk when this returns; one that could not be brought there is taken back.
    pub fn append(&self, entry: &AuditEntry<'_>, at: Timestamp) -> Result<(), AuditWriteError> {
        self.add(entry, at).map_err(|source| AuditWriteError { path: self.path.clone(), source })
    }

    fn add(&self, entry: &AuditEntry<'_>, at: Timestamp) -> io::Result<()> {
        let mut file =
            OpenOptions::new().read(true).append(true).create(true).mode(0o600).open(&self.path)?;
        flock(&file, FlockOperation::LockExclusive)?;
        let length = file.metadata()?.len();
        let tail = Tail::read(&mut file)?;
        let mut text = String::new();
        if tail.is_torn {
            // The line of a process that was killed: closed, so that the next one begins on a line of its own.
            text.push('\n');
        }
        text.push_str(&line(tail.sequence + 1, at, entry, &tail.hash));
        let written = file.write_all(text.as_bytes()).and_then(|()| file.sync_data());
        if written.is_err() {
            // After a failed sync a power cut may take away what is there to read, and no line may follow such a one. Cut off, it
            // leaves a page that the next line writes anew.
            file.set_len(length).ok();
        }
        // Closing the file gives the lock back.
        written
    }

    /// Checks every line, says what there is, and whether an entry with the hash `known` is among it.
    pub fn verify(&self, known: Option<&str>) -> Result<AuditSummary, AuditError> {
        let file = match File::open(&self.path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(AuditSummary::default()),
            Err(source) => return Err(AuditError::Unreadable { path: self.path.clone(), source }),
        };
        let mut summary = AuditSummary { head: NOTHING.to_owned(), ..AuditSummary::default() };
        for (number, text) in (1..).zip(BufReader::new(file).split(b'\n')) {
            let text = text.map_err(|source| AuditError::Unreadable { path: self.path.clone(), source })?;
            summary.follow(number, &String::from_utf8_lossy(&text))?;
            summary.has_known |= known.is_some_and(|known| known.eq_ignore_ascii_case(&summary.head));
        }
        Ok(summary)
    }
}

/// A log whose chain is whole.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AuditSummary {
    /// Number of entries.
    pub entries: u64,
    /// Lines that are no entries: a killed process or a power cut leaves such. No entry that another one follows is missing.
    pub torn_lines: u64,
    /// The hash of the last entry, by which a log that was cut off is known.
    pub head: String,
    /// Whether the hash that was looked for is that of an entry.
    pub has_known: bool,
}

/// What is wrong with a log.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// The file could not be read.
    #[error("cannot read the audit log `{path}`")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The chain is broken.
    #[error(
        "line {line} of the audit log {problem}; it or a line near it was changed, added, removed or moved"
    )]
    Broken {
        /// The line, from 1.
        line: u64,
        /// What does not fit.
        problem: &'static str,
    },
}

impl AuditSummary {
    fn follow(&mut self, line: u64, text: &str) -> Result<(), AuditError> {
        let broken = |problem| Err(AuditError::Broken { line, problem });
        let linked = match Linked::read(text) {
            Some(linked) if linked.is_whole() => linked,
            Some(_) if !has_holes(text) => return broken("has another hash than its text"),
            // What a kill or a power cut left of a line. Were it an entry once, the next one would not follow the one before it.
            _ => {
                self.torn_lines += u64::from(!text.is_empty());
                return Ok(());
            }
        };
        if linked.previous != self.head {
            return broken("does not follow the one before it");
        }
        if linked.sequence != self.entries + 1 {
            return broken("has another number than its place");
        }
        self.entries = linked.sequence;
        linked.hash.clone_into(&mut self.head);
        Ok(())
    }
}

/// Whether bytes of a line did not reach the disk: an entry is written in printable ones.
fn has_holes(line: &str) -> bool {
    line.bytes().any(|byte| !matches!(byte, b' '..=b'~'))
}

/// The parts of a line that make the chain.
struct Linked<'a> {
    sequence: u64,
    previous: &'a str,
    /// What the hash is of.
    hashed: &'a str,
    hash: &'a str,
}

impl<'a> Linked<'a> {
    fn read(line: &'a str) -> Option<Self> {
        let (hashed, hash) = line.strip_suffix("\"}")?.rsplit_once(HASH)?;
        let (_, previous) = hashed.strip_suffix('"')?.rsplit_once(PREVIOUS)?;
        let (sequence, _) = hashed.strip_prefix(BEGIN)?.split_once(',')?;
        Some(Self { sequence: sequence.parse().ok()?, previous, hashed, hash })
    }

    /// Whether nothing of it is missing or changed.
    fn is_whole(&self) -> bool {
        hash_of(self.hashed) == self.hash
    }
}

/// What the next line has to know of the last one.
struct Tail {
    sequence: u64,
    hash: String,
    is_torn: bool,
}

impl Tail {
    fn read(file: &mut File) -> io::Result<Self> {
        let length = file.seek(SeekFrom::End(0))?;
        let mut window = 2 * LINE_BYTES_MAX as u64;
        loop {
            file.seek(SeekFrom::Start(length.saturating_sub(window)))?;
            let mut bytes = Vec::new();
            file.read_to_end(&mut bytes)?;
            let text = String::from_utf8_lossy(&bytes);
            let is_torn = !text.is_empty() && !text.ends_with('\n');
            let mut entries = text.lines().rev().filter_map(Linked::read);
            if let Some(last) = entries.find(Linked::is_whole) {
                return Ok(Self { sequence: last.sequence, hash: last.hash.to_owned(), is_torn });
            }
            if window >= length {
                return Ok(Self { sequence: 0, hash: NOTHING.to_owned(), is_torn });
            }
            window = window.saturating_mul(4);
        }
    }
}

fn line(sequence: u64, at: Timestamp, entry: &AuditEntry<'_>, previous: &str) -> String {
    let AuditEntry { actor, action, subject, outcome, detail, source, request_id } = *entry;
    let mut line = format!("{BEGIN}{sequence},\"at\":\"{at}\"");
    let members = [
        ("actor", actor),
        ("action", action),
        ("subject", subject),
        ("outcome", outcome),
        ("detail", detail),
        ("source", source),
        ("requestId", request_id),
    ];
    for (name, value) in members.into_iter().filter(|(_, value)| !value.is_empty()) {
        // Writing to a String cannot fail.
        write!(line, ",\"{name}\":\"{}\"", Escaped(value)).unwrap_or_default();
    }
    line.push_str(PREVIOUS);
    line.push_str(previous);
    line.push('"');
    let hash = hash_of(&line);
    line + HASH + &hash + "\"}\n"
}

fn hash_of(text: &str) -> String {
    hex(&Sha256::digest(text.as_bytes()))
}

/// A text inside a JSON string: ASCII only, on one line, and not longer than it should be.
struct Escaped<'a>(&'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut end = self.0.len().min(TEXT_BYTES_MAX);
        while !self.0.is_char_boundary(end) {
            end -= 1;
        }
        for character in self.0[..end].chars() {
            match character {
                '"' => f.write_str("\\\"")?,
                '\\' => f.write_str("\\\\")?,
                ' '..='~' => f.write_char(character)?,
                other => {
                    for unit in other.encode_utf16(&mut [0; 2]) {
                        write!(f, "\\u{unit:04x}")?;
                    }
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    const ENTRY: AuditEntry<'_> = AuditEntry {
        actor: "owner",
        action: "key.create",
        subject: "FTAK",
        outcome: "done",
        detail: "role admin",
        source: "",
        request_id: "",
    };

    fn log_of(entries: usize) -> (tempfile::TempDir, AuditLog) {
        let dir = tempfile::tempdir().unwrap();
        let log = AuditLog::in_folder(dir.path());
        for _ in 0..entries {
            log.append(&ENTRY, Timestamp::parse("2025-11-26T00:00:00Z").unwrap()).unwrap();
        }
        (dir, log)
    }

    #[test]
    fn entries_follow_each_other() {
        let (_dir, log) = log_of(3);
        let summary = log.verify(None).unwrap();
        assert_eq!((summary.entries, summary.torn_lines), (3, 0));
        let text = fs::read_to_string(&log.path).unwrap();
        assert!(text.starts_with(
            r#"{"sequence":1,"at":"2025-11-26T00:00:00Z","actor":"owner","action":"key.create""#
        ));
        assert!(text.trim_end().ends_with(&format!(r#","hash":"{}"}}"#, summary.head)), "{text}");
        assert_eq!(log_of(0).1.verify(None).unwrap().entries, 0);
        let first = text.lines().next().and_then(Linked::read).unwrap().hash;
        assert!(log.verify(Some(first)).unwrap().has_known);
        assert!(!log.verify(Some(NOTHING)).unwrap().has_known);
    }

    #[test]
    fn every_changed_byte_breaks_the_chain() {
        let (_dir, log) = log_of(3);
        let whole = fs::read(&log.path).unwrap();
        for index in 0..whole.len() - 1 {
            let mut changed = whole.clone();
            changed[index] ^= 1;
            fs::write(&log.path, &changed).unwrap();
            let verified = log.verify(None);
            assert!(verified.is_err() || verified.unwrap().entries < 3, "byte {index} was changed unseen");
        }
    }

    #[test]
    fn a_line_that_was_removed_moved_or_added_breaks_the_chain() {
        let (_dir, log) = log_of(4);
        let text = fs::read_to_string(&log.path).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        for order in [vec![0, 1, 3], vec![1, 2, 3], vec![0, 2, 1, 3], vec![0, 1, 1, 2, 3]] {
            let changed: Vec<&str> = order.iter().map(|index| lines[*index]).collect();
            fs::write(&log.path, changed.join("\n") + "\n").unwrap();
            assert!(matches!(log.verify(None), Err(AuditError::Broken { .. })), "{order:?}");
        }
    }

    #[test]
    fn the_line_of_a_killed_process_hinders_nobody() {
        let (_dir, log) = log_of(2);
        let whole = fs::read_to_string(&log.path).unwrap();
        let last = whole.lines().last().unwrap().len();
        for cut in 1..=last {
            fs::write(&log.path, &whole[..whole.len() - cut]).unwrap();
            log.append(&ENTRY, Timestamp::parse("2025-11-26T00:00:01Z").unwrap()).unwrap();
            let summary = log.verify(None).unwrap();
            // The newline alone is not the entry: a line without it is whole.
            let expected = if cut == 1 { (3, 0) } else { (2, 1) };
            assert_eq!((summary.entries, summary.torn_lines), expected, "{cut}");
        }
    }

    #[test]
    fn what_a_power_cut_leaves_of_a_line_hinders_nobody() {
        let (_dir, log) = log_of(2);
        let whole = fs::read(&log.path).unwrap();
        let begin = whole.iter().position(|byte| *byte == b'\n').unwrap() + 1;
        // Nothing, or half a character, where bytes did not reach the disk: at the beginning, in the middle, at the end, everywhere.
        let length = whole.len();
        // Newlines of what was on the disk before make lines of their own of what is left, beginnings and ends: so many.
        for (hole, lines_left) in [
            (begin..begin + 20, 1),
            (begin + 9..begin + 13, 2),
            (begin + 50..begin + 90, 2),
            (length - 30..length, 1),
            (begin..length, 0),
        ] {
            for missing in [0, 0xf0, b'\n'] {
                let mut torn = whole.clone();
                torn[hole.clone()].fill(missing);
                fs::write(&log.path, torn).unwrap();
                assert_eq!(log.verify(None).unwrap().entries, 1, "{hole:?}");
                log.append(&ENTRY, Timestamp::parse("2025-11-26T00:00:01Z").unwrap()).unwrap();
                let summary = log.verify(None).unwrap();
                let torn_lines = if missing == b'\n' { lines_left } else { 1 };
                assert_eq!((summary.entries, summary.torn_lines), (2, torn_lines), "{hole:?}");
            }
        }
    }

    #[test]
    fn texts_of_strangers_stay_on_their_line_and_inside_their_quotes() {
        let (_dir, log) = log_of(1);
        let subject = format!("\"}}\n{{\"sequence\":2,\u{1b}[31m é \u{1f600} {}", "x".repeat(20_000));
        let entry = AuditEntry { subject: &subject, ..ENTRY };
        log.append(&entry, Timestamp::parse("2025-11-26T00:00:01Z").unwrap()).unwrap();
        log.append(&ENTRY, Timestamp::parse("2025-11-26T00:00:02Z").unwrap()).unwrap();
        assert_eq!(log.verify(None).unwrap().entries, 3);
        let text = fs::read_to_string(&log.path).unwrap();
        assert_eq!(text.lines().count(), 3);
        assert!(text.is_ascii() && !text.contains('\u{1b}'));
        assert!(text.contains("\\ud83d\\ude00"), "{text}");
    }
}
