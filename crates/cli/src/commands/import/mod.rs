//! `import`: files to stored sessions, in whole batches and in constant memory.
//!
//! The folder belongs to one process at a time. When a server has it, the batches go through that server, and what is
//! stored is the same.

pub(super) mod batch;
mod database;
pub(super) mod destination;
mod dry_run;
mod following;
mod growing;
mod mapping;
mod rejects;
mod source;
mod storing;
mod tally;
mod through_server;
mod unpriced;

use std::mem::take;

use farmtally_ingest::{Entries, Entry, Reject};

use self::batch::{Batch, Origin, RefusedRecord};
use self::destination::Destination;
use self::rejects::{RejectedRecord, Rejects, ToldBefore};
use self::source::Source;
use self::storing::{Stored, Storing};
use self::tally::Tally;
use crate::args::{ImportArguments, ImportCommand};
use crate::audit;
use crate::counted::counted;
use crate::exit::ExitStatus;
use crate::output::print;
use crate::patience::Patience;
use crate::progress::Progress;
use crate::report_error::Failure;
use crate::talk::tell;

/// Drafts a mapping, or reads the files and stores what is in them.
pub(crate) fn run(command: &ImportCommand) -> Result<ExitStatus, Failure> {
    match command {
        ImportCommand::SuggestMapping(file) => mapping::suggest(file).map(|()| ExitStatus::Success),
        ImportCommand::Import(arguments) => import(arguments),
    }
}

fn import(arguments: &ImportArguments) -> Result<ExitStatus, Failure> {
    match arguments.pause() {
        Some(pause) => following::follow(arguments, pause),
        None => pass(arguments, &mut Source::check_all(arguments)?, None),
    }
}

/// Reads every source once.
fn pass(
    arguments: &ImportArguments,
    sources: &mut [Source],
    going_on: Option<GoingOn<'_>>,
) -> Result<ExitStatus, Failure> {
    let mut import = Import::new(arguments, sources, going_on);
    let ended = import.read_all();
    let reported = import.report();
    // Last, so that a full disk is told by what it hindered and not by what could not be noted of it.
    let audited = import.audit();
    ended.and(reported).and(audited)?;
    import.reconcile()?;
    import.rejects.remove_stale(&arguments.files)?;
    if import.tally.is_all_rejected() && going_on.is_none() {
        return Err(import.all_rejected());
    }
    if import.tally.rejected > 0 {
        if arguments.strict {
            return Ok(ExitStatus::Failed);
        }
        if going_on.is_none() {
            tell("hint: with `--strict` an import exits with 1 when a record was rejected");
        }
    }
    Ok(ExitStatus::Success)
}

/// What an import knows that goes on until it is asked to stop.
#[derive(Debug, Clone, Copy)]
struct GoingOn<'a> {
    patience: &'a Patience,
    /// Whether the sources were read before.
    is_again: bool,
    /// What earlier passes told.
    told: &'a ToldBefore,
}

/// An import on its way.
struct Import<'a> {
    arguments: &'a ImportArguments,
    sources: &'a mut [Source],
    names: Vec<String>,
    /// `None` before the first record: an import that finds none leaves no farm behind.
    storing: Option<Storing>,
    /// Whether that way could not be opened, so that there is nothing to say of the records.
    is_shut: bool,
    batch_records_max: usize,
    batch: Batch,
    tally: Tally,
    rejects: Rejects,
    progress: Progress,
    going_on: Option<GoingOn<'a>>,
}

impl<'a> Import<'a> {
    fn new(arguments: &'a ImportArguments, sources: &'a mut [Source], going_on: Option<GoingOn<'a>>) -> Self {
        let is_read_on =
            going_on.is_some_and(|going_on| going_on.is_again) && sources.iter().any(Source::is_read_on);
        Self {
            arguments,
            names: sources.iter().map(Source::name).collect(),
            batch_records_max: arguments.batch.unwrap_or(Destination::FIRST_BATCH),
            storing: None,
            is_shut: false,
            batch: Batch::default(),
            tally: Tally::new(arguments.dry_run),
            rejects: Rejects::new(arguments, is_read_on),
            progress: Progress::of_bytes(sources.iter().map(Source::bytes).sum()),
            sources,
            going_on,
        }
    }

    fn read_all(&mut self) -> Result<(), Failure> {
        let read = (0..self.sources.len()).try_for_each(|index| self.read(index));
        // A file that breaks off does not take with it what was read before.
        let stored = self.store_batch().and_then(|()| self.await_all());
        read.and(stored)?;
        // Sources that have nothing yet are no mistake, and an import that goes on may find better records.
        let is_mistake = self.going_on.is_none() && self.tally.is_all_rejected();
        if self.is_again() || is_mistake { Ok(()) } else { self.open() }
    }

    fn is_again(&self) -> bool {
        self.going_on.is_some_and(|going_on| going_on.is_again)
    }

    /// Opens the way that the records go, unless that was done.
    fn open(&mut self) -> Result<(), Failure> {
        if self.storing.is_none() {
            let destination = Destination::open(self.arguments, self.is_again());
            let destination = destination.inspect_err(|_| self.is_shut = true)?;
            self.batch_records_max = self.arguments.batch.unwrap_or(destination.usual_batch());
            self.storing = Some(Storing::start(destination)?);
        }
        Ok(())
    }

    fn read(&mut self, index: usize) -> Result<(), Failure> {
        if self.sources[index].database().is_some() {
            return self.read_database(index);
        }
        let Some(mut entries) = self.sources[index].entries(&self.progress)? else { return Ok(()) };
        let taken = self.take_all(index, &mut entries);
        self.sources[index].put_back(entries);
        taken
    }

    /// Takes the entries of a source, until somebody asks to stop.
    fn take_all(&mut self, index: usize, entries: &mut Entries) -> Result<(), Failure> {
        for entry in entries {
            let entry = entry.map_err(|error| self.sources[index].failed(&error))?;
            self.take(index, entry)?;
            if self.is_asked_to_stop() {
                return Ok(());
            }
        }
        Ok(())
    }

    fn is_asked_to_stop(&self) -> bool {
        self.going_on.is_some_and(|going_on| going_on.patience.is_stopped())
    }

    /// Every record that the source has became something.
    fn reconcile(&self) -> Result<(), Failure> {
        match self.tally.difference() {
            None => Ok(()),
            Some(message) => Err(Failure::failed(message).hint(
                "what the summary says is stored, is stored; do not rely on this import being complete",
            )),
        }
    }

    fn take(&mut self, source: usize, entry: Entry) -> Result<(), Failure> {
        self.tally.read += 1;
        match entry {
            Entry::Submission { line, submission } => {
                self.open()?;
                self.batch.push(Origin { source, line }, submission);
            }
            Entry::Rejected(reject) => self.reject(source, &reject)?,
            Entry::Skipped { reason, .. } => self.tally.add_skipped(reason),
        }
        if self.batch.len() >= self.batch_records_max { self.store_batch() } else { Ok(()) }
    }

    fn reject(&mut self, source: usize, reject: &Reject) -> Result<(), Failure> {
        if self.is_told_before(source, reject) {
            self.tally.rejected += 1;
            self.tally.rejected_before += 1;
            return Ok(());
        }
        let told = self.rejects.add(&RejectedRecord {
            file: &self.names[source],
            line: reject.line,
            field: &reject.field,
            value: &reject.value,
            message: &reject.message,
        })?;
        self.tally.rejected += 1;
        if let Some(line) = told {
            self.progress.tell_above(&line);
        }
        Ok(())
    }

    /// A database is asked again for what it said already, and says the same.
    fn is_told_before(&self, source: usize, reject: &Reject) -> bool {
        let is_database = self.sources[source].database().is_some();
        is_database && self.going_on.is_some_and(|going_on| going_on.told.knows(source, reject))
    }

    /// Hands the batch to the thread that stores, and takes note of one that was stored meanwhile.
    fn store_batch(&mut self) -> Result<(), Failure> {
        let batch = take(&mut self.batch);
        let Some(storing) = self.storing.as_mut().filter(|_| batch.len() > 0) else { return Ok(()) };
        let stored = storing.store(batch)?;
        stored.map_or(Ok(()), |stored| self.note(stored))
    }

    /// Waits until every batch is stored.
    fn await_all(&mut self) -> Result<(), Failure> {
        while let Some(stored) = self.storing.as_mut().map_or(Ok(None), Storing::next)? {
            self.note(stored)?;
        }
        self.progress.say(counted(self.tally.read, "record"));
        self.rejects.flush()
    }

    fn note(&mut self, stored: Stored) -> Result<(), Failure> {
        let Stored { origins, outcome } = stored;
        self.tally.add_batch(origins.len() as u64, &outcome);
        outcome.refused.into_iter().try_for_each(|refused| self.refuse(&origins, refused))?;
        self.progress.say(counted(self.tally.read, "record"));
        self.rejects.flush()
    }

    /// A record that was readable and was not stored.
    fn refuse(&mut self, origins: &[Origin], refused: RefusedRecord) -> Result<(), Failure> {
        let RefusedRecord { number, field, value, message } = refused;
        let index = usize::try_from(number).ok().and_then(|number| number.checked_sub(1));
        let origin = index.and_then(|index| origins.get(index)).ok_or_else(|| {
            Failure::failed(format!("record {number} of a batch of {} was refused: {message}", origins.len()))
        })?;
        let source = origin.source;
        let message = self.sources[source].worded_refusal(message);
        self.reject(source, &Reject { line: origin.line, field, value, message })
    }

    /// The numbers to stdout, and what to do about them to stderr.
    fn report(&mut self) -> Result<(), Failure> {
        self.progress.finish();
        if let Some(line) = self.rejects.conclusion() {
            tell(line);
        }
        if self.is_shut || (self.going_on.is_some() && !self.tally.has_news()) {
            return Ok(());
        }
        print(&self.tally)?;
        let is_first_hint = || self.going_on.is_none_or(|going_on| going_on.told.is_first_hint());
        if self.tally.has_new_unpriced_lines() && is_first_hint() {
            tell(unpriced::hint(self.arguments)?);
        }
        if self.arguments.dry_run {
            tell("This was a dry run: nothing was stored.");
        }
        Ok(())
    }

    /// Into the audit log, an import that broke off too: what it stored is stored. One that had nothing to store is not in it.
    fn audit(&self) -> Result<(), Failure> {
        let arguments = self.arguments;
        if arguments.dry_run || self.storing.is_none() || (self.going_on.is_some() && !self.tally.has_news())
        {
            return Ok(());
        }
        let numbers = self.tally.to_string().replace('\n', ", ");
        let detail = format!("{numbers}; {}", self.names.join(", "));
        audit::note(&arguments.folder.catalogue()?, "import", &arguments.farm.to_string(), &detail)
    }

    /// Not one record was any good, which is hardly what was meant.
    fn all_rejected(&self) -> Failure {
        let failure = Failure::failed("every record was rejected");
        match self.rejects.written() {
            Some(path) => failure.hint(format!("`{}` says why; check `--format` too", path.display())),
            None => failure.hint("the warnings say why; check `--format` too"),
        }
    }
}
