//! The sources that were named, looked at before anything is stored.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use farmtally_connectors::{
    OpenCue, OpenCueError, OpenCuePart, OpenCueProgress, PostgresAddress, PostgresEnvironment,
    flamenco_names, flamenco_task_logs,
};
use farmtally_ingest::{
    Entries, FlamencoNames, Format, Input, Mapping, OpenCueLicenses, Options, ReadError, SharedFlamencoNames,
    open,
};
use farmtally_service::REVISION_ADVICE;

use super::growing::{GrowingFile, can_be_followed};
use super::mapping;
use crate::args::ImportArguments;
use crate::progress::Progress;
use crate::report_error::Failure;
use crate::shell::quoted;

/// One file, the standard input, a folder, or a database.
#[derive(Debug)]
pub(super) struct Source {
    path: PathBuf,
    format: Format,
    kind: Kind,
    options: Options,
    /// `None` for the standard input and other things without a length.
    bytes: Option<u64>,
}

#[derive(Debug)]
enum Kind {
    Stdin,
    File,
    /// A file of which only what was appended is read, again and again.
    Growing(GrowingFile),
    /// Flamenco's storage, with the logs of its tasks.
    Folder,
    /// OpenCue's database.
    Database(Box<Database>),
}

/// A database that is asked, part by part.
#[derive(Debug)]
pub(super) struct Database {
    address: PostgresAddress,
    licenses: OpenCueLicenses,
    look_back: Option<Duration>,
}

impl Database {
    fn new(text: &str, given: &Given) -> Result<Self, Failure> {
        let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let environment = PostgresEnvironment {
            password: variable("PGPASSWORD"),
            ssl_mode: variable("PGSSLMODE"),
            ssl_root_cert: variable("PGSSLROOTCERT"),
        };
        let address = PostgresAddress::parse(text, &environment)
            .map_err(|error| Failure::usage(format!("cannot use the database's address: {error}")))?;
        Ok(Self { address, licenses: given.licenses.clone(), look_back: given.look_back })
    }

    /// The next part, behind what was read before.
    pub(super) fn read(&self, since: OpenCueProgress, rows_max: u32) -> Result<OpenCuePart, OpenCueError> {
        let look_back = self.look_back.unwrap_or(OpenCue::LOOK_BACK);
        OpenCue::connect(&self.address)?.read(since, self.licenses.clone(), look_back, rows_max)
    }
}

/// Length and time of change.
pub(super) type Appearance = (u64, SystemTime);

impl Source {
    /// Sees that all that the arguments name is there, and what it is.
    pub(super) fn check_all(arguments: &ImportArguments) -> Result<Vec<Self>, Failure> {
        let given = Given::of(arguments)?;
        let check = |path: &PathBuf| Self::check(path, arguments.format, &given);
        arguments.files.iter().map(check).collect()
    }

    fn check_one(arguments: &ImportArguments, path: &Path) -> Result<Self, Failure> {
        Self::check(path, arguments.format, &Given::of(arguments)?)
    }

    fn check(path: &Path, format: Option<Format>, given: &Given) -> Result<Self, Failure> {
        let options = given.options.clone();
        let mapped = options.mapping.as_ref().and_then(Mapping::format);
        let address = is_database(path, format).then_some(Format::OpenCue);
        let format =
            format.or(mapped).or(address).or_else(|| Format::from_file_name(&path.to_string_lossy()));
        let format = format.ok_or_else(|| {
            Failure::usage(format!("the format of `{}` cannot be told from its name", path.display()))
                .hint(format!("pass `--format` with one of {}", Format::names()))
        })?;
        let (kind, bytes) = if format == Format::OpenCue {
            (Kind::Database(Box::new(Database::new(&path.to_string_lossy(), given)?)), None)
        } else if is_stdin(path) {
            (Kind::Stdin, None)
        } else {
            look(path, format)?
        };
        Ok(Self { path: path.to_owned(), format, kind, options, bytes })
    }

    /// The name as it was typed, or a database's address without its password.
    pub(super) fn name(&self) -> String {
        match &self.kind {
            Kind::Database(database) => database.address.to_string(),
            _ => self.path.to_string_lossy().into_owned(),
        }
    }

    /// The database that it is.
    pub(super) fn database(&self) -> Option<&Database> {
        match &self.kind {
            Kind::Database(database) => Some(database),
            _ => None,
        }
    }

    /// Why the store refused a record of it, without advice that its owner cannot follow.
    pub(super) fn worded_refusal(&self, message: String) -> String {
        let has_revisions = match &self.options.mapping {
            Some(mapping) => mapping.has_revisions(),
            None => matches!(self.format, Format::Jsonl | Format::Csv | Format::Parquet),
        };
        let advice = message.split_once(REVISION_ADVICE).filter(|_| !has_revisions);
        match (advice, &self.options.mapping) {
            (None, _) => message,
            (Some((refusal, _)), Some(_)) => {
                format!("{refusal}; the mapping names no revision, so that what is stored stays as it is")
            }
            (Some((refusal, _)), None) => {
                format!("{refusal}; {} has no revisions, so that what is stored stays as it is", self.format)
            }
        }
    }

    /// Length, where it has one.
    pub(super) const fn bytes(&self) -> Option<u64> {
        self.bytes
    }

    /// From now on only what is appended is read, where the format and the file allow that.
    pub(super) fn follow(&mut self) {
        let is_line_by_line = self.format.can_grow() && matches!(self.kind, Kind::File);
        if is_line_by_line && can_be_followed(&self.path) {
            let holds_rows = self.format == Format::Csv && self.options.mapping.is_none();
            let file = GrowingFile::new(&self.path, holds_rows);
            self.options.growth = Some(file.growth());
            self.kind = Kind::Growing(file);
            self.bytes = None;
        }
    }

    /// Whether there may be something that was not read yet, `seen` being what it looked like before. What it is made of is
    /// looked at again, so that a mapping or names that changed are obeyed.
    pub(super) fn look_again(
        &mut self,
        arguments: &ImportArguments,
        seen: Option<Appearance>,
    ) -> Result<bool, Failure> {
        if let Kind::Growing(file) = &mut self.kind {
            let has_news = file.look().map_err(|error| self.unreadable(&error))?;
            if let (true, Some(path), Some(names)) =
                (has_news, &arguments.names, &self.options.flamenco_names)
            {
                *names.write().unwrap_or_else(PoisonError::into_inner) = read_names(path)?;
            }
            return Ok(has_news);
        }
        *self = Self::check_one(arguments, &self.path)?;
        let now = self.appearance();
        Ok(now.is_none() || now != seen)
    }

    /// Whether there is more to read than the next pass reads.
    pub(super) fn is_behind(&self) -> bool {
        matches!(&self.kind, Kind::Growing(file) if file.is_behind())
    }

    /// Whether something is missing that nobody can read any more.
    pub(super) const fn has_gap(&self) -> bool {
        matches!(&self.kind, Kind::Growing(file) if file.has_gap())
    }

    /// Whether each pass has only what is new, so that what earlier passes said of the rest still stands.
    pub(super) const fn is_read_on(&self) -> bool {
        matches!(self.kind, Kind::Growing(_) | Kind::Database(_))
    }

    /// What was read is stored, or has to be read again.
    pub(super) fn settle(&mut self, is_stored: bool) {
        if let Kind::Growing(file) = &mut self.kind {
            file.settle(is_stored);
        }
    }

    /// What a file looks like from outside, so that one that did not change need not be read again.
    pub(super) fn appearance(&self) -> Option<Appearance> {
        let metadata = matches!(self.kind, Kind::File).then(|| self.path.metadata().ok()).flatten()?;
        Some((metadata.len(), metadata.modified().ok()?))
    }

    /// What is in it; of a file that grows, what was appended, and then it has to be given back.
    pub(super) fn entries(&mut self, progress: &Progress) -> Result<Option<Entries>, Failure> {
        let (format, options) = (self.format, self.options());
        if let Kind::Growing(file) = &mut self.kind {
            let taken = file.take(|bytes| open(format, Input::Stream(bytes), options));
            return taken.map_err(|error| self.failed(&error));
        }
        self.whole(progress).map(Some)
    }

    /// Gives back what [`Self::entries`] gave.
    pub(super) fn put_back(&mut self, entries: Entries) {
        if let Kind::Growing(file) = &mut self.kind {
            file.put_back(entries);
        }
    }

    fn whole(&self, progress: &Progress) -> Result<Entries, Failure> {
        match &self.kind {
            Kind::Stdin => self.read(Input::Stream(progress.reading(io::stdin()))),
            Kind::File => {
                let file = File::open(&self.path).map_err(|error| self.unreadable(&error))?;
                self.read(self.input(file, progress))
            }
            Kind::Folder => {
                let names = self.options.flamenco_names.as_deref();
                let names = names.map(|names| names.read().unwrap_or_else(PoisonError::into_inner).clone());
                let names = names.unwrap_or_default();
                flamenco_task_logs(&self.path, names).map_err(|error| self.unreadable(&error))
            }
            Kind::Database(_) | Kind::Growing(_) => {
                Err(Failure::failed(format!("`{}` is not read as a whole", self.name())))
            }
        }
    }

    fn read(&self, input: Input) -> Result<Entries, Failure> {
        open(self.format, input, self.options()).map_err(|error| self.failed(&error))
    }

    fn options(&self) -> Options {
        let source_name = self.path.file_name().map(|name| name.to_string_lossy().into_owned());
        Options { source_name, ..self.options.clone() }
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
            ReadError::Header { .. } if self.needs_mapping() => failure.hint(format!(
                "`farmtally import --suggest-mapping {}` drafts a mapping for a file with columns of its own",
                quoted(&self.name())
            )),
            ReadError::Header { .. } if self.options.mapping.is_some() => failure.hint(format!(
                "the mapping is for files with other columns; `farmtally import --suggest-mapping {}` lists those of this one",
                quoted(&self.name())
            )),
            _ => failure
                .hint(format!("it is read as {}; pass `--format` if it is something else", self.format)),
        }
    }

    /// Whether the file may be a table that nobody has described.
    fn needs_mapping(&self) -> bool {
        self.options.mapping.is_none()
            && Mapping::FORMATS.contains(&self.format)
            && matches!(self.kind, Kind::File | Kind::Growing(_))
    }

    pub(super) fn unreadable(&self, error: &dyn std::error::Error) -> Failure {
        Failure::caused(format!("cannot read `{}`", self.name()), error)
    }
}

/// Whether the address of a database is meant, and not a path.
pub(super) fn is_database(path: &Path, format: Option<Format>) -> bool {
    format == Some(Format::OpenCue) || PostgresAddress::is_meant(&path.to_string_lossy())
}

/// What stands for the standard input.
pub(super) fn is_stdin(path: &Path) -> bool {
    path == Path::new("-")
}

/// What the arguments say about every source.
struct Given {
    options: Options,
    licenses: OpenCueLicenses,
    look_back: Option<Duration>,
}

impl Given {
    fn of(arguments: &ImportArguments) -> Result<Self, Failure> {
        let options = Options {
            mapping: arguments.mapping.as_deref().map(mapping::read).transpose()?,
            flamenco_names: arguments.names.as_deref().map(read_names).transpose()?.map(shared),
            ..Options::default()
        };
        let licenses = arguments.licenses.iter().cloned().collect();
        Ok(Self { options, licenses, look_back: arguments.look_back })
    }
}

fn shared(names: FlamencoNames) -> SharedFlamencoNames {
    Arc::new(RwLock::new(names))
}

fn read_names(path: &Path) -> Result<FlamencoNames, Failure> {
    flamenco_names(path).map_err(|error| Failure::caused(format!("cannot read `{}`", path.display()), &error))
}

/// A file with its length, or a folder where the format has one.
fn look(path: &Path, format: Format) -> Result<(Kind, Option<u64>), Failure> {
    let cannot_read = |error| Failure::caused(format!("cannot read `{}`", path.display()), &error);
    let metadata = File::open(path).and_then(|file| file.metadata()).map_err(cannot_read)?;
    if !metadata.is_dir() {
        return Ok((Kind::File, metadata.is_file().then_some(metadata.len())));
    }
    if format == Format::Flamenco {
        return Ok((Kind::Folder, None));
    }
    Err(Failure::failed(format!("`{}` is a folder", path.display())).hint("name the files in it"))
}
