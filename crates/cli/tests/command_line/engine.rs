//! `serve --engine`: what cannot be meant is refused before anything is made.

use insta::assert_snapshot;

use crate::door::Place;

#[test]
fn an_engine_on_other_machines_needs_an_address() {
    let place = Place::new();
    let ended = place.run("serve --data-dir data --engine spark");
    assert_eq!(ended.code, Some(2), "{ended}");
    assert!(ended.stderr.contains("--spark-address <ADDRESS>"), "{ended}");
}

#[test]
#[cfg(not(feature = "cluster"))]
fn a_program_without_spark_connect_says_how_to_get_one_that_has_it() {
    let place = Place::new();
    assert_snapshot!(place.run("serve --data-dir data --engine spark --spark-address sc://spark.lan"), @r#"
    exit 2
    --- stderr
    error: this program was built without Spark Connect, so that `--engine spark` cannot be used
    hint: build it with `cargo build --release --features cluster`
    "#);
    assert!(!place.path("data").exists());
}

#[test]
#[cfg(feature = "cluster")]
fn settings_of_spark_that_cannot_be_meant_are_refused_by_their_flags() {
    let place = Place::new();
    place.write("token", "not a token\n");
    let refused = |more: &str| place.run(&format!("serve --data-dir data --engine spark {more}"));
    assert_snapshot!(refused("--spark-address spark.lan"), @r#"
    exit 2
    --- stderr
    error: `--spark-address`: the address does not begin with `sc://`; the form is sc://HOST:PORT/;use_ssl=true;user_id=USER, of which all but HOST can be left out
    "#);
    assert_snapshot!(refused("--spark-address sc://spark.lan --spark-token-file token"), @r#"
    exit 2
    --- stderr
    error: `--spark-token-file`: the token has to be visible ASCII characters
    "#);
    assert_snapshot!(refused("--spark-address sc://spark.lan --spark-token-file missing"), @r#"
    exit 1
    --- stderr
    error: cannot read `missing`: No such file or directory (os error 2)
    "#);
    assert_snapshot!(refused("--spark-address sc://spark.lan --spark-root /srv/farm"), @r#"
    exit 2
    --- stderr
    error: `--spark-root`: "/srv/farm" is no URL; `file:///srv/farm` is one
    "#);
    assert!(!place.path("data").exists());
}

#[test]
#[cfg(feature = "cluster")]
fn a_server_starts_while_nobody_is_at_the_address() {
    use rustix::process::Signal;

    let place = Place::new();
    let server = place.serve("--engine spark --spark-address sc://127.0.0.1:1");
    assert_eq!(place.masked(&server.first_line), "farmtally is serving on http://127.0.0.1:[port]");
    assert_eq!(server.stop(Signal::TERM).0, Some(0));
}
