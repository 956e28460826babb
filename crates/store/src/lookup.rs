//! Sessions by their ids, many at once: each row group and each batch that has some of them is read once, and nothing else.

use std::collections::BTreeMap;

use farmtally_model::{LineCost, Record, RecordId, Session, SessionId};
use hashbrown::HashSet;

use crate::batches;
use crate::book::Book;
use crate::database::Database;
use crate::encoding::{Entry, Put};
use crate::error::StoreError;
use crate::farm::OpenFarm;
use crate::identity::{Place, Standing};
use crate::sealed::{Segment, Sought};

/// Where sessions are, at one instant.
#[derive(Debug, Default)]
struct Located {
    /// Those that run are in memory.
    running: Vec<Session<LineCost>>,
    /// Places inside of batches, by their sequences.
    batches: BTreeMap<i64, HashSet<u32>>,
    /// Segments with the rows in which records begin that may be some of them.
    segments: Vec<(Segment, Vec<u32>)>,
}

impl OpenFarm {
    /// Those of the sessions that are stored now.
    ///
    /// The book is held while they are located and not while they are read. When sealing moved them meanwhile, they are
    /// located again.
    pub(crate) fn sessions_with(
        &self,
        database: &Database,
        session_ids: &[SessionId],
    ) -> Result<Vec<Session<LineCost>>, StoreError> {
        loop {
            let (layout, located) = {
                let book = self.book()?;
                self.read_pieces.forget(&book);
                (book.manifest.layout(), book.locate(session_ids)?)
            };
            let found = self.read_located(database, located, session_ids);
            if self.book()?.manifest.layout() == layout {
                return found;
            }
        }
    }

    fn read_located(
        &self,
        database: &Database,
        located: Located,
        session_ids: &[SessionId],
    ) -> Result<Vec<Session<LineCost>>, StoreError> {
        let wanted: HashSet<SessionId> = session_ids.iter().copied().collect();
        let Located { running: mut found, batches, segments } = located;
        for (sequence, places) in batches {
            let farm_id = self.farm_id();
            let entries = database.read(|connection| {
                batches::load_wanted(connection, farm_id, sequence, |place, _| places.contains(&place))
            })?;
            if entries.len() != places.len() {
                return Err(batches::damaged(farm_id, sequence, "it lost a record"));
            }
            found.extend(entries.into_iter().filter_map(|(_, entry)| session_in(entry)));
        }
        for (segment, rows) in segments {
            self.outline(&segment)?.read_sought(
                &self.files,
                &segment,
                Sought::Rows(&rows),
                |_, session| {
                    // An equal key alone proves nothing.
                    if wanted.contains(&session.session_id) {
                        found.push(session);
                    }
                },
            )?;
        }
        Ok(found)
    }
}

impl Book {
    fn locate(&self, session_ids: &[SessionId]) -> Result<Located, StoreError> {
        let mut located = Located::default();
        let mut sealed = Vec::new();
        for id in session_ids.iter().map(|id| RecordId::Session(*id)) {
            match self.identities.get(id) {
                None => sealed.push(id),
                Some((identity, place)) => match (identity.standing, *place) {
                    (Standing::Running, _) => located.running.extend(self.running_session(id)),
                    (Standing::Ended, Place::Batch { sequence, index }) => {
                        located.batches.entry(sequence).or_default().insert(index);
                    }
                    (Standing::Ended | Standing::Deleted, _) => {}
                },
            }
        }
        let mut rows: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
        for candidate in self.keys.lookup(sealed.into_iter(), &self.manifest)?.into_values().flatten() {
            rows.entry(candidate.segment).or_default().push(candidate.row);
        }
        for (number, mut rows) in rows {
            rows.sort_unstable();
            rows.dedup();
            located.segments.extend(self.manifest.segment(number).map(|segment| (segment.clone(), rows)));
        }
        Ok(located)
    }

    fn running_session(&self, id: RecordId) -> Option<Session<LineCost>> {
        match &self.running.get(&id)?.record {
            Record::Session(session) => Some(session.clone()),
            Record::Volume(_) => None,
        }
    }
}

/// The session that an entry puts.
pub(crate) fn session_in(entry: Entry) -> Option<Session<LineCost>> {
    match entry {
        Entry::Put(Put { record: Record::Session(session), .. }) => Some(session),
        _ => None,
    }
}
