//! Farms, queues and fleets that people create, change, tag, put together and delete.

use farmtally_model::{DisplayName, FleetId, QueueId, RecordNames};
use farmtally_store::{
    AssociationDeletion, AssociationFilter, ClientCall, Created, Deletion, NewResource, PricedSubmission,
    ResourceChange, Store, Tagged, Tags,
};

use crate::sessions::{NOW, at, ended, farm, open, session_id, submissions};

fn new_resource(name: &str) -> NewResource {
    NewResource {
        display_name: DisplayName::new(name).unwrap(),
        description: Some("for the night".to_owned()),
        settings: Some("{}".to_owned()),
        tags: Tags::from([("show".to_owned(), "feature".to_owned())]),
        created_by: "olga".to_owned(),
    }
}

fn call(token: &str, content: u8) -> ClientCall {
    let access_key_id = "FTAKOLGA".to_owned();
    ClientCall { access_key_id, operation: "CreateQueue", token: token.to_owned(), content: [content; 32] }
}

#[test]
fn a_call_creates_once_within_a_day_and_a_token_is_for_one_call() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let (first, second) = (QueueId::from_bytes([1; 16]), QueueId::from_bytes([2; 16]));
    let create = |id, token, content, now| {
        let created =
            store.catalogue().create(farm(1), id, &new_resource("q"), Some(&call(token, content)), at(now));
        created.unwrap()
    };
    assert_eq!(create(first, "a", 1, NOW), Created::Once(first));
    assert_eq!(create(second, "a", 1, NOW + 1000), Created::Once(first));
    assert_eq!(create(second, "a", 2, NOW + 1000), Created::OtherCall);
    let day = 24 * 60 * 60 * 1000;
    assert_eq!(create(second, "a", 1, NOW + day - 1), Created::Once(first));
    assert_eq!(create(second, "a", 2, NOW + day), Created::Once(second));
    assert_eq!(store.catalogue().queues(farm(1), None, 10).unwrap().len(), 2);
}

#[test]
fn the_name_that_somebody_gave_wins_over_the_names_that_records_bring() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let id = QueueId::from_bytes([1; 16]);
    store.catalogue().create(farm(1), id, &new_resource("mine"), None, at(NOW)).unwrap();
    let names = RecordNames { queue: Some(DisplayName::new("theirs").unwrap()), ..RecordNames::default() };
    let submission = PricedSubmission { names, ..ended(1).submission() };
    store.append(farm(1), &[submission], at(NOW)).unwrap().into_inner();
    let queue = store.catalogue().resource(farm(1), id).unwrap().unwrap();
    assert_eq!((queue.display_name.as_str(), queue.created_by.as_str()), ("mine", "olga"));
    let change =
        ResourceChange { display_name: Some(DisplayName::new("ours").unwrap()), ..ResourceChange::default() };
    let changed = store.catalogue().change(farm(1), id, "otto", at(NOW + 1), |_| Ok::<_, ()>(change));
    assert_eq!(changed, Ok(Some(Ok(()))));
    let queue = store.catalogue().resource(farm(1), id).unwrap().unwrap();
    assert_eq!((queue.display_name.as_str(), queue.description.as_deref()), ("ours", Some("for the night")));
    assert_eq!((queue.updated_at, queue.updated_by.as_deref()), (Some(at(NOW + 1)), Some("otto")));
    let refused = store.catalogue().change(farm(1), id, "otto", at(NOW + 2), |_| Err("no"));
    assert_eq!(refused, Ok(Some(Err("no"))));
    let queue = store.catalogue().resource(farm(1), id).unwrap().unwrap();
    assert_eq!(queue.updated_at, Some(at(NOW + 1)));
}

#[test]
fn a_queue_is_deleted_only_without_sessions_and_comes_back_with_the_next_one() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    store.append(farm(1), &submissions(&[ended(1)]), at(NOW)).unwrap().into_inner();
    let id = QueueId::from_bytes([1; 16]);
    assert!(matches!(store.delete_resource(farm(1), id), Ok(Deletion::InUse(_))));
    store.delete(farm(1), session_id(1), at(NOW)).unwrap().into_inner();
    assert_eq!(store.delete_resource(farm(1), id), Ok(Deletion::Deleted));
    assert_eq!(store.delete_resource(farm(1), id), Ok(Deletion::Missing));
    assert_eq!(store.catalogue().unknown_queues(farm(1), &[id]), Ok(vec![id]));
    store.append(farm(1), &submissions(&[ended(2)]), at(NOW)).unwrap().into_inner();
    assert_eq!(store.catalogue().unknown_queues(farm(1), &[id]), Ok(vec![]));
}

#[test]
fn a_farm_is_deleted_when_nothing_is_in_it_and_takes_what_was_kept_for_it_along() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    store.append(farm(1), &submissions(&[ended(1)]), at(NOW)).unwrap().into_inner();
    store.catalogue().set_rate_card(farm(1), "a card", at(NOW)).unwrap();
    let in_use = |deletion: Result<Deletion, _>| match deletion {
        Ok(Deletion::InUse(reason)) => reason,
        other => panic!("{other:?}"),
    };
    assert!(in_use(store.delete_farm(farm(1))).contains("1 sessions"));
    store.delete(farm(1), session_id(1), at(NOW)).unwrap().into_inner();
    assert!(in_use(store.delete_farm(farm(1))).contains("1 queues"));
    store.delete_resource(farm(1), QueueId::from_bytes([1; 16])).unwrap();
    assert!(in_use(store.delete_farm(farm(1))).contains("1 fleets"));
    store.delete_resource(farm(1), FleetId::from_bytes([0; 16])).unwrap();
    assert_eq!(store.delete_farm(farm(1)), Ok(Deletion::Deleted));
    assert_eq!(store.catalogue().farm(farm(1)), Ok(None));
    drop(store);
    assert_eq!(Store::open(dir.path()).unwrap().catalogue().farms(None, 10), Ok(vec![]));
}

#[test]
fn an_association_keeps_its_ends_and_is_stopped_before_it_is_deleted() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let catalogue = store.catalogue();
    let (queue, fleets) =
        (QueueId::from_bytes([1; 16]), [1, 2].map(|number| FleetId::from_bytes([number; 16])));
    catalogue.create(farm(1), queue, &new_resource("q"), None, at(NOW)).unwrap();
    for fleet in fleets {
        catalogue.create(farm(1), fleet, &new_resource("f"), None, at(NOW)).unwrap();
        catalogue.associate(farm(1), queue, fleet, "olga", at(NOW)).unwrap();
        catalogue.associate(farm(1), queue, fleet, "otto", at(NOW + 1)).unwrap();
    }
    let list = |filter, after| {
        let found = catalogue.associations(farm(1), filter, after, 10).unwrap();
        found.into_iter().map(|found| (found.fleet_id, found.created_by)).collect::<Vec<_>>()
    };
    let both = fleets.map(|fleet| (fleet, "olga".to_owned()));
    assert_eq!(list(AssociationFilter::default(), None), both);
    assert_eq!(list(AssociationFilter::default(), Some((queue, fleets[0]))), both[1..]);
    assert_eq!(list(AssociationFilter { fleet_id: Some(fleets[0]), queue_id: Some(queue) }, None), both[..1]);
    assert!(matches!(store.delete_resource(farm(1), fleets[0]), Ok(Deletion::InUse(_))));
    assert_eq!(catalogue.dissociate(farm(1), queue, fleets[0]), Ok(AssociationDeletion::Active));
    let stop = catalogue.set_association_active(farm(1), (queue, fleets[0]), false, "otto", at(NOW + 2));
    assert_eq!(stop, Ok(true));
    assert!(!catalogue.association(farm(1), queue, fleets[0]).unwrap().unwrap().is_active);
    assert_eq!(catalogue.dissociate(farm(1), queue, fleets[0]), Ok(AssociationDeletion::Deleted));
    assert_eq!(catalogue.dissociate(farm(1), queue, fleets[0]), Ok(AssociationDeletion::Missing));
    assert_eq!(store.delete_resource(farm(1), fleets[0]), Ok(Deletion::Deleted));
}

#[test]
fn tags_change_whole_or_not_at_all() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let catalogue = store.catalogue();
    let queue = QueueId::from_bytes([1; 16]);
    catalogue.create(farm(1), queue, &new_resource("q"), None, at(NOW)).unwrap();
    let tagged = Tagged::Queue(farm(1), queue);
    let tags = |pairs: &[(&str, &str)]| -> Tags {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    };
    assert_eq!(catalogue.tags(tagged), Ok(tags(&[("show", "feature")])));
    let change = catalogue.change_tags(tagged, |tags| {
        tags.insert("shot".to_owned(), "10".to_owned());
        Ok::<_, ()>(())
    });
    assert_eq!(change, Ok(Ok(())));
    let refused = catalogue.change_tags(tagged, |tags| {
        tags.clear();
        Err("no")
    });
    assert_eq!(refused, Ok(Err("no")));
    assert_eq!(catalogue.tags(tagged), Ok(tags(&[("shot", "10"), ("show", "feature")])));
    assert_eq!(catalogue.tags(Tagged::Farm(farm(1))), Ok(Tags::new()));
}
