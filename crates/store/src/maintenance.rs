//! The thread that seals, compacts and merges while the store is open.

use std::io;
use std::sync::Weak;
use std::sync::mpsc::{Receiver, RecvTimeoutError};

use crate::background::Background;
use crate::database::Database;
use crate::error::StoreError;
use crate::farm::OpenFarm;
use crate::limits::{SEAL_INTERVAL, SEAL_RECORDS};
use crate::store::Shared;

/// Starts the thread, which looks at once for something to do.
pub(crate) fn start(shared: Weak<Shared>) -> io::Result<Background> {
    let maintenance = Background::start("sealing", move |woken| run(woken, &shared))?;
    maintenance.wake();
    Ok(maintenance)
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
        self.maintain_unguarded(database, records_least)
            .inspect_err(|error| database.refuse_writes_after(error))
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
