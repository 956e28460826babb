//! Records priced anew by the card that a farm has now, shown before it is done.
//!
//! Only costs that a card made are made anew; a cost that came with its record stays. The record keeps its revision, which is
//! its source's, and whoever does it twice changes nothing the second time.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use farmtally_ingest::RateCard;
use farmtally_model::{DisplayName, FarmId, FleetId, LineCost, Record, RecordNames, Submission, TimeRange};
use farmtally_store::{Amended, StoredRecord};

use crate::error::ServiceError;
use crate::month::Month;
use crate::service::Service;

/// What pricing anew changes in a month.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct MonthDifference {
    /// Records whose cost changes.
    pub records: u64,
    /// Their cost now, in nano-dollars.
    pub before_nanos: u128,
    /// Their cost by the card that the farm has now.
    pub after_nanos: u128,
}

/// What pricing anew changes, and what it leaves alone.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Repricing {
    /// By the month in which records started, UTC.
    pub months: BTreeMap<Month, MonthDifference>,
    /// Records that the card prices as they are.
    pub unchanged: u64,
    /// Records whose costs all came with them.
    pub given: u64,
    /// Records that run; they are priced anew when they end.
    pub running: u64,
    /// Records of which it cannot be told which costs came with them, or that cannot be priced.
    pub left: u64,
}

enum Change {
    Unchanged,
    Given,
    Running,
    Left,
    Amended { before_nanos: u128, after_nanos: u128, amended: Box<Amended> },
}

impl Service {
    /// Prices what started in a range anew, and hands over each record whose cost this changes; it stores none of them.
    pub fn reprice(
        &self,
        farm_id: FarmId,
        range: TimeRange,
        amend: &mut dyn FnMut(Amended),
    ) -> Result<Repricing, ServiceError> {
        let pricing = Pricing { card: self.rate_card(farm_id)?, fleet_names: self.names_of_fleets(farm_id)? };
        let mut repricing = Repricing::default();
        self.for_each_record(farm_id, range, &mut |stored| {
            let started_at = stored.record.span().started_at();
            if range.start() <= started_at && started_at < range.end() {
                repricing.note(Month::of(started_at), pricing.change(&stored), amend);
            }
        })?;
        Ok(repricing)
    }
}

impl Repricing {
    fn note(&mut self, month: Month, change: Change, amend: &mut dyn FnMut(Amended)) {
        match change {
            Change::Unchanged => self.unchanged += 1,
            Change::Given => self.given += 1,
            Change::Running => self.running += 1,
            Change::Left => self.left += 1,
            Change::Amended { before_nanos, after_nanos, amended } => {
                let difference = self.months.entry(month).or_default();
                difference.records += 1;
                difference.before_nanos += before_nanos;
                difference.after_nanos += after_nanos;
                amend(*amended);
            }
        }
    }

    /// All months together.
    pub fn total(&self) -> MonthDifference {
        self.months.values().fold(MonthDifference::default(), |sum, month| MonthDifference {
            records: sum.records + month.records,
            before_nanos: sum.before_nanos + month.before_nanos,
            after_nanos: sum.after_nanos + month.after_nanos,
        })
    }
}

struct Pricing {
    card: Arc<RateCard>,
    fleet_names: HashMap<FleetId, DisplayName>,
}

impl Pricing {
    fn change(&self, stored: &StoredRecord) -> Change {
        let Some(unpriced) = stored.unpriced() else { return Change::Left };
        if !stored.is_priced() {
            return Change::Given;
        }
        if stored.record.span().ended_at().is_none() {
            return Change::Running;
        }
        let submission = Submission { record: unpriced, names: RecordNames::default() };
        let fleet_name = |fleet_id: FleetId| self.fleet_names.get(&fleet_id).cloned();
        let Ok(priced) = self.card.price(submission, &fleet_name) else { return Change::Left };
        let (before, after) = (costs(&stored.record), costs(&priced.record));
        if before == after {
            return Change::Unchanged;
        }
        Change::Amended {
            before_nanos: before.iter().sum(),
            after_nanos: after.iter().sum(),
            amended: Box::new(stored.with_costs_of(priced.record)),
        }
    }
}

/// The cost of each line of an ended record, in nano-dollars.
fn costs(record: &Record<LineCost>) -> Vec<u128> {
    let nanos = |cost: LineCost| match cost {
        LineCost::Total(cost) => u128::from(cost.nanos()),
        LineCost::PerHour(_) => 0,
    };
    match record {
        Record::Session(session) => session.usage.as_slice().iter().map(|line| nanos(line.cost)).collect(),
        Record::Volume(volume) => vec![nanos(volume.cost)],
    }
}
