//! What was counted becomes an answer.

use farmtally_model::{
    Amounts, Calendar, ComparedUsage, GroupMembers, Percentile, ScanFigures, UsageAmounts, UsageGroup,
    UsageRow, UsageTable,
};

use crate::accumulator::Accumulator;
use crate::tabulate::percentiles::AnswerPercentiles;
use crate::tabulate::places::PlaceFinder;
use crate::tabulate::plan::TabulationPlan;
use crate::tabulate::rank;
use crate::tabulate::slots::Slots;
use crate::tabulate::tally::Tally;

/// The place of a slot that is not shown.
const HIDDEN: u32 = u32::MAX;

/// Makes the answer.
pub(crate) fn finish(
    plan: &TabulationPlan<'_>,
    finder: &PlaceFinder<'_>,
    tally: &Tally,
    figures: ScanFigures,
) -> UsageTable {
    let groups = Groups { order: order(plan, finder, tally), slots: &tally.slots };
    groups.table(plan, finder, tally, figures)
}

/// Makes the answer for two windows, the second of which was counted on with the slots of the first.
pub(crate) fn finish_beside(
    plan: &TabulationPlan<'_>,
    finder: &PlaceFinder<'_>,
    tally: &Tally,
    (calendar, before): (&Calendar, &Tally),
    figures: ScanFigures,
) -> (UsageTable, ComparedUsage) {
    let mut order_of_both = order(plan, finder, tally);
    let is_new = |slot: &u32| tally.totals.get(*slot).count() == 0;
    order_of_both.extend(order(plan, finder, before).into_iter().filter(is_new));
    let groups = Groups { order: order_of_both, slots: &before.slots };
    let percentiles = groups.percentiles(before, plan.query.percentiles());
    let totals = groups.totals(before, &percentiles);
    let compared = ComparedUsage {
        calendar: calendar.clone(),
        rows: groups.rows(before, &totals, &percentiles),
        groups: totals.into_iter().map(|total| (total.sessions > 0).then_some(total)).collect(),
        total: amounts(&before.total, percentiles.total.of(0)),
    };
    (groups.table(plan, finder, tally, figures), compared)
}

/// The slots of the groups that have usage, by rank, and that of the others.
fn order(plan: &TabulationPlan<'_>, finder: &PlaceFinder<'_>, tally: &Tally) -> Vec<u32> {
    let mut order = rank::ranked(plan, finder, tally);
    order.extend(tally.slots.shown_others().map(|(slot, _)| slot));
    order.retain(|slot| tally.totals.get(*slot).count() > 0);
    order
}

/// The groups of an answer.
struct Groups<'a> {
    /// Their slots.
    order: Vec<u32>,
    slots: &'a Slots,
}

impl Groups<'_> {
    fn table(
        &self,
        plan: &TabulationPlan<'_>,
        finder: &PlaceFinder<'_>,
        tally: &Tally,
        figures: ScanFigures,
    ) -> UsageTable {
        let percentiles = self.percentiles(tally, plan.query.percentiles());
        let totals = self.totals(tally, &percentiles);
        let rows = self.rows(tally, &totals, &percentiles);
        let members = self.order.iter().map(|slot| self.members(*slot, finder));
        let groups = members.zip(totals).map(|(members, total)| UsageGroup { members, total }).collect();
        let total = amounts(&tally.total, percentiles.total.of(0));
        UsageTable { calendar: plan.query.calendar().clone(), groups, rows, total, figures }
    }

    fn members(&self, slot: u32, finder: &PlaceFinder<'_>) -> GroupMembers {
        match self.slots.places(slot) {
            Some(places) => GroupMembers::Values(finder.values(places)),
            None => GroupMembers::Others {
                groups: self.slots.shown_others().map_or(0, |(_, others)| others.groups),
            },
        }
    }

    /// Percentiles, if any are asked for.
    fn percentiles(&self, tally: &Tally, asked: &[Percentile]) -> AnswerPercentiles {
        let Some(recorded) = &tally.recorded else { return AnswerPercentiles::default() };
        let slot_of_rows: Option<Vec<u32>> =
            tally.has_rows.then(|| tally.row_numbers.rows().iter().map(|(slot, _)| *slot).collect());
        AnswerPercentiles::new(recorded, slot_of_rows.as_deref(), self.slots.len() + 1, asked)
    }

    /// What each group has in the whole window.
    fn totals(&self, tally: &Tally, percentiles: &AnswerPercentiles) -> Vec<UsageAmounts> {
        let amounts = |slot: &u32| amounts(&tally.totals.get(*slot), percentiles.groups.of(*slot));
        self.order.iter().map(amounts).collect()
    }

    fn rows(&self, tally: &Tally, totals: &[UsageAmounts], percentiles: &AnswerPercentiles) -> Vec<UsageRow> {
        if !tally.has_rows {
            return rows_of_totals(totals);
        }
        let mut index_of_slot = vec![HIDDEN; self.slots.len() + 1];
        for (index, slot) in (0..).zip(&self.order) {
            index_of_slot[*slot as usize] = index;
        }
        let numbers = tally.row_numbers.rows();
        let mut order: Vec<(u32, u32, u32)> = (0..)
            .zip(numbers)
            .map(|(number, (slot, bucket))| (*bucket, index_of_slot[*slot as usize], number))
            .filter(|(_, group, _)| *group != HIDDEN)
            .collect();
        order.sort_unstable();
        let row = |(bucket, group, number)| {
            let amounts = amounts(&tally.rows.get(number), percentiles.rows.of(number));
            UsageRow { bucket, group, amounts }
        };
        order.into_iter().map(row).collect()
    }
}

/// With one bucket, what a group has in it is all that it has.
fn rows_of_totals(totals: &[UsageAmounts]) -> Vec<UsageRow> {
    let row = |(group, total): (u32, &UsageAmounts)| UsageRow { bucket: 0, group, amounts: total.clone() };
    (0..).zip(totals).filter(|(_, total)| total.sessions > 0).map(row).collect()
}

fn amounts(sum: &Accumulator, (cost_percentiles, runtime_percentiles): (Vec<u64>, Vec<u64>)) -> UsageAmounts {
    let of = |amounts: Amounts| if sum.count() == 0 { Amounts { sum: 0, min: 0, max: 0 } } else { amounts };
    UsageAmounts {
        sessions: sum.count(),
        cost: of(sum.cost()),
        runtime: of(sum.runtime()),
        cost_percentiles,
        runtime_percentiles,
    }
}
