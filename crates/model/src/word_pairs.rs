//! Pairs of words that are written in place.

/// A list of pairs of words. Room in which pairs were once has some contents, and is not cleared before it is written again.
#[derive(Debug, Clone, Default)]
pub(crate) struct WordPairs {
    /// The pairs, and then what the room contained.
    room: Vec<[u64; 2]>,
    len: usize,
}

impl WordPairs {
    /// An empty list in some room, whatever that contains.
    pub(crate) fn in_room(room: Vec<[u64; 2]>) -> Self {
        Self { room, len: 0 }
    }

    /// The room, whatever it contains.
    pub(crate) fn into_room(self) -> Vec<[u64; 2]> {
        self.room
    }

    /// Number of pairs.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Number of pairs for which there is room.
    #[inline]
    pub(crate) fn room(&self) -> usize {
        self.room.capacity()
    }

    #[inline]
    pub(crate) fn push(&mut self, pair: [u64; 2]) {
        match self.room.get_mut(self.len) {
            Some(place) => *place = pair,
            None => self.room.push(pair),
        }
        self.len += 1;
    }

    /// Room for the next pairs, of which [`Self::extend`] says how many were written.
    #[inline]
    #[expect(clippy::expect_used, reason = "as many were made room for")]
    pub(crate) fn next<const N: usize>(&mut self) -> &mut [[u64; 2]; N] {
        if self.room.len() - self.len < N {
            self.room.resize(self.len + N, [0; 2]);
        }
        self.room[self.len..].first_chunk_mut().expect("as many")
    }

    /// Takes so many pairs that lie in the room already.
    #[inline]
    pub(crate) fn extend(&mut self, written: usize) {
        assert!(written <= self.room.len() - self.len, "{written} pairs were not written");
        self.len += written;
    }
}

impl std::ops::Deref for WordPairs {
    type Target = [[u64; 2]];

    #[inline]
    fn deref(&self) -> &Self::Target {
        &self.room[..self.len]
    }
}

impl std::ops::DerefMut for WordPairs {
    #[inline]
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.room[..self.len]
    }
}

/// A list of the pairs of another one.
impl From<Vec<[u64; 2]>> for WordPairs {
    fn from(pairs: Vec<[u64; 2]>) -> Self {
        Self { len: pairs.len(), room: pairs }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_room_contained_is_no_pair_and_lists_grow_when_it_ends() {
        let mut list = WordPairs::in_room(vec![[7, 7]; 3]);
        assert_eq!((list.len(), &*list), (0, &[][..]));
        list.push([1, 0]);
        list.next::<2>()[0] = [2, 0];
        list.extend(1);
        assert_eq!(*list, [[1, 0], [2, 0]]);
        *list.next() = [[3, 0], [4, 0], [5, 0]];
        list.extend(3);
        list.push([6, 0]);
        assert_eq!(*list, [1, 2, 3, 4, 5, 6].map(|number| [number, 0]));
        let again = WordPairs::from(list.to_vec());
        assert_eq!(*again, *list);
        assert_eq!(list.into_room()[..2], [[1, 0], [2, 0]]);
    }

    #[test]
    #[should_panic(expected = "2 pairs were not written")]
    fn what_has_no_room_was_not_written() {
        WordPairs::in_room(vec![[0; 2]; 1]).extend(2);
    }
}
