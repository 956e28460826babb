//! How often one key may ask: a bucket of tokens for each key, refilled as time goes by.
//!
//! It is looked at after the signature was verified, so that nobody can use up the bucket of somebody else's key, and so
//! that there are as many buckets as there are keys.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How many seconds' worth of requests may come at once.
const BURST_SECONDS: f64 = 2.0;

/// Requests of each key.
#[derive(Debug)]
pub(crate) struct KeyRates {
    /// Requests a second; `None` is as many as come.
    per_second: Option<f64>,
    buckets: Mutex<HashMap<String, Bucket>>,
}

#[derive(Debug, Clone, Copy)]
struct Bucket {
    tokens: f64,
    filled_at: Instant,
}

impl KeyRates {
    /// At most so many requests of a key a second, and twice as many at once; 0 is as many as come.
    pub(crate) fn new(per_second: u32) -> Self {
        let per_second = (per_second > 0).then_some(f64::from(per_second));
        Self { per_second, buckets: Mutex::default() }
    }

    /// Takes a token of the key, or says how long until there is one.
    pub(crate) fn take(&self, access_key_id: &str, now: Instant) -> Result<(), Duration> {
        let Some(per_second) = self.per_second else { return Ok(()) };
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        let full = Bucket { tokens: per_second * BURST_SECONDS, filled_at: now };
        if !buckets.contains_key(access_key_id) {
            buckets.insert(access_key_id.to_owned(), full);
        }
        buckets.get_mut(access_key_id).map_or(Ok(()), |bucket| bucket.take(per_second, now))
    }
}

impl Bucket {
    fn take(&mut self, per_second: f64, now: Instant) -> Result<(), Duration> {
        let passed = now.saturating_duration_since(self.filled_at).as_secs_f64();
        self.tokens = (self.tokens + passed * per_second).min(per_second * BURST_SECONDS);
        self.filled_at = now;
        if self.tokens < 1.0 {
            return Err(Duration::from_secs_f64((1.0 - self.tokens) / per_second));
        }
        self.tokens -= 1.0;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_gets_its_burst_and_then_its_rate_and_no_other_key_pays_for_it() {
        let (rates, begin) = (KeyRates::new(10), Instant::now());
        let taken = |key: &str, after_ms| rates.take(key, begin + Duration::from_millis(after_ms));
        for _ in 0..20 {
            taken("greedy", 0).unwrap();
        }
        let wait = taken("greedy", 0).unwrap_err();
        assert!((Duration::from_millis(99)..=Duration::from_millis(101)).contains(&wait), "{wait:?}");
        taken("modest", 0).unwrap();
        taken("greedy", 100).unwrap();
        taken("greedy", 100).unwrap_err();
        // However long it was away, it gets no more than its burst.
        for _ in 0..20 {
            taken("greedy", 1_000_000).unwrap();
        }
        taken("greedy", 1_000_000).unwrap_err();
    }

    #[test]
    fn zero_is_no_limit() {
        let (rates, now) = (KeyRates::new(0), Instant::now());
        assert!((0..10_000).all(|_| rates.take("any", now).is_ok()));
    }
}
