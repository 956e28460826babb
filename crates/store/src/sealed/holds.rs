//! Segments that somebody opens by their names, such as an engine on other machines.
//!
//! A file that is mapped can be removed while it is read; one that is yet to be opened cannot. So what the manifest has ceased to
//! name stays in the folder until the last reader is done. A crash forgets that, and the next start removes what stayed.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use super::files::remove_file;
use crate::locking::lock;

/// Who reads the segments of one farm, and what is removed after them.
#[derive(Debug, Clone, Default)]
pub(super) struct Holds(Arc<Mutex<Held>>);

#[derive(Debug, Default)]
struct Held {
    readers: usize,
    /// Files of segments that a committed manifest names no more. Their numbers are never given again.
    doomed: Vec<PathBuf>,
}

/// While this is kept, no segment of the farm is removed from the folder.
#[derive(Debug)]
pub struct HeldFiles(Holds);

impl Holds {
    /// Keeps all segments where they are until what is returned is dropped.
    pub(super) fn hold(&self) -> HeldFiles {
        lock(&self.0).readers += 1;
        HeldFiles(self.clone())
    }

    /// Leaves files to the last reader. False when there is none.
    pub(super) fn take_over(&self, paths: &[PathBuf]) -> bool {
        let mut held = lock(&self.0);
        if held.readers > 0 {
            held.doomed.extend_from_slice(paths);
        }
        held.readers > 0
    }

    /// Whether a file waits for the last reader.
    pub(super) fn is_doomed(&self, path: &Path) -> bool {
        lock(&self.0).doomed.iter().any(|doomed| doomed == path)
    }
}

impl Drop for HeldFiles {
    fn drop(&mut self) {
        let mut held = lock(&self.0.0);
        held.readers -= 1;
        if held.readers > 0 {
            return;
        }
        let failed = |path: &Path, error: &io::Error| {
            tracing::warn!(file = %path.display(), %error, "could not remove; the next start does");
        };
        for path in held.doomed.drain(..) {
            remove_file(&path).unwrap_or_else(|error| failed(&path, &error));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn files_go_with_the_last_reader_and_not_before() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("0000000001.parquet");
        fs::write(&path, "rows").unwrap();
        let holds = Holds::default();
        assert!(!holds.take_over(std::slice::from_ref(&path)), "nobody reads");
        let (first, second) = (holds.hold(), holds.hold());
        assert!(holds.take_over(std::slice::from_ref(&path)));
        assert!(holds.is_doomed(&path));
        drop(first);
        assert!(path.exists());
        drop(second);
        assert!(!path.exists() && !holds.is_doomed(&path));
    }
}
