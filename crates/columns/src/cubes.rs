//! Summaries of whole sessions, kept beside the rows of the short sets, and of the long ones: a question whose bucket holds
//! all of these rows reads the summaries instead.
//!
//! A cube has a summary for each queue (or fleet), or for each queue and instance type, and so on; two more have one for each
//! user and for each job. It is kept where it is clearly smaller than the rows that it stands for.

use crate::block::{BlockCodes, RowSet};
use crate::row::Nanos;
use crate::summary::{Summary, SummaryWords};

/// Sessions that have summaries of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// Short ones.
    Short,
    /// Long ones.
    Long,
}

impl Class {
    /// Both.
    pub const ALL: [Self; CLASSES] = [Self::Short, Self::Long];
}

/// What the first codes of a cube are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Axis {
    /// Queues.
    Queue,
    /// Fleets.
    Fleet,
}

/// What a cube sums, and by what besides its axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CubeKind {
    /// Sessions with all of their lines.
    Sessions,
    /// COMPUTE lines.
    Compute,
    /// The LICENSE lines of a session together.
    Licenses,
    /// Each LICENSE line, by product.
    LinesByProduct,
    /// Sessions with all of their lines, by instance type.
    SessionsByType,
}

/// What tells whole sessions apart in a cube of all queues and fleets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TotalsBy {
    /// Users.
    User,
    /// Jobs.
    Job,
}

pub(crate) const AXES: [Axis; 2] = [Axis::Queue, Axis::Fleet];
pub(crate) const KINDS: [CubeKind; 5] = [
    CubeKind::Sessions,
    CubeKind::Compute,
    CubeKind::Licenses,
    CubeKind::LinesByProduct,
    CubeKind::SessionsByType,
];
const TOTALS: [TotalsBy; 2] = [TotalsBy::User, TotalsBy::Job];
/// Cubes by axis, then totals. Totals are missing in images that were written before there were any.
const CUBES: usize = AXIS_CUBES + TOTALS.len();

/// Bytes that all cubes of a block may take for each of its rows, and beside.
const BYTES_BY_ROW: usize = 6;
const BYTES_BESIDE: usize = 1024;

/// Summaries by code of the axis and code of the detail.
#[derive(Debug, Clone, Copy)]
pub struct Cube<'a> {
    summaries: &'a [SummaryWords],
    details: usize,
}

impl<'a> Cube<'a> {
    pub(crate) fn new(summaries: &'a [SummaryWords], details: usize) -> Self {
        Self { summaries, details }
    }

    /// Number of summaries.
    pub(crate) fn len(&self) -> usize {
        self.summaries.len()
    }

    /// The summaries of a queue or fleet, one for each code of the detail, by their code.
    pub fn of(&self, axis_code: usize) -> impl Iterator<Item = Summary> + use<'a> {
        let from = axis_code * self.details;
        let own = self.summaries.get(from..from + self.details).unwrap_or_default();
        own.iter().map(Summary::from_words)
    }
}

/// The number of codes of a block.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CodeCounts {
    pub(crate) queues: usize,
    pub(crate) fleets: usize,
    pub(crate) instance_types: usize,
    pub(crate) products: usize,
    pub(crate) users: usize,
    pub(crate) jobs: usize,
}

impl CodeCounts {
    pub(crate) fn of(codes: &BlockCodes<'_>) -> Self {
        Self {
            queues: codes.queues.len(),
            fleets: codes.fleets.len(),
            instance_types: codes.instance_types.len(),
            products: codes.products.len(),
            users: codes.users.len(),
            jobs: codes.jobs.len(),
        }
    }

    pub(crate) fn of_axis(self, axis: Axis) -> usize {
        match axis {
            Axis::Queue => self.queues,
            Axis::Fleet => self.fleets,
        }
    }

    /// Number of summaries of a cube.
    pub(crate) fn of_cube(self, axis: Axis, kind: CubeKind) -> usize {
        self.of_axis(axis) * self.of_detail(kind)
    }

    pub(crate) fn of_detail(self, kind: CubeKind) -> usize {
        match kind {
            CubeKind::Sessions | CubeKind::Compute | CubeKind::Licenses => 1,
            CubeKind::LinesByProduct => self.products,
            CubeKind::SessionsByType => self.instance_types,
        }
    }
}

/// Number of the cubes by axis.
pub(crate) const AXIS_CUBES: usize = AXES.len() * KINDS.len();

/// Where a cube lies among those of its class.
pub(crate) fn place(axis: Axis, kind: CubeKind) -> usize {
    axis as usize * KINDS.len() + kind as usize
}

fn place_of_totals(by: TotalsBy) -> usize {
    AXIS_CUBES + by as usize
}

/// Short sessions, and long ones.
pub(crate) const CLASSES: usize = 2;

/// The cubes of the short or of the long sessions as they lie in an image.
#[derive(Debug, Default)]
pub(crate) struct ClassCubes {
    cubes: [Vec<SummaryWords>; CUBES],
}

impl ClassCubes {
    pub(crate) fn ends(&self) -> Vec<u32> {
        let mut end = 0;
        let ends = self.cubes.iter().map(|cube| {
            end += u32::try_from(cube.len()).unwrap_or(u32::MAX);
            end
        });
        ends.collect()
    }

    pub(crate) fn summaries(&self) -> Vec<SummaryWords> {
        self.cubes.concat()
    }
}

/// Finds a cube among those of a class.
pub(crate) fn find<'a>(
    cubes: (&'a [u32], &'a [SummaryWords]),
    axis: Axis,
    kind: CubeKind,
    counts: CodeCounts,
) -> Option<Cube<'a>> {
    let summaries = at(cubes, place(axis, kind))?;
    Some(Cube::new(summaries, counts.of_detail(kind)))
}

/// Finds the summaries of whole sessions by the code of a user or job.
pub(crate) fn find_totals<'a>(
    cubes: (&'a [u32], &'a [SummaryWords]),
    by: TotalsBy,
) -> Option<impl Iterator<Item = Summary> + use<'a>> {
    at(cubes, place_of_totals(by)).map(|summaries| summaries.iter().map(Summary::from_words))
}

/// The summaries in a place, if they are kept.
fn at<'a>((ends, summaries): (&'a [u32], &'a [SummaryWords]), place: usize) -> Option<&'a [SummaryWords]> {
    let from = place.checked_sub(1).map_or(Some(0), |before| ends.get(before).copied())?;
    let summaries = summaries.get(from as usize..*ends.get(place)? as usize)?;
    (!summaries.is_empty()).then_some(summaries)
}

/// A set of either width.
#[derive(Debug, Clone, Copy)]
pub(crate) enum AnySet<'a> {
    Narrow(RowSet<'a, u32>),
    Wide(RowSet<'a, u64>),
}

impl AnySet<'_> {
    fn len(&self) -> usize {
        match self {
            Self::Narrow(set) => set.len(),
            Self::Wide(set) => set.len(),
        }
    }

    fn add_to(&self, axis: Axis, kind: CubeKind, details: usize, sums: &mut [Summary]) {
        match self {
            Self::Narrow(set) => add_set(set, axis, kind, details, sums),
            Self::Wide(set) => add_set(set, axis, kind, details, sums),
        }
    }

    fn add_totals_to(&self, by: TotalsBy, sums: &mut [Summary]) {
        match self {
            Self::Narrow(set) => add_totals(set, by, sums),
            Self::Wide(set) => add_totals(set, by, sums),
        }
    }
}

/// Sums the short sets and the long sets of a block, the smallest cubes first, as far as there is room.
pub(crate) fn build(sets: &[[AnySet<'_>; 2]; CLASSES], counts: CodeCounts) -> [ClassCubes; CLASSES] {
    let mut cubes: [ClassCubes; CLASSES] = Default::default();
    let lens = sets.each_ref().map(|class| class.iter().map(AnySet::len).sum::<usize>());
    let mut room = (BYTES_BESIDE + BYTES_BY_ROW * lens.iter().sum::<usize>()) / size_of::<SummaryWords>();
    let mut keep = |place: usize, len: usize, add: &dyn Fn(&AnySet<'_>, &mut [Summary])| {
        for (class, sets) in sets.iter().enumerate() {
            if len <= lens[class] && len <= room {
                let mut sums = vec![Summary::EMPTY; len];
                for set in sets {
                    add(set, &mut sums);
                }
                cubes[class].cubes[place] = sums.into_iter().map(Summary::to_words).collect();
                room -= len;
            }
        }
    };
    for kind in KINDS {
        for axis in AXES {
            let details = counts.of_detail(kind);
            let len = counts.of_cube(axis, kind);
            keep(place(axis, kind), len, &|set, sums| set.add_to(axis, kind, details, sums));
        }
    }
    for by in TOTALS {
        let len = match by {
            TotalsBy::User => counts.users,
            TotalsBy::Job => counts.jobs,
        };
        keep(place_of_totals(by), len, &|set, sums| set.add_totals_to(by, sums));
    }
    cubes
}

fn add_totals<C: Nanos>(set: &RowSet<'_, C>, by: TotalsBy, sums: &mut [Summary]) {
    let codes = match by {
        TotalsBy::User => set.user,
        TotalsBy::Job => set.job,
    };
    for (code, (cost_nanos, runtime_ms)) in codes.iter().zip(set.cost_nanos.iter().zip(set.runtime_ms)) {
        sums[usize::from(*code)].add((*cost_nanos).into(), *runtime_ms);
    }
}

fn add_set<C: Nanos>(set: &RowSet<'_, C>, axis: Axis, kind: CubeKind, details: usize, sums: &mut [Summary]) {
    for run in set.runs() {
        let axis_code = match axis {
            Axis::Queue => run.queue,
            Axis::Fleet => run.fleet,
        };
        let of_axis = &mut sums[axis_code as usize * details..][..details];
        for row in run.rows {
            add_row(set, row, kind, of_axis);
        }
    }
}

fn add_row<C: Nanos>(set: &RowSet<'_, C>, row: usize, kind: CubeKind, sums: &mut [Summary]) {
    let runtime_ms = set.runtime_ms[row];
    match kind {
        CubeKind::Sessions => sums[0].add(set.cost_nanos[row].into(), runtime_ms),
        CubeKind::Compute => sums[0].add(set.compute_nanos(row), runtime_ms),
        CubeKind::Licenses => {
            if set.is_licensed {
                sums[0].add(set.license_nanos(row), runtime_ms);
            }
        }
        CubeKind::SessionsByType => {
            sums[usize::from(set.instance_type[row])].add(set.cost_nanos[row].into(), runtime_ms);
        }
        CubeKind::LinesByProduct => {
            for line in set.lines(row) {
                sums[usize::from(set.line_product[line])].add(set.line_cost_nanos[line].into(), runtime_ms);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_from_before_there_were_totals_has_none_and_keeps_its_cubes() {
        let counts = CodeCounts { queues: 1, fleets: 1, instance_types: 1, products: 1, users: 1, jobs: 1 };
        let mut sum = Summary::EMPTY;
        sum.add(7, 3);
        let of_one = vec![sum.to_words()];
        let class = ClassCubes { cubes: std::array::from_fn(|_| of_one.clone()) };
        let (ends, summaries) = (class.ends(), class.summaries());
        let now = (ends.as_slice(), summaries.as_slice());
        let before = (&ends[..AXES.len() * KINDS.len()], &summaries[..AXES.len() * KINDS.len()]);
        for by in TOTALS {
            assert_eq!(find_totals(now, by).map(Iterator::collect::<Vec<_>>), Some(vec![sum]));
            assert!(find_totals(before, by).is_none());
        }
        for (axis, kind) in AXES.into_iter().flat_map(|axis| KINDS.map(|kind| (axis, kind))) {
            assert!(find(before, axis, kind, counts).is_some(), "{axis:?} {kind:?}");
        }
    }
}
