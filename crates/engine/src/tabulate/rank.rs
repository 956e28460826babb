//! The order of groups: by one of their totals, greatest first, and then by their values.

use std::cmp::Reverse;

use farmtally_model::RankBy;

use crate::accumulator::Accumulator;
use crate::tabulate::places::PlaceFinder;
use crate::tabulate::plan::TabulationPlan;
use crate::tabulate::tally::Tally;

/// The slots of groups by rank, without that of the others.
pub(crate) fn ranked(plan: &TabulationPlan<'_>, finder: &PlaceFinder<'_>, tally: &Tally) -> Vec<u32> {
    let rank_by = plan.query.rank_by();
    let mut ranked: Vec<(Reverse<u128>, u32)> = (0..)
        .take(tally.slots.len())
        .map(|slot| (Reverse(amount(rank_by, &tally.totals.get(slot))), slot))
        .collect();
    ranked.sort_unstable();
    let values = |slot: u32| tally.slots.places(slot).map(|places| finder.values(places));
    for equal in ranked.chunk_by_mut(|one, other| one.0 == other.0) {
        if equal.len() > 1 {
            equal.sort_by_cached_key(|(_, slot)| values(*slot));
        }
    }
    ranked.into_iter().map(|(_, slot)| slot).collect()
}

fn amount(rank_by: RankBy, total: &Accumulator) -> u128 {
    match rank_by {
        RankBy::Cost => total.cost().sum,
        RankBy::Runtime => total.runtime().sum,
        RankBy::Sessions => u128::from(total.count()),
    }
}
