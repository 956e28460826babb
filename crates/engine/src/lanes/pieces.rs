//! What the kernels read and write: columns, some pieces, and rows that have to be cut, each number in a list of its own.

use std::ops::Range;

/// Numbers that a kernel looks at together.
pub(crate) const LANES: usize = 8;

/// Rows that are looked at before what was found goes on: all lists of them stay in the nearest cache.
pub(crate) const CHUNK_ROWS: usize = 256;

/// Pieces that short sessions have at most: one of less than three hours lies in four buckets of an hour.
const PIECES_BY_ROW: usize = 4;

/// Room for pieces. Whole vectors are read and written, of which the last lanes may be none.
pub(crate) const ROOM: usize = CHUNK_ROWS * PIECES_BY_ROW + LANES;
/// Room for rows, likewise.
pub(crate) const ROWS_ROOM: usize = CHUNK_ROWS + LANES;

/// Some narrow pieces.
#[derive(Debug)]
pub(crate) struct PieceChunk {
    pub(crate) buckets: [u32; ROOM],
    pub(crate) keys: [u32; ROOM],
    pub(crate) costs_nanos: [u32; ROOM],
    pub(crate) runtimes_ms: [u32; ROOM],
    pub(crate) len: usize,
}

impl PieceChunk {
    /// Most pieces that it holds.
    #[cfg(test)]
    pub(crate) const PIECES: usize = ROOM - LANES;

    pub(crate) fn new() -> Self {
        Self { buckets: [0; ROOM], keys: [0; ROOM], costs_nanos: [0; ROOM], runtimes_ms: [0; ROOM], len: 0 }
    }

    /// The pieces: bucket, key, cost and runtime.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u32, u32, u32, u32)> + '_ {
        let places = self.buckets[..self.len].iter().zip(&self.keys);
        let amounts = self.costs_nanos.iter().zip(&self.runtimes_ms);
        places.zip(amounts).map(|((bucket, key), (cost, runtime))| (*bucket, *key, *cost, *runtime))
    }
}

/// Some rows that lie in several buckets.
#[derive(Debug)]
pub(crate) struct Crossing {
    pub(crate) keys: [u32; ROWS_ROOM],
    pub(crate) ends_ms: [u32; ROWS_ROOM],
    pub(crate) runtimes_ms: [u32; ROWS_ROOM],
    pub(crate) costs_nanos: [u32; ROWS_ROOM],
    /// Costs that are cut by themselves and count with the others, if there are any.
    pub(crate) lines_nanos: [u32; ROWS_ROOM],
    pub(crate) len: usize,
}

impl Crossing {
    pub(crate) fn new() -> Self {
        let none = [0; ROWS_ROOM];
        Self { keys: none, ends_ms: none, runtimes_ms: none, costs_nanos: none, lines_nanos: none, len: 0 }
    }
}

/// The codes of a column, and what each adds to a key.
pub(crate) type Codes<'a, T> = (&'a [T], &'a [u32]);

/// Which costs of the rows count.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Amounts<'a> {
    /// These, each as a whole.
    Whole(&'a [u32]),
    /// The first ones, without the second ones.
    Without(&'a [u32], &'a [u32]),
    /// The first ones, in which the second ones are contained and cut by themselves.
    With(&'a [u32], &'a [u32]),
}

/// The columns of a short set of at least [`Columns::ROWS_MIN`] rows.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Columns<'a> {
    pub(crate) ends_ms: &'a [u32],
    pub(crate) runtimes_ms: &'a [u32],
    pub(crate) amounts: Amounts<'a>,
    pub(crate) words: [Option<Codes<'a, u16>>; 2],
    pub(crate) bytes: Option<Codes<'a, u8>>,
}

impl Columns<'_> {
    pub(crate) const ROWS_MIN: usize = LANES;
}

/// Stretches of rows that are still to be looked at, each with what its rows share in their keys.
#[derive(Debug)]
pub(crate) struct Stretches<'a> {
    pub(crate) rest: &'a [(u64, Range<usize>)],
    /// Rows of the first one that were looked at.
    pub(crate) done: usize,
    /// What is added to all keys.
    pub(crate) shared: u32,
}

/// What was found in some rows.
#[derive(Debug)]
pub(crate) struct Sifted {
    /// Rows that lie in one bucket.
    pub(crate) inside: PieceChunk,
    /// Rows that begin in another bucket than they end in.
    pub(crate) crossing: Crossing,
}

/// Where the sum of a bucket and a key is: the bucket's place in a ring, whose length is a power of two, and there the key's.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ring {
    pub(crate) mask: u32,
    pub(crate) per_bucket: u32,
}
