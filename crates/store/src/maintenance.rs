//! The thread that seals, compacts and merges while the store is open.

use std::io;
use std::sync::Weak;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::{Builder, JoinHandle};

use crate::database::Database;
use crate::error::StoreError;
use crate::farm::OpenFarm;
use crate::limits::{SEAL_INTERVAL, SEAL_RECORDS};
use crate::store::Shared;

/// The thread, which ends with this.
#[derive(Debug)]
pub(crate) struct Maintenance {
    wake: Option<SyncSender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Maintenance {
    pub(crate) fn start(shared: Weak<Shared>) -> io::Result<Self> {
        let (wake, woken) = sync_channel(1);
        let thread = Builder::new().name("sealing".to_owned()).spawn(move || run(&woken, &shared))?;
        let maintenance = Self { wake: Some(wake), thread: Some(thread) };
        maintenance.wake();
        Ok(maintenance)
    }

    /// There is something to do.
    pub(crate) fn wake(&self) {
        if let Some(wake) = &self.wake {
            // A full channel holds a call that was not answered yet, which will do.
            wake.try_send(()).unwrap_or_default();
        }
    }
}

impl Drop for Maintenance {
    /// Waits for the step that is under way.
    fn drop(&mut self) {
        self.wake = None;
        if let Some(thread) = self.thread.take() {
            // A panic in there was reported by the panic hook.
            thread.join().unwrap_or_default();
        }
    }
}

fn run(woken: &Receiver<()>, shared: &Weak<Shared>) {
    loop {
        let records_least = match woken.recv_timeout(SEAL_INTERVAL) {
            Ok(()) => SEAL_RECORDS,
            Err(RecvTimeoutError::Timeout) => 1,
            Err(RecvTimeoutError::Disconnected) => return,
        };
        let Some(shared) = shared.upgrade() else { return };
        shared.maintain(records_least);
    }
}

impl OpenFarm {
    /// Seals as long as there are so many ended records, then brings segments and keys in order.
    pub(crate) fn maintain(&self, database: &Database, records_least: usize) -> Result<(), StoreError> {
        self.maintain_unguarded(database, records_least).inspect_err(|error| database.note_unsynced(error))
    }

    fn maintain_unguarded(&self, database: &Database, records_least: usize) -> Result<(), StoreError> {
        self.follow(database)?;
        self.purge(database)?;
        while self.sealable()? >= records_least && self.seal(database)? {
            self.purge(database)?;
        }
        while self.compact(database)? {}
        self.merge_key_files()?;
        self.clear(database)
    }

    /// Removes what no manifest names any more: copies in this server's folder at once, shared files after a while.
    fn clear(&self, database: &Database) -> Result<(), StoreError> {
        if !database.is_shared() {
            return Ok(());
        }
        self.with_the_right(database, |right, _| {
            for (number, month) in right.take_unnamed(database)? {
                self.files.unshare(month, number)?;
            }
            // While the book is held, nobody reads the farm as a whole and writes what a newer manifest names.
            let book = self.book()?;
            self.files.remove_orphans(&book.manifest)?;
            Ok(true)
        })?;
        Ok(())
    }
}
