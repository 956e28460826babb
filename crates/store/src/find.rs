//! Sessions, jobs and workers by their ids: the door to single records, beside the snapshots for whole farms.
//!
//! A session is read back from the piece of storage that has it, so that records are not in memory twice. Pages are in
//! the order of starts, and a page reads the pieces that can have a part in it and no others.

use farmtally_model::{FleetId, LineCost, Record, RecordId, Session, SessionId, Timestamp, WorkerId};

use hashbrown::HashSet;

use crate::batches;
use crate::book::{Book, Reading};
use crate::database::Database;
use crate::encoding::{Entry, Put, SessionOf};
use crate::error::StoreError;
use crate::farm::OpenFarm;
use crate::identity::{Place, Standing};
use crate::lookup::session_in;
use crate::roster::{Piece, Roster, SessionOwner};
use crate::sealed::{Segment, Sought, read_records};

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
        let (pieces, span) =
            self.roster(database, |roster| (roster.pieces_of(owner), roster.span_of(owner)))?;
        let mut page = Page { owner, after, limit, sessions: Vec::new() };
        for (first_ms, last_ms, piece) in pieces {
            if page.is_complete_before(first_ms) {
                break;
            }
            if !page.is_behind(last_ms) {
                self.add_piece(database, piece, span, &mut page)?;
            }
        }
        Ok(page.sessions)
    }

    /// Adds the sessions of a piece to a page of an owner whose ended sessions lie in a span.
    fn add_piece(
        &self,
        database: &Database,
        piece: Piece,
        span: (i64, i64),
        page: &mut Page,
    ) -> Result<(), StoreError> {
        let found = match piece {
            Piece::Carried => self.book()?.running_sessions(|session| page.wants(session)),
            Piece::Batch(sequence) => self.owned_in_batch(database, sequence, page.owner)?,
            Piece::Segment(number) => {
                let segment = self.book()?.manifest.segment(number).cloned();
                return segment.map_or(Ok(()), |segment| self.add_segment(&segment, span, page));
            }
        };
        self.add_live(found, page)
    }

    /// Adds those of a segment, from the row groups that can have some, by their first starts.
    fn add_segment(
        &self,
        segment: &Segment,
        (first_ms, last_ms): (i64, i64),
        page: &mut Page,
    ) -> Result<(), StoreError> {
        let outline = self.outline(segment)?;
        let groups = outline.spans().enumerate().filter(|(_, (starts, ends))| {
            *starts.end() >= first_ms && *ends.start() <= last_ms && !page.is_behind(*starts.end())
        });
        let mut groups: Vec<_> = groups.map(|(index, (starts, _))| (*starts.start(), index)).collect();
        groups.sort_unstable();
        for (first_ms, index) in groups {
            if page.is_complete_before(first_ms) {
                break;
            }
            let mut found = PlacedSessions::new();
            let sought = Sought::Owner(page.owner);
            outline.read_sought_in(index, &self.files, segment, sought, &mut |row, session| {
                found.push((Place::Sealed { segment: segment.number, row }, session));
            })?;
            self.add_live(found, page)?;
        }
        Ok(())
    }

    fn owned_in_batch(
        &self,
        database: &Database,
        sequence: i64,
        owner: SessionOwner,
    ) -> Result<PlacedSessions, StoreError> {
        let farm_id = self.farm_id();
        let entries = database.read(|connection| {
            let is_own = |_, session: Option<SessionOf>| session.is_some_and(|of| owner.owns_one_of(of));
            batches::load_wanted(connection, farm_id, sequence, is_own)
        })?;
        let placed = entries
            .into_iter()
            .filter_map(|(index, entry)| Some((Place::Batch { sequence, index }, session_in(entry)?)));
        Ok(placed.collect())
    }

    /// Adds those of the sessions that are stored now.
    fn add_live(&self, found: PlacedSessions, page: &mut Page) -> Result<(), StoreError> {
        let book = self.book()?;
        let live = found.into_iter().filter(|(place, session)| {
            page.wants(session) && book.is_at(RecordId::Session(session.session_id), *place)
        });
        let live: Vec<_> = live.map(|(_, session)| session).collect();
        drop(book);
        page.add(live);
        Ok(())
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
}

/// A page of sessions on its way, in the order of their starts.
struct Page {
    owner: SessionOwner,
    after: Option<SessionPosition>,
    limit: usize,
    sessions: Vec<Session<LineCost>>,
}

impl Page {
    fn wants(&self, session: &Session<LineCost>) -> bool {
        self.owner.owns(session) && self.after.is_none_or(|after| after < SessionPosition::of(session))
    }

    /// Whether what starts at the latest then lies before the page.
    fn is_behind(&self, last_start_ms: i64) -> bool {
        self.after.is_some_and(|after| last_start_ms < after.started_at.millis())
    }

    /// Whether what starts from then on cannot change it any more.
    fn is_complete_before(&self, first_start_ms: i64) -> bool {
        let is_later = |last: &Session<LineCost>| last.span.started_at().millis() < first_start_ms;
        self.sessions.len() == self.limit && self.sessions.last().is_none_or(is_later)
    }

    fn add(&mut self, sessions: Vec<Session<LineCost>>) {
        self.sessions.extend(sessions);
        self.sessions.sort_by_key(SessionPosition::of);
        self.sessions.truncate(self.limit);
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
