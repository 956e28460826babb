//! Lists of pieces by bucket, folded into groups when their bucket is finished, or earlier when they grow long.

use std::ops::Range;
use std::rc::Rc;

use farmtally_columns::Summary;

use crate::arrivals::Arrivals;
use crate::fold::Folder;
use crate::lanes::{self, Lanes, PieceChunk};
use crate::output::{Each, Groups, Output};
use crate::piece::{Piece, Pieces};
use crate::plan::AggregationPlan;
use crate::remembered::RememberedPieces;
use crate::sink::{OpenBuckets, PieceSink, Sink};

/// Pieces of a bucket from which on they are folded before the bucket is finished: memory follows the groups.
const PIECES_MAX: usize = 1 << 19;

/// Bytes of tables of blocks that are kept until a bucket is folded: 4 MiB. They follow the jobs and users of blocks, and not the groups.
const TABLE_BYTES_MAX: usize = 1 << 22;

/// Pieces of a list for which there is room from the beginning, at most: 64 KiB.
const PIECES_RESERVED_MAX: usize = 1 << 12;

/// Buckets of a block up to which its pieces mostly follow others of the same bucket: rows of a run are sorted by their ends.
const BUCKETS_FEW: usize = 8;

/// The lists of the open buckets.
#[derive(Debug)]
pub(crate) struct PieceLists {
    open: OpenBuckets,
    lists: Vec<PieceList>,
    /// The buckets of the block that was begun.
    begun: Range<usize>,
    folder: Folder,
    /// Bytes of the blocks whose pieces are remembered.
    table_bytes: usize,
    /// Rooms of finished lists for the next ones, so that pieces are written to memory that is near.
    spare: Vec<Vec<Piece>>,
}

#[derive(Debug, Default)]
struct PieceList {
    pieces: Pieces,
    /// Blocks that remember further ones, and how many those are.
    remembered: Vec<Rc<RememberedPieces>>,
    remembered_len: usize,
    /// Groups of pieces that were folded, ascending.
    folded: Vec<(u64, Summary)>,
}

impl PieceLists {
    pub(crate) fn new(plan: &AggregationPlan<'_>) -> Self {
        Self::folded_by(Folder::new(plan.keys, Arrivals::of(plan), plan.lanes))
    }

    fn folded_by(folder: Folder) -> Self {
        Self {
            open: OpenBuckets::default(),
            lists: Vec::new(),
            begun: 0..0,
            table_bytes: 0,
            spare: Vec::new(),
            folder,
        }
    }

    /// Adds the pieces that the block remembers, those of some of its buckets.
    pub(crate) fn add_remembered(&mut self, buckets: Range<usize>, pieces: RememberedPieces) {
        let pieces = Rc::new(pieces);
        self.table_bytes += pieces.bytes();
        for bucket in buckets {
            let len = pieces.len_of_bucket(bucket);
            if len > 0 {
                let list = &mut self.lists[self.open.place(bucket)];
                list.remembered.push(Rc::clone(&pieces));
                list.remembered_len += len;
            }
        }
        self.table_bytes -= freed_bytes(pieces);
    }

    fn finish_bucket(&mut self, bucket: usize, output: &mut Output) {
        output.begin_bucket(bucket);
        self.take_remembered(bucket);
        let list = &mut self.lists[self.open.place(bucket)];
        if list.folded.is_empty() {
            self.folder.fold(&mut list.pieces, output);
        } else {
            list.fold(&mut self.folder);
            for (key, summary) in list.folded.drain(..) {
                output.wide(key, &summary);
            }
        }
        list.pieces.clear();
        let room = std::mem::take(&mut list.pieces.narrow);
        if room.capacity() > 0 {
            self.spare.push(room);
        }
        output.end_bucket();
    }

    fn fold_long_lists(&mut self) {
        let has_large_tables = self.table_bytes > TABLE_BYTES_MAX;
        for bucket in self.open.buckets.clone() {
            let place = self.open.place(bucket);
            let list = &self.lists[place];
            let is_long = list.pieces.len() + list.remembered_len >= PIECES_MAX.max(list.folded.len());
            if is_long || has_large_tables {
                self.take_remembered(bucket);
            }
            if is_long {
                self.lists[place].fold(&mut self.folder);
            }
        }
    }

    /// Makes pieces of what blocks remember of a bucket.
    fn take_remembered(&mut self, bucket: usize) {
        let list = &mut self.lists[self.open.place(bucket)];
        if list.remembered.is_empty() {
            return;
        }
        if list.pieces.narrow.capacity() == 0 {
            list.pieces.narrow = self.spare.pop().unwrap_or_default();
        }
        // For all of them: those that are not narrow get a place there, too, if they are sorted.
        list.pieces.narrow.reserve(list.remembered_len);
        list.remembered_len = 0;
        for block in list.remembered.drain(..) {
            block.append_to(&mut list.pieces, bucket);
            self.table_bytes -= freed_bytes(block);
        }
    }

    fn grow(&mut self, open: &Range<usize>) {
        let ring_len = open.len().next_power_of_two();
        if ring_len <= self.open.ring_len {
            return;
        }
        let grown = OpenBuckets { buckets: open.clone(), ring_len };
        let mut lists: Vec<PieceList> = Vec::new();
        lists.resize_with(ring_len, PieceList::default);
        if !self.lists.is_empty() {
            for bucket in self.open.buckets.clone().filter(|bucket| open.contains(bucket)) {
                lists[grown.place(bucket)] = std::mem::take(&mut self.lists[self.open.place(bucket)]);
            }
        }
        (self.open, self.lists) = (grown, lists);
    }
}

impl PieceList {
    fn fold(&mut self, folder: &mut Folder) {
        let mut folded = Vec::with_capacity(self.folded.len() + self.pieces.len() / 2);
        let mut earlier = self.folded.drain(..).peekable();
        let mut merge = Each(|key, summary: &Summary| {
            while let Some(group) = earlier.next_if(|(earlier, _)| *earlier < key) {
                folded.push(group);
            }
            let mut summary = *summary;
            if let Some((_, same)) = earlier.next_if(|(earlier, _)| *earlier == key) {
                summary.merge(&same);
            }
            folded.push((key, summary));
        });
        folder.fold(&mut self.pieces, &mut merge);
        folded.extend(earlier);
        self.folded = folded;
        self.pieces.clear();
    }
}

/// The bytes of what a block remembers, if no other list needs it any more.
fn freed_bytes(block: Rc<RememberedPieces>) -> usize {
    Rc::into_inner(block).map_or(0, |block| block.bytes())
}

impl PieceSink for PieceLists {
    fn arrivals(&self) -> Option<&Arrivals> {
        self.folder.arrivals()
    }

    fn lists(&mut self) -> Option<&mut PieceLists> {
        Some(self)
    }

    fn expect_pieces(&mut self, pieces: usize) {
        // Lists that grow are moved. Room that is not needed is not touched, but counts as memory that is held.
        let each = (2 * pieces / self.begun.len().max(1)).min(PIECES_RESERVED_MAX);
        for bucket in self.begun.clone() {
            let list = &mut self.lists[self.open.place(bucket)].pieces.narrow;
            if list.capacity() == 0 {
                *list = self.spare.pop().unwrap_or_default();
                list.reserve(each);
            }
        }
    }

    #[inline]
    fn add(&mut self, bucket: u32, key: u64, cost_nanos: u64, runtime_ms: u32) {
        let place = self.open.place(bucket as usize);
        self.lists[place].pieces.add(key, cost_nanos, runtime_ms);
    }

    fn add_chunk(&mut self, lanes: Lanes, pieces: &PieceChunk) {
        if self.begun.len() <= BUCKETS_FEW {
            return lanes.for_each_run(pieces, |bucket, eight, run| {
                let place = self.open.place(bucket as usize);
                let list = &mut self.lists[place].pieces.narrow;
                let len = list.len();
                list.extend_from_slice(eight);
                list.truncate(len + run);
            });
        }
        for (bucket, key, cost_nanos, runtime_ms) in pieces.iter() {
            let place = self.open.place(bucket as usize);
            let list = &mut self.lists[place].pieces.narrow;
            list.push(Piece { key: key.into(), cost_nanos, runtime_ms });
            lanes::fetch_end(list);
        }
    }
}

impl Sink for PieceLists {
    fn begin_block(&mut self, buckets: Range<usize>, output: &mut Output) {
        for bucket in self.open.finished_before(&buckets) {
            self.finish_bucket(bucket, output);
        }
        self.fold_long_lists();
        let open = self.open.with(&buckets);
        self.grow(&open);
        self.open.buckets = open;
        self.begun = buckets;
    }

    fn finish(&mut self, output: &mut Output) {
        self.begin_block(0..0, output);
    }

    fn bytes(&self) -> usize {
        let bytes =
            |list: &PieceList| list.pieces.bytes() + list.folded.capacity() * size_of::<(u64, Summary)>();
        let spare = self.spare.iter().map(|room| room.capacity() * size_of::<Piece>());
        self.lists.iter().map(bytes).sum::<usize>()
            + self.table_bytes
            + spare.sum::<usize>()
            + self.folder.bytes()
    }

    fn group_count_min(&self) -> usize {
        self.lists.iter().map(|list| list.folded.len()).sum()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Arc;

    use farmtally_columns::{BlockPiece, BlockPieces};

    use super::*;
    use crate::accumulator::narrow_row;
    use crate::keys::KeyLayout;
    use crate::output::Part;
    use farmtally_model::NarrowRow;

    const KEYS: KeyLayout = KeyLayout { second_bits: 4, len: 1 << 12 };

    /// The buckets of all blocks.
    const BUCKETS: [u16; 2] = [7, 8];
    /// What each of two queues adds to its keys, and the cost of its dear piece.
    const QUEUES: [(u64, u64); 2] = [(0, 1 << 32), (8, 2 << 32)];

    /// Job, user, cost and runtime of a narrow piece.
    fn narrow(bucket: u16, index: u16) -> (u16, u16, u32, u32) {
        (index % 100, index % 3, (bucket * 10 + index % 7).into(), index.into())
    }

    /// What a block remembers of both queues: of each bucket so many narrow pieces, and a dear one of job 5 and user 1.
    fn remembered(pieces: u16) -> RememberedPieces {
        let of_queue = |(shared, dear_nanos)| {
            let narrow = BUCKETS.map(|bucket| {
                let piece = |index| {
                    let (job, user, cost_nanos, runtime_ms) = narrow(bucket, index);
                    BlockPiece { codes: [job, user], runtime_ms, cost_nanos }
                };
                (0..pieces).map(piece).collect::<Vec<_>>()
            });
            let dear = [BlockPiece { codes: [5, 1], runtime_ms: 1, cost_nanos: dear_nanos }];
            (
                shared,
                Arc::new(BlockPieces::of(narrow.iter().map(|narrow| (narrow.as_slice(), dear.as_slice())))),
            )
        };
        let shares = [(0..100).map(|job| job << KEYS.second_bits).collect(), vec![1, 2, 3]];
        RememberedPieces { by_axis: QUEUES.map(of_queue).into(), shares, first_bucket: BUCKETS[0].into() }
    }

    fn lists() -> PieceLists {
        PieceLists::folded_by(Folder::new(KEYS, None, Lanes::detect()))
    }

    type Sums = BTreeMap<(usize, u64), Summary>;

    /// Adds the pieces of such a block one by one.
    fn add_to(sums: &mut Sums, pieces: u16) {
        for (bucket, (shared, dear_nanos)) in
            BUCKETS.into_iter().flat_map(|bucket| QUEUES.map(|queue| (bucket, queue)))
        {
            let mut add = |job: u16, user: u16, cost_nanos, runtime_ms| {
                let key = shared + (u64::from(job) << 4) + u64::from(user) + 1;
                sums.entry((bucket.into(), key)).or_insert(Summary::EMPTY).add(cost_nanos, runtime_ms);
            };
            for index in 0..pieces {
                let (job, user, cost_nanos, runtime_ms) = narrow(bucket, index);
                add(job, user, cost_nanos.into(), runtime_ms);
            }
            add(5, 1, dear_nanos, 1);
        }
    }

    /// Adds blocks of so many pieces, and after each says what the lists hold: tables of blocks in bytes, and pieces.
    fn add_blocks(pieces: u16, blocks: usize, shares_len: u64) -> Vec<(usize, usize, bool)> {
        let mut lists = lists();
        let mut output = Output::new(KEYS, [1 << 8, 1 << 4], Lanes::detect());
        let (mut held, mut expected) = (Vec::new(), Sums::new());
        for _ in 0..blocks {
            lists.begin_block(7..9, &mut output);
            lists.add(8, 33, 99, 7);
            let mut block = remembered(pieces);
            // Jobs of which no piece is.
            block.shares[0].extend(100..shares_len);
            lists.add_remembered(7..9, block);
            add_to(&mut expected, pieces);
            expected.entry((8, 33)).or_insert(Summary::EMPTY).add(99, 7);
            let listed = lists.lists.iter().map(|list| list.pieces.len()).sum();
            held.push((lists.table_bytes, listed, lists.group_count_min() > 0));
        }
        lists.finish(&mut output);
        assert_eq!(lists.table_bytes, 0);
        output.end();
        let of_part = |part: &Part| -> Vec<NarrowRow> {
            output.lists[part.list].range(part.rows.clone(), KEYS.second_bits).collect()
        };
        for bucket in BUCKETS.map(usize::from) {
            let parts = output.parts.iter().filter(|part| part.bucket == bucket);
            let expected = expected.iter().filter(|((of, _), _)| *of == bucket);
            let expected: Vec<_> =
                expected.map(|((_, key), sum)| narrow_row(KEYS.places(*key), sum)).collect();
            assert_eq!(parts.flat_map(of_part).collect::<Vec<_>>(), expected);
        }
        held
    }

    #[test]
    fn what_blocks_remember_is_folded_with_what_was_read_and_before_there_is_much_of_it() {
        // Of each bucket, 2 × 60,001 pieces in a block: five of them are more than are kept.
        let held = add_blocks(60_000, 6, 100);
        let one = held[0].0;
        assert!((103 * size_of::<u64>()..2_000).contains(&one), "{one}");
        for (place, (table_bytes, listed, is_folded)) in held.into_iter().enumerate() {
            let blocks = if place < 5 { place + 1 } else { 1 };
            assert_eq!((table_bytes, is_folded), (blocks * one, place == 5));
            assert!(listed < 10, "the pieces of blocks are not listed before");
        }
    }

    #[test]
    fn a_long_bucket_has_the_room_of_one_before() {
        let mut lists = lists();
        let mut output = Output::new(KEYS, [1 << 8, 1 << 4], None);
        for first in (0..8).rev() {
            for _ in 0..3 {
                lists.begin_block(first..first + 2, &mut output);
                lists.add_remembered(
                    first..first + 2,
                    RememberedPieces { first_bucket: first, ..remembered(60_000) },
                );
            }
        }
        assert!(output.parts.len() > 5);
        let with_room = lists.lists.iter().filter(|list| list.pieces.narrow.capacity() > 0).count();
        assert!((1..=2).contains(&(lists.spare.len() + with_room)));
    }

    #[test]
    fn blocks_with_large_tables_are_not_kept() {
        let held = add_blocks(10, 20, 1 << 16);
        let most = held.iter().map(|(table_bytes, ..)| *table_bytes).max().unwrap();
        assert!((TABLE_BYTES_MAX..TABLE_BYTES_MAX + (1 << 20)).contains(&most), "{most}");
        assert!(held.iter().all(|(.., is_folded)| !is_folded));
        let listed = held.last().unwrap().1;
        assert!((400..800 + 20).contains(&listed), "{listed}");
    }
}
