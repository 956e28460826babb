//! Farms, rate cards, access keys and settings.

use farmtally_model::{CostScaleFactor, DisplayName, FarmId, FleetId, QueueId};
use farmtally_store::{Deletion, NewFarm, Store, StoreError, StoredAccessKey};

use crate::sessions::{Facts, NOW, at, create_farm, ended, farm, open, submissions};

fn with_store(test: impl FnOnce(&Store)) {
    let dir = tempfile::tempdir().unwrap();
    test(&open(dir.path()));
}

#[test]
fn a_farm_is_created_once() {
    with_store(|store| {
        let first = store.catalogue().farm(farm(1)).unwrap().unwrap();
        let other_name = DisplayName::new("other").unwrap();
        let again =
            NewFarm { farm_id: farm(1), display_name: other_name.clone(), created_by: "otto".to_owned() };
        assert_eq!(store.catalogue().create_farm(&again, at(NOW + 1)).unwrap(), first);
        assert_eq!((first.cost_scale_factor, first.created_by.as_str()), (CostScaleFactor::ONE, "maria"));
        assert_eq!(store.catalogue().farm_named(&first.display_name).unwrap(), [first]);
        assert_eq!(store.catalogue().farm_named(&other_name).unwrap(), []);
        assert_eq!(store.catalogue().farm(farm(2)).unwrap(), None);
    });
}

#[test]
fn farms_are_listed_by_id_a_page_at_a_time() {
    with_store(|store| {
        (2..=5).rev().for_each(|number| create_farm(store, farm(number)));
        let page = |after: Option<FarmId>, limit| -> Vec<u8> {
            let farms = store.catalogue().farms(after, limit).unwrap();
            farms.iter().map(|farm| farm.farm_id.bytes()[0]).collect()
        };
        assert_eq!(page(None, 2), [1, 2]);
        assert_eq!(page(Some(farm(2)), 2), [3, 4]);
        assert_eq!(page(Some(farm(4)), usize::MAX), [5]);
    });
}

#[test]
fn the_cost_scale_factor_says_who_changed_it_and_when() {
    with_store(|store| {
        let factor = CostScaleFactor::parse("1.25").unwrap();
        assert!(store.catalogue().set_cost_scale_factor(farm(1), factor, "otto", at(NOW + 5)).unwrap());
        let changed = store.catalogue().farm(farm(1)).unwrap().unwrap();
        assert_eq!(changed.cost_scale_factor, factor);
        assert_eq!((changed.updated_at, changed.updated_by.as_deref()), (Some(at(NOW + 5)), Some("otto")));
        assert!(!store.catalogue().set_cost_scale_factor(farm(2), factor, "otto", at(NOW)).unwrap());
    });
}

#[test]
fn queues_and_fleets_come_with_the_records_that_were_taken() {
    with_store(|store| {
        let in_queue = |queue, number| Facts { queue, ..ended(number) };
        let refused = Facts { queue: 9, ..ended(1) };
        let batch = [in_queue(4, 1), in_queue(3, 2), in_queue(7, 3), refused];
        store.append(farm(1), &submissions(&batch), at(NOW)).unwrap().into_inner();
        let queues = store.catalogue().queues(farm(1), None, 10).unwrap();
        let queue = |number| QueueId::from_bytes([number; 16]);
        assert_eq!(queues.iter().map(|queue| queue.id).collect::<Vec<_>>(), [3, 4, 7].map(queue));
        assert_eq!((queues[0].created_at, queues[0].created_by.as_str()), (at(NOW), "maria"));
        let behind = store.catalogue().queues(farm(1), Some(queue(3)), 1).unwrap();
        assert_eq!(behind, [queues[1].clone()]);
        assert_eq!(store.catalogue().unknown_queues(farm(1), &[4, 9, 3].map(queue)).unwrap(), [queue(9)]);
        // More than one statement asks for.
        let many: Vec<QueueId> = (0..25).map(queue).collect();
        let unknown = store.catalogue().unknown_queues(farm(1), &many).unwrap();
        assert_eq!(
            unknown,
            (0..25).filter(|number| ![3, 4, 7].contains(number)).map(queue).collect::<Vec<_>>()
        );
        assert_eq!(store.catalogue().unknown_queues(farm(1), &[]), Ok(vec![]));
        let fleet = |number| FleetId::from_bytes([number; 16]);
        assert_eq!(store.catalogue().unknown_fleets(farm(1), &[1, 2, 3, 4].map(fleet)).unwrap(), [fleet(4)]);
        assert_eq!(store.catalogue().unknown_fleets(farm(2), &[fleet(1)]).unwrap(), [fleet(1)]);
        assert_eq!(store.catalogue().users(farm(1)).unwrap().len(), 2);
    });
}

#[test]
fn a_rate_card_is_replaced_whole() {
    with_store(|store| {
        assert_eq!(store.catalogue().rate_card(farm(1)).unwrap(), None);
        store.catalogue().set_rate_card(farm(1), "old", at(NOW)).unwrap();
        store.catalogue().set_rate_card(farm(1), "new", at(NOW)).unwrap();
        store.catalogue().set_rate_card(farm(1), "new", at(NOW + 1)).unwrap();
        assert_eq!(store.catalogue().rate_card(farm(1)).unwrap().unwrap(), "new");
        let versions = store.catalogue().rate_card_versions(farm(1)).unwrap();
        let texts: Vec<_> = versions.iter().map(|card| (card.version, card.text.as_str())).collect();
        assert_eq!(texts, [(1, "old"), (2, "new")], "the same card again is no new version");
        let unknown = StoreError::UnknownFarm { farm_id: farm(2) };
        assert_eq!(store.catalogue().set_rate_card(farm(2), "new", at(NOW)), Err(unknown));
    });
}

#[test]
fn an_access_key_is_kept_once_and_disabled_once() {
    with_store(|store| {
        let key = StoredAccessKey {
            access_key_id: "FTAL0001".to_owned(),
            sealed_secret: vec![7; 60],
            role: "reader".to_owned(),
            farm_id: Some(farm(1)),
            created_at: at(NOW),
            disabled_at: None,
        };
        let catalogue = store.catalogue();
        catalogue.insert_access_key(&key).unwrap();
        let taken = StoreError::AccessKeyExists { access_key_id: "FTAL0001".to_owned() };
        assert_eq!(catalogue.insert_access_key(&key), Err(taken));
        let admin = StoredAccessKey { access_key_id: "FTAL0000".to_owned(), farm_id: None, ..key.clone() };
        catalogue.insert_access_key(&admin).unwrap();
        assert_eq!(catalogue.access_keys().unwrap(), [admin, key.clone()]);
        assert!(catalogue.disable_access_key("FTAL0001", at(NOW + 9)).unwrap());
        assert!(!catalogue.disable_access_key("FTAL0001", at(NOW + 10)).unwrap());
        let disabled = StoredAccessKey { disabled_at: Some(at(NOW + 9)), ..key };
        assert_eq!(catalogue.access_key("FTAL0001").unwrap(), Some(disabled));
        assert_eq!(catalogue.access_key("FTAL0002").unwrap(), None);
    });
}

#[test]
fn a_sealed_secret_is_not_in_the_debug_text_of_its_key() {
    let key = StoredAccessKey {
        access_key_id: "FTAL0001".to_owned(),
        sealed_secret: vec![211; 60],
        role: "reader".to_owned(),
        farm_id: None,
        created_at: at(NOW),
        disabled_at: None,
    };
    assert!(!format!("{key:?}").contains("211"));
}

#[test]
fn a_setting_is_what_was_put_last() {
    with_store(|store| {
        assert_eq!(store.catalogue().setting("clock").unwrap(), None);
        store.catalogue().put_setting("clock", &[1]).unwrap();
        store.catalogue().put_setting("clock", &[2, 0]).unwrap();
        assert_eq!(store.catalogue().setting("clock").unwrap().unwrap(), [2, 0]);
    });
}

#[test]
fn settings_of_a_farm_are_found_by_their_beginning_and_go_with_the_farm() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    let catalogue = store.catalogue();
    for number in [1, 2] {
        create_farm(&store, farm(number));
        let put = ["sync/a", "sync/b", "sync", "other/é"].map(|name| (name.to_owned(), vec![1]));
        catalogue.change_farm_settings(farm(number), &put, &[]).unwrap();
    }
    catalogue
        .change_farm_settings(farm(1), &[("sync/a".to_owned(), vec![2])], &["sync/b".to_owned()])
        .unwrap();
    let names = |number, prefix| catalogue.farm_settings(farm(number), prefix).unwrap();
    assert_eq!(names(1, "sync/"), [("a".to_owned(), vec![2])]);
    assert_eq!(names(2, "sync/"), ["a", "b"].map(|name| (name.to_owned(), vec![1])));
    assert_eq!(names(1, "other/"), [("é".to_owned(), vec![1])]);
    assert_eq!(store.delete_farm(farm(1)), Ok(Deletion::Deleted));
    assert_eq!(catalogue.farm_settings(farm(1), "").unwrap(), []);
    assert_eq!(catalogue.farm_settings(farm(2), "").unwrap().len(), 4);
}
