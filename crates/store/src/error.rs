//! What can go wrong with a folder, told apart by what its owner can do about it.

use std::io;
use std::path::{Path, PathBuf};

use farmtally_model::{AggregationId, FarmId};

/// A call that did not do what it was asked. Unless the variant says otherwise, nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// There is no such farm.
    #[error("`{farm_id}` does not exist; create it first")]
    UnknownFarm {
        /// The farm that was named.
        farm_id: FarmId,
    },
    /// More records than one batch may have.
    #[error("the batch has {count} records; at most {max} are allowed")]
    BatchTooLarge {
        /// Records in the batch.
        count: usize,
        /// Most records allowed.
        max: usize,
    },
    /// The access key id is taken.
    #[error("access key `{access_key_id}` exists already; make a new id")]
    AccessKeyExists {
        /// The id that is taken.
        access_key_id: String,
    },
    /// No room for the write. It can be tried again when there is.
    #[error("the disk is full; free some space and try again")]
    DiskFull,
    /// The disk refused the write before anything was to be synced, for a quota for instance. It can be tried again.
    #[error(
        "the disk refused a write ({cause}), and nothing was stored; see what it has against it, then try again"
    )]
    WriteRefused {
        /// What the disk said.
        cause: String,
    },
    /// The disk did not confirm the write, so it may or may not be there after the folder is opened again.
    #[error(
        "the disk did not confirm a write ({cause}); restart the server to see what is stored, then send it again"
    )]
    NotDurable {
        /// What the disk said.
        cause: String,
    },
    /// An earlier write was not confirmed or broke off, so that nothing more may be written.
    #[error("an earlier write failed ({cause}); restart the server before writing again")]
    Poisoned {
        /// How the earlier write failed.
        cause: String,
    },
    /// The shared database does not answer. Nothing was changed; the call can be repeated.
    #[error("the catalogue's database cannot be used ({cause}); try again when it answers")]
    Unavailable {
        /// What happened.
        cause: String,
    },
    /// The shared database was lost while it committed. The call can be repeated, and then finds what is stored.
    #[error(
        "the catalogue's database did not confirm a change ({cause}), which may or may not be stored; send it again"
    )]
    Unconfirmed {
        /// What happened.
        cause: String,
    },
    /// Other servers changed the same again and again. Nothing was changed; the call can be repeated.
    #[error("other servers changed the same at the same time; try again")]
    Overtaken,
    /// A newer program brought the shared catalogue on, so that this one may not use it any more. Nothing was changed.
    #[error(
        "a newer farmtally brought the catalogue to a format that this one does not know (it asks for {oldest}, and this is \
         {known}); start a newer farmtally"
    )]
    Outdated {
        /// The oldest format that a program may know.
        oldest: i64,
        /// The format that this program makes.
        known: i64,
    },
    /// The place of shared files does not answer, or refuses. Nothing was changed; the call can be repeated.
    #[error("the segments in `{place}` cannot be used ({cause}); try again when they can")]
    Objects {
        /// The place, without a key pair.
        place: String,
        /// What happened.
        cause: String,
    },
    /// Bytes are not those that were written.
    #[error("{what} is damaged: {reason}; restore the folder from a backup")]
    Damaged {
        /// The damaged part, such as ``batch 7 of `farm-…` ``.
        what: String,
        /// How it was found out.
        reason: String,
    },
    /// An answer is not what it was. It can be asked for again.
    #[error("the answer of aggregation `{aggregation_id}` is damaged: {reason}; start the aggregation again")]
    DamagedAnswer {
        /// Whose answer.
        aggregation_id: AggregationId,
        /// How it was found out.
        reason: String,
    },
    /// A derived file is not what it was. Nothing is lost: it can be made anew from the segments.
    #[error("`{path}` is damaged: {reason}; stop the server and run `farmtally rebuild`")]
    DerivedDamaged {
        /// The file, from the data folder.
        path: String,
        /// How it was found out.
        reason: String,
    },
    /// A sealed file could not be used.
    #[error("cannot use `{path}`: {cause}")]
    File {
        /// The file, from the data folder.
        path: String,
        /// What the system said.
        cause: String,
    },
    /// The disk failed while reading.
    #[error("the catalogue could not be read: {cause}")]
    Unreadable {
        /// What the disk said.
        cause: String,
    },
    /// Anything else that the database refused, such as a write while another process holds it for long.
    #[error("the catalogue refused a statement: {cause}")]
    Database {
        /// What the database said.
        cause: String,
    },
}

impl StoreError {
    pub(crate) fn damaged(what: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::Damaged { what: what.into(), reason: reason.into() }
    }

    /// A shared catalogue of which nobody can tell whose it is.
    pub(crate) fn without_format() -> Self {
        Self::damaged("the catalogue", "it does not say which programs may use it")
    }

    /// The failure of an operation on a sealed file. A disk without room says so in several ways.
    pub(crate) fn file(path: String, cause: &io::Error) -> Self {
        let full = [
            io::ErrorKind::StorageFull,
            io::ErrorKind::QuotaExceeded,
            io::ErrorKind::FileTooLarge,
            io::ErrorKind::ReadOnlyFilesystem,
        ];
        if full.contains(&cause.kind()) {
            Self::DiskFull
        } else {
            Self::File { path, cause: cause.to_string() }
        }
    }

    /// A sync that failed: what was written may be lost, and a second sync may not say so.
    pub(crate) fn not_synced(path: &str, cause: &io::Error) -> Self {
        Self::NotDurable { cause: format!("`{path}`: {cause}") }
    }

    /// Whether the same call can succeed later without a restart.
    pub const fn is_retryable(&self) -> bool {
        matches!(
            self,
            Self::DiskFull
                | Self::WriteRefused { .. }
                | Self::Unavailable { .. }
                | Self::Objects { .. }
                | Self::Unconfirmed { .. }
                | Self::Overtaken
        )
    }
}

/// A folder that cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another server has it.
    #[error("cannot open `{}`: it is in use by {}", dir.display(), process(*pid))]
    InUse {
        /// The folder.
        dir: PathBuf,
        /// The process that has it, if it said so.
        pid: Option<u32>,
    },
    /// A later program wrote it.
    #[error("store format {found} is newer than this program knows ({known}); use a newer farmtally")]
    NewerFormat {
        /// Version of the folder.
        found: i64,
        /// Newest version that this program knows.
        known: i64,
    },
    /// Servers of an older program use the shared catalogue, which is to be brought on.
    #[error(
        "{servers} {} of an older farmtally still run over the catalogue; stop them, and start this one again: it brings the \
         catalogue to format {version}, which they do not know",
        if *servers == 1 { "server" } else { "servers" }
    )]
    OlderServers {
        /// How many.
        servers: i64,
        /// The format that it would be brought to.
        version: i64,
    },
    /// Another program has a catalogue open that is to be written anew.
    #[error(
        "`{}` is of an older format, and another program has it open, such as a farmtally server or `sqlite3`; stop that one \
         and start this one again: it writes the file anew, in format {version}",
        path.display()
    )]
    OpenInOlderProgram {
        /// The catalogue.
        path: PathBuf,
        /// The format that it would be brought to.
        version: i64,
    },
    /// The file in the catalogue's place is a database of another program.
    #[error("`{}` is not a farmtally catalogue; choose another folder", path.display())]
    ForeignDatabase {
        /// The file.
        path: PathBuf,
    },
    /// There are segments or a log, and the catalogue that says which of them count, or to which it belongs, is not there or empty.
    #[error(
        "`{}` is missing or empty beside the files of sessions or its own log; nothing was changed: restore the folder from a backup",
        path.display()
    )]
    MissingCatalogue {
        /// Where the catalogue should be.
        path: PathBuf,
    },
    /// Changes that were accepted stand behind damage in the catalogue's log, where they cannot be read.
    #[error(
        "`{}` is damaged at byte {offset}, and changes that were accepted stand behind that; nothing was changed: restore the folder \
         from a backup, or give those changes up by `farmtally rebuild --trust-catalogue` and send again what is missing",
        path.display()
    )]
    DamagedLog {
        /// The log.
        path: PathBuf,
        /// Where what was written ends, from the beginning of the file.
        offset: u64,
    },
    /// The catalogue is there and the key of its secrets is not.
    #[error("`{}` is missing beside an existing catalogue; restore it from the backup of the folder", path.display())]
    MissingKey {
        /// Where the key should be.
        path: PathBuf,
    },
    /// The key file does not hold a key.
    #[error("`{}` does not hold 64 hexadecimal digits; restore it from the backup of the folder", path.display())]
    UnreadableKey {
        /// The key file.
        path: PathBuf,
    },
    /// The place for a copy has something in it.
    #[error("`{}` is not empty; name a folder that is not there yet", path.display())]
    NotEmpty {
        /// The folder.
        path: PathBuf,
    },
    /// The address of a shared catalogue cannot be meant.
    #[error("the address of the catalogue cannot be used: {reason}")]
    CatalogueAddress {
        /// What is wrong with it. Never the address, which may have a password in it.
        reason: String,
    },
    /// The folder has a catalogue of its own, and is to be part of a shared store.
    #[error("`{}` has a catalogue of its own; name another folder, and move the records with `farmtally migrate`", path.display())]
    OwnCatalogue {
        /// The folder.
        path: PathBuf,
    },
    /// The command is for a store in one folder.
    #[error(
        "`{}` is one server's part of a shared store; make a folder of the store with `farmtally migrate`, and use that",
        path.display()
    )]
    SharedStore {
        /// The folder.
        path: PathBuf,
    },
    /// A server of a shared store runs, or ended a moment ago without a word.
    #[error("a server of the store still runs; stop all of them, wait for 15 seconds, and try again")]
    StillServed,
    /// The address of shared segments cannot be meant.
    #[error(
        "`{address}` is no place for segments: {reason}; name a folder that all servers have mounted, or a bucket, \
         s3://KEY:SECRET@BUCKET/PREFIX?endpoint=URL&region=REGION"
    )]
    SegmentsAddress {
        /// The address, without a key pair.
        address: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The shared folder does not belong to the catalogue.
    #[error("`{address}` does not hold the segments of this catalogue: {reason}")]
    OtherSegments {
        /// The folder.
        address: String,
        /// How it was found out.
        reason: String,
    },
    /// The catalogue has secrets of another key than this server has.
    #[error("`{}` {reason}; copy the file of that name from another server of the catalogue", path.display())]
    OtherKey {
        /// The key file.
        path: PathBuf,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A file or the folder could not be used.
    #[error("cannot open `{}`: {cause}", path.display())]
    File {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        #[source]
        cause: io::Error,
    },
    /// The catalogue could not be used.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl OpenError {
    /// For `map_err`: the failure of a file operation on `path`.
    pub(crate) fn file(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |cause| Self::File { path, cause }
    }
}

fn process(pid: Option<u32>) -> String {
    pid.map_or_else(|| "another process".to_owned(), |pid| format!("process {pid}"))
}
