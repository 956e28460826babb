//! Answers that were just computed, kept at hand with the state of their aggregation, so that a page costs no disk.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use farmtally_model::{AggregationId, FarmId, StatisticsTable};
use farmtally_store::AggregationState;

/// A completed aggregation. Its state never changes again, so that it may be remembered beside the catalogue.
#[derive(Debug, Clone)]
pub(crate) struct CompletedAggregation {
    pub(crate) farm_id: FarmId,
    pub(crate) state: AggregationState,
    pub(crate) table: Arc<StatisticsTable>,
    /// How often it was begun again after a restart. Each time it may have another answer.
    pub(crate) resumed_count: u32,
}

/// Rows from which on an answer is long. When one goes, the next one gets the memory of its rows, which else the system has to clear.
const LONG_ROWS_MIN: usize = 1 << 15;
/// Long answers that are kept at most. One that is asked for later is read from its file.
const LONG_MAX: usize = 8;

/// The answers that were asked for last, as many as fit.
///
/// The latest of those that are larger than all the room there is stays beside them: reading it again takes seconds, and
/// somebody pages through it while others ask for less.
#[derive(Debug)]
pub(crate) struct ResultCache {
    rows_max: usize,
    completed: Mutex<VecDeque<Kept>>,
}

type Kept = (AggregationId, CompletedAggregation);

impl ResultCache {
    pub(crate) fn new(rows_max: usize) -> Self {
        Self { rows_max, completed: Mutex::default() }
    }

    /// The answer of an aggregation of this farm, if it is at hand.
    pub(crate) fn get(&self, farm_id: FarmId, id: AggregationId) -> Option<CompletedAggregation> {
        let mut completed = self.lock();
        let place = completed.iter().position(|(known, found)| *known == id && found.farm_id == farm_id)?;
        let kept = completed.remove(place)?;
        let found = kept.1.clone();
        completed.push_back(kept);
        Some(found)
    }

    /// Keeps an answer, and forgets the oldest ones until the rest fit.
    pub(crate) fn insert(&self, id: AggregationId, answer: CompletedAggregation) {
        let rows = |(_, answer): &Kept| answer.table.rows.len();
        let is_large = |kept: &Kept| rows(kept) > self.rows_max;
        let is_long = |kept: &Kept| rows(kept) >= LONG_ROWS_MIN && !is_large(kept);
        let newest = (id, answer);
        let mut gone = Vec::new();
        let mut completed = self.lock();
        while let Some(other) =
            take_oldest(&mut completed, |kept| kept.0 == id || (is_large(&newest) && is_large(kept)))
        {
            gone.push(other);
        }
        completed.push_back(newest);
        while completed.iter().filter(|kept| !is_large(kept)).map(rows).sum::<usize>() > self.rows_max {
            gone.extend(take_oldest(&mut completed, |kept| !is_large(kept)));
        }
        if completed.iter().filter(|kept| is_long(kept)).count() > LONG_MAX {
            gone.extend(take_oldest(&mut completed, is_long));
        }
        // Nobody else waits while the system takes their memory back.
        drop(completed);
        drop(gone);
    }

    /// Forgets the answer of an aggregation that is no more.
    pub(crate) fn forget(&self, id: AggregationId) {
        self.lock().retain(|(known, _)| *known != id);
    }

    /// Forgets the answers of a farm that is no more.
    pub(crate) fn forget_farm(&self, farm_id: FarmId) {
        self.lock().retain(|(_, answer)| answer.farm_id != farm_id);
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Kept>> {
        // A panic elsewhere leaves whole answers behind, never half of one.
        self.completed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Takes out that of some answers which nobody has asked for longest.
fn take_oldest(completed: &mut VecDeque<Kept>, is_one: impl Fn(&Kept) -> bool) -> Option<Kept> {
    let oldest = completed.iter().position(is_one)?;
    completed.remove(oldest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use farmtally_model::aggregation::Status;
    use farmtally_model::{
        Amounts, CostScaleFactor, GroupBy, GroupValue, GroupValues, Statistic, StatisticSet, StatisticsRow,
        TimeRange, Timestamp, UsageGroupBy, UsageType,
    };

    const FARM: FarmId = FarmId::from_bytes([1; 16]);

    fn answer(rows: usize) -> CompletedAggregation {
        let at = |millis| Timestamp::from_millis(millis).unwrap();
        let group_by = GroupBy::new(&[UsageGroupBy::UsageType]).unwrap();
        let amounts = Amounts { sum: 0, min: 0, max: 0 };
        let bucket = TimeRange::new(at(0), at(1)).unwrap();
        let row = StatisticsRow { bucket, values: [0, 0], count: 1, cost: amounts, runtime: amounts };
        CompletedAggregation {
            farm_id: FARM,
            state: AggregationState {
                status: Status::Completed,
                status_message: None,
                started_at: at(0),
                deadline: at(1),
                group_by,
                statistics: StatisticSet::new([Statistic::Sum]).unwrap(),
                cost_scale_factor: CostScaleFactor::ONE,
                row_count: Some(rows as u64),
            },
            table: Arc::new(StatisticsTable {
                group_by,
                values: [vec![GroupValue::usage_type(UsageType::Compute)].into(), GroupValues::default()],
                rows: std::iter::repeat_n(row, rows).collect(),
            }),
            resumed_count: 0,
        }
    }

    #[test]
    fn the_oldest_answers_go_and_the_latest_that_is_too_large_for_the_room_stays_beside_the_others() {
        let cache = ResultCache::new(4);
        let id = |number: u8| AggregationId::from_bytes([number; 16]);
        let kept_after = |number, rows| {
            cache.insert(id(number), answer(rows));
            (1..=9).filter(|number| cache.get(FARM, id(*number)).is_some()).collect::<Vec<u8>>()
        };
        assert_eq!(kept_after(1, 2), [1]);
        assert_eq!(kept_after(2, 2), [1, 2]);
        assert_eq!(kept_after(3, 5), [1, 2, 3]);
        assert_eq!(kept_after(4, 1), [2, 3, 4]);
        assert_eq!(kept_after(5, 4), [3, 5]);
        assert_eq!(kept_after(6, 6), [5, 6]);
        assert_eq!(kept_after(6, 6), [5, 6]);
        assert!(cache.get(FarmId::from_bytes([2; 16]), id(6)).is_none());
    }

    #[test]
    fn of_long_answers_the_latest_eight_are_kept_beside_short_ones_and_the_largest() {
        let cache = ResultCache::new(LONG_ROWS_MIN * 20);
        let [short, largest] = [100, 101].map(|number| AggregationId::from_bytes([number; 16]));
        cache.insert(short, answer(LONG_ROWS_MIN - 1));
        cache.insert(largest, answer(LONG_ROWS_MIN * 21));
        let ids = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10].map(|number| AggregationId::from_bytes([number; 16]));
        for id in ids {
            cache.insert(id, answer(LONG_ROWS_MIN));
        }
        cache.insert(ids[3], answer(LONG_ROWS_MIN));
        let is_kept = |id: &AggregationId| cache.get(FARM, *id).is_some();
        assert_eq!(
            ids.iter().filter(|id| is_kept(id)).collect::<Vec<_>>(),
            ids[2..].iter().collect::<Vec<_>>()
        );
        assert!(is_kept(&short) && is_kept(&largest));
        // Who pages through one keeps it.
        assert!(is_kept(&ids[2]));
        cache.insert(ids[0], answer(LONG_ROWS_MIN));
        assert!(cache.get(FARM, ids[2]).is_some() && cache.get(FARM, ids[3]).is_none());
    }

    #[test]
    fn the_answers_of_a_farm_that_is_no_more_are_forgotten_and_no_others() {
        let cache = ResultCache::new(4);
        let other = FarmId::from_bytes([2; 16]);
        let [gone, stays] = [1, 2].map(|number| AggregationId::from_bytes([number; 16]));
        cache.insert(gone, answer(1));
        cache.insert(stays, CompletedAggregation { farm_id: other, ..answer(1) });
        cache.forget_farm(FARM);
        assert!(cache.get(FARM, gone).is_none());
        assert!(cache.get(other, stays).is_some());
    }
}
