//! Commands that were called wrongly end with 2, before anything is made.

use insta::assert_snapshot;

use crate::door::Place;

fn refused(words: &str) -> String {
    let place = Place::new();
    let ended = place.run(words);
    assert!(!place.path("data").exists(), "{words} made a folder");
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""), "{words}: {}", ended.stderr);
    ended
        .stderr
        .lines()
        .take_while(|line| !line.starts_with("Usage:") && !line.starts_with("For more"))
        .collect::<Vec<_>>()
        .join("\n")
}

#[test]
fn a_data_folder_has_to_be_named() {
    assert_snapshot!(refused("env"), @"
    error: the following required arguments were not provided:
      --data-dir <DIR>

      tip: the environment variable FARMTALLY_DATA_DIR names the folder where --data-dir is left out
    ");
    let tip = "  tip: the environment variable FARMTALLY_DATA_DIR";
    for words in
        ["report --data-dir", "import --data-dir= --farm oslo a.csv", "farm create", "doctor --data-dir="]
    {
        assert!(refused(words).contains(tip), "{words}");
    }
    // The demonstration does not read the variable.
    for words in ["import --data-dir data a.csv", "report --data-dir data --farm", "demo --data-dir="] {
        assert!(!refused(words).contains(tip), "{words}");
    }
    let place = Place::new();
    place.done("farm create --data-dir data oslo");
    let list = |folder: &str| {
        let mut command = place.command("farm list");
        place.run_command(command.env("FARMTALLY_DATA_DIR", folder))
    };
    let ended = list("data");
    assert!(ended.code == Some(0) && ended.stdout.contains("oslo"), "{ended}");
    let ended = list("");
    assert!(ended.code == Some(2) && ended.stderr.contains(tip), "{ended}");
}

#[test]
fn an_unknown_format_is_answered_with_the_known_ones() {
    assert_snapshot!(refused("import --data-dir data --farm x --format xlsx a.xlsx"), @"
    error: invalid value 'xlsx' for '--format <FORMAT>'
      [possible values: jsonl, csv, parquet, slurm, slurm-json, swf, flamenco, opencue]
    ");
}

#[test]
fn a_format_that_a_name_does_not_tell_has_to_be_given() {
    assert_snapshot!(refused("import --data-dir data --farm x sacct.txt"), @"
    error: the format of `sacct.txt` cannot be told from its name
    hint: pass `--format` with one of jsonl, csv, parquet, slurm, slurm-json, swf, flamenco, opencue
    ");
}

#[test]
fn an_import_has_to_name_a_file() {
    assert_snapshot!(refused("import --data-dir data --farm x --format csv"), @"
    error: the following required arguments were not provided:
      <FILE>...
    ");
}

#[test]
fn a_batch_has_its_bounds() {
    assert_snapshot!(refused("import --data-dir data --farm x --batch 0 a.csv"), @"error: invalid value '0' for '--batch <N>': a batch has 1 to 524288 records");
}

#[test]
fn a_network_needs_tls_in_front() {
    assert_snapshot!(refused("serve --data-dir data --listen 0.0.0.0:0"), @"
    error: `0.0.0.0:0` can be reached from other machines, and this server does not speak TLS
    hint: listen on 127.0.0.1, pass `--tls-cert` and `--tls-key`, or pass `--behind-tls-proxy` if a proxy in front speaks TLS and keeps the Host header
    ");
}

#[test]
fn an_address_to_listen_on_is_no_name() {
    for command in ["serve", "demo"] {
        let refused = refused(&format!("{command} --data-dir data --listen localhost:8037"));
        assert!(
            refused.trim_end().ends_with(": it must be an IP address and a port, such as 127.0.0.1:[port]"),
            "{refused}"
        );
    }
}

#[test]
fn the_demonstration_stays_on_this_machine() {
    assert_snapshot!(refused("demo --data-dir data --listen 0.0.0.0:0"), @"error: invalid value '0.0.0.0:0' for '--listen <ADDR>': the demonstration is for this machine only; use 127.0.0.1 or [::1]");
}

#[test]
fn a_log_filter_is_checked() {
    assert_snapshot!(refused("serve --data-dir data --log farmtally=loud"), @r#"error: invalid value 'farmtally=loud' for '--log <FILTER>': error parsing level filter: expected one of "off", "error", "warn", "info", "debug", "trace", or a number 0-5"#);
}

#[test]
fn a_region_is_checked() {
    assert_snapshot!(refused("serve --data-dir data --region US_West"), @"error: invalid value 'US_West' for '--region <REGION>': a region has lower-case letters, digits and hyphens only, such as us-west-2");
}

#[test]
fn a_scale_factor_has_its_bounds() {
    assert_snapshot!(refused("farm set --data-dir data x --cost-scale-factor 100.5"), @"error: invalid value '100.5' for '--cost-scale-factor <X>': 100.5 is more than 100");
}

#[test]
fn a_negative_scale_factor_is_a_number_and_not_a_flag() {
    for command in ["set", "create"] {
        let refused = refused(&format!("farm {command} --data-dir data x --cost-scale-factor -1"));
        assert!(refused.contains("'-1' for '--cost-scale-factor <X>'"), "{refused}");
    }
}

#[test]
fn a_role_is_one_of_three() {
    assert_snapshot!(refused("key create --data-dir data --role root"), @"
    error: invalid value 'root' for '--role <ROLE>'
      [possible values: reader, ingester, admin]
    ");
}

#[test]
fn an_endpoint_is_a_url() {
    assert_snapshot!(refused("env --data-dir data --endpoint tally.example"), @"error: invalid value 'tally.example' for '--endpoint <URL>': an endpoint is a URL such as http://127.0.0.1:[port]");
}

#[test]
fn an_unknown_command_is_answered_with_the_nearest() {
    assert_snapshot!(refused("imprt"), @"
    error: unrecognized subcommand 'imprt'

      tip: some similar subcommands exist: 'report', 'export', 'migrate', 'import'
    ");
}
