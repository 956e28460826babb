//! Every bound of this crate that is not a property of a domain type.

/// Longest line of a text format, and longest row of a CSV file, in bytes. A longer one is refused, not held in
/// memory.
pub const LINE_BYTES_MAX: usize = 1 << 20;

/// Most rates of a rate card.
pub const RATES_MAX: usize = 10_000;

/// Rows that are decoded from a Parquet file at a time.
pub(crate) const PARQUET_BATCH_ROWS: usize = 8192;

/// Characters of a refused value that are repeated in its refusal.
pub(crate) const EXCERPT_CHARS_MAX: usize = 120;

/// Characters of a refusal's sentence, which may quote the value once more.
pub(crate) const MESSAGE_CHARS_MAX: usize = 400;
