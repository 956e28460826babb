//! Prices with a history, bills that are spread, and exports: what changes stored money, and what only shows it.

use insta::assert_snapshot;

use crate::door::{Place, number};

const CHEAP: &str = "[[rate]]\nusage = \"COMPUTE\"\nusdPerHour = \"0.6\"\n";
/// Dearer in January, and the same before.
const DEAR: &str = "\
[[instanceType]]
name = \"c6i\"
cores = 4

[[rate]]
usage = \"COMPUTE\"
usdPerHour = \"0.6\"

[[rate]]
usage = \"COMPUTE\"
instanceType = \"c6i\"
usdPerCoreHour = \"0.25\"
factor = \"0.9\"
validFrom = 2026-01-01
";

/// An hour and a half from an instant, with what is told about its usage.
fn session(number: u32, start: &str, end: &str, usage: &str) -> String {
    format!(
        "{{\"sessionId\":\"session-{number:032x}\",\"queueName\":\"comp\",\"fleetName\":\"spot\",\
         \"jobName\":\"sh{number:03}\",\"userId\":\"{}\",\"instanceType\":\"c6i\",\"startedAt\":\"{start}\",\
         \"endedAt\":\"{end}\",\"usage\":[{usage}]}}\n",
        ["alice", "bo"][number as usize % 2]
    )
}

const COMPUTE: &str = "{\"usageType\":\"COMPUTE\"}";
const GIVEN: &str = "{\"usageType\":\"COMPUTE\",\"costInUsd\":\"7\"}";
const MIXED: &str = "{\"usageType\":\"COMPUTE\"},{\"usageType\":\"LICENSE\",\"licenseProduct\":\"nuke\",\"costInUsd\":\"0.1\"}";

/// Two sessions of December, two of January without a cost, and one with its own.
fn sessions() -> String {
    [
        session(1, "2025-12-24T10:00:00Z", "2025-12-24T11:30:00Z", COMPUTE),
        session(2, "2025-12-31T23:30:00Z", "2026-01-01T01:00:00Z", COMPUTE),
        session(3, "2026-01-05T10:00:00Z", "2026-01-05T11:30:00Z", COMPUTE),
        session(4, "2026-01-06T10:00:00Z", "2026-01-06T11:30:00Z", MIXED),
        session(5, "2026-01-07T10:00:00Z", "2026-01-07T11:30:00Z", GIVEN),
    ]
    .concat()
}

/// A farm whose sessions were priced by the cheap card, and which has the dear one since.
fn farm() -> Place {
    let place = Place::new();
    place.write("cheap.toml", CHEAP);
    place.write("dear.toml", DEAR);
    place.write("sessions.jsonl", &sessions());
    place.done("import --data-dir data --farm oslo --rates cheap.toml sessions.jsonl");
    place.done("rates set --data-dir data --farm oslo dear.toml");
    place
}

fn explain(place: &Place, number: u32) -> String {
    let text = place.done(&format!("rates explain --data-dir data --farm oslo session-{number:032x}"));
    // The one thing that another day would change.
    let mut masked = String::new();
    let mut rest = text.as_str();
    while let Some((before, after)) = rest.split_once(", set ") {
        masked.push_str(before);
        masked.push_str(", set [time]");
        rest = after.trim_start_matches(|character| character != ')');
    }
    masked + rest
}

#[test]
fn every_card_that_there_was_is_kept_and_shown() {
    let place = farm();
    let history = place.done("rates history --data-dir data --farm oslo");
    let columns: Vec<Vec<&str>> = history.lines().map(|line| line.split('\t').collect()).collect();
    assert_eq!(columns.iter().map(|line| line[0]).collect::<Vec<_>>(), ["1", "2"]);
    assert_eq!(place.done("rates show --data-dir data --farm oslo --version 1"), CHEAP);
    assert_eq!(place.done("rates show --data-dir data --farm oslo"), DEAR);
    // The card that the farm has already is no new version.
    place.done("rates set --data-dir data --farm oslo dear.toml");
    assert_eq!(place.done("rates history --data-dir data --farm oslo"), history);
    assert_snapshot!(place.run("rates show --data-dir data --farm oslo --version 3"), @"
    exit 1
    --- stderr
    error: the farm `oslo` has no version 3 of its rate card; the last is 2
    ");
}

#[test]
fn a_new_card_changes_nothing_that_is_stored_and_each_price_is_explained_by_its_own() {
    let place = farm();
    assert_snapshot!(explain(&place, 3), @"
    session-00000000000000000000000000000003 from 2026-01-05T10:00:00Z to 2026-01-05T11:30:00Z, revision 0
    COMPUTE: 0.9 USD, by version 1 of the rate card (id a7cd9dcd638b12d2, set [time])
      2026-01-05T10:00:00Z to 2026-01-05T11:30:00Z, 5400000 ms: rate 1 (COMPUTE): usdPerHour 0.6 x 1
      together 900000000/1 nano-dollars, cut to 900000000
    ");
    assert_snapshot!(explain(&place, 5), @"
    session-00000000000000000000000000000005 from 2026-01-07T10:00:00Z to 2026-01-07T11:30:00Z, revision 0
    COMPUTE: 7 USD, which came with the record
    ");
    place.write("late.jsonl", &session(6, "2025-12-31T23:30:00Z", "2026-01-01T00:30:00.001Z", MIXED));
    place.done("import --data-dir data --farm oslo late.jsonl");
    assert_snapshot!(explain(&place, 6), @"
    session-00000000000000000000000000000006 from 2025-12-31T23:30:00Z to 2026-01-01T00:30:00.001Z, revision 0
    COMPUTE: 0.75000025 USD, by version 2 of the rate card (id fa1d50c58d8cd04d, set [time])
      2025-12-31T23:30:00Z to 2026-01-01T00:00:00Z, 1800000 ms: rate 1 (COMPUTE): usdPerHour 0.6 x 1
      2026-01-01T00:00:00Z to 2026-01-01T00:30:00.001Z, 1800001 ms: rate 2 (COMPUTE, instanceType c6i, validFrom 2026-01-01T00:00:00Z): usdPerCoreHour 0.25 x 4, times 0.9
      together 750000250/1 nano-dollars, cut to 750000250
    LICENSE nuke: 0.1 USD, which came with the record
    ");
}

/// The text with another id of its card, and the id.
fn without_id(text: &str) -> (String, String) {
    let (before, rest) = text.split_once("(id ").unwrap();
    let (id, after) = rest.split_once(',').unwrap();
    (format!("{before}(id aaaa,{after}"), id.to_owned())
}

/// A session of a fleet that is known by its id and has a name.
fn session_of(number: u32, fleet: &str) -> String {
    session(number, "2026-01-05T10:00:00Z", "2026-01-05T11:30:00Z", COMPUTE).replace(
        "\"fleetName\":\"spot\"",
        &format!("\"fleetId\":\"fleet-{:032x}\",\"fleetName\":\"{fleet}\"", 7),
    )
}

#[test]
fn a_card_that_was_changed_and_a_fleet_that_was_renamed_afterwards_leave_every_price_its_rate() {
    let place = Place::new();
    let card = |usd: &str| {
        let of_spot = format!("[[rate]]\nusage = \"COMPUTE\"\nfleet = \"spot\"\nusdPerHour = \"{usd}\"\n");
        format!("{of_spot}[[rate]]\nusage = \"COMPUTE\"\nusdPerHour = \"9\"\n")
    };
    place.write("one.toml", &card("0.4"));
    place.write("a.jsonl", &session_of(1, "spot"));
    place.done("import --data-dir data --farm oslo --rates one.toml a.jsonl");
    let before = explain(&place, 1);
    assert!(before.contains("COMPUTE: 0.6 USD, by version 1 of the rate card"), "{before}");
    place.write("two.toml", &card("0.5"));
    place.write("b.jsonl", &session_of(2, "burst"));
    place.done("import --data-dir data --farm oslo --rates two.toml b.jsonl");
    // The card of version 1 again, as version 3: what it prices now is told apart from what it priced then by nobody, and
    // both are named.
    place.done("rates set --data-dir data --farm oslo one.toml");
    let after = explain(&place, 1);
    let by_the_last = "COMPUTE: 0.6 USD, by version 3 of the rate card (id aaaa, set [time]), when its fleet was called `spot`\n";
    let (text, id) = without_id(&after);
    assert!(text.contains(by_the_last) && before.contains(&id), "{after}");
    assert!(after.ends_with("the same price by version 1 of the rate card\n"), "{after}");
    let other = explain(&place, 2);
    assert!(other.contains("COMPUTE: 13.5 USD, by version 3 of the rate card"), "{other}");
    assert!(other.ends_with("the same price by version 2, 1 of the rate card\n"), "{other}");
}

#[test]
fn repricing_is_shown_and_does_nothing_until_it_is_told_to() {
    let place = farm();
    let from = "rates reprice --data-dir data --farm oslo --from 2025-01-01";
    assert_snapshot!(place.run(from), @"
    exit 0
    --- stdout
    month    records  cost before  cost after  difference
    2025-12        1          0.9         1.2        +0.3
    2026-01        2          1.9         2.8        +0.9
    total          3          2.8           4        +1.2
    --- stderr
    1 more has the price that the card gives.
    1 more has costs that came with it, which stay.
    Nothing was changed; the same command with `--yes` stores the new costs.
    ");
    let again = place.run(from);
    assert_snapshot!(place.run(&format!("{from} --yes")), @"
    exit 0
    --- stdout
    month    records  cost before  cost after  difference
    2025-12        1          0.9         1.2        +0.3
    2026-01        2          1.9         2.8        +0.9
    total          3          2.8           4        +1.2
    --- stderr
    1 more has the price that the card gives.
    1 more has costs that came with it, which stay.
    3 records have their new cost.
    ");
    assert_eq!(again.code, Some(0));
    assert_snapshot!(place.run(&format!("{from} --yes")), @"
    exit 0
    --- stdout
    month  records  cost before  cost after  difference
    total        0            0           0           0
    --- stderr
    4 more have the price that the card gives.
    1 more has costs that came with it, which stay.
    The rate card gives the prices that are stored; there is nothing to change.
    ");
    assert_snapshot!(explain(&place, 4), @"
    session-00000000000000000000000000000004 from 2026-01-06T10:00:00Z to 2026-01-06T11:30:00Z, revision 0
    COMPUTE: 1.35 USD, by version 2 of the rate card (id fa1d50c58d8cd04d, set [time])
      2026-01-06T10:00:00Z to 2026-01-06T11:30:00Z, 5400000 ms: rate 2 (COMPUTE, instanceType c6i, validFrom 2026-01-01T00:00:00Z): usdPerCoreHour 0.25 x 4, times 0.9
      together 1350000000/1 nano-dollars, cut to 1350000000
    LICENSE nuke: 0.1 USD, which came with the record
    ");
    // The source's own telling of the same sessions takes nothing back.
    let summary = place.done("import --data-dir data --farm oslo sessions.jsonl");
    assert_eq!((number(&summary, "unchanged"), number(&summary, "rejected")), (5, 0), "{summary}");
    let audit = place.read("data/audit.jsonl");
    assert!(audit.contains("rates.reprice"), "{audit}");
}

#[test]
fn repricing_is_bounded_by_the_starts_of_sessions() {
    let place = farm();
    let bounded = place.done(
        "rates reprice --data-dir data --farm oslo --from 2026-01-05T10:00:00Z --to 2026-01-06T10:00:00Z",
    );
    assert_snapshot!(bounded, @"
    month    records  cost before  cost after  difference
    2026-01        1          0.9        1.35       +0.45
    total          1          0.9        1.35       +0.45
    ");
}

#[test]
fn repricing_goes_through_a_server_that_has_the_folder() {
    let place = farm();
    let server = place.serve("");
    let ended = place.run("rates reprice --data-dir data --farm oslo --from 2026-01-01 --yes");
    assert_eq!(ended.code, Some(0), "{ended}");
    assert!(ended.to_string().contains("2 records have their new cost."), "{ended}");
    let ended = place.run("rates reprice --data-dir data --farm oslo --from 2026-01-01");
    assert!(ended.to_string().contains("nothing to change"), "{ended}");
    drop(server);
    let left = std::fs::read_dir(place.path("data")).unwrap().map(|entry| entry.unwrap().file_name());
    let copies: Vec<_> = left.filter(|name| name.to_string_lossy().starts_with("reading-")).collect();
    assert!(copies.is_empty(), "{copies:?}");
}

#[test]
fn a_bill_is_spread_to_the_nano_dollar_and_stored_only_when_told_to() {
    let place = farm();
    let spread =
        "rates spread --data-dir data --farm oslo --fleet spot --bill 100.000000001 --period 2026-01";
    assert_snapshot!(place.run(spread), @"
    exit 0
    --- stdout
    queue  sessions  seconds  cost now          share     difference
    comp          4    21600       9.7  100.000000001  +90.300000001
    total         4    21600       9.7  100.000000001  +90.300000001
    --- stderr
    Nothing was changed; the same command with `--yes` makes the shares the stored costs.
    ");
    assert_snapshot!(place.done(&format!("{spread} --by user --format csv")), @"
    user,id,sessions,runtimeInSeconds,costInUsd,shareInUsd
    alice,alice,2,10800,1.8,50.000000001
    bo,bo,2,10800,7.9,50
    ");
    assert_snapshot!(place.done(&format!("{spread} --by session --format json")), @r#"
    {"rows":[{"sessions":1,"runtimeInSeconds":"5400","costInUsd":"0.9","shareInUsd":"25.000000001","session":"session-00000000000000000000000000000002","id":"session-00000000000000000000000000000002"},{"sessions":1,"runtimeInSeconds":"5400","costInUsd":"0.9","shareInUsd":"25","session":"session-00000000000000000000000000000003","id":"session-00000000000000000000000000000003"},{"sessions":1,"runtimeInSeconds":"5400","costInUsd":"0.9","shareInUsd":"25","session":"session-00000000000000000000000000000004","id":"session-00000000000000000000000000000004"},{"sessions":1,"runtimeInSeconds":"5400","costInUsd":"7","shareInUsd":"25","session":"session-00000000000000000000000000000005","id":"session-00000000000000000000000000000005"}],"total":{"sessions":4,"runtimeInSeconds":"21600","costInUsd":"9.7","shareInUsd":"100.000000001"}}
    "#);
    assert_snapshot!(place.run(&format!("{spread} --yes")), @"
    exit 0
    --- stdout
    queue  sessions  seconds  cost now          share     difference
    comp          4    21600       9.7  100.000000001  +90.300000001
    total         4    21600       9.7  100.000000001  +90.300000001
    --- stderr
    4 records have their new cost.
    ");
    // Again: every session has its share already.
    let again = place.run(&format!("{spread} --yes"));
    assert!(again.to_string().contains("0 records have their new cost."), "{again}");
    assert_snapshot!(without_day(&explain(&place, 4)), @"
    session-00000000000000000000000000000004 from 2026-01-06T10:00:00Z to 2026-01-06T11:30:00Z, revision 0
    COMPUTE: 25 USD, a share of the bill of 100.000000001 USD for 2026-01-01T00:00:00Z to 2026-02-01T00:00:00Z, which was spread over its fleet on [time]
    LICENSE nuke: 0.1 USD, which came with the record
    ");
    let given = explain(&place, 5);
    assert!(given.ends_with(";\n  it came with 7 USD\n"), "{given}");
    // What a bill gave, no card takes.
    let repriced = place.run("rates reprice --data-dir data --farm oslo --from 2026-01-01");
    assert!(repriced.to_string().contains("nothing to change"), "{repriced}");
}

/// Without the day on which a bill was spread.
fn without_day(text: &str) -> String {
    let lines = text.lines().map(|line| match line.split_once("over its fleet on ") {
        Some((before, after)) => {
            let rest = after.trim_start_matches(|character: char| character != ';');
            format!("{before}over its fleet on [time]{rest}\n")
        }
        None => format!("{line}\n"),
    });
    lines.collect()
}

const UNPRICED_LICENCE: &str =
    "{\"usageType\":\"COMPUTE\"},{\"usageType\":\"LICENSE\",\"licenseProduct\":\"nuke\"}";

fn licence_rate(usd: &str) -> String {
    format!("[[rate]]\nusage = \"LICENSE\"\nlicenseProduct = \"nuke\"\nusdPerHour = \"{usd}\"\n")
}

#[test]
fn spreading_a_bill_leaves_licences_as_they_were() {
    for through_a_server in [false, true] {
        let place = Place::new();
        place.write("cheap.toml", CHEAP);
        place.write("a.jsonl", &session(1, "2026-01-05T10:00:00Z", "2026-01-05T11:00:00Z", UNPRICED_LICENCE));
        place.done("import --data-dir data --farm oslo --rates cheap.toml a.jsonl");
        // The card that there is by now has a price for the licence, and the bill is none of its business.
        place.write("new.toml", &format!("{CHEAP}{}", licence_rate("2")));
        place.done("rates set --data-dir data --farm oslo new.toml");
        let server = through_a_server.then(|| place.serve(""));
        let spread = "rates spread --data-dir data --farm oslo --fleet spot --bill 9 --period 2026-01 --yes";
        place.done(spread);
        let explained = explain(&place, 1);
        assert!(explained.contains("COMPUTE: 9 USD, a share of the bill of 9 USD"), "{explained}");
        assert!(explained.contains("LICENSE nuke: 0 USD, by version 1 of the rate card"), "{explained}");
        assert!(explained.contains("3600000 ms: no rate, free\n"), "{explained}");
        // A licence that is not priced yet can be priced, and the worker keeps its share.
        let repriced = place.done("rates reprice --data-dir data --farm oslo --from 2026-01-01 --yes");
        assert!(repriced.contains("total          1            9          11          +2"), "{repriced}");
        let explained = explain(&place, 1);
        assert!(explained.contains("COMPUTE: 9 USD, a share of the bill of 9 USD"), "{explained}");
        assert!(explained.contains("LICENSE nuke: 2 USD, by version 2 of the rate card"), "{explained}");
        drop(server);
    }
}

#[test]
fn a_source_corrects_what_was_priced_anew_with_its_own_next_revision() {
    for through_a_server in [false, true] {
        let place = farm();
        let server = through_a_server.then(|| place.serve(""));
        place.done("rates reprice --data-dir data --farm oslo --from 2026-01-01 --yes");
        place.done("rates spread --data-dir data --farm oslo --fleet spot --bill 9 --period 2026-01 --yes");
        let corrected = sessions().replace("\"usage\":", "\"revision\":1,\"usage\":");
        place.write("corrected.jsonl", &corrected);
        let summary = place.done("import --data-dir data --farm oslo corrected.jsonl");
        assert_eq!((number(&summary, "replaced"), number(&summary, "rejected")), (5, 0), "{summary}");
        let explained = explain(&place, 4);
        assert!(explained.contains("revision 1\nCOMPUTE: 1.35 USD, by version 2"), "{explained}");
        drop(server);
    }
}

#[test]
fn a_bill_that_nobody_can_pay_is_refused() {
    let place = farm();
    assert_snapshot!(
        place.run("rates spread --data-dir data --farm oslo --fleet spot --bill 1 --period 2024-01"), @"
    exit 1
    --- stderr
    error: no session with any runtime of the fleet `fleet-4befba9e7353909d9ad76f1983b9e430` ended from 2024-01-01T00:00:00Z to 2024-02-01T00:00:00Z, so that nobody can pay
    "
    );
    assert_snapshot!(
        place.run("rates spread --data-dir data --farm oslo --fleet attic --bill 1 --period 2026-01"), @"
    exit 1
    --- stderr
    error: there is no fleet `attic`
    hint: the fleets of this farm are `spot`
    "
    );
}

#[test]
fn exported_sessions_are_read_back_as_they_were() {
    let place = farm();
    for (format, file) in [("csv", "sessions.csv"), ("parquet", "sessions.parquet")] {
        let export = format!(
            "export sessions --data-dir data --farm oslo --from 2025-12 --to 2026-01 --format {format}"
        );
        place.done(&format!("{export} --output one"));
        place.done(&format!("{export} --output two"));
        for month in ["month=2025-12", "month=2026-01"] {
            let read = |folder: &str| std::fs::read(place.path(&format!("{folder}/{month}/{file}"))).unwrap();
            assert_eq!(read("one"), read("two"), "an export repeats itself");
        }
        let files = format!("one/month=2025-12/{file} one/month=2026-01/{file}");
        let summary = place.done(&format!("import --data-dir {format} --farm copy {files}"));
        assert_eq!((number(&summary, "stored"), number(&summary, "rejected")), (5, 0), "{summary}");
        assert_eq!(number(&summary, "unpriced lines"), 0);
        place.done(&format!(
            "export sessions --data-dir {format} --farm copy --from 2025-12 --to 2026-01 --output copy-{format}"
        ));
        place.done("export sessions --data-dir data --farm oslo --from 2025-12 --to 2026-01 --output lines");
        for month in ["month=2025-12", "month=2026-01"] {
            assert_eq!(
                place.read(&format!("copy-{format}/{month}/sessions.csv")),
                place.read(&format!("lines/{month}/sessions.csv")),
                "{format}"
            );
        }
    }
}

#[test]
fn focus_rows_are_a_day_of_a_job_and_an_export_replaces_its_month() {
    let place = farm();
    let export = "export focus --data-dir data --farm oslo --from 2025-12 --to 2026-01 --output focus";
    assert_snapshot!(place.done(export), @"
    focus/billing_month=2025-12/focus.csv	2 rows
    focus/billing_month=2026-01/focus.csv	5 rows
    ");
    let rows = place.read("focus/billing_month=2025-12/focus.csv");
    assert_eq!(rows.lines().count(), 3, "a head, and two jobs");
    place.write("focus/billing_month=2026-01/focus.csv", "old");
    place.done(&format!("{export} --focus-version 1.4"));
    assert!(place.read("focus/billing_month=2026-01/focus.csv").starts_with("BilledCost,"));
    assert_snapshot!(
        place.run("export focus --data-dir data --farm oslo --from 2026-02 --to 2026-01 --output focus"), @"
    exit 2
    --- stderr
    error: --to 2026-01 is before --from 2026-02
    "
    );
}

#[test]
fn a_budget_that_counts_nothing_is_set_with_a_warning() {
    let place = farm();
    let set = |words: &str| place.run(&format!("budget set --data-dir data --farm oslo b --limit 5 {words}"));
    let warning = |words: &str| {
        let ended = set(words);
        assert_eq!(ended.code, Some(0), "{ended}");
        ended.stderr
    };
    assert_eq!(warning("--user alice --job-name sh00? --queue comp"), "");
    let counts_nothing = "warning: the budget `b` counts nothing so far: ";
    assert_eq!(
        warning("--user alcie"),
        format!("{counts_nothing}the farm has no user `alcie`; did you mean `alice`?\n")
    );
    assert_eq!(warning("--user zoe"), format!("{counts_nothing}the farm has no user `zoe`\n"));
    assert_eq!(
        warning("--job-name SH00*"),
        format!(
            "{counts_nothing}no job is called like `SH00*`; capitals matter, and there is `sh001`, `sh002`, `sh003`\n"
        )
    );
    let queue = format!("queue-{:032x}", 7);
    assert_eq!(
        warning(&format!("--queue {queue}")),
        format!("{counts_nothing}the farm has no queue `{queue}`\n")
    );
    assert_eq!(warning("--job-name x*"), format!("{counts_nothing}no job is called like `x*`\n"));
    let checked = place.run("budget check --data-dir data --farm oslo --format json");
    assert_eq!(checked.code, Some(0), "{checked}");
    assert!(checked.stderr.contains("no job is called like `x*`"), "{checked}");
    let ended = place.run("budget set --data-dir data --farm oslo b --limit -5");
    assert_eq!(ended.code, Some(2), "{ended}");
    assert!(ended.stderr.contains("-5 is negative"), "{ended}");
}
