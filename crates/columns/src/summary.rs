//! Count, sums, least and greatest of some pieces, narrow enough for the inner loops.
//!
//! The sums have 64 bits and are never checked here: whoever adds has made sure that what is added fits.

use farmtally_model::NarrowRow;

/// Count, sums, least and greatest of the costs and runtimes of some pieces of sessions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(C)]
pub struct Summary {
    /// Number of pieces.
    pub count: u32,
    /// Least runtime in milliseconds.
    pub runtime_min_ms: u32,
    /// Greatest runtime in milliseconds.
    pub runtime_max_ms: u32,
    /// Sum of the runtimes in milliseconds.
    pub runtime_sum_ms: u64,
    /// Sum of the costs in nano-dollars.
    pub cost_sum_nanos: u64,
    /// Least cost in nano-dollars.
    pub cost_min_nanos: u64,
    /// Greatest cost in nano-dollars.
    pub cost_max_nanos: u64,
}

/// A summary as it lies in an image.
pub(crate) type SummaryWords = [u64; 6];

impl Summary {
    /// The summary of nothing, which merges without effect.
    pub const EMPTY: Self = Self {
        count: 0,
        runtime_min_ms: u32::MAX,
        runtime_max_ms: 0,
        runtime_sum_ms: 0,
        cost_sum_nanos: 0,
        cost_min_nanos: u64::MAX,
        cost_max_nanos: 0,
    };

    /// Adds one piece.
    #[inline]
    pub fn add(&mut self, cost_nanos: u64, runtime_ms: u32) {
        self.count = self.count.wrapping_add(1);
        self.runtime_min_ms = self.runtime_min_ms.min(runtime_ms);
        self.runtime_max_ms = self.runtime_max_ms.max(runtime_ms);
        self.runtime_sum_ms = self.runtime_sum_ms.wrapping_add(u64::from(runtime_ms));
        self.cost_sum_nanos = self.cost_sum_nanos.wrapping_add(cost_nanos);
        self.cost_min_nanos = self.cost_min_nanos.min(cost_nanos);
        self.cost_max_nanos = self.cost_max_nanos.max(cost_nanos);
    }

    /// Adds the pieces of another summary.
    #[inline]
    pub fn merge(&mut self, other: &Self) {
        self.count = self.count.wrapping_add(other.count);
        self.runtime_min_ms = self.runtime_min_ms.min(other.runtime_min_ms);
        self.runtime_max_ms = self.runtime_max_ms.max(other.runtime_max_ms);
        self.runtime_sum_ms = self.runtime_sum_ms.wrapping_add(other.runtime_sum_ms);
        self.cost_sum_nanos = self.cost_sum_nanos.wrapping_add(other.cost_sum_nanos);
        self.cost_min_nanos = self.cost_min_nanos.min(other.cost_min_nanos);
        self.cost_max_nanos = self.cost_max_nanos.max(other.cost_max_nanos);
    }

    pub(crate) fn to_words(self) -> SummaryWords {
        [
            u64::from(self.count),
            u64::from(self.runtime_min_ms) | u64::from(self.runtime_max_ms) << 32,
            self.runtime_sum_ms,
            self.cost_sum_nanos,
            self.cost_min_nanos,
            self.cost_max_nanos,
        ]
    }

    #[expect(clippy::cast_possible_truncation, reason = "the halves of a word")]
    pub(crate) fn from_words(words: &SummaryWords) -> Self {
        Self {
            count: words[0] as u32,
            runtime_min_ms: words[1] as u32,
            runtime_max_ms: (words[1] >> 32) as u32,
            runtime_sum_ms: words[2],
            cost_sum_nanos: words[3],
            cost_min_nanos: words[4],
            cost_max_nanos: words[5],
        }
    }
}

impl From<NarrowRow> for Summary {
    fn from(row: NarrowRow) -> Self {
        Self {
            count: row.count,
            runtime_min_ms: row.runtime_min_ms,
            runtime_max_ms: row.runtime_max_ms,
            runtime_sum_ms: row.runtime_sum_ms,
            cost_sum_nanos: row.cost_sum_nanos,
            cost_min_nanos: row.cost_min_nanos,
            cost_max_nanos: row.cost_max_nanos,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_summary_is_the_same_after_its_words() {
        let mut summary = Summary::EMPTY;
        summary.add(7 << 40, 3);
        summary.add(5, u32::MAX);
        assert_eq!(Summary::from_words(&summary.to_words()), summary);
        assert_eq!(Summary::from_words(&Summary::EMPTY.to_words()), Summary::EMPTY);
    }

    #[test]
    fn merging_is_adding_all() {
        let pieces = [(9, 4), (1, 8), (4, 1)];
        let of = |pieces: &[(u64, u32)]| {
            let mut summary = Summary::EMPTY;
            for (cost, runtime) in pieces {
                summary.add(*cost, *runtime);
            }
            summary
        };
        let mut merged = of(&pieces[..1]);
        merged.merge(&of(&pieces[1..]));
        merged.merge(&Summary::EMPTY);
        assert_eq!(merged, of(&pieces));
    }
}
