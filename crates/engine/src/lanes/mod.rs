//! Eight rows at once, on processors that can: the vector kernels of the scan.
//!
//! The program is built for every processor of its architecture. Where there is AVX2, as nearly every x86-64 processor since 2013
//! has it, the rows of short sets go through these kernels, and pieces through those that add them and write rows; everywhere else,
//! and for all other rows, there are the plain loops, which are their twins and give the same bits. What the kernels read and write is in [`pieces`], and is the same for all.

#![cfg_attr(
    not(target_arch = "x86_64"),
    allow(unused_variables, dead_code, reason = "nothing is handed to kernels that are not there")
)]

#[cfg(target_arch = "x86_64")]
mod avx2;
mod one_key;
mod pieces;

use farmtally_columns::Summary;

use crate::calendar::Edges;
use crate::output::{Ordered, Output};
use crate::piece::{Piece, Pieces, SortedPieces};
use crate::ranked_sums::{RankedGroups, Ranks};
use farmtally_columns::narrow_sum::NarrowSum;

pub(crate) use one_key::OneKey;
pub(crate) use pieces::{Amounts, Columns, Crossing, LANES, PieceChunk, Ring, Sifted, Stretches};

/// Room for what the kernels find.
#[derive(Debug)]
pub(crate) struct LaneRoom {
    pub(crate) found: Sifted,
    pub(crate) cut: PieceChunk,
    pub(crate) one_key: OneKey,
}

impl LaneRoom {
    pub(crate) fn new() -> Self {
        Self {
            found: Sifted { inside: PieceChunk::new(), crossing: Crossing::new() },
            cut: PieceChunk::new(),
            one_key: OneKey::default(),
        }
    }
}

/// Proof that this processor has what the kernels need.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Lanes(Proof);

#[cfg(target_arch = "x86_64")]
type Proof = ();
/// There are no kernels for this architecture, and no proof.
#[cfg(not(target_arch = "x86_64"))]
type Proof = std::convert::Infallible;

/// Calls a kernel.
macro_rules! call {
    ($lanes:ident, $kernel:expr) => {{
        #[cfg(target_arch = "x86_64")]
        {
            let Lanes(()) = $lanes;
            // SAFETY: `Lanes` proves that the processor has what all kernels need.
            unsafe { $kernel }
        }
        #[cfg(not(target_arch = "x86_64"))]
        match $lanes.0 {}
    }};
}

#[cfg_attr(
    target_arch = "x86_64",
    expect(unsafe_code, reason = "a kernel may only be called where the processor has what it needs")
)]
impl Lanes {
    /// The proof, if the processor has AVX2 and the instructions for bits that came with it.
    #[cfg(target_arch = "x86_64")]
    pub(crate) fn detect() -> Option<Self> {
        let bits = is_x86_feature_detected!("popcnt") && is_x86_feature_detected!("bmi1");
        (is_x86_feature_detected!("avx2") && bits && is_x86_feature_detected!("bmi2")).then_some(Self(()))
    }

    #[cfg(not(target_arch = "x86_64"))]
    pub(crate) fn detect() -> Option<Self> {
        None
    }

    /// Looks at some rows of short sessions, until `stretches` are done or `found` is full: which of them lie in one bucket, with
    /// their keys, and which have to be cut.
    pub(crate) fn sift(
        self,
        columns: &Columns<'_>,
        stretches: &mut Stretches<'_>,
        edges: Edges<'_>,
        found: &mut Sifted,
    ) {
        call!(self, avx2::sift(columns, stretches, edges, found));
    }

    /// Cuts rows where buckets meet. Each has one cost, or if `with_lines` two costs that are cut by themselves.
    pub(crate) fn cut(self, rows: &Crossing, with_lines: bool, edges: Edges<'_>, pieces: &mut PieceChunk) {
        call!(self, avx2::cut(rows, with_lines, edges, pieces));
    }

    /// Adds rows of short sessions that have no key but that of their stretch, until `stretches` are done or there are many rows that have
    /// to be cut, which are put to `crossing`. Sums of another key than that of the rows are handed to `merge`: bucket, key and sum.
    pub(crate) fn sum_one_key(
        self,
        columns: &Columns<'_>,
        stretches: &mut Stretches<'_>,
        edges: Edges<'_>,
        found: (&mut OneKey, &mut Crossing),
        merge: impl FnMut(u32, u32, &Summary),
    ) {
        call!(self, avx2::sum_one_key(columns, stretches, edges, found, merge));
    }

    /// Hands pieces on by runs of at most eight of one bucket: the bucket, eight pieces, and how many of them are of the run.
    pub(crate) fn for_each_run(self, pieces: &PieceChunk, take: impl FnMut(u32, &[Piece; LANES], usize)) {
        call!(self, avx2::for_each_run(pieces, take));
    }

    /// Adds each piece to the sum that `ring` has for its bucket and key.
    pub(crate) fn add_to_ring(self, sums: &mut [NarrowSum], ring: Ring, pieces: &PieceChunk) {
        call!(self, avx2::add_to_ring(sums, ring, pieces));
    }

    /// Adds pieces, all of them narrow, to the sums whose numbers their keys are.
    pub(crate) fn add_to_sums(self, sums: &mut [NarrowSum], pieces: &[Piece]) {
        call!(self, avx2::add_to_sums(sums, pieces));
    }

    /// See [`RankedGroups::add_each`].
    pub(crate) fn add_ranked(
        self,
        groups: &mut RankedGroups,
        pieces: &Pieces,
        words: u64,
        number_of: impl Fn(u64) -> u64 + Copy,
        count: impl FnOnce(&mut Ranks) -> usize,
    ) {
        call!(self, avx2::add_ranked(groups, pieces, words, number_of, count));
    }

    /// See [`key_span`](crate::ranked_sums::key_span).
    pub(crate) fn key_span(self, pieces: &Pieces) -> (u32, u32) {
        call!(self, avx2::key_span(pieces))
    }

    /// See [`Ranks::count`].
    pub(crate) fn count_ranks(self, ranks: &mut Ranks) -> usize {
        call!(self, avx2::count_ranks(ranks))
    }

    /// Notes a bit for each sum that is not empty, 64 in a word.
    pub(crate) fn note_filled(self, sums: &[NarrowSum], filled: &mut [u64]) {
        call!(self, avx2::note_filled(sums, filled));
    }

    /// Takes sums out and appends their rows to `rows`: one for each bit that is set in `filled`, whose number is the key and the place of
    /// its sum.
    pub(crate) fn pack(self, filled: &[u64], sums: &mut [NarrowSum], rows: &mut Output) {
        call!(self, avx2::pack(filled, sums, rows));
    }

    /// Takes groups out and appends their rows to `rows`. Their keys are noted.
    pub(crate) fn pack_ordered(self, groups: Ordered<'_>, rows: &mut Output) {
        call!(self, avx2::pack_ordered(groups, rows));
    }

    /// Appends the rows of fewer pieces than narrow sums may have.
    pub(crate) fn fold_sorted(self, pieces: SortedPieces<'_>, rows: &mut Output) {
        call!(self, avx2::fold_sorted(pieces, rows));
    }
}

/// Asks for the memory into which the next pieces of a list will be written, and does not wait: many others are written between two pieces
/// of a list. Every x86-64 processor can, and so it takes no proof.
#[inline]
pub(crate) fn fetch_end(list: &[Piece]) {
    #[cfg(target_arch = "x86_64")]
    avx2::fetch_end(list);
}

/// Asks for the memory of a list that will be read soon, and does not wait. It takes no proof, either.
#[inline]
pub(crate) fn fetch<T>(list: &[T]) {
    #[cfg(target_arch = "x86_64")]
    avx2::fetch(list);
}

#[cfg(test)]
mod tests;
