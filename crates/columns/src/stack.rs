//! The blocks of a farm, in groups that are merged as more rows arrive.
//!
//! Two groups are merged when the later one has grown to half of the earlier: a row is copied about as often as its group
//! doubles, however small the batches are in which it arrived. A group that has the rows of a full block stays as it is,
//! and so does what was restored or sealed.

use crate::block::{BLOCK_ROWS_MAX, SessionBlock};
use crate::restore::SealedPart;
use crate::row::SessionRow;
use crate::view::BlockView;

/// Sessions whose starts lie further apart never share a block, so that the ends of all but very long ones can be counted
/// in 32 bits from the block's first start.
const STARTS_SPAN_MAX_MS: i64 = 35 * 86_400_000;

/// Blocks in the order of their arrival.
#[derive(Debug, Default)]
pub(crate) struct BlockStack {
    groups: Vec<Group>,
}

/// Blocks whose rows arrived together.
#[derive(Debug, Clone)]
struct Group {
    blocks: Vec<BlockView>,
    standing: Standing,
}

/// What becomes of a group as more rows arrive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// It may be merged with its neighbours.
    Open,
    /// It stays as it is.
    Settled,
    /// It stays until the sealed part with this number goes.
    Sealed(u32),
}

impl Group {
    fn new(rows: Vec<SessionRow>) -> Self {
        Self { blocks: views(rows), standing: Standing::Open }
    }

    fn sealed(part: SealedPart) -> Self {
        let blocks = part.blocks.into_iter().map(BlockView::new).collect();
        Self { blocks, standing: Standing::Sealed(part.number) }
    }

    fn is_open(&self) -> bool {
        self.standing == Standing::Open
    }

    fn live_len(&self) -> usize {
        self.blocks.iter().map(BlockView::live_len).sum()
    }
}

impl BlockStack {
    /// Blocks that stay as they are.
    pub(crate) fn settled(blocks: Vec<BlockView>) -> Self {
        Self { groups: vec![Group { blocks, standing: Standing::Settled }] }
    }

    /// Number of rows that were not removed.
    pub(crate) fn live_len(&self) -> usize {
        self.groups.iter().map(Group::live_len).sum()
    }

    /// Adds a sealed part. Groups that are open stay neighbours.
    pub(crate) fn add_part(&mut self, part: SealedPart) {
        let first_open = self.groups.iter().position(Group::is_open).unwrap_or(self.groups.len());
        self.groups.insert(first_open, Group::sealed(part));
    }

    /// What there would be with other sealed parts: without the dropped ones, with the added ones, from which a row is
    /// taken out for each of `removed`, and, if `open` says so, with these rows in the place of all that is open. `None` when
    /// there would be more or fewer rows than before, or a removed row is not there.
    pub(crate) fn exchanged(
        &self,
        (dropped, added): (&[u32], Vec<SealedPart>),
        removed: &[SessionRow],
        open: Option<Vec<SessionRow>>,
    ) -> Option<Self> {
        let mut new = Self { groups: added.into_iter().map(Group::sealed).collect() };
        if !removed.iter().all(|row| new.remove(row)) {
            return None;
        }
        let stays = |group: &&Group| match group.standing {
            Standing::Open => open.is_none(),
            Standing::Settled => true,
            Standing::Sealed(number) => !dropped.contains(&number),
        };
        let (open_groups, mut groups): (Vec<_>, Vec<_>) =
            self.groups.iter().filter(stays).map(Group::clone).partition(Group::is_open);
        groups.append(&mut new.groups);
        groups.extend(open_groups);
        let mut exchanged = Self { groups };
        exchanged.push(open.unwrap_or_default());
        (exchanged.live_len() == self.live_len()).then_some(exchanged)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &BlockView> {
        self.groups.iter().flat_map(|group| &group.blocks)
    }

    /// Blocks that are not settled.
    pub(crate) fn open(&self) -> impl Iterator<Item = &BlockView> {
        self.groups.iter().filter(|group| group.is_open()).flat_map(|group| &group.blocks)
    }

    /// Takes out one row that is equal in every column; false when there is none.
    pub(crate) fn remove(&mut self, row: &SessionRow) -> bool {
        // The newest blocks first: what is corrected was mostly just sent.
        let mut blocks = self.groups.iter_mut().rev().flat_map(|group| group.blocks.iter_mut().rev());
        blocks.any(|view| view.remove(row))
    }

    /// Adds rows, and merges what is small.
    pub(crate) fn push(&mut self, mut rows: Vec<SessionRow>) {
        rows.sort_by_key(|row| row.start_ms);
        let mut rows = rows.into_iter().peekable();
        while rows.peek().is_some() {
            self.groups.push(Group::new(rows.by_ref().take(BLOCK_ROWS_MAX).collect()));
            self.merge_tail();
        }
    }

    fn merge_tail(&mut self) {
        while let [.., earlier, later] = self.groups.as_slice() {
            let (earlier_len, later_len) = (earlier.live_len(), later.live_len());
            let is_full = earlier_len + later_len > BLOCK_ROWS_MAX || 2 * later_len < earlier_len;
            if !earlier.is_open() || !later.is_open() || is_full {
                return;
            }
            let rows = [earlier, later].into_iter().flat_map(|group| &group.blocks);
            let merged = Group::new(rows.flat_map(BlockView::live_rows).collect());
            self.groups.truncate(self.groups.len() - 2);
            if !merged.blocks.is_empty() {
                self.groups.push(merged);
            }
        }
    }

    /// Sorts everything that is not settled by start into blocks that are as full as can be, and settles them. Returns
    /// these blocks.
    pub(crate) fn seal(&mut self) -> Vec<BlockView> {
        let (open, mut settled): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.groups).into_iter().partition(Group::is_open);
        let blocks = open.iter().flat_map(|group| &group.blocks);
        let sealed = views(blocks.flat_map(BlockView::live_rows).collect());
        if !sealed.is_empty() {
            settled.push(Group { blocks: sealed.clone(), standing: Standing::Settled });
        }
        self.groups = settled;
        sealed
    }
}

fn views(rows: Vec<SessionRow>) -> Vec<BlockView> {
    cut(rows).into_iter().map(BlockView::new).collect()
}

/// Rows by start, cut into blocks.
pub(crate) fn cut(mut rows: Vec<SessionRow>) -> Vec<SessionBlock> {
    rows.sort_by_key(|row| row.start_ms);
    let (mut blocks, mut rest) = (Vec::new(), rows.as_slice());
    while let Some(first) = rest.first() {
        let own = &rest[..rest.len().min(BLOCK_ROWS_MAX)];
        let end = own.partition_point(|row| row.start_ms - first.start_ms <= STARTS_SPAN_MAX_MS);
        blocks.push(SessionBlock::from_rows(&own[..end]));
        rest = &rest[end..];
    }
    blocks
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY_MS: i64 = 86_400_000;

    fn row(start_ms: i64) -> SessionRow {
        SessionRow {
            start_ms,
            end_ms: start_ms + 1000,
            queue: 0,
            fleet: 0,
            job: 0,
            user: 0,
            instance_type: 0,
            worker: 0,
            outcome: 0,
            compute_nanos: Some(1),
            licenses: vec![],
        }
    }

    fn starts(stack: &BlockStack) -> Vec<i64> {
        let mut starts: Vec<i64> =
            stack.iter().flat_map(|view| view.live_rows().map(|row| row.start_ms)).collect();
        starts.sort_unstable();
        starts
    }

    #[test]
    fn blocks_of_a_scattered_year_are_few_and_short_enough_for_narrow_offsets() {
        let mut stack = BlockStack::default();
        for index in 0..1000 {
            stack.push(vec![row(index * 7919 % 365 * DAY_MS)]);
        }
        assert_eq!(starts(&stack).len(), 1000);
        assert!(stack.iter().count() <= 110, "{} blocks", stack.iter().count());
        assert!(stack.iter().all(|view| view.block().odd_len() == 0));
    }

    #[test]
    fn sealing_keeps_every_live_row_and_later_rows_leave_sealed_blocks_alone() {
        let mut stack = BlockStack::default();
        for index in 0..50 {
            stack.push(vec![row(index)]);
        }
        assert!(stack.remove(&row(7)));
        let sealed = stack.seal();
        assert_eq!(sealed.len(), 1);
        assert_eq!(starts(&stack), (0..50).filter(|start| *start != 7).collect::<Vec<_>>());
        for index in 50..60 {
            stack.push(vec![row(index)]);
        }
        assert!(std::ptr::eq(stack.iter().next().unwrap().block(), sealed[0].block()));
        assert!(stack.seal().len() == 1 && stack.seal().is_empty());
        assert_eq!(starts(&stack).len(), 59);
    }

    fn part(number: u32, starts: impl Iterator<Item = i64>) -> SealedPart {
        SealedPart { number, blocks: cut(starts.map(row).collect()) }
    }

    #[test]
    fn parts_are_exchanged_for_others_with_the_same_rows_only() {
        let mut stack = BlockStack::default();
        stack.push((0..10).map(row).collect());
        stack.add_part(part(1, 10..20));
        stack.add_part(part(2, 20..30));
        assert!(stack.remove(&row(12)) && stack.remove(&row(3)));
        let before = starts(&stack);
        // What was open is sealed, and so is what was replaced since: three was removed.
        let exchange = |dropped: &[u32], added, removed: &[SessionRow], open| {
            stack.exchanged((dropped, added), removed, open)
        };
        let sealed = exchange(&[], vec![part(3, 0..8)], &[row(3)], Some(vec![row(8), row(9)])).unwrap();
        assert_eq!(starts(&sealed), before);
        assert_eq!(sealed.open().map(BlockView::live_len).sum::<usize>(), 2);
        let merged = exchange(&[1, 2], vec![part(4, 10..30)], &[row(12)], None).unwrap();
        assert_eq!(starts(&merged), before);
        assert_eq!(merged.open().map(BlockView::live_len).sum::<usize>(), 9);
        assert!(exchange(&[], vec![part(3, 0..8)], &[], Some(vec![row(8), row(9)])).is_none());
        assert!(exchange(&[1], vec![part(4, 10..30)], &[row(12)], None).is_none());
        assert!(exchange(&[1, 2], vec![part(4, 10..30)], &[row(3)], None).is_none());
    }
}
