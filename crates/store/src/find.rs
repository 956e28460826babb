//! Sessions, jobs and workers by their ids: the door to single records, beside the snapshots for whole farms.
//!
//! A session is read back from the piece of storage that has it, so that records are not in memory twice. Pages are in
//! the order of starts, and a page reads the pieces that can have a part in it and no others.

use farmtally_model::{
    FleetId, JobId, LineCost, QueueId, Record, RecordId, Session, SessionId, Timestamp, WorkerId,
};

use crate::batches;
use crate::database::Database;
use crate::encoding::{Entry, Put};
use crate::error::StoreError;
use crate::farm::OpenFarm;
use crate::identity::Place;
use crate::roster::{JobSummary, Piece, Roster, SessionOwner, WorkerSummary};

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
        let Some(place) = self.live_place(id)? else { return Ok(None) };
        let entries = self.piece(database, place.sequence)?;
        let found = (0..).zip(entries).find(|(index, _): &(u32, _)| *index == place.index);
        match found {
            Some((_, Entry::Put(Put { record: Record::Session(session), .. })))
                if session.session_id == session_id =>
            {
                Ok(Some(session))
            }
            _ => Err(batches::damaged(self.farm_id(), place.sequence, &format!("it lost `{id}`"))),
        }
    }

    /// At most `limit` sessions of an owner behind a position, in the order of their starts.
    pub(crate) fn sessions(
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

    pub(crate) fn job(
        &self,
        database: &Database,
        queue_id: QueueId,
        job_id: JobId,
    ) -> Result<Option<JobSummary>, StoreError> {
        self.roster(database, |roster| roster.job((queue_id, job_id)))
    }

    pub(crate) fn jobs(
        &self,
        database: &Database,
        queue_id: QueueId,
        after: Option<JobId>,
        limit: usize,
    ) -> Result<Vec<JobSummary>, StoreError> {
        self.roster(database, |roster| roster.jobs(queue_id, after).take(limit).collect())
    }

    pub(crate) fn worker(
        &self,
        database: &Database,
        fleet_id: FleetId,
        worker_id: WorkerId,
    ) -> Result<Option<WorkerSummary>, StoreError> {
        self.roster(database, |roster| roster.worker((fleet_id, worker_id)))
    }

    pub(crate) fn workers(
        &self,
        database: &Database,
        fleet_id: FleetId,
        after: Option<WorkerId>,
        limit: usize,
    ) -> Result<Vec<WorkerSummary>, StoreError> {
        self.roster(database, |roster| roster.workers(fleet_id, after).take(limit).collect())
    }

    pub(crate) fn worker_count(&self, database: &Database, fleet_id: FleetId) -> Result<usize, StoreError> {
        self.roster(database, |roster| roster.worker_count(fleet_id))
    }

    /// Looks at the roster when nothing in it is stale.
    fn roster<T>(&self, database: &Database, look: impl FnOnce(&Roster) -> T) -> Result<T, StoreError> {
        self.require_whole()?;
        {
            let roster = self.read_roster();
            if !roster.is_stale() {
                return Ok(look(&roster));
            }
        }
        // While the book is held, nothing is appended or deleted.
        let book = self.book()?;
        let pieces = self.read_roster().pieces_to_settle();
        let mut sessions: Vec<(Piece, Session<LineCost>)> = Vec::new();
        for piece in pieces {
            for (index, entry) in (0..).zip(self.piece(database, piece)?) {
                if let Entry::Put(Put { record: Record::Session(session), .. }) = entry
                    && book.is_at(RecordId::Session(session.session_id), Place { sequence: piece, index })
                    && self.read_roster().is_of_stale(&session)
                {
                    sessions.push((piece, session));
                }
            }
        }
        let mut roster = self.write_roster();
        roster.settle(&sessions);
        Ok(look(&roster))
    }

    /// The sessions of a piece that are stored now and wanted.
    fn live_sessions(
        &self,
        database: &Database,
        piece: Piece,
        wanted: impl Fn(&Session<LineCost>) -> bool,
    ) -> Result<Vec<Session<LineCost>>, StoreError> {
        let mut sessions = Vec::new();
        for (index, entry) in (0..).zip(self.piece(database, piece)?) {
            if let Entry::Put(Put { record: Record::Session(session), .. }) = entry
                && wanted(&session)
            {
                sessions.push((Place { sequence: piece, index }, session));
            }
        }
        let book = self.book()?;
        sessions.retain(|(place, session)| book.is_at(RecordId::Session(session.session_id), *place));
        Ok(sessions.into_iter().map(|(_, session)| session).collect())
    }

    fn live_place(&self, id: RecordId) -> Result<Option<Place>, StoreError> {
        Ok(self.book()?.live_place(id))
    }

    fn piece(&self, database: &Database, piece: Piece) -> Result<Vec<Entry>, StoreError> {
        database.read(|connection| batches::load(connection, self.farm_id(), piece))
    }
}
