//! Places: the codes of one groupBy position in the order of their values, counted over those that are asked for.
//!
//! Place 0 means that there is no value. Groups are numbered by places, so that the order of numbers is that of answers.

use std::sync::Arc;

use farmtally_columns::Ranks;

/// Where "no value" stands.
pub(crate) const ABSENT: u32 = 0;

/// The places of one groupBy position.
#[derive(Debug)]
pub(crate) enum Places {
    /// By the order of a dictionary; if `only` is there, of some of its values.
    Ranked { ranks: Arc<Ranks>, only: Option<Only> },
    /// One place for each code, and one for "no value".
    Fixed { codes: u32 },
}

/// Some ranks, ascending, and the place of each rank.
#[derive(Debug)]
pub(crate) struct Only {
    ranks: Vec<u32>,
    by_rank: Vec<u32>,
}

/// Where a rank stands among all of them.
#[inline]
pub(crate) fn place_of_rank(rank: u32) -> u32 {
    rank + 1
}

impl Places {
    /// All values of a dictionary.
    pub(crate) fn all(ranks: Arc<Ranks>) -> Self {
        Self::Ranked { ranks, only: None }
    }

    /// Some values of a dictionary, by code.
    pub(crate) fn only(ranks: Arc<Ranks>, codes: impl Iterator<Item = u32>) -> Self {
        let mut only: Vec<u32> = codes.map(|code| ranks.by_code()[code as usize]).collect();
        only.sort_unstable();
        let mut by_rank = vec![ABSENT; ranks.codes().len()];
        for (place, rank) in (1..).zip(&only) {
            by_rank[*rank as usize] = place;
        }
        Self::Ranked { ranks, only: Some(Only { ranks: only, by_rank }) }
    }

    /// Number of places; all are below it.
    pub(crate) fn len(&self) -> usize {
        1 + match self {
            Self::Ranked { only: Some(only), .. } => only.ranks.len(),
            Self::Ranked { ranks, only: None } => ranks.codes().len(),
            Self::Fixed { codes } => *codes as usize,
        }
    }

    /// The place of a code. One that is not asked for has none.
    pub(crate) fn of(&self, code: u32) -> u32 {
        match self {
            Self::Ranked { ranks, only: Some(only) } => only.by_rank[ranks.by_code()[code as usize] as usize],
            Self::Ranked { ranks, only: None } => place_of_rank(ranks.by_code()[code as usize]),
            Self::Fixed { .. } => code + 1,
        }
    }

    /// A code whose place this is, or `None` for "no value".
    pub(crate) fn code(&self, place: u32) -> Option<u32> {
        let index = place.checked_sub(1)?;
        Some(match self {
            Self::Ranked { ranks, only: Some(only) } => ranks.codes()[only.ranks[index as usize] as usize],
            Self::Ranked { ranks, only: None } => ranks.codes()[index as usize],
            Self::Fixed { .. } => index,
        })
    }
}
