//! What was counted becomes an answer.

use farmtally_model::{
    Amounts, GroupMembers, Percentile, ScanFigures, UsageAmounts, UsageGroup, UsageRow, UsageTable,
};

use crate::accumulator::Accumulator;
use crate::tabulate::percentiles::{FoundPercentiles, Under};
use crate::tabulate::places::PlaceFinder;
use crate::tabulate::plan::TabulationPlan;
use crate::tabulate::rank;
use crate::tabulate::tally::{RecordedAmounts, Tally};

/// The place of a slot that is not shown.
const HIDDEN: u32 = u32::MAX;

/// Makes the answer.
pub(crate) fn finish(
    plan: &TabulationPlan<'_>,
    finder: &PlaceFinder<'_>,
    tally: &Tally,
    figures: ScanFigures,
) -> UsageTable {
    let percentiles = plan.query.percentiles();
    let slot_count = tally.slots.len() + 1;
    let ranked = rank::ranked(plan, finder, tally);
    let by_slot = if tally.has_rows { Under::SlotOfRow(tally.row_numbers.rows()) } else { Under::Themselves };
    let of_totals = found(tally, |recorded| {
        let lists = [(&recorded.inside, by_slot), (&recorded.totals, Under::Themselves)];
        FoundPercentiles::new(&lists, slot_count, percentiles)
    });
    let mut groups: Vec<UsageGroup> = Vec::with_capacity(ranked.len() + 1);
    let mut index_of_slot = vec![HIDDEN; slot_count];
    let mut push = |slot: u32, members: GroupMembers| {
        let total = tally.totals.get(slot);
        if total.count() > 0 {
            index_of_slot[slot as usize] = u32::try_from(groups.len()).unwrap_or(HIDDEN);
            groups.push(UsageGroup { members, total: amounts(&total, of_totals.of(slot)) });
        }
    };
    for slot in ranked {
        let values = tally.slots.places(slot).map(|places| finder.values(places)).unwrap_or_default();
        push(slot, GroupMembers::Values(values));
    }
    if let Some((slot, others)) = tally.slots.shown_others() {
        push(slot, GroupMembers::Others { groups: others.groups });
    }
    let rows =
        if tally.has_rows { rows(tally, &index_of_slot, percentiles) } else { rows_of_totals(&groups) };
    let of_total = found(tally, |recorded| {
        let lists = [(&recorded.inside, Under::Zero), (&recorded.sessions, Under::Zero)];
        FoundPercentiles::new(&lists, 1, percentiles)
    });
    let total = amounts(&tally.total, of_total.of(0));
    UsageTable { calendar: plan.query.calendar().clone(), groups, rows, total, figures }
}

fn rows(tally: &Tally, index_of_slot: &[u32], percentiles: &[Percentile]) -> Vec<UsageRow> {
    let numbers = tally.row_numbers.rows();
    let of_rows = found(tally, |recorded| {
        let lists = [(&recorded.inside, Under::Themselves), (&recorded.pieces, Under::Themselves)];
        FoundPercentiles::new(&lists, numbers.len(), percentiles)
    });
    let mut order: Vec<(u32, u32, u32)> = (0..)
        .zip(numbers)
        .map(|(number, (slot, bucket))| (*bucket, index_of_slot[*slot as usize], number))
        .filter(|(_, group, _)| *group != HIDDEN)
        .collect();
    order.sort_unstable();
    let row = |(bucket, group, number)| {
        let amounts = amounts(&tally.rows.get(number), of_rows.of(number));
        UsageRow { bucket, group, amounts }
    };
    order.into_iter().map(row).collect()
}

/// With one bucket, what a group has in it is all that it has.
fn rows_of_totals(groups: &[UsageGroup]) -> Vec<UsageRow> {
    let row = |(group, of): (u32, &UsageGroup)| UsageRow { bucket: 0, group, amounts: of.total.clone() };
    (0..).zip(groups).map(row).collect()
}

/// Percentiles, if any are asked for.
fn found(tally: &Tally, find: impl Fn(&RecordedAmounts) -> FoundPercentiles) -> FoundPercentiles {
    tally.recorded.as_ref().map(find).unwrap_or_default()
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
