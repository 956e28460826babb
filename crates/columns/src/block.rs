//! One immutable block of sessions, column by column, sorted by start.

use std::ops::Range;
use std::sync::Arc;

/// A licence that a session held, and its cost in nano-dollars.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct LicenseLine {
    /// Code of the product.
    pub product: u32,
    /// Cost over the whole session.
    pub cost_nanos: u64,
}

/// One ended session, in codes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SessionRow {
    pub(crate) start_ms: i64,
    pub(crate) end_ms: i64,
    pub(crate) queue: u32,
    pub(crate) fleet: u32,
    pub(crate) job: u32,
    pub(crate) user: u32,
    pub(crate) instance_type: u32,
    /// `None` when the session has no COMPUTE line.
    pub(crate) compute_nanos: Option<u64>,
    pub(crate) licenses: Vec<LicenseLine>,
}

/// Columns of ended sessions, sorted by start. All columns have the same length, but for the licence lines.
#[derive(Debug, Default)]
pub struct SessionBlock {
    start_ms: Vec<i64>,
    end_ms: Vec<i64>,
    queue: Vec<u32>,
    fleet: Vec<u32>,
    job: Vec<u32>,
    user: Vec<u32>,
    instance_type: Vec<u32>,
    has_compute: Vec<bool>,
    compute_nanos: Vec<u64>,
    license_nanos: Vec<u64>,
    /// Lines of row `i` are `license_offset[i]..license_offset[i + 1]`.
    license_offset: Vec<u32>,
    license_lines: Vec<LicenseLine>,
    end_max_ms: i64,
}

impl SessionBlock {
    /// Sorts rows by start and turns them into columns.
    pub(crate) fn from_rows(mut rows: Vec<SessionRow>) -> Self {
        rows.sort_by_key(|row| (row.start_ms, row.end_ms));
        let mut block = Self { license_offset: vec![0], end_max_ms: i64::MIN, ..Self::default() };
        for row in rows {
            block.push(row);
        }
        block
    }

    fn push(&mut self, row: SessionRow) {
        self.start_ms.push(row.start_ms);
        self.end_ms.push(row.end_ms);
        self.queue.push(row.queue);
        self.fleet.push(row.fleet);
        self.job.push(row.job);
        self.user.push(row.user);
        self.instance_type.push(row.instance_type);
        self.has_compute.push(row.compute_nanos.is_some());
        self.compute_nanos.push(row.compute_nanos.unwrap_or(0));
        self.license_nanos.push(row.licenses.iter().map(|line| line.cost_nanos).sum());
        self.license_lines.extend(row.licenses);
        self.license_offset.push(u32::try_from(self.license_lines.len()).unwrap_or(u32::MAX));
        self.end_max_ms = self.end_max_ms.max(row.end_ms);
    }

    pub(crate) fn row(&self, index: usize) -> SessionRow {
        SessionRow {
            start_ms: self.start_ms[index],
            end_ms: self.end_ms[index],
            queue: self.queue[index],
            fleet: self.fleet[index],
            job: self.job[index],
            user: self.user[index],
            instance_type: self.instance_type[index],
            compute_nanos: self.has_compute[index].then_some(self.compute_nanos[index]),
            licenses: self.licenses(index).to_vec(),
        }
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.start_ms.len()
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.start_ms.is_empty()
    }

    /// The rows that can have a piece in `[window_start_ms, window_end_ms)`: those that start before its end, or none
    /// when every session of the block had ended before its start.
    pub fn candidates(&self, window_start_ms: i64, window_end_ms: i64) -> Range<usize> {
        if self.end_max_ms < window_start_ms {
            return 0..0;
        }
        0..self.start_ms.partition_point(|start| *start < window_end_ms)
    }

    /// Starts in milliseconds since 1970, ascending.
    pub fn start_ms(&self) -> &[i64] {
        &self.start_ms
    }

    /// Ends in milliseconds since 1970.
    pub fn end_ms(&self) -> &[i64] {
        &self.end_ms
    }

    /// Codes of the queues.
    pub fn queue(&self) -> &[u32] {
        &self.queue
    }

    /// Codes of the fleets.
    pub fn fleet(&self) -> &[u32] {
        &self.fleet
    }

    /// Codes of the jobs.
    pub fn job(&self) -> &[u32] {
        &self.job
    }

    /// Codes of the users.
    pub fn user(&self) -> &[u32] {
        &self.user
    }

    /// Codes of the instance types.
    pub fn instance_type(&self) -> &[u32] {
        &self.instance_type
    }

    /// Whether a session has a COMPUTE line.
    pub fn has_compute(&self) -> &[bool] {
        &self.has_compute
    }

    /// Costs of the COMPUTE lines in nano-dollars; zero where there is none.
    pub fn compute_nanos(&self) -> &[u64] {
        &self.compute_nanos
    }

    /// Costs of all LICENSE lines of a session together, in nano-dollars.
    pub fn license_nanos(&self) -> &[u64] {
        &self.license_nanos
    }

    /// The LICENSE lines of one row.
    pub fn licenses(&self, index: usize) -> &[LicenseLine] {
        &self.license_lines[self.license_offset[index] as usize..self.license_offset[index + 1] as usize]
    }

    /// Index of a row that is equal in every column and for which `usable` holds.
    fn find(&self, row: &SessionRow, usable: impl Fn(usize) -> bool) -> Option<usize> {
        let from = self.start_ms.partition_point(|start| *start < row.start_ms);
        let to = self.start_ms.partition_point(|start| *start <= row.start_ms);
        (from..to).find(|index| usable(*index) && self.row(*index) == *row)
    }
}

/// A block as a snapshot sees it: without the rows that were replaced or deleted since the block was made.
#[derive(Debug, Clone)]
pub struct BlockView {
    block: Arc<SessionBlock>,
    removed: Option<Arc<Vec<bool>>>,
    removed_count: usize,
}

impl BlockView {
    pub(crate) fn new(block: SessionBlock) -> Self {
        Self { block: Arc::new(block), removed: None, removed_count: 0 }
    }

    /// The columns, removed rows included.
    pub fn block(&self) -> &SessionBlock {
        &self.block
    }

    /// For each row whether it was removed, or `None` when none was.
    pub fn removed(&self) -> Option<&[bool]> {
        self.removed.as_ref().map(|removed| removed.as_slice())
    }

    /// Number of rows that were not removed.
    pub fn live_len(&self) -> usize {
        self.block.len() - self.removed_count
    }

    /// Takes out one row that is equal in every column; false when there is none.
    pub(crate) fn remove(&mut self, row: &SessionRow) -> bool {
        let usable = |index: usize| self.removed.as_ref().is_none_or(|removed| !removed[index]);
        let Some(index) = self.block.find(row, usable) else { return false };
        let removed = self.removed.get_or_insert_with(|| Arc::new(vec![false; self.block.len()]));
        Arc::make_mut(removed)[index] = true;
        self.removed_count += 1;
        true
    }

    pub(crate) fn live_rows(&self) -> impl Iterator<Item = SessionRow> {
        let live = |index: &usize| self.removed.as_ref().is_none_or(|removed| !removed[*index]);
        (0..self.block.len()).filter(live).map(|index| self.block.row(index))
    }
}
