//! What `--help` says.

use insta::assert_snapshot;

use crate::door::Place;

#[test]
fn help_names_every_command_and_where_to_start() {
    assert_snapshot!(Place::new().run("--help"), @"
    exit 0
    --- stdout
    Usage and cost statistics for render farms, behind AWS Deadline Cloud's own API

    Usage: farmtally <COMMAND>

    Commands:
      demo          Make a sample farm, serve it, and print what to try; nothing leaves this machine
      serve         Serve the AWS-compatible API and the usage explorer
      import        Load sessions from files and from other farms, beside a running server too
      report        Group cost, runtime and sessions: tables, bars, JSON, CSV, Parquet
      sync          Copy a farm from where it is, once or again and again, beside a running server too
      env           Print what boto3, the AWS CLI and the SDKs need to reach the server
      doctor        Look at folder, server, clock, names and keys, and say how to mend what is wrong
      farm          Make, list and change farms
      key           Make, list, rotate, disable and delete access keys
      rates         Set, show and explain the rates that price sessions; price anew; spread a bill
      budget        Set what may be spent, say how it stands, and tell webhooks
      export        Write FOCUS, sessions or reports for others, as CSV, JSON Lines or Parquet
      backup        Copy a folder as it is at one instant, beside a running server too, and read it back
      restore       Make a data folder of a backup, and read it back
      migrate       Move a store from a folder to servers that share it, or back, and read it back
      verify        Compare every checksum and every count of a folder that no server has
      rebuild       Make anew what is derived from the sessions of a folder that no server has
      seal          Write ended sessions as Parquet files now, in a folder that no server has
      config        Say what the settings of `serve` are and where each comes from
      ready         Ask the folder's server whether it is ready; exits with 1 when it is not
      verify-audit  Check that nobody changed the folder's audit log
      completions   Print what a shell needs to complete commands and flags
      man           Write the manual page of every command into a folder
      help          Print this message or the help of the given subcommand(s)

    Options:
      -h, --help     Print help
      -V, --version  Print version

    Start with `farmtally demo`: it makes a sample farm, serves it, and prints what to paste into boto3
    or the AWS CLI.
    Data goes to stdout and talk goes to stderr. Exit codes: 0 done, 1 failed, 2 called wrongly;
    `farmtally man` has the others.
    ");
}

#[test]
fn every_command_has_help() {
    let place = Place::new();
    for command in [
        "demo",
        "serve",
        "import",
        "sync aws",
        "env",
        "farm create",
        "farm list",
        "farm set",
        "key create",
        "key list",
        "key rotate",
        "key disable",
        "key delete",
        "rates set",
        "rates show",
        "rates history",
        "rates explain",
        "rates reprice",
        "rates spread",
        "budget set",
        "budget list",
        "budget check",
        "budget remove",
        "export focus",
        "export sessions",
        "backup",
        "restore",
        "migrate",
        "verify",
        "rebuild",
        "seal",
        "config show",
        "ready",
        "verify-audit",
        "doctor",
        "report",
        "completions",
        "man",
    ] {
        let ended = place.run(&format!("{command} --help"));
        assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""), "{command}");
        assert!(ended.stdout.contains(&format!("Usage: farmtally {command} ")), "{}", ended.stdout);
    }
}

#[test]
fn notes_fill_their_lines() {
    let place = Place::new();
    let notes =
        |command: &str| place.done(&format!("{command} --help")).split("\n\n").last().unwrap().to_owned();
    assert_snapshot!(notes("import"), @"
    An import can be repeated: what is stored already counts as unchanged. An interrupted one leaves
    whole batches, and the same command finishes it. Records that break the contract, or that contradict
    what is stored, go to the rejects file, one JSON object a line with file, line, field, value and
    message. An import that rejects every record exits with 1.
    ");
    assert_snapshot!(notes("env"), @r#"
    In a shell: eval "$(farmtally env --data-dir DIR)". It is the key of whoever owns the folder;
    `farmtally key create` makes keys for others.
    With `--write-profile` everything goes into ~/.aws/config (or the file that AWS_CONFIG_FILE names)
    as the profile `farmtally`, or as NAME. All else in the file stays as it is; a profile that somebody
    else wrote is left alone.
    "#);
}

#[test]
fn a_dry_run_says_what_it_does_not_find() {
    let help = Place::new().done("import --help");
    let words: Vec<_> = help.split_whitespace().collect();
    assert!(words.join(" ").contains("records are not compared with what is stored"), "{help}");
}

#[test]
fn without_a_command_help_is_an_error() {
    let ended = Place::new().run("");
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""));
    assert!(ended.stderr.contains("Usage: farmtally <COMMAND>"));
}

#[test]
fn the_version_is_the_packages() {
    assert_eq!(Place::new().done("--version"), format!("farmtally {}\n", env!("CARGO_PKG_VERSION")));
}
