//! From the cells of a foreign row to a session, by way of the cells of the interchange form.

use std::borrow::Cow;

use farmtally_model::{DisplayName, Submission, Timestamp, USAGE_LINES_MAX};

use super::field::{Field, RowCells};
use super::moment::{MomentReader, RuntimeUnit};
use crate::cell::{Cell, Cells};
use crate::column::Column;
use crate::entry::{Entry, FieldProblem, SkipReason, entry};
use crate::foreign_id::{ForeignSource, display_name, uuid_digits};
use crate::record::{SentLine, session, usage_line};

/// What a row's session is made of.
#[derive(Debug, Clone)]
pub(super) struct SessionMapping {
    pub(super) source: ForeignSource,
    pub(super) fields: Vec<(Column, Field)>,
    pub(super) moments: Moments,
    pub(super) licenses: Vec<LicenseMapping>,
    pub(super) skip: Vec<SkipRule>,
}

/// A member that is an instant.
type MomentField = (Field, MomentReader);
/// A member that is a length of time.
type RuntimeField = (Field, RuntimeUnit);

/// When a session ran: two of its start, its end and its runtime, or its start alone.
#[derive(Debug, Clone)]
pub(super) enum Moments {
    Started(MomentField, End),
    Ended(MomentField, RuntimeField),
}

#[derive(Debug, Clone)]
pub(super) enum End {
    /// Nothing says when, so that every session still runs.
    Unknown,
    At(MomentField),
    After(RuntimeField),
}

/// A licence that a session may hold.
#[derive(Debug, Clone)]
pub(super) struct LicenseMapping {
    pub(super) product: Field,
    /// What stands between the products of one column.
    pub(super) split: Option<String>,
    pub(super) quantity: Option<Field>,
    pub(super) cost: Option<Field>,
}

/// Rows that are left out.
#[derive(Debug, Clone)]
pub(super) struct SkipRule {
    pub(super) place: usize,
    pub(super) texts: Vec<String>,
}

/// When a session ran, as its row says.
struct Times {
    started_at: Timestamp,
    ended_at: Option<Timestamp>,
}

impl SessionMapping {
    /// What a row is.
    pub(super) fn entry(&self, line: u64, row: &RowCells<'_>) -> Entry {
        if self.skip.iter().any(|rule| rule.fits(row)) {
            return Entry::Skipped { line, reason: SkipReason::LeftOut };
        }
        match self.moments.read(row) {
            Ok(None) => Entry::Skipped { line, reason: SkipReason::NeverStarted },
            Ok(Some(times)) => entry(line, self.submission(row, &times)),
            Err(problem) => Entry::Rejected(problem.at(line)),
        }
    }

    fn submission(&self, row: &RowCells<'_>, times: &Times) -> Result<Submission, FieldProblem> {
        let mut cells = Cells::new();
        cells.set(Column::StartedAt, Some(Cell::Instant(times.started_at)));
        cells.set(Column::EndedAt, times.ended_at.map(Cell::Instant));
        for (column, field) in &self.fields {
            if *column == Column::CostInUsd {
                continue;
            }
            let text = field.text(row)?;
            if text.is_none() && matches!(column, Column::SessionId | Column::JobName | Column::UserId) {
                return Err(FieldProblem::missing(field.name(), "; give a default if that is no mistake"));
            }
            self.set(&mut cells, *column, text);
        }
        let usage = self.usage(row)?;
        session(&cells, usage).map_err(|problem| self.by_its_own_name(problem))
    }

    /// Sets a member; what is an id is made of its native text, and that text names what has no other name.
    fn set(&self, cells: &mut Cells<'static>, column: Column, text: Option<String>) {
        let Some(text) = text else { return };
        let id = match column {
            Column::SessionId => id(&text, "session-", || self.source.session(&text).to_string()),
            Column::QueueId => id(&text, "queue-", || self.source.queue(&text).to_string()),
            Column::FleetId => id(&text, "fleet-", || self.source.fleet(&text).to_string()),
            Column::JobId => id(&text, "job-", || self.source.job(&text).to_string()),
            Column::WorkerId => id(&text, "worker-", || self.source.worker(&text).to_string()),
            _ => return cells.set(column, Some(untyped(cut_name(column, text)))),
        };
        let named = match column {
            Column::QueueId => Some(Column::QueueName),
            Column::FleetId => Some(Column::FleetName),
            _ => None,
        };
        if let (Some(name), false) = (named, id == text)
            && cells.get(name).is_none()
        {
            cells.set(name, display_name(&text).map(|name| untyped(name.to_string())));
        }
        cells.set(column, Some(untyped(id)));
    }

    fn usage(&self, row: &RowCells<'_>) -> Result<Vec<SentLine>, FieldProblem> {
        let cost = self.fields.iter().find(|(column, _)| *column == Column::CostInUsd);
        let cost = cost.map(|(_, field)| field);
        let mut lines = vec![line(cost, row, &Cells::new())?];
        for license in &self.licenses {
            for product in license.products(row)? {
                let mut cells = Cells::new();
                cells.set(Column::UsageType, Some(untyped("LICENSE".to_owned())));
                cells.set(Column::LicenseProduct, Some(untyped(product)));
                let quantity = license.quantity.as_ref().map(|field| field.text(row)).transpose()?.flatten();
                cells.set(Column::Quantity, quantity.map(untyped));
                let line = line(license.cost.as_ref(), row, &cells);
                lines.push(line.map_err(|problem| problem.named(license.product.name()))?);
                if lines.len() > USAGE_LINES_MAX {
                    return Ok(lines);
                }
            }
        }
        Ok(lines)
    }

    /// The problem, named by the column of the source in place of our member.
    fn by_its_own_name(&self, problem: FieldProblem) -> FieldProblem {
        let fields = self.fields.iter().map(|(column, field)| (column.name(), field.name()));
        let named = fields.chain(self.moments.names()).find(|(member, _)| *member == problem.field());
        match named.map(|(_, name)| name) {
            Some(name) => problem.named(name),
            None => problem,
        }
    }
}

/// A usage line with the cost that a field says.
fn line(cost: Option<&Field>, row: &RowCells<'_>, cells: &Cells<'static>) -> Result<SentLine, FieldProblem> {
    let mut cells = cells.clone();
    let Some(field) = cost else { return usage_line(&cells) };
    cells.set(Column::CostInUsd, field.amount(row)?.map(untyped));
    usage_line(&cells).map_err(|problem| {
        if problem.field() == Column::CostInUsd.name() { problem.named(field.name()) } else { problem }
    })
}

impl LicenseMapping {
    fn products(&self, row: &RowCells<'_>) -> Result<Vec<String>, FieldProblem> {
        let Some(text) = self.product.text(row)? else { return Ok(vec![]) };
        Ok(match &self.split {
            Some(between) if !between.is_empty() => {
                let parts = text.split(between.as_str()).map(str::trim).filter(|part| !part.is_empty());
                parts.map(str::to_owned).collect()
            }
            _ => vec![text],
        })
    }
}

impl SkipRule {
    fn fits(&self, row: &RowCells<'_>) -> bool {
        let text = row.get(self.place).and_then(Option::as_ref).map(ToString::to_string).unwrap_or_default();
        self.texts.iter().any(|skipped| skipped == text.trim())
    }
}

impl Moments {
    /// `None` for a row without a start, which never ran.
    fn read(&self, row: &RowCells<'_>) -> Result<Option<Times>, FieldProblem> {
        match self {
            Self::Started(started_at, end) => {
                let Some(started_at) = instant(started_at, row)? else { return Ok(None) };
                let ended_at = match end {
                    End::Unknown => None,
                    End::At(ended_at) => instant(ended_at, row)?,
                    End::After(runtime) => later(runtime, row, started_at, 1)?,
                };
                Ok(Some(Times { started_at, ended_at }))
            }
            Self::Ended(ended_at, runtime) => {
                let Some(end) = instant(ended_at, row)? else { return Ok(None) };
                let started_at = later(runtime, row, end, -1)?;
                Ok(started_at.map(|started_at| Times { started_at, ended_at: Some(end) }))
            }
        }
    }

    fn names(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let (started_at, ended_at) = match self {
            Self::Started((started_at, _), End::Unknown) => (Some(started_at), None),
            Self::Started((started_at, _), End::At((field, _)) | End::After((field, _))) => {
                (Some(started_at), Some(field))
            }
            Self::Ended((ended_at, _), (runtime, _)) => (Some(runtime), Some(ended_at)),
        };
        let named = [("startedAt", started_at), ("endedAt", ended_at)];
        named.into_iter().filter_map(|(member, field)| Some((member, field?.name())))
    }
}

fn instant((field, reader): &MomentField, row: &RowCells<'_>) -> Result<Option<Timestamp>, FieldProblem> {
    let Some(cell) = field.cell(row)? else { return Ok(None) };
    let problem = |message| FieldProblem::new(field.name(), &cell.to_string(), message);
    reader.read(&cell).map(Some).map_err(problem)
}

/// The instant that lies a row's runtime after (or, with -1, before) another.
fn later(
    (field, unit): &RuntimeField,
    row: &RowCells<'_>,
    from: Timestamp,
    sign: i64,
) -> Result<Option<Timestamp>, FieldProblem> {
    let Some(text) = field.amount(row)? else { return Ok(None) };
    let problem = |message: String| FieldProblem::new(field.name(), &text, message);
    let millis = unit.read(&text).map_err(problem)?;
    let moved = from.millis().checked_add(sign.saturating_mul(millis));
    let moved = moved.and_then(|millis| Timestamp::from_millis(millis).ok());
    moved.map(Some).ok_or_else(|| problem("it leads outside the years 1970 to 2999".to_owned()))
}

/// An id that is one already is taken as it is, a UUID keeps its digits, and anything else is hashed.
fn id(text: &str, prefix: &str, hashed: impl Fn() -> String) -> String {
    if is_id(text, prefix) {
        return text.to_owned();
    }
    match uuid_digits(text) {
        Some(digits) => format!("{prefix}{digits}"),
        None => hashed(),
    }
}

fn is_id(text: &str, prefix: &str) -> bool {
    let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    text.strip_prefix(prefix).is_some_and(|digits| digits.len() == 32 && digits.bytes().all(is_digit))
}

/// Names for people are cut to their length.
fn cut_name(column: Column, text: String) -> String {
    match column {
        Column::QueueName | Column::FleetName | Column::UserName => {
            text.chars().take(DisplayName::LENGTH_MAX).collect()
        }
        _ => text,
    }
}

fn untyped(text: String) -> Cell<'static> {
    Cell::Untyped(Cow::Owned(text))
}
