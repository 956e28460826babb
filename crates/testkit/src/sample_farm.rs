//! Ninety plausible days of a visual-effects studio, made from a seed: what `farmtally demo` shows.
//!
//! Nothing here is measured anywhere; it is shaped so that a report has something to find: nights are busier than mornings
//! and weekends are quiet, few sessions are long, the cloud costs more than the machine room, and on one Wednesday about
//! three weeks back somebody's simulation fails on the expensive machines all day.
//!
//! The same seed and the same hour give the same records on every machine. A week later the same records come a week
//! later; hours in between move the rhythm against them, because a Sunday has to stay a Sunday.

mod prng;
mod render_floor;
mod rhythm;
mod studio;
#[cfg(test)]
mod tests;
mod volumes;

use farmtally_model::{Submission, Timestamp};

use self::prng::Prng;
use self::render_floor::RenderFloor;
use self::rhythm::Rhythm;
use self::studio::Studio;

const HOUR_MS: i64 = 3_600_000;

/// How much of the studio to make.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SampleFarmOptions {
    /// Days up to now.
    pub days: u32,
    /// Sessions in all of them, those that still run included.
    pub sessions: u32,
}

impl Default for SampleFarmOptions {
    /// 60,000 sessions in 90 days.
    fn default() -> Self {
        Self { days: 90, sessions: 60_000 }
    }
}

/// The first instant of the day on which a simulation fails again and again on the expensive machines.
pub fn failing_day(now: Timestamp) -> Timestamp {
    let origin_ms = now.millis().div_euclid(HOUR_MS) * HOUR_MS;
    Timestamp::from_millis_clamped(rhythm::failing_day_before(origin_ms).start)
}

/// The sessions up to the whole hour before `now`, roughly from old to new, and then the volumes, with their names and
/// costs. Sessions that are not over at that hour (about twenty by default) and two volumes still run; their cost is
/// what they have cost so far.
pub fn sample_farm(
    seed: u64,
    now: Timestamp,
    options: SampleFarmOptions,
) -> impl Iterator<Item = Submission> {
    let origin_ms = now.millis().div_euclid(HOUR_MS) * HOUR_MS;
    let mut prng = Prng::new(seed);
    let studio = Studio::new(&mut prng);
    let volumes = volumes::volumes(&mut prng, &studio, origin_ms, options.days);
    let rhythm = Rhythm::new(origin_ms, options);
    let mut floor = RenderFloor::new(prng, studio, rhythm.failing_day(), origin_ms);
    rhythm.into_hours().flat_map(move |hour| floor.sessions_of(hour)).chain(volumes)
}
