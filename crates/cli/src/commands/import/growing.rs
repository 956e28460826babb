//! A file that grows: what was appended since the last look, in whole lines, whatever becomes of its name.
//!
//! The parser of the file lives from look to look, with its header and with what it has not finished. A file that is
//! renamed is read to its end before the one that took its name is begun, and so is every file that had the name between
//! two looks; one that became shorter, or that does not have any more what was read last, is read from its beginning.
//! Nothing is remembered beyond the process: whatever is read twice counts as unchanged.

mod siblings;

use std::collections::VecDeque;
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use farmtally_ingest::{Entries, Growth, ReadError};

use self::siblings::{Sibling, missing_behind, new_ones, siblings};
use crate::talk::tell;

/// What a file that is compressed begins with. It is read as a whole.
const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];
/// Bytes before the position that tell whether the file is still the one that was read.
const REMEMBERED_BYTES: usize = 1024;
/// Bytes that are looked at together for the last line feed.
const CHUNK_BYTES: usize = 64 * 1024;

/// A file that is followed.
#[derive(Debug)]
pub(super) struct GrowingFile {
    path: PathBuf,
    /// Whether its parser may hold rows back until it is quiet.
    holds_rows: bool,
    growth: Growth,
    open: Option<OpenFile>,
    /// What waits behind the open file: files that had the name and were renamed, the oldest first, and the one that has it.
    waiting: VecDeque<OpenFile>,
    /// What stood beside the file when it last had its name.
    known: Vec<Sibling>,
    /// Whether something is missing that nobody can read any more.
    has_gap: bool,
}

/// The file that has the name now, or had it.
#[derive(Debug)]
struct OpenFile {
    window: Window,
    entries: Option<Entries>,
    /// Its length at the last look.
    length: u64,
    /// Whether its last rows were read while it grew, so that its parser may hold some back.
    may_hold: bool,
    /// A compressed file makes sense as a whole only.
    is_compressed: bool,
    /// What stands before the position.
    remembered: Vec<u8>,
}

/// The part of a file that may be read now; clones share it.
#[derive(Debug, Clone)]
struct Window(Arc<Mutex<Part>>);

#[derive(Debug)]
struct Part {
    file: File,
    position: u64,
    limit: u64,
}

/// Whether a file of this name can be followed line by line.
pub(super) fn can_be_followed(path: &Path) -> bool {
    let mut start = Vec::new();
    let read = File::open(path).and_then(|file| file.take(2).read_to_end(&mut start));
    read.is_ok() && path.is_file() && start != GZIP_MAGIC
}

impl GrowingFile {
    pub(super) fn new(path: &Path, holds_rows: bool) -> Self {
        Self {
            path: path.to_owned(),
            holds_rows,
            growth: Growth::default(),
            open: None,
            waiting: VecDeque::new(),
            known: Vec::new(),
            has_gap: false,
        }
    }

    /// Whether something was in a file that is gone, so that going on would hide it.
    pub(super) const fn has_gap(&self) -> bool {
        self.has_gap
    }

    /// Whether files are left over that have the name no longer, or will not have it when they are read.
    pub(super) fn is_behind(&self) -> bool {
        let named = fs::metadata(&self.path).map(|metadata| (metadata.dev(), metadata.ino()));
        let open = self.open.as_ref().map(|open| open.window.identity());
        !self.waiting.is_empty() || matches!((named, open), (Ok(named), Some(Ok(open))) if named != open)
    }

    /// What its parser asks whether it has stopped growing.
    pub(super) fn growth(&self) -> Growth {
        self.growth.clone()
    }

    /// Looks whether there is something to read, and until where.
    pub(super) fn look(&mut self) -> io::Result<bool> {
        let named = match fs::metadata(&self.path) {
            Ok(metadata) => Some((metadata.dev(), metadata.ino())),
            // Between a rotation's two steps there is no file of this name.
            Err(error) if error.kind() == io::ErrorKind::NotFound && self.open.is_some() => None,
            Err(error) => return Err(error),
        };
        if self.open.is_none() {
            self.open = Some(OpenFile::new(File::open(&self.path)?)?);
            self.tell_of_earlier_ones()?;
        }
        loop {
            let is_last = self.waiting.is_empty();
            let Some(open) = &mut self.open else { return Ok(false) };
            let is_named = is_last && (named.is_none() || named == Some(open.window.identity()?));
            // Whoever writes has gone on to a later file than the next.
            let is_superseded = self.waiting.len() > 1;
            let look = open.look(is_named, is_superseded)?;
            self.growth.set_quiet(look.is_quiet);
            if is_named {
                self.known = siblings(&self.path)?;
            }
            if look.has_news || is_named || !look.is_over {
                return Ok(look.has_news);
            }
            if is_last {
                self.find_successors()?;
            }
            match self.waiting.pop_front() {
                Some(next) => self.open = Some(next),
                None => return Ok(false),
            }
        }
    }

    /// What is beside a file when it is begun came before it, and is not read.
    fn tell_of_earlier_ones(&mut self) -> io::Result<()> {
        self.known = siblings(&self.path)?;
        let Some(latest) = self.known.last() else { return Ok(()) };
        let others = match self.known.len() {
            1 => String::new(),
            2 => " and one more beside it".to_owned(),
            count => format!(" and {} more beside it", count - 1),
        };
        tell(format_args!(
            "`{}` is followed from its beginning; `{}`{others} came before it: import what is not stored of that.",
            self.path.display(),
            latest.path.display()
        ));
        Ok(())
    }

    /// Opens the files that had the name since the open one, which is read to its end.
    fn find_successors(&mut self) -> io::Result<()> {
        let Some(open) = &self.open else { return Ok(()) };
        let old = open.window.identity()?;
        let named = match File::open(&self.path) {
            Ok(file) => OpenFile::new(file)?,
            // Between a rotation's two steps.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(error),
        };
        let taken = named.window.identity()?;
        let now = siblings(&self.path)?;
        let mut new = new_ones(&now, &self.known);
        new.retain(|sibling| ![old, taken].contains(&sibling.identity));
        match now.iter().find(|sibling| sibling.identity == old) {
            Some(renamed) => {
                if let Some(missing) = missing_behind(&self.path, &renamed.path, &new).first() {
                    self.has_gap = true;
                    return Err(gap(missing));
                }
            }
            None if new.is_empty() => tell(format_args!(
                "warning: `{}` was renamed to something that is not beside it, so that nobody can tell whether another file \
                 had its name meanwhile; look more often than it is renamed, or import the renamed files too",
                self.path.display()
            )),
            None => {}
        }
        for sibling in &new {
            // One that was compressed meanwhile is found under its new name by the next look.
            self.waiting.push_back(OpenFile::new(File::open(&sibling.path)?)?);
        }
        self.waiting.push_back(named);
        self.known = now;
        Ok(())
    }

    /// Takes its parser for a while, which `make` makes of its bytes if there is none yet.
    pub(super) fn take(
        &mut self,
        make: impl FnOnce(Box<dyn Read + Send>) -> Result<Entries, ReadError>,
    ) -> Result<Option<Entries>, ReadError> {
        let Some(open) = &mut self.open else { return Ok(None) };
        match open.entries.take() {
            Some(entries) => Ok(Some(entries)),
            None if open.window.part().limit == 0 => Ok(None),
            None => make(Box::new(open.window.clone())).map(Some),
        }
    }

    /// Gives its parser back.
    pub(super) fn put_back(&mut self, entries: Entries) {
        if let Some(open) = &mut self.open {
            open.entries = Some(entries);
        }
    }

    /// What was read is stored, or has to be read again.
    pub(super) fn settle(&mut self, is_stored: bool) {
        if let Some(open) = &mut self.open {
            open.settle(is_stored, self.holds_rows && !self.growth.is_quiet());
        }
    }
}

/// Something was in a file that nobody can read any more.
fn gap(missing: &Path) -> io::Error {
    io::Error::other(format!(
        "it was renamed more than once since the last look, and `{}` is not there; import what became of that file, follow \
         again, and look more often than it is renamed",
        missing.display()
    ))
}

/// What a look found.
struct Look {
    has_news: bool,
    is_quiet: bool,
    /// Nothing will be appended any more.
    is_over: bool,
}

impl OpenFile {
    fn new(file: File) -> io::Result<Self> {
        let mut start = [0; GZIP_MAGIC.len()];
        let is_compressed = file.read_at(&mut start, 0)? == start.len() && start == GZIP_MAGIC;
        let part = Part { file, position: 0, limit: 0 };
        let window = Window(Arc::new(Mutex::new(part)));
        Ok(Self { window, entries: None, length: 0, may_hold: false, is_compressed, remembered: Vec::new() })
    }

    fn look(&mut self, is_named: bool, is_superseded: bool) -> io::Result<Look> {
        let window = self.window.clone();
        let mut part = window.part();
        let length = part.file.metadata()?.len();
        let is_quiet = length == self.length;
        self.length = length;
        if !self.is_the_same(&part, length)? {
            self.begin_anew(&mut part);
        }
        // The last line of a file that another took the name of has no line feed to come.
        let is_over = !is_named && (is_quiet || (is_superseded && !self.is_compressed));
        part.limit = if is_over {
            length
        } else if self.is_compressed {
            part.position
        } else {
            part.whole_lines_to(length)?
        };
        let has_news = part.limit > part.position || (is_quiet && self.may_hold);
        Ok(Look { has_news, is_quiet, is_over })
    }

    /// Whether the file still has what was read of it.
    fn is_the_same(&self, part: &Part, length: u64) -> io::Result<bool> {
        if length < part.position {
            return Ok(false);
        }
        let mut found = vec![0; self.remembered.len()];
        let start = part.position - found.len() as u64;
        part.file.read_exact_at(&mut found, start)?;
        Ok(found == self.remembered)
    }

    fn begin_anew(&mut self, part: &mut Part) {
        (part.position, part.limit) = (0, 0);
        self.entries = None;
        self.remembered.clear();
        self.may_hold = false;
    }

    fn settle(&mut self, is_stored: bool, may_hold: bool) {
        let window = self.window.clone();
        let mut part = window.part();
        // A parser that was offered lines and left some of them will not go on either.
        let is_read = part.position == part.limit;
        let remembered = part.before_position();
        match remembered {
            Ok(remembered) if is_stored && is_read => {
                self.remembered = remembered;
                self.may_hold = may_hold;
            }
            _ => self.begin_anew(&mut part),
        }
    }
}

impl Window {
    fn part(&self) -> MutexGuard<'_, Part> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn identity(&self) -> io::Result<(u64, u64)> {
        let metadata = self.part().file.metadata()?;
        Ok((metadata.dev(), metadata.ino()))
    }
}

impl Read for Window {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut part = self.part();
        let left = usize::try_from(part.limit.saturating_sub(part.position)).unwrap_or(usize::MAX);
        let wanted = left.min(buffer.len());
        let length = part.file.read_at(&mut buffer[..wanted], part.position)?;
        part.position += length as u64;
        Ok(length)
    }
}

impl Part {
    /// Where the last whole line ends, at the position or behind it.
    fn whole_lines_to(&self, length: u64) -> io::Result<u64> {
        let mut end = length;
        let mut chunk = vec![0; CHUNK_BYTES];
        while end > self.position {
            let start = self.position.max(end.saturating_sub(CHUNK_BYTES as u64));
            let bytes = &mut chunk[..usize::try_from(end - start).unwrap_or(CHUNK_BYTES)];
            self.file.read_exact_at(bytes, start)?;
            if let Some(place) = bytes.iter().rposition(|byte| *byte == b'\n') {
                return Ok(start + place as u64 + 1);
            }
            end = start;
        }
        Ok(self.position)
    }

    fn before_position(&self) -> io::Result<Vec<u8>> {
        let length = self.position.min(REMEMBERED_BYTES as u64);
        let mut bytes = vec![0; usize::try_from(length).unwrap_or(REMEMBERED_BYTES)];
        self.file.read_exact_at(&mut bytes, self.position - length)?;
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests;
