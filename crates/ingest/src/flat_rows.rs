//! Flat formats, a usage line per row: adjacent rows with the same session id are one session.
//!
//! A session is taken whole or refused whole. After the first bad row of a session the rest of its rows are only
//! passed over, because a session with a line missing would be a wrong bill.

use std::iter::Peekable;

use farmtally_model::{SessionError, Submission, USAGE_LINES_MAX};

use crate::cell::{Cell, Cells};
use crate::column::Column;
use crate::entry::{Entry, FieldProblem, ReadError, Reject, entry};
use crate::growth::Growth;
use crate::record::{SentLine, session, session_problem, usage_line, volume};

/// One row, with as many of its cells as could be read.
pub(crate) struct FlatRow {
    pub(crate) line: u64,
    pub(crate) cells: Cells<'static>,
    /// What is wrong with the row as a whole.
    pub(crate) problem: Option<FieldProblem>,
    /// The source ends in the middle of the row, so that even its session id may be cut short.
    pub(crate) torn: bool,
}

/// What a source of flat rows has next.
#[expect(clippy::large_enum_variant, reason = "nearly all are whole, and are handed on at once")]
pub(crate) enum FlatItem {
    /// One row.
    Row(Box<FlatRow>),
    /// All rows of a session, which the source could put together itself.
    Whole(Entry),
}

/// The entries of flat rows.
pub(crate) struct FlatEntries<R: Iterator<Item = Result<FlatItem, ReadError>>> {
    rows: Peekable<R>,
    growth: Option<Growth>,
    /// The session at the end of a source that grows, whose next row may come.
    held: Option<SessionRows>,
}

impl<R: Iterator<Item = Result<FlatItem, ReadError>>> FlatEntries<R> {
    pub(crate) fn new(rows: R, growth: Option<Growth>) -> Self {
        Self { rows: rows.peekable(), growth, held: None }
    }

    /// The session with these rows and those that follow; `None` when it is held. One that reading breaks off behind may have
    /// further usage lines, so it is given up for the error: half of a session would be a wrong bill.
    fn session(&mut self, mut group: SessionRows) -> Result<Option<Entry>, ReadError> {
        while let Some(Ok(FlatItem::Row(row))) =
            self.rows.next_if(|item| item.as_ref().is_ok_and(|item| group.continues_with(item)))
        {
            group.add(*row);
        }
        if let Some(Err(error)) = self.rows.next_if(Result::is_err) {
            return Err(error);
        }
        match self.rows.peek() {
            Some(Ok(FlatItem::Row(row))) => group.refuse_if_torn(row),
            None if self.growth.as_ref().is_some_and(|growth| !growth.is_quiet()) => {
                self.held = Some(group);
                // Takes away the end that was seen, so that it is looked for anew.
                return Ok(self.rows.next().and(None));
            }
            _ => {}
        }
        Ok(Some(group.finish()))
    }

    fn next_entry(&mut self) -> Result<Option<Entry>, ReadError> {
        if let Some(group) = self.held.take() {
            return self.session(group);
        }
        let row = match self.rows.next().transpose()? {
            Some(FlatItem::Row(row)) => *row,
            Some(FlatItem::Whole(entry)) => return Ok(Some(entry)),
            None => return Ok(None),
        };
        if row.cells.get(Column::SessionId).is_some() {
            self.session(SessionRows::start(row))
        } else {
            Ok(Some(single(row)))
        }
    }
}

impl<R: Iterator<Item = Result<FlatItem, ReadError>>> Iterator for FlatEntries<R> {
    type Item = Result<Entry, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.next_entry().transpose()
    }
}

/// A row without a session id: a volume, or nothing we know.
fn single(row: FlatRow) -> Entry {
    let outcome = match row.problem {
        Some(problem) => Err(problem),
        None if row.cells.get(Column::VolumeId).is_some() => flat_volume(row.cells),
        None => Err(row.cells.missing(Column::SessionId, "; give sessionId or volumeId")),
    };
    entry(row.line, outcome)
}

/// A volume may say its usage type, of which there is only one.
fn flat_volume(mut cells: Cells<'static>) -> Result<Submission, FieldProblem> {
    let usage_type = cells.text(Column::UsageType, crate::record::parse_usage_type)?;
    if usage_type.is_some_and(|usage_type| usage_type != farmtally_model::UsageType::PersistentVolume) {
        return Err(cells.problem(Column::UsageType, "the usage type of a volume is PERSISTENT_VOLUME"));
    }
    cells.set(Column::UsageType, None);
    cells.refuse_others(&Column::VOLUME, "a volume")?;
    volume(&cells)
}

/// The rows of one session.
struct SessionRows {
    line: u64,
    cells: Cells<'static>,
    lines: Vec<SentLine>,
    rows: usize,
    refused: Option<Reject>,
}

impl SessionRows {
    fn start(first: FlatRow) -> Self {
        let FlatRow { line, cells, problem, .. } = first;
        let mut group = Self { line, cells, lines: Vec::with_capacity(1), rows: 0, refused: None };
        // The first row is read where it stays: most sessions have no other.
        let usage =
            problem.map_or_else(|| refuse_volume(&group.cells), Err).and_then(|()| usage_line(&group.cells));
        group.rows = 1;
        group.keep(line, usage);
        group
    }

    fn continues_with(&self, item: &FlatItem) -> bool {
        match item {
            FlatItem::Row(row) => row.cells.get(Column::SessionId) == self.cells.get(Column::SessionId),
            FlatItem::Whole(_) => false,
        }
    }

    /// Refuses the session if the row behind it is one of its usage lines as far as can be told.
    fn refuse_if_torn(&mut self, next: &FlatRow) {
        let shown =
            |cells: &Cells<'_>| cells.get(Column::SessionId).map(ToString::to_string).unwrap_or_default();
        let (id, cut_id) = (shown(&self.cells), shown(&next.cells));
        if self.refused.is_none() && next.torn && id.starts_with(&cut_id) {
            let message =
                "the file ends in the middle of a row, so the session before it may be missing a usage line";
            self.refused = Some(self.cells.problem(Column::SessionId, message).at(self.line));
        }
    }

    fn add(&mut self, row: FlatRow) {
        self.rows += 1;
        if self.refused.is_some() || self.rows > USAGE_LINES_MAX {
            return;
        }
        let (line, usage) = (row.line, self.read(row));
        self.keep(line, usage);
    }

    fn keep(&mut self, line: u64, usage: Result<SentLine, FieldProblem>) {
        match usage {
            Ok(usage) => self.lines.push(usage),
            Err(problem) => self.refused = Some(problem.at(line)),
        }
    }

    fn read(&self, row: FlatRow) -> Result<SentLine, FieldProblem> {
        if let Some(problem) = row.problem {
            return Err(problem);
        }
        refuse_volume(&row.cells)?;
        self.refuse_difference(&row.cells)?;
        usage_line(&row.cells)
    }

    fn refuse_difference(&self, cells: &Cells<'static>) -> Result<(), FieldProblem> {
        let differs = |column: &Column| cells.get(*column) != self.cells.get(*column);
        match Column::SESSION.into_iter().find(differs) {
            None => Ok(()),
            Some(column) => {
                let (found, first) = (shown(cells.get(column)), shown(self.cells.get(column)));
                let message =
                    format!("{found} differs from {first} in line {} of the same session", self.line);
                Err(cells.problem(column, message))
            }
        }
    }

    fn finish(self) -> Entry {
        if let Some(reject) = self.refused {
            return Entry::Rejected(reject);
        }
        if self.rows > USAGE_LINES_MAX {
            let problem = session_problem(&SessionError::TooManyLines { count: self.rows });
            return Entry::Rejected(problem.at(self.line));
        }
        entry(self.line, session(&self.cells, self.lines))
    }
}

fn refuse_volume(cells: &Cells<'static>) -> Result<(), FieldProblem> {
    match cells.get(Column::VolumeId) {
        None => Ok(()),
        Some(_) => Err(cells.problem(Column::VolumeId, "a row has a sessionId or a volumeId, not both")),
    }
}

fn shown(cell: Option<&Cell<'_>>) -> String {
    cell.map_or_else(
        || "nothing".to_owned(),
        |cell| format!("{:?}", crate::entry::excerpt(&cell.to_string())),
    )
}
