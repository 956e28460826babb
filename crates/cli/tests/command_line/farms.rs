//! `farm`: beside a running server or not.

use insta::assert_snapshot;

use crate::door::Place;

#[test]
fn a_farm_has_an_id_of_its_name_and_is_made_once() {
    let place = Place::new();
    let id = place.done("farm create --data-dir data oslo");
    assert_eq!(id, "farm-d5e9816650cca3315bfa365febbe0f72\n");
    assert_eq!(place.done("farm create --data-dir data oslo"), id);
    assert_snapshot!(place.done("farm list --data-dir data"), @"farm-d5e9816650cca3315bfa365febbe0f72	oslo	1");
}

#[test]
fn a_farm_can_have_the_id_that_it_has_elsewhere() {
    let place = Place::new();
    let id = "farm-0123456789abcdef0123456789abcdef";
    assert_eq!(place.done(&format!("farm create --data-dir data --id {id} oslo")).trim(), id);
}

#[test]
fn the_scale_factor_can_be_set_beside_a_server() {
    let place = Place::new();
    let _server = place.serve("");
    place.done("farm create --data-dir data oslo");
    place.done("farm set --data-dir data oslo --cost-scale-factor 1.25");
    assert!(place.done("farm list --data-dir data").ends_with("\toslo\t1.25\n"));
}

#[test]
fn an_unknown_farm_is_answered_with_the_known_ones() {
    let place = Place::new();
    place.done("farm create --data-dir data oslo");
    place.done("farm create --data-dir data bergen");
    assert_snapshot!(place.run("farm set --data-dir data oslp --cost-scale-factor 2"), @"
    exit 1
    --- stderr
    error: there is no farm `oslp`
    hint: the farms of this folder are `oslo`, `bergen`
    ");
}

#[test]
fn two_farms_of_one_name_have_to_be_told_apart_by_id() {
    let place = Place::new();
    place.done("farm create --data-dir data oslo");
    place.done("farm create --data-dir data --id farm-0123456789abcdef0123456789abcdef oslo");
    assert_snapshot!(place.run("farm set --data-dir data oslo --cost-scale-factor 2"), @"
    exit 1
    --- stderr
    error: 2 farms are called `oslo`
    hint: name one by its id: `farm-0123456789abcdef0123456789abcdef`, `farm-d5e9816650cca3315bfa365febbe0f72`
    ");
}
