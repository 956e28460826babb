//! Filters on the codes of one block. A block in which a filter lets no code through need not be read.

use farmtally_columns::{Axis, BlockCodes, Nanos, RowSet, Run};

use crate::tabulate::filter::Filter;
use crate::tabulate::selection::Selection;

/// Masks over the block's codes; `None` lets everything through.
#[derive(Debug)]
pub(crate) struct BlockFilter<'a> {
    queues: Option<Vec<bool>>,
    fleets: Option<Vec<bool>>,
    jobs: Option<Vec<bool>>,
    users: Option<Vec<bool>>,
    instance_types: Option<Vec<bool>>,
    workers: Option<Vec<bool>>,
    outcomes: Option<&'a [bool]>,
}

/// No code of a column passes.
struct NothingPasses;

impl<'a> BlockFilter<'a> {
    /// The masks of a block; `None` when no row can pass.
    pub(crate) fn new(filter: &'a Filter, codes: &BlockCodes<'_>) -> Option<Self> {
        Self::with(filter, codes).ok()
    }

    fn with(filter: &'a Filter, codes: &BlockCodes<'_>) -> Result<Self, NothingPasses> {
        Ok(Self {
            queues: masked(filter.queues.as_deref(), codes.queues)?,
            fleets: masked(filter.fleets.as_deref(), codes.fleets)?,
            jobs: masked(filter.jobs.as_deref(), codes.jobs)?,
            users: masked(filter.users.as_deref(), codes.users)?,
            instance_types: masked(filter.instance_types.as_deref(), codes.instance_types)?,
            workers: masked(filter.workers.as_deref(), codes.workers)?,
            outcomes: filter.outcomes.as_deref(),
        })
    }

    /// Whether rows of a run can pass.
    pub(crate) fn admits_run(&self, run: &Run) -> bool {
        let admits =
            |mask: &Option<Vec<bool>>, code: u32| mask.as_ref().is_none_or(|mask| mask[code as usize]);
        admits(&self.queues, run.queue) && admits(&self.fleets, run.fleet)
    }

    /// Whether codes of an axis are told apart.
    pub(crate) fn is_by(&self, axis: Axis) -> bool {
        self.of_axis(axis).is_some()
    }

    /// Whether a code of an axis passes.
    pub(crate) fn admits(&self, axis: Axis, code: usize) -> bool {
        self.of_axis(axis).is_none_or(|mask| mask.get(code).copied().unwrap_or(false))
    }

    fn of_axis(&self, axis: Axis) -> Option<&[bool]> {
        match axis {
            Axis::Queue => self.queues.as_deref(),
            Axis::Fleet => self.fleets.as_deref(),
        }
    }

    /// Whether all rows of the runs that pass do.
    pub(crate) fn admits_all_of_run(&self) -> bool {
        let masks = [&self.jobs, &self.users, &self.instance_types, &self.workers];
        self.outcomes.is_none() && masks.into_iter().all(Option::is_none)
    }

    /// Whether a row passes whose run does.
    pub(crate) fn admits_row<C: Nanos>(&self, set: &RowSet<'_, C>, row: usize) -> bool {
        let admits = |mask: &Option<Vec<bool>>, code: usize| mask.as_ref().is_none_or(|mask| mask[code]);
        admits(&self.jobs, set.job[row].into())
            && admits(&self.users, set.user[row].into())
            && admits(&self.instance_types, set.instance_type[row].into())
            && admits(&self.workers, set.worker[row].into())
            && self.outcomes.is_none_or(|mask| mask[usize::from(set.outcome[row])])
    }

    /// Leaves the candidates that pass.
    pub(crate) fn keep<C: Nanos>(&self, set: &RowSet<'_, C>, selection: &mut Selection) {
        if let Some(mask) = &self.jobs {
            selection.keep(set.job, mask);
        }
        if let Some(mask) = &self.users {
            selection.keep(set.user, mask);
        }
        if let Some(mask) = &self.instance_types {
            selection.keep(set.instance_type, mask);
        }
        if let Some(mask) = &self.workers {
            selection.keep(set.worker, mask);
        }
        if let Some(mask) = self.outcomes {
            selection.keep(set.outcome, mask);
        }
    }
}

/// A mask over the farm's codes as one over the block's; `None` when it lets all of them through.
fn masked(mask: Option<&[bool]>, codes: &[u32]) -> Result<Option<Vec<bool>>, NothingPasses> {
    let Some(mask) = mask else { return Ok(None) };
    let own: Vec<bool> =
        codes.iter().map(|code| mask.get(*code as usize).copied().unwrap_or(false)).collect();
    match own.iter().filter(|admits| **admits).count() {
        0 => Err(NothingPasses),
        count if count == own.len() => Ok(None),
        _ => Ok(Some(own)),
    }
}
