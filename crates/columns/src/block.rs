//! One immutable block of ended sessions, laid out for the questions that are asked.
//!
//! Rows of one queue and one fleet lie together as a run, sorted by end. Short sessions, long ones, and those with licences
//! lie in sets of their own: the short ones, which are nearly all, fit 32-bit costs. Codes are those of the block, which
//! its dictionaries translate to the farm's, so that they stay narrow however many jobs and users a farm has. The rows that
//! fit nowhere are kept as they came.

use std::ops::Range;
use std::sync::{Arc, OnceLock};

use crate::assemble;
use crate::block_pieces::{self, BlockPieces, PieceMemory, PiecesOf};
use crate::cubes::{self, Axis, CLASSES, Class, CodeCounts, Cube, CubeKind, TotalsBy};
use crate::image::{Column, Dictionary, Image, ImageError, SETS, Section};
use crate::odd;
use crate::remembered::{Asker, Recalled};
use crate::rollups::Rollups;
use crate::row::{LicenseLine, Nanos, SessionRow};
use crate::summary::{Summary, SummaryWords};

/// Most rows of a block: codes of jobs and users then have 16 bits at most.
pub const BLOCK_ROWS_MAX: usize = 1 << 16;

/// Sessions of one queue and one fleet, sorted by end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// The block's code of the queue.
    pub queue: u32,
    /// The block's code of the fleet.
    pub fleet: u32,
    /// The rows, in the set that the run belongs to.
    pub rows: Range<usize>,
}

/// A run as it lies in an image: queue, fleet, and the first row after the run.
pub(crate) type RunWords = [u32; 3];

/// Columns of sessions of one kind, cut into runs by queue and fleet. All codes are the block's.
#[derive(Debug, Clone, Copy)]
pub struct RowSet<'a, C> {
    /// The instant from which ends are counted, in milliseconds since 1970.
    pub base_ms: i64,
    /// Earliest start, in milliseconds since 1970.
    pub start_min_ms: i64,
    /// Latest end, in milliseconds since 1970.
    pub end_max_ms: i64,
    /// Whether the sessions hold licences. All of them do, or none.
    pub is_licensed: bool,
    /// Ends in milliseconds after [`Self::base_ms`], ascending inside a run.
    pub end_offset_ms: &'a [u32],
    /// Runtimes in milliseconds, at least one and at most the end's offset.
    pub runtime_ms: &'a [u32],
    /// Costs of all lines together, in nano-dollars.
    pub cost_nanos: &'a [C],
    /// Codes of the users.
    pub user: &'a [u16],
    /// Codes of the jobs.
    pub job: &'a [u16],
    /// Codes of the instance types.
    pub instance_type: &'a [u8],
    /// Codes of the workers.
    pub worker: &'a [u16],
    /// Codes of the outcomes, which are those of [`crate::outcome_of`].
    pub outcome: &'a [u8],
    /// Where the licence lines of each row end.
    pub line_end: &'a [u32],
    /// Codes of the licensed products, by line.
    pub line_product: &'a [u16],
    /// Costs of the licence lines in nano-dollars, by line.
    pub line_cost_nanos: &'a [C],
    pub(crate) runs: &'a [RunWords],
    /// Where the runs of each queue end, noted when somebody asks by queue.
    pub(crate) queue_ends: &'a OnceLock<Vec<u32>>,
}

impl<'a, C: Nanos> RowSet<'a, C> {
    /// Number of rows.
    pub fn len(&self) -> usize {
        self.end_offset_ms.len()
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.end_offset_ms.is_empty()
    }

    /// The runs, by queue and fleet.
    pub fn runs(&self) -> impl Iterator<Item = Run> + use<'a, C> {
        self.runs_in(0..self.runs.len())
    }

    /// The runs of one queue, by fleet.
    pub fn runs_of(&self, queue: u32) -> impl Iterator<Item = Run> + use<'a, C> {
        self.runs_in(self.places_of(queue))
    }

    /// The rows of one queue, which lie together.
    pub fn rows_of(&self, queue: u32) -> Range<usize> {
        let runs = self.places_of(queue);
        self.rows_before(runs.start)..self.rows_before(runs.end)
    }

    /// The places of a queue's runs.
    fn places_of(&self, queue: u32) -> Range<usize> {
        let ends = self.queue_ends.get_or_init(|| queue_ends(self.runs));
        let end = |queue: u32| ends.get(queue as usize).map_or(self.runs.len(), |end| *end as usize);
        queue.checked_sub(1).map_or(0, end)..end(queue)
    }

    /// Number of rows before the run at a place.
    fn rows_before(&self, place: usize) -> usize {
        place.checked_sub(1).map_or(0, |before| self.runs[before][2] as usize)
    }

    fn runs_in(&self, runs: Range<usize>) -> impl Iterator<Item = Run> + use<'a, C> {
        let mut from = self.rows_before(runs.start);
        self.runs[runs].iter().map(move |[queue, fleet, end]| {
            let rows = from..*end as usize;
            from = rows.end;
            Run { queue: *queue, fleet: *fleet, rows }
        })
    }

    /// Whether every row has one licence line, so that lines are found as rows are.
    #[inline]
    pub fn has_single_lines(&self) -> bool {
        // A row of a licensed set has at least one.
        self.line_product.len() == self.end_offset_ms.len()
    }

    /// The licence lines of a row, as places in the columns of lines.
    #[inline]
    pub fn lines(&self, row: usize) -> Range<usize> {
        if !self.is_licensed {
            return 0..0;
        }
        if self.has_single_lines() {
            return row..row + 1;
        }
        let from = row.checked_sub(1).map_or(0, |before| self.line_end[before]);
        from as usize..self.line_end[row] as usize
    }

    /// Cost of the LICENSE lines of a row together, in nano-dollars.
    #[inline]
    pub fn license_nanos(&self, row: usize) -> u64 {
        self.line_cost_nanos[self.lines(row)].iter().map(|cost| (*cost).into()).sum()
    }

    /// Cost of the COMPUTE line of a row, in nano-dollars.
    #[inline]
    pub fn compute_nanos(&self, row: usize) -> u64 {
        self.cost_nanos[row].into() - self.license_nanos(row)
    }

    /// Start and end of a row in milliseconds since 1970.
    pub fn span_ms(&self, row: usize) -> (i64, i64) {
        let end_ms = self.base_ms + i64::from(self.end_offset_ms[row]);
        (end_ms - i64::from(self.runtime_ms[row]), end_ms)
    }

    /// Index of a row that is equal in every column and for which `usable` holds. The row's codes are the farm's.
    fn find(
        &self,
        codes: &BlockCodes<'_>,
        row: &SessionRow,
        usable: impl Fn(usize) -> bool,
    ) -> Option<usize> {
        let place = |values: &[u32], code: u32| values.binary_search(&code).ok();
        let queue = place(codes.queues, row.queue)?;
        let fleet = place(codes.fleets, row.fleet)?;
        let wanted = |run: &RunWords| (run[0] as usize, run[1] as usize);
        let run = self.runs.binary_search_by_key(&(queue, fleet), wanted).ok()?;
        let from = self.rows_before(run);
        let ends = &self.end_offset_ms[from..self.runs[run][2] as usize];
        let end_offset_ms = u32::try_from(row.end_ms - self.base_ms).ok()?;
        let first = from + ends.partition_point(|end| *end < end_offset_ms);
        let after = from + ends.partition_point(|end| *end <= end_offset_ms);
        let run = self.runs[run];
        (first..after).find(|index| usable(*index) && self.row(codes, (run[0], run[1]), *index) == *row)
    }

    fn row(&self, codes: &BlockCodes<'_>, (queue, fleet): (u32, u32), index: usize) -> SessionRow {
        let (start_ms, end_ms) = self.span_ms(index);
        let line = |line: usize| LicenseLine {
            product: codes.products[usize::from(self.line_product[line])],
            cost_nanos: self.line_cost_nanos[line].into(),
        };
        SessionRow {
            start_ms,
            end_ms,
            queue: codes.queues[queue as usize],
            fleet: codes.fleets[fleet as usize],
            job: codes.jobs[usize::from(self.job[index])],
            user: codes.users[usize::from(self.user[index])],
            instance_type: codes.instance_types[usize::from(self.instance_type[index])],
            worker: codes.workers[usize::from(self.worker[index])],
            outcome: self.outcome[index],
            compute_nanos: Some(self.compute_nanos(index)),
            licenses: self.lines(index).map(line).collect(),
        }
    }

    fn rows(self, codes: BlockCodes<'a>) -> impl Iterator<Item = SessionRow> + use<'a, C> {
        self.runs().flat_map(move |run| {
            run.rows.clone().map(move |index| self.row(&codes, (run.queue, run.fleet), index))
        })
    }
}

/// The dictionaries of a block: the farm's code behind each of the block's, ascending.
#[derive(Debug, Clone, Copy)]
pub struct BlockCodes<'a> {
    /// Queues.
    pub queues: &'a [u32],
    /// Fleets.
    pub fleets: &'a [u32],
    /// Jobs.
    pub jobs: &'a [u32],
    /// Users.
    pub users: &'a [u32],
    /// Instance types.
    pub instance_types: &'a [u32],
    /// Licensed products.
    pub products: &'a [u32],
    /// Workers.
    pub workers: &'a [u32],
}

/// A block of ended sessions.
#[derive(Debug)]
pub struct SessionBlock {
    image: Image,
    /// Of each class.
    spans_ms: OnceLock<[Option<(i64, i64)>; CLASSES]>,
    code_counts: OnceLock<CodeCounts>,
    /// Of each set.
    queue_ends: [OnceLock<Vec<u32>>; SETS],
    pub(crate) rollups: Rollups,
    pub(crate) pieces: PieceMemory,
}

/// Where the runs of each queue end, up to the last queue that has any.
fn queue_ends(runs: &[RunWords]) -> Vec<u32> {
    let end = |queue| runs.partition_point(|run| run[0] <= queue);
    let queues = 0..runs.last().map_or(0, |run| run[0] + 1);
    queues.map(|queue| u32::try_from(end(queue)).unwrap_or(u32::MAX)).collect()
}

/// The span of two.
pub(crate) fn union(one: Option<(i64, i64)>, other: Option<(i64, i64)>) -> Option<(i64, i64)> {
    match (one, other) {
        (Some(one), Some(other)) => Some((one.0.min(other.0), one.1.max(other.1))),
        (span, None) | (None, span) => span,
    }
}

/// The sets of a class: without licences, and with.
fn sets_of(class: Class) -> [usize; 2] {
    match class {
        Class::Short => [assemble::SHORT, assemble::SHORT_LICENSED],
        Class::Long => [assemble::LONG, assemble::LONG_LICENSED],
    }
}

impl SessionBlock {
    /// Sorts at most [`BLOCK_ROWS_MAX`] rows into their sets and turns them into columns.
    pub(crate) fn from_rows(rows: &[SessionRow]) -> Self {
        Self::new(assemble::assemble(rows))
    }

    /// A block whose bytes lie elsewhere, for example in a mapped file. Only the header is looked at now; see
    /// [`Self::check_outline`] and [`Self::check_columns`].
    ///
    /// The bytes must begin at a multiple of eight and must not change.
    pub fn from_image(bytes: Arc<dyn AsRef<[u8]> + Send + Sync>) -> Result<Self, ImageError> {
        Image::open(bytes).map(Self::new)
    }

    fn new(image: Image) -> Self {
        Self {
            image,
            spans_ms: OnceLock::new(),
            code_counts: OnceLock::new(),
            queue_ends: Default::default(),
            rollups: Rollups::default(),
            pieces: PieceMemory::default(),
        }
    }

    /// The pieces that are remembered, for a question that looks at all rows of the queue or fleet for want of them.
    pub fn recall_pieces(&self, of: PiecesOf<'_>, asker: Asker) -> Recalled<BlockPieces> {
        self.pieces.recall(of, asker, self.len())
    }

    /// Remembers pieces and gives them back, or that they take too much room.
    pub fn keep_pieces(&self, of: PiecesOf<'_>, made: BlockPieces) -> Option<Arc<BlockPieces>> {
        self.pieces.keep(of, made, self.len())
    }

    /// Says that pieces were not put together by who was to do it, so that the next one does, or one after many others.
    pub fn put_back_pieces(&self, of: PiecesOf<'_>, is_next: bool) {
        self.pieces.put_back(of, is_next);
    }

    /// Number of narrow pieces for which there is room in all, those of so many queues or fleets together.
    pub fn room_of_pieces(&self, axis_codes: usize, edges_ms: &[i64]) -> usize {
        block_pieces::room_of_pieces(self.len(), axis_codes, edges_ms)
    }

    /// The block as bytes, which [`Self::from_image`] reads where they lie.
    pub fn image(&self) -> &[u8] {
        self.image.bytes()
    }

    /// Compares the checksums of everything but the columns, once. Nothing of a block may be used before.
    pub fn check_outline(&self) -> Result<(), ImageError> {
        self.image.check_outline()
    }

    /// Compares the checksums of the columns, once. No column may be used before.
    pub fn check_columns(&self) -> Result<(), ImageError> {
        self.image.check_columns()
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.odd_base() + self.odd_len()
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Earliest start and latest end, in milliseconds since 1970.
    pub fn span_ms(&self) -> (i64, i64) {
        (self.image.facts().start_min_ms, self.image.facts().end_max_ms)
    }

    /// The instant from which the columns' ends are counted, in milliseconds since 1970.
    pub fn base_ms(&self) -> i64 {
        self.image.facts().base_ms
    }

    /// Earliest start and latest end of the rows in columns; `None` if there are none.
    pub fn columns_span_ms(&self) -> Option<(i64, i64)> {
        union(self.class_span_ms(Class::Short), self.class_span_ms(Class::Long))
    }

    /// Earliest and latest start, in milliseconds since 1970.
    pub fn starts_ms(&self) -> (i64, i64) {
        (self.image.facts().start_min_ms, self.image.facts().start_max_ms)
    }

    /// What all rows of the columns cost together in nano-dollars, and how long they ran in milliseconds.
    pub fn totals(&self) -> (u64, u64) {
        (self.image.facts().cost_sum_nanos, self.image.facts().runtime_sum_ms)
    }

    /// The dictionaries.
    pub fn codes(&self) -> BlockCodes<'_> {
        let codes = |dictionary| self.image.section(Section::Codes(dictionary));
        BlockCodes {
            queues: codes(Dictionary::Queues),
            fleets: codes(Dictionary::Fleets),
            jobs: codes(Dictionary::Jobs),
            users: codes(Dictionary::Users),
            instance_types: codes(Dictionary::InstanceTypes),
            products: codes(Dictionary::Products),
            workers: codes(Dictionary::Workers),
        }
    }

    /// Sessions under three hours whose costs fit 32 bits: those without licences, and those with.
    pub fn short(&self) -> [RowSet<'_, u32>; 2] {
        [self.set(assemble::SHORT), self.set(assemble::SHORT_LICENSED)]
    }

    /// Longer and dearer sessions: those without licences, and those with.
    pub fn long(&self) -> [RowSet<'_, u64>; 2] {
        [self.set(assemble::LONG), self.set(assemble::LONG_LICENSED)]
    }

    /// Sessions that fit no columns: without length, without a COMPUTE line, longer than 49 days or very dear. Their codes
    /// are the farm's.
    pub fn odd(&self) -> impl Iterator<Item = SessionRow> + '_ {
        odd::rows(&self.image)
    }

    /// Number of sessions that fit no columns.
    pub fn odd_len(&self) -> usize {
        odd::len(&self.image)
    }

    /// Every row in the farm's codes: set by set, and in each set run by run.
    pub fn rows(&self) -> impl Iterator<Item = SessionRow> + '_ {
        let codes = self.codes();
        let [short, short_licensed] = self.short();
        let [long, long_licensed] = self.long();
        let short = short.rows(codes).chain(short_licensed.rows(codes));
        short.chain(long.rows(codes)).chain(long_licensed.rows(codes)).chain(self.odd())
    }

    fn odd_base(&self) -> usize {
        (0..SETS).map(|set| self.image.len::<u32>(Section::Of(set, Column::EndOffset))).sum()
    }

    fn column<T: bytemuck::Pod>(&self, set: usize, column: Column) -> &[T] {
        self.image.section(Section::Of(set, column))
    }

    fn set<C: Nanos>(&self, set: usize) -> RowSet<'_, C> {
        let zone: &[u64] = self.column(set, Column::Zone);
        let instant_ms = |index: usize| zone.get(index).map_or(0, |word| word.cast_signed());
        RowSet {
            base_ms: self.image.facts().base_ms,
            start_min_ms: instant_ms(0),
            end_max_ms: instant_ms(1),
            is_licensed: assemble::is_licensed(set),
            end_offset_ms: self.column(set, Column::EndOffset),
            runtime_ms: self.column(set, Column::Runtime),
            cost_nanos: self.column(set, Column::Cost),
            user: self.column(set, Column::User),
            job: self.column(set, Column::Job),
            instance_type: self.column(set, Column::InstanceType),
            worker: self.column(set, Column::Worker),
            outcome: self.column(set, Column::Outcome),
            line_end: self.column(set, Column::LineEnd),
            line_product: self.column(set, Column::LineProduct),
            line_cost_nanos: self.column(set, Column::LineCost),
            runs: self.column(set, Column::Runs),
            queue_ends: &self.queue_ends[set],
        }
    }

    /// The summaries of one kind of a class, if they are kept.
    pub fn cube_of(&self, class: Class, axis: Axis, kind: CubeKind) -> Option<Cube<'_>> {
        cubes::find(self.cubes(class), axis, kind, self.code_counts())
    }

    pub(crate) fn code_counts(&self) -> CodeCounts {
        *self.code_counts.get_or_init(|| CodeCounts::of(&self.codes()))
    }

    /// Earliest start and latest end of a class, in milliseconds since 1970; `None` if it has no session.
    pub fn class_span_ms(&self, class: Class) -> Option<(i64, i64)> {
        self.spans_ms.get_or_init(|| Class::ALL.map(|class| self.span_of_sets(sets_of(class))))
            [class as usize]
    }

    fn span_of_sets(&self, sets: [usize; 2]) -> Option<(i64, i64)> {
        let [without, with] = sets.map(|set| {
            let zone = self.column::<u64>(set, Column::Zone);
            Some((zone.first()?.cast_signed(), zone.get(1)?.cast_signed()))
        });
        union(without, with)
    }

    /// The summaries of a class of each user or job as wholes, by the block's codes, if they are kept.
    pub fn totals_of(&self, class: Class, by: TotalsBy) -> Option<impl Iterator<Item = Summary> + '_> {
        cubes::find_totals(self.cubes(class), by)
    }

    /// The cubes of a class lie with its first set.
    fn cubes(&self, class: Class) -> (&[u32], &[SummaryWords]) {
        let [set, _] = sets_of(class);
        (self.column(set, Column::CubeEnds), self.column(set, Column::Cubes))
    }

    /// Index of a row that is equal in every column and for which `usable` holds.
    pub(crate) fn find(&self, row: &SessionRow, usable: impl Fn(usize) -> bool) -> Option<usize> {
        let codes = self.codes();
        let mut base = 0;
        for set in self.short() {
            if let Some(index) = set.find(&codes, row, |index| usable(base + index)) {
                return Some(base + index);
            }
            base += set.len();
        }
        for set in self.long() {
            if let Some(index) = set.find(&codes, row, |index| usable(base + index)) {
                return Some(base + index);
            }
            base += set.len();
        }
        let odd = self.odd().enumerate().find(|(index, odd)| usable(base + index) && odd == row);
        odd.map(|(index, _)| base + index)
    }
}
