//! Slots: groups, numbered as they are met. Where only the first groups are shown, all others share one slot.

use hashbrown::HashMap;

use crate::tabulate::places::Places;

/// The groups of one scan, or of several after each other.
#[derive(Debug, Clone)]
pub(crate) struct Slots {
    by_places: HashMap<Places, u32>,
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

impl Slots {
    /// No group yet, and room for all.
    pub(crate) fn open() -> Self {
        Self { by_places: HashMap::new(), places: Vec::new(), others: None }
    }

    /// The slots of these groups and one for all others.
    pub(crate) fn only(&self, slots: &[u32], is_shown: bool) -> Self {
        let places: Vec<Places> = slots.iter().map(|slot| self.places[*slot as usize]).collect();
        let by_places = places.iter().copied().zip(0..).collect();
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
            return *slot;
        }
        let next = u32::try_from(self.places.len()).unwrap_or(u32::MAX);
        if self.others.is_none() {
            self.by_places.insert(*places, next);
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
        self.places.capacity() * size_of::<Places>() + self.by_places.capacity() * size_of::<(Places, u64)>()
    }
}
