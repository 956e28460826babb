//! Other costs for what is stored: they change no revision, and whoever they do not meet is told.

use farmtally_model::{LineCost, NanoUsd};
use farmtally_store::{Amended, BatchReceipt, CostOrigin, RefusalReason, Store, StoredRecord};

use crate::sessions::{Facts, NOW, at, ended, farm, open, session_id, sorted_rows, stored_rows, submissions};

fn nanos(nanos: u64) -> NanoUsd {
    NanoUsd::from_nanos(nanos).unwrap()
}

fn stored(store: &Store, number: u32) -> StoredRecord {
    store.record(farm(1), session_id(number)).unwrap().unwrap()
}

fn amend(store: &Store, amended: Vec<Amended>) -> BatchReceipt {
    store.amend(farm(1), amended, at(NOW)).unwrap().into_inner()
}

fn send(store: &Store, facts: Facts) -> BatchReceipt {
    store.append(farm(1), &submissions(&[facts]), at(NOW)).unwrap().into_inner()
}

fn shared(store: &Store, number: u32, cost: u64) {
    let receipt = amend(store, vec![stored(store, number).with_share(nanos(cost)).unwrap()]);
    assert_eq!((receipt.replaced, receipt.refused.len()), (1, 0));
}

fn is_shared(store: &Store, number: u32) {
    let record = stored(store, number);
    assert_eq!(record.origins, Some(vec![CostOrigin::Share, CostOrigin::Sent]));
    assert_eq!(record.share.unwrap().sent, Some(nanos(number.into())));
    assert_eq!(record.record.revision(), 0);
}

#[test]
fn a_share_lives_through_restarts_seals_and_compaction_and_leaves_revision_and_licence_alone() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    store.append(farm(1), &submissions(&[ended(7), ended(9)]), at(NOW)).unwrap().into_inner();
    shared(&store, 7, 6);
    is_shared(&store, 7);
    let expected = || sorted_rows([Facts { cost: 6, ..ended(7) }, ended(9)]);
    assert_eq!(stored_rows(&store), expected());
    drop(store);
    let store = open(dir.path());
    is_shared(&store, 7);
    store.seal(farm(1)).unwrap();
    is_shared(&store, 7);
    // The segment is written anew when one of its records is replaced.
    shared(&store, 9, 8);
    store.seal(farm(1)).unwrap();
    drop(store);
    let store = Store::open(dir.path()).unwrap();
    is_shared(&store, 7);
    is_shared(&store, 9);
    assert_eq!(
        stored_rows(&store),
        sorted_rows([Facts { cost: 6, ..ended(7) }, Facts { cost: 8, ..ended(9) }])
    );
    let mut seen = 0;
    store
        .for_each_record(farm(1), (0, i64::MAX), &mut |record| {
            assert_eq!(record.origins.unwrap()[0], CostOrigin::Share);
            seen += 1;
        })
        .unwrap();
    assert_eq!(seen, 2);
}

#[test]
fn what_the_source_sends_again_takes_no_share_back_and_its_next_revision_does() {
    for sealed in [false, true] {
        let dir = tempfile::tempdir().unwrap();
        let store = open(dir.path());
        send(&store, ended(7));
        shared(&store, 7, 6);
        if sealed {
            store.seal(farm(1)).unwrap();
        }
        assert_eq!(send(&store, ended(7)).unchanged, 1);
        is_shared(&store, 7);
        assert_eq!(send(&store, Facts { cost: 70, ..ended(7) }).refused.len(), 1, "no higher revision");
        assert_eq!(send(&store, Facts { cost: 70, revision: 1, ..ended(7) }).replaced, 1);
        let record = stored(&store, 7);
        assert_eq!((record.share, record.record.revision()), (None, 1));
        assert_eq!(stored_rows(&store), sorted_rows([Facts { cost: 70, ..ended(7) }]));
    }
}

#[test]
fn a_share_that_is_there_already_is_no_change_and_another_takes_its_place() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    send(&store, ended(7));
    // The same amount as was sent is a share all the same: what came with a session is not what a bill gave it.
    shared(&store, 7, 7);
    assert_eq!(stored(&store, 7).with_share(nanos(7)), None);
    shared(&store, 7, 6);
    is_shared(&store, 7);
}

#[test]
fn what_changed_meanwhile_is_not_amended() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    for number in [1, 2, 3, 4] {
        send(&store, ended(number));
    }
    let amended: Vec<Amended> =
        [1, 2, 3, 4].map(|number| stored(&store, number).with_share(nanos(100)).unwrap()).into();
    send(&store, Facts { cost: 50, revision: 1, ..ended(1) });
    send(&store, Facts { revision: 1, ..ended(2) });
    store.delete(farm(1), session_id(3), at(NOW)).unwrap().into_inner();
    let receipt = amend(&store, amended.clone());
    assert_eq!((receipt.replaced, receipt.stored, receipt.unchanged), (1, 0, 0));
    let refused: Vec<_> = receipt.refused.iter().map(|refusal| (refusal.index, refusal.reason)).collect();
    let outdated = |index: usize, number: u32| (index, RefusalReason::Outdated { id: session_id(number) });
    assert_eq!(refused, [outdated(0, 1), outdated(1, 2), outdated(2, 3)]);
    let other = open_other();
    assert_eq!(amend(&other.1, amended).refused.len(), 4, "of what was never stored");
}

fn open_other() -> (tempfile::TempDir, Store) {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    (dir, store)
}

#[test]
fn what_a_card_priced_is_told_apart_from_a_share_of_the_same_amount() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    store.append(farm(1), &[ended(7).priced()], at(NOW)).unwrap().into_inner();
    assert_eq!(stored(&store, 7).origins, Some(vec![CostOrigin::Priced; 2]));
    shared(&store, 7, 7);
    let record = stored(&store, 7);
    assert_eq!(record.origins, Some(vec![CostOrigin::Share, CostOrigin::Priced]));
    assert_eq!(record.share.unwrap().sent, None);
    // Pricing anew asks the card for the licence alone, and the share stays one.
    let dearer =
        record.record.with_costs(|line, cost| if line == 1 { LineCost::Total(nanos(5)) } else { cost });
    assert_eq!(amend(&store, vec![record.with_costs_of(dearer)]).replaced, 1);
    let record = stored(&store, 7);
    assert_eq!(record.origins, Some(vec![CostOrigin::Share, CostOrigin::Priced]));
    assert_eq!(record.unpriced().unwrap(), record.record.with_costs(|line, _| (line == 0).then(|| nanos(7))));
}
