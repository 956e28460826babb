//! A farm in two shares: together they are what was acknowledged, and files stay while somebody reads them.

use farmtally_model::{Record, RecordId, TimeRange};
use farmtally_store::{FarmShares, SealedShare, Store};

use crate::sealing::{files_below, in_month};
use crate::sessions::{Facts, NOW, at, ended, farm, open, submissions};

fn append(store: &Store, facts: &[Facts]) {
    store.append(farm(1), &submissions(facts), at(NOW)).unwrap().into_inner();
}

fn always() -> TimeRange {
    TimeRange::new(at(0), at(NOW)).unwrap()
}

fn shares(store: &Store, window: TimeRange) -> FarmShares {
    store.shares(farm(1), window).unwrap()
}

/// Lines and nano-dollars of sessions that a test describes: one line at their cost, and one at half of it.
fn lines_and_cost(facts: &[Facts]) -> (u64, u128) {
    let lines = facts.iter().map(|facts| if facts.is_volume { 1 } else { 2 });
    let cost =
        |facts: &Facts| u128::from(facts.cost) + u128::from(facts.cost / 2) * u128::from(!facts.is_volume);
    (lines.sum(), facts.iter().map(cost).sum())
}

fn counted(share: &SealedShare) -> (u64, u64, u128) {
    (share.record_count, share.line_count, share.cost_nanos)
}

fn unsealed(shares: &FarmShares) -> Vec<RecordId> {
    let mut ids: Vec<_> = shares.unsealed.iter().map(Record::id).collect();
    ids.sort_unstable();
    ids
}

#[test]
fn the_shares_have_each_live_record_once_and_say_what_the_files_have_too_much() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let volume = Facts { is_volume: true, ..ended(300) };
    let mut sealed: Vec<Facts> = (100..130).map(ended).collect();
    sealed.push(volume);
    append(&store, &sealed);
    store.seal(farm(1)).unwrap();
    let corrected = Facts { cost: 7, revision: 1, ..ended(101) };
    let running = Facts { end: None, ..ended(200) };
    append(&store, &[corrected, running, ended(201)]);
    store.delete(farm(1), ended(102).id(), at(NOW)).unwrap().into_inner();
    let shares = shares(&store, always());
    let live: Vec<Facts> =
        sealed.iter().copied().filter(|facts| ![101, 102].contains(&facts.number)).collect();
    let (lines, cost) = lines_and_cost(&live);
    assert_eq!(counted(&shares.sealed), (29, lines, cost));
    assert_eq!(shares.sealed.removed, [(ended(101).id(), 0), (ended(102).id(), 0)]);
    assert_eq!(unsealed(&shares), [corrected.id(), running.id(), ended(201).id()]);
    // 61 rows, each of which takes a second.
    assert_eq!(shares.sealed.runtime_ms_bound, 61 * 1000);
    assert_eq!(store.sealed_record_count(farm(1), always()).unwrap(), 29);
}

#[test]
fn only_files_that_reach_into_the_window_are_in_the_sealed_share() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    append(&store, &(0..30).map(|number| in_month(number, i64::from(number % 3))).collect::<Vec<_>>());
    store.seal(farm(1)).unwrap();
    let files: Vec<String> = files_below(dir.path(), "parquet")
        .iter()
        .map(|path| path.strip_prefix(dir.path()).unwrap().to_str().unwrap().to_owned())
        .collect();
    assert_eq!(shares(&store, always()).sealed.names, files);
    let (start, end) = (in_month(0, 1).start, in_month(0, 1).end.unwrap());
    for (from, until, expected) in [
        (start - 1, start, &[][..]),
        (start, start + 1, &files[1..2]),
        // A session without length counts where it starts, so that the end of the file may have one.
        (end, end + 1, &files[1..2]),
        (end + 1, end + 2, &[][..]),
        (end, in_month(0, 2).start + 1, &files[1..]),
    ] {
        let window = TimeRange::new(at(from), at(until)).unwrap();
        assert_eq!(shares(&store, window).sealed.names, expected, "from {from} until {until}");
    }
}

#[test]
fn files_stay_while_a_share_is_held_whatever_is_written_anew_or_no_longer_kept() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    append(&store, &[in_month(1, 0), in_month(2, 0), in_month(3, 2)]);
    store.seal(farm(1)).unwrap();
    let first = files_below(dir.path(), "parquet");
    let (held, also_held) = (shares(&store, always()), shares(&store, always()));
    append(&store, &[Facts { revision: 1, ..in_month(1, 0) }]);
    store.seal(farm(1)).unwrap();
    // 2025-11-24 is so many months after 1970-03.
    store.catalogue().set_retention(farm(1), Some(55 * 12 + 10 - 2)).unwrap();
    assert!(store.retain(farm(1), at(NOW)).unwrap());
    assert_eq!(store.record_count(farm(1)).unwrap(), 1);
    let is_there = |facts: &[std::path::PathBuf]| facts.iter().filter(|path| path.exists()).count();
    assert_eq!(is_there(&first), 2);
    drop(held);
    assert_eq!(is_there(&first), 2);
    drop(also_held);
    let left = files_below(dir.path(), "parquet");
    assert_eq!((left.len(), is_there(&first)), (1, 1));
    assert_eq!(shares(&store, always()).sealed.names.len(), 1);
}

#[test]
fn a_crash_forgets_who_held_files_and_the_next_start_removes_them() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    append(&store, &[ended(1), ended(2)]);
    store.seal(farm(1)).unwrap();
    let before = files_below(dir.path(), "parquet");
    std::mem::forget(shares(&store, always()));
    append(&store, &[Facts { revision: 1, ..ended(1) }]);
    store.seal(farm(1)).unwrap();
    assert!(before[0].exists());
    drop(store);
    let store = open(dir.path());
    assert_eq!(store.record_count(farm(1)).unwrap(), 2);
    assert!(!before[0].exists());
}
