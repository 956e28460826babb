//! Slots: groups, numbered as they are met. Where only the first groups are shown, all others share one slot.

use hashbrown::HashMap;

use crate::tabulate::places::{NO_VALUE, Places};

/// Possible groups up to which there is a table of all: 256 KiB.
const GROUPS_FEW: usize = 1 << 16;

/// A group of the table that was not met.
const UNKNOWN: u32 = u32::MAX;

/// The groups of one scan, or of several after each other.
#[derive(Debug, Clone)]
pub(crate) struct Slots {
    by_places: ByPlaces,
    places: Vec<Places>,
    /// What becomes of a group that has no slot: it gets one, or goes to the others.
    others: Option<Others>,
}

/// The slot after the last of those that are shown.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Others {
    /// How many groups share it.
    pub(crate) groups: usize,
    pub(crate) is_shown: bool,
}

/// The slot of each group. A block asks for all of its groups, so that a farm of many blocks asks often.
#[derive(Debug, Clone)]
enum ByPlaces {
    /// Counted through, where every grouping has few places. One place more than there are is "no value".
    Table {
        lens: Vec<usize>,
        slots: Vec<u32>,
    },
    Map(HashMap<Places, u32>),
}

impl ByPlaces {
    /// No group yet, of groupings with so many places; `None` where that is not known.
    fn new(lens: impl Iterator<Item = Option<usize>>) -> Self {
        let lens: Option<Vec<usize>> = lens.map(|len| len?.checked_add(1)).collect();
        let table = lens.and_then(|lens| {
            let groups = lens.iter().try_fold(1_usize, |groups, len| groups.checked_mul(*len))?;
            (groups <= GROUPS_FEW).then(|| Self::Table { lens, slots: vec![UNKNOWN; groups] })
        });
        table.unwrap_or_else(|| Self::Map(HashMap::new()))
    }

    /// The same without a group.
    fn emptied(&self) -> Self {
        match self {
            Self::Table { lens, slots } => {
                Self::Table { lens: lens.clone(), slots: vec![UNKNOWN; slots.len()] }
            }
            Self::Map(_) => Self::Map(HashMap::new()),
        }
    }

    #[inline]
    fn get(&self, places: &Places) -> Option<u32> {
        match self {
            Self::Table { lens, slots } => Some(slots[index(lens, places)]).filter(|slot| *slot != UNKNOWN),
            Self::Map(slots) => slots.get(places).copied(),
        }
    }

    fn insert(&mut self, places: &Places, slot: u32) {
        match self {
            Self::Table { lens, slots } => slots[index(lens, places)] = slot,
            Self::Map(slots) => {
                slots.insert(*places, slot);
            }
        }
    }

    fn bytes(&self) -> usize {
        match self {
            Self::Table { slots, .. } => size_of_val(slots.as_slice()),
            Self::Map(slots) => slots.capacity() * size_of::<(Places, u64)>(),
        }
    }
}

/// Where a group stands in a table.
#[inline]
fn index(lens: &[usize], places: &Places) -> usize {
    let places = lens.iter().zip(places);
    places.fold(0, |index, (len, place)| {
        let place = if *place == NO_VALUE { len - 1 } else { *place as usize };
        index * len + place
    })
}

impl Slots {
    /// No group yet, and room for all, of groupings with so many places; `None` where that is not known.
    pub(crate) fn open(lens: impl Iterator<Item = Option<usize>>) -> Self {
        Self { by_places: ByPlaces::new(lens), places: Vec::new(), others: None }
    }

    /// The slots of these groups and one for all others.
    pub(crate) fn only(&self, slots: &[u32], is_shown: bool) -> Self {
        let places: Vec<Places> = slots.iter().map(|slot| self.places[*slot as usize]).collect();
        let mut by_places = self.by_places.emptied();
        for (places, slot) in places.iter().zip(0..) {
            by_places.insert(places, slot);
        }
        let groups = self.places.len() - places.len();
        Self { by_places, places, others: Some(Others { groups, is_shown }) }
    }

    /// The same slots, and one for all groups that are none of these.
    pub(crate) fn closed(self, is_shown: bool) -> Self {
        Self { others: Some(Others { groups: 0, is_shown }), ..self }
    }

    /// Whether all groups without a slot of their own share one.
    pub(crate) fn is_closed(&self) -> bool {
        self.others.is_some()
    }

    /// The slot of a group.
    pub(crate) fn slot(&mut self, places: &Places) -> u32 {
        if let Some(slot) = self.by_places.get(places) {
            return slot;
        }
        let next = u32::try_from(self.places.len()).unwrap_or(u32::MAX);
        if self.others.is_none() {
            self.by_places.insert(places, next);
            self.places.push(*places);
        }
        next
    }

    /// The places of a group; `None` for the others.
    pub(crate) fn places(&self, slot: u32) -> Option<&Places> {
        self.places.get(slot as usize)
    }

    /// The groups that have a slot of their own.
    pub(crate) fn len(&self) -> usize {
        self.places.len()
    }

    /// The slot of the others, if they are shown.
    pub(crate) fn shown_others(&self) -> Option<(u32, Others)> {
        let others = self.others.filter(|others| others.is_shown)?;
        Some((u32::try_from(self.places.len()).ok()?, others))
    }

    /// The slot of the others, if they are not shown.
    pub(crate) fn hidden(&self) -> Option<u32> {
        self.others.filter(|others| !others.is_shown)?;
        u32::try_from(self.places.len()).ok()
    }

    /// Groups of the answer.
    pub(crate) fn shown_count(&self) -> usize {
        self.len() + usize::from(self.shown_others().is_some_and(|(_, others)| others.groups > 0))
    }

    /// Memory that is held, in bytes.
    pub(crate) fn bytes(&self) -> usize {
        self.places.capacity() * size_of::<Places>() + self.by_places.bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_table_gives_the_slots_that_a_map_gives(
            groups in prop::collection::vec((0_u32..5, 0_u32..4), 0..60), first in 0_usize..3,
        ) {
            let lens = [4, 3];
            let [mut table, mut map] = [
                Slots::open(lens.into_iter().map(Some)),
                Slots::open(lens.into_iter().map(|_| None)),
            ];
            let is_table = |slots: &Slots| matches!(slots.by_places, ByPlaces::Table { .. });
            prop_assert!(is_table(&table) && !is_table(&map));
            let places = |(one, other): (u32, u32)| {
                let mut places = Places::default();
                places[0] = if one == 4 { NO_VALUE } else { one };
                places[1] = if other == 3 { NO_VALUE } else { other };
                places
            };
            for group in &groups {
                prop_assert_eq!(table.slot(&places(*group)), map.slot(&places(*group)));
            }
            let only: Vec<u32> = (0..).take(first.min(table.len())).collect();
            let (mut table, mut map) = (table.only(&only, true), map.only(&only, true));
            for group in (0..5).flat_map(|one| (0..4).map(move |other| (one, other))) {
                prop_assert_eq!(table.slot(&places(group)), map.slot(&places(group)));
            }
        }
    }

    #[test]
    fn many_possible_groups_are_no_table() {
        let slots = Slots::open([Some(GROUPS_FEW / 2), Some(1)].into_iter());
        assert!(matches!(slots.by_places, ByPlaces::Map(_)));
        let slots = Slots::open([Some(usize::MAX)].into_iter());
        assert!(matches!(slots.by_places, ByPlaces::Map(_)));
    }
}
