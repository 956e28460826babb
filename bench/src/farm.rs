//! The seeded farm of the benchmark: one year of 20 queues, 40 fleets, 500 users, a job per 200 sessions.
//!
//! Durations are log-normal with a median of 25 minutes and a tail to 48 hours, a fifth of the sessions hold a licence, and
//! starts follow a daily and a weekly rhythm. Sessions are plain integers here, the same for us and for the other engines.

use crate::random::Random;

/// 2025-01-01T00:00:00Z, a Wednesday.
const YEAR_START_MS: i64 = 1_735_689_600_000;
const HOUR_MS: i64 = 3_600_000;
const HOURS: usize = 365 * 24;
const QUEUES: usize = 20;
const FLEETS: usize = 40;
const USERS: usize = 500;
const INSTANCE_TYPES: usize = 30;
const PRODUCTS: usize = 12;
const SESSIONS_PER_JOB: u64 = 200;
/// Jobs that have sessions at the same time.
const JOBS_AT_ONCE: usize = 64;
const DURATION_MEDIAN_MS: f64 = 25.0 * 60_000.0;
const DURATION_MAX_MS: f64 = 48.0 * 3_600_000.0;
const LICENSE_NANOS_PER_HOUR: i64 = 612_345_678;

/// One ended session in integers.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FarmSession {
    pub(crate) id: [u8; 16],
    pub(crate) start_ms: i64,
    pub(crate) end_ms: i64,
    pub(crate) queue: u8,
    pub(crate) fleet: u8,
    pub(crate) user: u16,
    pub(crate) job: u32,
    pub(crate) instance_type: u8,
    pub(crate) compute_nanos: i64,
    pub(crate) license: Option<License>,
}

/// The licence that a session held.
#[derive(Debug, Clone, Copy)]
pub(crate) struct License {
    pub(crate) product: u8,
    pub(crate) nanos: i64,
}

/// Sessions in the order of their starts.
#[derive(Debug)]
pub(crate) struct Farm {
    random: Random,
    sessions: u64,
    next: u64,
    /// The share of the sessions that the users up to each one have.
    user_shares: Vec<f64>,
    hour_starts: Vec<u64>,
    hour: usize,
}

impl Farm {
    pub(crate) fn new(sessions: u64, seed: u64) -> Self {
        Self {
            random: Random::new(seed),
            sessions,
            next: 0,
            user_shares: user_shares(),
            hour_starts: hour_starts(sessions),
            hour: 0,
        }
    }

    fn session(&mut self) -> FarmSession {
        let index = self.next;
        let start_ms = self.start_ms(index);
        let spread = (1.1 * self.random.normal()).exp();
        let duration_ms = (DURATION_MEDIAN_MS * spread).clamp(1_000.0, DURATION_MAX_MS) as i64;
        let job = index / SESSIONS_PER_JOB + self.random.below(JOBS_AT_ONCE) as u64;
        let user = self.user();
        let queue = Random::new(job ^ 0x5eed).below(QUEUES) as u8;
        let fleet = self.random.below(FLEETS) as u8;
        let instance_type = self.random.below(INSTANCE_TYPES) as u8;
        let mut id = [0; 16];
        id[..8].copy_from_slice(&self.random.next().to_be_bytes());
        id[8..].copy_from_slice(&index.to_be_bytes());
        FarmSession {
            id,
            start_ms,
            end_ms: start_ms + duration_ms,
            queue,
            fleet,
            user,
            job: job as u32,
            instance_type,
            compute_nanos: cost_nanos(300_000_000 + i64::from(instance_type) * 71_234_567, duration_ms),
            license: self.license(duration_ms),
        }
    }

    /// The sessions of an hour start at even distances, and each somewhere in its own stretch.
    fn start_ms(&mut self, index: u64) -> i64 {
        while self.hour + 1 < HOURS && self.hour_starts[self.hour + 1] <= index {
            self.hour += 1;
        }
        let first = self.hour_starts[self.hour];
        let in_hour = (self.hour_starts[self.hour + 1] - first).max(1) as i64;
        let jitter_ms = self.random.below((HOUR_MS / in_hour).max(1) as usize) as i64;
        let place_ms = (index - first) as i64 * HOUR_MS / in_hour;
        YEAR_START_MS + self.hour as i64 * HOUR_MS + place_ms + jitter_ms
    }

    fn user(&mut self) -> u16 {
        let at = self.random.unit();
        self.user_shares.partition_point(|share| *share < at).min(USERS - 1) as u16
    }

    fn license(&mut self, duration_ms: i64) -> Option<License> {
        (self.random.below(5) == 0).then(|| License {
            product: self.random.below(PRODUCTS) as u8,
            nanos: cost_nanos(LICENSE_NANOS_PER_HOUR, duration_ms),
        })
    }
}

impl Iterator for Farm {
    type Item = FarmSession;

    fn next(&mut self) -> Option<Self::Item> {
        let session = (self.next < self.sessions).then(|| self.session());
        self.next += 1;
        session
    }
}

fn cost_nanos(nanos_per_hour: i64, duration_ms: i64) -> i64 {
    (i128::from(nanos_per_hour) * i128::from(duration_ms) / i128::from(HOUR_MS)) as i64
}

/// Zipf: the second user has half as many sessions as the first, the third a third.
fn user_shares() -> Vec<f64> {
    let weights = || (1..=USERS).map(|rank| 1.0 / rank as f64);
    let total: f64 = weights().sum();
    let running_sum = weights().scan(0.0, |sum, weight| {
        *sum += weight / total;
        Some(*sum)
    });
    running_sum.collect()
}

/// The index of the first session of each hour of the year, and the number of all sessions.
fn hour_starts(sessions: u64) -> Vec<u64> {
    let total: f64 = (0..HOURS).map(hour_weight).sum();
    let mut sum = 0.0;
    let starts = (0..HOURS).map(|hour| {
        let start = (sum / total * sessions as f64) as u64;
        sum += hour_weight(hour);
        start
    });
    starts.chain([sessions]).collect()
}

/// More starts by day than by night, more on weekdays.
fn hour_weight(hour: usize) -> f64 {
    let by_day = if (8..20).contains(&(hour % 24)) { 1.5 } else { 0.6 };
    // Day 0 was a Wednesday; Monday is weekday 0.
    let weekday = (hour / 24 + 2) % 7;
    if weekday < 5 { by_day } else { 0.5 * by_day }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_draws_the_same_farm_in_the_order_of_starts() {
        let starts = |seed| Farm::new(5_000, seed).map(|session| session.start_ms).collect::<Vec<_>>();
        assert_eq!(starts(7), starts(7));
        assert_ne!(starts(7), starts(8));
        assert_eq!(starts(7).len(), 5_000);
        assert!(starts(7).is_sorted());
    }

    #[test]
    fn a_job_belongs_to_one_queue() {
        let mut queues = std::collections::BTreeMap::new();
        for session in Farm::new(20_000, 7) {
            assert_eq!(*queues.entry(session.job).or_insert(session.queue), session.queue);
        }
    }

    #[test]
    fn sessions_last_up_to_two_days_with_a_median_of_25_minutes_and_a_fifth_holds_a_licence() {
        let mut sessions: Vec<_> = Farm::new(20_000, 7).collect();
        sessions.sort_by_key(|session| session.end_ms - session.start_ms);
        let duration_ms = |index: usize| sessions[index].end_ms - sessions[index].start_ms;
        assert!((24 * 60_000..26 * 60_000).contains(&duration_ms(10_000)));
        assert!(duration_ms(0) >= 1_000 && duration_ms(19_999) <= 48 * HOUR_MS);
        let licensed = sessions.iter().filter(|session| session.license.is_some()).count();
        assert!((3_800..4_200).contains(&licensed));
    }
}
