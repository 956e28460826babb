//! `env --write-profile` in a file that people keep their accounts in.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};

use insta::assert_snapshot;

use crate::door::Place;

const OTHERS: &str = "# mine\n[default]\nregion = eu-west-1\n\n[profile studio]\nsso_session = x\n";

fn with_farm() -> Place {
    let place = Place::new();
    place.done("farm create --data-dir data oslo");
    place
}

fn with_config(text: &str) -> Place {
    let place = with_farm();
    fs::create_dir(place.path(".aws")).unwrap();
    place.write(".aws/config", text);
    place
}

fn mode(place: &Place, name: &str) -> u32 {
    fs::metadata(place.path(name)).unwrap().permissions().mode() & 0o777
}

/// The text without the secret.
fn shown(place: &Place, name: &str) -> String {
    let hide = |line: &str| match line.split_once("secret_access_key = ") {
        Some((before, _)) => format!("{before}secret_access_key = [secret]"),
        None => line.to_owned(),
    };
    place.read(name).lines().map(hide).collect::<Vec<_>>().join("\n")
}

#[test]
fn a_profile_has_everything_that_a_client_needs() {
    let place = with_farm();
    assert_snapshot!(place.run("env --data-dir data --write-profile"), @"
    exit 0
    --- stdout
    export AWS_PROFILE=farmtally
    --- stderr
    Wrote the profile `farmtally` into `[place]/.aws/config`.
    ");
    assert_snapshot!(shown(&place, ".aws/config"), @"
    [profile farmtally]
    # Written by `farmtally env --write-profile`, which replaces this section.
    region = us-west-2
    aws_access_key_id = FTAK[id]
    aws_secret_access_key = [secret]
    services = farmtally
    disable_host_prefix_injection = true

    [services farmtally]
    # Written by `farmtally env --write-profile`, which replaces this section.
    deadline =
      endpoint_url = http://127.0.0.1:[port]
    ");
    assert_eq!(mode(&place, ".aws/config"), 0o600);
}

#[test]
fn what_others_wrote_stays_byte_for_byte() {
    let place = with_config(OTHERS);
    fs::set_permissions(place.path(".aws/config"), Permissions::from_mode(0o640)).unwrap();
    place.done("env --data-dir data --write-profile");
    let first = place.read(".aws/config");
    assert!(first.starts_with(&format!("{OTHERS}\n[profile farmtally]\n")), "{first}");
    assert_eq!(mode(&place, ".aws/config"), 0o640);
    place.done("env --data-dir data --write-profile");
    assert_eq!(place.read(".aws/config"), first);
    place.done("env --data-dir data --write-profile --endpoint https://tally.lan");
    let moved = place.read(".aws/config");
    assert_eq!(moved.replace("https://tally.lan", "http://127.0.0.1:[port]"), first);
    let left: Vec<_> = fs::read_dir(place.path(".aws")).unwrap().collect();
    assert_eq!(left.len(), 1, "{left:?}");
}

#[test]
fn two_names_are_two_profiles() {
    let place = with_config(OTHERS);
    place.done("env --data-dir data --write-profile");
    place.done("env --data-dir data --write-profile second");
    let text = place.read(".aws/config");
    assert!(text.contains("[profile farmtally]\n") && text.contains("[services second]\n"), "{text}");
}

#[test]
fn a_profile_of_somebody_else_is_left_alone() {
    let place = with_config(OTHERS);
    assert_snapshot!(place.run("env --data-dir data --write-profile studio"), @"
    exit 1
    --- stderr
    error: `[place]/.aws/config` has a section `[profile studio]` that farmtally did not write
    hint: pass another name, such as `--write-profile farmtally-2`
    ");
    assert_eq!(place.read(".aws/config"), OTHERS);
}

#[test]
fn a_key_that_would_go_first_is_seen() {
    let place = with_config(OTHERS);
    place.write(".aws/credentials", "[farmtally]\naws_access_key_id = x\n");
    assert_snapshot!(place.run("env --data-dir data --write-profile"), @"
    exit 1
    --- stderr
    error: `[place]/.aws/credentials` has a key for a profile `farmtally`, which would go first
    hint: pass another name, such as `--write-profile farmtally-2`
    ");
}

#[test]
fn the_named_file_is_written_and_a_link_stays_one() {
    let place = with_farm();
    place.write("dotfile", OTHERS);
    symlink(place.path("dotfile"), place.path("config")).unwrap();
    let mut command = place.command("env --data-dir data --write-profile");
    let output = command.env("AWS_CONFIG_FILE", "config").env("AWS_ACCESS_KEY_ID", "AKIA").output().unwrap();
    let talk = String::from_utf8(output.stderr).unwrap();
    assert!(talk.contains("hint: `unset AWS_ACCESS_KEY_ID`; it belongs to another key"), "{talk}");
    assert!(place.read("dotfile").contains("[profile farmtally]\n"));
    assert!(place.path("config").is_symlink());
    assert!(!place.path(".aws").exists());
}

#[test]
fn a_name_that_would_break_the_file_is_refused() {
    let place = with_farm();
    let ended = place.run("env --data-dir data --write-profile=a]b");
    assert_eq!(ended.code, Some(2), "{ended}");
    assert!(ended.stderr.contains("a profile has a name of 1 to 64 letters"), "{ended}");
}
