//! Groups inside of one block: its codes make a local key, and a table has the slot of each key that occurs.
//!
//! A block has few codes, and patterns make few texts of many jobs, so that keys are small numbers. Places and the farm's
//! table of groups are looked at once for each key of a block and not for each row.

use std::ops::Range;

use farmtally_columns::{Axis, BlockCodes, Nanos, OUTCOME_CODES, RowSet, Run, TotalsBy};
use farmtally_model::GROUPINGS_MAX;
use hashbrown::HashMap;

use crate::select::CHUNK;
use crate::tabulate::block_sums::SummedBy;
use crate::tabulate::places::{COMPUTE, LICENSE, NO_VALUE, PlaceFinder, Places};
use crate::tabulate::plan::{Source, TabulationPlan};
use crate::tabulate::slots::Slots;

/// Keys up to which there is a table of all: 256 KiB.
const KEYS_FEW: u64 = 1 << 16;

/// A slot that was not looked for yet.
const UNKNOWN: u32 = u32::MAX;

/// The slots of the keys of one block.
#[derive(Debug, Default)]
pub(crate) struct KeySlots {
    /// By key, where keys are few.
    table: Vec<u32>,
    map: HashMap<u64, u32>,
}

/// One grouping: the places of its digits, and what a digit adds to a key.
#[derive(Debug)]
struct Digit {
    stride: u64,
    places: Vec<u32>,
}

/// What the codes of a block add to a key.
#[derive(Debug)]
pub(crate) struct BlockGroups<'a> {
    digits: Vec<Digit>,
    /// How many keys there may be.
    pub(crate) keys: u64,
    slots: &'a mut KeySlots,
    queues: Option<Vec<u64>>,
    fleets: Option<Vec<u64>>,
    jobs: Option<Vec<u64>>,
    users: Option<Vec<u64>>,
    instance_types: Option<Vec<u64>>,
    workers: Option<Vec<u64>>,
    outcomes: Option<Vec<u64>>,
    /// What a COMPUTE line adds.
    pub(crate) compute: u64,
    /// What a LICENSE line of each product adds.
    pub(crate) products: Vec<u64>,
}

impl<'a> BlockGroups<'a> {
    /// `None` when there are more possible keys than numbers.
    pub(crate) fn new(
        plan: &TabulationPlan<'_>,
        codes: &BlockCodes<'_>,
        finder: &mut PlaceFinder<'_>,
        slots: &'a mut KeySlots,
    ) -> Option<Self> {
        let mut groups = Self {
            digits: plan.sources.iter().map(|_| Digit { stride: 1, places: Vec::new() }).collect(),
            keys: 1,
            slots,
            queues: None,
            fleets: None,
            jobs: None,
            users: None,
            instance_types: None,
            workers: None,
            outcomes: None,
            compute: 0,
            products: vec![0; codes.products.len()],
        };
        let mut keys: u64 = 1;
        // What all rows of a run share comes last, so that the groups of a run lie together.
        let (of_runs, of_rows): (Vec<_>, Vec<_>) =
            plan.sources.iter().enumerate().partition(|(_, source)| source.is_of_run());
        for (grouping, source) in of_rows.into_iter().chain(of_runs) {
            let places = groups.add(grouping, *source, codes, finder, keys);
            let len = (places.len() as u64).max(1);
            groups.digits[grouping] = Digit { stride: keys, places };
            keys = keys.checked_mul(len)?;
        }
        groups.keys = keys;
        groups.slots.map.clear();
        groups.slots.table.clear();
        if keys <= KEYS_FEW {
            groups.slots.table.resize(usize::try_from(keys).unwrap_or(0), UNKNOWN);
        }
        Some(groups)
    }

    /// Takes a grouping up and returns the places of its digits.
    fn add(
        &mut self,
        grouping: usize,
        source: Source,
        codes: &BlockCodes<'_>,
        finder: &mut PlaceFinder<'_>,
        stride: u64,
    ) -> Vec<u32> {
        let outcomes: Vec<u32> = (0..).take(OUTCOME_CODES).collect();
        let (table, codes): (&mut Option<Vec<u64>>, &[u32]) = match source {
            Source::Queue => (&mut self.queues, codes.queues),
            Source::Fleet => (&mut self.fleets, codes.fleets),
            Source::Job | Source::JobText => (&mut self.jobs, codes.jobs),
            Source::User => (&mut self.users, codes.users),
            Source::InstanceType => (&mut self.instance_types, codes.instance_types),
            Source::Worker => (&mut self.workers, codes.workers),
            Source::Outcome => (&mut self.outcomes, &outcomes),
            Source::UsageType => {
                self.products.iter_mut().for_each(|product| *product += stride);
                return vec![COMPUTE, LICENSE];
            }
            Source::Product => {
                for (digit, product) in (1..).zip(&mut self.products) {
                    *product += digit * stride;
                }
                let places = codes.products.iter().map(|code| finder.place(grouping, *code));
                return [NO_VALUE].into_iter().chain(places).collect();
            }
        };
        let table = table.get_or_insert_with(|| vec![0; codes.len()]);
        let (mut places, mut digits): (Vec<u32>, HashMap<u32, u64>) = Default::default();
        for (code, share) in codes.iter().zip(table) {
            let place = finder.place(grouping, *code);
            let digit = *digits.entry(place).or_insert_with(|| {
                places.push(place);
                places.len() as u64 - 1
            });
            *share += digit * stride;
        }
        places
    }

    /// What all rows of a run share.
    pub(crate) fn of_run(&self, run: &Run) -> u64 {
        share(self.queues.as_deref(), run.queue as usize) + share(self.fleets.as_deref(), run.fleet as usize)
    }

    /// What a code of an axis adds.
    pub(crate) fn of_axis(&self, axis: Axis, code: usize) -> u64 {
        match axis {
            Axis::Queue => share(self.queues.as_deref(), code),
            Axis::Fleet => share(self.fleets.as_deref(), code),
        }
    }

    /// What an instance type adds.
    pub(crate) fn of_type(&self, code: usize) -> u64 {
        share(self.instance_types.as_deref(), code)
    }

    /// What a user or job adds.
    pub(crate) fn of_totals(&self, by: TotalsBy, code: usize) -> u64 {
        match by {
            TotalsBy::User => share(self.users.as_deref(), code),
            TotalsBy::Job => share(self.jobs.as_deref(), code),
        }
    }

    /// Whether a row adds nothing by itself.
    pub(crate) fn is_shared(&self) -> bool {
        let tables = [&self.jobs, &self.users, &self.instance_types, &self.workers, &self.outcomes];
        tables.into_iter().all(Option::is_none)
    }

    /// What a row adds by itself.
    pub(crate) fn of_row<C: Nanos>(&self, set: &RowSet<'_, C>, row: usize) -> u64 {
        share_of(self.jobs.as_deref(), set.job, row)
            + share_of(self.users.as_deref(), set.user, row)
            + share_of(self.instance_types.as_deref(), set.instance_type, row)
            + share_of(self.workers.as_deref(), set.worker, row)
            + share_of(self.outcomes.as_deref(), set.outcome, row)
    }

    /// Writes the keys of some rows.
    pub(crate) fn fill<C: Nanos>(
        &self,
        set: &RowSet<'_, C>,
        shared: u64,
        rows: &[u32],
        keys: &mut [u64; CHUNK],
    ) {
        let keys = &mut keys[..rows.len()];
        keys.fill(shared);
        add_shares(self.jobs.as_deref(), set.job, rows, keys);
        add_shares(self.users.as_deref(), set.user, rows, keys);
        add_shares(self.instance_types.as_deref(), set.instance_type, rows, keys);
        add_shares(self.workers.as_deref(), set.worker, rows, keys);
        add_shares(self.outcomes.as_deref(), set.outcome, rows, keys);
    }

    /// Writes the keys of rows that follow each other.
    pub(crate) fn fill_stretch<C: Nanos>(
        &self,
        set: &RowSet<'_, C>,
        shared: u64,
        rows: Range<usize>,
        keys: &mut [u64],
    ) {
        keys.fill(shared);
        add_stretch(self.jobs.as_deref(), set.job, rows.clone(), keys);
        add_stretch(self.users.as_deref(), set.user, rows.clone(), keys);
        add_stretch(self.instance_types.as_deref(), set.instance_type, rows.clone(), keys);
        add_stretch(self.workers.as_deref(), set.worker, rows.clone(), keys);
        add_stretch(self.outcomes.as_deref(), set.outcome, rows, keys);
    }

    /// Adds to the keys what the licence line of each row adds. Every row has to have one line.
    pub(crate) fn add_products<C: Nanos>(&self, set: &RowSet<'_, C>, rows: &[u32], keys: &mut [u64; CHUNK]) {
        add_shares(Some(&self.products), set.line_product, rows, &mut keys[..rows.len()]);
    }

    /// The slot of a key.
    #[inline]
    pub(crate) fn slot(&mut self, key: u64, slots: &mut Slots) -> u32 {
        let known = usize::try_from(key).ok().and_then(|key| self.slots.table.get(key).copied());
        match known {
            Some(slot) if slot != UNKNOWN => slot,
            _ => self.find_slot(key, slots),
        }
    }

    /// Makes of keys what the sums of a block are told apart by.
    pub(crate) fn replace_keys(&mut self, by: SummedBy, keys: &mut [u64], slots: &mut Slots) {
        if by == SummedBy::Slot {
            for key in keys {
                *key = u64::from(self.slot(*key, slots));
            }
        }
    }

    fn find_slot(&mut self, key: u64, slots: &mut Slots) -> u32 {
        if self.slots.table.is_empty()
            && let Some(slot) = self.slots.map.get(&key)
        {
            return *slot;
        }
        let slot = slots.slot(&self.places(key));
        let of_key = usize::try_from(key).ok().and_then(|key| self.slots.table.get_mut(key));
        match of_key {
            Some(of_key) => *of_key = slot,
            None => {
                self.slots.map.insert(key, slot);
            }
        }
        slot
    }

    fn places(&self, key: u64) -> Places {
        let mut places = [0; GROUPINGS_MAX];
        for (place, digit) in places.iter_mut().zip(&self.digits) {
            let index = (key / digit.stride) % (digit.places.len() as u64).max(1);
            *place = usize::try_from(index)
                .ok()
                .and_then(|index| digit.places.get(index))
                .map_or(NO_VALUE, |place| *place);
        }
        places
    }
}

fn share(table: Option<&[u64]>, code: usize) -> u64 {
    table.map_or(0, |table| table[code])
}

fn share_of<T: Copy + Into<usize>>(table: Option<&[u64]>, codes: &[T], row: usize) -> u64 {
    table.map_or(0, |table| table[codes[row].into()])
}

fn add_shares<T: Copy + Into<usize>>(table: Option<&[u64]>, codes: &[T], rows: &[u32], keys: &mut [u64]) {
    let Some(table) = table else { return };
    for (key, row) in keys.iter_mut().zip(rows) {
        *key = key.wrapping_add(table[codes[*row as usize].into()]);
    }
}

fn add_stretch<T: Copy + Into<usize>>(
    table: Option<&[u64]>,
    codes: &[T],
    rows: Range<usize>,
    keys: &mut [u64],
) {
    let Some(table) = table else { return };
    for (key, code) in keys.iter_mut().zip(&codes[rows]) {
        *key = key.wrapping_add(table[(*code).into()]);
    }
}
