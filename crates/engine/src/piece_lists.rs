//! Lists of pieces by bucket, folded into groups when their bucket is finished, or earlier when they grow long.

use std::ops::Range;

use farmtally_columns::{PiecesOfBucket, Summary};

use crate::arrivals::Arrivals;
use crate::fold::Folder;
use crate::lanes::{self, Lanes, PieceChunk};
use crate::output::{Each, Groups, Output};
use crate::piece::{Piece, Pieces};
use crate::plan::AggregationPlan;
use crate::sink::{OpenBuckets, PieceSink, Sink};

/// Pieces of a bucket from which on they are folded before the bucket is finished: memory follows the groups.
const PIECES_MAX: usize = 1 << 19;

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
    /// Rooms of finished lists for the next ones, so that pieces are written to memory that is near.
    spare: Vec<Vec<Piece>>,
}

#[derive(Debug, Default)]
struct PieceList {
    pieces: Pieces,
    /// Groups of pieces that were folded, ascending.
    folded: Vec<(u64, Summary)>,
}

impl PieceLists {
    pub(crate) fn new(plan: &AggregationPlan<'_>) -> Self {
        Self {
            open: OpenBuckets::default(),
            lists: Vec::new(),
            begun: 0..0,
            spare: Vec::new(),
            folder: Folder::new(plan.keys, Arrivals::of(plan), plan.lanes),
        }
    }

    /// Makes room for so many pieces of a bucket of the block.
    pub(crate) fn reserve(&mut self, bucket: usize, pieces: usize) {
        if pieces == 0 {
            return;
        }
        let place = self.open.place(bucket);
        let list = &mut self.lists[place].pieces.all;
        if list.capacity() == 0 {
            *list = self.spare.pop().unwrap_or_default();
        }
        list.reserve(pieces);
    }

    /// Adds pieces of a bucket of the block that are remembered. Their keys are what they share and what their codes add.
    pub(crate) fn add_pieces(
        &mut self,
        bucket: usize,
        (narrow, wide): PiecesOfBucket<'_>,
        shared: u64,
        [first, second]: [&[u64]; 2],
    ) {
        let place = self.open.place(bucket);
        let pieces = &mut self.lists[place].pieces;
        let key = |[one, other]: [u16; 2]| shared + first[usize::from(one)] + second[usize::from(other)];
        pieces.all.extend(narrow.iter().map(|piece| Piece {
            key: key(piece.codes),
            cost_nanos: piece.cost_nanos,
            runtime_ms: piece.runtime_ms,
        }));
        for piece in wide {
            pieces.add(key(piece.codes), piece.cost_nanos, piece.runtime_ms);
        }
    }

    fn finish_bucket(&mut self, bucket: usize, output: &mut Output) {
        output.begin_bucket(bucket);
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
        let room = std::mem::take(&mut list.pieces.all);
        if room.capacity() > 0 {
            self.spare.push(room);
        }
        output.end_bucket();
    }

    fn fold_long_lists(&mut self) {
        for list in &mut self.lists {
            if list.pieces.len() >= PIECES_MAX.max(list.folded.len()) {
                list.fold(&mut self.folder);
            }
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
            let list = &mut self.lists[self.open.place(bucket)].pieces.all;
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
                let list = &mut self.lists[place].pieces.all;
                let len = list.len();
                list.extend_from_slice(eight);
                list.truncate(len + run);
            });
        }
        for (bucket, key, cost_nanos, runtime_ms) in pieces.iter() {
            let place = self.open.place(bucket as usize);
            let list = &mut self.lists[place].pieces.all;
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
        self.lists.iter().map(bytes).sum::<usize>() + spare.sum::<usize>() + self.folder.bytes()
    }

    fn group_count_min(&self) -> usize {
        self.lists.iter().map(|list| list.folded.len()).sum()
    }
}
