//! Random questions about the times and ids of a random farm.

use farmtally_model::{
    AggregationQuery, GroupBy, Period, Resources, Statistic, StatisticSet, TimeRange, Timestamp,
    UsageGroupBy, UtcOffset,
};
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

use super::pools;
use super::times::HOUR_MS;
use crate::certain::certain;

/// Longest window that is cut into hours: 45 days, as long as the longest session.
const HOURLY_WINDOW_HOURS_MAX: i64 = 45 * 24;

pub(super) fn query_around(anchor: Timestamp) -> impl Strategy<Value = AggregationQuery> {
    let shown = (resources(), group_by(), statistics());
    (shown, periods(), offsets(), -30_i64..100, window_hours()).prop_map(
        move |(shown, period, offset, end, hours)| {
            let (resources, group_by, statistics) = shown;
            let hours =
                if period == Some(Period::Hourly) { hours.min(HOURLY_WINDOW_HOURS_MAX) } else { hours };
            let window = window_ending(anchor.millis() + end * HOUR_MS, hours, offset);
            certain(AggregationQuery::new(resources, window, offset, period, group_by, statistics))
        },
    )
}

/// So many hours up to about an instant, on whole hours at the offset and not before 1970.
fn window_ending(end_ms: i64, hours: i64, offset: UtcOffset) -> TimeRange {
    let past_the_hour_ms = (end_ms + offset.millis()).rem_euclid(HOUR_MS);
    let end_ms = (end_ms - past_the_hour_ms).max(2 * HOUR_MS - past_the_hour_ms);
    let hours = hours.min(end_ms / HOUR_MS);
    let [start, end] =
        [end_ms - hours * HOUR_MS, end_ms].map(|millis| certain(Timestamp::from_millis(millis)));
    certain(TimeRange::new(start, end))
}

/// From one hour to almost two years.
fn window_hours() -> impl Strategy<Value = i64> {
    prop_oneof![2 => 1_i64..5, 4 => 1_i64..100, 2 => 1..=HOURLY_WINDOW_HOURS_MAX, 1 => 1_i64..16_000]
}

fn periods() -> impl Strategy<Value = Option<Period>> {
    let periods = [Period::Hourly, Period::Daily, Period::Weekly, Period::Monthly];
    select(periods.map(Some).into_iter().chain([None]).collect::<Vec<_>>())
}

/// Every offset of the service's pattern, most often UTC.
fn offsets() -> impl Strategy<Value = UtcOffset> {
    let any_offset = (any::<bool>(), 0..20, any::<bool>()).prop_map(|(ahead, hours, half)| {
        let (sign, minutes) = (if ahead { '+' } else { '-' }, if half { "30" } else { "00" });
        certain(UtcOffset::parse(&format!("UTC{sign}{hours:02}:{minutes}")))
    });
    prop_oneof![1 => Just(UtcOffset::UTC), 3 => any_offset]
}

/// One or two different fields in any order.
fn group_by() -> impl Strategy<Value = GroupBy> {
    subsequence(UsageGroupBy::ALL.to_vec(), 1..=2)
        .prop_shuffle()
        .prop_map(|fields| certain(GroupBy::new(&fields)))
}

fn statistics() -> impl Strategy<Value = StatisticSet> {
    subsequence(Statistic::ALL.to_vec(), 1..=4).prop_map(|statistics| certain(StatisticSet::new(statistics)))
}

/// One to ten queues or fleets, of which some, all or none have sessions.
fn resources() -> impl Strategy<Value = Resources> {
    let queues =
        ids(pools::used_queues(), pools::unused_queues()).prop_map(|ids| certain(Resources::queues(ids)));
    let fleets =
        ids(pools::used_fleets(), pools::unused_fleets()).prop_map(|ids| certain(Resources::fleets(ids)));
    prop_oneof![queues, fleets]
}

fn ids<T: Copy + std::fmt::Debug + 'static>(used: Vec<T>, unused: Vec<T>) -> impl Strategy<Value = Vec<T>> {
    let all = [used.clone(), unused].concat();
    prop_oneof![3 => subsequence(used, 1..=3), 1 => subsequence(all, 1..=10)]
}
