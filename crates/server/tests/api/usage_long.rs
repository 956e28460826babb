//! Answers that are too long to be made at once: they come in parts, whole, and cost no more than their rows.

use bytes::Bytes;
use farmtally_server::ConnectionLimits;
use parquet::file::reader::{FileReader as _, SerializedFileReader};
use serde_json::{Value, json};
use std::time::Duration;

use crate::client::{Answer, Call};
use crate::door::{Farmtally, Setup, wait_until};
use crate::operating::{metrics, value};
use crate::records::{id, session, with};
use crate::usage::path;

const JOBS: u32 = 600;
const HOURS: usize = 120;

/// A farm of jobs that each have a session in every hour of five days.
fn farm(change: impl FnOnce(&mut ConnectionLimits)) -> Farmtally {
    let mut connection_limits = ConnectionLimits::default();
    change(&mut connection_limits);
    let metrics_token = Some("metrics-token".into());
    let farmtally = Farmtally::with(Setup { connection_limits, metrics_token, ..Setup::default() });
    let lasting = |number| {
        let members = json!({ "startedAt": "2025-11-20T00:00:00Z", "endedAt": "2025-11-25T00:00:00Z",
                              "jobId": id("job", number), "jobName": format!("job {number}"),
                              "usage": [{ "usageType": "COMPUTE", "costInUsd": "1.000000001" }] });
        with(session(number), members)
    };
    farmtally.ingest(&(0..JOBS).map(lasting).collect::<Vec<_>>());
    farmtally
}

fn long(form: &str) -> Call {
    Call::get(path(&format!(
        "query?from=2025-11-20&to=2025-11-25&period=hour&by=job&compare=previous&format={form}"
    )))
}

fn rows() -> usize {
    JOBS as usize * HOURS
}

fn in_parts(farmtally: &Farmtally, form: &str) -> Answer {
    let answer = farmtally.call(long(form));
    assert_eq!((answer.status, answer.header("transfer-encoding")), (200, Some("chunked")), "{form}");
    answer
}

#[test]
fn a_long_answer_comes_in_parts_in_every_form() {
    let farmtally = farm(|_| {});
    let json = in_parts(&farmtally, "json").ok();
    let rows_of_json = json["rows"].as_array().unwrap();
    assert_eq!((rows_of_json.len(), json["groups"].as_array().unwrap().len()), (rows(), JOBS as usize));
    assert_eq!(json["previousRows"], json!([]));
    let nanos = |row: &Value| -> u64 {
        let (whole, decimals) = row["cost"]["sum"].as_str().unwrap().split_once('.').unwrap();
        whole.parse::<u64>().unwrap() * 1_000_000_000 + format!("{decimals:0<9}").parse::<u64>().unwrap()
    };
    assert_eq!(rows_of_json.iter().map(nanos).sum::<u64>(), nanos(&json["total"]));

    let csv = in_parts(&farmtally, "csv");
    let mut lines = csv.text().lines();
    assert!(lines.next().unwrap().starts_with("bucketStart,bucketEnd,jobId,jobName,sessions,"));
    let of_json = rows_of_json.iter().map(|row| {
        let group = &json["groups"][usize::try_from(row["group"].as_u64().unwrap()).unwrap()];
        format!("{},{}", group["values"][0]["id"].as_str().unwrap(), row["cost"]["sum"].as_str().unwrap())
    });
    let of_csv = lines.map(|line| {
        let cells: Vec<&str> = line.split(',').collect();
        format!("{},{}", cells[2], cells[5])
    });
    assert!(of_csv.eq(of_json));

    // As Parquet it is short enough to be whole, and has groups of rows all the same.
    let parquet = SerializedFileReader::new(Bytes::from(farmtally.call(long("parquet")).body)).unwrap();
    let file = parquet.metadata();
    assert_eq!(file.file_metadata().num_rows(), i64::try_from(rows()).unwrap());
    assert!(file.row_groups().len() > 1);

    // A stream of Arrow ends with an empty message; `tests/clients` reads one.
    let arrow = in_parts(&farmtally, "arrow").body;
    assert_eq!(arrow[arrow.len() - 8..], [0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0]);
}

#[test]
fn a_client_that_does_not_read_holds_memory_that_others_wait_for() {
    let farmtally = farm(|limits| {
        limits.answers_bytes_max = 1 << 20;
        limits.query_wait_max = Duration::from_millis(200);
        limits.write_stall_max = Duration::from_mins(1);
    });
    let held = || value(metrics(&farmtally, "metrics-token").text(), "farmtally_answers_bytes");
    let mut lazy = farmtally.connect();
    lazy.send(&long("json").signed(&farmtally.key, farmtally.unix_seconds()));
    wait_until("the answer is being sent", || held() > 0.0);
    let busy = farmtally.call(long("csv"));
    assert_eq!((busy.status, busy.header("retry-after")), (503, Some("1")), "{}", busy.text());
    assert!(busy.json()["message"].as_str().unwrap().ends_with("take all the memory for answers"));
    // What is short needs no room.
    farmtally.call(Call::get(path("query?in=2025-11"))).ok();
    drop(lazy);
    wait_until("the memory is free", || held() < 1.0);
    in_parts(&farmtally, "csv");
}
