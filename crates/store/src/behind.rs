//! The sessions behind a number: those of a whole farm that have a part in a window, newest first.
//!
//! Columns tell when the ended ones were, and only the pieces of storage are read that have sessions of such times: row
//! groups of segments, and whole batches. Those that run are in memory.

use std::cmp::Reverse;
use std::fmt;
use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use farmtally_model::{FarmId, LineCost, Record, RecordId, Session};
use hashbrown::HashMap;

use crate::batches;
use crate::book::Book;
use crate::database::Database;
use crate::encoding::Entry;
use crate::error::StoreError;
use crate::farm::OpenFarm;
use crate::find::{PlacedSessions, SessionPosition};
use crate::identity::Place;
use crate::locking::lock;
use crate::sealed::{Segment, SegmentOutline, Sought};
use crate::spans::SoughtSpans;
use crate::store::Store;

/// Which sessions are asked for.
pub struct SessionSearch<'a> {
    /// Start and end of the ended sessions that may be wanted, in milliseconds since 1970. Others are not found.
    pub ended: &'a [(i64, i64)],
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
        fields.field("ended", &self.ended.len()).field("before", &self.before).field("limit", &self.limit);
        fields.finish_non_exhaustive()
    }
}

/// Sessions that were found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionsBehind {
    /// At most as many as were asked for.
    pub sessions: Vec<Session<LineCost>>,
    /// How many ended ones were found, also of those that are too many. Fewer than spans were given means that some were
    /// changed since these were looked up.
    pub ended: usize,
}

impl Store {
    /// Sessions of a farm, running and ended, by start and then by id, the latest first.
    pub fn sessions_behind(
        &self,
        farm_id: FarmId,
        search: &SessionSearch<'_>,
    ) -> Result<SessionsBehind, StoreError> {
        self.on_farm(farm_id, |farm, database| farm.sessions_behind(database, search))
    }
}

/// What was found out about pieces of storage when they were read first. A piece never changes.
#[derive(Debug, Default)]
pub(crate) struct ReadPieces {
    segments: Mutex<HashMap<u32, Arc<SegmentOutline>>>,
    /// First and last start in each batch, if a session in it has ended.
    batches: Mutex<HashMap<i64, Option<RangeInclusive<i64>>>>,
}

/// What a search has to look into.
struct Pieces {
    segments: Vec<Segment>,
    /// Sequences of the batches that are not sealed.
    batches: RangeInclusive<i64>,
    running: Vec<Session<LineCost>>,
}

impl OpenFarm {
    /// Sealing moves sessions from piece to piece. When it did so meanwhile, the page is read again.
    fn sessions_behind(
        &self,
        database: &Database,
        search: &SessionSearch<'_>,
    ) -> Result<SessionsBehind, StoreError> {
        self.require_whole()?;
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
    ) -> Result<SessionsBehind, StoreError> {
        let sought = SoughtSpans::new(search.ended);
        let wanted = |session: &Session<LineCost>| {
            search.before.is_none_or(|before| SessionPosition::of(session) < before)
                && (search.wanted)(session)
        };
        let Pieces { segments, batches, running } = self.pieces(&sought, wanted)?;
        let mut found = PlacedSessions::new();
        for segment in &segments {
            if search.cancelled.load(Ordering::Relaxed) {
                break;
            }
            self.outline(segment)?.read_sought(
                &self.files,
                segment,
                Sought::Spans(&sought),
                |row, session| {
                    if wanted(&session) {
                        found.push((Place::Sealed { segment: segment.number, row }, session));
                    }
                },
            )?;
        }
        for sequence in batches {
            if search.cancelled.load(Ordering::Relaxed) {
                break;
            }
            if self.may_have(sequence, &sought) {
                self.find_in_batch(database, sequence, &sought, wanted, &mut found)?;
            }
        }
        let book = self.book()?;
        found.retain(|(place, session)| book.is_at(RecordId::Session(session.session_id), *place));
        drop(book);
        let ended = found.len();
        let mut sessions = running;
        sessions.extend(found.into_iter().map(|(_, session)| session));
        sessions.sort_by_key(|session| Reverse(SessionPosition::of(session)));
        sessions.truncate(search.limit);
        Ok(SessionsBehind { sessions, ended })
    }

    fn pieces(
        &self,
        sought: &SoughtSpans,
        wanted: impl Fn(&Session<LineCost>) -> bool,
    ) -> Result<Pieces, StoreError> {
        let book = self.book()?;
        self.read_pieces.forget(&book);
        let can_have = |segment: &&Segment| {
            sought.has_within(&(segment.start_min_ms..=i64::MAX), &(i64::MIN..=segment.end_max_ms))
        };
        Ok(Pieces {
            segments: book.manifest.segments().filter(can_have).cloned().collect(),
            batches: book.manifest.base().sequence + 1..=book.head.sequence,
            running: book.running_sessions(wanted).into_iter().map(|(_, session)| session).collect(),
        })
    }

    /// Where the parts of a segment lie.
    pub(crate) fn outline(&self, segment: &Segment) -> Result<Arc<SegmentOutline>, StoreError> {
        let known = lock(&self.read_pieces.segments).get(&segment.number).cloned();
        if let Some(outline) = known.filter(|outline| outline.is_of(segment)) {
            return Ok(outline);
        }
        let outline = Arc::new(SegmentOutline::read(&self.files, segment)?);
        lock(&self.read_pieces.segments).insert(segment.number, Arc::clone(&outline));
        Ok(outline)
    }

    /// Whether a batch may have a session with one of the spans; one that was never read may.
    fn may_have(&self, sequence: i64, sought: &SoughtSpans) -> bool {
        match lock(&self.read_pieces.batches).get(&sequence) {
            Some(Some(starts)) => sought.has_within(starts, &(i64::MIN..=i64::MAX)),
            Some(None) => false,
            None => true,
        }
    }

    fn find_in_batch(
        &self,
        database: &Database,
        sequence: i64,
        sought: &SoughtSpans,
        wanted: impl Fn(&Session<LineCost>) -> bool,
        found: &mut PlacedSessions,
    ) -> Result<(), StoreError> {
        let farm_id = self.files.farm_id();
        let entries = database.read(|connection| batches::load(connection, farm_id, sequence))?;
        let mut starts: Option<RangeInclusive<i64>> = None;
        for (index, entry) in (0..).zip(entries) {
            let Some((session, (start_ms, end_ms))) = ended_session(entry) else { continue };
            starts = Some(match starts {
                Some(starts) => start_ms.min(*starts.start())..=start_ms.max(*starts.end()),
                None => start_ms..=start_ms,
            });
            if sought.contains((start_ms, end_ms)) && wanted(&session) {
                found.push((Place::Batch { sequence, index }, session));
            }
        }
        lock(&self.read_pieces.batches).insert(sequence, starts);
        Ok(())
    }
}

impl ReadPieces {
    /// Forgets the pieces that are gone.
    pub(crate) fn forget(&self, book: &Book) {
        lock(&self.segments).retain(|number, _| book.manifest.segment(*number).is_some());
        let base = book.manifest.base().sequence;
        lock(&self.batches).retain(|sequence, _| *sequence > base);
    }
}

/// The session that an entry puts, if it has ended, with its start and end.
fn ended_session(entry: Entry) -> Option<(Session<LineCost>, (i64, i64))> {
    let Entry::Put(put) = entry else { return None };
    let Record::Session(session) = put.record else { return None };
    let span = (session.span.started_at().millis(), session.span.ended_at()?.millis());
    Some((session, span))
}
