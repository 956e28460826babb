//! Starts and ends of sessions that are looked for: what tells which parts of storage have to be read.

use std::ops::RangeInclusive;

use hashbrown::HashSet;

/// Spans that are looked for, in milliseconds since 1970.
#[derive(Debug)]
pub(crate) struct SoughtSpans {
    all: HashSet<(i64, i64)>,
    /// The same by start.
    by_start: Vec<(i64, i64)>,
}

impl SoughtSpans {
    pub(crate) fn new(spans: &[(i64, i64)]) -> Self {
        let all: HashSet<(i64, i64)> = spans.iter().copied().collect();
        let mut by_start: Vec<(i64, i64)> = all.iter().copied().collect();
        by_start.sort_unstable();
        Self { all, by_start }
    }

    /// Whether a session with this start and end is looked for.
    pub(crate) fn contains(&self, span: (i64, i64)) -> bool {
        self.all.contains(&span)
    }

    /// Whether one is looked for that starts and ends in these stretches.
    pub(crate) fn has_within(&self, starts: &RangeInclusive<i64>, ends: &RangeInclusive<i64>) -> bool {
        let first = self.by_start.partition_point(|span| span.0 < *starts.start());
        let in_time = self.by_start[first..].iter().take_while(|span| span.0 <= *starts.end());
        in_time.into_iter().any(|span| ends.contains(&span.1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_stretch_has_spans_if_one_of_them_lies_in_it(
            spans in prop::collection::vec((0_i64..20, 0_i64..20), 0..12),
            (from, to, low, high) in (0_i64..20, 0_i64..20, 0_i64..20, 0_i64..20),
        ) {
            let sought = SoughtSpans::new(&spans);
            let inside = |span: &(i64, i64)| (from..=to).contains(&span.0) && (low..=high).contains(&span.1);
            prop_assert_eq!(sought.has_within(&(from..=to), &(low..=high)), spans.iter().any(inside));
            prop_assert_eq!(sought.contains((from, low)), spans.contains(&(from, low)));
        }
    }
}
