//! What a block remembers, until a bucket is folded: only then it becomes pieces, which are folded while they are near.

use std::sync::Arc;

use farmtally_columns::BlockPieces;

use crate::lanes;
use crate::piece::{Piece, Pieces, WidePiece};

/// How many queues or fleets ahead memory is asked for.
const FETCHED_AHEAD: usize = 2;

/// The pieces that a block remembers of the queues or fleets that are asked for.
#[derive(Debug)]
pub(crate) struct RememberedPieces {
    /// Of each queue or fleet, with what all of them add to their keys. At least one.
    pub(crate) by_axis: Vec<(u64, Arc<BlockPieces>)>,
    /// What the codes of each detail add to a key.
    pub(crate) shares: [Vec<u64>; 2],
    /// The question's bucket that is the first one of the pieces.
    pub(crate) first_bucket: usize,
}

impl RememberedPieces {
    /// Number of pieces of a bucket of the question.
    pub(crate) fn len_of_bucket(&self, bucket: usize) -> usize {
        let bucket = bucket - self.first_bucket;
        self.by_axis.iter().map(|(_, pieces)| pieces.len_of_bucket(bucket)).sum()
    }

    /// Appends the pieces of a bucket of the question, of which the one before is expected to follow.
    pub(crate) fn append_to(&self, pieces: &mut Pieces, bucket: usize) {
        let bucket = bucket - self.first_bucket;
        let [first, second] = self.shares.each_ref().map(Vec::as_slice);
        for (place, &(shared, ref of_axis)) in self.by_axis.iter().enumerate() {
            self.fetch(place + FETCHED_AHEAD, bucket);
            // Each has bits of its own.
            let key = move |[one, other]: [u16; 2]| {
                first[usize::from(one)].wrapping_add(second[usize::from(other)]).wrapping_add(shared)
            };
            let (narrow, wide) = of_axis.of_bucket(bucket);
            // All is moved there: a loop that borrows it reads it anew for each piece, because what it writes might have changed it.
            pieces.narrow.extend(narrow.iter().map(move |piece| Piece {
                key: key(piece.codes),
                cost_nanos: piece.cost_nanos,
                runtime_ms: piece.runtime_ms,
            }));
            pieces.wide.extend(wide.iter().map(|piece| WidePiece {
                key: key(piece.codes),
                cost_nanos: piece.cost_nanos,
                runtime_ms: piece.runtime_ms,
            }));
        }
    }

    /// Asks for the pieces at a place, counted on through the buckets before: they lie far apart, and no processor foresees where the next
    /// ones are.
    fn fetch(&self, place: usize, bucket: usize) {
        let axis_len = self.by_axis.len();
        if let Some(bucket) = bucket.checked_sub(place / axis_len) {
            let (narrow, _) = self.by_axis[place % axis_len].1.of_bucket(bucket);
            lanes::fetch(narrow);
        }
    }

    /// Memory of its own, in bytes.
    pub(crate) fn bytes(&self) -> usize {
        self.shares.iter().map(|shares| size_of_val(shares.as_slice())).sum::<usize>()
            + size_of_val(self.by_axis.as_slice())
    }
}
