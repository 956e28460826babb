//! Rows become the image of a block.

use std::sync::OnceLock;

use crate::block::{RowSet, RunWords};
use crate::cubes::{self, AnySet, CodeCounts};
use crate::image::{Column, Dictionary, Facts, Image, ImageWriter, Section};
use crate::odd;
use crate::row::{Nanos, SessionRow};

pub(crate) const SHORT: usize = 0;
pub(crate) const SHORT_LICENSED: usize = 1;
pub(crate) const LONG: usize = 2;
pub(crate) const LONG_LICENSED: usize = 3;

pub(crate) fn is_licensed(set: usize) -> bool {
    matches!(set, SHORT_LICENSED | LONG_LICENSED)
}

/// Sessions at least this long lie apart: a short one that touches a window ends soon after the window began.
const LONG_MS: i64 = 3 * 3_600_000;

/// Offsets are counted from a whole half-hour, at which all buckets begin and end.
const HALF_HOUR_MS: i64 = 1_800_000;

/// The greatest offset of an end.
const OFFSET_MAX_MS: i64 = u32::MAX as i64;

/// Costs from which a session lies apart, about 8,796 dollars: the costs of a block then always add up in 64 bits.
const COST_MAX_NANOS: u64 = 1 << 43;

/// Instance types of a block have 8 bits; further ones do not fit.
const INSTANCE_TYPES_MAX: usize = 1 << 8;

/// Turns at most [`crate::BLOCK_ROWS_MAX`] rows into an image.
pub(crate) fn assemble(rows: &[SessionRow]) -> Image {
    let codes = Codes::of(rows);
    let mut draft = Draft::new(base_ms(rows));
    for place in order(rows) {
        draft.push(&codes, &rows[place]);
    }
    let (start_min_ms, start_max_ms) = extremes(rows.iter().map(|row| row.start_ms));
    let end_max_ms = extremes(rows.iter().map(|row| row.end_ms)).1;
    draft.write(&codes, [start_min_ms, start_max_ms, end_max_ms])
}

/// Places of the rows by queue, fleet, end and start. Rows are wide, so that only their places are put in order.
fn order(rows: &[SessionRow]) -> impl Iterator<Item = usize> + use<> {
    let key =
        |row: &SessionRow| (u64::from(row.queue) << 32 | u64::from(row.fleet), row.end_ms, row.start_ms);
    let mut order: Vec<_> = rows.iter().enumerate().map(|(place, row)| (key(row), place)).collect();
    order.sort_unstable();
    order.into_iter().map(|(_, place)| place)
}

fn extremes(instants: impl Iterator<Item = i64>) -> (i64, i64) {
    let extremes = instants.fold(None, |extremes: Option<(i64, i64)>, instant| {
        Some(extremes.map_or((instant, instant), |(least, most)| (least.min(instant), most.max(instant))))
    });
    extremes.unwrap_or((0, 0))
}

/// The half-hour at or before the first start or, if that leaves out fewer rows, the first from which the last end can be
/// counted.
fn base_ms(rows: &[SessionRow]) -> i64 {
    let first_ms = extremes(rows.iter().map(|row| row.start_ms)).0;
    let last_ms = extremes(rows.iter().map(|row| row.end_ms)).1;
    let from_first_ms = first_ms - first_ms.rem_euclid(HALF_HOUR_MS);
    if last_ms - from_first_ms <= OFFSET_MAX_MS {
        return from_first_ms;
    }
    let from_last_ms = last_ms - OFFSET_MAX_MS;
    let from_last_ms = from_last_ms + (-from_last_ms).rem_euclid(HALF_HOUR_MS);
    let fitting = |base_ms: i64| {
        rows.iter().filter(|row| row.start_ms >= base_ms && row.end_ms - base_ms <= OFFSET_MAX_MS).count()
    };
    if fitting(from_last_ms) > fitting(from_first_ms) { from_last_ms } else { from_first_ms }
}

/// The dictionaries of a block in the making.
struct Codes {
    queues: Narrowing,
    fleets: Narrowing,
    jobs: Narrowing,
    users: Narrowing,
    instance_types: Narrowing,
    products: Narrowing,
    workers: Narrowing,
}

impl Codes {
    fn of(rows: &[SessionRow]) -> Self {
        let of = |code: fn(&SessionRow) -> u32| Narrowing::of(rows.iter().map(code));
        let products = rows.iter().flat_map(|row| row.licenses.iter().map(|line| line.product));
        let mut instance_types = of(|row| row.instance_type);
        instance_types.codes.truncate(INSTANCE_TYPES_MAX);
        Self {
            queues: of(|row| row.queue),
            fleets: of(|row| row.fleet),
            jobs: of(|row| row.job),
            users: of(|row| row.user),
            instance_types,
            products: Narrowing::of(products),
            workers: of(|row| row.worker),
        }
    }

    fn counts(&self) -> CodeCounts {
        CodeCounts {
            queues: self.queues.codes.len(),
            fleets: self.fleets.codes.len(),
            instance_types: self.instance_types.codes.len(),
            products: self.products.codes.len(),
            users: self.users.codes.len(),
            jobs: self.jobs.codes.len(),
        }
    }
}

/// The farm's codes that occur in a block, and the block's codes for them.
struct Narrowing {
    /// Ascending: a block's code is the place of the farm's.
    codes: Vec<u32>,
    /// Places by the farm's codes, where a table of these is not much larger than the block.
    places: Option<Vec<u32>>,
}

/// Codes of the farm for each row of the block up to which a table of them is worth its memory.
const TABLE_CODES_A_ROW: usize = 16;

/// Of codes that do not occur.
const NOWHERE: u32 = u32::MAX;

impl Narrowing {
    fn of(codes: impl Iterator<Item = u32>) -> Self {
        let mut codes: Vec<u32> = codes.collect();
        let farm_codes = codes.iter().max().map_or(0, |most| *most as usize + 1);
        if farm_codes > codes.len().saturating_mul(TABLE_CODES_A_ROW) {
            codes.sort_unstable();
            codes.dedup();
            return Self { codes, places: None };
        }
        let mut places = vec![NOWHERE; farm_codes];
        for code in &codes {
            places[*code as usize] = 0;
        }
        codes.clear();
        for (code, place) in (0..).zip(&mut places).filter(|(_, place)| **place != NOWHERE) {
            *place = u32::try_from(codes.len()).unwrap_or(NOWHERE);
            codes.push(code);
        }
        Self { codes, places: Some(places) }
    }

    /// The block's code of a farm's code, if it has one that is narrow enough.
    fn narrow<T: TryFrom<usize>>(&self, code: u32) -> Option<T> {
        let place = match &self.places {
            Some(places) => places.get(code as usize).map(|place| *place as usize)?,
            None => self.codes.binary_search(&code).ok()?,
        };
        if place < self.codes.len() { T::try_from(place).ok() } else { None }
    }
}

/// A set in the making.
struct SetDraft<C> {
    base_ms: i64,
    start_min_ms: i64,
    end_max_ms: i64,
    is_licensed: bool,
    runs: Vec<RunWords>,
    end_offset_ms: Vec<u32>,
    runtime_ms: Vec<u32>,
    cost_nanos: Vec<C>,
    user: Vec<u16>,
    job: Vec<u16>,
    instance_type: Vec<u8>,
    worker: Vec<u16>,
    outcome: Vec<u8>,
    line_end: Vec<u32>,
    line_product: Vec<u16>,
    line_cost_nanos: Vec<C>,
    queue_ends: OnceLock<Vec<u32>>,
}

impl<C: Nanos> SetDraft<C> {
    fn new(base_ms: i64, is_licensed: bool) -> Self {
        Self {
            base_ms,
            start_min_ms: i64::MAX,
            end_max_ms: i64::MIN,
            is_licensed,
            runs: Vec::new(),
            end_offset_ms: Vec::new(),
            runtime_ms: Vec::new(),
            cost_nanos: Vec::new(),
            user: Vec::new(),
            job: Vec::new(),
            instance_type: Vec::new(),
            worker: Vec::new(),
            outcome: Vec::new(),
            line_end: Vec::new(),
            line_product: Vec::new(),
            line_cost_nanos: Vec::new(),
            queue_ends: OnceLock::new(),
        }
    }

    /// Takes the row if it fits the columns. Rows have to come in order of queue, fleet and end.
    fn push(&mut self, codes: &Codes, row: &SessionRow) -> bool {
        let Some(narrow) = self.narrow(codes, row) else { return false };
        self.start_min_ms = self.start_min_ms.min(row.start_ms);
        self.end_max_ms = self.end_max_ms.max(row.end_ms);
        self.end_offset_ms.push(narrow.end_offset_ms);
        self.runtime_ms.push(narrow.runtime_ms);
        self.cost_nanos.push(narrow.cost_nanos);
        self.user.push(narrow.user);
        self.job.push(narrow.job);
        self.instance_type.push(narrow.instance_type);
        self.worker.push(narrow.worker);
        self.outcome.push(narrow.outcome);
        for (product, cost_nanos) in narrow.lines {
            self.line_product.push(product);
            self.line_cost_nanos.push(cost_nanos);
        }
        if self.is_licensed {
            self.line_end.push(u32::try_from(self.line_product.len()).unwrap_or(u32::MAX));
        }
        self.extend_run(narrow.queue, narrow.fleet);
        true
    }

    fn narrow(&self, codes: &Codes, row: &SessionRow) -> Option<NarrowRow<C>> {
        // A session without length is in the bucket of its start, all others in the bucket before their end.
        let runtime_ms =
            u32::try_from(row.end_ms - row.start_ms).ok().filter(|runtime_ms| *runtime_ms > 0)?;
        row.compute_nanos?;
        let cost_nanos = Some(row.total_nanos()).filter(|cost| *cost < COST_MAX_NANOS)?;
        let line = |line: &crate::row::LicenseLine| {
            Some((codes.products.narrow(line.product)?, C::try_from(line.cost_nanos).ok()?))
        };
        if row.start_ms < self.base_ms {
            return None;
        }
        Some(NarrowRow {
            queue: codes.queues.narrow(row.queue)?,
            fleet: codes.fleets.narrow(row.fleet)?,
            end_offset_ms: u32::try_from(row.end_ms - self.base_ms).ok()?,
            runtime_ms,
            cost_nanos: C::try_from(cost_nanos).ok()?,
            user: codes.users.narrow(row.user)?,
            job: codes.jobs.narrow(row.job)?,
            instance_type: codes.instance_types.narrow(row.instance_type)?,
            worker: codes.workers.narrow(row.worker)?,
            outcome: row.outcome,
            lines: row.licenses.iter().map(line).collect::<Option<_>>()?,
        })
    }

    fn extend_run(&mut self, queue: u32, fleet: u32) {
        let end = u32::try_from(self.end_offset_ms.len()).unwrap_or(u32::MAX);
        match self.runs.last_mut() {
            Some(run) if run[0] == queue && run[1] == fleet => run[2] = end,
            _ => self.runs.push([queue, fleet, end]),
        }
    }

    fn view(&self) -> RowSet<'_, C> {
        RowSet {
            base_ms: self.base_ms,
            start_min_ms: self.start_min_ms,
            end_max_ms: self.end_max_ms,
            is_licensed: self.is_licensed,
            end_offset_ms: &self.end_offset_ms,
            runtime_ms: &self.runtime_ms,
            cost_nanos: &self.cost_nanos,
            user: &self.user,
            job: &self.job,
            instance_type: &self.instance_type,
            worker: &self.worker,
            outcome: &self.outcome,
            line_end: &self.line_end,
            line_product: &self.line_product,
            line_cost_nanos: &self.line_cost_nanos,
            runs: &self.runs,
            queue_ends: &self.queue_ends,
        }
    }

    fn write(&self, set: usize, writer: &mut ImageWriter) {
        let of = |column| Section::Of(set, column);
        if self.end_offset_ms.is_empty() {
            return;
        }
        writer.put(of(Column::Zone), &[self.start_min_ms, self.end_max_ms]);
        writer.put(of(Column::Runs), &self.runs);
        writer.put(of(Column::EndOffset), &self.end_offset_ms);
        writer.put(of(Column::Runtime), &self.runtime_ms);
        writer.put(of(Column::Cost), &self.cost_nanos);
        writer.put(of(Column::User), &self.user);
        writer.put(of(Column::Job), &self.job);
        writer.put(of(Column::InstanceType), &self.instance_type);
        writer.put(of(Column::Worker), &self.worker);
        writer.put(of(Column::Outcome), &self.outcome);
        writer.put(of(Column::LineEnd), &self.line_end);
        writer.put(of(Column::LineProduct), &self.line_product);
        writer.put(of(Column::LineCost), &self.line_cost_nanos);
    }

    fn totals(&self) -> (u64, u64) {
        let cost_nanos = self.cost_nanos.iter().map(|cost| (*cost).into()).sum::<u64>();
        (cost_nanos, self.runtime_ms.iter().map(|runtime_ms| u64::from(*runtime_ms)).sum())
    }
}

/// A row that fits the columns.
struct NarrowRow<C> {
    queue: u32,
    fleet: u32,
    end_offset_ms: u32,
    runtime_ms: u32,
    cost_nanos: C,
    user: u16,
    job: u16,
    instance_type: u8,
    worker: u16,
    outcome: u8,
    lines: Vec<(u16, C)>,
}

/// A block in the making.
struct Draft {
    base_ms: i64,
    short: [SetDraft<u32>; 2],
    long: [SetDraft<u64>; 2],
    odd: Vec<SessionRow>,
}

impl Draft {
    fn new(base_ms: i64) -> Self {
        Self {
            base_ms,
            short: [false, true].map(|is_licensed| SetDraft::new(base_ms, is_licensed)),
            long: [false, true].map(|is_licensed| SetDraft::new(base_ms, is_licensed)),
            odd: Vec::new(),
        }
    }

    fn push(&mut self, codes: &Codes, row: &SessionRow) {
        let set = usize::from(!row.licenses.is_empty());
        let is_short = row.end_ms - row.start_ms < LONG_MS;
        // What is too dear for the short sets may fit the long ones.
        if !(is_short && self.short[set].push(codes, row) || self.long[set].push(codes, row)) {
            self.odd.push(row.clone());
        }
    }

    fn write(&self, codes: &Codes, [start_min_ms, start_max_ms, end_max_ms]: [i64; 3]) -> Image {
        let mut writer = ImageWriter::new();
        let dictionaries = [
            (Dictionary::Queues, &codes.queues),
            (Dictionary::Fleets, &codes.fleets),
            (Dictionary::Jobs, &codes.jobs),
            (Dictionary::Users, &codes.users),
            (Dictionary::InstanceTypes, &codes.instance_types),
            (Dictionary::Products, &codes.products),
            (Dictionary::Workers, &codes.workers),
        ];
        for (dictionary, codes) in dictionaries {
            writer.put(Section::Codes(dictionary), &codes.codes);
        }
        odd::write(&self.odd, &mut writer);
        let ([short, short_licensed], [long, long_licensed]) = (&self.short, &self.long);
        short.write(SHORT, &mut writer);
        short_licensed.write(SHORT_LICENSED, &mut writer);
        long.write(LONG, &mut writer);
        long_licensed.write(LONG_LICENSED, &mut writer);
        self.write_cubes(codes.counts(), &mut writer);
        let totals = [short.totals(), short_licensed.totals(), long.totals(), long_licensed.totals()];
        writer.finish(Facts {
            base_ms: self.base_ms,
            start_min_ms,
            start_max_ms,
            end_max_ms,
            cost_sum_nanos: totals.iter().map(|totals| totals.0).sum(),
            runtime_sum_ms: totals.iter().map(|totals| totals.1).sum(),
        })
    }

    fn write_cubes(&self, counts: CodeCounts, writer: &mut ImageWriter) {
        let sets = [
            self.short.each_ref().map(|set| AnySet::Narrow(set.view())),
            self.long.each_ref().map(|set| AnySet::Wide(set.view())),
        ];
        for (set, cubes) in [SHORT, LONG].into_iter().zip(cubes::build(&sets, counts)) {
            let summaries = cubes.summaries();
            if !summaries.is_empty() {
                writer.put(Section::Of(set, Column::CubeEnds), &cubes.ends());
                writer.put(Section::Of(set, Column::Cubes), &summaries);
            }
        }
    }
}
