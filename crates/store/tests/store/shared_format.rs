//! A server beside a newer program, which brings the catalogue on that both have.

use farmtally_store::{OpenError, Store, StoreError, StoreLocation, migrate};

use crate::aggregations::new;
use crate::cluster::Cluster;
use crate::sessions::{NOW, at, ended, farm, sorted_rows, stored_rows, submissions};
use crate::shared::Servers;

/// What a later program would do to the catalogue is done to it by hand.
#[test]
fn a_catalogue_is_shared_with_a_newer_program_until_that_needs_it_for_itself() {
    let Some(cluster) = Cluster::start() else { return };
    let mut servers = Servers::start(2, cluster.database("newer"));
    let append = |servers: &Servers, index, number| {
        let appended = servers.store(index).append(farm(1), &submissions(&[ended(number)]), at(NOW));
        appended.map(|receipt| assert_eq!(receipt.get().stored, 1))
    };
    append(&servers, 0, 1).unwrap();
    let step = "ALTER TABLE farms ADD COLUMN later TEXT; UPDATE catalogue_format SET version = 7";
    cluster.sql("newer", step);
    append(&servers, 0, 2).unwrap();
    servers.restart(1);
    append(&servers, 1, 3).unwrap();
    for index in 0..2 {
        assert_eq!(stored_rows(servers.store(index)), sorted_rows((1..4).map(ended)));
    }
    servers.nodes.iter_mut().for_each(|server| server.store = None);
    let elsewhere = StoreLocation::folder(&servers.segments.path().join("elsewhere"));
    let error = migrate(servers.nodes[0].dir.path(), &elsewhere).unwrap_err().to_string();
    assert!(error.contains("store format 7 is newer"), "what is in new columns is not lost: {error}");

    (0..2).for_each(|index| servers.restart(index));
    assert_eq!(servers.store(1).record_count(farm(1)).unwrap(), 3);
    cluster.sql("newer", "UPDATE catalogue_format SET version = 8, oldest = 8");
    let tables = "SELECT (SELECT count(*) FROM batches), (SELECT count(*) FROM aggregations)";
    let before = cluster.sql("newer", tables);
    let error = append(&servers, 0, 4).unwrap_err();
    assert!(matches!(error, StoreError::Outdated { oldest: 8, .. }), "{error}");
    assert_eq!(servers.store(0).outdated(), Some(error.clone()));
    assert_eq!(servers.store(1).snapshot(farm(1)).unwrap_err(), error);
    assert_eq!(servers.store(1).catalogue().begin_aggregation(&new(1)).unwrap_err(), error);
    assert_eq!(cluster.sql("newer", tables), before);
    servers.nodes[0].store = None;
    let error = Store::open(servers.nodes[0].dir.path()).unwrap_err();
    assert!(matches!(error, OpenError::NewerFormat { found: 8, .. }), "{error}");
}
