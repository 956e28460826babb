//! Random questions of the native API about the times, ids and names of a random farm.

use std::num::NonZeroUsize;

use farmtally_model::{
    Calendar, CalendarUnit, Dimension, DimensionFilter, FilterTerm, Grouping, NameGlob, NamePattern, Outcome,
    Percentile, RankBy, TimeRange, Timestamp, Top, UsageQuery, UsageType, Zone,
};
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

use super::pools;
use super::times::HOUR_MS;
use crate::certain::certain;

/// Longest window that is cut into hours: 45 days, as long as the longest session.
const HOURLY_WINDOW_MS_MAX: i64 = 45 * 24 * HOUR_MS;

pub(super) fn question_around(anchor: Timestamp) -> impl Strategy<Value = UsageQuery> {
    let shown = (percentiles(), rank_by(), top());
    (calendar_around(anchor), groupings(), filters(), shown).prop_map(
        |(calendar, groupings, filters, (percentiles, rank_by, top))| {
            let query = certain(UsageQuery::new(calendar).grouped_by(groupings));
            let query = certain(certain(query.filtered_by(filters)).with_percentiles(percentiles));
            query.ranked_by(rank_by).with_top(top)
        },
    )
}

/// A window up to about the anchor, cut on the clock of a zone.
pub(super) fn calendar_around(anchor: Timestamp) -> impl Strategy<Value = Calendar> {
    let zones =
        ["UTC", "Europe/Paris", "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe", "UTC+05:30"];
    let units = CalendarUnit::ALL.map(Some).into_iter().chain([None]).collect::<Vec<_>>();
    // On half hours, or anywhere.
    let aside = prop_oneof![4 => Just(0), 1 => -1_000_000_i64..1_000_000];
    (select(zones.to_vec()), select(units), -60_i64..200, window_half_hours(), aside).prop_map(
        move |(zone, unit, end, half_hours, aside_ms)| {
            let anchor_ms = anchor.millis() - anchor.millis().rem_euclid(HOUR_MS / 2);
            let end_ms = (anchor_ms + end * HOUR_MS / 2 + aside_ms).max(HOUR_MS);
            let longest_ms = if unit == Some(CalendarUnit::Hour) { HOURLY_WINDOW_MS_MAX } else { i64::MAX };
            let length_ms = (half_hours * HOUR_MS / 2).min(longest_ms).min(end_ms);
            let [start, end] =
                [end_ms - length_ms, end_ms].map(|millis| certain(Timestamp::from_millis(millis)));
            certain(Calendar::new(certain(TimeRange::new(start, end)), unit, &certain(Zone::parse(zone))))
        },
    )
}

/// From half an hour to almost two years.
fn window_half_hours() -> impl Strategy<Value = i64> {
    prop_oneof![2 => 1_i64..9, 4 => 1_i64..200, 2 => 1_i64..2_000, 1 => 1_i64..32_000]
}

/// None to four dimensions and patterns in any order.
fn groupings() -> impl Strategy<Value = Vec<Grouping>> {
    let patterns = patterns().into_iter().map(Grouping::ByPattern);
    let all: Vec<Grouping> = Dimension::ALL.into_iter().map(Grouping::By).chain(patterns).collect();
    subsequence(all, 0..=4).prop_shuffle()
}

fn patterns() -> Vec<NamePattern> {
    vec![
        certain(NamePattern::new(r"^(sh\d+)", "shot")),
        certain(NamePattern::new(r"v(\d)", "version")),
        certain(NamePattern::new("(?i)ÜBER", "mountain")),
    ]
}

fn filters() -> impl Strategy<Value = Vec<DimensionFilter>> {
    proptest::collection::vec(filter(), 0..3)
}

fn filter() -> impl Strategy<Value = DimensionFilter> {
    select(Dimension::ALL.to_vec()).prop_flat_map(|dimension| {
        let some = || subsequence(terms(dimension), 0..=3);
        let include = prop_oneof![1 => Just(None), 3 => some().prop_map(Some)];
        let exclude = prop_oneof![2 => Just(Vec::new()), 1 => some()];
        (include, exclude)
            .prop_map(move |(include, exclude)| certain(DimensionFilter::new(dimension, include, exclude)))
    })
}

/// At least three values that a filter by a dimension can look for.
fn terms(dimension: Dimension) -> Vec<FilterTerm> {
    let none = [FilterTerm::NoValue];
    match dimension {
        Dimension::Queue => {
            pools::used_queues().into_iter().chain(pools::unused_queues()).map(FilterTerm::Queue).collect()
        }
        Dimension::Fleet => {
            pools::used_fleets().into_iter().chain(pools::unused_fleets()).map(FilterTerm::Fleet).collect()
        }
        Dimension::Job => pools::jobs().into_iter().map(FilterTerm::Job).collect(),
        Dimension::JobName => {
            let globs = ["*V1*", "sh010 comp v2", "ü*", "*"];
            let globs = globs.map(|glob| FilterTerm::JobName(certain(NameGlob::new(glob))));
            let captured = patterns().into_iter().flat_map(|pattern| {
                let text = FilterTerm::Captured(pattern.clone(), Some("1".to_owned()));
                [text, FilterTerm::Captured(pattern, None)]
            });
            globs.into_iter().chain(captured).collect()
        }
        Dimension::User => pools::users().into_iter().map(FilterTerm::User).collect(),
        Dimension::UsageType => [UsageType::Compute, UsageType::License, UsageType::PersistentVolume]
            .map(FilterTerm::UsageType)
            .to_vec(),
        Dimension::InstanceType => {
            let known = pools::instance_types().into_iter().flatten().map(FilterTerm::InstanceType);
            known.chain(none).collect()
        }
        Dimension::LicenseProduct => {
            pools::products().into_iter().map(FilterTerm::LicenseProduct).chain(none).collect()
        }
        Dimension::Worker => {
            pools::workers().into_iter().flatten().map(FilterTerm::Worker).chain(none).collect()
        }
        Dimension::Outcome => {
            Outcome::ALL.map(|(_, outcome)| FilterTerm::Outcome(outcome)).into_iter().chain(none).collect()
        }
    }
}

fn percentiles() -> impl Strategy<Value = Vec<Percentile>> {
    let all = ["p0", "p50", "p33.333", "p95", "p99.9", "p100"];
    let some = subsequence(all.to_vec(), 1..=3)
        .prop_map(|texts| texts.into_iter().map(|text| certain(Percentile::parse(text))).collect::<Vec<_>>());
    prop_oneof![1 => Just(Vec::new()), 1 => some]
}

fn rank_by() -> impl Strategy<Value = RankBy> {
    select(vec![RankBy::Cost, RankBy::Runtime, RankBy::Sessions])
}

fn top() -> impl Strategy<Value = Option<Top>> {
    let top = (1_usize..4, any::<bool>()).prop_map(|(groups, with_others)| {
        Some(Top { groups: NonZeroUsize::MIN.saturating_add(groups - 1), with_others })
    });
    prop_oneof![Just(None), top]
}
