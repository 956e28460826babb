use super::*;
use crate::foreign_id::ForeignSource;
use crate::{Entry, Options, open};
use farmtally_model::{NanoUsd, Record, Session, Submission};
use std::io::Cursor;

const STUDIO: &str = include_str!("../../../../tests/data/tables/studio.csv");
const STUDIO_MAPPING: &str = include_str!("../../../../tests/data/tables/studio.toml");
const TASKS: &str = include_str!("../../../../tests/data/tables/tasks.jsonl");
const TASKS_MAPPING: &str = include_str!("../../../../tests/data/tables/tasks.toml");

fn input(text: &str) -> Input {
    Input::Stream(Box::new(Cursor::new(text.to_owned().into_bytes())))
}

fn read(format: Format, mapping: &str, text: &str) -> Result<Vec<Entry>, ReadError> {
    let mapping = Mapping::parse(mapping).unwrap_or_else(|error| panic!("{error}\n{mapping}"));
    open(format, input(text), Options { mapping: Some(mapping), ..Options::default() })?.collect()
}

fn sessions(format: Format, mapping: &str, text: &str) -> Vec<Session<Option<NanoUsd>>> {
    let sessions = read(format, mapping, text).unwrap().into_iter().filter_map(|entry| match entry {
        Entry::Submission { submission: Submission { record: Record::Session(session), .. }, .. } => {
            Some(session)
        }
        _ => None,
    });
    sessions.collect()
}

/// The refusal of the only row that `text` has under the header `job,who,start,end,cost,state`.
fn refusal(row: &str) -> String {
    let text = format!("job,who,start,end,cost,state\n{row}\n");
    match read(Format::Csv, SMALL, &text).unwrap().remove(0) {
        Entry::Rejected(reject) => reject.to_string(),
        other => panic!("{other:?}"),
    }
}

const SMALL: &str = r#"
source = "small"
[session]
sessionId = { columns = ["job", "start"] }
jobName = "job"
userId = "who"
queueName = { value = "all" }
fleetName = { value = "all" }
startedAt = { column = "start", format = "epoch-s" }
endedAt = { column = "end", format = "epoch-s", absent = ["0"] }
costInUsd = "cost"
outcome = { column = "state", map = { "done" = "SUCCEEDED", "bad" = "FAILED" } }
"#;

#[test]
fn a_csv_of_a_studio_becomes_sessions() {
    let sessions = sessions(Format::Csv, STUDIO_MAPPING, STUDIO);
    assert_eq!(sessions.len(), 4);
    let first = &sessions[0];
    assert_eq!(first.job_name.as_str(), "sh010 comp v12");
    // 22:03:07 in Oslo's winter.
    assert_eq!(first.span.started_at().to_string(), "2025-11-24T21:03:07Z");
    assert_eq!(first.span.ended_at().unwrap().to_string(), "2025-11-24T21:58:00Z");
    assert_eq!(first.usage.as_slice()[0].cost.unwrap().to_string(), "0.912345678");
    let products: Vec<String> = first.usage.as_slice().iter().map(|line| line.usage.to_string()).collect();
    assert_eq!(products, ["COMPUTE", "LICENSE arnold", "LICENSE nuke"]);
    assert_eq!(sessions[3].span.ended_at(), None, "an empty end is still running");
}

#[test]
fn nested_json_is_reached_by_paths_and_uuids_keep_their_digits() {
    let sessions = sessions(Format::Jsonl, TASKS_MAPPING, TASKS);
    assert_eq!(sessions.len(), 2);
    assert_eq!(sessions[0].session_id.to_string(), "session-0f1e2d3c4b5a69788796a5b4c3d2e1f0");
    assert_eq!(sessions[0].job_name.as_str(), "sh020 light");
    assert_eq!(sessions[0].span.started_at().millis(), 1_764_021_787_120);
    assert_eq!(sessions[0].usage.as_slice()[0].cost.unwrap().to_string(), "0.1");
}

#[test]
fn ids_are_those_of_the_documented_hash() {
    let session =
        sessions(Format::Csv, SMALL, "job,who,start,end,cost,state\na,b,1764021787,0,,done\n").remove(0);
    let source = ForeignSource::new("mapping/small");
    assert_eq!(session.session_id, source.session("a 1764021787"));
    assert_eq!(session.queue_id, crate::queue_id_for_name("all"));
    assert_eq!(session.job_id, crate::foreign_id::job_id_for_name(session.queue_id, "a"));
}

#[test]
fn a_refusal_names_line_column_value_and_bound() {
    assert_eq!(
        refusal("a,b,soon,0,,done"),
        "line 2, start (as startedAt): \"soon\" is not a number of time units since 1970"
    );
    assert_eq!(
        refusal("a,b,1764021787,1764021786,,done"),
        "line 2, end (as endedAt): endedAt 2025-11-24T22:03:06Z is before startedAt 2025-11-24T22:03:07Z"
    );
    assert_eq!(
        refusal("a,b,1764021787,0,0.0000000001,done"),
        "line 2, cost (as costInUsd): 0.0000000001 has more than nine decimals; round it to 1e-9 before sending it"
    );
    assert_eq!(
        refusal("a,b,1764021787,0,1,lost"),
        "line 2, state (as outcome): \"lost\" is not in the map, which has bad, done; add it, or say what `others` are"
    );
    assert_eq!(
        refusal("a,,1764021787,0,1,done"),
        "line 2, who (as userId): who (as userId) is missing; give a default if that is no mistake"
    );
    assert_eq!(refusal("a,b"), "line 2, row: the row has 2 columns, the header 6");
}

#[test]
fn a_row_without_a_start_never_ran() {
    let entries = read(Format::Csv, SMALL, "job,who,start,end,cost,state\na,b,,,,done\n").unwrap();
    assert!(matches!(entries[0], Entry::Skipped { line: 2, .. }), "{entries:?}");
}

#[test]
fn rows_can_be_left_out() {
    let mapping =
        SMALL.replace("[session]", "skip = [{ column = \"state\", is = [\"waiting\"] }]\n[session]");
    let text = "job,who,start,end,cost,state\na,b,1764021787,0,,waiting\na,b,1764021787,0,,done\n";
    let entries = read(Format::Csv, &mapping, text).unwrap();
    assert!(matches!(entries[0], Entry::Skipped { .. }), "{entries:?}");
    assert!(matches!(entries[1], Entry::Submission { .. }), "{entries:?}");
}

#[test]
fn a_runtime_stands_for_the_end_or_for_the_start() {
    let text = "job,who,start,end,cost,state\na,b,1764021787,1764021790,,done\n";
    for (from, to) in [
        (
            "endedAt = { column = \"end\", format = \"epoch-s\", absent = [\"0\"] }",
            "runtime = { value = \"3\", unit = \"s\" }",
        ),
        (
            "startedAt = { column = \"start\", format = \"epoch-s\" }",
            "runtime = { value = \"3\", unit = \"s\" }",
        ),
    ] {
        let session = sessions(Format::Csv, &SMALL.replace(from, to), text).remove(0);
        assert_eq!(session.span.started_at().millis(), 1_764_021_787_000);
        assert_eq!(session.span.ended_at().unwrap().millis(), 1_764_021_790_000);
    }
}

#[test]
fn money_of_other_places_is_read() {
    let cost = |spec: &str, text: &str| {
        let mapping =
            SMALL.replace("costInUsd = \"cost\"", spec).replace("source = ", "delimiter = \";\"\nsource = ");
        let text = format!("job;who;start;end;cost;state\na;b;1764021787;0;{text};done\n");
        sessions(Format::Csv, &mapping, &text).remove(0).usage.as_slice()[0].cost.unwrap().to_string()
    };
    assert_eq!(cost("costInUsd = { column = \"cost\", decimalComma = true }", "1.234,50"), "1234.5");
    assert_eq!(cost("costInUsd = { column = \"cost\", cut = true }", "0.30000000000000004"), "0.3");
    assert_eq!(cost("costInUsd = { column = \"cost\" }", "$12.25"), "12.25");
}

#[test]
fn an_amount_that_is_not_one_of_us_dollars_is_refused_and_says_what_to_do() {
    let mapping = SMALL.replace("source = ", "delimiter = \";\"\nsource = ");
    for (amount, cure) in [
        ("€3.25", "not in US dollars"),
        ("3.25 £", "not in US dollars"),
        ("3,25", "decimalComma"),
        ("$1,234.50", "decimalComma"),
    ] {
        let text = format!("job;who;start;end;cost;state\na;b;1764021787;0;{amount};done\n");
        let problems = format!("{:?}", read(Format::Csv, &mapping, &text).unwrap());
        assert!(problems.contains(cure) && problems.contains(amount), "{problems}");
    }
}

#[test]
fn a_wrong_mapping_says_where_and_what() {
    let error = |toml: &str| Mapping::parse(toml).unwrap_err().to_string();
    let typo = error(&SMALL.replace("jobName", "jobname"));
    assert!(typo.starts_with("line ") && typo.contains("unknown field `jobname`"), "{typo}");
    assert!(error(&SMALL.replace("userId = \"who\"", "")).contains("missing field `userId`"));
    assert!(error(&SMALL.replace("epoch-s", "unix")).contains("epoch-ms"));
    assert!(
        error(&SMALL.replace("queueName = { value = \"all\" }", ""))
            .contains("queueId or queueName is missing")
    );
    assert!(
        error(&SMALL.replace("jobName = \"job\"", "jobName = { column = \"job\", zone = \"UTC\" }"))
            .contains("zone does not belong here")
    );
    assert!(error(&SMALL.replace("{ value = \"all\" }", "{ }")).contains("one of column, columns and value"));
    assert!(error(&format!("zone = \"Oslo\"\n{SMALL}")).contains("neither a zone"));
    assert!(error(&format!("format = \"swf\"\n{SMALL}")).contains("csv, jsonl, parquet"));
}

#[test]
fn a_refused_row_is_shown_with_the_separators_of_its_file() {
    let mapping = SMALL.replace("source = \"small\"", "source = \"small\"\ndelimiter = \";\"");
    let text = "job;who;start;end;cost;state\na;b;c\n";
    let Entry::Rejected(reject) = read(Format::Csv, &mapping, text).unwrap().remove(0) else { panic!() };
    assert_eq!(reject.value, "a;b;c");
}

#[test]
fn a_column_that_is_not_there_is_told_with_those_that_are() {
    let error = read(Format::Csv, SMALL, "job,who,strat,end,cost,state\n").unwrap_err().to_string();
    assert!(error.contains("unknown column \"start\"; did you mean strat?"), "{error}");
    let error = read(Format::Csv, SMALL, "job;who;start;end;cost;state\n").unwrap_err().to_string();
    assert!(error.contains("say the mapping's delimiter"), "{error}");
    let error = read(Format::Jsonl, SMALL, "{\"a\":1}\n").unwrap_err().to_string();
    assert!(error.contains("unknown column"), "{error}");
}

#[test]
fn a_draft_reads_the_file_that_it_was_made_from() {
    for (format, text, rows) in [(Format::Csv, STUDIO, 4), (Format::Jsonl, TASKS, 2)] {
        let draft = draft_mapping(format, input(text), "studio").unwrap();
        let entries = read(format, &draft, text).unwrap();
        let read = entries.iter().filter(|entry| matches!(entry, Entry::Submission { .. })).count();
        assert_eq!(read, rows, "{draft}\n{entries:?}");
    }
}

#[test]
fn a_draft_says_what_it_guessed_and_what_is_missing() {
    let draft = draft_mapping(Format::Csv, input(STUDIO), "studio").unwrap();
    for line in [
        "delimiter = \";\"",
        "zone = \"UTC\"",
        "sessionId = \"Task ID\"  # such as \"T-1001\"",
        "startedAt = { column = \"Started\", format = \"%d.%m.%Y %H:%M:%S\" }",
        "costInUsd = { column = \"Cost\", decimalComma = true }",
        "outcome = { column = \"Status\", map = { \"Done\" = \"SUCCEEDED\", \"Error\" = \"FAILED\", \"Running\" = \"\", \"Waiting\" = \"\" } }",
        "product = { column = \"Licenses\", split = \"|\" }",
        "#   \"Frames\": 5 of 5 rows",
    ] {
        assert!(draft.contains(line), "{line} is not in\n{draft}");
    }
    let bare = draft_mapping(Format::Csv, input("a,b\n1,2\n"), "x").unwrap();
    assert!(bare.contains("without a start, nothing can be imported"), "{bare}");
    assert!(Mapping::parse(&bare).unwrap_err().to_string().contains("startedAt"), "{bare}");
}

#[test]
fn a_draft_says_how_licences_that_the_cost_has_in_it_already_cost_nothing_more() {
    let draft = draft_mapping(Format::Csv, input(STUDIO), "studio").unwrap();
    assert!(draft.contains("# CHECK: does \"Cost\" have the cost of these in it already?"), "{draft}");
    let cost_of_licences = |mapping: &str| {
        let session = sessions(Format::Csv, mapping, STUDIO).remove(0);
        let licences = session.usage.as_slice().iter().skip(1);
        licences.map(|line| line.cost.map(|cost| cost.to_string())).collect::<Vec<_>>()
    };
    assert_eq!(cost_of_licences(&draft), [None, None], "a rate card prices them");
    let followed = draft.replace("\n# costInUsd = { value", "\ncostInUsd = { value");
    assert_eq!(cost_of_licences(&followed), ["0", "0"].map(|cost| Some(cost.to_owned())), "{followed}");
    // Without a cost of the whole there is nothing that could count twice.
    let draft =
        draft_mapping(Format::Csv, input("id,start,licenses\n1,2025-11-24T22:00:00Z,nuke\n"), "x").unwrap();
    assert!(draft.contains("[[license]]") && !draft.contains("the cost of these"), "{draft}");
}

#[test]
fn a_draft_gives_licences_a_column_of_costs_only_where_it_counts_once() {
    let advice = "Where a column has it alone, write costInUsd = that column's name.";
    let drafted = |licences: &str| {
        let text = format!("id,start,cost,licenses,fee\n1,2025-11-24T22:00:00Z,5,{licences},2\n");
        let draft = draft_mapping(Format::Csv, input(&text), "x").unwrap();
        let followed = draft.replace("# costInUsd = { value = \"0\" }", "costInUsd = \"fee\"");
        let session = sessions(Format::Csv, &followed, &text).remove(0);
        let costs = session.usage.as_slice().iter().map(|line| line.cost.unwrap().to_string());
        (draft.contains(advice), costs.collect::<Vec<_>>())
    };
    assert_eq!(drafted("nuke"), (true, vec!["5".to_owned(), "2".to_owned()]));
    assert_eq!(drafted("nuke|arnold"), (false, vec!["5".to_owned(), "2".to_owned(), "2".to_owned()]));
}

/// Rows whose columns have names that say nothing.
fn nameless(rows: &[[&str; 4]]) -> String {
    let rows = rows.iter().map(|cells| cells.join(",") + "\n");
    "key,a,b,c\n".to_owned() + &rows.collect::<String>()
}

#[test]
fn a_draft_finds_times_by_their_values_where_no_name_says_so() {
    let iso = [
        ["x1", "2025-11-24T21:00:00Z", "2025-11-24T22:00:00Z", "2025-11-24T23:00:00Z"],
        ["x2", "2025-11-24T21:30:00Z", "2025-11-24T23:00:00Z", "2025-11-24T23:30:00Z"],
    ];
    let epoch =
        [["x1", "2000000000", "1764018000", "1764021600"], ["x2", "1500000000", "1764021600", "1764023400"]];
    for (rows, format) in [(iso, ""), (epoch, ", format = \"epoch-s\"")] {
        let text = nameless(&rows);
        let draft = draft_mapping(Format::Csv, input(&text), "x").unwrap();
        let started = if format.is_empty() { "\"b\"" } else { &format!("{{ column = \"b\"{format} }}") };
        let ended = started.replace("\"b\"", "\"c\"");
        assert!(draft.contains(&format!("\nstartedAt = {started}")), "{draft}");
        assert!(draft.contains(&format!("\nendedAt = {ended}")), "{draft}");
        assert!(draft.contains("# CHECK: only its values say that this is a time"), "{draft}");
        let entries = read(Format::Csv, &draft, &text).unwrap();
        assert!(
            entries.iter().all(|entry| matches!(entry, Entry::Submission { .. })),
            "{draft}\n{entries:?}"
        );
    }
}

#[test]
fn a_draft_keeps_a_column_of_times_with_one_bad_one_and_names_its_row() {
    let row = |at: usize| {
        let start =
            if at == 7 { "31.02.2025 xx".to_owned() } else { format!("2025-11-{:02}T21:00:00Z", at + 1) };
        format!("t{at},{start},2025-12-24T22:00:00Z,{},Done\n", at * 3)
    };
    let text = "id,start,end,licence cost,status\n".to_owned() + &(0..20).map(row).collect::<String>();
    let draft = draft_mapping(Format::Csv, input(&text), "x").unwrap();
    assert!(draft.contains("\nstartedAt = \"start\""), "{draft}");
    assert!(draft.contains("# CHECK: row 8 has no such time, but \"31.02.2025 xx\""), "{draft}");
}

#[test]
fn a_draft_bears_words_among_times_as_long_as_they_are_few() {
    let draft = |words: usize| {
        let row = |at: usize| {
            let start =
                if at < words { "soon".to_owned() } else { format!("2025-11-{:02}T21:00:00Z", at + 1) };
            format!("t{at},{start}\n")
        };
        let text = "id,start\n".to_owned() + &(0..20).map(row).collect::<String>();
        draft_mapping(Format::Csv, input(&text), "x").unwrap()
    };
    let two = draft(2);
    assert!(two.contains("# CHECK: row 1 and 1 more has no such time, but \"soon\""), "{two}");
    assert!(two.contains("\nstartedAt = \"start\""), "{two}");
    let three = draft(3);
    assert!(!three.contains("\nstartedAt = \"start\""), "{three}");
}

#[test]
fn a_draft_has_no_money_in_an_id_and_no_silent_outcome() {
    let text =
        "start,licence cost,fare,status\n2025-11-24T22:00:00Z,1,$1,Done\n2025-11-24T22:00:00Z,2,$2,Odd\n";
    let draft = draft_mapping(Format::Csv, input(text), "x").unwrap();
    let id = draft.lines().find(|line| line.starts_with("sessionId")).unwrap();
    assert!(!id.contains("cost") && !id.contains("fare"), "{draft}");
    assert!(draft.contains("map = { \"Done\" = \"SUCCEEDED\", \"Odd\" = \"\" } }"), "{draft}");
    assert!(!draft.contains("others"), "{draft}");
}

#[test]
fn a_draft_takes_no_count_for_a_time_and_no_measure_for_an_id() {
    let text = nameless(&[
        ["x", "2000000000", "0.25", "2025-11-24T22:00:00Z"],
        ["x", "1500000000", "0.5", "2025-11-24T23:00:00Z"],
        ["y", "1500000000", "0.5", "2025-11-24T23:00:00Z"],
    ]);
    let draft = draft_mapping(Format::Csv, input(&text), "x").unwrap();
    assert!(draft.contains("\nstartedAt = \"c\""), "{draft}");
    assert!(!draft.contains("endedAt = "), "{draft}");
    assert!(draft.contains("sessionId = { columns = [\"c\", \"key\"] }"), "{draft}");
    // An id of something larger than a session is not taken for the session's own.
    let text = "session,id,start\nA,1,2025-11-24T22:00:00Z\nA,2,2025-11-24T22:00:00Z\n";
    let draft = draft_mapping(Format::Csv, input(text), "x").unwrap();
    assert!(draft.contains("sessionId = \"id\""), "{draft}");
}

#[test]
fn a_hostile_name_stays_inside_the_draft() {
    let header = "start,\"a\nb = 1\",\"q\"\"u\u{7f}\"\n2025-11-24T22:00:00Z,x,y\n";
    let draft = draft_mapping(Format::Csv, input(header), "s\"\n[license]").unwrap();
    Mapping::parse(&draft).unwrap_or_else(|error| panic!("{error}\n{draft}"));
}
