//! The files that were named, looked at before anything is stored.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use farmtally_ingest::{Entries, Format, Input, Options, ReadError, open};

use crate::progress::Progress;
use crate::report_error::Failure;

/// One file, or the standard input.
#[derive(Debug)]
pub(super) struct Source {
    path: PathBuf,
    format: Format,
    /// `None` for the standard input and other things without a length.
    bytes: Option<u64>,
}

impl Source {
    /// Sees that the file is there and what it is.
    pub(super) fn check(path: &Path, format: Option<Format>) -> Result<Self, Failure> {
        let format = format.or_else(|| Format::from_file_name(&path.to_string_lossy())).ok_or_else(|| {
            Failure::usage(format!("the format of `{}` cannot be told from its name", path.display()))
                .hint("pass `--format` with jsonl, csv, parquet, slurm or swf")
        })?;
        let bytes = if is_stdin(path) { None } else { length(path)? };
        Ok(Self { path: path.to_owned(), format, bytes })
    }

    /// The name as it was typed.
    pub(super) fn name(&self) -> String {
        self.path.to_string_lossy().into_owned()
    }

    /// Length, where it has one.
    pub(super) const fn bytes(&self) -> Option<u64> {
        self.bytes
    }

    /// What is in it.
    pub(super) fn entries(&self, progress: &Progress) -> Result<Entries, Failure> {
        let input = if is_stdin(&self.path) {
            Input::Stream(progress.reading(io::stdin()))
        } else {
            let file = File::open(&self.path).map_err(|error| self.unreadable(&error))?;
            self.input(file, progress)
        };
        let source_name = self.path.file_name().map(|name| name.to_string_lossy().into_owned());
        open(self.format, input, Options { source_name }).map_err(|error| self.failed(&error))
    }

    /// Parquet is read from its end; everything else in order.
    fn input(&self, file: File, progress: &Progress) -> Input {
        if self.format == Format::Parquet {
            progress.advance_by_file(&file);
            Input::File(file)
        } else {
            Input::Stream(progress.reading(file))
        }
    }

    /// The failure to read on.
    pub(super) fn failed(&self, error: &ReadError) -> Failure {
        let failure = self.unreadable(error);
        match error {
            ReadError::Io(_) => failure,
            _ => failure
                .hint(format!("it is read as {}; pass `--format` if it is something else", self.format)),
        }
    }

    fn unreadable(&self, error: &dyn std::error::Error) -> Failure {
        Failure::caused(format!("cannot read `{}`", self.path.display()), error)
    }
}

/// What stands for the standard input.
pub(super) fn is_stdin(path: &Path) -> bool {
    path == Path::new("-")
}

fn length(path: &Path) -> Result<Option<u64>, Failure> {
    let cannot_read = |error| Failure::caused(format!("cannot read `{}`", path.display()), &error);
    let metadata = File::open(path).and_then(|file| file.metadata()).map_err(cannot_read)?;
    if metadata.is_dir() {
        return Err(Failure::failed(format!("`{}` is a folder", path.display())).hint("name the files in it"));
    }
    Ok(metadata.is_file().then_some(metadata.len()))
}
