//! The sample of each format version, which every later program has to read.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use farmtally_model::aggregation::Status;
use farmtally_model::{
    AggregationId, AggregationQuery, Amounts, CostScaleFactor, DisplayName, GroupBy, GroupValue, GroupValues,
    NanoUsd, QueueId, RecordNames, Resources, Statistic, StatisticSet, StatisticsRow, StatisticsTable,
    TimeRange, UsageGroupBy, UtcOffset,
};
use farmtally_store::{NewAggregation, OpenError, PricedSubmission, Store, StoreLocation, StoredAccessKey};
use rusqlite::Connection;

use crate::cluster::Cluster;
use crate::sessions::{
    Facts, NOW, at, bytes, ended, farm, open, session_id, sorted_rows, stored_rows, submissions,
};

fn sample(version: u32) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/format/v{version}"))
}

fn running() -> Facts {
    Facts { end: None, queue: 2, ..ended(5) }
}

fn volume() -> Facts {
    Facts { is_volume: true, queue: 4, ..ended(6) }
}

fn aggregation_id() -> AggregationId {
    AggregationId::from_bytes(bytes(1))
}

fn interrupted_id() -> AggregationId {
    AggregationId::from_bytes(bytes(2))
}

fn answer() -> StatisticsTable {
    let amounts = Amounts { sum: 12, min: 3, max: 9 };
    let bucket = TimeRange::new(at(0), at(3_600_000)).unwrap();
    StatisticsTable {
        group_by: GroupBy::new(&[UsageGroupBy::QueueId]).unwrap(),
        values: [
            vec![GroupValue::Absent, GroupValue::Queue(QueueId::from_bytes([1; 16]))].into(),
            GroupValues::default(),
        ],
        rows: [StatisticsRow { bucket, values: [1, 0], count: 2, cost: amounts, runtime: amounts }]
            .into_iter()
            .collect(),
    }
}

fn question() -> AggregationQuery {
    let queues = Resources::queues([QueueId::from_bytes([1; 16])]).unwrap();
    let window = TimeRange::new(at(0), at(3_600_000)).unwrap();
    let statistics = StatisticSet::new([Statistic::Sum]).unwrap();
    AggregationQuery::new(queues, window, UtcOffset::UTC, None, answer().group_by, statistics).unwrap()
}

fn access_key() -> StoredAccessKey {
    StoredAccessKey {
        access_key_id: "FTALSAMPLE".to_owned(),
        sealed_secret: vec![1, 2, 3],
        role: "reader".to_owned(),
        farm_id: Some(farm(1)),
        created_at: at(NOW),
        disabled_at: Some(at(NOW + 1)),
    }
}

fn fill(store: &Store) {
    let catalogue = store.catalogue();
    let batch: Vec<_> =
        (0..10).filter(|number| *number != 5).map(ended).chain([running(), volume()]).collect();
    store.append(farm(1), &submissions(&batch), at(NOW)).unwrap().into_inner();
    spread(store, 7, 6);
    store.seal(farm(1)).unwrap();
    spread(store, 9, 8);
    let name = DisplayName::new("comp").unwrap();
    let names = RecordNames { queue: Some(name.clone()), fleet: None, user: Some(name) };
    let corrected = Facts { cost: 400, revision: 1, ..ended(4) };
    let submission = PricedSubmission { names, ..corrected.submission() };
    store.append(farm(1), &[submission], at(NOW)).unwrap().into_inner();
    store.delete(farm(1), session_id(3), at(NOW)).unwrap().into_inner();
    catalogue.set_rate_card(farm(1), "an older rate card", at(NOW - 1)).unwrap();
    catalogue.set_rate_card(farm(1), "a rate card", at(NOW)).unwrap();
    catalogue
        .set_cost_scale_factor(farm(1), CostScaleFactor::parse("1.5").unwrap(), "otto", at(NOW))
        .unwrap();
    catalogue.insert_access_key(&access_key()).unwrap();
    catalogue.put_setting("word", b"value").unwrap();
    catalogue.begin_aggregation(&new(aggregation_id(), 7)).unwrap();
    assert!(catalogue.complete_aggregation(aggregation_id(), &answer()).unwrap());
    catalogue.begin_aggregation(&new(interrupted_id(), 8)).unwrap();
}

fn new(id: AggregationId, retry_key: u8) -> NewAggregation {
    NewAggregation {
        id,
        farm_id: farm(1),
        retry_key: Some([retry_key; 32]),
        started_at: at(NOW),
        deadline: at(NOW + 1),
        query: question(),
        cost_scale_factor: CostScaleFactor::ONE,
    }
}

/// Makes a share of a bill the cost of a session's worker.
fn spread(store: &Store, number: u32, cost: u64) {
    let stored = store.record(farm(1), session_id(number)).unwrap().unwrap();
    let share = stored.with_share(NanoUsd::from_nanos(cost).unwrap()).unwrap();
    assert_eq!(store.amend(farm(1), vec![share], at(NOW)).unwrap().get().replaced, 1);
}

/// The shares that there are since version 6, in a segment and in a batch.
const SHARES: [(u32, u64); 2] = [(7, 6), (9, 8)];

fn check(store: &Store, shares: &[(u32, u64)]) {
    let catalogue = store.catalogue();
    let with_share = |facts: Facts| match shares.iter().find(|(number, _)| *number == facts.number) {
        Some((_, cost)) => Facts { cost: *cost, ..facts },
        None => facts,
    };
    let ended = (0..10).filter(|number| ![3, 4, 5].contains(number)).map(ended).map(with_share);
    for (number, _) in shares {
        let stored = store.record(farm(1), session_id(*number)).unwrap().unwrap();
        assert_eq!(stored.share.unwrap().sent, Some(NanoUsd::from_nanos(u64::from(*number)).unwrap()));
    }
    let corrected = Facts { cost: 400, revision: 1, ..crate::sessions::ended(4) };
    assert_eq!(stored_rows(store), sorted_rows(ended.chain([corrected, running(), volume()])));
    let again =
        store.append(farm(1), &submissions(&[crate::sessions::ended(3), corrected]), at(NOW)).unwrap();
    assert_eq!(
        (again.get().unchanged, again.get().refused.len()),
        (1, 1),
        "identities and tombstones are known"
    );
    let queues = catalogue.queues(farm(1), None, 10).unwrap();
    assert_eq!(queues.iter().map(|queue| queue.display_name.as_str()).next(), Some("comp"));
    assert_eq!(catalogue.farm(farm(1)).unwrap().unwrap().cost_scale_factor.to_string(), "1.5");
    assert_eq!(catalogue.rate_card(farm(1)).unwrap().unwrap(), "a rate card");
    assert_eq!(catalogue.access_keys().unwrap(), [access_key()]);
    assert_eq!(catalogue.setting("word").unwrap().unwrap(), b"value");
}

fn check_answer(store: &Store) {
    let state = store.catalogue().aggregation(farm(1), aggregation_id()).unwrap().unwrap();
    assert_eq!((state.status, state.row_count), (Status::Completed, Some(1)));
    assert_eq!(store.catalogue().result(aggregation_id()).unwrap().unwrap(), answer());
}

/// The rate cards that there were; before version 5 only the last of them was kept.
fn check_rate_cards(store: &Store, expected: &[(u32, &str)]) {
    let versions = store.catalogue().rate_card_versions(farm(1)).unwrap();
    let found: Vec<_> = versions.iter().map(|card| (card.version, card.text.as_str())).collect();
    assert_eq!(found, expected);
}

const LAST_CARD: [(u32, &str); 1] = [(1, "a rate card")];
const CARDS: [(u32, &str); 2] = [(1, "an older rate card"), (2, "a rate card")];

/// Answers live for an hour: those that version 4 keeps in another way are forgotten.
fn check_without_answer(store: &Store) {
    check(store, &[]);
    check_rate_cards(store, &LAST_CARD);
    assert_eq!(store.catalogue().aggregation(farm(1), aggregation_id()).unwrap(), None);
}

/// Everything that there is since version 6.
fn check_with_shares(store: &Store) {
    check(store, &SHARES);
    check_rate_cards(store, &CARDS);
    check_answer(store);
}

/// Everything that there is since version 8.
fn check_with_questions(store: &Store) {
    check_with_shares(store);
    let interrupted = store.catalogue().interrupted_aggregations().unwrap();
    let asked: Vec<_> = interrupted.iter().map(|one| (one.id, one.query.clone())).collect();
    assert_eq!(asked, [(interrupted_id(), Some(question()))]);
}

/// A store over a copy of a sample.
fn opened_sample(version: u32) -> (tempfile::TempDir, Store) {
    let dir = tempfile::tempdir().unwrap();
    copy_folder(&sample(version), dir.path());
    let store = Store::open(dir.path()).unwrap();
    (dir, store)
}

#[test]
fn the_sample_of_version_1_reads_as_it_was_written() {
    let dir = tempfile::tempdir().unwrap();
    for name in ["catalogue.sqlite", "master.key"] {
        fs::copy(sample(1).join(name), dir.path().join(name)).unwrap();
    }
    check_without_answer(&Store::open(dir.path()).unwrap());
}

/// A sealed folder, with batches behind the seal.
#[test]
fn the_sample_of_version_3_reads_as_it_was_written() {
    let (_dir, store) = opened_sample(3);
    check_without_answer(&store);
}

/// Answers in files of their own.
#[test]
fn the_sample_of_version_4_reads_as_it_was_written() {
    let (_dir, store) = opened_sample(4);
    check(&store, &[]);
    check_rate_cards(&store, &LAST_CARD);
    check_answer(&store);
}

/// Every rate card that there was.
#[test]
fn the_sample_of_version_5_reads_as_it_was_written() {
    let (_dir, store) = opened_sample(5);
    check(&store, &[]);
    check_rate_cards(&store, &CARDS);
    check_answer(&store);
}

/// Shares of bills.
#[test]
fn the_sample_of_version_6_reads_as_it_was_written() {
    let (_dir, store) = opened_sample(6);
    check_with_shares(&store);
}

/// A checksum in each page of the catalogue.
#[test]
fn the_sample_of_version_7_reads_as_it_was_written() {
    let (_dir, store) = opened_sample(7);
    check_with_shares(&store);
}

/// What an aggregation asks whose process ended.
#[test]
fn the_sample_of_version_8_reads_as_it_was_written() {
    let (_dir, store) = opened_sample(8);
    check_with_questions(&store);
}

/// A folder of the last version without checksums in the pages of its catalogue.
fn without_checksums() -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    copy_folder(&sample(6), dir.path());
    let catalogue = dir.path().join("catalogue.sqlite");
    (dir, catalogue)
}

/// The bytes of each page that SQLite leaves alone.
fn reserved(catalogue: &Path) -> u8 {
    fs::read(catalogue).unwrap()[20]
}

#[test]
fn a_catalogue_without_checksums_is_written_anew_as_a_whole_or_not_at_all() {
    let (dir, catalogue) = without_checksums();
    assert_eq!(reserved(&catalogue), 0);
    // What an attempt leaves that broke off.
    for left in ["catalogue.sqlite.new", "catalogue.sqlite.new-wal", "catalogue.sqlite.new-shm"] {
        fs::write(dir.path().join(left), "half of a file").unwrap();
    }
    check(&Store::open(dir.path()).unwrap(), &SHARES);
    assert_eq!(reserved(&catalogue), 8);
    let names =
        fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let left: Vec<_> = names.filter(|name| name.contains(".new")).collect();
    assert!(left.is_empty(), "{left:?}");
    let mode = fs::metadata(&catalogue).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode, 0o600);
}

/// A program of before that was ended before it made the tables.
#[test]
fn a_catalogue_of_one_page_without_room_for_a_checksum_is_written_anew() {
    let dir = tempfile::tempdir().unwrap();
    drop(Store::open(dir.path()).unwrap());
    let catalogue = dir.path().join("catalogue.sqlite");
    fs::remove_file(&catalogue).unwrap();
    let older = Connection::open(&catalogue).unwrap();
    older.pragma_update(None, "journal_mode", "WAL").unwrap();
    drop(older);
    assert_eq!((reserved(&catalogue), fs::metadata(&catalogue).unwrap().len()), (0, 4096));
    for _ in 0..2 {
        drop(Store::open(dir.path()).unwrap());
        assert_eq!(reserved(&catalogue), 8);
    }
}

#[test]
fn what_an_older_program_left_in_the_log_goes_into_the_new_file() {
    let (older, catalogue) = without_checksums();
    let connection = Connection::open(&catalogue).unwrap();
    connection.execute("UPDATE settings SET value = x'6c61746572' WHERE name = 'word'", []).unwrap();
    let (dir, _) = without_checksums();
    // As after a kill: nothing was moved out of the log.
    for name in ["catalogue.sqlite", "catalogue.sqlite-wal"] {
        copy_named(name, older.path(), dir.path()).unwrap();
    }
    let store = Store::open(dir.path()).unwrap();
    assert_eq!(store.catalogue().setting("word").unwrap().unwrap(), b"later");
}

#[test]
fn a_log_of_an_older_program_that_is_damaged_before_its_end_is_refused() {
    let (older, catalogue) = without_checksums();
    let connection = Connection::open(&catalogue).unwrap();
    for word in ["first", "second", "third"] {
        connection.execute("UPDATE settings SET value = ?1 WHERE name = 'word'", [word.as_bytes()]).unwrap();
    }
    let (dir, _) = without_checksums();
    for name in ["catalogue.sqlite", "catalogue.sqlite-wal"] {
        copy_named(name, older.path(), dir.path()).unwrap();
    }
    let log = dir.path().join("catalogue.sqlite-wal");
    let mut bytes = fs::read(&log).unwrap();
    bytes[100] ^= 1;
    fs::write(&log, &bytes).unwrap();
    for _ in 0..2 {
        assert!(matches!(Store::open(dir.path()), Err(OpenError::DamagedLog { offset: 32, .. })));
        assert!(fs::read(&log).unwrap() == bytes);
    }
}

#[test]
fn a_catalogue_without_checksums_is_left_alone_while_an_older_program_has_it_open() {
    let (dir, catalogue) = without_checksums();
    let older = Connection::open(&catalogue).unwrap();
    let settings = |connection: &Connection| -> i64 {
        connection.query_row("SELECT count(*) FROM settings", [], |row| row.get(0)).unwrap()
    };
    let before = settings(&older);
    let error = Store::open(dir.path()).unwrap_err();
    assert!(matches!(error, OpenError::OpenInOlderProgram { version: 7, .. }), "{error}");
    assert!(error.to_string().contains("stop that one and start this one again"), "{error}");
    older.execute("INSERT INTO settings VALUES ('another', x'00')", []).unwrap();
    assert_eq!(settings(&older), before + 1);
    drop(older);
    let store = Store::open(dir.path()).unwrap();
    assert_eq!(store.catalogue().setting("another").unwrap().unwrap(), [0]);
    assert_eq!(reserved(&catalogue), 8);
}

/// A shared store, as it was before servers told their format.
#[test]
fn the_sample_of_a_shared_store_of_version_6_reads_as_it_was_written() {
    let Some(cluster) = Cluster::start() else { return };
    let url = cluster.database("sample");
    let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/format/shared-v6");
    cluster.sql("sample", &fs::read_to_string(sample.join("catalogue.sql")).unwrap());
    let (segments, dir) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    copy_folder(&sample.join("segments"), segments.path());
    copy_named("master.key", &sample, dir.path()).unwrap();
    let location = StoreLocation::shared(dir.path(), &url, segments.path().to_str().unwrap()).unwrap();
    location.remember().unwrap();
    let store = Store::open(dir.path()).unwrap();
    check(&store, &SHARES);
    check_rate_cards(&store, &CARDS);
    assert_eq!(cluster.sql("sample", "SELECT oldest, format FROM catalogue_format, nodes"), ["6|6"]);
}

pub(crate) fn copy_folder(from: &Path, to: &Path) {
    try_copy_folder(from, to).unwrap();
}

pub(crate) fn try_copy_folder(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    fs::read_dir(from)?.try_for_each(|entry| copy_named(entry?.file_name(), from, to))
}

fn copy_named(name: impl AsRef<Path>, from: &Path, to: &Path) -> io::Result<()> {
    let (from, to) = (from.join(&name), to.join(&name));
    if from.is_dir() { try_copy_folder(&from, &to) } else { fs::copy(from, to).map(drop) }
}

#[test]
fn what_is_written_now_reads_as_it_was_written() {
    let dir = tempfile::tempdir().unwrap();
    fill(&open(dir.path()));
    let store = Store::open(dir.path()).unwrap();
    check_with_questions(&store);
}

/// Run once for a new version, with `--ignored`, and never again for that version.
#[test]
#[ignore = "writes the sample of a new version"]
fn write_sample() {
    let dir = tempfile::tempdir().unwrap();
    fill(&open(dir.path()));
    fs::create_dir_all(sample(8)).unwrap();
    for name in ["catalogue.sqlite", "master.key", "sessions", "derived", "answers"] {
        copy_named(name, dir.path(), &sample(8)).unwrap();
    }
}
