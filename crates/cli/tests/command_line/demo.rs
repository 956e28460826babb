//! `demo`: made once, then found again.

use insta::assert_snapshot;
use rustix::process::Signal;

use crate::door::{Place, Running};

/// Everything up to the last line that the demonstration prints.
fn banner(demo: &mut Running) -> String {
    let mut text = demo.first_line.clone() + "\n";
    while !text.contains("\nStop with Ctrl-C.") {
        text += &(demo.next_line() + "\n");
    }
    text
}

#[test]
fn the_demonstration_prints_what_to_paste_and_ends_on_a_signal() {
    let place = Place::new();
    let mut demo = place.start("demo --listen 127.0.0.1:0");
    let text = banner(&mut demo);
    for part in [
        "  Made      now, from seed 7",
        "  Page      http://127.0.0.1:",
        " --by user --last 30d --chart\n",
        "  Find out  why 20",
        " import --suggest-mapping FILE >mapping.toml\n",
        "export AWS_DISABLE_HOST_PREFIX_INJECTION=true\n",
        "farmId=\"farm-edcbc90d37db31dc852019fdacc2ed92\"",
        "--resource-ids queueIds=queue-",
        "--aggregation-id \"$aggregation_id\"",
        concat!(" ", env!("CARGO_BIN_EXE_farmtally"), " import --data-dir my-farm --farm NAME "),
    ] {
        assert!(text.contains(part), "{part} is not in\n{text}");
    }
    assert!(place.path(".local/share/farmtally/demo/catalogue.sqlite").exists());
    // What the page offers for DuckDB reads the Parquet files.
    let farm = place.path(".local/share/farmtally/demo/sessions/farm=farm-edcbc90d37db31dc852019fdacc2ed92");
    let months = std::fs::read_dir(farm).unwrap().count();
    assert!(months > 0);
    assert_eq!(demo.stop(Signal::INT).0, Some(0));

    let mut again = place.start("demo --listen 127.0.0.1:0");
    let second = banner(&mut again);
    assert!(second.contains("  Made      earlier, its last hour is "), "{second}");
    let content = |text: &str| text.lines().find(|line| line.contains("  Content")).unwrap().to_owned();
    assert_eq!(content(&second), content(&text));
}

#[test]
fn a_program_of_the_path_is_printed_by_its_name() {
    let place = Place::new();
    let folder = std::path::Path::new(env!("CARGO_BIN_EXE_farmtally")).parent().unwrap();
    let mut command = std::process::Command::new("farmtally");
    command.args(["demo", "--listen", "127.0.0.1:0"]).env("PATH", folder);
    let mut demo = Running::start(command.env("HOME", place.path("")));
    assert!(banner(&mut demo).contains(" farmtally import --data-dir "));
}

#[test]
fn a_folder_with_farms_of_others_is_left_alone() {
    let place = Place::new();
    place.done("farm create --data-dir data oslo");
    assert_snapshot!(place.run("demo --data-dir data --listen 127.0.0.1:0"), @"
    exit 1
    --- stderr
    error: `data` holds farms that demo did not make
    hint: pass another `--data-dir`, or leave it out
    ");
    assert!(place.done("farm list --data-dir data").ends_with("\toslo\t1\n"));
}

#[test]
fn a_farm_beside_the_demo_farm_does_not_stop_the_demonstration() {
    let place = Place::new();
    place.start("demo --data-dir data --listen 127.0.0.1:0").stop(Signal::TERM);
    place.done("farm create --data-dir data oslo");
    let again = place.start("demo --data-dir data --listen 127.0.0.1:0");
    assert_eq!(again.stop(Signal::TERM).0, Some(0));
}

#[test]
fn a_demonstration_is_removed_when_nobody_has_it_and_nothing_else_is_in_it() {
    let place = Place::new();
    let demo = place.start("demo --data-dir data --listen 127.0.0.1:0");
    assert_snapshot!(place.run("demo --data-dir data --clean"), @"
    exit 1
    --- stderr
    error: cannot open `data`: it is in use by process [pid]
    hint: stop that server, or pass another `--data-dir`
    ");
    demo.stop(Signal::TERM);
    place.done("farm create --data-dir data oslo");
    assert_eq!(place.run("demo --data-dir data --clean").code, Some(1));
    assert!(place.path("data").exists());

    place.start("demo --listen 127.0.0.1:0").stop(Signal::TERM);
    let ended = place.run("demo --clean");
    assert_eq!(
        (ended.code, ended.stderr.as_str()),
        (Some(0), "Removed `[place]/.local/share/farmtally/demo`.\n")
    );
    assert!(!place.path(".local/share/farmtally/demo").exists());
    assert_eq!(place.run("demo --clean").code, Some(0));
}
