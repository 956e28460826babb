//! `rates`: set and shown.

use insta::assert_snapshot;

use crate::door::Place;

const CARD: &str = "# What a machine costs.\n[[rate]]\nusage = \"COMPUTE\"\nusdPerHour = \"0.6\"\n";

#[test]
fn a_card_is_shown_as_it_was_set() {
    let place = Place::new();
    place.done("farm create --data-dir data oslo");
    place.write("rates.toml", CARD);
    assert_snapshot!(place.run("rates set --data-dir data --farm oslo rates.toml"), @"
    exit 0
    --- stderr
    The rates price the sessions that arrive from now on.
    ");
    assert_eq!(place.done("rates show --data-dir data --farm oslo"), CARD);
}

#[test]
fn a_card_can_come_from_the_standard_input_beside_a_server() {
    let place = Place::new();
    let _server = place.serve("");
    place.done("farm create --data-dir data oslo");
    assert_eq!(place.run_with_input("rates set --data-dir data --farm oslo", CARD).code, Some(0));
    assert_eq!(place.done("rates show --data-dir data --farm oslo"), CARD);
}

#[test]
fn a_card_that_cannot_be_used_is_not_set() {
    let place = Place::new();
    place.done("farm create --data-dir data oslo");
    place.write("rates.toml", "[[rate]]\nusage = \"COMPUTE\"\nusdPerHour = \"-1\"\n");
    assert_snapshot!(place.run("rates set --data-dir data --farm oslo rates.toml"), @"
    exit 1
    --- stderr
    error: cannot use the rate card `rates.toml`: rate 1, usdPerHour: -1 is negative; the least is 0
    ");
    assert_snapshot!(place.run("rates show --data-dir data --farm oslo"), @"
    exit 1
    --- stderr
    error: the farm `oslo` has no rate card
    hint: `farmtally rates set --data-dir data --farm … FILE` sets one
    ");
}

#[test]
fn a_card_needs_a_farm_first() {
    let place = Place::new();
    place.write("rates.toml", CARD);
    assert_snapshot!(place.run("rates set --data-dir data --farm oslo rates.toml"), @"
    exit 1
    --- stderr
    error: there is no farmtally data in `data`
    hint: make the farm first by `farmtally farm create --data-dir data NAME`, or pass the card to `farmtally import --rates`
    ");
    assert!(!place.path("data").exists());
}

#[test]
fn a_card_without_a_rate_is_not_set() {
    let place = Place::new();
    place.done("farm create --data-dir data oslo");
    place.write("rates.toml", "# to be filled in\n");
    assert_snapshot!(place.run("rates set --data-dir data --farm oslo rates.toml"), @"
    exit 1
    --- stderr
    error: cannot use the rate card `rates.toml`: the rate card has no rate; a rate is a [[rate]] table with a usage and a price
    ");
}

#[test]
fn a_rate_for_a_fleet_that_nobody_has_heard_of_is_set_with_a_warning() {
    let place = Place::new();
    place.write("a.jsonl", &crate::door::sessions(1, 1));
    place.done("import --data-dir data --farm oslo a.jsonl");
    let card =
        |fleet: &str| format!("[[rate]]\nusage = \"COMPUTE\"\nfleet = \"{fleet}\"\nusdPerHour = \"1\"\n");
    place.write("rates.toml", &card("sopt"));
    assert_snapshot!(place.run("rates set --data-dir data --farm oslo rates.toml"), @"
    exit 0
    --- stderr
    The rates price the sessions that arrive from now on.
    warning: a rate is for the fleet `sopt`, which this farm does not have so far; did you mean `spot`?
    ");
    place.write("rates.toml", &card("spot"));
    let ended = place.run("rates set --data-dir data --farm oslo rates.toml");
    assert!(!ended.stderr.contains("warning"), "{ended}");
    place.write("rates.toml", &card(&format!("fleet-{:032x}", 1)));
    let ended = place.run("rates set --data-dir data --farm oslo rates.toml");
    assert!(ended.stderr.contains("warning: a rate is for the fleet `fleet-0000"), "{ended}");
}
