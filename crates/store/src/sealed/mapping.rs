//! Files in the address space: the only unsafe code of the store.

use std::fs::File;
use std::io;

use memmap2::Mmap;

/// A file that is mapped into memory and never changes.
#[derive(Debug)]
pub(crate) struct Mapping(Mmap);

impl Mapping {
    /// Maps a file as it is now.
    #[expect(
        unsafe_code,
        reason = "a mapping is only as constant as its file, which the compiler cannot know"
    )]
    pub(crate) fn of(file: &File) -> io::Result<Self> {
        // SAFETY: the bytes behind the slice must not change while it lives. Derived files are written under another name,
        // moved into place once, and only ever unlinked; the folder is locked by this process and readable by its owner
        // alone. An owner who cuts the file under us ends the process with SIGBUS, and no number was answered.
        let map = unsafe { Mmap::map(file) }?;
        Ok(Self(map))
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0
    }
}
