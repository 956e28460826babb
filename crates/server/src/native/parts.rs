//! An answer as bytes, part by part: a part is made when the one before it is on its way, so that an answer of a million rows
//! costs its rows and not its text too.

use std::fmt;
use std::io;

use farmtally_service::UsageAnswer;
use farmtally_wire::native::{AnswerFrame, write_elements};

use super::answer::AnswerDocument;
use super::columns::{RowCursor, columns};
use super::form::Form;
use super::table_writer::TableWriter;
use crate::reply_body::Parts;

/// Groups or rows of a part of a document.
const TEXT_ROWS: usize = 2_048;

/// The parts of an answer.
pub(super) struct AnswerParts {
    answer: UsageAnswer,
    writer: Writer,
}

/// What has been written, and what writes on.
enum Writer {
    Json {
        document: AnswerDocument,
        place: Place,
    },
    Table {
        cursor: RowCursor,
        table: TableWriter,
    },
    /// Nothing is left.
    Ended,
}

/// Where a JSON document goes on.
enum Place {
    Head,
    Groups(usize, String),
    Rows(usize),
    PreviousRows(usize),
}

impl AnswerParts {
    pub(super) fn new(answer: UsageAnswer, form: Form) -> Self {
        let writer = match TableWriter::new(form) {
            Some(table) => Writer::Table { cursor: RowCursor::default(), table },
            None => Writer::Json { document: AnswerDocument::new(&answer), place: Place::Head },
        };
        Self { answer, writer }
    }
}

impl fmt::Debug for AnswerParts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AnswerParts").finish_non_exhaustive()
    }
}

impl Parts for AnswerParts {
    fn next(&mut self, out: &mut Vec<u8>) -> io::Result<bool> {
        let answer = &self.answer;
        let is_last = match &mut self.writer {
            Writer::Ended => return Ok(false),
            Writer::Json { document, place } => match next_of_json(answer, document, place, out)? {
                Some(next) => {
                    *place = next;
                    false
                }
                None => true,
            },
            Writer::Table { cursor, table } => {
                let rows = cursor.next(answer, table.rows_max());
                let is_last = rows.len() < table.rows_max();
                table.write(&columns(answer, &rows), is_last, out)?;
                is_last
            }
        };
        if is_last {
            self.writer = Writer::Ended;
        }
        Ok(true)
    }

    fn bytes(&self) -> usize {
        self.answer.bytes()
    }
}

/// Writes on from a place, and gives the next, if there is one.
fn next_of_json(
    answer: &UsageAnswer,
    document: &AnswerDocument,
    place: &mut Place,
    out: &mut Vec<u8>,
) -> io::Result<Option<Place>> {
    let (groups, rows) = (&answer.table.groups, &answer.table.rows);
    let previous = answer.compared.as_ref().map(|compared| &compared.rows);
    let end = |from: usize, len: usize| len.min(from.saturating_add(TEXT_ROWS));
    Ok(Some(match place {
        Place::Head => {
            let frame = AnswerFrame::of(document.head(answer))?;
            out.extend(frame.before_groups.bytes());
            Place::Groups(0, frame.before_rows)
        }
        Place::Groups(from, before_rows) => {
            let to = end(*from, groups.len());
            write_elements(&mut *out, *from, (*from..to).map(|index| document.group(answer, index)))?;
            if to < groups.len() {
                return Ok(Some(Place::Groups(to, std::mem::take(before_rows))));
            }
            out.extend(before_rows.bytes());
            Place::Rows(0)
        }
        Place::Rows(from) => {
            let to = end(*from, rows.len());
            write_elements(&mut *out, *from, rows[*from..to].iter().map(|row| document.row(row)))?;
            if to < rows.len() {
                return Ok(Some(Place::Rows(to)));
            }
            if previous.is_none() {
                out.extend(AnswerFrame::END.bytes());
                return Ok(None);
            }
            out.extend(AnswerFrame::BEFORE_PREVIOUS_ROWS.bytes());
            Place::PreviousRows(0)
        }
        Place::PreviousRows(from) => {
            let rows = previous.map_or(&[] as &[_], |rows| rows.as_slice());
            let to = end(*from, rows.len());
            write_elements(&mut *out, *from, rows[*from..to].iter().map(|row| document.row(row)))?;
            if to == rows.len() {
                out.extend(AnswerFrame::END.bytes());
                return Ok(None);
            }
            Place::PreviousRows(to)
        }
    }))
}
