//! Columns read back as the types that they were written from. A value that breaks its type's rule is damage.

use std::error::Error;

use farmtally_model::{CostScaleFactor, NanoUsd, Timestamp};

use crate::database::Row;
use crate::error::StoreError;

/// A value made of a column, if the column kept the rule.
pub(crate) fn checked<T, E: Error>(column: usize, value: Result<T, E>) -> Result<T, StoreError> {
    value.map_err(|error| {
        StoreError::damaged("a row of the catalogue", format!("its column {column}: {error}"))
    })
}

/// A text with bounds.
pub(crate) fn text<T, E: Error>(
    row: &Row<'_>,
    column: usize,
    parse: impl FnOnce(&str) -> Result<T, E>,
) -> Result<T, StoreError> {
    let text: String = row.get(column)?;
    checked(column, parse(&text))
}

/// A text with bounds, or NULL.
pub(crate) fn optional_text<T, E: Error>(
    row: &Row<'_>,
    column: usize,
    parse: impl FnOnce(&str) -> Result<T, E>,
) -> Result<Option<T>, StoreError> {
    let text: Option<String> = row.get(column)?;
    text.map(|text| checked(column, parse(&text))).transpose()
}

/// An instant in milliseconds.
pub(crate) fn timestamp(row: &Row<'_>, column: usize) -> Result<Timestamp, StoreError> {
    checked(column, Timestamp::from_millis(row.get(column)?))
}

/// An instant in milliseconds, or NULL.
pub(crate) fn optional_timestamp(row: &Row<'_>, column: usize) -> Result<Option<Timestamp>, StoreError> {
    let millis: Option<i64> = row.get(column)?;
    checked(column, millis.map(Timestamp::from_millis).transpose())
}

/// A factor in units of 1e-9.
pub(crate) fn cost_scale_factor(row: &Row<'_>, column: usize) -> Result<CostScaleFactor, StoreError> {
    let nanos: i64 = row.get(column)?;
    let nanos = checked(column, u64::try_from(nanos))?;
    checked(column, CostScaleFactor::from_nanos(nanos))
}

/// The column form of [`cost_scale_factor`].
pub(crate) fn factor_nanos(factor: CostScaleFactor) -> i64 {
    // A factor is at most 100, which is far from the largest integer.
    i64::try_from(factor.nanos()).unwrap_or(i64::MAX)
}

/// An amount in nano-dollars.
pub(crate) fn nano_usd(row: &Row<'_>, column: usize) -> Result<NanoUsd, StoreError> {
    let nanos: i64 = row.get(column)?;
    let nanos = checked(column, u64::try_from(nanos))?;
    checked(column, NanoUsd::from_nanos(nanos))
}
