//! What counts, whatever is sent how often and in whatever order: the store against a small model of its rules.

use std::collections::BTreeMap;

use farmtally_model::{DisplayName, RecordId, RecordNames};
use farmtally_store::{BatchReceipt, RefusalReason, Store, StoreError};
use proptest::prelude::*;

use crate::sessions::{Facts, NOW, at, ended, farm, open, session_id, sorted_rows, stored_rows, submissions};

/// What the rules say is stored, one id at a time.
#[derive(Debug, Default)]
struct Model {
    stored: BTreeMap<RecordId, Held>,
}

#[derive(Debug, Clone, Copy)]
enum Held {
    /// The record, and the revision that guards it, which the end of a session inherits from its opening.
    Live(Facts, u32),
    Deleted(u32),
}

#[derive(Debug, PartialEq, Eq, Clone, Copy)]
enum Verdict {
    Stored,
    Replaced,
    Unchanged,
    Refused,
}

impl Model {
    fn send(&mut self, new: Facts) -> Verdict {
        let verdict = self.verdict(new);
        if matches!(verdict, Verdict::Stored | Verdict::Replaced) {
            let guard = match self.stored.get(&new.id()) {
                Some(Held::Live(_, guard)) => new.revision.max(*guard),
                _ => new.revision,
            };
            self.stored.insert(new.id(), Held::Live(new, guard));
        }
        verdict
    }

    fn verdict(&self, new: Facts) -> Verdict {
        let (old, guard) = match self.stored.get(&new.id()) {
            None => return Verdict::Stored,
            Some(Held::Deleted(revision)) if new.revision > *revision => return Verdict::Stored,
            Some(Held::Deleted(_)) => return Verdict::Refused,
            Some(Held::Live(old, guard)) => (*old, *guard),
        };
        let same_opening = old.start == new.start
            && if old.is_volume { old.queue / 2 == new.queue / 2 } else { old.queue == new.queue };
        let closes = old.end.is_none() && new.end.is_some() && same_opening;
        let late_opening = old.end.is_some() && new.end.is_none() && same_opening;
        if new.revision > guard || closes {
            Verdict::Replaced
        } else if new.revision < guard || same_told(old, new) || late_opening {
            Verdict::Unchanged
        } else {
            Verdict::Refused
        }
    }

    fn delete(&mut self, id: RecordId) -> bool {
        let Some(Held::Live(_, guard)) = self.stored.get(&id).copied() else { return false };
        self.stored.insert(id, Held::Deleted(guard));
        true
    }

    fn live(&self) -> impl Iterator<Item = Facts> {
        self.stored.values().filter_map(|held| match held {
            Held::Live(facts, _) => Some(*facts),
            Held::Deleted(_) => None,
        })
    }
}

/// Whether two submissions say the same: a volume has no queue, only the fleet that its queue stands for here.
fn same_told(old: Facts, new: Facts) -> bool {
    let told = |facts: Facts| {
        let queue = if facts.is_volume { facts.queue / 2 } else { facts.queue };
        Facts { revision: 0, queue, ..facts }
    };
    told(old) == told(new)
}

#[derive(Debug, Clone)]
pub(crate) enum Step {
    Append(Vec<Facts>),
    /// The same, but straight into segments.
    AppendStraight(Vec<Facts>),
    Delete(RecordId),
    Seal,
    Reopen,
}

fn facts() -> impl Strategy<Value = Facts> {
    let number = prop_oneof![0_u32..4, 0_u32..40];
    let end = prop_oneof![Just(None), Just(Some(2000)), Just(Some(1000)), Just(Some(3000))];
    (
        number,
        1_u8..4,
        prop_oneof![4 => Just(1000), 1 => Just(900)],
        end,
        0_u64..3,
        0_u32..3,
        prop::bool::weighted(0.2),
    )
        .prop_map(|(number, queue, start, end, cost, revision, is_volume)| {
            // Mostly the same queue and revision, or nothing would ever be closed.
            let queue = if cost == 0 { 1 } else { queue };
            let revision = revision.saturating_sub(u32::from(cost > 0));
            Facts { number, queue, start, end, cost, revision, is_volume }
        })
}

pub(crate) fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => prop::collection::vec(facts(), 0..30).prop_map(Step::Append),
        2 => prop::collection::vec(facts(), 0..30).prop_map(Step::AppendStraight),
        1 => facts().prop_map(|facts| Step::Delete(facts.id())),
        1 => Just(Step::Seal),
        1 => Just(Step::Reopen),
    ]
}

fn check_receipt(receipt: &BatchReceipt, verdicts: &[Verdict]) {
    let count = |wanted| verdicts.iter().filter(|verdict| **verdict == wanted).count() as u64;
    assert_eq!(
        (receipt.stored, receipt.replaced, receipt.unchanged),
        (count(Verdict::Stored), count(Verdict::Replaced), count(Verdict::Unchanged))
    );
    let refused: Vec<usize> = receipt.refused.iter().map(|refusal| refusal.index).collect();
    let expected = (0..).zip(verdicts).filter(|(_, verdict)| **verdict == Verdict::Refused);
    assert_eq!(refused, expected.map(|(index, _)| index).collect::<Vec<usize>>());
}

/// Where histories happen: one store or several servers of one, each step on the next of them.
pub(crate) trait World {
    /// The server that does the next step.
    fn next(&mut self) -> &Store;

    /// Stops it and starts it again.
    fn reopen(&mut self);

    /// All servers.
    fn stores(&self) -> Vec<&Store>;
}

struct OneFolder {
    dir: tempfile::TempDir,
    store: Option<Store>,
}

impl World for OneFolder {
    fn next(&mut self) -> &Store {
        self.store.as_ref().unwrap()
    }

    fn reopen(&mut self) {
        self.store = None;
        self.store = Some(open(self.dir.path()));
    }

    fn stores(&self) -> Vec<&Store> {
        vec![self.store.as_ref().unwrap()]
    }
}

fn check(steps: &[Step]) {
    let dir = tempfile::tempdir().unwrap();
    let store = Some(open(dir.path()));
    check_in(&mut OneFolder { dir, store }, steps);
}

/// Does the steps, and compares every server with the model after each.
pub(crate) fn check_in(world: &mut dyn World, steps: &[Step]) {
    let mut model = Model::default();
    for step in steps {
        match step {
            Step::Append(batch) => {
                let verdicts: Vec<_> = batch.iter().map(|facts| model.send(*facts)).collect();
                let receipt = world.next().append(farm(1), &submissions(batch), at(NOW)).unwrap();
                check_receipt(receipt.get(), &verdicts);
            }
            Step::AppendStraight(batch) => {
                let verdicts: Vec<_> = batch.iter().map(|facts| model.send(*facts)).collect();
                let receipt = world.next().append_straight(farm(1), submissions(batch), at(NOW)).unwrap();
                check_receipt(receipt.get(), &verdicts);
            }
            Step::Delete(id) => {
                let deleted = world.next().delete(farm(1), *id, at(NOW)).unwrap();
                assert_eq!(deleted.into_inner(), model.delete(*id));
            }
            Step::Seal => world.next().seal(farm(1)).unwrap(),
            Step::Reopen => world.reopen(),
        }
        for store in world.stores() {
            assert_eq!(stored_rows(store), sorted_rows(model.live()));
        }
    }
    world.reopen();
    for store in world.stores() {
        assert_eq!(stored_rows(store), sorted_rows(model.live()), "after the last reopening");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(150) })]

    #[test]
    fn any_history_leaves_what_the_rules_say(steps in prop::collection::vec(step(), 1..12)) {
        check(&steps);
    }
}

#[test]
fn a_record_sent_again_counts_once_and_a_running_one_ends() {
    let opening = Facts { end: None, ..ended(7) };
    check(&[
        Step::Append(vec![opening, opening]),
        Step::Append(vec![ended(7), opening]),
        Step::Reopen,
        Step::Append(vec![opening, ended(7)]),
    ]);
}

#[test]
fn sealing_changes_nothing_that_can_be_seen() {
    let running = Facts { end: None, ..ended(8) };
    let corrected = Facts { cost: 9, revision: 300, ..ended(7) };
    check(&[
        Step::Append(vec![ended(7), running, ended(9)]),
        Step::Seal,
        Step::Append(vec![ended(7), running, Facts { cost: 1, ..ended(7) }, corrected, corrected]),
        Step::Delete(ended(9).id()),
        Step::Reopen,
        Step::Append(vec![ended(8), ended(9), ended(7)]),
        Step::Seal,
        Step::Reopen,
        Step::Append(vec![
            ended(7),
            corrected,
            ended(8),
            running,
            ended(9),
            Facts { revision: 1, ..ended(9) },
        ]),
        Step::Seal,
        Step::Delete(ended(7).id()),
        Step::Seal,
    ]);
}

#[test]
fn the_end_of_a_corrected_opening_stays_closed_when_the_correction_is_sent_again() {
    let correction = Facts { end: None, revision: 1, cost: 9, ..ended(7) };
    check(&[
        Step::Append(vec![Facts { end: None, ..ended(7) }, correction]),
        Step::Append(vec![ended(7)]),
        Step::Reopen,
        Step::Append(vec![correction, ended(7)]),
    ]);
}

#[test]
fn other_content_without_a_higher_revision_is_refused_and_named() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let other = Facts { cost: 8, ..ended(7) };
    let receipt = store.append(farm(1), &submissions(&[ended(7), other]), at(NOW)).unwrap().into_inner();
    assert_eq!((receipt.stored, receipt.refused[0].index), (1, 1));
    assert_eq!(
        receipt.refused[0].reason.to_string(),
        "`session-00000000000000000000000000000007` is stored with other content; \
         send a higher revision than 0 to correct it"
    );
}

#[test]
fn a_deleted_record_comes_back_only_with_a_higher_revision() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let third = Facts { revision: 3, ..ended(7) };
    store.append(farm(1), &submissions(&[third]), at(NOW)).unwrap().into_inner();
    assert!(store.delete(farm(1), session_id(7), at(NOW)).unwrap().into_inner());
    assert!(!store.delete(farm(1), session_id(7), at(NOW)).unwrap().into_inner());
    drop(store);
    let store = open(dir.path());
    let receipt = store.append(farm(1), &submissions(&[third]), at(NOW)).unwrap().into_inner();
    assert_eq!(receipt.refused[0].reason, RefusalReason::Deleted { id: session_id(7), deleted_revision: 3 });
    assert_eq!(
        receipt.refused[0].reason.to_string(),
        "`session-00000000000000000000000000000007` was deleted; send a higher revision than 3 to bring it back"
    );
    let fourth = Facts { revision: 4, ..third };
    let receipt = store.append(farm(1), &submissions(&[fourth]), at(NOW)).unwrap().into_inner();
    assert_eq!((receipt.stored, stored_rows(&store)), (1, sorted_rows([fourth])));
}

#[test]
fn a_snapshot_never_changes() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    store.append(farm(1), &submissions(&[ended(1), ended(2)]), at(NOW)).unwrap().into_inner();
    let before = store.snapshot(farm(1)).unwrap();
    store.delete(farm(1), session_id(1), at(NOW)).unwrap().into_inner();
    store.append(farm(1), &submissions(&[ended(3)]), at(NOW)).unwrap().into_inner();
    assert_eq!(crate::sessions::rows(&before), sorted_rows([ended(1), ended(2)]));
    assert_eq!(stored_rows(&store), sorted_rows([ended(2), ended(3)]));
}

#[test]
fn farms_do_not_see_each_other_and_unknown_ones_are_named() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    crate::sessions::create_farm(&store, farm(2));
    store.append(farm(1), &submissions(&[ended(1)]), at(NOW)).unwrap().into_inner();
    store.append(farm(2), &submissions(&[ended(1), ended(2)]), at(NOW)).unwrap().into_inner();
    assert_eq!((store.record_count(farm(1)), store.record_count(farm(2))), (Ok(1), Ok(2)));
    let unknown = Err(StoreError::UnknownFarm { farm_id: farm(3) });
    assert_eq!(store.append(farm(3), &[], at(NOW)).map(farmtally_store::Durable::into_inner), unknown);
}

#[test]
fn a_batch_over_the_limit_is_refused_whole() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let batch = vec![ended(1).submission(); farmtally_store::BATCH_RECORDS_MAX + 1];
    let error = store.append(farm(1), &batch, at(NOW)).unwrap_err();
    assert_eq!(error.to_string(), "the batch has 100001 records; at most 100000 are allowed");
    let batch = vec![ended(1).submission(); farmtally_store::STRAIGHT_RECORDS_MAX + 1];
    let error = store.append_straight(farm(1), batch, at(NOW)).unwrap_err();
    assert_eq!(error.to_string(), "the batch has 524289 records; at most 524288 are allowed");
    assert_eq!(store.record_count(farm(1)), Ok(0));
}

#[test]
fn the_latest_given_name_wins_and_a_record_without_names_changes_none() {
    let dir = tempfile::tempdir().unwrap();
    let name = |text: &str| DisplayName::new(text).unwrap();
    let send = |store: &Store, queue: Option<&str>| {
        let names = RecordNames { queue: queue.map(name), fleet: None, user: queue.map(name) };
        let submission = farmtally_store::PricedSubmission { names, ..ended(1).submission() };
        store.append(farm(1), &[submission], at(NOW)).unwrap().into_inner();
    };
    let queue_name =
        |store: &Store| store.catalogue().queues(farm(1), None, 10).unwrap()[0].display_name.to_string();
    let store = open(dir.path());
    send(&store, None);
    assert_eq!(queue_name(&store), "queue-01010101010101010101010101010101");
    assert_eq!(store.catalogue().users(farm(1)).unwrap()[0].1, None);
    send(&store, Some("comp"));
    send(&store, None);
    drop(store);
    let store = open(dir.path());
    send(&store, None);
    assert_eq!(queue_name(&store), "comp");
    send(&store, Some("lighting"));
    assert_eq!(queue_name(&store), "lighting");
    assert_eq!(store.catalogue().users(farm(1)).unwrap()[0].1, Some(name("lighting")));
    let fleet = &store.catalogue().fleets(farm(1), None, 10).unwrap()[0];
    assert_eq!(
        (fleet.display_name.as_str(), fleet.created_by.as_str()),
        (fleet.id.to_string().as_str(), "maria")
    );
}
