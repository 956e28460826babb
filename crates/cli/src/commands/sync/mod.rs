//! `sync`: a farm copied from where it is, once or again and again.
//!
//! A copy can be stopped at any instant, and goes on from there: records are stored first and only then is the progress
//! written down ([`marks`]), so that what is read twice counts once. The folder is open while there is something to store
//! and not between two passes; when a server has it, the records go through that server, as those of an import do.

mod marks;
mod mirror;
mod pass;
mod plan;
mod reading;
mod source;
mod storing;
mod tally;

use std::sync::Arc;

use farmtally_deadline::{Client, Surroundings};

use self::pass::Pass;
use self::tally::Tally;
use crate::args::sync::{SyncAwsArguments, SyncCommand};
use crate::audit;
use crate::exit::ExitStatus;
use crate::output::print;
use crate::patience::Patience;
use crate::report_error::Failure;
use crate::talk::tell;

/// Does what was asked for.
pub(crate) fn run(command: &SyncCommand) -> Result<ExitStatus, Failure> {
    match command {
        SyncCommand::Aws(arguments) => aws(arguments),
    }
}

fn aws(arguments: &SyncAwsArguments) -> Result<ExitStatus, Failure> {
    let patience = Patience::until_a_signal()?;
    let client = source::client(arguments, &patience)?;
    match arguments.every {
        None => once(arguments, &client, &patience),
        Some(every) => {
            follow(arguments, &client, &patience, every)?;
            Ok(ExitStatus::Success)
        }
    }
}

fn once(
    arguments: &SyncAwsArguments,
    client: &Client,
    patience: &Arc<Patience>,
) -> Result<ExitStatus, Failure> {
    let mut tally = Tally::new(arguments.dry_run);
    let ended = pass(arguments, client, patience, true, &mut tally);
    if ended.is_ok() || tally.jobs > 0 {
        print(&tally)?;
        tell_what_is_missing(&tally);
        conclude(arguments, &tally);
    }
    ended?;
    Ok(if tally.is_reconciled() { ExitStatus::Success } else { ExitStatus::Failed })
}

/// Copies, waits and copies again until a signal says stop. Only the first pass has to succeed: what goes wrong later, such
/// as a network that is away for the night, is told and tried again.
fn follow(
    arguments: &SyncAwsArguments,
    client: &Client,
    patience: &Arc<Patience>,
    every: std::time::Duration,
) -> Result<(), Failure> {
    let mut is_first = true;
    loop {
        let mut tally = Tally::new(arguments.dry_run);
        let ended = pass(arguments, client, patience, is_first, &mut tally);
        if ended.is_ok() || tally.jobs > 0 {
            print(format_args!("{} {}", patience.now(), tally.in_a_line()))?;
            tell_what_is_missing(&tally);
        }
        match ended {
            Err(_) if patience.is_stopped() => return Ok(()),
            Err(failure) if is_first => return Err(failure),
            Err(failure) => failure.report(),
            Ok(()) if is_first => conclude(arguments, &tally),
            Ok(()) => {}
        }
        is_first = false;
        if !patience.wait(every) {
            return Ok(());
        }
    }
}

fn pass(
    arguments: &SyncAwsArguments,
    client: &Client,
    patience: &Arc<Patience>,
    is_first: bool,
    tally: &mut Tally,
) -> Result<(), Failure> {
    let before = client.counts();
    let ended = Pass { arguments, client, patience, is_first }.run(tally);
    tally.set_requests(before, client.counts());
    if tally.has_changed_something() {
        let detail = tally.in_a_line();
        audit::note(&arguments.folder.catalogue()?, "sync", &arguments.farm.to_string(), &detail)?;
    }
    ended
}

fn tell_what_is_missing(tally: &Tally) {
    if !tally.is_reconciled() {
        tell(
            "hint: the numbers do not add up; jobs whose sessions were not stored are not marked as read, so that the next \
             copy reads them again, and `--full` reads all jobs again",
        );
    }
}

fn conclude(arguments: &SyncAwsArguments, tally: &Tally) {
    if tally.has_new_unpriced_lines() {
        tell(
            "hint: the rate card has no rate for some of these sessions, and AWS tells no price of a session, so \
             they count as free; `farmtally rates set` sets a card for those that come from now on, and a session \
             that is stored keeps its price",
        );
    }
    if arguments.dry_run {
        tell("This was a dry run: nothing was stored.");
    }
}
