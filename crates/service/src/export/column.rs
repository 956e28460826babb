//! The columns of a table that is written.

/// What is in a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColumnKind {
    /// Text.
    Text,
    /// A JSON object, as text.
    Json,
    /// A decimal number with so many decimals.
    Decimal(u32),
    /// A whole number.
    Integer,
    /// An instant, in milliseconds.
    Instant,
}

/// A column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: &'static str,
    /// What is in it.
    pub kind: ColumnKind,
    /// Whether a cell of it may be without a value.
    pub is_nullable: bool,
}

impl Column {
    pub(super) const fn required(name: &'static str, kind: ColumnKind) -> Self {
        Self { name, kind, is_nullable: false }
    }

    pub(super) const fn nullable(name: &'static str, kind: ColumnKind) -> Self {
        Self { name, kind, is_nullable: true }
    }
}
