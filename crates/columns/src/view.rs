//! A block as a snapshot sees it: without the rows that were replaced or deleted since the block was made.

use std::sync::Arc;

use crate::block::SessionBlock;
use crate::row::SessionRow;

/// A block and the rows of it that are gone.
#[derive(Debug, Clone)]
pub struct BlockView {
    block: Arc<SessionBlock>,
    removed: Option<Arc<Vec<bool>>>,
    removed_count: usize,
    /// Number of rows, removed ones included.
    len: usize,
    /// Earliest start and latest end, so that the blocks of a window are found without looking into the others.
    span_ms: (i64, i64),
}

impl BlockView {
    pub(crate) fn new(block: SessionBlock) -> Self {
        Self::whole(Arc::new(block))
    }

    /// A block of which every row is there.
    pub(crate) fn whole(block: Arc<SessionBlock>) -> Self {
        Self { len: block.len(), span_ms: block.span_ms(), block, removed: None, removed_count: 0 }
    }

    /// The columns, removed rows included.
    pub fn block(&self) -> &SessionBlock {
        &self.block
    }

    /// The block itself, which a snapshot and whoever keeps it on disk share.
    pub fn shared_block(&self) -> Arc<SessionBlock> {
        Arc::clone(&self.block)
    }

    /// A restored block and the rows of it that are gone, by index.
    pub(crate) fn restored(block: SessionBlock, removed: &[u32]) -> Option<Self> {
        let mut view = Self::new(block);
        if removed.is_empty() {
            return Some(view);
        }
        let mut flags = vec![false; view.block.len()];
        for row in removed {
            *flags.get_mut(*row as usize)? = true;
        }
        view.removed_count = flags.iter().filter(|removed| **removed).count();
        view.removed = Some(Arc::new(flags));
        Some(view)
    }

    /// Indexes of the rows that were removed, ascending.
    pub fn removed_rows(&self) -> impl Iterator<Item = u32> + '_ {
        let flags = self.removed.as_deref().map_or(&[][..], Vec::as_slice);
        (0..).zip(flags).filter(|(_, removed)| **removed).map(|(index, _)| index)
    }

    /// For each row in the order of [`SessionBlock::rows`] whether it was removed; `None` when none was.
    pub fn removed(&self) -> Option<&[bool]> {
        self.removed.as_deref().map(Vec::as_slice)
    }

    /// Whether a row can have a piece in `[start_ms, end_ms)`.
    pub fn overlaps(&self, start_ms: i64, end_ms: i64) -> bool {
        self.span_ms.0 < end_ms && self.span_ms.1 >= start_ms
    }

    /// Whether every row of the columns is there.
    pub fn is_whole(&self) -> bool {
        self.removed_count == 0
    }

    /// Number of rows that were not removed.
    pub fn live_len(&self) -> usize {
        self.len - self.removed_count
    }

    /// The rows that were not removed.
    pub fn live_rows(&self) -> impl Iterator<Item = SessionRow> {
        self.block.rows().enumerate().filter(|(index, _)| self.is_live(*index)).map(|(_, row)| row)
    }

    fn is_live(&self, index: usize) -> bool {
        self.removed.as_ref().is_none_or(|removed| !removed[index])
    }

    /// Takes out one row that is equal in every column; false when there is none.
    pub(crate) fn remove(&mut self, row: &SessionRow) -> bool {
        if !self.overlaps(row.start_ms, row.end_ms.max(row.start_ms + 1)) {
            return false;
        }
        let Some(index) = self.block.find(row, |index| self.is_live(index)) else { return false };
        let removed = self.removed.get_or_insert_with(|| Arc::new(vec![false; self.block.len()]));
        Arc::make_mut(removed)[index] = true;
        self.removed_count += 1;
        true
    }
}
