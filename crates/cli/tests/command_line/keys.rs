//! `key`: made, listed, rotated, disabled and deleted.

use insta::assert_snapshot;

use crate::door::Place;

/// The list without the instants in it.
fn list(place: &Place) -> String {
    let lines = place.done("key list --data-dir data");
    let lines = lines.lines().map(|line| {
        let cells = line.split('\t').map(|cell| match cell {
            disabled if disabled.starts_with("disabled ") => "disabled [time]",
            works if works.starts_with("works until ") => "works until [time]",
            time if time.ends_with('Z') => "[time]",
            other => other,
        });
        cells.collect::<Vec<_>>().join(" | ")
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn a_key_is_printed_for_a_shell_and_listed_without_its_secret() {
    let place = Place::new();
    place.done("farm create --data-dir data oslo");
    assert_snapshot!(place.run("key create --data-dir data"), @"
    exit 0
    --- stdout
    export AWS_ACCESS_KEY_ID=FTAK[id]
    export AWS_SECRET_ACCESS_KEY=[secret]
    --- stderr
    The secret is shown this once.
    ");
    assert_snapshot!(list(&place), @"FTAK[id] | reader | all farms | [time] | works | -");
}

#[test]
fn a_key_to_nothing_is_not_made() {
    let place = Place::new();
    assert_snapshot!(place.run("key create --data-dir data"), @"
    exit 1
    --- stderr
    error: there is no farmtally data in `data`
    hint: `farmtally import`, `farmtally farm create`, `farmtally serve` and `farmtally demo` make a data folder; another one is named by `--data-dir` or by the variable FARMTALLY_DATA_DIR
    ");
    assert!(!place.path("data").exists());
}

#[test]
fn a_key_can_be_for_one_farm() {
    let place = Place::new();
    place.done("farm create --data-dir data oslo");
    place.done("key create --data-dir data --role ingester --farm oslo");
    assert_snapshot!(list(&place), @"FTAK[id] | ingester | farm-d5e9816650cca3315bfa365febbe0f72 | [time] | works | -");
    assert_snapshot!(place.run("key create --data-dir data --farm bergen"), @"
    exit 1
    --- stderr
    error: there is no farm `bergen`
    hint: the farms of this folder are `oslo`
    ");
}

#[test]
fn a_disabled_key_stays_in_the_list_and_cannot_be_disabled_again() {
    let place = Place::new();
    let _server = place.serve("");
    let output = place.command("key create --data-dir data --role admin").output().unwrap();
    let lines = String::from_utf8(output.stdout).unwrap();
    let id = lines.lines().find_map(|line| line.strip_prefix("export AWS_ACCESS_KEY_ID=")).unwrap();
    let disable = format!("key disable --data-dir data {id}");
    place.done(&disable);
    assert!(list(&place).ends_with("disabled [time] | -"), "{}", list(&place));
    assert_snapshot!(place.run(&disable), @"
    exit 1
    --- stderr
    error: there is no working access key `FTAK[id]`
    hint: `farmtally key list --data-dir data` shows them all
    ");
}

#[test]
fn a_rotated_key_works_beside_the_new_one_for_a_while() {
    let place = Place::new();
    place.done("farm create --data-dir data oslo");
    place.done("key create --data-dir data --role ingester --farm oslo --name wrangler");
    assert_snapshot!(list(&place), @"FTAK[id] | ingester | farm-d5e9816650cca3315bfa365febbe0f72 | [time] | works | wrangler");
    let rotated = place.run("key rotate --data-dir data wrangler");
    assert_eq!(rotated.code, Some(0), "{rotated}");
    assert!(rotated.stdout.starts_with("export AWS_ACCESS_KEY_ID=FTAK"), "{rotated}");
    assert!(rotated.stderr.contains("works until 20"), "{rotated}");
    let mut lines: Vec<String> = list(&place).lines().map(str::to_owned).collect();
    lines.sort();
    assert_eq!(
        lines,
        [
            "FTAK[id] | ingester | farm-d5e9816650cca3315bfa365febbe0f72 | [time] | works until [time] | wrangler",
            "FTAK[id] | ingester | farm-d5e9816650cca3315bfa365febbe0f72 | [time] | works | wrangler",
        ]
    );
    // By its name the key is meant that goes on working.
    place.done("key rotate --data-dir data wrangler");
    let disabled = place.run("key disable --data-dir data wrangler");
    assert_eq!((disabled.code, disabled.stdout.as_str()), (Some(0), ""), "{disabled}");
    // Those that were rotated go on, and somebody who disables a name may not expect that.
    let told: Vec<&str> = disabled.stderr.lines().collect();
    assert_eq!(told.len(), 2, "{disabled}");
    for line in told {
        assert!(line.starts_with("FTAK[id] of the same name works until 20"), "{disabled}");
        assert!(
            line.ends_with(": `farmtally key disable --data-dir data FTAK[id]` stops it too."),
            "{disabled}"
        );
    }
    let states = list(&place);
    assert_eq!(
        (states.matches("works until").count(), states.matches("disabled").count()),
        (2, 1),
        "{states}"
    );
    let ended = place.run("key disable --data-dir data wrangler");
    assert_eq!(ended.code, Some(1), "{ended}");
    assert!(ended.stderr.starts_with("error: several keys are called `wrangler`: FTAK[id] ("), "{ended}");
    assert_eq!(ended.stderr.matches("FTAK[id] (works until 20").count(), 2, "{ended}");
    assert!(ended.stderr.ends_with("hint: name one by its id\n"), "{ended}");
}

#[test]
fn only_a_key_that_was_disabled_is_deleted() {
    let place = Place::new();
    place.done("farm create --data-dir data oslo");
    place.done("key create --data-dir data --name old");
    assert_snapshot!(place.run("key delete --data-dir data old"), @"
    exit 1
    --- stderr
    error: access key `old` still works
    hint: stop it first: `farmtally key disable --data-dir data FTAK[id]`
    ");
    place.done("key rotate --data-dir data --overlap-hours 0 old");
    // Of two with the name, the one that does not work.
    place.done("key delete --data-dir data old");
    assert_snapshot!(list(&place), @"FTAK[id] | reader | all farms | [time] | works | old");
    assert_snapshot!(place.run("key delete --data-dir data nobody"), @"
    exit 1
    --- stderr
    error: there is no access key `nobody`
    hint: `farmtally key list --data-dir data` shows them all
    ");
}
