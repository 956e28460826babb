//! One record as its format gave it, member by member, before the contract is checked.
//!
//! Each format says what it found (a JSON number is not a JSON string, a CSV cell could be either) and this module
//! alone decides what that may be read as, so that all forms refuse the same things in the same words.

use std::borrow::Cow;
use std::fmt;

use farmtally_model::{NanoUsd, Timestamp};

use crate::column::Column;
use crate::entry::FieldProblem;

/// A value as its format gave it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Cell<'a> {
    /// Text of a format that knows no other type.
    Untyped(Cow<'a, str>),
    /// A text.
    Text(Cow<'a, str>),
    /// The digits of a number: those of JSON as they were written, those of a binary fraction the fewest that tell it.
    Number(Cow<'a, str>),
    /// JSON that is neither a text nor a number.
    OtherJson(&'a str),
    /// A whole number.
    Integer(i64),
    /// An instant.
    Instant(Timestamp),
    /// What a clock on a wall showed, as the instant at which a clock in UTC would show it.
    WallTime(Timestamp),
    /// An amount.
    Money(NanoUsd),
    /// A value of the right type that cannot be used.
    Unusable {
        /// The value.
        value: String,
        /// Why not.
        message: String,
    },
}

impl fmt::Display for Cell<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Untyped(text) | Self::Text(text) | Self::Number(text) => f.write_str(text),
            Self::OtherJson(raw) => f.write_str(raw),
            Self::Integer(number) => number.fmt(f),
            Self::Instant(instant) | Self::WallTime(instant) => instant.fmt(f),
            Self::Money(amount) => amount.fmt(f),
            Self::Unusable { value, .. } => f.write_str(value),
        }
    }
}

/// What a cell could not be read as.
type CellResult<T> = Result<T, String>;

impl Cell<'_> {
    fn text(&self) -> CellResult<&str> {
        match self {
            Self::Untyped(text) | Self::Text(text) => Ok(text),
            other => Err(other.not_a("a text")),
        }
    }

    fn integer(&self, least: u32) -> CellResult<u32> {
        let number = match self {
            Self::Untyped(text) => without_zero_decimals(text).parse().ok(),
            Self::Number(raw) => raw.parse().ok(),
            Self::Integer(number) => u32::try_from(*number).ok(),
            _ => None,
        };
        number
            .filter(|number| *number >= least)
            .ok_or_else(|| self.not_a(&format!("a whole number from {least} to {}", u32::MAX)))
    }

    fn instant(&self) -> CellResult<Timestamp> {
        match self {
            Self::Instant(instant) | Self::WallTime(instant) => Ok(*instant),
            Self::Untyped(text) | Self::Text(text) => {
                Timestamp::parse(text).map_err(|error| error.to_string())
            }
            other => Err(other.not_a("an ISO 8601 time in quotes")),
        }
    }

    fn money(&self) -> CellResult<NanoUsd> {
        let parse = |text: &str| NanoUsd::parse(text).map_err(|error| error.to_string());
        match self {
            Self::Money(amount) => Ok(*amount),
            Self::Untyped(text) | Self::Text(text) => parse(text),
            Self::Number(raw) => parse(raw),
            Self::Integer(dollars) => parse(&dollars.to_string()),
            other => Err(other.not_a("a decimal number")),
        }
    }

    fn not_a(&self, expected: &str) -> String {
        match self {
            Self::Unusable { message, .. } => message.clone(),
            Self::Untyped(text) | Self::Text(text) => {
                format!("{:?} is not {expected}", crate::entry::excerpt(text))
            }
            other => format!("{} is not {expected}", crate::entry::excerpt(&other.to_string())),
        }
    }
}

/// `1.0` is `1`: a program that keeps empty cells as fractions writes whole numbers so.
fn without_zero_decimals(text: &str) -> &str {
    match text.split_once('.') {
        Some((whole, zeros)) if !zeros.is_empty() && zeros.bytes().all(|digit| digit == b'0') => whole,
        _ => text,
    }
}

/// The cells of one record or one usage line; what is absent is `None`.
#[derive(Debug, Clone)]
pub(crate) struct Cells<'a> {
    cells: [Option<Cell<'a>>; Column::COUNT],
    prefix: String,
}

impl<'a> Cells<'a> {
    pub(crate) fn new() -> Self {
        Self::with_prefix(String::new())
    }

    /// Cells of a part of a record; problems are named with the prefix in front, such as `usage[1].`.
    pub(crate) fn with_prefix(prefix: String) -> Self {
        Self { cells: [const { None }; Column::COUNT], prefix }
    }

    pub(crate) fn set(&mut self, column: Column, cell: Option<Cell<'a>>) {
        self.cells[column as usize] = cell;
    }

    pub(crate) fn get(&self, column: Column) -> Option<&Cell<'a>> {
        self.cells[column as usize].as_ref()
    }

    /// The column's text, parsed; `None` when absent.
    pub(crate) fn text<T, E: fmt::Display>(
        &self,
        column: Column,
        parse: impl Fn(&str) -> Result<T, E>,
    ) -> Result<Option<T>, FieldProblem> {
        self.read(column, |cell| parse(cell.text()?).map_err(|error| error.to_string()))
    }

    /// The column's text, parsed, which must be there.
    pub(crate) fn required_text<T, E: fmt::Display>(
        &self,
        column: Column,
        parse: impl Fn(&str) -> Result<T, E>,
    ) -> Result<T, FieldProblem> {
        self.text(column, parse)?.ok_or_else(|| self.missing(column, ""))
    }

    pub(crate) fn integer(&self, column: Column) -> Result<Option<u32>, FieldProblem> {
        self.read(column, |cell| cell.integer(column.integer_least()))
    }

    pub(crate) fn instant(&self, column: Column) -> Result<Option<Timestamp>, FieldProblem> {
        self.read(column, Cell::instant)
    }

    pub(crate) fn money(&self, column: Column) -> Result<Option<NanoUsd>, FieldProblem> {
        self.read(column, Cell::money)
    }

    fn read<T>(
        &self,
        column: Column,
        read: impl Fn(&Cell<'a>) -> CellResult<T>,
    ) -> Result<Option<T>, FieldProblem> {
        let Some(cell) = self.get(column) else { return Ok(None) };
        read(cell).map(Some).map_err(|message| self.problem(column, message))
    }

    /// Refuses the first cell outside `allowed`.
    pub(crate) fn refuse_others(&self, allowed: &[Column], owner: &str) -> Result<(), FieldProblem> {
        for (index, cell) in self.cells.iter().enumerate() {
            let belongs = cell.is_none() || allowed.iter().any(|column| *column as usize == index);
            if !belongs {
                let column = Column::at(index);
                return Err(self.problem(column, format!("{} does not belong to {owner}", column.name())));
            }
        }
        Ok(())
    }

    pub(crate) fn missing(&self, column: Column, advice: &str) -> FieldProblem {
        FieldProblem::missing(self.path(column), advice)
    }

    pub(crate) fn problem(&self, column: Column, message: impl fmt::Display) -> FieldProblem {
        let value = self.get(column).map(ToString::to_string).unwrap_or_default();
        FieldProblem::new(self.path(column), &value, message)
    }

    fn path(&self, column: Column) -> String {
        format!("{}{}", self.prefix, column.name())
    }
}
