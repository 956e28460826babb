//! The life of an aggregation: one of a farm at a time, never back, and answers that read back as they were.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use farmtally_model::aggregation::Status;
use farmtally_model::{
    AggregationId, AggregationQuery, Amounts, CostScaleFactor, FleetId, GroupBy, GroupValue, GroupValues,
    InstanceType, JobId, JobName, LicenseProduct, NarrowRow, Period, QueueId, Resources, RowList, Statistic,
    StatisticSet, StatisticsRow, StatisticsTable, Stretch, TableRows, TimeRange, UsageGroupBy, UsageType,
    UserId, UtcOffset,
};
use farmtally_store::{AggregationState, Begun, InterruptedAggregation, NewAggregation, Store, StoreError};
use rusqlite::params;

use crate::sessions::{NOW, at, bytes, catalogue, create_farm, farm, open};

pub(crate) fn id(number: u32) -> AggregationId {
    AggregationId::from_bytes(bytes(number))
}

fn query(resources: Resources, period: Option<Period>) -> AggregationQuery {
    let window = TimeRange::new(at(5_400_000), at(86_400_000 + 5_400_000)).unwrap();
    let group_by = GroupBy::new(&[UsageGroupBy::JobId, UsageGroupBy::UserId]).unwrap();
    let statistics = StatisticSet::new([Statistic::Avg, Statistic::Sum]).unwrap();
    let offset = UtcOffset::parse("UTC-10:30").unwrap();
    AggregationQuery::new(resources, window, offset, period, group_by, statistics).unwrap()
}

pub(crate) fn new(number: u32) -> NewAggregation {
    NewAggregation {
        id: id(number),
        farm_id: farm(1),
        retry_key: None,
        started_at: at(NOW + i64::from(number)),
        deadline: at(NOW + 1000),
        query: query(Resources::queues([QueueId::from_bytes(bytes(1))]).unwrap(), None),
        cost_scale_factor: CostScaleFactor::parse("2.5").unwrap(),
    }
}

pub(crate) fn table(rows: u32) -> StatisticsTable {
    let wide = |sum| Amounts { sum: u128::MAX - sum, min: 0, max: u64::MAX };
    let row = |number: u32| StatisticsRow {
        bucket: TimeRange::new(at(i64::from(number)), at(i64::from(number) + 1)).unwrap(),
        values: [number % 2, number % 3],
        count: u64::from(number) + 1,
        cost: wide(u128::from(number)),
        runtime: wide(7),
    };
    // Some of one session and some of several, which lie in other places.
    let narrow = |number: u32, count: u64| {
        let one = u64::from(number);
        let amounts = Amounts { sum: u128::from(count * one), min: one, max: one };
        StatisticsRow { count, cost: amounts, runtime: amounts, ..row(number) }
    };
    let row = |number: u32| match number % 5 {
        0 => row(number),
        count => narrow(number, u64::from(count).div_ceil(2)),
    };
    let job =
        |number| GroupValue::Job(JobId::from_bytes([number; 16]), JobName::new("sh010 \u{e9}").unwrap());
    let user = |name| GroupValue::User(UserId::new(name).unwrap());
    StatisticsTable {
        group_by: new(1).query.group_by(),
        values: [vec![job(1), job(2)].into(), vec![GroupValue::Absent, user("alice"), user("bob")].into()],
        rows: (0..rows).map(row).collect(),
    }
}

fn state(store: &Store, number: u32) -> AggregationState {
    store.catalogue().aggregation(farm(1), id(number)).unwrap().unwrap()
}

fn with_store(test: impl FnOnce(&Store)) {
    let dir = tempfile::tempdir().unwrap();
    test(&open(dir.path()));
}

#[test]
fn an_aggregation_reads_back_as_it_began() {
    with_store(|store| {
        assert_eq!(store.catalogue().begin_aggregation(&new(1)).unwrap(), Begun::Started);
        let expected = AggregationState {
            status: Status::InProgress,
            status_message: None,
            started_at: new(1).started_at,
            deadline: new(1).deadline,
            group_by: new(1).query.group_by(),
            statistics: new(1).query.statistics(),
            cost_scale_factor: new(1).cost_scale_factor,
            row_count: None,
        };
        assert_eq!(state(store, 1), expected);
        assert_eq!(store.catalogue().aggregation(farm(2), id(1)).unwrap(), None, "it is another farm's");
        assert_eq!(store.catalogue().result(id(1)).unwrap(), None);
    });
}

#[test]
fn one_aggregation_of_a_farm_is_in_progress_at_a_time() {
    with_store(|store| {
        let catalogue = store.catalogue();
        create_farm(store, farm(2));
        assert_eq!(catalogue.begin_aggregation(&new(1)).unwrap(), Begun::Started);
        let busy = Begun::Busy { id: id(1), started_at: new(1).started_at };
        assert_eq!(catalogue.begin_aggregation(&new(2)).unwrap(), busy);
        let elsewhere = NewAggregation { farm_id: farm(2), ..new(3) };
        assert_eq!(catalogue.begin_aggregation(&elsewhere).unwrap(), Begun::Started);
        assert!(catalogue.end_aggregation(id(1), Status::Failed, "too many rows").unwrap());
        assert_eq!(catalogue.begin_aggregation(&new(2)).unwrap(), Begun::Started);
    });
}

#[test]
fn of_many_starts_at_once_exactly_one_begins() {
    with_store(|store| {
        let begun = std::thread::scope(|scope| {
            let begin = |number| store.catalogue().begin_aggregation(&new(number)).unwrap();
            let threads: Vec<_> = (0..8).map(|number| scope.spawn(move || begin(number))).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect::<Vec<_>>()
        });
        let started = begun.iter().filter(|begun| **begun == Begun::Started).count();
        let busy = begun.iter().filter(|begun| matches!(begun, Begun::Busy { .. })).count();
        assert_eq!((started, busy), (1, 7));
    });
}

#[test]
fn attempts_of_one_call_at_once_get_one_id() {
    with_store(|store| {
        let begun = std::thread::scope(|scope| {
            let begin = |number| {
                let attempt = NewAggregation { retry_key: Some([9; 32]), ..new(number) };
                (number, store.catalogue().begin_aggregation(&attempt).unwrap())
            };
            let threads: Vec<_> = (0..8).map(|number| scope.spawn(move || begin(number))).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect::<Vec<_>>()
        });
        let (first, _) = begun.iter().find(|(_, begun)| *begun == Begun::Started).unwrap();
        let others = begun.iter().filter(|(number, _)| number != first);
        assert!(others.into_iter().all(|(_, begun)| *begun == Begun::Retried(id(*first))));
    });
}

#[test]
fn a_retry_finds_its_aggregation_after_it_ended_and_only_in_its_farm() {
    with_store(|store| {
        let catalogue = store.catalogue();
        create_farm(store, farm(2));
        let first = NewAggregation { retry_key: Some([9; 32]), ..new(1) };
        assert_eq!(catalogue.begin_aggregation(&first).unwrap(), Begun::Started);
        assert!(catalogue.complete_aggregation(id(1), &table(3)).unwrap());
        let retry = NewAggregation { id: id(2), ..first.clone() };
        assert_eq!(catalogue.begin_aggregation(&retry).unwrap(), Begun::Retried(id(1)));
        let elsewhere = NewAggregation { id: id(3), farm_id: farm(2), ..first };
        assert_eq!(catalogue.begin_aggregation(&elsewhere).unwrap(), Begun::Started);
    });
}

#[test]
fn a_state_that_has_ended_never_changes() {
    type End = fn(&Store) -> bool;
    let complete: End = |store| store.catalogue().complete_aggregation(id(1), &table(3)).unwrap();
    let fail: End = |store| store.catalogue().end_aggregation(id(1), Status::Failed, "failed").unwrap();
    let time_out: End =
        |store| store.catalogue().time_out_overdue(at(NOW + 1000), "late", |_, _| false).unwrap() == 1;
    for (first, status) in
        [(complete, Status::Completed), (fail, Status::Failed), (time_out, Status::Timeout)]
    {
        with_store(|store| {
            store.catalogue().begin_aggregation(&new(1)).unwrap();
            assert!(first(store));
            let ended = state(store, 1);
            assert_eq!(ended.status, status);
            assert!(!complete(store) && !fail(store) && !time_out(store));
            assert_eq!(state(store, 1), ended);
            let answer = store.catalogue().result(id(1)).unwrap();
            assert_eq!(answer.is_some(), status == Status::Completed);
        });
    }
}

#[test]
fn an_end_without_an_answer_is_failed_or_timeout() {
    with_store(|store| {
        store.catalogue().begin_aggregation(&new(1)).unwrap();
        for status in [Status::InProgress, Status::Completed] {
            assert!(!store.catalogue().end_aggregation(id(1), status, "").unwrap());
        }
        assert_eq!(state(store, 1).status, Status::InProgress);
    });
}

#[test]
fn an_aggregation_is_overdue_at_its_deadline_and_not_before() {
    with_store(|store| {
        store.catalogue().begin_aggregation(&new(1)).unwrap();
        assert_eq!(store.catalogue().time_out_overdue(at(NOW + 999), "late", |_, _| false).unwrap(), 0);
        assert_eq!(store.catalogue().time_out_overdue(at(NOW + 1000), "late", |_, _| false).unwrap(), 1);
        assert_eq!(state(store, 1).status_message.unwrap(), "late");
    });
}

#[test]
fn an_aggregation_whose_server_ended_says_what_it_asks_until_it_was_begun_again_three_times() {
    let queues = |count: u32| Resources::queues((0..count).map(|id| QueueId::from_bytes(bytes(id)))).unwrap();
    let fleets = |count: u32| Resources::fleets((0..count).map(|id| FleetId::from_bytes(bytes(id)))).unwrap();
    for (resources, period) in [
        (queues(1), None),
        (queues(10), Some(Period::Hourly)),
        (fleets(1), Some(Period::Daily)),
        (fleets(10), Some(Period::Weekly)),
        (fleets(2), Some(Period::Monthly)),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let new = NewAggregation { query: query(resources, period), ..new(1) };
        open(dir.path()).catalogue().begin_aggregation(&new).unwrap();
        let interrupted = InterruptedAggregation {
            id: new.id,
            farm_id: new.farm_id,
            started_at: new.started_at,
            cost_scale_factor: new.cost_scale_factor,
            query: Some(new.query),
        };
        for restart in 1..=3 {
            let store = open(dir.path());
            let catalogue = store.catalogue();
            assert_eq!(catalogue.interrupted_aggregations().unwrap(), std::slice::from_ref(&interrupted));
            let deadline = at(NOW + i64::from(restart) * 100);
            assert_eq!(catalogue.resume_aggregation(id(1), deadline).unwrap(), Some(restart));
            assert_eq!(state(&store, 1).deadline, deadline);
            assert_eq!(catalogue.resumed_count(id(1)).unwrap(), restart);
        }
        let once_more = InterruptedAggregation { query: None, ..interrupted };
        assert_eq!(open(dir.path()).catalogue().interrupted_aggregations().unwrap(), [once_more]);
    }
}

#[test]
fn an_aggregation_that_has_ended_is_not_begun_again() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let catalogue = store.catalogue();
    catalogue.begin_aggregation(&new(1)).unwrap();
    assert!(catalogue.complete_aggregation(id(1), &table(3)).unwrap());
    assert_eq!(catalogue.resume_aggregation(id(1), at(NOW + 1)).unwrap(), None);
    assert_eq!((state(&store, 1).deadline, catalogue.resumed_count(id(1)).unwrap()), (new(1).deadline, 0));
    drop(store);
    let store = open(dir.path());
    assert_eq!(store.catalogue().interrupted_aggregations().unwrap(), []);
    store.catalogue().purge_aggregations(at(NOW + 500)).unwrap();
    let left: i64 = crate::sessions::catalogue(dir.path())
        .query_row("SELECT count(*) FROM aggregation_questions", [], |row| row.get(0))
        .unwrap();
    assert_eq!(left, 0, "its question goes with it");
}

#[test]
fn a_question_that_cannot_be_read_hinders_no_other() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    create_farm(&store, farm(2));
    for new in [new(1), NewAggregation { farm_id: farm(2), ..new(2) }] {
        store.catalogue().begin_aggregation(&new).unwrap();
    }
    drop(store);
    let sql = "UPDATE aggregation_questions SET period = 'YEARLY' WHERE aggregation_id = ?1";
    assert_eq!(catalogue(dir.path()).execute(sql, params![id(1).bytes()]).unwrap(), 1);
    let interrupted = open(dir.path()).catalogue().interrupted_aggregations().unwrap();
    let asked: HashMap<_, _> = interrupted.into_iter().map(|one| (one.id, one.query)).collect();
    assert_eq!(asked, HashMap::from([(id(1), None), (id(2), Some(new(2).query))]));
}

/// An earlier program kept no questions.
#[test]
fn an_aggregation_of_which_nobody_knows_what_it_asks_has_failed_and_says_so() {
    let dir = tempfile::tempdir().unwrap();
    open(dir.path()).catalogue().begin_aggregation(&new(1)).unwrap();
    catalogue(dir.path()).execute("DELETE FROM aggregation_questions", params![]).unwrap();
    let store = open(dir.path());
    assert_eq!(state(&store, 1).status, Status::Failed);
    assert_eq!(
        state(&store, 1).status_message.unwrap(),
        "the server was restarted while this aggregation ran; start it again"
    );
    assert_eq!(store.catalogue().begin_aggregation(&new(2)).unwrap(), Begun::Started);
}

#[test]
fn answers_read_back_whole_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    for (number, rows) in [(1, 0), (2, 1), (3, 65_536), (4, 65_537), (5, 150_000)] {
        let store = open(dir.path());
        store.catalogue().begin_aggregation(&new(number)).unwrap();
        assert!(store.catalogue().complete_aggregation(id(number), &table(rows)).unwrap());
        drop(store);
        let store = open(dir.path());
        assert_eq!(store.catalogue().result(id(number)).unwrap().unwrap(), table(rows));
        assert_eq!(state(&store, number).row_count, Some(u64::from(rows)));
    }
}

/// An answer as the engine makes it, of so many rows in lists, every third one of two sessions.
fn listed_table(rows: u32) -> StatisticsTable {
    let row = |number: u32| {
        let count = 1 + u32::from(number.is_multiple_of(3));
        NarrowRow {
            codes: [number % 2, number % 3],
            count,
            runtime_min_ms: number,
            runtime_max_ms: number,
            runtime_sum_ms: u64::from(number) * u64::from(count),
            cost_sum_nanos: u64::from(number) * u64::from(count),
            cost_min_nanos: number.into(),
            cost_max_nanos: number.into(),
        }
    };
    let mut list = RowList::default();
    (1..=rows).map(row).for_each(|row| list.push(u64::from(row.codes[0] << 2 | row.codes[1]), &row));
    let len = list.len();
    let mut rows = TableRows::new(vec![list], 2, Default::default());
    let bucket = TimeRange::new(at(0), at(1)).unwrap();
    rows.push_stretch(Stretch { bucket, list: 0, rows: 0..len });
    StatisticsTable { rows, ..table(1) }
}

#[test]
fn a_long_answer_reads_back_from_two_files_of_which_both_are_verified() {
    let dir = tempfile::tempdir().unwrap();
    let second = |number: u32| dir.path().join(format!("answers/{}.rows", id(number)));
    // Sixteen bytes for each row and sixteen more for each third: four mebibytes are 196,608 rows.
    for (number, rows) in [(1, 196_607), (2, 196_608), (3, 400_000)] {
        let store = open(dir.path());
        store.catalogue().begin_aggregation(&new(number)).unwrap();
        assert!(store.catalogue().complete_aggregation(id(number), &listed_table(rows)).unwrap());
        drop(store);
        assert_eq!(second(number).exists(), number > 1);
        let store = open(dir.path());
        assert_eq!(store.catalogue().result(id(number)).unwrap().unwrap(), listed_table(rows));
    }
    let halves = [answer_file(dir.path(), 3), second(3)].map(|path| fs::metadata(path).unwrap().len());
    assert!(halves[0].abs_diff(halves[1]) < 1 << 18, "{halves:?}");
    let damages: [fn(&Path); 4] = [
        |path| {
            let mut bytes = fs::read(path).unwrap();
            bytes[77_777] ^= 1;
            fs::write(path, bytes).unwrap();
        },
        |path| fs::File::options().write(true).open(path).unwrap().set_len(100).unwrap(),
        |path| fs::write(path, "").unwrap(),
        |path| fs::remove_file(path).unwrap(),
    ];
    let store = open(dir.path());
    for damage in damages {
        damage(&second(3));
        let error = store.catalogue().result(id(3)).unwrap_err();
        assert!(matches!(error, StoreError::DamagedAnswer { .. }), "{error}");
    }
    assert!(store.catalogue().result(id(2)).unwrap().is_some());
    // Without its own file an answer is lost, and the other one goes with it.
    drop(store);
    fs::remove_file(answer_file(dir.path(), 2)).unwrap();
    let store = open(dir.path());
    assert_eq!(store.catalogue().aggregation(farm(1), id(2)).unwrap(), None);
    assert!(!second(2).exists());
    store.catalogue().purge_aggregations(at(NOW + 500)).unwrap();
    assert_eq!(fs::read_dir(dir.path().join("answers")).unwrap().count(), 0);
}

#[test]
fn a_long_answer_whose_second_file_cannot_be_written_leaves_none() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    store.catalogue().begin_aggregation(&new(1)).unwrap();
    let second = dir.path().join(format!("answers/{}.rows", id(1)));
    fs::create_dir_all(&second).unwrap();
    let error = store.catalogue().complete_aggregation(id(1), &listed_table(400_000)).unwrap_err();
    assert!(error.to_string().contains(&id(1).to_string()), "{error}");
    assert!(!answer_file(dir.path(), 1).exists());
    assert_eq!(state(&store, 1).status, Status::InProgress);
    fs::remove_dir(&second).unwrap();
    assert!(store.catalogue().complete_aggregation(id(1), &listed_table(400_000)).unwrap());
}

#[test]
fn of_an_answer_with_many_names_more_rows_are_in_the_second_file_and_all_read_back() {
    let dir = tempfile::tempdir().unwrap();
    let second_bytes = |number: u32, names: u32| {
        let user = |name: u32| GroupValue::User(UserId::new(&format!("user {name}")).unwrap());
        let [jobs, _] = listed_table(1).values;
        let table = StatisticsTable {
            values: [jobs, (0..names).map(user).collect::<Vec<_>>().into()],
            ..listed_table(400_000)
        };
        let store = open(dir.path());
        store.catalogue().begin_aggregation(&new(number)).unwrap();
        assert!(store.catalogue().complete_aggregation(id(number), &table).unwrap());
        drop(store);
        assert_eq!(open(dir.path()).catalogue().result(id(number)).unwrap().unwrap(), table);
        fs::metadata(dir.path().join(format!("answers/{}.rows", id(number)))).unwrap().len()
    };
    let [few, many, all] =
        [(1, 3), (2, 10_000), (3, 1_000_000)].map(|(number, names)| second_bytes(number, names));
    assert!(few + (1 << 20) < many && many + (1 << 20) < all, "{few}, {many}, {all}");
    assert_eq!(all, 400_000 * 16 + 400_000 / 3 * 16, "all rows");
}

#[test]
fn amounts_of_any_size_read_back() {
    let amounts = [
        Amounts { sum: 0, min: 0, max: 0 },
        Amounts { sum: u128::from(u64::MAX), min: u64::MAX, max: u64::MAX },
        Amounts { sum: u128::from(u32::MAX), min: u64::from(u32::MAX), max: u64::from(u32::MAX) },
        Amounts { sum: 1 << 64, min: 1 << 32, max: 1 << 33 },
        Amounts { sum: u128::MAX, min: 0, max: u64::MAX },
    ];
    let counts = [1, u64::from(u32::MAX), 1 << 32, u64::MAX];
    let rows = counts.into_iter().flat_map(|count| {
        amounts
            .into_iter()
            .flat_map(move |cost| amounts.into_iter().map(move |runtime| (count, cost, runtime)))
    });
    let plain = table(1).rows.iter().next().unwrap();
    let rows = rows.map(|(count, cost, runtime)| StatisticsRow { count, cost, runtime, ..plain.clone() });
    let table = StatisticsTable { rows: rows.collect(), ..table(1) };
    with_store(|store| {
        store.catalogue().begin_aggregation(&new(1)).unwrap();
        store.catalogue().complete_aggregation(id(1), &table).unwrap();
        assert_eq!(store.catalogue().result(id(1)).unwrap().unwrap(), table);
    });
}

#[test]
fn every_kind_of_value_reads_back() {
    let values = vec![
        GroupValue::Absent,
        GroupValue::Queue(QueueId::from_bytes([1; 16])),
        GroupValue::Fleet(FleetId::from_bytes([2; 16])),
        GroupValue::usage_type(UsageType::Compute),
        GroupValue::usage_type(UsageType::License),
        GroupValue::usage_type(UsageType::PersistentVolume),
        GroupValue::InstanceType(None),
        GroupValue::InstanceType(Some(InstanceType::new("c6i.8xlarge").unwrap())),
        GroupValue::LicenseProduct(LicenseProduct::new("arnold").unwrap()),
    ];
    let table = StatisticsTable { values: [values.clone(), values].map(GroupValues::from), ..table(3) };
    with_store(|store| {
        store.catalogue().begin_aggregation(&new(1)).unwrap();
        store.catalogue().complete_aggregation(id(1), &table).unwrap();
        assert_eq!(store.catalogue().result(id(1)).unwrap().unwrap(), table);
    });
}

/// Where the answer of an aggregation is.
fn answer_file(dir: &Path, number: u32) -> PathBuf {
    dir.join("answers").join(id(number).to_string())
}

/// Changes an answer of 70,000 rows or what is known about it, and returns what reading it says then.
fn damage_after(change: impl FnOnce(&Path)) -> String {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    store.catalogue().begin_aggregation(&new(1)).unwrap();
    store.catalogue().complete_aggregation(id(1), &table(70_000)).unwrap();
    change(dir.path());
    let error = store.catalogue().result(id(1)).unwrap_err();
    assert!(matches!(error, StoreError::DamagedAnswer { .. }), "{error}");
    error.to_string()
}

#[test]
fn a_damaged_answer_is_named_and_not_given() {
    let with_bytes = |change: fn(&mut Vec<u8>)| {
        damage_after(|dir| {
            let path = answer_file(dir, 1);
            let mut bytes = fs::read(&path).unwrap();
            change(&mut bytes);
            fs::write(&path, bytes).unwrap();
        })
    };
    let said = with_bytes(|bytes| bytes[1_000_000] ^= 1);
    assert_eq!(
        said,
        "the answer of aggregation `00000000000000000000000000000001` is damaged: \
         its checksum does not match; start the aggregation again"
    );
    with_bytes(|bytes| bytes[0] ^= 1);
    with_bytes(|bytes| bytes.truncate(bytes.len() - 1));
    with_bytes(Vec::clear);
    damage_after(|dir| fs::remove_file(answer_file(dir, 1)).unwrap());
    let with_row = |change: &str| {
        damage_after(|dir| {
            assert_eq!(catalogue(dir).execute(change, params![]).unwrap(), 1);
        })
    };
    with_row("UPDATE aggregations SET row_count = 69999");
    with_row("UPDATE aggregations SET answer_checksum = zeroblob(16)");
}

#[test]
fn an_answer_that_is_another_aggregations_is_not_given() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    for number in [1, 2] {
        store.catalogue().begin_aggregation(&new(number)).unwrap();
        store.catalogue().complete_aggregation(id(number), &table(3)).unwrap();
    }
    fs::copy(answer_file(dir.path(), 2), answer_file(dir.path(), 1)).unwrap();
    let exchange =
        "UPDATE aggregations SET answer_checksum = (SELECT max(answer_checksum) FROM aggregations)";
    catalogue(dir.path()).execute(exchange, params![]).unwrap();
    let read = [1, 2].map(|number| store.catalogue().result(id(number)));
    assert_eq!(read.iter().filter(|read| read.is_err()).count(), 1, "{read:?}");
}

#[test]
fn an_answer_that_is_forgotten_while_it_is_read_is_not_there_and_not_damaged() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    store.catalogue().begin_aggregation(&new(1)).unwrap();
    store.catalogue().complete_aggregation(id(1), &table(3)).unwrap();
    // Whoever reads there waits until nobody has it open for writing.
    let file = answer_file(dir.path(), 1);
    fs::remove_file(&file).unwrap();
    assert!(Command::new("mkfifo").arg(&file).status().unwrap().success());
    let held = fs::File::options().read(true).write(true).open(&file).unwrap();
    std::thread::scope(|scope| {
        let reading = scope.spawn(|| store.catalogue().result(id(1)));
        std::thread::sleep(std::time::Duration::from_millis(200));
        assert!(!reading.is_finished());
        assert_eq!(store.catalogue().purge_aggregations(at(NOW + 500)).unwrap(), 1);
        drop(held);
        assert_eq!(reading.join().unwrap(), Ok(None));
    });
}

#[test]
fn a_start_makes_rows_and_answers_agree() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    for number in [1, 2] {
        store.catalogue().begin_aggregation(&new(number)).unwrap();
        store.catalogue().complete_aggregation(id(number), &table(3)).unwrap();
    }
    drop(store);
    fs::rename(answer_file(dir.path(), 1), answer_file(dir.path(), 7)).unwrap();
    let store = open(dir.path());
    assert_eq!(store.catalogue().aggregation(farm(1), id(1)).unwrap(), None, "its answer is lost");
    assert!(store.catalogue().result(id(2)).unwrap().is_some());
    assert!(!answer_file(dir.path(), 7).exists(), "nobody's answer");
}

#[test]
fn an_answer_that_comes_too_late_leaves_no_file() {
    with_store(|store| {
        store.catalogue().begin_aggregation(&new(1)).unwrap();
        assert!(store.catalogue().end_aggregation(id(1), Status::Timeout, "late").unwrap());
        assert!(!store.catalogue().complete_aggregation(id(1), &table(3)).unwrap());
        assert_eq!(store.catalogue().result(id(1)).unwrap(), None);
    });
}

#[test]
fn purging_forgets_what_ended_before_with_its_answer() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let catalogue = store.catalogue();
    for number in [1, 2] {
        catalogue.begin_aggregation(&new(number)).unwrap();
        catalogue.complete_aggregation(id(number), &table(3)).unwrap();
    }
    catalogue.begin_aggregation(&new(3)).unwrap();
    assert_eq!(catalogue.purge_aggregations(new(2).started_at).unwrap(), 1);
    assert_eq!(catalogue.aggregation(farm(1), id(1)).unwrap(), None);
    assert!(catalogue.result(id(2)).unwrap().is_some());
    assert_eq!(catalogue.purge_aggregations(at(NOW + 500)).unwrap(), 1, "what is in progress stays");
    assert_eq!(state(&store, 3).status, Status::InProgress);
    assert_eq!(fs::read_dir(dir.path().join("answers")).unwrap().count(), 0);
}
