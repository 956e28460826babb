//! The values that occur in one groupBy position of an answer.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use crate::statistics::GroupValue;

/// Where values are looked up by code, such as a dictionary of the farm that was asked.
pub trait ValueSource: Send + Sync {
    /// The value of a code that was given to [`GroupValues::coded`].
    fn value(&self, code: u32) -> GroupValue;

    /// Reads a little of each of several values, whose places in memory are then waited for together, and those who take the values
    /// next need not wait for one after the other.
    fn touch(&self, codes: &[u32]);
}

/// The values that occur in one groupBy position of an answer, ascending.
///
/// They are listed, or looked up when somebody asks for one: most of an answer by jobs is never printed, and taking the name of each of
/// its jobs would wait for as many places in memory.
#[derive(Clone)]
pub struct GroupValues(Held);

#[derive(Clone)]
enum Held {
    Listed(Vec<GroupValue>),
    Coded { codes: Vec<u32>, source: Arc<dyn ValueSource> },
}

impl GroupValues {
    /// The values of some codes, which ascend in the order of these.
    pub fn coded(codes: Vec<u32>, source: Arc<dyn ValueSource>) -> Self {
        Self(Held::Coded { codes, source })
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        match &self.0 {
            Held::Listed(values) => values.len(),
            Held::Coded { codes, .. } => codes.len(),
        }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All of them.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = GroupValue> + use<'_> {
        (0..self.len()).map(|index| self.at(index))
    }

    /// Some of them, sooner than each by itself where they are looked up: few enough at once to stay in a near cache. Panics as
    /// [`Self::at`] does.
    pub fn range(&self, range: Range<usize>) -> Vec<GroupValue> {
        match &self.0 {
            Held::Listed(values) => values[range].to_vec(),
            Held::Coded { codes, source } => {
                let codes = &codes[range];
                source.touch(codes);
                codes.iter().map(|code| source.value(*code)).collect()
            }
        }
    }

    /// One of them, as the rows of the answer refer to it. Panics from [`Self::len`] on, as a list does.
    pub fn at(&self, index: usize) -> GroupValue {
        match &self.0 {
            Held::Listed(values) => values[index].clone(),
            Held::Coded { codes, source } => source.value(codes[index]),
        }
    }
}

impl Default for GroupValues {
    fn default() -> Self {
        Self(Held::Listed(Vec::new()))
    }
}

impl From<Vec<GroupValue>> for GroupValues {
    fn from(values: Vec<GroupValue>) -> Self {
        Self(Held::Listed(values))
    }
}

impl FromIterator<GroupValue> for GroupValues {
    fn from_iter<I: IntoIterator<Item = GroupValue>>(values: I) -> Self {
        Self(Held::Listed(values.into_iter().collect()))
    }
}

impl fmt::Debug for GroupValues {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_list().entries(self.iter()).finish()
    }
}

/// Equal are values, wherever they are kept.
impl PartialEq for GroupValues {
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len() && self.iter().eq(other.iter())
    }
}

impl Eq for GroupValues {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::UsageType;

    struct Types;

    impl ValueSource for Types {
        fn value(&self, code: u32) -> GroupValue {
            GroupValue::usage_type(if code == 7 { UsageType::License } else { UsageType::Compute })
        }

        fn touch(&self, _: &[u32]) {}
    }

    #[test]
    fn what_is_looked_up_is_what_would_be_listed() {
        let several = GroupValues::coded(vec![7, 9, 7, 3, 1], Arc::new(Types));
        let each = |range: Range<usize>| range.map(|index| several.at(index)).collect::<Vec<_>>();
        assert!([0..5, 1..4, 2..2].into_iter().all(|range| several.range(range.clone()) == each(range)));
        let coded = GroupValues::coded(vec![3, 7], Arc::new(Types));
        let both = [UsageType::Compute, UsageType::License].map(GroupValue::usage_type);
        let listed = GroupValues::from(both.to_vec());
        assert_eq!(coded, listed);
        assert_eq!(format!("{coded:?}"), format!("{both:?}"));
        assert_eq!((coded.len(), coded.at(1)), (2, both[1].clone()));
        assert_eq!(listed.range(1..2), both[1..]);
        let [compute, license] = both;
        assert_ne!(coded, GroupValues::from(vec![compute]));
        assert_ne!(coded, GroupValues::from(vec![license.clone(), license]));
    }
}
