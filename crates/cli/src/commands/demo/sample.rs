//! The sample farm in the folder: made once, finished if it was interrupted, and found again.

use farmtally_ingest::farm_id_for_name;
use farmtally_model::{DisplayName, Timestamp};
use farmtally_service::{Catalogue, Farm, NumberedSubmission, Service};
use farmtally_testkit::sample_farm::{SampleFarmOptions, failing_day, sample_farm};

use crate::farm_reference::{all_farms, create_farm};
use crate::progress::Progress;
use crate::report_error::Failure;

const NAME: &str = "Demo Farm";
const SEED: u64 = 7;
const BATCH: usize = 10_000;

/// When the sample was begun, and whether it is whole. The same instant gives the same records, so that making it
/// again finishes one that was interrupted.
const SETTING: &str = "demo-sample";

/// Whether the folder has no farms yet, or has the sample among them.
pub(super) fn may_live_in(catalogue: &Catalogue) -> Result<bool, Failure> {
    let farms = all_farms(catalogue)?;
    Ok(farms.is_empty() || farms.iter().any(|farm| farm.farm_id == farm_id_for_name(NAME)))
}

/// Whether the demonstration began to fill the folder.
pub(super) fn is_made_here(catalogue: &Catalogue) -> Result<bool, Failure> {
    Ok(State::read(catalogue)?.is_some())
}

/// The farm with its records.
pub(super) struct Sample {
    pub(super) farm: Farm,
    /// The instant that the records lead up to.
    pub(super) made_at: Timestamp,
    is_new: bool,
}

impl Sample {
    /// Finds the sample, or makes it.
    pub(super) fn prepare(service: &Service, catalogue: &Catalogue) -> Result<Self, Failure> {
        let now = service.now();
        let name = DisplayName::new(NAME).map_err(|error| Failure::of(&error))?;
        let farm = create_farm(catalogue, farm_id_for_name(NAME), name, now)?;
        let found = |made_at| Self { farm: farm.clone(), made_at, is_new: false };
        let made_at = match State::read(catalogue)? {
            Some(State::Whole(made_at)) => return Ok(found(made_at)),
            Some(State::Begun(made_at)) => made_at,
            // Somebody else's records under this name are not ours to add to.
            None if service.record_count(farm.farm_id)? > 0 => return Ok(found(now)),
            None => now,
        };
        State::Begun(made_at).write(catalogue)?;
        fill(service, &farm, made_at)?;
        State::Whole(made_at).write(catalogue)?;
        Ok(Self { farm, made_at, is_new: true })
    }

    /// The day on which something goes wrong, as a date in UTC.
    pub(super) fn failing_day(&self) -> String {
        failing_day(self.made_at).to_string().chars().take("2025-11-24".len()).collect()
    }

    /// Where the records come from, in words.
    pub(super) fn origin(&self) -> String {
        let hour = whole_hour(self.made_at);
        if self.is_new {
            format!("now, from seed {SEED}; its last hour is {hour}")
        } else {
            format!("earlier, its last hour is {hour}; --clean, and it is made anew")
        }
    }
}

/// The whole hour at or before an instant.
pub(super) fn whole_hour(instant: Timestamp) -> Timestamp {
    const HOUR_MS: i64 = 3_600_000;
    Timestamp::from_millis_clamped(instant.millis().div_euclid(HOUR_MS) * HOUR_MS)
}

fn fill(service: &Service, farm: &Farm, made_at: Timestamp) -> Result<(), Failure> {
    let options = SampleFarmOptions::default();
    let progress = Progress::of_records(options.sessions.into(), "making the demo farm");
    let mut records = (1..).zip(sample_farm(SEED, made_at, options));
    loop {
        let numbered = records.by_ref().map(|(line, submission)| NumberedSubmission { line, submission });
        let batch: Vec<_> = numbered.take(BATCH).collect();
        if batch.is_empty() {
            return Ok(());
        }
        let count = batch.len() as u64;
        service.store_batch(farm.farm_id, batch)?;
        progress.advance(count);
    }
}

/// How far the sample is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Begun(Timestamp),
    Whole(Timestamp),
}

impl State {
    fn read(catalogue: &Catalogue) -> Result<Option<Self>, Failure> {
        let bytes = catalogue.setting(SETTING)?;
        Ok(bytes.and_then(|bytes| String::from_utf8(bytes).ok()).and_then(|text| Self::parse(&text)))
    }

    fn write(self, catalogue: &Catalogue) -> Result<(), Failure> {
        Ok(catalogue.put_setting(SETTING, self.to_text().as_bytes())?)
    }

    fn parse(text: &str) -> Option<Self> {
        let (state, made_at) = text.split_once(' ')?;
        let made_at = Timestamp::parse(made_at).ok()?;
        match state {
            "begun" => Some(Self::Begun(made_at)),
            "whole" => Some(Self::Whole(made_at)),
            _ => None,
        }
    }

    fn to_text(self) -> String {
        match self {
            Self::Begun(made_at) => format!("begun {made_at}"),
            Self::Whole(made_at) => format!("whole {made_at}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_state_reads_back() {
        let instant = Timestamp::parse("2025-11-24T22:03:07.12Z").unwrap();
        for state in [State::Begun(instant), State::Whole(instant)] {
            assert_eq!(State::parse(&state.to_text()), Some(state));
        }
        assert_eq!(State::parse("whole"), None);
        assert_eq!(whole_hour(instant).to_string(), "2025-11-24T22:00:00Z");
    }
}
