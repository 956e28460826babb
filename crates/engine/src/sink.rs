//! Where pieces go: to an array of sums where the groups of a bucket are few, to lists that are folded where they are not.

use std::ops::Range;

use crate::arrivals::Arrivals;
use crate::dense::DenseSums;
use crate::lanes::{Lanes, PieceChunk};
use crate::output::Output;
use crate::piece_lists::PieceLists;

/// Takes the pieces of a block in.
pub(crate) trait PieceSink {
    /// The keys that pieces have to have, if not those of answers.
    fn arrivals(&self) -> Option<&Arrivals> {
        None
    }

    /// Says how many pieces the block adds to a group at most, before they are added.
    fn expect_pieces(&mut self, _pieces: usize) {}

    /// Adds a piece to a bucket of the block.
    fn add(&mut self, bucket: u32, key: u64, cost_nanos: u64, runtime_ms: u32);

    /// Adds some narrow pieces, unless they have to be added one by one.
    fn add_chunk(&mut self, lanes: Lanes, pieces: &PieceChunk);

    /// The sums of all groups, to which what was summed before can be added; a sink that has none gets every piece.
    fn sums(&mut self) -> Option<&mut DenseSums> {
        None
    }

    /// The lists of pieces, to which those that are remembered can be added.
    fn lists(&mut self) -> Option<&mut PieceLists> {
        None
    }
}

/// Gives groups out when no further piece can come to their bucket.
///
/// Blocks come with the latest ends first, so that the buckets that can still change move backward in time.
pub(crate) trait Sink: PieceSink {
    /// Makes ready for pieces in these buckets, and finishes the buckets after them.
    fn begin_block(&mut self, buckets: Range<usize>, output: &mut Output);

    /// Finishes every bucket.
    fn finish(&mut self, output: &mut Output);

    /// Memory that is held, in bytes.
    fn bytes(&self) -> usize;

    /// At least so many groups are held that are not finished.
    fn group_count_min(&self) -> usize {
        0
    }
}

/// The buckets that can still change, as places of a ring: a bucket's place is its number modulo the ring's length.
#[derive(Debug, Clone, Default)]
pub(crate) struct OpenBuckets {
    /// Empty before the first block.
    pub(crate) buckets: Range<usize>,
    pub(crate) ring_len: usize,
}

impl OpenBuckets {
    /// The buckets that are finished when a block in `buckets` follows, newest first.
    pub(crate) fn finished_before(&self, buckets: &Range<usize>) -> impl Iterator<Item = usize> + use<> {
        (buckets.end.max(self.buckets.start)..self.buckets.end).rev()
    }

    /// The buckets that are open with a block in `buckets`, after others were finished.
    pub(crate) fn with(&self, buckets: &Range<usize>) -> Range<usize> {
        let end = self.buckets.end.min(buckets.end);
        if self.buckets.start >= end {
            return buckets.clone();
        }
        self.buckets.start.min(buckets.start)..buckets.end
    }

    pub(crate) fn place(&self, bucket: usize) -> usize {
        bucket & (self.ring_len.wrapping_sub(1))
    }
}
