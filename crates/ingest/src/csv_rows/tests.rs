use crate::entry::Entry;
use crate::format::{Format, Input, Options, open};
use farmtally_model::{Record, Submission, Usage};
use proptest::prelude::*;
use std::io::{self, Read};

const HEADER: &str =
    "sessionId,queueName,fleetName,jobName,userId,startedAt,usageType,licenseProduct,quantity,costInUsd";

fn session_id(number: u32) -> String {
    format!("session-{number:032x}")
}

fn row(number: u32, usage: &str) -> String {
    format!("{},comp,gpu,sh010,alice,2025-11-24T22:00:00Z,{usage}\n", session_id(number))
}

fn read(text: impl AsRef<[u8]>) -> Vec<Entry> {
    let input = Input::Stream(Box::new(io::Cursor::new(text.as_ref().to_vec())));
    open(Format::Csv, input, Options::default()).unwrap().map(Result::unwrap).collect()
}

/// The entries of these rows under `HEADER`: the line and number of usage lines, or the refusal.
fn describe(rows: &str) -> Vec<Result<(u64, usize), String>> {
    let described = read(format!("{HEADER}\n{rows}")).into_iter().map(|entry| match entry {
        Entry::Submission { line, submission: Submission { record: Record::Session(session), .. } } => {
            Ok((line, session.usage.as_slice().len()))
        }
        Entry::Rejected(reject) => Err(reject.to_string()),
        other => panic!("{other:?}"),
    });
    described.collect()
}

fn header_error(text: &str) -> String {
    let input = Input::Stream(Box::new(io::Cursor::new(text.to_owned())));
    open(Format::Csv, input, Options::default()).unwrap_err().to_string()
}

#[test]
fn adjacent_rows_of_one_session_are_its_usage_lines() {
    let rows = [row(1, "COMPUTE,,,0.5"), row(1, "LICENSE,nuke,2,0.1"), row(2, ",,,")].concat();
    assert_eq!(describe(&rows), [Ok((2, 2)), Ok((4, 1))]);
}

#[test]
fn a_session_that_comes_again_later_is_a_record_of_its_own() {
    let rows = [row(1, "COMPUTE,,,"), row(2, "COMPUTE,,,"), row(1, "LICENSE,nuke,,")].concat();
    assert_eq!(describe(&rows), [Ok((2, 1)), Ok((3, 1)), Ok((4, 1))]);
}

#[test]
fn rows_of_one_session_must_agree() {
    let other = row(1, "LICENSE,nuke,,").replace("alice", "bob");
    let rows = [row(1, "COMPUTE,,,"), other, row(1, "LICENSE,arnold,,"), row(2, ",,,")].concat();
    assert_eq!(
        describe(&rows),
        [
            Err("line 3, userId: \"bob\" differs from \"alice\" in line 2 of the same session".to_owned()),
            Ok((5, 1)),
        ]
    );
}

#[test]
fn a_bad_line_refuses_the_whole_session_and_only_it() {
    let rows =
        [row(1, "COMPUTE,,,0.5"), row(1, "LICENSE,nuke,1,free"), row(1, "LICENSE,arnold,1,1"), row(2, ",,,")];
    assert_eq!(
        describe(&rows.concat()),
        [Err("line 3, costInUsd: \"free\" is not a decimal number".to_owned()), Ok((5, 1))]
    );
}

#[test]
fn a_row_of_the_wrong_width_refuses_its_session() {
    let rows = [row(1, "COMPUTE,,,0.5"), row(1, "LICENSE,nuke,1,1,1"), row(2, ",,,")].concat();
    assert_eq!(
        describe(&rows),
        [Err("line 3, row: the row has 11 columns, the header 10".to_owned()), Ok((4, 1))]
    );
}

#[test]
fn a_refused_row_is_shown_with_its_commas() {
    for (rows, value) in
        [("session-1,comp,gpu\r\n", "session-1,comp,gpu"), ("session-1,\"gpu", "session-1,gpu\n")]
    {
        let Entry::Rejected(reject) = read(format!("{HEADER}\n{rows}")).remove(0) else { panic!("refused") };
        assert_eq!(reject.value, value);
    }
}

#[test]
fn an_open_quote_in_the_last_row_is_told_by_the_line_it_begins_on() {
    let torn = row(2, ",,,").replace("alice", "\"alice");
    for rows in [torn.as_str(), torn.trim_end(), "session-1,\"open\nalice", "session-1,\"open\r\n\r\n"] {
        assert_eq!(
            describe(&format!("{}{rows}", row(1, ",,,"))).last().unwrap(),
            &Err("line 3, row: a quote is left open up to the end of the file".to_owned()),
            "{rows:?}"
        );
    }
}

#[test]
fn a_quote_that_is_left_open_in_the_last_cell_of_a_whole_row_refuses_it() {
    let rows = row(1, "COMPUTE,,,\"0.5");
    assert_eq!(
        describe(&rows),
        [Err("line 2, row: a quote is left open up to the end of the file".to_owned())]
    );
}

#[test]
fn a_file_that_is_cut_anywhere_in_a_row_up_to_its_last_cell_never_leaves_half_a_session() {
    let (whole, second) = (row(1, "COMPUTE,,,0.5"), row(1, "LICENSE,nuke,2,0.1"));
    let quoted = second.replace(',', "\",\"").replace("session-", "\"session-");
    for second in [second, quoted] {
        for end in 1..=second.rfind(',').unwrap() {
            let entries = describe(&format!("{whole}{}", &second[..end]));
            let half_a_session = entries.contains(&Ok((2, 1)));
            assert!(!half_a_session, "{}: {entries:?}", &second[..end]);
        }
    }
}

#[test]
fn a_row_that_is_cut_in_its_session_id_refuses_the_session_before_it() {
    let rows = [row(1, ",,,"), row(2, ",,,0.5"), session_id(2)[..20].to_owned()].concat();
    assert_eq!(
        describe(&rows),
        [
            Ok((2, 1)),
            Err("line 3, sessionId: the file ends in the middle of a row, so the session before it may be missing \
                 a usage line"
                .to_owned()),
            Err("line 4, row: the row has 1 columns, the header 10".to_owned()),
        ]
    );
}

#[test]
fn a_cut_row_of_another_session_leaves_the_session_before_it_alone() {
    let rows = [row(1, ",,,"), format!("{},comp,gp", session_id(2))].concat();
    assert_eq!(
        describe(&rows),
        [Ok((2, 1)), Err("line 3, row: the row has 3 columns, the header 10".to_owned())]
    );
}

#[test]
fn a_last_row_without_a_line_end_is_a_row() {
    let rows = [row(1, ",,,"), row(2, ",,,")].concat();
    assert_eq!(describe(rows.trim_end()), [Ok((2, 1)), Ok((3, 1))]);
}

#[test]
fn whole_numbers_may_end_in_zero_decimals() {
    for quantity in ["2.0", "2.000"] {
        let entry = read(format!("{HEADER}\n{}", row(1, &format!("LICENSE,nuke,{quantity},")))).remove(0);
        let Entry::Submission { submission, .. } = entry else { panic!("{entry:?}") };
        let Record::Session(session) = submission.record else { panic!("a session") };
        assert!(matches!(session.usage.as_slice()[0].usage, Usage::License { quantity: 2, .. }));
    }
    for refused in ["2.5", "2.", ".0", "2.0.0", "-1.0", "0.0", "0", "4294967296.0", "2e0"] {
        assert_eq!(
            describe(&row(1, &format!("LICENSE,nuke,{refused},"))),
            [Err(format!("line 2, quantity: {refused:?} is not a whole number from 1 to 4294967295"))]
        );
    }
}

#[test]
fn lines_are_counted_through_blank_lines_and_quoted_line_ends() {
    let quoted = row(1, ",,,").replace("sh010", "\"sh\n010\"");
    let rows = format!("{quoted}\n\n{}{}", row(2, "BAD,,,"), row(3, ",,,x"));
    for rows in [rows.clone(), rows.replace('\n', "\r\n"), rows.trim_end().to_owned()] {
        let refusals = describe(&rows).into_iter().filter_map(Result::err);
        let lines: Vec<String> =
            refusals.map(|refusal| refusal.split(',').next().unwrap().to_owned()).collect();
        assert_eq!(lines, ["line 6", "line 7"], "{rows:?}");
    }
}

#[test]
fn more_lines_than_a_session_may_have_are_refused_as_one() {
    let rows: Vec<String> = (0..100).map(|number| row(1, &format!("LICENSE,product{number},,"))).collect();
    assert_eq!(
        describe(&rows.concat()),
        [Err("line 2, usage: usage has 100 lines; at most 64 are allowed".to_owned())]
    );
}

#[test]
fn a_row_needs_exactly_one_identity() {
    let header = "sessionId,volumeId,queueName,fleetName,jobName,userId,startedAt\n";
    let row = |ids: &str| format!("{header}{ids},comp,gpu,sh010,alice,2025-11-24T22:00:00Z\n");
    let refusal = |ids: &str| match read(row(ids)).remove(0) {
        Entry::Rejected(reject) => reject.to_string(),
        other => panic!("{other:?}"),
    };
    let volume_id = format!("volume-{:032x}", 1);
    assert_eq!(refusal(","), "line 2, sessionId: sessionId is missing; give sessionId or volumeId");
    assert_eq!(
        refusal(&format!("{},{volume_id}", session_id(1))),
        "line 2, volumeId: a row has a sessionId or a volumeId, not both"
    );
    assert_eq!(refusal(&format!(",{volume_id}")), "line 2, queueName: queueName does not belong to a volume");
}

#[test]
fn a_volume_may_only_have_its_own_usage_type() {
    let read_usage = |usage_type: &str| {
        let header = "volumeId,fleetName,startedAt,usageType,costInUsd\n";
        read(format!("{header}volume-{:032x},gpu,2025-11-24T22:00:00Z,{usage_type},0.08\n", 1)).remove(0)
    };
    for good in ["", "PERSISTENT_VOLUME"] {
        assert!(matches!(read_usage(good), Entry::Submission { .. }), "{good}");
    }
    let Entry::Rejected(reject) = read_usage("COMPUTE") else { panic!("refused") };
    assert_eq!(reject.to_string(), "line 2, usageType: the usage type of a volume is PERSISTENT_VOLUME");
}

#[test]
fn the_header_is_checked_before_the_first_row() {
    assert_eq!(
        header_error("sessionId,cost_in_usd\n"),
        "unknown column \"cost_in_usd\"; did you mean costInUsd?"
    );
    assert_eq!(header_error("sessionId,sessionId\n"), "column sessionId is given twice");
    assert_eq!(
        header_error("sessionId,queueId\n"),
        "required columns are missing: fleetId or fleetName, jobName, userId, startedAt"
    );
    assert_eq!(
        header_error("sessionId;queueName\n"),
        "the header is one column with \";\" in it; separate the columns by commas, or use a mapping"
    );
    assert_eq!(
        header_error("sessionId\tqueueName\r\n"),
        "the header is one column with \"\\t\" in it; separate the columns by commas, or use a mapping"
    );
    assert!(header_error("").starts_with("required columns are missing: sessionId or volumeId"));
}

#[test]
fn a_byte_order_mark_and_either_line_end_are_tolerated() {
    let text = format!("\u{feff}{HEADER}\r\n{}", row(1, ",,,").replace('\n', "\r\n"));
    assert!(matches!(read(text)[..], [Entry::Submission { .. }]));
}

#[test]
fn a_cell_that_is_not_utf8_is_refused_by_name() {
    let text = format!("{HEADER}\n{}", row(1, ",,,"));
    let position = text.find("alice").unwrap();
    let mut bytes = text.into_bytes();
    bytes[position] = 0xff;
    let Entry::Rejected(reject) = read(bytes).remove(0) else { panic!("refused") };
    assert_eq!((reject.line, reject.field.as_str()), (2, "userId"));
}

#[test]
fn an_open_quote_ends_the_reading_within_the_bound() {
    let text = format!("{HEADER}\n\"{}", "x,y\n".repeat(1_000_000));
    let input = Input::Stream(Box::new(io::Cursor::new(text)));
    let mut entries = open(Format::Csv, input, Options::default()).unwrap();
    let error = entries.next().unwrap().unwrap_err().to_string();
    assert_eq!(error, "a CSV row is longer than 1048576 bytes; is a quote left open?");
    assert!(entries.next().is_none());
}

proptest! {
    #[test]
    fn no_bytes_make_the_parser_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let text = [HEADER.as_bytes(), b"\n", &bytes].concat();
        read(text);
        let input = Input::Stream(Box::new(io::Cursor::new(bytes)));
        let _opened = open(Format::Csv, input, Options::default()).map(|entries| entries.for_each(drop));
    }
}

#[test]
fn a_session_behind_which_reading_breaks_off_is_not_given_out() {
    /// Rows, and then a disk that fails.
    struct Breaking(io::Cursor<Vec<u8>>);
    impl Read for Breaking {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            match self.0.read(buffer)? {
                0 => Err(io::Error::other("the disk failed")),
                count => Ok(count),
            }
        }
    }
    let rows = [row(1, "COMPUTE,,,1"), row(2, "COMPUTE,,,1"), row(2, "LICENSE,nuke,1,1")].concat();
    let input = Input::Stream(Box::new(Breaking(io::Cursor::new(format!("{HEADER}\n{rows}").into_bytes()))));
    let entries: Vec<_> = open(Format::Csv, input, Options::default()).unwrap().collect();
    let [Ok(Entry::Submission { line: 2, .. }), Err(_)] = entries.as_slice() else { panic!("{entries:?}") };
}
