//! The folder: there, ours alone, of a format that we read, with keys that open and a disk with room.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use farmtally_service::{Catalogue, Clock, KeyAdministration, SystemClock, holder};
use rustix::fs::statvfs;

use super::finding::Finding;
use super::serve_line;
use crate::data_folder::DataFolder;
use crate::report_error::Failure;
use crate::shell::quoted;

/// With less than this the next import may not fit.
const ROOM_WRONG_BYTES: u64 = 256 << 20;
/// With less than this it is time to look for another disk.
const ROOM_NOTE_BYTES: u64 = 2 << 30;

/// Looks at a folder.
pub(super) fn look(folder: &DataFolder) -> Vec<Finding> {
    let path = folder.path();
    let catalogue = match folder.exists().and_then(|exists| exists.then(|| folder.catalogue()).transpose()) {
        Ok(Some(catalogue)) => catalogue,
        Ok(None) => {
            let text = format!("there is no farmtally data in `{}`", path.display());
            return vec![Finding::wrong(text, serve_line(Some(folder)))];
        }
        Err(failure) => {
            return vec![Finding::wrong(failure.to_string(), format!("ls -ld {}", shown(path)))];
        }
    };
    let mut findings =
        vec![Finding::fine(format!("`{}` is a data folder that this program reads", path.display()))];
    findings.extend([owner_alone(path), user(folder), room(folder)]);
    findings.push(keys(folder, &catalogue).unwrap_or_else(|failure| {
        Finding::wrong(failure.to_string(), "restore `master.key` from a backup of this folder")
    }));
    findings
}

/// How much room the disk has.
pub(super) fn room(folder: &DataFolder) -> Finding {
    let path = folder.path();
    let Ok(disk) = statvfs(path) else {
        return Finding::wrong(
            format!("cannot look at the disk of `{}`", path.display()),
            "ls -ld ".to_owned() + &shown(path),
        );
    };
    let free_bytes = disk.f_bavail.saturating_mul(disk.f_frsize);
    let text = format!("the disk has {} MiB free", free_bytes >> 20);
    let mend = format!("df -h {}", shown(path));
    match free_bytes {
        ..ROOM_WRONG_BYTES => Finding::wrong(text, mend),
        ROOM_WRONG_BYTES..ROOM_NOTE_BYTES => Finding::note(text, mend),
        _ => Finding::fine(text),
    }
}

fn owner_alone(path: &Path) -> Finding {
    let mode = fs::metadata(path).map_or(0, |metadata| metadata.permissions().mode() & 0o777);
    let of_others = mode & 0o077;
    if of_others == 0 {
        return Finding::fine("only its owner can look into it");
    }
    Finding::wrong(
        format!(
            "others on this machine can look into it (mode {mode:03o}), and the secrets of all keys lie there"
        ),
        format!("chmod 700 {}", shown(path)),
    )
}

fn user(folder: &DataFolder) -> Finding {
    match (holder(folder.path()), folder.published_endpoint()) {
        (Ok(Some(_)), Some(endpoint)) => Finding::fine(format!("a server has it and answers at {endpoint}")),
        (Ok(Some(process)), None) => {
            let process = process.map_or_else(String::new, |pid| format!(" (process {pid})"));
            Finding::note(format!("another command is using it{process}"), "wait until it is done")
        }
        (Ok(None), Some(endpoint)) => {
            let text = format!("a server left its address {endpoint} behind and is gone");
            Finding::note(text, serve_line(Some(folder)))
        }
        (Ok(None), None) => Finding::fine("no other process has it"),
        (Err(error), _) => Finding::wrong(
            format!("cannot look at its lock: {error}"),
            format!("ls -l {}", shown(folder.path())),
        ),
    }
}

fn keys(folder: &DataFolder, catalogue: &Catalogue) -> Result<Finding, Failure> {
    let (keys, now) = (KeyAdministration::new(catalogue), SystemClock::default().now());
    let mut works = 0;
    for key in keys.list()? {
        // Opening it shows that the master key is the one it was sealed with.
        works += usize::from(keys.credential(&key.access_key_id, now)?.is_some());
    }
    let make = format!("farmtally env {}", folder.as_flag());
    Ok(match works {
        0 => Finding::note("no access key works yet", make),
        1 => Finding::fine("1 access key works"),
        _ => Finding::fine(format!("{works} access keys work")),
    })
}

fn shown(path: &Path) -> String {
    quoted(&path.to_string_lossy()).into_owned()
}
