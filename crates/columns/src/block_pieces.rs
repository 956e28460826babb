//! What a block remembers of questions that no rollup is worth it for: the pieces themselves.
//!
//! A question that looks at two things beside queues or fleets, such as jobs by user, has about as many groups as pieces, so that sums of them
//! would be no smaller, and so has many a one by hours that looks at one. Its pieces still need not be cut again: they are remembered by queue or fleet, in the order of buckets, with the
//! block's own codes of what is looked at. So they serve any question with the same buckets, whichever queues it asks for and in whatever
//! order it shows its groups, for as long as the block is there. They are memory only.

use std::ops::Range;
use std::sync::Arc;

use crate::cubes::Axis;
use crate::remembered::{Asker, Memory, Recalled, Remembered, Room};
use crate::rollups::Detail;

/// Which pieces of a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PiecesOf<'e> {
    /// What is told apart before: all pieces are of one queue or fleet.
    pub axis: Axis,
    /// The block's code of it.
    pub axis_code: u32,
    /// What each piece has a code of: jobs, users, instance types, or nothing, whose code is zero.
    pub details: [Detail; 2],
    /// Where buckets begin, and where the last one ends: milliseconds since 1970, ascending.
    pub edges_ms: &'e [i64],
}

/// What a session costs in one bucket, and how long it runs there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
// Cost and runtime lie as they do in the engine's pieces, so that they are copied as one word.
#[repr(C)]
pub struct BlockPiece<C> {
    /// Cost in nano-dollars.
    pub cost_nanos: C,
    /// Runtime in milliseconds.
    pub runtime_ms: u32,
    /// Codes of the details, those of the block.
    pub codes: [u16; 2],
}

/// The pieces of one queue or fleet of a block, by bucket.
#[derive(Debug, Default)]
pub struct BlockPieces {
    /// Where the pieces of each bucket end, the narrow and the wide ones.
    ends: Vec<[u32; 2]>,
    narrow: Vec<BlockPiece<u32>>,
    wide: Vec<BlockPiece<u64>>,
}

/// The pieces of one bucket: those whose costs have 32 bits, and the others.
pub type PiecesOfBucket<'a> = (&'a [BlockPiece<u32>], &'a [BlockPiece<u64>]);

impl BlockPieces {
    /// Puts pieces together, bucket by bucket.
    pub fn of<'a>(buckets: impl Iterator<Item = PiecesOfBucket<'a>> + Clone) -> Self {
        let lens = buckets
            .clone()
            .fold([0, 0], |lens, (narrow, wide)| [lens[0] + narrow.len(), lens[1] + wide.len()]);
        let mut all = Self {
            ends: Vec::with_capacity(buckets.size_hint().0),
            narrow: Vec::with_capacity(lens[0]),
            wide: Vec::with_capacity(lens[1]),
        };
        for (narrow, wide) in buckets {
            all.narrow.extend_from_slice(narrow);
            all.wide.extend_from_slice(wide);
            all.ends
                .push([all.narrow.len(), all.wide.len()].map(|len| u32::try_from(len).unwrap_or(u32::MAX)));
        }
        all
    }

    /// As many narrow pieces as take the room that these take.
    pub fn room(&self) -> usize {
        let bytes = size_of_val(self.narrow.as_slice()) + size_of_val(self.wide.as_slice());
        bytes.div_ceil(size_of::<BlockPiece<u32>>())
    }

    /// The pieces of a bucket.
    #[inline]
    pub fn of_bucket(&self, bucket: usize) -> PiecesOfBucket<'_> {
        let [narrow, wide] = self.places(bucket);
        (&self.narrow[narrow], &self.wide[wide])
    }

    /// Number of pieces of a bucket.
    #[inline]
    pub fn len_of_bucket(&self, bucket: usize) -> usize {
        self.places(bucket).map(|places| places.len()).iter().sum()
    }

    #[inline]
    fn places(&self, bucket: usize) -> [Range<usize>; 2] {
        let begin = bucket.checked_sub(1).map_or([0; 2], |before| self.ends[before]);
        let end = self.ends[bucket];
        [0, 1].map(|kind| begin[kind] as usize..end[kind] as usize)
    }
}

impl Memory for BlockPieces {
    fn bytes(&self) -> usize {
        size_of_val(self.ends.as_slice())
            + size_of_val(self.narrow.as_slice())
            + size_of_val(self.wide.as_slice())
    }
}

/// Bytes that the pieces of a block may take for each of its rows, and beside.
const BYTES_BY_ROW: usize = 16;
const BYTES_BESIDE: usize = 4096;
/// Queues and fleets without pieces that are noted, for each question on its own.
const NOTES: usize = 256;

/// The pieces that a block was asked for.
#[derive(Debug, Default)]
pub(crate) struct PieceMemory(Remembered<Key, BlockPieces>);

#[derive(Debug, PartialEq, Eq)]
struct Key {
    axis: Axis,
    axis_code: u32,
    details: [Detail; 2],
    edges_ms: Vec<i64>,
}

impl Memory for Key {
    fn bytes(&self) -> usize {
        size_of_val(self.edges_ms.as_slice())
    }
}

impl Key {
    fn of(PiecesOf { axis, axis_code, details, edges_ms }: PiecesOf<'_>) -> Self {
        Self { axis, axis_code, details, edges_ms: edges_ms.to_vec() }
    }

    fn is(&self, of: PiecesOf<'_>) -> bool {
        let Self { axis, axis_code, details, edges_ms } = self;
        PiecesOf { axis: *axis, axis_code: *axis_code, details: *details, edges_ms } == of
    }
}

impl PieceMemory {
    /// What there is for a question, which looks at all rows of the queue or fleet without it.
    pub(crate) fn recall(&self, of: PiecesOf<'_>, asker: Asker, rows: usize) -> Recalled<BlockPieces> {
        self.0.recall(|key| key.is(of), || Key::of(of), (asker, 1.0), room(rows))
    }

    /// Says that pieces were not put together by who was to do it, so that the next one does, or one after many others.
    pub(crate) fn put_back(&self, of: PiecesOf<'_>, is_next: bool) {
        self.0.put_back(|key| key.is(of), is_next);
    }

    /// Keeps pieces and gives them back, or that there is no room for them.
    pub(crate) fn keep(&self, of: PiecesOf<'_>, made: BlockPieces, rows: usize) -> Option<Arc<BlockPieces>> {
        self.0.keep(Key::of(of), Some(Arc::new(made)), room(rows))
    }

    pub(crate) fn clear(&self) {
        self.0.clear();
    }
}

/// Number of narrow pieces for which there is room in a block of so many rows, beside what is noted of so many queues or fleets.
pub(crate) fn room_of_pieces(rows: usize, axis_codes: usize, edges_ms: &[i64]) -> usize {
    let of_bucket = size_of::<i64>() + size_of::<[u32; 2]>();
    let beside = ENTRY_BYTES + edges_ms.len() * of_bucket;
    room(rows).bytes.saturating_sub(axis_codes * beside) / size_of::<BlockPiece<u32>>()
}

/// What an entry takes without its pieces and buckets.
const ENTRY_BYTES: usize = Remembered::<Key, BlockPieces>::ENTRY_BYTES + size_of::<BlockPieces>();

fn room(rows: usize) -> Room {
    Room { bytes: BYTES_BESIDE + BYTES_BY_ROW * rows, notes: NOTES }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn pieces_come_back_by_bucket(
            buckets in prop::collection::vec(
                (prop::collection::vec(any::<([u16; 2], u32, u32)>(), 0..4), prop::collection::vec(any::<([u16; 2], u32, u64)>(), 0..3)), 0..6),
        ) {
            fn pieces<C: Copy>(all: &[([u16; 2], u32, C)]) -> Vec<BlockPiece<C>> {
                all.iter().map(|(codes, runtime_ms, cost_nanos)| BlockPiece { codes: *codes, runtime_ms: *runtime_ms, cost_nanos: *cost_nanos }).collect()
            }
            let buckets: Vec<_> = buckets.iter().map(|(narrow, wide)| (pieces(narrow), pieces(wide))).collect();
            let all = BlockPieces::of(buckets.iter().map(|(narrow, wide)| (narrow.as_slice(), wide.as_slice())));
            for (bucket, (narrow, wide)) in buckets.iter().enumerate() {
                prop_assert_eq!(all.of_bucket(bucket), (narrow.as_slice(), wide.as_slice()));
                prop_assert_eq!(all.len_of_bucket(bucket), narrow.len() + wide.len());
            }
        }
    }

    /// So many pieces of one bucket.
    fn pieces(len: usize) -> BlockPieces {
        let piece = BlockPiece { codes: [1, 2], runtime_ms: 3, cost_nanos: 4 };
        BlockPieces::of(std::iter::once((vec![piece; len].as_slice(), [].as_slice())))
    }

    fn of(edges_ms: &[i64]) -> PiecesOf<'_> {
        PiecesOf { axis: Axis::Queue, axis_code: 0, details: [Detail::Job, Detail::User], edges_ms }
    }

    #[test]
    fn pieces_are_remembered_while_there_is_room() {
        let kept = |len, rows| {
            let memory = PieceMemory::default();
            let kept = memory.keep(of(&[0, 9]), pieces(len), rows).is_some();
            let recalled = memory.recall(of(&[0, 9]), Asker::new(), rows);
            assert_eq!(kept, matches!(recalled, Recalled::Has(_)));
            assert_eq!(!kept, matches!(recalled, Recalled::Useless));
            kept
        };
        assert!(kept(1_000, 1_000) && kept(1_600, 1_000) && !kept(1_700, 1_000));
        let room = room_of_pieces(1_000, 1, &[0, 9]);
        assert!(kept(room, 1_000) && (1_600..1_700).contains(&room), "{room}");
        assert_eq!(pieces(1_600).room(), 1_600);
    }

    #[test]
    fn pieces_are_told_apart_by_all_that_they_are_of() {
        let memory = PieceMemory::default();
        let (edges, others) = ([0, 9], [0, 8]);
        memory.keep(of(&edges), pieces(10), 1_000);
        let is_there = |of| matches!(memory.recall(of, Asker::new(), 1_000), Recalled::Has(_));
        assert!(is_there(of(&edges)) && !is_there(of(&others)));
        assert!(!is_there(PiecesOf { axis: Axis::Fleet, ..of(&edges) }));
        assert!(!is_there(PiecesOf { axis_code: 1, ..of(&edges) }));
        assert!(!is_there(PiecesOf { details: [Detail::Job, Detail::InstanceType], ..of(&edges) }));
        memory.clear();
        assert!(!is_there(of(&edges)));
    }

    #[test]
    fn the_second_question_puts_them_together_and_the_next_one_if_that_one_does_not() {
        let memory = PieceMemory::default();
        let recall = || memory.recall(of(&[0, 9]), Asker::new(), 1_000);
        assert!(matches!(recall(), Recalled::Asked));
        assert!(matches!(recall(), Recalled::Makes));
        assert!(matches!(recall(), Recalled::Asked), "somebody is doing it");
        memory.put_back(of(&[0, 9]), true);
        assert!(matches!(recall(), Recalled::Makes));
        memory.put_back(of(&[0, 9]), false);
        assert!((0..10).all(|_| matches!(recall(), Recalled::Asked)));
    }

    #[test]
    fn many_queues_of_several_questions_in_turn_are_noted() {
        let memory = PieceMemory::default();
        let ask = |edges_ms: &[i64]| {
            let asker = Asker::new();
            let of = |axis_code| PiecesOf { axis_code, ..of(edges_ms) };
            (0..50).filter(|code| matches!(memory.recall(of(*code), asker, 65_536), Recalled::Makes)).count()
        };
        let edges = [[0, 9], [0, 8], [0, 7]];
        assert_eq!(edges.map(|edges_ms| ask(&edges_ms)), [0; 3]);
        assert_eq!(edges.map(|edges_ms| ask(&edges_ms)), [50; 3]);
    }
}
