//! One value of a table that is written.

use farmtally_model::Timestamp;

/// A value, or none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cell {
    /// No value.
    Null,
    /// Text, or JSON as text.
    Text(String),
    /// A whole number; of a decimal column, units of its last decimal.
    Number(i128),
    /// An instant.
    Instant(Timestamp),
}

impl Cell {
    #[expect(
        clippy::needless_pass_by_value,
        reason = "ids are copied and texts are borrowed by whoever calls"
    )]
    pub(super) fn text(text: impl ToString) -> Self {
        Self::Text(text.to_string())
    }

    pub(super) fn optional(text: Option<impl ToString>) -> Self {
        text.map_or(Self::Null, Self::text)
    }

    /// The text of a decimal with so many decimals, without needless zeros.
    pub(super) fn decimal_text(number: i128, decimals: u32) -> String {
        let unit = 10_u128.pow(decimals);
        let sign = if number < 0 { "-" } else { "" };
        let (whole, fraction) = (number.unsigned_abs() / unit, number.unsigned_abs() % unit);
        if fraction == 0 {
            return format!("{sign}{whole}");
        }
        let digits = decimals as usize;
        let decimals = format!("{fraction:0digits$}");
        format!("{sign}{whole}.{}", decimals.trim_end_matches('0'))
    }
}
