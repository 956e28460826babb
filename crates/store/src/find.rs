//! Sessions, jobs and workers by their ids: the door to single records, beside the snapshots for whole farms.
//!
//! A session is read back from the piece of storage that has it, so that records are not in memory twice. Pages are in
//! the order of starts, and a page reads the pieces that can have a part in it and no others.

use farmtally_model::{FleetId, LineCost, Record, RecordId, Session, SessionId, Timestamp, WorkerId};

use hashbrown::HashSet;

use crate::batches;
use crate::book::{Book, Reading};
use crate::database::Database;
use crate::encoding::{Entry, Put};
use crate::error::StoreError;
use crate::farm::OpenFarm;
use crate::identity::{Place, Standing};
use crate::roster::{Piece, Roster, SessionOwner};
use crate::sealed::{Segment, read_records};

/// Where a session stands in a list of sessions: lists go by start, and by id where sessions started at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct SessionPosition {
    /// When it started.
    pub started_at: Timestamp,
    /// Its id.
    pub session_id: SessionId,
}

impl SessionPosition {
    /// The position of a session.
    pub fn of<C>(session: &Session<C>) -> Self {
        Self { started_at: session.span.started_at(), session_id: session.session_id }
    }
}

impl OpenFarm {
    /// The session with an id, as it is stored now.
    pub(crate) fn session(
        &self,
        database: &Database,
        session_id: SessionId,
    ) -> Result<Option<Session<LineCost>>, StoreError> {
        let id = RecordId::Session(session_id);
        let book = self.book()?;
        match book.live_put(&Reading { database, files: &self.files }, id)? {
            Some(Put { record: Record::Session(session), .. }) => Ok(Some(session)),
            _ => Ok(None),
        }
    }

    /// At most `limit` sessions of an owner behind a position, in the order of their starts.
    ///
    /// Sealing moves sessions from piece to piece. When it did so meanwhile, the page is read again.
    pub(crate) fn sessions(
        &self,
        database: &Database,
        owner: SessionOwner,
        after: Option<SessionPosition>,
        limit: usize,
    ) -> Result<Vec<Session<LineCost>>, StoreError> {
        loop {
            let layout = self.book()?.manifest.layout();
            let page = self.page(database, owner, after, limit);
            if self.book()?.manifest.layout() == layout {
                return page;
            }
        }
    }

    fn page(
        &self,
        database: &Database,
        owner: SessionOwner,
        after: Option<SessionPosition>,
        limit: usize,
    ) -> Result<Vec<Session<LineCost>>, StoreError> {
        let pieces = self.roster(database, |roster| roster.pieces_of(owner))?;
        let mut page: Vec<Session<LineCost>> = Vec::new();
        for (first_ms, last_ms, piece) in pieces {
            let is_full = page.len() == limit;
            if is_full && page.last().is_none_or(|last| last.span.started_at().millis() < first_ms) {
                break;
            }
            if after.is_some_and(|after| last_ms < after.started_at.millis()) {
                continue;
            }
            let wanted = |session: &Session<LineCost>| {
                owner.owns(session) && after.is_none_or(|after| after < SessionPosition::of(session))
            };
            page.extend(self.live_sessions(database, piece, wanted)?);
            page.sort_by_key(SessionPosition::of);
            page.truncate(limit);
        }
        Ok(page)
    }

    /// Number of workers of a fleet that have a running session. It needs no history.
    pub(crate) fn running_worker_count(&self, fleet_id: FleetId) -> Result<usize, StoreError> {
        self.require_whole()?;
        let book = self.book()?;
        let workers: HashSet<WorkerId> = book
            .running
            .values()
            .filter_map(|put| match &put.record {
                Record::Session(session) if session.fleet_id == fleet_id => session.worker_id,
                _ => None,
            })
            .collect();
        Ok(workers.len())
    }

    /// Looks at the farm's jobs and workers, when nothing of them is stale.
    pub(crate) fn roster<T>(
        &self,
        database: &Database,
        look: impl FnOnce(&Roster) -> T,
    ) -> Result<T, StoreError> {
        self.require_whole()?;
        self.gather_roster(database)?;
        {
            let roster = self.read_roster();
            if !roster.is_stale() {
                return Ok(look(&roster));
            }
        }
        // While the book is held, nothing is appended, deleted or sealed.
        let book = self.book()?;
        let pieces = self.read_roster().pieces_to_settle();
        let reading = Reading { database, files: &self.files };
        let mut sessions: Vec<(Piece, Session<LineCost>)> = Vec::new();
        for piece in pieces {
            let is_stale = |session: &Session<LineCost>| self.read_roster().is_of_stale(session);
            for (place, session) in book.sessions_of(&reading, piece, is_stale)? {
                if book.is_at(RecordId::Session(session.session_id), place) {
                    sessions.push((piece, session));
                }
            }
        }
        let mut roster = self.write_roster();
        roster.settle(&sessions);
        Ok(look(&roster))
    }

    /// Reads all records for the roster, the first time that it is asked for. Nothing is stored meanwhile.
    pub(crate) fn gather_roster(&self, database: &Database) -> Result<(), StoreError> {
        if self.read_roster().is_gathered() {
            return Ok(());
        }
        let book = self.book()?;
        if self.read_roster().is_gathered() {
            return Ok(());
        }
        let reading = Reading { database, files: &self.files };
        let mut roster = Roster::gathering();
        book.for_each_live(&reading, |place, record| roster.replace(None, Some(&record), place.piece()))?;
        *self.write_roster() = roster;
        Ok(())
    }

    /// The sessions of a piece that are stored now and wanted.
    pub(crate) fn live_sessions(
        &self,
        database: &Database,
        piece: Piece,
        wanted: impl Fn(&Session<LineCost>) -> bool,
    ) -> Result<Vec<Session<LineCost>>, StoreError> {
        let reading = Reading { database, files: &self.files };
        let sessions = match piece {
            Piece::Carried => self.book()?.running_sessions(wanted),
            Piece::Batch(sequence) => batch_sessions(&reading, sequence, wanted)?,
            Piece::Segment(number) => {
                let segment = self.book()?.manifest.segment(number).cloned();
                segment.map_or(Ok(Vec::new()), |segment| segment_sessions(&reading, &segment, wanted))?
            }
        };
        let book = self.book()?;
        let live = sessions
            .into_iter()
            .filter(|(place, session)| book.is_at(RecordId::Session(session.session_id), *place));
        Ok(live.map(|(_, session)| session).collect())
    }
}

/// Sessions, and where they were found.
pub(crate) type PlacedSessions = Vec<(Place, Session<LineCost>)>;

impl Book {
    /// What is stored under an id.
    pub(crate) fn live_put(&self, reading: &Reading<'_>, id: RecordId) -> Result<Option<Put>, StoreError> {
        let Some((identity, place)) = self.identities.get(id) else {
            return self.sealed_put(reading.files, id);
        };
        match identity.standing {
            Standing::Deleted => Ok(None),
            Standing::Running => Ok(self.running.get(&id).cloned()),
            Standing::Ended => batch_put(reading, *place),
        }
    }

    /// Visits every record that is stored now.
    fn for_each_live(
        &self,
        reading: &Reading<'_>,
        mut visit: impl FnMut(Place, Record<LineCost>),
    ) -> Result<(), StoreError> {
        self.for_each_unsealed(reading, self.manifest.base(), |place, put| visit(place, put.record))?;
        for segment in self.manifest.segments() {
            read_records(reading.files, segment, |sealed| {
                let place = Place::Sealed { segment: segment.number, row: sealed.row };
                if self.manifest.is_live(segment.number, sealed.row) {
                    visit(place, sealed.record);
                }
                Ok(())
            })?;
        }
        Ok(())
    }

    /// Visits the records that are stored in batches behind `base`, and those that run.
    pub(crate) fn for_each_unsealed(
        &self,
        reading: &Reading<'_>,
        base: batches::Head,
        mut visit: impl FnMut(Place, Put),
    ) -> Result<(), StoreError> {
        let farm_id = reading.files.farm_id();
        reading.database.read(|connection| {
            batches::for_each_newest_first(connection, farm_id, base, self.head, |sequence, entries| {
                for (index, entry) in (0..).zip(entries) {
                    let place = Place::Batch { sequence, index };
                    if let Entry::Put(put) = entry
                        && put.record.span().ended_at().is_some()
                        && self.is_at(put.record.id(), place)
                    {
                        visit(place, put);
                    }
                }
                Ok(())
            })
        })?;
        for (id, put) in &self.running {
            if let Some((_, place)) = self.identities.get(*id) {
                visit(*place, put.clone());
            }
        }
        Ok(())
    }

    /// Whether what is stored under an id is what is at a place.
    pub(crate) fn is_at(&self, id: RecordId, place: Place) -> bool {
        match place {
            Place::Sealed { segment, row } => self.manifest.is_live(segment, row),
            Place::Batch { .. } | Place::Carried => {
                self.identities.get(id).is_some_and(|(identity, at)| identity.is_live() && *at == place)
            }
        }
    }

    /// The running sessions that are wanted.
    pub(crate) fn running_sessions(&self, wanted: impl Fn(&Session<LineCost>) -> bool) -> PlacedSessions {
        let sessions = self.running.values().filter_map(|put| match &put.record {
            Record::Session(session) if wanted(session) => Some((Place::Carried, session.clone())),
            _ => None,
        });
        // Those that run since a later batch are in that batch's piece, and `is_at` leaves them out here.
        sessions.collect()
    }

    fn sessions_of(
        &self,
        reading: &Reading<'_>,
        piece: Piece,
        wanted: impl Fn(&Session<LineCost>) -> bool,
    ) -> Result<PlacedSessions, StoreError> {
        match piece {
            Piece::Carried => Ok(self.running_sessions(wanted)),
            Piece::Batch(sequence) => batch_sessions(reading, sequence, wanted),
            Piece::Segment(number) => match self.manifest.segment(number) {
                Some(segment) => segment_sessions(reading, segment, wanted),
                None => Ok(Vec::new()),
            },
        }
    }
}

/// The record at a place in a batch.
fn batch_put(reading: &Reading<'_>, place: Place) -> Result<Option<Put>, StoreError> {
    let Place::Batch { sequence, index } = place else { return Ok(None) };
    let farm_id = reading.files.farm_id();
    let entries = reading.database.read(|connection| batches::load(connection, farm_id, sequence))?;
    match (0..).zip(entries).find(|(at, _)| *at == index) {
        Some((_, Entry::Put(put))) => Ok(Some(put)),
        _ => Err(place.damaged(reading.files, "it lost a record")),
    }
}

fn batch_sessions(
    reading: &Reading<'_>,
    sequence: i64,
    wanted: impl Fn(&Session<LineCost>) -> bool,
) -> Result<PlacedSessions, StoreError> {
    let farm_id = reading.files.farm_id();
    let entries = reading.database.read(|connection| batches::load(connection, farm_id, sequence))?;
    let mut sessions = Vec::new();
    for (index, entry) in (0..).zip(entries) {
        if let Entry::Put(Put { record: Record::Session(session), .. }) = entry
            && wanted(&session)
        {
            sessions.push((Place::Batch { sequence, index }, session));
        }
    }
    Ok(sessions)
}

fn segment_sessions(
    reading: &Reading<'_>,
    segment: &Segment,
    wanted: impl Fn(&Session<LineCost>) -> bool,
) -> Result<PlacedSessions, StoreError> {
    let mut sessions = Vec::new();
    read_records(reading.files, segment, |sealed| {
        let place = Place::Sealed { segment: segment.number, row: sealed.row };
        if let Record::Session(session) = sealed.record
            && wanted(&session)
        {
            sessions.push((place, session));
        }
        Ok(())
    })?;
    Ok(sessions)
}
