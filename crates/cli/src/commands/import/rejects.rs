//! The file of rejected records, which exists only if there are any.

use std::cell::{Cell, RefCell};
use std::collections::HashSet;
use std::fs::{self, File, OpenOptions};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use farmtally_ingest::{Format, Reject};
use serde_json::json;

use super::source::{is_database, is_stdin};
use crate::args::ImportArguments;
use crate::counted::counted;
use crate::report_error::Failure;
use crate::talk::tell;
use crate::terminal_text::one_line;

/// Rejects that are told on stderr at once; the file has them all.
const TOLD_MAX: u64 = 5;

/// A record that was not stored, and where it came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RejectedRecord<'a> {
    pub(super) file: &'a str,
    pub(super) line: u64,
    pub(super) field: &'a str,
    pub(super) value: &'a str,
    pub(super) message: &'a str,
}

/// What the passes of an import that goes on told of a source that has the same rejected records in each of them.
#[derive(Debug, Default)]
pub(super) struct ToldBefore {
    earlier: RefCell<HashSet<u64>>,
    now: RefCell<HashSet<u64>>,
    hint: Cell<bool>,
}

impl ToldBefore {
    /// Whether an earlier pass told this; it is remembered for the later ones.
    pub(super) fn knows(&self, source: usize, reject: &Reject) -> bool {
        let mut hasher = DefaultHasher::new();
        // Its line is another one in each pass.
        (source, &reject.field, &reject.value, &reject.message).hash(&mut hasher);
        let told = hasher.finish();
        self.now.borrow_mut().insert(told);
        self.earlier.borrow().contains(&told)
    }

    /// Whether nobody told yet that lines have no price. It is so once.
    pub(super) fn is_first_hint(&self) -> bool {
        !self.hint.replace(true)
    }

    /// Begins the next pass.
    pub(super) fn turn(&self) {
        self.earlier.borrow_mut().extend(self.now.take());
    }
}

/// Where rejected records go.
pub(super) struct Rejects {
    /// `None` when nothing is to be written.
    path: Option<PathBuf>,
    /// Whether what is in the file is of earlier passes of the same import, and stays.
    is_continued: bool,
    /// Whether the place is our choice, and what is there the leavings of an earlier import.
    is_usual_path: bool,
    file: Option<BufWriter<File>>,
    count: u64,
}

impl Rejects {
    /// As the arguments say; a dry run writes a file only when it is given one.
    pub(super) fn new(arguments: &ImportArguments, is_continued: bool) -> Self {
        let usual = || (!arguments.dry_run).then(|| usual_path(&arguments.files[0], arguments.format));
        Self {
            path: arguments.rejects.clone().or_else(usual),
            is_continued,
            is_usual_path: arguments.rejects.is_none(),
            file: None,
            count: 0,
        }
    }

    /// The file, if there are rejects in it.
    pub(super) fn written(&self) -> Option<&Path> {
        self.file.as_ref().and(self.path.as_deref())
    }

    /// Adds a record, and gives what to tell about it, if anything.
    pub(super) fn add(&mut self, rejected: &RejectedRecord<'_>) -> Result<Option<String>, Failure> {
        self.count += 1;
        let written = self.write(rejected);
        written.map_err(|error| self.not_written(&error))?;
        Ok((self.count <= TOLD_MAX).then(|| sentence(rejected)))
    }

    fn write(&mut self, rejected: &RejectedRecord<'_>) -> io::Result<()> {
        let Some(path) = &self.path else { return Ok(()) };
        let file = match &mut self.file {
            Some(file) => file,
            none => {
                let mut options = OpenOptions::new();
                let options = options.create(true).write(true);
                let options = if self.is_continued { options.append(true) } else { options.truncate(true) };
                none.insert(BufWriter::new(options.open(path)?))
            }
        };
        let line = json!({
            "file": rejected.file,
            "line": rejected.line,
            "field": rejected.field,
            "value": rejected.value,
            "message": rejected.message,
        });
        writeln!(file, "{line}")
    }

    /// Puts on the disk what was added, so that an interrupted import names the rejects of all its batches.
    pub(super) fn flush(&mut self) -> Result<(), Failure> {
        let flushed = self.file.as_mut().map_or(Ok(()), Write::flush);
        flushed.map_err(|error| self.not_written(&error))
    }

    /// What to say when all records are read, if anything was rejected: how many were not told, and where they are.
    pub(super) fn conclusion(&self) -> Option<String> {
        let path = self.written().map(|path| format!("`{}` names every", path.display()));
        match (self.count.saturating_sub(TOLD_MAX), path) {
            (0, path) => path.map(|path| format!("warning: {path} rejected record")),
            (hidden, Some(path)) => Some(format!("… and {}; {path} one", more(hidden))),
            (hidden, None) => Some(format!("… and {}; `--rejects FILE` writes them", more(hidden))),
        }
    }

    /// Takes away what an earlier import left in our place, when nothing was rejected this time.
    pub(super) fn remove_stale(&self, inputs: &[PathBuf]) -> Result<(), Failure> {
        let is_stale = self.is_usual_path && !self.is_continued;
        let path = self.path.as_ref().filter(|path| is_stale && !inputs.contains(path));
        let Some(path) = path.filter(|path| self.count == 0 && path.is_file()) else { return Ok(()) };
        fs::remove_file(path)
            .map_err(|error| Failure::caused(format!("cannot remove `{}`", path.display()), &error))?;
        tell(format_args!(
            "Removed `{}` of an earlier import: nothing was rejected this time.",
            path.display()
        ));
        Ok(())
    }

    fn not_written(&self, error: &io::Error) -> Failure {
        let path = self.path.as_deref().unwrap_or(Path::new("")).display();
        Failure::caused(format!("cannot write the rejected records to `{path}`"), error)
            .hint("pass another file by `--rejects`")
    }
}

fn usual_path(first: &Path, format: Option<Format>) -> PathBuf {
    let mut name = if is_stdin(first) {
        "stdin".into()
    } else if is_database(first, format) {
        // An address is no path, and may have a password in it.
        "opencue".into()
    } else {
        // A folder's name without the slash that it may end in.
        first.components().as_path().as_os_str().to_owned()
    };
    name.push(".rejects.jsonl");
    name.into()
}

fn more(rejected: u64) -> String {
    counted(rejected, "more rejected record")
}

fn sentence(rejected: &RejectedRecord<'_>) -> String {
    let RejectedRecord { file, line, field, message, .. } = rejected;
    format!("warning: `{}` line {line}, {}: {}", one_line(file), one_line(field), one_line(message))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_stands_beside_the_first_input() {
        for (input, rejects) in [
            ("/data/a.csv", "/data/a.csv.rejects.jsonl"),
            ("-", "stdin.rejects.jsonl"),
            ("logs/", "logs.rejects.jsonl"),
            ("postgres://cue:hush@db/cuebot", "opencue.rejects.jsonl"),
        ] {
            assert_eq!(usual_path(Path::new(input), None), Path::new(rejects));
        }
        let words = Path::new("host=db password=hush");
        assert_eq!(usual_path(words, Some(Format::OpenCue)), Path::new("opencue.rejects.jsonl"));
    }

    #[test]
    fn escape_codes_of_a_record_do_not_reach_the_terminal() {
        let rejected = RejectedRecord {
            file: "a.csv",
            line: 3,
            field: "jobName",
            value: "",
            message: "\u{1b}[2J is too long",
        };
        assert_eq!(sentence(&rejected), "warning: `a.csv` line 3, jobName: \\u{1b}[2J is too long");
    }
}
