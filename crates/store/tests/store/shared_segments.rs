//! What servers of one store do to its segments: who writes them, who may name them, and who reads them.

use farmtally_model::{Record, TimeRange};

use crate::cluster::Cluster;
use crate::sessions::{Facts, NOW, at, ended, farm, sorted_rows, stored_rows, submissions};
use crate::shared::{Servers, walk};

fn append(servers: &Servers, server: usize, facts: &[Facts]) {
    servers.store(server).append(farm(1), &submissions(facts), at(NOW)).unwrap().into_inner();
}

fn segment_files(servers: &Servers) -> Vec<String> {
    let files = walk(servers.segments.path()).into_iter();
    files.filter(|name| name.ends_with(".parquet")).collect()
}

/// The right goes to another server between the file of a segment and its name, as if the first had been frozen for long.
#[test]
fn a_server_that_lost_the_right_to_seal_names_nothing_and_another_one_seals() {
    let Some(cluster) = Cluster::start() else { return };
    let servers = Servers::start(2, cluster.database("stale"));
    let sessions: Vec<_> = (0..30).map(ended).collect();
    append(&servers, 0, &sessions);
    let take_the_right = "CREATE FUNCTION take() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
             UPDATE farm_states SET sealer = '\\x00', sealer_until = 0, seal_epoch = seal_epoch + 1;
             RETURN NEW;
         END $$;
         CREATE TRIGGER take AFTER INSERT ON unnamed_segments FOR EACH ROW EXECUTE FUNCTION take()";
    cluster.sql("stale", take_the_right);
    let error = servers.store(0).seal(farm(1)).unwrap_err();
    assert!(error.to_string().contains("another server seals the farm by now"), "{error}");
    assert_eq!(cluster.sql("stale", "SELECT count(*) FROM segments"), ["0"]);
    let orphans = segment_files(&servers);
    assert_eq!(orphans.len(), 1, "{orphans:?}");
    for store in [servers.store(0), servers.store(1)] {
        assert_eq!(stored_rows(store), sorted_rows(sessions.iter().copied()));
    }

    cluster.sql("stale", "DROP TRIGGER take ON unnamed_segments");
    servers.store(1).seal(farm(1)).unwrap();
    assert_eq!(cluster.sql("stale", "SELECT segment FROM segments"), ["2"], "no number is given twice");
    for store in [servers.store(0), servers.store(1)] {
        assert_eq!(stored_rows(store), sorted_rows(sessions.iter().copied()));
    }
    // An hour later the file that nobody named goes.
    cluster.sql("stale", "UPDATE unnamed_segments SET since = 0");
    servers.store(1).seal(farm(1)).unwrap();
    let left = segment_files(&servers);
    assert!(left.len() == 1 && left != orphans, "{left:?}");
    assert_eq!(stored_rows(servers.store(0)), sorted_rows(sessions));
}

#[test]
fn the_two_shares_of_a_farm_are_the_same_on_every_server() {
    let Some(cluster) = Cluster::start() else { return };
    let servers = Servers::start(2, cluster.database("two_shares"));
    let (corrected, running) = (Facts { cost: 9, revision: 1, ..ended(3) }, Facts { end: None, ..ended(20) });
    append(&servers, 0, &(0..10).map(ended).collect::<Vec<_>>());
    servers.store(1).seal(farm(1)).unwrap();
    append(&servers, 1, &[corrected, running]);
    servers.store(0).delete(farm(1), ended(4).id(), at(NOW)).unwrap().into_inner();
    for server in 0..2 {
        let window = TimeRange::new(at(0), at(NOW)).unwrap();
        let shares = servers.store(server).shares(farm(1), window).unwrap();
        let live = (0..10).filter(|number| ![3, 4].contains(number)).map(ended);
        let cost: u128 = live.map(|facts| u128::from(facts.cost) + u128::from(facts.cost / 2)).sum();
        let sealed = &shares.sealed;
        assert_eq!((sealed.record_count, sealed.line_count, sealed.cost_nanos), (8, 16, cost));
        assert_eq!(sealed.removed, [(ended(3).id(), 0), (ended(4).id(), 0)]);
        let mut unsealed: Vec<_> = shares.unsealed.iter().map(Record::id).collect();
        unsealed.sort_unstable();
        assert_eq!(unsealed, [corrected.id(), running.id()]);
        // Another engine finds the files where all servers can read them.
        assert_eq!(sealed.names.len(), 1);
        assert!(sealed.names.iter().all(|name| servers.segments.path().join(name).is_file()), "{sealed:?}");
        assert_eq!(shares.snapshot.session_count(), 10);
    }
}
