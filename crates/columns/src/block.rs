//! One immutable block of ended sessions, laid out for the questions that are asked.
//!
//! Rows of one queue and one fleet lie together as a run, sorted by end, so that a filter skips whole runs and a bucket is
//! a stretch of a run that two searches find. Short sessions, long ones, and those with licences lie in sets of their own:
//! the short ones, which are nearly all, fit 32-bit columns, and a question about a few hours need not look back for days.
//! The rows that fit nowhere are kept as they came.

use std::ops::Range;

use crate::row::{LicenseLine, SessionRow};

/// Sessions at least this long lie apart: a short one that touches a window ends soon after the window began.
const LONG_MS: i64 = 3 * 3_600_000;

/// A whole number of nano-dollars in 32 or 64 bits.
pub trait Nanos: Copy + Into<u64> + TryFrom<u64> + std::fmt::Debug + Send + Sync + 'static {}
impl Nanos for u32 {}
impl Nanos for u64 {}

/// Sessions of one queue and one fleet, sorted by end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// Code of the queue.
    pub queue: u32,
    /// Code of the fleet.
    pub fleet: u32,
    /// The rows, in the set that the run belongs to.
    pub rows: Range<usize>,
    /// Earliest start, in milliseconds since 1970.
    pub start_min_ms: i64,
    /// Latest end, in milliseconds since 1970.
    pub end_max_ms: i64,
    /// Greatest cost of a session, in nano-dollars.
    pub cost_max_nanos: u64,
}

/// Columns of sessions of one kind, cut into runs.
#[derive(Debug)]
pub struct RowSet<C> {
    base_ms: i64,
    runs: Vec<Run>,
    end_offset_ms: Vec<u32>,
    runtime_ms: Vec<u32>,
    cost_nanos: Vec<C>,
    user: Vec<u16>,
    job: Vec<u32>,
    instance_type: Vec<u8>,
    licenses: Option<LicenseColumns<C>>,
}

/// What only sessions with licences have.
#[derive(Debug)]
pub struct LicenseColumns<C> {
    cost_nanos: Vec<C>,
    /// Lines of row `i` are `line_offset[i]..line_offset[i + 1]`.
    line_offset: Vec<u32>,
    lines: Vec<LicenseLine>,
}

impl<C: Nanos> RowSet<C> {
    fn new(base_ms: i64, licensed: bool) -> Self {
        let licenses = licensed.then(|| LicenseColumns {
            cost_nanos: Vec::new(),
            line_offset: vec![0],
            lines: Vec::new(),
        });
        Self {
            base_ms,
            runs: Vec::new(),
            end_offset_ms: Vec::new(),
            runtime_ms: Vec::new(),
            cost_nanos: Vec::new(),
            user: Vec::new(),
            job: Vec::new(),
            instance_type: Vec::new(),
            licenses,
        }
    }

    /// Takes the row, or gives it back when it does not fit the columns.
    ///
    /// Rows have to come in order of queue, fleet and end.
    fn push(&mut self, row: SessionRow) -> Result<(), SessionRow> {
        match self.narrow(&row) {
            Some(narrow) => {
                self.end_offset_ms.push(narrow.end_offset_ms);
                self.runtime_ms.push(narrow.runtime_ms);
                self.cost_nanos.push(narrow.cost_nanos);
                self.user.push(narrow.user);
                self.job.push(row.job);
                self.instance_type.push(narrow.instance_type);
                if let Some((licenses, cost_nanos)) = self.licenses.as_mut().zip(narrow.license_nanos) {
                    licenses.push(cost_nanos, &row.licenses);
                }
                self.extend_run(&row);
                Ok(())
            }
            None => Err(row),
        }
    }

    fn narrow(&self, row: &SessionRow) -> Option<NarrowRow<C>> {
        // A session without length is in the bucket of its start, all others in the bucket before their end.
        let runtime_ms =
            u32::try_from(row.end_ms - row.start_ms).ok().filter(|runtime_ms| *runtime_ms > 0)?;
        let compute_nanos = row.compute_nanos?;
        let license_nanos = row.license_nanos();
        Some(NarrowRow {
            end_offset_ms: u32::try_from(row.end_ms - self.base_ms).ok()?,
            runtime_ms,
            cost_nanos: C::try_from(compute_nanos + license_nanos).ok()?,
            license_nanos: C::try_from(license_nanos).ok(),
            user: u16::try_from(row.user).ok()?,
            instance_type: u8::try_from(row.instance_type).ok()?,
        })
    }

    fn extend_run(&mut self, row: &SessionRow) {
        let index = self.len() - 1;
        let cost_nanos = self.cost_nanos[index].into();
        match self.runs.last_mut() {
            Some(run) if run.queue == row.queue && run.fleet == row.fleet => {
                run.rows.end = index + 1;
                run.start_min_ms = run.start_min_ms.min(row.start_ms);
                run.end_max_ms = run.end_max_ms.max(row.end_ms);
                run.cost_max_nanos = run.cost_max_nanos.max(cost_nanos);
            }
            _ => self.runs.push(Run {
                queue: row.queue,
                fleet: row.fleet,
                rows: index..index + 1,
                start_min_ms: row.start_ms,
                end_max_ms: row.end_ms,
                cost_max_nanos: cost_nanos,
            }),
        }
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.end_offset_ms.len()
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.end_offset_ms.is_empty()
    }

    /// The instant from which ends are counted, in milliseconds since 1970.
    pub fn base_ms(&self) -> i64 {
        self.base_ms
    }

    /// The runs, by queue and fleet.
    pub fn runs(&self) -> &[Run] {
        &self.runs
    }

    /// Ends in milliseconds after [`Self::base_ms`], ascending inside a run.
    pub fn end_offset_ms(&self) -> &[u32] {
        &self.end_offset_ms
    }

    /// Runtimes in milliseconds, at least one.
    pub fn runtime_ms(&self) -> &[u32] {
        &self.runtime_ms
    }

    /// Costs of all lines together, in nano-dollars.
    pub fn cost_nanos(&self) -> &[C] {
        &self.cost_nanos
    }

    /// Codes of the users.
    pub fn user(&self) -> &[u16] {
        &self.user
    }

    /// Codes of the jobs.
    pub fn job(&self) -> &[u32] {
        &self.job
    }

    /// Codes of the instance types.
    pub fn instance_type(&self) -> &[u8] {
        &self.instance_type
    }

    /// The licences, in a set of sessions that have some.
    pub fn licenses(&self) -> Option<&LicenseColumns<C>> {
        self.licenses.as_ref()
    }

    /// The licence lines of a row.
    pub fn license_lines(&self, index: usize) -> &[LicenseLine] {
        self.licenses.as_ref().map_or(&[], |licenses| licenses.lines(index))
    }

    /// Cost of the COMPUTE line of a row, in nano-dollars.
    pub fn compute_nanos(&self, index: usize) -> u64 {
        let licenses: u64 = self.licenses.as_ref().map_or(0, |licenses| licenses.cost_nanos[index].into());
        self.cost_nanos[index].into() - licenses
    }

    /// Start and end of a row in milliseconds since 1970.
    pub fn span_ms(&self, index: usize) -> (i64, i64) {
        let end_ms = self.base_ms + i64::from(self.end_offset_ms[index]);
        (end_ms - i64::from(self.runtime_ms[index]), end_ms)
    }

    fn row(&self, run: &Run, index: usize) -> SessionRow {
        let (start_ms, end_ms) = self.span_ms(index);
        SessionRow {
            start_ms,
            end_ms,
            queue: run.queue,
            fleet: run.fleet,
            job: self.job[index],
            user: u32::from(self.user[index]),
            instance_type: u32::from(self.instance_type[index]),
            compute_nanos: Some(self.compute_nanos(index)),
            licenses: self.license_lines(index).to_vec(),
        }
    }

    fn rows(&self) -> impl Iterator<Item = SessionRow> {
        self.runs.iter().flat_map(|run| run.rows.clone().map(|index| self.row(run, index)))
    }

    /// Index of a row that is equal in every column and for which `usable` holds.
    fn find(&self, row: &SessionRow, usable: impl Fn(usize) -> bool) -> Option<usize> {
        let run = self.runs.binary_search_by_key(&(row.queue, row.fleet), |run| (run.queue, run.fleet));
        let run = &self.runs[run.ok()?];
        let ends = &self.end_offset_ms[run.rows.clone()];
        let end_offset_ms = u32::try_from(row.end_ms - self.base_ms).ok()?;
        let from = run.rows.start + ends.partition_point(|end| *end < end_offset_ms);
        let to = run.rows.start + ends.partition_point(|end| *end <= end_offset_ms);
        (from..to).find(|index| usable(*index) && self.row(run, *index) == *row)
    }
}

/// A row that fits the columns.
struct NarrowRow<C> {
    end_offset_ms: u32,
    runtime_ms: u32,
    cost_nanos: C,
    license_nanos: Option<C>,
    user: u16,
    instance_type: u8,
}

impl<C: Nanos> LicenseColumns<C> {
    fn push(&mut self, cost_nanos: C, lines: &[LicenseLine]) {
        self.cost_nanos.push(cost_nanos);
        self.lines.extend_from_slice(lines);
        self.line_offset.push(u32::try_from(self.lines.len()).unwrap_or(u32::MAX));
    }

    /// Costs of all LICENSE lines of a row together, in nano-dollars.
    pub fn cost_nanos(&self) -> &[C] {
        &self.cost_nanos
    }

    /// The LICENSE lines of a row.
    pub fn lines(&self, index: usize) -> &[LicenseLine] {
        &self.lines[self.line_offset[index] as usize..self.line_offset[index + 1] as usize]
    }
}

/// A block of ended sessions.
#[derive(Debug)]
pub struct SessionBlock {
    short: RowSet<u32>,
    short_licensed: RowSet<u32>,
    long: RowSet<u64>,
    long_licensed: RowSet<u64>,
    odd: Vec<SessionRow>,
    start_min_ms: i64,
    end_max_ms: i64,
}

impl SessionBlock {
    /// Sorts rows into their sets and turns them into columns.
    pub(crate) fn from_rows(mut rows: Vec<SessionRow>) -> Self {
        rows.sort_unstable_by_key(|row| (row.queue, row.fleet, row.end_ms, row.start_ms));
        let base_ms = rows.iter().map(|row| row.start_ms).min().unwrap_or(0);
        let mut block = Self {
            short: RowSet::new(base_ms, false),
            short_licensed: RowSet::new(base_ms, true),
            long: RowSet::new(base_ms, false),
            long_licensed: RowSet::new(base_ms, true),
            odd: Vec::new(),
            start_min_ms: base_ms,
            end_max_ms: rows.iter().map(|row| row.end_ms).max().unwrap_or(0),
        };
        for row in rows {
            block.push(row);
        }
        block
    }

    fn push(&mut self, row: SessionRow) {
        let row = if row.end_ms - row.start_ms < LONG_MS {
            let set = if row.licenses.is_empty() { &mut self.short } else { &mut self.short_licensed };
            set.push(row)
        } else {
            Err(row)
        };
        // What is too long or too dear for the short sets may fit the long ones.
        let row = row.or_else(|row| {
            let set = if row.licenses.is_empty() { &mut self.long } else { &mut self.long_licensed };
            set.push(row)
        });
        if let Err(row) = row {
            self.odd.push(row);
        }
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.odd_base() + self.odd.len()
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether a row can have a piece in `[start_ms, end_ms)`.
    pub fn overlaps(&self, start_ms: i64, end_ms: i64) -> bool {
        self.start_min_ms < end_ms && self.end_max_ms >= start_ms
    }

    /// Earliest start and latest end, in milliseconds since 1970.
    pub fn span_ms(&self) -> (i64, i64) {
        (self.start_min_ms, self.end_max_ms)
    }

    /// Sessions under three hours whose costs fit 32 bits: those without licences, and those with.
    pub fn short(&self) -> [&RowSet<u32>; 2] {
        [&self.short, &self.short_licensed]
    }

    /// Longer and dearer sessions: those without licences, and those with.
    pub fn long(&self) -> [&RowSet<u64>; 2] {
        [&self.long, &self.long_licensed]
    }

    /// Sessions that fit no columns: without length, without a COMPUTE line, longer than 49 days, or with codes that are
    /// too large.
    pub fn odd(&self) -> &[SessionRow] {
        &self.odd
    }

    /// Every row: set by set, and in each set run by run.
    pub fn rows(&self) -> impl Iterator<Item = SessionRow> {
        let sets = self.short.rows().chain(self.short_licensed.rows());
        let sets = sets.chain(self.long.rows()).chain(self.long_licensed.rows());
        sets.chain(self.odd.iter().cloned())
    }

    fn odd_base(&self) -> usize {
        self.short.len() + self.short_licensed.len() + self.long.len() + self.long_licensed.len()
    }

    /// Index of a row that is equal in every column and for which `usable` holds.
    pub(crate) fn find(&self, row: &SessionRow, usable: impl Fn(usize) -> bool) -> Option<usize> {
        let mut base = 0;
        for set in self.short() {
            if let Some(index) = set.find(row, |index| usable(base + index)) {
                return Some(base + index);
            }
            base += set.len();
        }
        for set in self.long() {
            if let Some(index) = set.find(row, |index| usable(base + index)) {
                return Some(base + index);
            }
            base += set.len();
        }
        let odd = self.odd.iter().enumerate().find(|(index, odd)| usable(base + index) && *odd == row);
        odd.map(|(index, _)| base + index)
    }
}
