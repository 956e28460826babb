//! Following: what other servers stored is taken into memory before anything is answered or decided from it.
//!
//! A farm's rows say how far it has come. Batches that came behind those in memory are taken in one after the other; when
//! sealing moved records, the farm is read again. A folder has one process, which has nobody to follow.

use farmtally_model::RecordId;

use crate::batches::{self, Head};
use crate::book::{Book, Known, load_from};
use crate::database::{Connection, Database};
use crate::encoding::{Entry, Put};
use crate::error::StoreError;
use crate::farm::OpenFarm;
use crate::identity::{Identity, Place, Standing};
use crate::registry::Registry;
use crate::roster::Roster;
use crate::sealed::LoadedManifest;
use crate::shared::Progress;

impl OpenFarm {
    /// Takes in everything that was acknowledged by any server before this was called.
    pub(crate) fn follow(&self, database: &Database) -> Result<(), StoreError> {
        if !database.is_shared() {
            return Ok(());
        }
        let farm_id = self.farm_id();
        let stored = database.read(|connection| Progress::load(connection, farm_id))?;
        let stored = stored.ok_or(StoreError::UnknownFarm { farm_id })?;
        if self.shows(stored) {
            return Ok(());
        }
        let mut book = self.book_to_follow()?;
        if self.shows(stored) {
            return Ok(());
        }
        let taken = database.read_long(|connection| self.take_from(connection, &mut book));
        match taken {
            Ok(()) => self.publish(&book),
            Err(error) => {
                // Some of it may be in. Nothing is answered from that, and the next look reads all of it.
                self.withdraw(error.clone());
                return Err(error);
            }
        }
        self.note_sealable(book.identities.ended_count());
        Ok(())
    }

    fn take_from(&self, connection: &Connection<'_>, book: &mut Book) -> Result<(), StoreError> {
        let farm_id = self.farm_id();
        let stored = Progress::load(connection, farm_id)?.ok_or(StoreError::UnknownFarm { farm_id })?;
        let loaded = crate::sealed::Manifest::load(connection, farm_id)?;
        let goes_on = self.is_whole()
            && loaded.manifest.layout() == book.manifest.layout()
            && loaded.manifest.kept_from_ms() == book.manifest.kept_from_ms()
            && book.head.sequence > 0
            && stored.head.sequence >= book.head.sequence;
        // A step that fails proves nothing but that the farm has to be read as a whole.
        if goes_on && self.take_steps(connection, book, stored, loaded).is_ok() && book.is_consistent() {
            return Ok(());
        }
        self.read_anew(connection, book)
    }

    /// Takes in the batches behind those of the book.
    fn take_steps(
        &self,
        connection: &Connection<'_>,
        book: &mut Book,
        stored: Progress,
        loaded: LoadedManifest,
    ) -> Result<(), StoreError> {
        let farm_id = self.farm_id();
        if stored.names_revision != book.names_revision {
            book.registry = Registry::load(connection, farm_id)?;
        }
        let mut steps = Vec::new();
        batches::for_each_newest_first(connection, farm_id, book.head, stored.head, |sequence, entries| {
            steps.push((sequence, entries));
            Ok(())
        })?;
        let mut known = Known::default();
        for removal in book.manifest.unknown(&loaded.removals) {
            known.sealed_is_removed(removal);
        }
        book.verify_replaced(&self.files, &known)?;
        let mut roster = self.write_roster();
        for (sequence, entries) in steps.into_iter().rev() {
            load_from(connection, farm_id, book.replaced_by(&entries), &mut known.loaded)?;
            book.take_entries(Head::new(sequence, [0; 16]), entries, &known, &mut roster)?;
        }
        book.manifest = loaded.manifest;
        book.head = stored.head;
        book.names_revision = stored.names_revision;
        Ok(())
    }
}

impl Book {
    /// Whether the columns have exactly the records that the batches and the manifest have.
    pub(crate) fn is_consistent(&self) -> bool {
        let snapshot = self.columns.snapshot();
        snapshot.session_count() + snapshot.volume_count() == self.live_count()
    }

    /// Where the ended records of batches are that entries take the place of.
    fn replaced_by(&self, entries: &[Entry]) -> Vec<(Place, RecordId)> {
        let place = |entry: &Entry| {
            let (identity, place) = self.identities.get(entry.id())?;
            (identity.standing == Standing::Ended).then_some((*place, entry.id()))
        };
        entries.iter().filter_map(place).collect()
    }

    /// Takes in the entries of a batch that another server committed.
    fn take_entries(
        &mut self,
        head: Head,
        entries: Vec<Entry>,
        known: &Known,
        roster: &mut Roster,
    ) -> Result<(), StoreError> {
        if let [Entry::Delete { id, revision }] = entries[..] {
            self.take_out(head, id, revision, known, roster);
            return Ok(());
        }
        let put = |entry| match entry {
            Entry::Put(put) => Ok(put),
            Entry::Delete { .. } => Err(StoreError::damaged("a batch", "it deletes among other things")),
        };
        let puts: Vec<Put> = entries.into_iter().map(put).collect::<Result<_, _>>()?;
        self.take_in(head, puts, known, roster);
        Ok(())
    }
}

impl Known {
    /// Another server removed a sealed record.
    fn sealed_is_removed(&mut self, removal: &crate::sealed::Removal) {
        let id = removal.record.id();
        let place = Place::Sealed { segment: removal.segment, row: removal.row };
        // Only that it has ended is asked of it.
        self.sealed.insert(id, (Identity::sealed(0, removal.record.revision()), place));
        self.loaded.insert(id, removal.record.clone());
    }
}
