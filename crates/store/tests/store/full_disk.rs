//! A disk that takes no more, for another reason than that it is full: SQLite sees an I/O error in the middle of a commit.

use std::env;
use std::fs;
use std::path::Path;
use std::process::Command;

use farmtally_store::{AuditEntry, AuditLog, StoreError};

use crate::sessions::{Facts, NOW, at, ended, farm, open, sorted_rows, stored_rows, submissions};

const FOLDER: &str = "FARMTALLY_LIMITED_FOLDER";

fn batch(number: u32) -> Vec<Facts> {
    (number * 200..number * 200 + 200).map(ended).collect()
}

/// Not a test of its own: the process whose files may not grow. It writes down how many batches were accepted.
#[test]
#[ignore = "started by the test below, in a process of its own"]
fn appends_until_refused() {
    let Ok(dir) = env::var(FOLDER) else { return };
    let store = open(Path::new(&dir));
    let mut accepted = 0;
    let error = loop {
        match store.append(farm(1), &submissions(&batch(accepted)), at(NOW)) {
            Ok(receipt) => accepted += u32::from(receipt.get().stored == 200),
            Err(error) => break error,
        }
    };
    assert!(matches!(error, StoreError::WriteRefused { .. }), "{error}");
    assert!(error.is_retryable());
    let again = store.append(farm(1), &submissions(&batch(accepted)), at(NOW)).unwrap_err();
    assert!(matches!(again, StoreError::WriteRefused { .. }), "it stays as it is: {again}");
    let straight = store.append_straight(farm(1), submissions(&batch(accepted)), at(NOW)).unwrap_err();
    assert!(straight.is_retryable(), "{straight}");
    assert_eq!(stored_rows(&store), sorted_rows((0..accepted).flat_map(batch)), "reading goes on");
    assert_eq!(audits_until_refused(&AuditLog::in_folder(Path::new(&dir))), 0, "lines were left unfinished");
    fs::write(Path::new(&dir).join("accepted"), accepted.to_string()).unwrap();
}

/// Adds lines until one is refused, and says how many of those that are there were never finished.
fn audits_until_refused(log: &AuditLog) -> u64 {
    let detail = "x".repeat(400);
    let entry = AuditEntry {
        actor: "owner",
        action: "test",
        subject: &detail,
        outcome: "done",
        detail: &detail,
        source: "",
        request_id: &detail,
    };
    let mut added = 0;
    while log.append(&entry, at(NOW)).is_ok() {
        added += 1;
    }
    let summary = log.verify(None).unwrap();
    assert_eq!(summary.entries, added);
    summary.torn_lines
}

#[test]
fn a_write_that_the_disk_refuses_stores_nothing_and_loses_nothing_accepted() {
    let dir = tempfile::tempdir().unwrap();
    drop(open(dir.path()));
    // Without the trap the kernel would end the process instead of failing the write. The unit is 512 or 1,024 bytes.
    let limited =
        "trap '' XFSZ; ulimit -f 300; exec \"$0\" --exact full_disk::appends_until_refused --ignored";
    let output = Command::new("sh")
        .args(["-c", limited])
        .arg(env::current_exe().unwrap())
        .env(FOLDER, dir.path())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    let accepted: u32 = fs::read_to_string(dir.path().join("accepted")).unwrap().parse().unwrap();
    assert!(accepted > 0, "the limit was too low to accept anything");

    let store = open(dir.path());
    let rows = stored_rows(&store);
    let possible = [accepted, accepted + 1].map(|batches| sorted_rows((0..batches).flat_map(batch)));
    assert!(possible.contains(&rows), "{} rows, accepted {accepted} batches", rows.len());
    store.append(farm(1), &submissions(&batch(accepted)), at(NOW)).unwrap().into_inner();
    assert_eq!(stored_rows(&store), possible[1]);
    drop(store);
    assert_eq!(farmtally_store::verify(dir.path()).unwrap().findings, []);
}
