//! Pairs of words that are written in place.

use std::fmt;
use std::ops::{Deref, DerefMut};

/// A list of pairs of words. Behind its end its room may hold pairs of an earlier list, which nothing reads, and which are written over
/// without being cleared.
#[derive(Default)]
pub(crate) struct WordPairs {
    /// The pairs, and then what its room holds besides.
    pairs: Vec<[u64; 2]>,
    len: usize,
}

impl WordPairs {
    /// Makes the list an empty one, in a room that still holds its pairs.
    pub(crate) fn clear(&mut self) {
        self.len = 0;
    }

    /// Number of pairs for which there is room.
    #[inline]
    pub(crate) fn room(&self) -> usize {
        self.pairs.capacity()
    }

    #[inline]
    pub(crate) fn push(&mut self, pair: [u64; 2]) {
        match self.pairs.get_mut(self.len) {
            Some(place) => *place = pair,
            None => self.pairs.push(pair),
        }
        self.len += 1;
    }

    /// Room for the next `N` pairs, of which [`Self::take_written`] says how many were written.
    #[inline]
    #[expect(clippy::expect_used, reason = "as many were made room for")]
    pub(crate) fn next_room<const N: usize>(&mut self) -> &mut [[u64; 2]; N] {
        if self.pairs.len() - self.len < N {
            self.pairs.resize(self.len + N, [0; 2]);
        }
        self.pairs[self.len..].first_chunk_mut().expect("as many")
    }

    /// Takes the first pairs of the room that was given for `N`.
    #[inline]
    pub(crate) fn take_written<const N: usize>(&mut self, written: usize) {
        assert!(written <= N && N <= self.pairs.len() - self.len, "room for {N} pairs, not for {written}");
        self.len += written;
    }
}

impl Deref for WordPairs {
    type Target = [[u64; 2]];

    #[inline]
    fn deref(&self) -> &Self::Target {
        &self.pairs[..self.len]
    }
}

impl DerefMut for WordPairs {
    #[inline]
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.pairs[..self.len]
    }
}

/// A list of the pairs of another one.
impl From<Vec<[u64; 2]>> for WordPairs {
    fn from(pairs: Vec<[u64; 2]>) -> Self {
        Self { len: pairs.len(), pairs }
    }
}

/// Nothing of what lies behind the end.
impl Clone for WordPairs {
    fn clone(&self) -> Self {
        self.to_vec().into()
    }
}

/// Nothing of what lies behind the end.
impl fmt::Debug for WordPairs {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(formatter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn used_room(pairs: usize) -> WordPairs {
        let mut list = WordPairs::from(vec![[7, 7]; pairs]);
        list.clear();
        list
    }

    #[test]
    fn what_the_room_holds_is_no_pair_and_lists_grow_when_it_ends() {
        let mut list = used_room(3);
        assert_eq!(*list, [[0; 2]; 0]);
        list.push([1, 0]);
        list.next_room::<2>()[0] = [2, 0];
        list.take_written::<2>(1);
        assert_eq!(*list, [[1, 0], [2, 0]]);
        assert_eq!((format!("{list:?}"), &*list.clone().pairs), ("[[1, 0], [2, 0]]".to_owned(), &*list));
        *list.next_room() = [[3, 0], [4, 0], [5, 0]];
        list.take_written::<3>(3);
        list.push([6, 0]);
        assert_eq!(*list, [1, 2, 3, 4, 5, 6].map(|number| [number, 0]));
        assert_eq!(*WordPairs::from(list.to_vec()), *list);
        list.clear();
        assert_eq!((list.len(), &list.pairs[..2]), (0, &[[1, 0], [2, 0]][..]));
    }

    #[test]
    #[should_panic(expected = "room for 2 pairs, not for 3")]
    fn more_than_there_was_room_for_was_not_written() {
        let mut list = used_room(3);
        list.next_room::<2>();
        list.take_written::<2>(3);
    }
}
