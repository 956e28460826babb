//! A checksum at the end of each page of the catalogue's file.
//!
//! SQLite trusts its file: a rotten bit in a row makes another row. So each page keeps eight bytes from SQLite, and the file
//! system that SQLite is given here writes a checksum of the others and of the page's place into them, and compares it
//! whenever a page is read. It is SQLite's own file system in everything else. The log beside the file is left alone:
//! SQLite has checksums in it, which it compares when it opens one that an earlier process left.
//!
//! Any SQLite reads such a file. One that writes to it leaves checksums that do not match, and whoever closes it last writes what
//! is in the log into it.
#![expect(unsafe_code, reason = "SQLite is given a file system as functions of C that it hands pointers")]
#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    reason = "sizes of some hundred bytes become numbers of C"
)]

use std::cell::Cell;
use std::ffi::{CStr, c_int, c_void};
use std::path::Path;
use std::ptr;
use std::sync::OnceLock;

use rusqlite::{Connection, OpenFlags, ffi};
use xxhash_rust::xxh3::xxh3_64_with_seed;

use crate::database::{APPLICATION_ID, CHECKSUMS_SINCE};

/// The name under which SQLite knows the file system.
const NAME: &CStr = c"farmtally";
/// And one that writes checksums and compares none.
const NAME_WITHOUT_COMPARING: &CStr = c"farmtally-without-comparing";

/// Bytes at the end of a page that SQLite does not use.
const CHECKSUM_BYTES: u8 = 8;

/// The shortest page that there is; what is read and is shorter is a part of the first one.
const PAGE_BYTES_MIN: usize = 512;

/// The header of the file, with which its first page begins.
const HEADER_BYTES: usize = 100;
/// Where the header says how many bytes of each page SQLite does not use.
const RESERVED_AT: usize = 20;
/// Where it has `user_version`.
const VERSION_AT: usize = 60;
/// Where it has `application_id`.
const APPLICATION_ID_AT: usize = 68;

/// The page that begins here is never written: SQLite locks its bytes.
const LOCKED_AT: i64 = 1 << 30;

thread_local! {
    /// The page that did not match when this thread last read one that did not.
    static DAMAGED_PAGE: Cell<Option<u64>> = const { Cell::new(None) };
}

/// Opens a file whose pages have checksums, or will have when it is empty. One of before version
/// [`CHECKSUMS_SINCE`] has none, and gets none.
pub(super) fn open(path: &Path) -> rusqlite::Result<Connection> {
    open_as(path, NAME)
}

/// Opens a file whose pages need not match their checksums, because its owner says so.
pub(super) fn open_without_comparing(path: &Path) -> rusqlite::Result<Connection> {
    open_as(path, NAME_WITHOUT_COMPARING)
}

fn open_as(path: &Path, name: &CStr) -> rusqlite::Result<Connection> {
    static REGISTERED: OnceLock<c_int> = OnceLock::new();
    let code = *REGISTERED.get_or_init(|| match register(NAME, true) {
        ffi::SQLITE_OK => register(NAME_WITHOUT_COMPARING, false),
        code => code,
    });
    expect_ok(code)?;
    let connection = Connection::open_with_flags_and_vfs(path, OpenFlags::default(), name)?;
    // Of a file that has pages this changes nothing but what a copy of it will have.
    let mut reserved = c_int::from(CHECKSUM_BYTES);
    // SAFETY: the handle is that of an open connection, and this control reads and writes one `int`.
    let code = unsafe {
        let reserved = (&raw mut reserved).cast();
        ffi::sqlite3_file_control(
            connection.handle(),
            c"main".as_ptr(),
            ffi::SQLITE_FCNTL_RESERVE_BYTES,
            reserved,
        )
    };
    expect_ok(code)?;
    Ok(connection)
}

fn expect_ok(code: c_int) -> rusqlite::Result<()> {
    if code == ffi::SQLITE_OK { Ok(()) } else { Err(failure(code)) }
}

fn failure(code: c_int) -> rusqlite::Error {
    rusqlite::Error::SqliteFailure(ffi::Error::new(code), None)
}

/// What an error of a read says, if a page did not match its checksum: which one.
pub(super) fn damage(error: ffi::Error) -> Option<String> {
    // SQLite may say it once more, of a read of another thread.
    let page = |page: u64| format!("page {page} of `catalogue.sqlite` does not match its checksum");
    let said = || DAMAGED_PAGE.get().map_or_else(|| "a page does not match its checksum".to_owned(), page);
    (error.extended_code == ffi::SQLITE_IOERR_DATA).then(said)
}

/// Reads every page of the file, also those that no statement reads, and gives the numbers of those that do not match or are missing.
///
/// What is still in the log is moved into the file before, so that no other program writes to it meanwhile. `None` when another
/// program reads it, because of which that cannot be done.
pub(super) fn damaged_pages(connection: &Connection) -> rusqlite::Result<Option<Vec<u64>>> {
    let is_busy = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))?;
    if is_busy {
        return Ok(None);
    }
    let page_bytes: u16 = connection.pragma_query_value(None, "page_size", |row| row.get(0))?;
    let pages: u32 = connection.pragma_query_value(None, "page_count", |row| row.get(0))?;
    let mut page = vec![0_u8; usize::from(page_bytes)];
    let mut damaged = Vec::new();
    let mut file: *mut ffi::sqlite3_file = ptr::null_mut();
    // SAFETY: the handle is that of an open connection, whose file lives as long as it, and this control writes one pointer. A
    // read writes as many bytes as the page has.
    unsafe {
        let place = (&raw mut file).cast();
        let handle = connection.handle();
        let code = ffi::sqlite3_file_control(handle, c"main".as_ptr(), ffi::SQLITE_FCNTL_FILE_POINTER, place);
        expect_ok(code)?;
        let methods = (*file).pMethods.as_ref();
        let read =
            methods.and_then(|methods| methods.xRead).ok_or_else(|| failure(ffi::SQLITE_IOERR_READ))?;
        for (number, offset) in (1..=u64::from(pages)).zip((0..).step_by(page.len())) {
            let mut code = || read(file, page.as_mut_ptr().cast(), c_int::from(page_bytes), offset);
            match code() {
                ffi::SQLITE_OK => {}
                _ if offset == LOCKED_AT => {}
                // Another program may have moved something into the file in that very moment.
                _ if code() == ffi::SQLITE_OK => {}
                ffi::SQLITE_IOERR_DATA | ffi::SQLITE_IOERR_SHORT_READ | ffi::SQLITE_IOERR_CORRUPTFS => {
                    damaged.push(number);
                }
                code => return Err(failure(code)),
            }
        }
    }
    Ok(Some(damaged))
}

/// The bytes that a page's checksum covers, and that checksum, which covers the page's place as well.
fn checksum(page: &[u8], offset: i64) -> (&[u8], [u8; CHECKSUM_BYTES as usize]) {
    let content = &page[..page.len().saturating_sub(usize::from(CHECKSUM_BYTES))];
    (content, xxh3_64_with_seed(content, offset.cast_unsigned()).to_le_bytes())
}

fn is_as_written(page: &[u8], offset: i64) -> bool {
    let (content, checksum) = checksum(page, offset);
    page[content.len()..] == checksum
}

/// The page with the checksum of what it has become.
fn with_checksum(page: &[u8], offset: i64) -> Vec<u8> {
    let (content, checksum) = checksum(page, offset);
    [content, &checksum].concat()
}

/// Whether the pages behind a header have checksums. There are two signs, so that one rotten bit does not hide them all.
fn is_checked(header: &[u8; HEADER_BYTES]) -> bool {
    let number = |at: usize| {
        i64::from(u32::from_be_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]))
    };
    let is_ours = number(APPLICATION_ID_AT) == APPLICATION_ID && number(VERSION_AT) >= CHECKSUMS_SINCE;
    is_ours || header[RESERVED_AT] == CHECKSUM_BYTES
}

/// SQLite's own file system under our name.
#[repr(C)]
struct FileSystem {
    /// What SQLite sees of it.
    ours: ffi::sqlite3_vfs,
    base: *mut ffi::sqlite3_vfs,
    compares: bool,
}

/// What lies behind SQLite's own file in the room of one of ours.
#[repr(C)]
struct CheckedFile {
    /// What SQLite sees of it.
    ours: ffi::sqlite3_io_methods,
    base: *const ffi::sqlite3_io_methods,
    has_checksums: Cell<bool>,
    compares: bool,
}

/// Makes a file system known to SQLite, for as long as the process lives. Gives SQLite's code.
fn register(name: &'static CStr, compares: bool) -> c_int {
    // SAFETY: the name asks for the default, which SQLite made and never takes away.
    let base = unsafe { ffi::sqlite3_vfs_find(ptr::null()) };
    if base.is_null() {
        return ffi::SQLITE_ERROR;
    }
    // SAFETY: SQLite gave it. Its functions are given what they get from SQLite: none of them asks which file system it was
    // given but the one that opens files, and that is called with its own.
    let mut ours = unsafe { *base };
    ours.zName = name.as_ptr();
    ours.szOsFile = room(ours.szOsFile).saturating_add(size_of::<CheckedFile>() as c_int);
    ours.xOpen = Some(open_file);
    let file_system = Box::into_raw(Box::new(FileSystem { ours, base, compares }));
    // SAFETY: it lives for ever, and begins with what SQLite sees of it.
    unsafe { ffi::sqlite3_vfs_register(file_system.cast(), 0) }
}

/// Bytes of a file of SQLite's own, with what one of ours needs to begin where it may.
const fn room(bytes: c_int) -> c_int {
    let align = align_of::<CheckedFile>() as c_int;
    bytes.saturating_add(align - 1) / align * align
}

/// Opens a file as SQLite does, and looks at reads and writes from then on if it is a database.
unsafe extern "C" fn open_file(
    file_system: *mut ffi::sqlite3_vfs,
    name: ffi::sqlite3_filename,
    file: *mut ffi::sqlite3_file,
    flags: c_int,
    flags_out: *mut c_int,
) -> c_int {
    // SAFETY: SQLite gives the file system that was registered, and for the file as much room as that asked for: first a
    // file of its own, and from `room` on one of ours. Nobody else knows of the file yet.
    unsafe {
        let FileSystem { base, compares, .. } = *file_system.cast::<FileSystem>();
        let Some(open) = (*base).xOpen else { return ffi::SQLITE_CANTOPEN };
        let code = open(base, name, file, flags, flags_out);
        let methods = (*file).pMethods;
        if code != ffi::SQLITE_OK || flags & ffi::SQLITE_OPEN_MAIN_DB == 0 || methods.is_null() {
            return code;
        }
        let has_checksums = match has_checksums(file, methods) {
            Ok(has_checksums) => has_checksums,
            Err(code) => {
                (*methods).xClose.map(|close| close(file));
                (*file).pMethods = ptr::null();
                return code;
            }
        };
        let mut ours = *methods;
        // Version 3 is that of files that are mapped into memory, of which no read is seen.
        ours.iVersion = ours.iVersion.min(2);
        ours.xRead = Some(read_file);
        ours.xWrite = Some(write_file);
        ours.xDeviceCharacteristics = Some(characteristics);
        let checked = file.byte_offset(room((*base).szOsFile) as isize).cast::<CheckedFile>();
        checked.write(CheckedFile { ours, base: methods, has_checksums: Cell::new(has_checksums), compares });
        (*file).pMethods = checked.cast();
        code
    }
}

/// Whether an open file has checksums, or will have.
///
/// # Safety
/// The methods are those of the file.
unsafe fn has_checksums(
    file: *mut ffi::sqlite3_file,
    methods: *const ffi::sqlite3_io_methods,
) -> Result<bool, c_int> {
    let (mut bytes, mut header) = (0, [0_u8; HEADER_BYTES]);
    // SAFETY: as the caller says. The size is one number, and the header has room for what is read.
    unsafe {
        let (Some(size), Some(read)) = ((*methods).xFileSize, (*methods).xRead) else {
            return Err(ffi::SQLITE_CANTOPEN);
        };
        let code = size(file, &raw mut bytes);
        if code != ffi::SQLITE_OK {
            return Err(code);
        }
        if bytes == 0 {
            return Ok(true);
        }
        match read(file, header.as_mut_ptr().cast(), HEADER_BYTES as c_int, 0) {
            // What is missing was read as zeros.
            ffi::SQLITE_OK | ffi::SQLITE_IOERR_SHORT_READ => Ok(is_checked(&header)),
            code => Err(code),
        }
    }
}

/// The length of what is read or written, if it is a page.
fn page_bytes(amount: c_int, offset: i64) -> Option<usize> {
    let bytes = usize::try_from(amount).ok()?;
    let is_page = bytes >= PAGE_BYTES_MIN && bytes.is_power_of_two() && offset % i64::from(amount) == 0;
    is_page.then_some(bytes)
}

/// Reads as SQLite does, and compares the checksum of a page. SQLite would take what is missing at the end of the file for zeros.
unsafe extern "C" fn read_file(
    file: *mut ffi::sqlite3_file,
    buffer: *mut c_void,
    amount: c_int,
    offset: ffi::sqlite3_int64,
) -> c_int {
    // SAFETY: `open_file` put a `CheckedFile` where the methods are, which lives as long as the file. SQLite gives room for what
    // it asks for, and all of it is written when the read succeeds.
    unsafe {
        let checked = &*(*file).pMethods.cast::<CheckedFile>();
        let Some(read) = (*checked.base).xRead else { return ffi::SQLITE_IOERR_READ };
        let code = read(file, buffer, amount, offset);
        let is_read = code == ffi::SQLITE_OK || code == ffi::SQLITE_IOERR_SHORT_READ;
        let is_compared = is_read && checked.compares && checked.has_checksums.get();
        let Some(bytes) = page_bytes(amount, offset).filter(|_| is_compared) else { return code };
        let is_whole = code == ffi::SQLITE_OK;
        if is_whole && is_as_written(std::slice::from_raw_parts(buffer.cast(), bytes), offset) {
            return ffi::SQLITE_OK;
        }
        DAMAGED_PAGE.set(Some(1 + offset.cast_unsigned() / bytes as u64));
        ffi::SQLITE_IOERR_DATA
    }
}

/// Writes as SQLite does, a page with its checksum.
unsafe extern "C" fn write_file(
    file: *mut ffi::sqlite3_file,
    buffer: *const c_void,
    amount: c_int,
    offset: ffi::sqlite3_int64,
) -> c_int {
    // SAFETY: as for `read_file`; SQLite gives as many bytes as it says.
    unsafe {
        let checked = &*(*file).pMethods.cast::<CheckedFile>();
        let Some(write) = (*checked.base).xWrite else { return ffi::SQLITE_IOERR_WRITE };
        let Some(bytes) = page_bytes(amount, offset) else {
            return write(file, buffer, amount, offset);
        };
        let page = std::slice::from_raw_parts(buffer.cast::<u8>(), bytes);
        if offset == 0 {
            match (page[RESERVED_AT] == CHECKSUM_BYTES, checked.has_checksums.get()) {
                // A file that was not empty, but as good as empty, when it was opened.
                (true, _) => checked.has_checksums.set(true),
                // Where a page has no room for it, a checksum would overwrite what is SQLite's.
                (false, true) => return ffi::SQLITE_INTERNAL,
                (false, false) => {}
            }
        }
        if !checked.has_checksums.get() {
            return write(file, buffer, amount, offset);
        }
        write(file, with_checksum(page, offset).as_ptr().cast(), amount, offset)
    }
}

/// Says of the disk what SQLite's own file says, but not that parts of a page can be read, of which no checksum is seen.
unsafe extern "C" fn characteristics(file: *mut ffi::sqlite3_file) -> c_int {
    // SAFETY: as for `read_file`.
    unsafe {
        let base = (*(*file).pMethods.cast::<CheckedFile>()).base;
        (*base).xDeviceCharacteristics.map_or(0, |of_base| of_base(file) & !ffi::SQLITE_IOCAP_SUBPAGE_READ)
    }
}

#[cfg(test)]
mod tests;
