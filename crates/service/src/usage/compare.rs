//! A window beside another: the groups of the one, found in the other.
//!
//! A group that has usage only in the earlier window is a group of the answer too, with nothing in its own window, unless
//! only the first groups are shown.

use std::collections::HashMap;

use farmtally_model::question::QuestionError;
use farmtally_model::{
    Amounts, Calendar, DimensionValue, GroupMembers, UsageAmounts, UsageGroup, UsageQuery, UsageTable,
};

use super::answer::Compared;

/// The question about the other window.
pub(super) fn query(query: &UsageQuery, calendar: Calendar) -> Result<UsageQuery, QuestionError> {
    let part = |error: farmtally_model::UsageQueryError| QuestionError::missing("compare", error.to_string());
    let other = UsageQuery::new(calendar)
        .grouped_by(query.groupings().to_vec())
        .and_then(|other| other.filtered_by(query.filters().to_vec()))
        .and_then(|other| other.with_percentiles(query.percentiles().to_vec()))
        .map_err(part)?;
    Ok(other.ranked_by(query.rank_by()))
}

/// Gives the groups of the earlier window the places that they have in the answer.
pub(super) fn align(table: &mut UsageTable, before: UsageTable) -> Compared {
    let mut places = places(table);
    let shows_all = !table.groups.iter().any(|group| matches!(group.members, GroupMembers::Others { .. }));
    let mut place_of = Vec::with_capacity(before.groups.len());
    let mut totals: Vec<Option<UsageAmounts>> = vec![None; table.groups.len()];
    for group in before.groups {
        let key = Key::of(&group.members);
        let place = match places.get(&key) {
            Some(place) => Some(*place),
            None if shows_all => {
                let place = table.groups.len();
                table.groups.push(UsageGroup { members: group.members, total: nothing(&group.total) });
                totals.push(None);
                places.insert(key, place);
                Some(place)
            }
            None => None,
        };
        if let Some(place) = place {
            totals[place] = Some(group.total);
        }
        place_of.push(place.and_then(|place| u32::try_from(place).ok()));
    }
    let rows = before.rows.into_iter().filter_map(|mut row| {
        row.group = place_of[row.group as usize]?;
        Some(row)
    });
    let mut rows: Vec<_> = rows.collect();
    rows.sort_by_key(|row| (row.bucket, row.group));
    Compared { calendar: before.calendar, groups: totals, rows, total: before.total }
}

/// A group's values, or the others.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Key {
    Values(Vec<Option<DimensionValue>>),
    Others,
}

impl Key {
    fn of(members: &GroupMembers) -> Self {
        match members {
            // A job is the same job when it goes by another name.
            GroupMembers::Values(values) => Self::Values(values.clone()),
            GroupMembers::Others { .. } => Self::Others,
        }
    }
}

fn places(table: &UsageTable) -> HashMap<Key, usize> {
    table.groups.iter().enumerate().map(|(place, group)| (Key::of(&group.members), place)).collect()
}

/// Amounts of no session, with as many percentiles as others have.
fn nothing(like: &UsageAmounts) -> UsageAmounts {
    let none = Amounts { sum: 0, min: 0, max: 0 };
    UsageAmounts {
        sessions: 0,
        cost: none,
        runtime: none,
        cost_percentiles: vec![0; like.cost_percentiles.len()],
        runtime_percentiles: vec![0; like.runtime_percentiles.len()],
    }
}
