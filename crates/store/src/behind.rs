//! The sessions behind a number: those of a whole farm that have a part in a window, newest first.
//!
//! Storage is read piece by piece from the latest starts on, and no further than a page needs. A piece that is known to
//! have nothing of the window or of the jobs is not read.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};

use farmtally_model::{FarmId, JobId, LineCost, Session, TimeRange};

use crate::database::Database;
use crate::error::StoreError;
use crate::farm::OpenFarm;
use crate::find::SessionPosition;
use crate::roster::Piece;
use crate::store::Store;

/// Which sessions are asked for.
pub struct SessionSearch<'a> {
    /// The window. It only saves reading: whether a session has a part in it is for `wanted` to say.
    pub window: TimeRange,
    /// The only jobs that `wanted` can want, if it is known.
    pub jobs: Option<BTreeSet<JobId>>,
    /// Only sessions behind this one, which has no place in the order of starts before them.
    pub before: Option<SessionPosition>,
    /// Most sessions.
    pub limit: usize,
    /// Whether a session is wanted.
    pub wanted: &'a dyn Fn(&Session<LineCost>) -> bool,
    /// Looked at between pieces of storage; what was found until then is the answer.
    pub cancelled: &'a AtomicBool,
}

impl fmt::Debug for SessionSearch<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut fields = f.debug_struct("SessionSearch");
        fields.field("window", &self.window).field("before", &self.before).field("limit", &self.limit);
        fields.finish_non_exhaustive()
    }
}

impl Store {
    /// Sessions of a farm, running and ended, by start and then by id, the latest first.
    pub fn sessions_behind(
        &self,
        farm_id: FarmId,
        search: &SessionSearch<'_>,
    ) -> Result<Vec<Session<LineCost>>, StoreError> {
        self.on_farm(farm_id, |farm, database| farm.sessions_behind(database, search))
    }
}

impl OpenFarm {
    /// Sealing moves sessions from piece to piece. When it did so meanwhile, the page is read again.
    fn sessions_behind(
        &self,
        database: &Database,
        search: &SessionSearch<'_>,
    ) -> Result<Vec<Session<LineCost>>, StoreError> {
        loop {
            let layout = self.book()?.manifest.layout();
            let page = self.page_behind(database, search);
            if self.book()?.manifest.layout() == layout {
                return page;
            }
        }
    }

    fn page_behind(
        &self,
        database: &Database,
        search: &SessionSearch<'_>,
    ) -> Result<Vec<Session<LineCost>>, StoreError> {
        let mut pieces = self.roster(database, |roster| roster.pieces(search.jobs.as_ref()))?;
        pieces.sort_unstable_by_key(|(_, last_ms, piece)| Reverse((*last_ms, *piece)));
        let mut page: Vec<Session<LineCost>> = Vec::new();
        for (first_ms, last_ms, piece) in pieces {
            let is_full = page.len() == search.limit;
            if is_full && page.last().is_none_or(|last| last.span.started_at().millis() > last_ms) {
                break;
            }
            if search.cancelled.load(Ordering::Relaxed) {
                break;
            }
            let begins_too_late = search.before.is_some_and(|before| first_ms > before.started_at.millis());
            if begins_too_late
                || first_ms >= search.window.end().millis()
                || self.ended_before(piece, search)?
            {
                continue;
            }
            let wanted = |session: &Session<LineCost>| {
                search.before.is_none_or(|before| SessionPosition::of(session) < before)
                    && (search.wanted)(session)
            };
            page.extend(self.live_sessions(database, piece, wanted)?);
            page.sort_by_key(|session| Reverse(SessionPosition::of(session)));
            page.truncate(search.limit);
        }
        Ok(page)
    }

    /// Whether everything in a piece is known to have ended before the window.
    fn ended_before(&self, piece: Piece, search: &SessionSearch<'_>) -> Result<bool, StoreError> {
        let Piece::Segment(number) = piece else { return Ok(false) };
        let book = self.book()?;
        let segment = book.manifest.segment(number);
        Ok(segment.is_some_and(|segment| segment.end_max_ms < search.window.start().millis()))
    }
}
