//! Buckets in SQL: which one an instant is in, and where one begins and ends, in whole milliseconds.

use farmtally_model::{AggregationQuery, Buckets, Period};

const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;

/// The buckets of one question.
#[derive(Debug)]
pub(super) struct Calendar {
    buckets: Buckets,
    edges: Edges,
}

#[derive(Debug)]
enum Edges {
    /// There is one bucket.
    None,
    /// All are of one width; the first begins at `origin_ms`, or is clipped there.
    Uniform { origin_ms: i64, width_ms: i64 },
    /// Where the second and each later bucket begins.
    Months(Vec<i64>),
}

impl Calendar {
    pub(super) fn of(query: &AggregationQuery) -> Self {
        let buckets = query.buckets();
        let width_ms = match query.period() {
            Some(Period::Hourly) => Some(HOUR_MS),
            Some(Period::Daily) => Some(DAY_MS),
            Some(Period::Weekly) => Some(7 * DAY_MS),
            Some(Period::Monthly) | None => None,
        };
        let edges = match width_ms {
            _ if buckets.len() == 1 => Edges::None,
            // The first bucket of several ends where its unit ends, however late it begins.
            Some(width_ms) => Edges::Uniform { origin_ms: buckets.end_ms(0) - width_ms, width_ms },
            None => Edges::Months((1..buckets.len()).map(|index| buckets.start_ms(index)).collect()),
        };
        Self { buckets, edges }
    }

    /// Whether a session can be in several buckets.
    pub(super) const fn has_edges(&self) -> bool {
        !matches!(self.edges, Edges::None)
    }

    pub(super) fn start_ms(&self) -> i64 {
        self.buckets.window().start().millis()
    }

    pub(super) fn end_ms(&self) -> i64 {
        self.buckets.window().end().millis()
    }

    /// The bucket of an instant of the window, which is a column.
    pub(super) fn index_of(&self, instant: &str) -> String {
        match &self.edges {
            Edges::None => "0L".to_owned(),
            Edges::Uniform { origin_ms, width_ms } => format!("(({instant} - {origin_ms}L) div {width_ms}L)"),
            Edges::Months(starts) => {
                choice(0..=starts.len(), &|middle| format!("{instant} < {}L", starts[middle - 1]), &|index| {
                    format!("{index}L")
                })
            }
        }
    }

    /// The start of the bucket `bucket`, which is a column, clipped to the window.
    pub(super) fn start_of(&self, bucket: &str) -> String {
        match &self.edges {
            Edges::Uniform { origin_ms, width_ms } => {
                format!("greatest({}L, {origin_ms}L + {bucket} * {width_ms}L)", self.start_ms())
            }
            Edges::None | Edges::Months(_) => self.by_bucket(bucket, &|index| self.buckets.start_ms(index)),
        }
    }

    /// The first instant after the bucket `bucket`, likewise.
    pub(super) fn end_of(&self, bucket: &str) -> String {
        match &self.edges {
            Edges::Uniform { origin_ms, width_ms } => {
                format!("least({}L, {origin_ms}L + ({bucket} + 1L) * {width_ms}L)", self.end_ms())
            }
            Edges::None | Edges::Months(_) => self.by_bucket(bucket, &|index| self.buckets.end_ms(index)),
        }
    }

    fn by_bucket(&self, bucket: &str, millis: &dyn Fn(usize) -> i64) -> String {
        choice(0..=self.buckets.len() - 1, &|middle| format!("{bucket} < {middle}L"), &|index| {
            format!("{}L", millis(index))
        })
    }
}

/// A value by its number, found by halving: `is_below` says whether the number is less than the one that it is given.
fn choice(
    numbers: std::ops::RangeInclusive<usize>,
    is_below: &dyn Fn(usize) -> String,
    value: &dyn Fn(usize) -> String,
) -> String {
    let (first, last) = (*numbers.start(), *numbers.end());
    if first == last {
        return value(first);
    }
    let middle = (first + last).div_ceil(2);
    let [below, above] = [first..=middle - 1, middle..=last].map(|half| choice(half, is_below, value));
    format!("CASE WHEN {} THEN {below} ELSE {above} END", is_below(middle))
}
