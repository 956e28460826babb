//! Imports that go on: sources that are looked at again and again, until somebody asks to stop.

use std::time::Duration;

use farmtally_deadline::Surroundings as _;

use super::rejects::ToldBefore;
use super::source::{Appearance, Source, is_stdin};
use super::{GoingOn, pass};
use crate::args::ImportArguments;
use crate::exit::ExitStatus;
use crate::patience::Patience;
use crate::report_error::Failure;

/// Between two looks at a file that was renamed and may still grow.
const CATCHING_UP: Duration = Duration::from_secs(1);

/// Imports again and again. What fails at first is wrong; what fails later may pass.
pub(super) fn follow(arguments: &ImportArguments, pause: Duration) -> Result<ExitStatus, Failure> {
    if arguments.files.iter().any(|path| is_stdin(path)) {
        let failure = Failure::usage("the standard input can be read once only");
        return Err(failure.hint("leave `--every` and `--follow` out"));
    }
    let patience = Patience::until_a_signal()?;
    let mut followed = Followed::new(arguments)?;
    followed.look()?;
    let told = ToldBefore::default();
    followed.pass(GoingOn { patience: &patience, is_again: false, told: &told })?;
    let going_on = GoingOn { patience: &patience, is_again: true, told: &told };
    while patience.wait(followed.pause(pause)) {
        told.turn();
        let again =
            followed.look().and_then(|has_news| if has_news { followed.pass(going_on) } else { Ok(()) });
        if let Err(failure) = again {
            if followed.sources.iter().any(Source::has_gap) {
                return Err(failure);
            }
            failure.report();
        }
    }
    Ok(ExitStatus::Success)
}

struct Followed<'a> {
    arguments: &'a ImportArguments,
    sources: Vec<Source>,
    /// What each looked like when it was last read.
    seen: Vec<Option<Appearance>>,
}

impl<'a> Followed<'a> {
    fn new(arguments: &'a ImportArguments) -> Result<Self, Failure> {
        let mut sources = Source::check_all(arguments)?;
        sources.iter_mut().for_each(Source::follow);
        let seen = vec![None; sources.len()];
        Ok(Self { arguments, sources, seen })
    }

    /// Whether any source may have something new.
    fn look(&mut self) -> Result<bool, Failure> {
        let mut has_news = false;
        for (source, seen) in self.sources.iter_mut().zip(&self.seen) {
            has_news |= source.look_again(self.arguments, *seen)?;
        }
        Ok(has_news)
    }

    /// How long to wait for the next pass. What was renamed is read as fast as it can be told to be over.
    fn pause(&self, pause: Duration) -> Duration {
        if self.sources.iter().any(Source::is_behind) { pause.min(CATCHING_UP) } else { pause }
    }

    fn pass(&mut self, going_on: GoingOn<'_>) -> Result<(), Failure> {
        let now: Vec<_> = self.sources.iter().map(Source::appearance).collect();
        let passed = pass(self.arguments, &mut self.sources, Some(going_on));
        self.sources.iter_mut().for_each(|source| source.settle(passed.is_ok()));
        passed?;
        self.seen = now;
        Ok(())
    }
}
