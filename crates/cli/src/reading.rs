//! Stored records for commands that only read, or read first: beside a running server too.
//!
//! The folder belongs to one process at a time. Beside a server, and where a command stores revisions while it reads, it
//! reads a copy of the folder as it was at one instant, made inside the folder and removed with this value.

use std::fs;
use std::path::{Path, PathBuf};
use std::process;
use std::sync::Arc;

use farmtally_service::{FolderError, OpenError, Service, ServiceLimits, SystemClock, backup};

use rustix::io::Errno;
use rustix::process::{Pid, test_kill_process};

use crate::data_folder::DataFolder;
use crate::report_error::Failure;

/// What the name of a copy begins with, before the id of its process.
const COPY: &str = "reading-";

/// The records of a folder, open for reading.
pub(crate) struct Reading {
    service: Arc<Service>,
    /// Behind the service, so that it is closed before its files go.
    _copy: Option<Copy>,
}

impl Reading {
    /// The folder itself if nobody has it, else a copy.
    pub(crate) fn open(folder: &DataFolder) -> Result<Self, Failure> {
        match folder.service(Arc::new(SystemClock::default()), ServiceLimits::default()) {
            Ok(service) => Ok(Self { service, _copy: None }),
            Err(OpenError::Folder(FolderError::InUse { .. })) => Self::copy(folder),
            Err(error) => Err(error.into()),
        }
    }

    /// A copy, whoever has the folder.
    pub(crate) fn copy(folder: &DataFolder) -> Result<Self, Failure> {
        let copy = Copy::of(folder.path())?;
        let clock = Arc::new(SystemClock::default());
        let service = DataFolder::at(copy.path.clone()).service(clock, ServiceLimits::default())?;
        Ok(Self { service, _copy: Some(copy) })
    }

    pub(crate) fn service(&self) -> &Service {
        &self.service
    }
}

/// A copy of a folder that goes when it is not needed any more.
struct Copy {
    path: PathBuf,
}

impl Copy {
    fn of(folder: &Path) -> Result<Self, Failure> {
        // Inside the folder, where its owner alone may look and the disk is the same.
        remove_left_over(folder);
        let copy = Self { path: folder.join(format!("{COPY}{}", process::id())) };
        copy.remove();
        let report = backup(folder, &copy.path)?;
        match report.findings.first() {
            None => Ok(copy),
            Some(finding) => Err(Failure::failed(format!("the folder is damaged: {}", finding.problem))
                .hint("stop the server and see `farmtally verify`")),
        }
    }

    fn remove(&self) {
        // What cannot be removed is a copy of what is beside it, and in nobody's way.
        fs::remove_dir_all(&self.path).unwrap_or_default();
    }
}

/// Takes away the copies of processes that were killed; what cannot be removed is in nobody's way.
fn remove_left_over(folder: &Path) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let process = name.to_str().and_then(|name| name.strip_prefix(COPY)?.parse().ok());
        if process
            .and_then(Pid::from_raw)
            .is_some_and(|process| test_kill_process(process) == Err(Errno::SRCH))
        {
            fs::remove_dir_all(entry.path()).unwrap_or_default();
        }
    }
}

impl Drop for Copy {
    fn drop(&mut self) {
        self.remove();
    }
}
