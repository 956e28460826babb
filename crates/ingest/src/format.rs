//! The formats that can be read, and the one door to all of them.

use std::fmt;
use std::fs::File;
use std::io::Read;
use std::str::FromStr;

use bytes::Bytes;

use crate::csv_rows::CsvRows;
use crate::entry::{Entry, ReadError};
use crate::flamenco::{FlamencoEvents, SharedFlamencoNames};
use crate::flat_rows::FlatEntries;
use crate::growth::Growth;
use crate::input::text_reader;
use crate::jsonl::JsonLines;
use crate::lines::LineEntries;
use crate::mapping::Mapping;
use crate::parquet_rows::ParquetRows;
use crate::slurm::{SlurmJsonEntries, SlurmLines};
use crate::swf::SwfLines;

/// A source format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// One session or volume a line, as JSON.
    Jsonl,
    /// One usage line a row, with a header.
    Csv,
    /// One usage line a row, with the columns of the CSV form.
    Parquet,
    /// `sacct --parsable2`.
    Slurm,
    /// `sacct --json`.
    SlurmJson,
    /// The Standard Workload Format of the Parallel Workloads Archive.
    Swf,
    /// Flamenco's events, as JSON Lines; its task logs are a folder, which others walk.
    Flamenco,
    /// OpenCue's history, which is in a database that others ask.
    OpenCue,
}

/// A format's name that is none of ours.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown format {value:?}; use one of {names}", names = Format::names())]
pub struct UnknownFormat {
    /// The name that was given.
    pub value: String,
}

impl Format {
    /// Every format with its name.
    pub const ALL: [(&'static str, Self); 8] = [
        ("jsonl", Self::Jsonl),
        ("csv", Self::Csv),
        ("parquet", Self::Parquet),
        ("slurm", Self::Slurm),
        ("slurm-json", Self::SlurmJson),
        ("swf", Self::Swf),
        ("flamenco", Self::Flamenco),
        ("opencue", Self::OpenCue),
    ];

    /// The names of all formats, with commas between them.
    pub fn names() -> String {
        Self::ALL.map(|(name, _)| name).join(", ")
    }

    /// The format's name.
    pub fn as_str(self) -> &'static str {
        Self::ALL.iter().find(|(_, format)| *format == self).map_or("", |(name, _)| name)
    }

    /// The format that a file name's ending promises, with or without `.gz`. Slurm's output has no ending of its own.
    pub fn from_file_name(name: &str) -> Option<Self> {
        let name = name.to_ascii_lowercase();
        let name = name.strip_suffix(".gz").unwrap_or(&name);
        match name.rsplit_once('.')?.1 {
            "jsonl" | "ndjson" => Some(Self::Jsonl),
            "csv" => Some(Self::Csv),
            "parquet" => Some(Self::Parquet),
            "swf" => Some(Self::Swf),
            _ => None,
        }
    }

    /// Whether a file of it can be read on where something was appended.
    pub const fn can_grow(self) -> bool {
        matches!(self, Self::Jsonl | Self::Csv | Self::Slurm | Self::Flamenco)
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Format {
    type Err = UnknownFormat;

    fn from_str(text: &str) -> Result<Self, UnknownFormat> {
        let found = Self::ALL.iter().find(|(name, _)| *name == text).map(|(_, format)| *format);
        found.ok_or_else(|| UnknownFormat { value: text.to_owned() })
    }
}

/// Where the bytes come from. A Parquet stream is held in memory whole, a Parquet file is not.
pub enum Input {
    /// Bytes that come once, in order.
    Stream(Box<dyn Read + Send>),
    /// A file that can be read anywhere.
    File(File),
}

impl Input {
    pub(crate) fn into_stream(self) -> Box<dyn Read + Send> {
        match self {
            Self::Stream(stream) => stream,
            Self::File(file) => Box::new(file),
        }
    }
}

impl fmt::Debug for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Stream(_) => "Stream",
            Self::File(_) => "File",
        })
    }
}

/// What a source cannot say itself.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The file's name, which names the fleet of an SWF log whose header does not.
    pub source_name: Option<String>,
    /// What the columns mean, of a table that is not in our own form.
    pub mapping: Option<Mapping>,
    /// What Flamenco's jobs are called.
    pub flamenco_names: Option<SharedFlamencoNames>,
    /// Set for a source that grows and whose entries are asked again at its end.
    pub growth: Option<Growth>,
}

/// The entries of a source, in its order. An error ends it. At the end of a source that grows it can be asked again.
pub struct Entries(Option<Box<dyn Iterator<Item = Result<Entry, ReadError>> + Send>>);

impl Entries {
    /// Entries from elsewhere.
    pub fn new(entries: impl Iterator<Item = Result<Entry, ReadError>> + Send + 'static) -> Self {
        Self(Some(Box::new(entries)))
    }
}

impl Iterator for Entries {
    type Item = Result<Entry, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        let next = self.0.as_mut()?.next();
        // A source that failed once is not asked again.
        if matches!(next, Some(Err(_))) {
            self.0 = None;
        }
        next
    }
}

impl fmt::Debug for Entries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Entries")
    }
}

/// Reads a source as it comes. Text may be gzip-compressed, which is told by its first bytes.
pub fn open(format: Format, input: Input, options: Options) -> Result<Entries, ReadError> {
    if let Some(mapping) = options.mapping {
        return mapping.open(format, input);
    }
    if format == Format::Parquet {
        return Ok(Entries::new(FlatEntries::new(open_parquet(input)?, None)));
    }
    let reader = text_reader(input.into_stream())?;
    Ok(match format {
        Format::Csv => Entries::new(FlatEntries::new(CsvRows::open(reader)?, options.growth)),
        Format::Slurm => Entries::new(LineEntries::new(reader, SlurmLines::new())),
        Format::SlurmJson => Entries::new(SlurmJsonEntries::new(reader)),
        Format::Flamenco => {
            Entries::new(FlamencoEvents::new(reader, options.flamenco_names, options.growth.is_some()))
        }
        Format::Swf => Entries::new(LineEntries::new(reader, SwfLines::new(options.source_name))),
        Format::OpenCue => {
            let message =
                "OpenCue's history is in a database; give its address, such as postgres://user@host/cuebot";
            return Err(ReadError::header(message));
        }
        Format::Jsonl | Format::Parquet => Entries::new(LineEntries::new(reader, JsonLines::default())),
    })
}

fn open_parquet(input: Input) -> Result<ParquetRows, ReadError> {
    match input {
        Input::File(file) => ParquetRows::open(file),
        Input::Stream(mut stream) => {
            let mut bytes = Vec::new();
            stream.read_to_end(&mut bytes)?;
            ParquetRows::open(Bytes::from(bytes))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_read_back_from_their_names() {
        for (name, format) in Format::ALL {
            assert_eq!(name.parse(), Ok(format));
            assert_eq!(format.to_string(), name);
        }
        let error = "xlsx".parse::<Format>().unwrap_err();
        assert_eq!(
            error.to_string(),
            "unknown format \"xlsx\"; use one of jsonl, csv, parquet, slurm, slurm-json, swf, flamenco, opencue"
        );
    }

    #[test]
    fn a_file_name_promises_its_format() {
        assert_eq!(Format::from_file_name("a.b.JSONL.gz"), Some(Format::Jsonl));
        assert_eq!(Format::from_file_name("UniLu.swf.gz"), Some(Format::Swf));
        assert_eq!(Format::from_file_name("sessions"), None);
        assert_eq!(Format::from_file_name("sacct.txt"), None);
    }
}
