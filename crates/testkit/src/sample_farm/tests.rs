use std::collections::{BTreeMap, BTreeSet};

use farmtally_model::{NanoUsd, Record, Session, Submission, Timestamp};

use super::{SampleFarmOptions, sample_farm};

const DAY_MS: i64 = 86_400_000;
const NOW: &str = "2025-11-25T15:42:17.250Z";

fn now() -> Timestamp {
    Timestamp::parse(NOW).unwrap()
}

fn farm(seed: u64, now: Timestamp) -> Vec<Submission> {
    sample_farm(seed, now, SampleFarmOptions::default()).collect()
}

fn sessions(farm: &[Submission]) -> impl Iterator<Item = &Session<Option<NanoUsd>>> {
    farm.iter().filter_map(|submission| match &submission.record {
        Record::Session(session) => Some(session),
        Record::Volume(_) => None,
    })
}

fn cost_nanos(session: &Session<Option<NanoUsd>>) -> u64 {
    session.usage.as_slice().iter().map(|line| line.cost.unwrap().nanos()).sum()
}

/// Number of sessions and their cost on each day.
fn days(farm: &[Submission]) -> BTreeMap<i64, (u32, u64)> {
    let mut days = BTreeMap::new();
    for session in sessions(farm) {
        let (count, nanos) = days.entry(session.span.started_at().millis() / DAY_MS).or_default();
        *count += 1;
        *nanos += cost_nanos(session);
    }
    days
}

#[test]
fn the_same_seed_and_hour_give_the_same_farm() {
    let later_in_the_hour = Timestamp::parse("2025-11-25T15:59:59.999Z").unwrap();
    assert!(farm(7, now()) == farm(7, later_in_the_hour));
    assert!(farm(7, now()) != farm(8, now()));
}

#[test]
fn a_week_later_the_same_farm_comes_a_week_later() {
    let next_week = Timestamp::from_millis(now().millis() + 7 * DAY_MS).unwrap();
    let starts = |farm: &[Submission], back_ms: i64| -> Vec<_> {
        farm.iter()
            .map(|sent| (sent.record.id(), sent.record.span().started_at().millis() - back_ms))
            .collect()
    };
    assert!(starts(&farm(7, now()), 0) == starts(&farm(7, next_week), 7 * DAY_MS));
}

#[test]
fn there_are_sixty_thousand_sessions_and_six_volumes_with_an_id_each() {
    let farm = farm(1, now());
    let ids: BTreeSet<_> = farm.iter().map(|submission| submission.record.id()).collect();
    assert_eq!((sessions(&farm).count(), farm.len(), ids.len()), (60_000, 60_006, 60_006));
}

#[test]
fn everything_lies_in_the_ninety_days_before_the_hour() {
    let origin = Timestamp::parse("2025-11-25T15:00:00Z").unwrap();
    let first = Timestamp::from_millis(origin.millis() - 90 * DAY_MS).unwrap();
    for submission in farm(2, now()) {
        let span = submission.record.span();
        assert!(first <= span.started_at() && span.started_at() < origin);
        assert!(span.ended_at().is_none_or(|end| end <= origin));
    }
}

#[test]
fn some_sessions_still_run_and_have_neither_end_nor_outcome() {
    for (seed, now) in
        [(1, NOW), (2, "2025-11-23T06:10:00Z"), (3, "2025-12-24T03:00:00Z"), (4, "2026-01-01T20:00:00Z")]
    {
        let farm = farm(seed, Timestamp::parse(now).unwrap());
        let running: Vec<_> = sessions(&farm).filter(|session| session.span.ended_at().is_none()).collect();
        assert!((10..=60).contains(&running.len()), "{} sessions run", running.len());
        assert!(running.iter().all(|session| session.outcome.is_none()));
        assert!(
            sessions(&farm).all(|session| session.outcome.is_some() == session.span.ended_at().is_some())
        );
    }
}

#[test]
fn the_studio_has_its_queues_fleets_people_machines_and_products() {
    let farm = farm(3, now());
    let distinct =
        |of: &dyn Fn(&Submission) -> Vec<String>| farm.iter().flat_map(of).collect::<BTreeSet<_>>();
    let names =
        |of: fn(&Submission) -> Option<String>| distinct(&|submission| of(submission).into_iter().collect());
    let queues = names(|submission| submission.names.queue.as_ref().map(ToString::to_string));
    assert_eq!(queues.into_iter().collect::<Vec<_>>(), ["comp", "fx", "lighting", "lookdev"]);
    let fleets = names(|submission| submission.names.fleet.as_ref().map(ToString::to_string));
    assert_eq!(fleets.into_iter().collect::<Vec<_>>(), ["gpu", "on-prem", "spot"]);
    assert_eq!(names(|submission| submission.names.user.as_ref().map(ToString::to_string)).len(), 18);
    let machines: BTreeSet<_> = sessions(&farm).filter_map(|session| session.instance_type.clone()).collect();
    assert_eq!(machines.len(), 8);
    let uses: BTreeSet<_> = sessions(&farm)
        .flat_map(|session| session.usage.as_slice())
        .map(|line| line.usage.to_string())
        .collect();
    assert_eq!(
        uses.into_iter().collect::<Vec<_>>(),
        ["COMPUTE", "LICENSE arnold", "LICENSE houdini", "LICENSE nuke"]
    );
    let jobs: BTreeSet<_> = sessions(&farm).map(|session| session.job_id).collect();
    assert!((1_000..4_000).contains(&jobs.len()), "{} jobs", jobs.len());
}

#[test]
fn every_line_has_a_cost_and_the_farm_a_plausible_bill() {
    let farm = farm(4, now());
    let dollars = sessions(&farm).map(cost_nanos).sum::<u64>() / 1_000_000_000;
    assert!((40_000..200_000).contains(&dollars), "{dollars} dollars in ninety days");
}

#[test]
fn weekends_are_quiet() {
    let mut by_weekday = [0; 7];
    for (day, (count, _)) in days(&farm(5, now())) {
        by_weekday[usize::try_from((day + 3) % 7).unwrap()] += count;
    }
    assert!(
        by_weekday[..5].iter().all(|weekday| *weekday > 2 * by_weekday[5].max(by_weekday[6])),
        "{by_weekday:?}"
    );
}

#[test]
fn one_wednesday_costs_more_than_twice_any_other_day() {
    let days = days(&farm(6, now()));
    let (worst, (_, most)) = days.iter().max_by_key(|(_, (_, nanos))| nanos).unwrap();
    let second = days.iter().filter(|(day, _)| *day != worst).map(|(_, (_, nanos))| nanos).max().unwrap();
    let day = Timestamp::from_millis(worst * DAY_MS).unwrap().to_string();
    assert_eq!(day, "2025-11-05T00:00:00Z");
    assert!(*most > 2 * second, "{most} and {second}");
}

#[test]
fn a_worker_works_on_one_session_at_a_time() {
    let farm = farm(9, now());
    let mut busy_until = BTreeMap::new();
    for session in sessions(&farm) {
        let end = session.span.ended_at().unwrap_or(Timestamp::MAX);
        let before = busy_until.insert(session.worker_id.unwrap(), end);
        assert!(before.is_none_or(|end| end <= session.span.started_at()));
    }
}

#[test]
fn a_farm_without_days_has_no_sessions() {
    let options = SampleFarmOptions { days: 0, sessions: 100 };
    assert!(sample_farm(1, now(), options).all(|submission| matches!(submission.record, Record::Volume(_))));
}
