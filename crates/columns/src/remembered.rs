//! What blocks, and groups of blocks, remember from one question to the next.
//!
//! It is made when questions have read as much for want of it as it stands for: nobody pays for what is asked once. Making it costs as much as
//! reading, and up to three times of that where it tells more apart than who asks. What was not used for longest makes room.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Who asks: a question, however often it asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asker(u64);

impl Asker {
    /// One that is like no other of this process.
    pub fn new() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Self(NEXT.fetch_add(1, Ordering::Relaxed))
    }
}

impl Default for Asker {
    fn default() -> Self {
        Self::new()
    }
}

/// What takes memory.
pub(crate) trait Memory {
    /// Bytes beside itself.
    fn bytes(&self) -> usize;
}

/// What the memory has for a question.
#[derive(Debug)]
pub enum Recalled<V> {
    /// What was made for an earlier question.
    Has(Arc<V>),
    /// Nothing, but it is worth making now. Whoever is told so makes it or says that it was not made.
    Makes,
    /// Nothing yet: too little was asked, somebody is making it, or there is no room.
    Asked,
    /// It was tried, and is not worth it.
    Useless,
}

/// What is known of one thing that was asked for.
#[derive(Debug)]
enum State<V> {
    /// Questions asked for it, and read so much for want of it, as a share of everything.
    Asked { last: Asker, read: f64 },
    /// Somebody is making it.
    Making,
    /// It is there.
    Made(Arc<V>),
    /// It is not worth it.
    Useless,
}

impl<V: Memory> State<V> {
    fn bytes(&self) -> usize {
        match self {
            Self::Made(made) => size_of::<V>() + made.bytes(),
            Self::Asked { .. } | Self::Making | Self::Useless => 0,
        }
    }
}

/// A share of everything from which on it is all. Thirteen thirteenths are a little less than one.
const EVERYTHING: f64 = 1.0 - 1e-9;

/// What has to be read before something is tried again for which a question had not the memory: whoever has no more pays a sixteenth.
const READ_BEFORE_AGAIN: f64 = 16.0;

/// How much may be remembered.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Room {
    /// Bytes of everything together.
    pub(crate) bytes: usize,
    /// Entries with nothing made.
    pub(crate) notes: usize,
}

/// What was asked for, by what it is made of; that which was asked for last behind.
#[derive(Debug)]
pub(crate) struct Remembered<K, V>(Mutex<VecDeque<(K, State<V>)>>);

impl<K, V> Default for Remembered<K, V> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

/// An entry's memory.
fn bytes<K: Memory, V: Memory>((key, state): &(K, State<V>)) -> usize {
    size_of::<(K, State<V>)>() + key.bytes() + state.bytes()
}

impl<K: Memory + PartialEq, V: Memory> Remembered<K, V> {
    /// Bytes of an entry without those beside it.
    pub(crate) const ENTRY_BYTES: usize = size_of::<(K, State<V>)>();

    fn lock(&self) -> MutexGuard<'_, VecDeque<(K, State<V>)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What there is of the one thing whose key passes. If there is nothing, `key` is noted, and that the asker reads a share of
    /// everything.
    pub(crate) fn recall(
        &self,
        is: impl Fn(&K) -> bool,
        key: impl FnOnce() -> K,
        (asker, share): (Asker, f64),
        room: Room,
    ) -> Recalled<V> {
        let mut all = self.lock();
        let Some(place) = all.iter().position(|(key, _)| is(key)) else {
            put(&mut all, (key(), State::Asked { last: asker, read: share }), room);
            return Recalled::Asked;
        };
        // What was used since this was asked for makes no room for it: of three things in turn, of which two have room, all would be
        // made again and again.
        let used_since: usize = all.iter().skip(place).map(|(_, state)| state.bytes()).sum();
        let recalled = match &mut all[place].1 {
            State::Asked { last, .. } if *last == asker => return Recalled::Asked,
            State::Asked { read, .. } if *read >= EVERYTHING && used_since <= room.bytes / 2 => {
                all[place].1 = State::Making;
                return Recalled::Makes;
            }
            State::Asked { last, read } => {
                (*last, *read) = (asker, *read + share);
                Recalled::Asked
            }
            State::Making => Recalled::Asked,
            State::Useless => Recalled::Useless,
            State::Made(made) => Recalled::Has(Arc::clone(made)),
        };
        if let Some(entry) = all.remove(place) {
            all.push_back(entry);
        }
        recalled
    }

    /// Keeps what was made, and gives it back, or that it is useless. It is as well if there is no room for it alone.
    pub(crate) fn keep(&self, key: K, made: Option<Arc<V>>, room: Room) -> Option<Arc<V>> {
        let mut all = self.lock();
        all.retain(|(other, _)| *other != key);
        let mut entry = (key, made.clone().map_or(State::Useless, State::Made));
        let has_room = bytes(&entry) <= room.bytes;
        if !has_room {
            entry.1 = State::Useless;
        }
        put(&mut all, entry, room);
        made.filter(|_| has_room)
    }

    /// Says that something was not made by who was to make it, so that the next one does or, if that one is to find it no easier, one
    /// after [`READ_BEFORE_AGAIN`].
    pub(crate) fn put_back(&self, is: impl Fn(&K) -> bool, is_next: bool) {
        let mut all = self.lock();
        if let Some((_, state @ State::Making)) = all.iter_mut().find(|(key, _)| is(key)) {
            *state = State::Asked {
                last: Asker::new(),
                read: if is_next { 1.0 } else { 1.0 - READ_BEFORE_AGAIN },
            };
        }
    }

    /// Forgets everything, and what was asked for.
    pub(crate) fn clear(&self) {
        self.lock().clear();
    }
}

/// Puts an entry behind the others, and forgets those that were not used for longest while all together take too much. One for which
/// there is no room at all is left out.
fn put<K: Memory, V: Memory>(all: &mut VecDeque<(K, State<V>)>, entry: (K, State<V>), room: Room) {
    if bytes(&entry) > room.bytes {
        return;
    }
    let is_noted = |(_, state): &(K, State<V>)| !matches!(state, State::Made(_));
    all.push_back(entry);
    if all.iter().filter(|entry| is_noted(entry)).count() > room.notes
        && let Some(oldest) = all.iter().position(is_noted)
    {
        all.remove(oldest);
    }
    let mut taken: usize = all.iter().map(bytes).sum();
    while taken > room.bytes
        && let Some(oldest) = all.pop_front()
    {
        taken -= bytes(&oldest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Something of so many bytes.
    #[derive(Debug)]
    struct Made(usize);

    impl Memory for u32 {
        fn bytes(&self) -> usize {
            0
        }
    }

    impl Memory for Made {
        fn bytes(&self) -> usize {
            self.0
        }
    }

    const BYTES_MAX: usize = 100_000;
    const NOTED_MAX: usize = 32;
    const ROOM: Room = Room { bytes: BYTES_MAX, notes: NOTED_MAX };

    /// A memory in which everything has a number.
    #[derive(Default)]
    struct Numbered(Remembered<u32, Made>);

    impl Numbered {
        fn recall(&self, number: u32, asker: Asker) -> Recalled<Made> {
            self.recall_for(number, (asker, 1.0))
        }

        fn recall_for(&self, number: u32, asker: (Asker, f64)) -> Recalled<Made> {
            self.0.recall(|key| *key == number, || number, asker, ROOM)
        }

        /// Asks as a question of its own for something of so many bytes, and makes it if it is time for that.
        fn ask(&self, number: u32, bytes: usize) -> Option<Arc<Made>> {
            match self.recall(number, Asker::new()) {
                Recalled::Has(made) => Some(made),
                Recalled::Makes => {
                    let made = Arc::new(Made(bytes));
                    self.0.keep(number, Some(Arc::clone(&made)), ROOM);
                    Some(made)
                }
                Recalled::Asked | Recalled::Useless => None,
            }
        }

        fn len(&self) -> usize {
            self.0.0.lock().unwrap().len()
        }

        fn bytes(&self) -> usize {
            self.0.0.lock().unwrap().iter().map(bytes).sum()
        }
    }

    #[test]
    fn what_is_asked_for_is_made_for_the_second_question() {
        let memory = Numbered::default();
        let asker = Asker::new();
        assert!([(); 3].iter().all(|()| matches!(memory.recall(1, asker), Recalled::Asked)));
        assert!(memory.ask(2, 10).is_none());
        let made = memory.ask(1, 10).unwrap();
        assert!(matches!(memory.recall(1, asker), Recalled::Has(has) if Arc::ptr_eq(&has, &made)));
    }

    #[test]
    fn what_is_asked_for_in_parts_is_made_when_as_much_was_read_as_there_is() {
        let memory = Numbered::default();
        let ask = |share| matches!(memory.recall_for(1, (Asker::new(), share)), Recalled::Makes);
        assert_eq!([0.25, 0.5, 0.125, 0.0625, 0.5, 0.01].map(ask), [false, false, false, false, false, true]);
    }

    #[test]
    fn what_is_useless_is_not_made_again() {
        let memory = Numbered::default();
        assert!(memory.ask(1, 10).is_none());
        memory.0.keep(1, None, ROOM);
        assert!([(); 3].iter().all(|()| matches!(memory.recall(1, Asker::new()), Recalled::Useless)));
    }

    #[test]
    fn only_one_makes_it_and_another_one_when_that_one_could_not() {
        let memory = Numbered::default();
        assert!(memory.ask(1, 10).is_none());
        let recall = || memory.recall(1, Asker::new());
        assert!(matches!(recall(), Recalled::Makes));
        assert!(matches!(recall(), Recalled::Asked));
        memory.0.put_back(|key| *key == 1, true);
        assert!(matches!(recall(), Recalled::Makes));
        memory.0.put_back(|key| *key == 1, false);
        let asked = std::iter::from_fn(|| matches!(recall(), Recalled::Asked).then_some(()));
        assert_eq!(asked.take(100).count(), 16, "then it is tried again");
        memory.0.keep(1, Some(Arc::new(Made(10))), ROOM);
        memory.0.put_back(|key| *key == 1, true);
        assert!(matches!(recall(), Recalled::Has(_)));
    }

    #[test]
    fn what_has_no_room_alone_is_useless_and_pushes_nothing_out() {
        let memory = Numbered::default();
        assert!(memory.ask(1, 10).is_none() && memory.ask(1, 10).is_some());
        // With its entry it takes more than there is.
        assert!(memory.ask(2, BYTES_MAX - 1).is_none());
        assert!(matches!(memory.recall(2, Asker::new()), Recalled::Makes));
        assert!(memory.0.keep(2, Some(Arc::new(Made(BYTES_MAX - 1))), ROOM).is_none());
        assert!(matches!(memory.recall(2, Asker::new()), Recalled::Useless));
        assert!(matches!(memory.recall(1, Asker::new()), Recalled::Has(_)));
        // Nor does a mere note that is too long.
        let recall =
            |bytes| memory.0.recall(|key| *key == 3, || 3, (Asker::new(), 1.0), Room { bytes, ..ROOM });
        assert!([(); 3].iter().all(|()| matches!(recall(8), Recalled::Asked)));
        assert!(matches!(memory.recall(1, Asker::new()), Recalled::Has(_)));
    }

    #[test]
    fn equal_parts_of_everything_are_all_of_it() {
        for parts in 1..100_u32 {
            let memory = Numbered::default();
            let ask =
                || matches!(memory.recall_for(1, (Asker::new(), 1.0 / f64::from(parts))), Recalled::Makes);
            assert!((0..parts).all(|_| !ask()) && ask(), "{parts}");
        }
    }

    #[test]
    fn what_is_used_stays_and_what_is_not_makes_room() {
        let memory = Numbered::default();
        memory.ask(0, 3_000);
        let used = memory.ask(0, 3_000).unwrap();
        let mut seen = 0;
        for other in 1..200 {
            assert!(memory.ask(other, 3_000).is_none() && memory.ask(other, 3_000).is_some());
            assert!(Arc::ptr_eq(&used, &memory.ask(0, 3_000).unwrap()), "{other}");
            assert!(memory.bytes() <= BYTES_MAX);
            seen = seen.max(memory.len());
        }
        assert!((30..34).contains(&seen), "{seen}");
        // What is only noted is bounded too.
        (200..400).for_each(|other| assert!(memory.ask(other, 3_000).is_none()));
        assert!(memory.len() <= seen + NOTED_MAX && memory.bytes() <= BYTES_MAX);
        // Without being used it goes, and whoever holds it still has it.
        (1..200).for_each(|other| drop([memory.ask(other, 3_000), memory.ask(other, 3_000)]));
        assert!(memory.ask(0, 3_000).is_none());
        assert_eq!(used.0, 3_000);
    }

    #[test]
    fn what_takes_nothing_is_bounded_by_its_entries() {
        let memory = Numbered::default();
        (0..20_000).for_each(|number| drop([memory.ask(number, 0), memory.ask(number, 0)]));
        assert!(memory.bytes() <= BYTES_MAX && memory.len() > 500);
    }

    #[test]
    fn questions_in_turn_that_have_no_room_together_do_not_push_each_other_out() {
        let memory = Numbered::default();
        let turn = || [0, 1, 2].map(|number| memory.ask(number, 45_000));
        turn();
        let made = [(); 4].map(|()| turn());
        for turn in &made {
            let are_kept = turn.each_ref().map(Option::is_some);
            assert_eq!(are_kept, [true, true, false]);
            for (now, before) in turn.iter().zip(&made[0]).take(2) {
                assert!(Arc::ptr_eq(now.as_ref().unwrap(), before.as_ref().unwrap()));
            }
        }
    }
}
