//! The clock is an argument, and this is the only place that reads the machine's.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use farmtally_model::Timestamp;

/// Where the present comes from.
pub trait Clock: std::fmt::Debug + Send + Sync {
    /// The present instant.
    fn now(&self) -> Timestamp;
}

/// The machine's clock, which stands still instead of going back a little.
///
/// The small steps with which a machine's clock is kept right are not seen, so that what comes later is not dated earlier. A step of
/// more than a minute is followed: the clock was wrong before, and a server that went on from there would refuse every signature
/// until it is started anew.
#[derive(Debug, Default)]
pub struct SystemClock {
    latest_ms: AtomicI64,
}

/// The longest step back that is not followed, in milliseconds: a fifth of what signatures allow.
const STANDS_STILL_MAX_MS: i64 = 60_000;

impl SystemClock {
    /// What the clock shows when the machine's is read, in milliseconds since 1970.
    fn shown(&self, read_ms: i64) -> i64 {
        let shown = |latest_ms: i64| {
            let is_small_step_back = (1..=STANDS_STILL_MAX_MS).contains(&latest_ms.saturating_sub(read_ms));
            if is_small_step_back { latest_ms } else { read_ms }
        };
        let before = self
            .latest_ms
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |latest_ms| Some(shown(latest_ms)));
        shown(before.unwrap_or_else(|unchanged| unchanged))
    }
}

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the machine's clock")]
    fn now(&self) -> Timestamp {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let millis = i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX);
        Timestamp::from_millis_clamped(self.shown(millis))
    }
}

/// A clock that stands where it is put, for tests of everything that depends on time.
#[derive(Debug)]
pub struct ManualClock(AtomicI64);

impl ManualClock {
    /// A clock that shows `now`.
    pub fn new(now: Timestamp) -> Self {
        Self(AtomicI64::new(now.millis()))
    }

    /// Moves the clock on by so many milliseconds, or back if they are negative.
    pub fn advance_ms(&self, millis: i64) {
        self.0.fetch_add(millis, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis_clamped(self.0.load(Ordering::SeqCst))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: i64 = 1_764_072_000_000;

    #[test]
    fn a_small_step_back_is_stood_out() {
        let clock = SystemClock::default();
        for (read_ms, shown_ms) in
            [(0, 0), (500, 500), (499, 500), (500 - STANDS_STILL_MAX_MS, 500), (501, 501)]
        {
            assert_eq!(clock.shown(NOON + read_ms), NOON + shown_ms);
        }
    }

    #[test]
    fn a_clock_that_was_wrong_is_followed_back() {
        let clock = SystemClock::default();
        let month_ms = 30 * 86_400_000;
        for read_ms in [0, month_ms, 1, 1 - STANDS_STILL_MAX_MS - 1, month_ms] {
            assert_eq!(clock.shown(NOON + read_ms), NOON + read_ms);
        }
    }
}
