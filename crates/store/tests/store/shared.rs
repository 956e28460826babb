//! Several servers over one catalogue in PostgreSQL and one folder of segments: what one acknowledged, all have.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use farmtally_model::aggregation::Status;
use farmtally_store::{
    Begun, NewAggregation, OpenError, RefusalReason, Store, StoreError, StoreLocation, migrate, verify,
};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use crate::aggregations::{id, new, table};
use crate::cluster::Cluster;
use crate::rules::{Step, World, check_in, step};
use crate::sessions::{
    Facts, NOW, at, create_farm, ended, farm, open, session_id, sorted_rows, stored_rows, submissions,
};

/// Servers of one store, each with a folder of its own.
pub(crate) struct Servers {
    url: String,
    pub(crate) segments: tempfile::TempDir,
    pub(crate) nodes: Vec<Server>,
    next: usize,
}

pub(crate) struct Server {
    pub(crate) dir: tempfile::TempDir,
    pub(crate) store: Option<Store>,
}

impl Servers {
    pub(crate) fn start(count: usize, url: String) -> Self {
        let mut servers = Self { url, segments: tempfile::tempdir().unwrap(), nodes: Vec::new(), next: 0 };
        (0..count).for_each(|_| servers.join());
        create_farm(servers.store(0), farm(1));
        servers
    }

    /// Adds a server, which gets the master key of the first.
    fn join(&mut self) {
        let dir = tempfile::tempdir().unwrap();
        if let Some(first) = self.nodes.first() {
            fs::copy(first.dir.path().join("master.key"), dir.path().join("master.key")).unwrap();
        }
        self.location(dir.path()).remember().unwrap();
        let store = Some(Store::open(dir.path()).unwrap());
        self.nodes.push(Server { dir, store });
    }

    fn location(&self, dir: &Path) -> StoreLocation {
        StoreLocation::shared(dir, &self.url, self.segments.path().to_str().unwrap()).unwrap()
    }

    pub(crate) fn store(&self, index: usize) -> &Store {
        self.nodes[index].store.as_ref().unwrap()
    }

    /// Stops a server and starts it again.
    pub(crate) fn restart(&mut self, index: usize) {
        let server = &mut self.nodes[index];
        server.store = None;
        server.store = Some(Store::open(server.dir.path()).unwrap());
    }
}

impl World for Servers {
    fn next(&mut self) -> &Store {
        self.next = (self.next + 1) % self.nodes.len();
        self.store(self.next)
    }

    fn reopen(&mut self) {
        self.restart(self.next);
    }

    fn stores(&self) -> Vec<&Store> {
        (0..self.nodes.len()).map(|index| self.store(index)).collect()
    }
}

fn cases(usual: u32) -> u32 {
    std::env::var("FARMTALLY_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(usual)
}

#[test]
fn any_history_over_two_servers_leaves_what_the_rules_say() {
    let Some(cluster) = Cluster::start() else { return };
    let config = ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(cases(12)) };
    let number = std::cell::Cell::new(0);
    let histories = prop::collection::vec(step(), 1..14);
    let checked = TestRunner::new(config).run(&histories, |steps| {
        number.set(number.get() + 1);
        check_in(&mut Servers::start(2, cluster.database(&format!("history{}", number.get()))), &steps);
        Ok(())
    });
    checked.unwrap();
}

#[test]
fn what_one_server_seals_corrects_and_deletes_the_others_follow() {
    let Some(cluster) = Cluster::start() else { return };
    let running = Facts { end: None, ..ended(8) };
    let corrected = Facts { cost: 9, revision: 300, ..ended(7) };
    let mut servers = Servers::start(3, cluster.database("follow"));
    check_in(
        &mut servers,
        &[
            Step::Append(vec![ended(7), running, ended(9)]),
            Step::Seal,
            Step::Append(vec![ended(7), running, Facts { cost: 1, ..ended(7) }, corrected, corrected]),
            Step::Delete(ended(9).id()),
            Step::Append(vec![ended(8), ended(9), ended(7)]),
            Step::Seal,
            Step::Reopen,
            Step::Append(vec![ended(7), corrected, ended(8), running, Facts { revision: 1, ..ended(9) }]),
            Step::Seal,
            Step::Delete(ended(7).id()),
            Step::Seal,
        ],
    );
    let files = walk(servers.segments.path());
    assert!(files.iter().any(|name| name.ends_with(".parquet")), "{files:?}");
}

#[test]
fn batches_of_all_servers_at_once_while_one_seals_count_once() {
    let Some(cluster) = Cluster::start() else { return };
    let servers = Servers::start(2, cluster.database("at_once"));
    let is_done = AtomicBool::new(false);
    let batch = |first: u32| (first..first + 40).map(ended).collect::<Vec<_>>();
    std::thread::scope(|scope| {
        let writers: Vec<_> = (0..4)
            .map(|writer| {
                let store = servers.store(writer % 2);
                // Every batch is sent to both servers, which both take half of it before or after the other.
                scope.spawn(move || {
                    for first in (0..400).step_by(20) {
                        store.append(farm(1), &submissions(&batch(first)), at(NOW)).unwrap().into_inner();
                    }
                })
            })
            .collect();
        for server in 0..2 {
            let (store, is_done) = (servers.store(server), &is_done);
            scope.spawn(move || {
                while !is_done.load(Ordering::Relaxed) {
                    store.seal(farm(1)).unwrap();
                    store.snapshot(farm(1)).unwrap();
                }
            });
        }
        for writer in writers {
            writer.join().unwrap();
        }
        is_done.store(true, Ordering::Relaxed);
    });
    for store in servers.stores() {
        assert_eq!(stored_rows(store), sorted_rows((0..420).map(ended)));
    }
}

#[test]
fn one_aggregation_begins_however_many_servers_are_asked_at_once() {
    let Some(cluster) = Cluster::start() else { return };
    let mut servers = Servers::start(3, cluster.database("races"));
    for race in 0..cases(20) {
        let begun: Vec<Begun> = std::thread::scope(|scope| {
            let starts: Vec<_> = (0..8_u32)
                .map(|start| {
                    let store = servers.store(start as usize % 3);
                    let new = NewAggregation { id: id(race * 100 + start), ..new(0) };
                    scope.spawn(move || store.catalogue().begin_aggregation(&new).unwrap())
                })
                .collect();
            starts.into_iter().map(|start| start.join().unwrap()).collect()
        });
        let started: Vec<_> = (0..8_u32).filter(|start| begun[*start as usize] == Begun::Started).collect();
        assert_eq!(started.len(), 1, "{begun:?}");
        let winner = id(race * 100 + started[0]);
        assert!(begun.iter().all(|one| match one {
            Begun::Busy { id, .. } => *id == winner,
            other => *other == Begun::Started,
        }));
        assert!(servers.store(0).catalogue().complete_aggregation(winner, &table(3)).unwrap());
        // The answer is read by every server.
        for store in servers.stores() {
            assert_eq!(store.catalogue().result(winner).unwrap(), Some(table(3)));
        }
    }
    // What a crash left in a server's own folder, on the way to the shared files, goes when it starts again.
    let left = servers.nodes[0].dir.path().join("answers").join(id(7).to_string());
    fs::write(&left, "half of an answer").unwrap();
    servers.restart(0);
    assert!(!left.exists());
}

#[test]
fn an_aggregation_of_a_server_that_is_gone_times_out_and_its_owner_writes_nothing_any_more() {
    let Some(cluster) = Cluster::start() else { return };
    let servers = Servers::start(2, cluster.database("gone"));
    let owner = servers.store(0).catalogue();
    assert_eq!(owner.begin_aggregation(&new(1)).unwrap(), Begun::Started);
    // None of the owner's signs of life arrives any more, as if it were frozen.
    cluster.sql(
        "gone",
        "CREATE FUNCTION silence() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
             IF EXISTS (SELECT 1 FROM aggregation_owners WHERE node_id = NEW.node_id) THEN NEW.lives_until := 0; END IF;
             RETURN NEW;
         END $$;
         CREATE TRIGGER silence BEFORE INSERT OR UPDATE ON nodes FOR EACH ROW EXECUTE FUNCTION silence();
         UPDATE nodes SET lives_until = 0",
    );
    let other = servers.store(1).catalogue();
    let ended = || other.aggregation(farm(1), id(1)).unwrap().unwrap();
    for _ in 0..600 {
        if ended().status != Status::InProgress {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    assert_eq!(ended().status, Status::Timeout);
    assert!(ended().status_message.unwrap().contains("start it again"));
    assert!(!owner.complete_aggregation(id(1), &table(2)).unwrap());
    assert_eq!(other.result(id(1)).unwrap(), None);
    assert!(!walk(servers.segments.path()).iter().any(|name| name.contains("answers/")));
    assert_eq!(other.begin_aggregation(&new(2)).unwrap(), Begun::Started);
}

#[test]
fn a_database_that_crashes_loses_nothing_that_was_acknowledged() {
    let Some(cluster) = Cluster::start() else { return };
    let servers = Servers::start(2, cluster.database("crash"));
    let mut acknowledged = BTreeSet::new();
    let is_done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let crashes = scope.spawn(|| {
            cluster.crash();
            cluster.crash();
            is_done.store(true, Ordering::Relaxed);
        });
        let mut number = 0;
        while !is_done.load(Ordering::Relaxed) || number < 20 {
            number += 1;
            let store = servers.store(number as usize % 2);
            match store.append(farm(1), &submissions(&[ended(number)]), at(NOW)) {
                Ok(_) => {
                    acknowledged.insert(number);
                }
                Err(error) => {
                    assert!(error.is_retryable(), "{error}");
                    std::thread::sleep(std::time::Duration::from_millis(20));
                }
            }
        }
        // Sent again, everything is there once.
        for number in 1..=number {
            let receipt = servers
                .store(0)
                .append(farm(1), &submissions(&[ended(number)]), at(NOW))
                .unwrap()
                .into_inner();
            assert!(receipt.stored == 0 || !acknowledged.contains(&number));
            acknowledged.insert(number);
        }
        crashes.join().unwrap();
    });
    for store in servers.stores() {
        assert_eq!(stored_rows(store), sorted_rows(acknowledged.iter().copied().map(ended)));
    }
}

#[test]
fn a_server_with_another_key_or_another_folder_is_refused_and_a_damaged_copy_is_fetched_again() {
    let Some(cluster) = Cluster::start() else { return };
    let servers = Servers::start(1, cluster.database("strangers"));
    servers.store(0).append(farm(1), &submissions(&[ended(1), ended(2)]), at(NOW)).unwrap().into_inner();
    servers.store(0).seal(farm(1)).unwrap();

    let stranger = tempfile::tempdir().unwrap();
    servers.location(stranger.path()).remember().unwrap();
    let error = Store::open(stranger.path()).unwrap_err();
    assert!(matches!(error, OpenError::OtherKey { .. }), "{error}");
    assert!(
        error
            .to_string()
            .ends_with("is missing; copy the file of that name from another server of the catalogue")
    );
    fs::write(stranger.path().join("master.key"), "0".repeat(64)).unwrap();
    assert!(matches!(Store::open(stranger.path()).unwrap_err(), OpenError::OtherKey { .. }));

    let key = servers.nodes[0].dir.path().join("master.key");
    fs::copy(&key, stranger.path().join("master.key")).unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    let unmounted =
        StoreLocation::shared(stranger.path(), &servers.url, elsewhere.path().to_str().unwrap()).unwrap();
    unmounted.remember().unwrap();
    let error = Store::open(stranger.path()).unwrap_err();
    assert!(error.to_string().contains("is it mounted?"), "{error}");

    servers.location(stranger.path()).remember().unwrap();
    let second = Store::open(stranger.path()).unwrap();
    assert_eq!(stored_rows(&second), sorted_rows([ended(1), ended(2)]));
    let copies = walk(stranger.path()).into_iter().filter(|name| name.ends_with(".parquet"));
    for copy in copies {
        let path = stranger.path().join(copy);
        let mut bytes = fs::read(&path).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        fs::write(&path, bytes).unwrap();
    }
    let correction = Facts { revision: 1, cost: 5, ..ended(1) };
    second.append(farm(1), &submissions(&[correction]), at(NOW)).unwrap().into_inner();
    assert_eq!(stored_rows(servers.store(0)), sorted_rows([correction, ended(2)]));
    assert!(matches!(verify(stranger.path()).unwrap_err(), OpenError::SharedStore { .. }));
    assert!(matches!(
        servers.store(0).append(farm(3), &[], at(NOW)).unwrap_err(),
        StoreError::UnknownFarm { .. }
    ));
    second.delete(farm(1), session_id(2), at(NOW)).unwrap().into_inner();
    let receipt = servers.store(0).append(farm(1), &submissions(&[ended(2)]), at(NOW)).unwrap().into_inner();
    assert!(matches!(receipt.refused[0].reason, RefusalReason::Deleted { .. }));
}

#[test]
fn a_shared_catalogue_has_the_columns_of_a_folder() {
    let Some(cluster) = Cluster::start() else { return };
    drop(Servers::start(1, cluster.database("columns")));
    let dir = tempfile::tempdir().unwrap();
    drop(Store::open(dir.path()).unwrap());
    let folder = rusqlite::Connection::open(dir.path().join("catalogue.sqlite")).unwrap();
    let sql = "SELECT m.name || '.' || c.name FROM sqlite_schema m, pragma_table_info(m.name) c
               WHERE m.type = 'table' ORDER BY 1";
    let mut statement = folder.prepare(sql).unwrap();
    let columns: BTreeSet<String> =
        statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    let shared = cluster.sql(
        "columns",
        "SELECT table_name || '.' || column_name FROM information_schema.columns WHERE table_schema = 'public'",
    );
    let shared: BTreeSet<String> = shared.into_iter().collect();
    let is_of_both = |column: &&String| !column.starts_with("aggregation_questions.");
    let missing: Vec<_> = columns.difference(&shared).filter(is_of_both).collect();
    assert!(missing.is_empty(), "{missing:?}");
    let own = ["catalogue_format", "nodes", "aggregation_owners", "farm_states", "unnamed_segments"];
    let surplus: Vec<_> = shared
        .difference(&columns)
        .filter(|column| !own.iter().any(|table| column.starts_with(&format!("{table}."))))
        .collect();
    assert!(surplus.is_empty(), "{surplus:?}");
}

#[test]
fn a_store_moves_to_servers_and_back_without_losing_an_id() {
    let Some(cluster) = Cluster::start() else { return };
    let origin = tempfile::tempdir().unwrap();
    let running = Facts { end: None, ..ended(90) };
    let corrected = Facts { revision: 2, cost: 1, ..ended(3) };
    {
        let store = open(origin.path());
        store
            .append(farm(1), &submissions(&(0..50).map(ended).collect::<Vec<_>>()), at(NOW))
            .unwrap()
            .into_inner();
        store.seal(farm(1)).unwrap();
        store.append(farm(1), &submissions(&[running, corrected]), at(NOW)).unwrap().into_inner();
        store.delete(farm(1), session_id(4), at(NOW)).unwrap().into_inner();
        store.catalogue().set_rate_card(farm(1), "some card", at(NOW)).unwrap();
    }
    let expected = || {
        let kept = (0..50).filter(|number| ![3, 4].contains(number)).map(ended);
        sorted_rows(kept.chain([running, corrected]))
    };
    let segments = tempfile::tempdir().unwrap();
    let node = tempfile::tempdir().unwrap();
    let url = cluster.database("moved");
    let shared = StoreLocation::shared(node.path(), &url, segments.path().to_str().unwrap()).unwrap();
    let moved = migrate(origin.path(), &shared).unwrap();
    assert_eq!((moved.farms, moved.sealed_records, moved.batches), (1, 50, 2));
    {
        let store = Store::open(node.path()).unwrap();
        assert_eq!(stored_rows(&store), expected());
        // Every id is known: nothing of it is stored again.
        let again = submissions(&(0..50).map(ended).collect::<Vec<_>>());
        let receipt = store.append(farm(1), &again, at(NOW)).unwrap().into_inner();
        assert_eq!(
            (receipt.stored, receipt.replaced, receipt.unchanged, receipt.refused.len()),
            (0, 0, 49, 1)
        );
        store.append(farm(1), &submissions(&[ended(91)]), at(NOW)).unwrap().into_inner();
        store.seal(farm(1)).unwrap();
        assert_eq!(store.catalogue().rate_card(farm(1)).unwrap().as_deref(), Some("some card"));
        let error = migrate(node.path(), &StoreLocation::folder(&segments.path().join("x"))).unwrap_err();
        assert!(matches!(error, OpenError::InUse { .. }), "{error}");
    }
    assert!(matches!(migrate(origin.path(), &shared).unwrap_err(), OpenError::NotEmpty { .. }));
    let back = tempfile::tempdir().unwrap();
    let moved = migrate(node.path(), &StoreLocation::folder(back.path())).unwrap();
    assert_eq!((moved.farms, moved.batches), (1, 0));
    assert!(verify(back.path()).unwrap().findings.is_empty());
    let store = Store::open(back.path()).unwrap();
    let with_new: Vec<_> = {
        let mut rows = expected();
        rows.extend(sorted_rows([ended(91)]));
        rows.sort();
        rows
    };
    assert_eq!(stored_rows(&store), with_new);
    let again = submissions(&(0..50).map(ended).collect::<Vec<_>>());
    let receipt = store.append(farm(1), &again, at(NOW)).unwrap().into_inner();
    assert_eq!((receipt.stored, receipt.replaced, receipt.unchanged, receipt.refused.len()), (0, 0, 49, 1));
}

/// Every file below a folder, by its path from there.
pub(crate) fn walk(root: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                found.push(path.strip_prefix(root).unwrap().display().to_string());
            }
        }
    }
    found
}
