//! How long something took, counted in buckets of fixed bounds.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Upper bounds in microseconds: from a tenth of a millisecond, which is what a small answer takes, to ten seconds.
pub(super) const BOUNDS_US: [u64; 14] = [
    100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 1_000_000, 2_500_000,
    10_000_000,
];

/// Counts of durations.
#[derive(Debug, Default)]
pub(super) struct Histogram {
    /// One for each bound, and one for everything longer.
    counts: [AtomicU64; BOUNDS_US.len() + 1],
    sum_us: AtomicU64,
}

/// The counts at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Counted {
    /// Durations up to each bound, and all of them at the end.
    pub(super) up_to: Vec<u64>,
    pub(super) sum_us: u64,
}

impl Histogram {
    pub(super) fn observe(&self, duration: Duration) {
        let micros = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        let bucket = BOUNDS_US.partition_point(|bound| *bound < micros);
        if let Some(count) = self.counts.get(bucket) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        self.sum_us.fetch_add(micros, Ordering::Relaxed);
    }

    pub(super) fn counted(&self) -> Counted {
        let mut all = 0;
        let up_to = self.counts.iter().map(|count| {
            all += count.load(Ordering::Relaxed);
            all
        });
        Counted { up_to: up_to.collect(), sum_us: self.sum_us.load(Ordering::Relaxed) }
    }
}

impl Counted {
    /// How many there were.
    pub(super) fn count(&self) -> u64 {
        self.up_to.last().copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_counts_in_its_bucket_and_in_every_larger_one() {
        let histogram = Histogram::default();
        for micros in [100, 101, 11_000_000] {
            histogram.observe(Duration::from_micros(micros));
        }
        let counted = histogram.counted();
        assert_eq!(counted.up_to[..3], [1, 2, 2]);
        assert_eq!(counted.up_to[13..], [2, 3]);
        assert_eq!((counted.count(), counted.sum_us), (3, 11_000_201));
    }
}
