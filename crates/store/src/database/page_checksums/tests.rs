use std::fs;

use super::*;

const PAGE: usize = 4096;

fn pages(bytes: &[u8]) -> impl Iterator<Item = (i64, &[u8])> {
    (0..).step_by(PAGE).zip(bytes.chunks(PAGE))
}

/// A database of some pages, among them such that belong to long values.
fn filled(path: &Path, journal_mode: &str) -> Connection {
    let connection = open(path).unwrap();
    connection.pragma_update(None, "journal_mode", journal_mode).unwrap();
    // So few that pages are written before the transaction ends.
    connection.pragma_update(None, "cache_size", 3).unwrap();
    connection.execute_batch("CREATE TABLE numbers (number INTEGER PRIMARY KEY, bytes BLOB) STRICT").unwrap();
    connection.execute_batch("BEGIN").unwrap();
    for number in 0..60_u8 {
        let bytes = vec![number; usize::from(number) * 40];
        connection.execute("INSERT INTO numbers VALUES (?1, ?2)", (number, bytes)).unwrap();
    }
    connection.execute("INSERT INTO numbers VALUES (60, ?1)", [vec![7_u8; 20_000]]).unwrap();
    connection.execute_batch("COMMIT").unwrap();
    connection
}

fn rows(connection: &Connection) -> rusqlite::Result<Vec<(u32, Vec<u8>)>> {
    let mut statement = connection.prepare("SELECT number, bytes FROM numbers ORDER BY number")?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    rows.collect()
}

#[test]
fn every_page_has_the_checksum_of_what_it_is_however_it_was_written() {
    let dir = tempfile::tempdir().unwrap();
    for journal_mode in ["WAL", "DELETE", "MEMORY"] {
        let path = dir.path().join(journal_mode);
        let connection = filled(&path, journal_mode);
        connection.execute("DELETE FROM numbers WHERE number % 3 = 0", []).unwrap();
        connection.execute("UPDATE numbers SET bytes = zeroblob(9000) WHERE number = 1", []).unwrap();
        let copy = dir.path().join(format!("{journal_mode} copied"));
        connection.execute("VACUUM INTO ?1", [copy.to_str().unwrap()]).unwrap();
        connection.execute_batch("VACUUM").unwrap();
        let expected = rows(&connection).unwrap();
        drop(connection);
        for path in [path, copy] {
            let bytes = fs::read(&path).unwrap();
            assert!(bytes.len() > 10 * PAGE && bytes.len() % PAGE == 0);
            for (offset, page) in pages(&bytes) {
                let (content, found) = page.split_at(PAGE - 8);
                assert_eq!(
                    xxh3_64_with_seed(content, offset.cast_unsigned()).to_le_bytes(),
                    found,
                    "{journal_mode}"
                );
            }
            assert!(rows(&open(&path).unwrap()).unwrap() == expected, "{journal_mode}");
            // To any other program it is a database like others.
            let plain = Connection::open(&path).unwrap();
            assert_eq!(rows(&plain).unwrap(), expected);
            let found: String = plain.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
            assert_eq!(found, "ok");
        }
    }
}

/// Pages that are free again before they were written are never written, and the file has room for them nevertheless.
#[test]
fn there_is_no_page_without_a_checksum_however_pages_come_and_go() {
    let dir = tempfile::tempdir().unwrap();
    let mut random: u64 = 0x5EED;
    let mut below = |bound: u32| -> u32 {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (random >> 33) as u32 % bound
    };
    for journal_mode in ["WAL", "DELETE", "TRUNCATE"] {
        let path = dir.path().join(journal_mode);
        let connection = filled(&path, journal_mode);
        for round in 0..150 {
            connection.execute_batch("BEGIN").unwrap();
            for _ in 0..=below(6) {
                let (number, bytes) = (below(12), below(60_000));
                connection
                    .execute("INSERT OR REPLACE INTO numbers VALUES (?1, zeroblob(?2))", [number, bytes])
                    .unwrap();
                connection.execute("DELETE FROM numbers WHERE number = ?1", [below(12)]).unwrap();
            }
            connection.execute_batch("COMMIT; PRAGMA wal_checkpoint").unwrap();
            let bytes = fs::read(&path).unwrap();
            let odd: Vec<i64> =
                pages(&bytes).filter(|(at, page)| !is_as_written(page, *at)).map(|(at, _)| at).collect();
            assert!(odd.is_empty(), "{journal_mode}, round {round}: {odd:?} of {}", bytes.len());
        }
    }
}

#[test]
fn no_flipped_bit_makes_another_row() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("catalogue.sqlite");
    let expected = rows(&filled(&path, "DELETE")).unwrap();
    let whole = fs::read(&path).unwrap();
    let mut found = 0;
    for at in (0..whole.len()).filter(|at| *at < 120 || at % 23 == 0) {
        let mut bytes = whole.clone();
        bytes[at] ^= 1 << (at % 8);
        fs::write(&path, bytes).unwrap();
        match open(&path).and_then(|connection| rows(&connection)) {
            Ok(rows) => assert!(rows == expected, "byte {at}"),
            Err(rusqlite::Error::SqliteFailure(error, _))
                if error.extended_code == ffi::SQLITE_IOERR_DATA =>
            {
                found += 1;
                let page = 1 + at / PAGE;
                let sentence = format!("page {page} of `catalogue.sqlite` does not match its checksum");
                assert_eq!(damage(error), Some(sentence));
            }
            // The first bytes say that it is a database, and how long a page is.
            Err(error) => assert!(at < HEADER_BYTES, "byte {at}: {error}"),
        }
    }
    assert!(found > whole.len() / 40, "{found}");
}

#[test]
fn a_page_in_the_place_of_another_is_found_out() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("swapped");
    drop(filled(&path, "DELETE"));
    let mut bytes = fs::read(&path).unwrap();
    let (one, other) = bytes[4 * PAGE..].split_at_mut(PAGE);
    one.swap_with_slice(&mut other[..PAGE]);
    fs::write(&path, bytes).unwrap();
    assert!(rows(&open(&path).unwrap()).is_err());
    assert!(DAMAGED_PAGE.get().is_some());
}

#[test]
fn a_file_without_checksums_is_read_and_written_as_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("old");
    let plain = Connection::open(&path).unwrap();
    plain.execute_batch("CREATE TABLE numbers (number INTEGER PRIMARY KEY, bytes BLOB)").unwrap();
    drop(plain);
    let connection = open(&path).unwrap();
    connection.execute("INSERT INTO numbers VALUES (1, x'00')", []).unwrap();
    assert_eq!(rows(&connection).unwrap(), [(1, vec![0])]);
    let copy = dir.path().join("copy");
    connection.execute("VACUUM INTO ?1", [copy.to_str().unwrap()]).unwrap();
    drop(connection);
    let is_checked =
        |path: &Path| pages(&fs::read(path).unwrap()).all(|(offset, page)| is_as_written(page, offset));
    assert!(!is_checked(&path));
    assert!(is_checked(&copy), "a copy has what its source lacks");
    assert_eq!(rows(&Connection::open(&path).unwrap()).unwrap(), rows(&open(&copy).unwrap()).unwrap());
}

#[test]
fn one_flipped_bit_of_the_header_does_not_hide_that_there_are_checksums() {
    let mut header = [0; HEADER_BYTES];
    assert!(!is_checked(&header));
    header[RESERVED_AT] = CHECKSUM_BYTES;
    header[VERSION_AT + 3] = u8::try_from(CHECKSUMS_SINCE).unwrap();
    header[APPLICATION_ID_AT..][..4].copy_from_slice(b"FTal");
    for bit in 0..8 * HEADER_BYTES {
        let mut flipped = header;
        flipped[bit / 8] ^= 1 << (bit % 8);
        assert!(is_checked(&flipped), "bit {bit}");
    }
    header[RESERVED_AT] = 0;
    header[VERSION_AT + 3] -= 1;
    assert!(!is_checked(&header), "a version of before");
}
