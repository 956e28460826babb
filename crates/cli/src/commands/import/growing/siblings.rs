//! The files that a followed file was renamed to: what stands beside it under a name that begins with its own.
//!
//! A file that took the name and was renamed again between two looks is one of them that was not there before. Whether it
//! was there is told by more than its number, because a file system gives the number of a deleted file to the next.

use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// Bytes at the beginning of a file that tell it from another.
const HEAD_BYTES: u64 = 256;
/// What an import writes beside the file itself.
const REJECTS: &str = ".rejects.jsonl";

/// A file beside the one that is followed.
#[derive(Debug, Clone)]
pub(super) struct Sibling {
    pub(super) path: PathBuf,
    /// Device and number.
    pub(super) identity: (u64, u64),
    modified: SystemTime,
    created: Option<SystemTime>,
    head: Vec<u8>,
}

impl Sibling {
    fn of(path: PathBuf) -> io::Result<Option<Self>> {
        let metadata = fs::metadata(&path)?;
        if !metadata.is_file() {
            return Ok(None);
        }
        let mut head = Vec::new();
        File::open(&path)?.take(HEAD_BYTES).read_to_end(&mut head)?;
        Ok(Some(Self {
            path,
            identity: (metadata.dev(), metadata.ino()),
            modified: metadata.modified()?,
            created: metadata.created().ok(),
            head,
        }))
    }

    /// Whether it is the file that it was before, which may have grown and been renamed since.
    fn was(&self, before: &Self) -> bool {
        self.identity == before.identity
            && self.created == before.created
            && self.head.starts_with(&before.head)
    }
}

/// The siblings of a file, those that were written last at the end.
pub(super) fn siblings(path: &Path) -> io::Result<Vec<Sibling>> {
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let Some(name) = path.file_name().map(|name| name.to_string_lossy().into_owned()) else {
        return Ok(Vec::new());
    };
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let other = entry.file_name().to_string_lossy().into_owned();
        if is_name_of_sibling(&name, &other) {
            match Sibling::of(entry.path()) {
                Ok(sibling) => found.extend(sibling),
                // It was renamed or removed meanwhile.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
    }
    // Clocks of file systems are coarse: of two at one instant, the larger number was renamed earlier.
    found.sort_by(|one, other| one.modified.cmp(&other.modified).then_with(|| other.path.cmp(&one.path)));
    Ok(found)
}

/// `a.jsonl` becomes `a.jsonl.1`, `a.jsonl-20260101`, `a.jsonl.2.gz`, or with the date before the extension `a-20260101.jsonl`.
fn is_name_of_sibling(name: &str, other: &str) -> bool {
    if other == name || other.ends_with(REJECTS) {
        return false;
    }
    let begins = |stem: &str| {
        other
            .strip_prefix(stem)
            .is_some_and(|rest| rest.starts_with(['.', '-', '_']) && is_of_a_rotation(rest))
    };
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    begins(name) || begins(stem)
}

/// A number or a date stands somewhere behind the name.
fn is_of_a_rotation(rest: &str) -> bool {
    rest.contains(|character: char| character.is_ascii_digit()) || rest.starts_with(".old")
}

/// Those that were not there before.
pub(super) fn new_ones(now: &[Sibling], before: &[Sibling]) -> Vec<Sibling> {
    now.iter().filter(|sibling| !before.iter().any(|known| sibling.was(known))).cloned().collect()
}

/// The names under which files ought to be that were renamed after one that is called `path.3` by now, and are not.
pub(super) fn missing_behind(path: &Path, renamed_to: &Path, new: &[Sibling]) -> Vec<PathBuf> {
    let name = path.to_string_lossy();
    let number = renamed_to.to_string_lossy().strip_prefix(&format!("{name}.")).and_then(number_of);
    let numbers = 1..number.unwrap_or(1);
    let is_there = |wanted: u32| {
        new.iter().any(|sibling| {
            let text = sibling.path.to_string_lossy();
            text.strip_prefix(&format!("{name}.")).and_then(number_of) == Some(wanted)
        })
    };
    numbers.filter(|number| !is_there(*number)).map(|number| format!("{name}.{number}").into()).collect()
}

/// The number of `1`, `1.gz` and the like.
fn number_of(rest: &str) -> Option<u32> {
    rest.split('.').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rotated_files_are_known_by_their_names() {
        for other in
            ["a.jsonl.1", "a.jsonl.2.gz", "a.jsonl-20260101", "a-20260101.jsonl", "a.jsonl.old", "a.1.jsonl"]
        {
            assert!(is_name_of_sibling("a.jsonl", other), "{other}");
        }
        for other in ["a.jsonl", "a.jsonl.rejects.jsonl", "a.jsonl~", "ab.jsonl.1", "b.jsonl.1", "a.toml"] {
            assert!(!is_name_of_sibling("a.jsonl", other), "{other}");
        }
    }

    #[test]
    fn a_file_between_has_the_numbers_below() {
        let sibling = |name: &str| Sibling {
            path: name.into(),
            identity: (1, 1),
            modified: SystemTime::UNIX_EPOCH,
            created: None,
            head: vec![],
        };
        let missing = |to: &str, new: &[Sibling]| missing_behind(Path::new("/l/a"), Path::new(to), new);
        assert_eq!(missing("/l/a.1", &[]), <[PathBuf; 0]>::default());
        assert_eq!(missing("/l/a-20260101", &[]), <[PathBuf; 0]>::default());
        assert_eq!(missing("/l/a.3", &[sibling("/l/a.2.gz")]), [PathBuf::from("/l/a.1")]);
        assert_eq!(missing("/l/a.2.gz", &[sibling("/l/a.1")]), <[PathBuf; 0]>::default());
    }
}
