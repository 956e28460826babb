//! What the codes of one block add to a key.
//!
//! A block has few codes, so each groupBy position becomes a small table, and a row's key is a sum of table entries.

use farmtally_columns::{Axis, BlockCodes, Detail, Nanos, PiecesOf, RowSet, Run};

use crate::arrivals::Arrivals;
use crate::plan::{AggregationPlan, KeySource, usage_code};
use crate::select::CHUNK;

/// The tables of a block.
#[derive(Debug, Default)]
pub(crate) struct BlockKeys {
    /// Queues and fleets that are asked for.
    wanted_queues: Vec<bool>,
    wanted_fleets: Vec<bool>,
    pub(crate) queues: Option<Vec<u64>>,
    pub(crate) fleets: Option<Vec<u64>>,
    pub(crate) jobs: Option<Vec<u64>>,
    pub(crate) users: Option<Vec<u64>>,
    pub(crate) instance_types: Option<Vec<u64>>,
    pub(crate) products: Option<Vec<u64>>,
    /// What the usage types COMPUTE and LICENSE add.
    pub(crate) compute: u64,
    pub(crate) license: u64,
}

impl BlockKeys {
    /// The tables of a block with such codes, for keys of answers or for arrived ones.
    pub(crate) fn new(
        plan: &AggregationPlan<'_>,
        codes: &BlockCodes<'_>,
        arrivals: Option<&Arrivals>,
    ) -> Self {
        let mut keys = Self {
            wanted_queues: codes.queues.iter().map(|queue| plan.is_queue_wanted(*queue)).collect(),
            wanted_fleets: codes.fleets.iter().map(|fleet| plan.is_fleet_wanted(*fleet)).collect(),
            ..Self::default()
        };
        for (index, position) in plan.positions.iter().enumerate() {
            let share = |code: &u32| plan.keys.share(index, position.places.of(*code));
            let table = |codes: &[u32]| Some(codes.iter().map(share).collect());
            match position.source {
                KeySource::Queue => keys.queues = table(codes.queues),
                KeySource::Fleet => keys.fleets = table(codes.fleets),
                KeySource::Job => {
                    keys.jobs = match arrivals {
                        Some(arrivals) => Some(codes.jobs.iter().map(|code| arrivals.share(*code)).collect()),
                        None => table(codes.jobs),
                    };
                }
                KeySource::User => keys.users = table(codes.users),
                KeySource::InstanceType => keys.instance_types = table(codes.instance_types),
                KeySource::Product => keys.products = table(codes.products),
                KeySource::UsageType => {
                    (keys.compute, keys.license) = (share(&usage_code::COMPUTE), share(&usage_code::LICENSE));
                }
                KeySource::Nothing => {}
            }
        }
        keys
    }

    /// Tables for the rows of one queue or fleet, by which keys are the block's codes of two details, of 16 bits each.
    pub(crate) fn of_details(codes: &BlockCodes<'_>, of: PiecesOf<'_>) -> Self {
        let mut keys = Self {
            wanted_queues: vec![true; codes.queues.len()],
            wanted_fleets: vec![true; codes.fleets.len()],
            ..Self::default()
        };
        keys.leave_only(of.axis, &[of.axis_code]);
        for (detail, shift) in of.details.into_iter().zip([0, u16::BITS]) {
            let table = |codes: &[u32]| Some((0..codes.len() as u64).map(|code| code << shift).collect());
            match detail {
                Detail::Job => keys.jobs = table(codes.jobs),
                Detail::User => keys.users = table(codes.users),
                Detail::InstanceType => keys.instance_types = table(codes.instance_types),
                _ => {}
            }
        }
        keys
    }

    /// What the codes of a detail add, if they add anything.
    pub(crate) fn table(&self, detail: Detail) -> Option<&[u64]> {
        match detail {
            Detail::Job => self.jobs.as_deref(),
            Detail::User => self.users.as_deref(),
            Detail::InstanceType => self.instance_types.as_deref(),
            _ => None,
        }
    }

    /// Leaves only some of the codes on one axis, which ascend.
    pub(crate) fn leave_only(&mut self, axis: Axis, codes: &[u32]) {
        let wanted = match axis {
            Axis::Queue => &mut self.wanted_queues,
            Axis::Fleet => &mut self.wanted_fleets,
        };
        for (code, wanted) in (0..).zip(wanted) {
            *wanted = codes.binary_search(&code).is_ok();
        }
    }

    pub(crate) fn is_fleet_wanted(&self, fleet: u32) -> bool {
        self.wanted_fleets[fleet as usize]
    }

    /// Codes of the block on one axis that are asked for.
    pub(crate) fn wanted(&self, axis: Axis) -> impl Iterator<Item = u32> + '_ {
        let wanted = match axis {
            Axis::Queue => &self.wanted_queues,
            Axis::Fleet => &self.wanted_fleets,
        };
        (0..).zip(wanted).filter(|(_, wanted)| **wanted).map(|(code, _)| code)
    }

    /// What all rows of one queue or fleet share, if the other one of both adds nothing.
    pub(crate) fn of_axis(&self, axis: Axis, code: u32) -> u64 {
        match axis {
            Axis::Queue => self.of_queue(code),
            Axis::Fleet => share(self.fleets.as_ref(), code),
        }
    }

    /// What all rows of a queue share, if fleets add nothing.
    pub(crate) fn of_queue(&self, queue: u32) -> u64 {
        share(self.queues.as_ref(), queue)
    }

    /// What all rows of a run share.
    pub(crate) fn of_run(&self, run: &Run) -> u64 {
        share(self.queues.as_ref(), run.queue) + share(self.fleets.as_ref(), run.fleet)
    }

    /// Whether a row adds nothing by itself.
    pub(crate) fn is_shared(&self) -> bool {
        self.jobs.is_none() && self.users.is_none() && self.instance_types.is_none()
    }

    /// What a row adds by itself.
    pub(crate) fn of_row<C: Nanos>(&self, set: &RowSet<'_, C>, row: usize) -> u64 {
        let mut share = 0;
        if let Some(jobs) = &self.jobs {
            share += jobs[usize::from(set.job[row])];
        }
        if let Some(users) = &self.users {
            share += users[usize::from(set.user[row])];
        }
        if let Some(instance_types) = &self.instance_types {
            share += instance_types[usize::from(set.instance_type[row])];
        }
        share
    }

    /// What a licence line adds.
    pub(crate) fn of_line<C: Nanos>(&self, set: &RowSet<'_, C>, line: usize) -> u64 {
        self.products.as_ref().map_or(0, |products| products[usize::from(set.line_product[line])])
            + self.license
    }

    /// Writes the keys of some rows.
    pub(crate) fn fill<C: Nanos>(
        &self,
        set: &RowSet<'_, C>,
        shared: u64,
        rows: &[u32],
        keys: &mut [u64; CHUNK],
    ) {
        let mut columns = Columns { rows, keys, is_filled: false, shared };
        if let Some(jobs) = &self.jobs {
            columns.add(set.job, jobs);
        }
        if let Some(users) = &self.users {
            columns.add(set.user, users);
        }
        if let Some(instance_types) = &self.instance_types {
            columns.add(set.instance_type, instance_types);
        }
        if !columns.is_filled {
            keys[..rows.len()].fill(shared);
        }
    }
}

fn share(table: Option<&Vec<u64>>, code: u32) -> u64 {
    table.map_or(0, |table| table[code as usize])
}

/// Keys on the way to be the sum of their columns.
struct Columns<'a> {
    rows: &'a [u32],
    keys: &'a mut [u64; CHUNK],
    is_filled: bool,
    shared: u64,
}

impl Columns<'_> {
    fn add<T: Copy + Into<usize>>(&mut self, codes: &[T], table: &[u64]) {
        let keys = self.keys.iter_mut().zip(self.rows);
        if self.is_filled {
            for (key, row) in keys {
                *key = key.wrapping_add(table[codes[*row as usize].into()]);
            }
        } else {
            for (key, row) in keys {
                *key = self.shared.wrapping_add(table[codes[*row as usize].into()]);
            }
            self.is_filled = true;
        }
    }
}
