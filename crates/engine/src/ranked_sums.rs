//! Groups of which many are possible and few occur: a bit for each possible one, and a sum only for those that occur.
//!
//! All bits are set first. How many of them lie before that of a key is the place of its sum, so that sums lie in the order of their
//! keys, and nothing is sorted. Where there are too many possible keys for a bit each, the words of bits that occur get places in the same
//! way before.

use bytemuck::allocation::zeroed_box;
use farmtally_columns::Summary;
use farmtally_columns::narrow_sum::NarrowSum;

use crate::arrivals::Arrivals;
use crate::lanes::Lanes;
use crate::output::{Groups, Ordered};
use crate::piece::{Piece, Pieces, WidePiece};

/// Numbers in a word of bits.
const WORD: u64 = 64;
/// Words of bits that there may be for each piece.
const WORDS_BY_PIECE: u64 = 4;
/// Words of a set, at most: 192 KiB with what is counted of each.
const WORDS: usize = 1 << 14;

/// Keys up to which all of them can have a bit.
pub(crate) const KEYS_AT_ONCE_MAX: u64 = WORDS as u64 * WORD;

/// Room for the groups of bucket after bucket.
#[derive(Debug)]
pub(crate) struct RankedSums {
    /// Keys are below it.
    keys_end: u64,
    /// Of the words of keys, if those that occur get places.
    words: Option<Ranks>,
    /// The words of the jobs that occur, if keys have arrived.
    runs: Vec<WordRun>,
    groups: RankedGroups,
    lanes: Option<Lanes>,
}

/// What pieces are added to.
#[derive(Debug, Default)]
pub(crate) struct RankedGroups {
    ranks: Option<Ranks>,
    count: usize,
    /// By place.
    keys: Vec<u32>,
    /// By place; empty between folds.
    sums: Vec<NarrowSum>,
    /// Sums that are not narrow; the narrow one at their place says where they are.
    wide: Vec<Summary>,
}

/// Words that a set may have for so many pieces.
fn words_max(pieces: usize) -> u64 {
    (pieces as u64 * WORDS_BY_PIECE).min(WORDS as u64)
}

impl RankedSums {
    /// Room for keys below an end.
    pub(crate) fn new(keys_end: u64, lanes: Option<Lanes>) -> Self {
        Self { keys_end, words: None, runs: Vec::new(), groups: RankedGroups::default(), lanes }
    }

    /// Hands the groups of as many pieces as a narrow sum may have to `groups`, ascending. False when there are too many possible keys for so
    /// few pieces, and nothing was done.
    // A function of its own, so that nothing else takes the registers of its loops.
    #[inline(never)]
    pub(crate) fn fold(&mut self, pieces: &Pieces, groups: &mut impl Groups) -> bool {
        let Some((first, words)) = self.span(pieces) else { return false };
        let words_max = words_max(pieces.len());
        if words <= words_max {
            let begin = first * WORD;
            let number_of = move |key: u64| key.wrapping_sub(begin);
            self.groups.add(self.lanes, pieces, words, number_of, Ranks::count);
            let all = [WordRun { place: narrow(first), begin: 0 }];
            self.groups.take(Some(Runs { all: &all, len: narrow(words), words_by_place: 1 }), groups);
        } else if words <= words_max * WORD {
            let word_number = move |key: u64| (key / WORD).wrapping_sub(first);
            let ranks = Ranks::begin(&mut self.words, words.div_ceil(WORD));
            for_each_key(pieces, |key| ranks.insert(word_number(key)));
            let occurring = match self.lanes {
                Some(lanes) => lanes.count_ranks(ranks),
                None => ranks.count(),
            };
            if occurring > WORDS {
                return false;
            }
            let ranks = &*ranks;
            let number_of = move |key: u64| WORD * ranks.rank(word_number(key)) as u64 + key % WORD;
            self.groups.add(self.lanes, pieces, occurring as u64, number_of, Ranks::count);
            self.groups.take(None, groups);
        } else {
            return false;
        }
        true
    }

    /// The same for pieces with arrived keys.
    #[inline(never)]
    pub(crate) fn fold_arrived(
        &mut self,
        arrivals: &Arrivals,
        pieces: &Pieces,
        groups: &mut impl Groups,
    ) -> bool {
        let bits = arrivals.second_bits;
        let (least, most) = span(self.lanes, pieces);
        let (first, last) = (least >> bits, most >> bits);
        let len = 1_u32 << (bits - WORD.ilog2());
        let words = (u64::from(last - first) + 1) * u64::from(len);
        if words > words_max(pieces.len()) {
            return false;
        }
        let begin = u64::from(first) << bits;
        let number_of = move |key: u64| key.wrapping_sub(begin);
        let place_of = |job: u32| arrivals.place(first.wrapping_add(job));
        let count = |ranks: &mut Ranks| ranks.count_runs(len, place_of, &mut self.runs);
        self.groups.add(self.lanes, pieces, words, number_of, count);
        let arrived = |run: &WordRun| u64::from(first + run.begin / len) << bits;
        let shift = |run: &WordRun| arrivals.first_key(run.place).wrapping_sub(arrived(run));
        self.groups.shift_keys(&self.runs, shift);
        let all = &self.runs;
        let runs = arrivals.words_by_place().map(|words_by_place| Runs { all, len, words_by_place });
        self.groups.take(runs, groups);
        true
    }

    /// The first word of keys, and how many there are up to the last one. `None` when keys do not fit 32 bits.
    fn span(&self, pieces: &Pieces) -> Option<(u64, u64)> {
        if self.keys_end > 1 << u32::BITS {
            return None;
        }
        if self.keys_end <= words_max(pieces.len()) * WORD {
            return Some((0, self.keys_end.div_ceil(WORD)));
        }
        let (least, most) = span(self.lanes, pieces);
        let (first, last) = (u64::from(least) / WORD, u64::from(most) / WORD);
        Some((first, last - first + 1))
    }

    pub(crate) fn bytes(&self) -> usize {
        let words = self.words.as_ref().map_or(0, Ranks::bytes);
        words + self.runs.capacity() * size_of::<WordRun>() + self.groups.bytes()
    }
}

/// Takes the key of each piece.
#[inline]
fn for_each_key(pieces: &Pieces, mut take: impl FnMut(u64)) {
    // Two loops: a chained one asks after each piece in which list it is.
    for piece in &pieces.narrow {
        take(piece.key);
    }
    for piece in &pieces.wide {
        take(piece.key);
    }
}

/// The least and the greatest key.
fn span(lanes: Option<Lanes>, pieces: &Pieces) -> (u32, u32) {
    match lanes {
        Some(lanes) => lanes.key_span(pieces),
        None => key_span(pieces),
    }
}

/// The least and the greatest key, of keys of 32 bits.
// Part of a kernel, as what `add_each` does is.
#[inline]
#[expect(clippy::cast_possible_truncation, reason = "keys have 32 bits")]
pub(crate) fn key_span(pieces: &Pieces) -> (u32, u32) {
    let (mut least, mut most) = (u32::MAX, 0);
    for_each_key(pieces, |key| (least, most) = (least.min(key as u32), most.max(key as u32)));
    (least, most)
}

impl RankedGroups {
    /// Adds pieces, whose keys have numbers in so many words.
    fn add(
        &mut self,
        lanes: Option<Lanes>,
        pieces: &Pieces,
        words: u64,
        number_of: impl Fn(u64) -> u64 + Copy,
        count: impl FnOnce(&mut Ranks) -> usize,
    ) {
        match lanes {
            Some(lanes) => lanes.add_ranked(self, pieces, words, number_of, count),
            None => self.add_each(pieces, words, number_of, count, |sum, piece| {
                sum.add(piece.cost_nanos, piece.runtime_ms);
            }),
        }
    }

    /// Adds pieces, each narrow one to the sum of its key by `add_narrow`.
    #[expect(clippy::inline_always, reason = "as a kernel it has an instruction to count the bits of a word")]
    #[inline(always)]
    pub(crate) fn add_each(
        &mut self,
        pieces: &Pieces,
        words: u64,
        number_of: impl Fn(u64) -> u64 + Copy,
        count: impl FnOnce(&mut Ranks) -> usize,
        add_narrow: impl Fn(&mut NarrowSum, &Piece),
    ) {
        let ranks = Ranks::begin(&mut self.ranks, words);
        for_each_key(pieces, |key| ranks.insert(number_of(key)));
        let count = count(ranks);
        let len = self.sums.len().max(count);
        self.count = count;
        self.keys.resize(len, 0);
        self.sums.resize(len, NarrowSum::EMPTY);
        let (keys, sums) = (&mut self.keys[..len], &mut self.sums[..len]);
        #[expect(clippy::cast_possible_truncation, reason = "keys have 32 bits here")]
        let mut noted = |key: u64| {
            let place = ranks.rank(number_of(key));
            keys[place] = key as u32;
            place
        };
        for piece in &pieces.narrow {
            add_narrow(&mut sums[noted(piece.key)], piece);
        }
        for piece in &pieces.wide {
            add_wide(&mut sums[noted(piece.key)], &mut self.wide, piece);
        }
    }

    /// Shifts the keys of each run.
    #[expect(clippy::cast_possible_truncation, reason = "keys have 32 bits")]
    fn shift_keys(&mut self, runs: &[WordRun], by: impl Fn(&WordRun) -> u64) {
        let Some(ranks) = &self.ranks else { return };
        let mut end = self.count;
        for run in runs.iter().rev() {
            let begin = ranks.before[run.begin as usize] as usize;
            let keys = &mut self.keys[begin..end];
            let by = by(run) as u32;
            for key in keys {
                *key = key.wrapping_add(by);
            }
            end = begin;
        }
    }

    /// Hands all groups on. Some runs of words of bits are of their keys, if it is known which.
    fn take(&mut self, runs: Option<Runs<'_>>, groups: &mut impl Groups) {
        let (keys, sums) = (&self.keys[..self.count], &mut self.sums[..self.count]);
        let words = self.ranks.as_ref().map(Ranks::words);
        let bits = runs.zip(words).map(|(runs, words)| KeyBits { words, runs });
        groups.ordered(Ordered { keys, sums, wide: &self.wide, bits });
        self.wide.clear();
    }

    fn bytes(&self) -> usize {
        self.ranks.as_ref().map_or(0, Ranks::bytes)
            + self.keys.capacity() * size_of::<u32>()
            + self.sums.capacity() * size_of::<NarrowSum>()
            + self.wide.capacity() * size_of::<Summary>()
    }
}

/// A number of words.
fn narrow(words: u64) -> u32 {
    // Keys have 32 bits.
    u32::try_from(words).unwrap_or(u32::MAX)
}

/// Adds a piece that is not narrow to the sum of its key. Most of these are alone.
#[inline]
fn add_wide(sum: &mut NarrowSum, wide: &mut Vec<Summary>, piece: &WidePiece) {
    match NarrowSum::alone(piece.cost_nanos, piece.runtime_ms) {
        Some(one) if sum.is_empty() => *sum = one,
        _ => add_to_wide(sum, wide, piece),
    }
}

/// Adds a piece to a wide sum; the narrow one in its place says where that is.
#[cold]
#[inline(never)]
fn add_to_wide(sum: &mut NarrowSum, wide: &mut Vec<Summary>, piece: &WidePiece) {
    let place = sum.place_beside().unwrap_or_else(|| {
        let mut own = Summary::EMPTY;
        sum.move_to(&mut own);
        *sum = NarrowSum::beside(wide.len());
        wide.push(own);
        wide.len() - 1
    });
    wide[place].add(piece.cost_nanos, piece.runtime_ms);
}

/// A set of numbers, and how many of them are less than each.
#[derive(Debug)]
pub(crate) struct Ranks {
    /// Whether each number is in the set, 64 in a word.
    words: Box<[u64; WORDS]>,
    /// How many are in the words before each.
    before: Box<[u32; WORDS]>,
    /// Words that are used.
    len: usize,
}

/// Words of a set that follow each other.
#[derive(Debug, Clone, Copy)]
struct WordRun {
    /// Where their keys stand in answers: the first place of all of them, or the number of the first word of keys.
    place: u32,
    /// The first of them.
    begin: u32,
}

/// Runs of words in the order of answers, all of one length.
#[derive(Debug, Clone, Copy)]
struct Runs<'a> {
    all: &'a [WordRun],
    len: u32,
    /// How many words of keys the answer has for each place of a run.
    words_by_place: u64,
}

/// Keys of answers as bits.
#[derive(Debug, Clone, Copy)]
pub(crate) struct KeyBits<'a> {
    words: &'a [u64],
    runs: Runs<'a>,
}

impl<'a> KeyBits<'a> {
    /// Words that follow each other, with the number of the first one among all words of keys.
    pub(crate) fn runs(self) -> impl Iterator<Item = (u64, &'a [u64])> {
        let Runs { all, len, words_by_place } = self.runs;
        all.iter().map(move |run| {
            (u64::from(run.place) * words_by_place, &self.words[run.begin as usize..][..len as usize])
        })
    }
}

impl Ranks {
    /// An empty set of numbers in so many words, at most [`WORDS`].
    fn begin(room: &mut Option<Self>, words: u64) -> &mut Self {
        // Not built on the stack first.
        let ranks = room.get_or_insert_with(|| Self { words: zeroed_box(), before: zeroed_box(), len: 0 });
        debug_assert!(words <= WORDS as u64);
        ranks.len = usize::try_from(words).map_or(WORDS, |words| words.min(WORDS));
        ranks.words[..ranks.len].fill(0);
        ranks
    }

    #[inline]
    fn insert(&mut self, number: u64) {
        debug_assert!(number / WORD < self.len as u64);
        self.words[word_of(number)] |= 1 << (number % WORD);
    }

    /// Counts the numbers, after which they have ranks, and says how many they are.
    #[inline]
    pub(crate) fn count(&mut self) -> usize {
        let mut count = 0_u32;
        for (word, before) in self.words[..self.len].iter().zip(&mut *self.before) {
            *before = count;
            count = count.wrapping_add(word.count_ones());
        }
        count as usize
    }

    /// Counts the numbers in another order: that of the places of runs of so many words. Those that have any are written to `runs`.
    #[inline]
    fn count_runs(&mut self, len: u32, place_of: impl Fn(u32) -> u32, runs: &mut Vec<WordRun>) -> usize {
        self.order_runs(len, place_of, runs);
        let mut count = 0_u32;
        for run in runs {
            let words = run.begin as usize..(run.begin + len) as usize;
            for (word, before) in self.words[words.clone()].iter().zip(&mut self.before[words]) {
                *before = count;
                count = count.wrapping_add(word.count_ones());
            }
        }
        count as usize
    }

    /// The runs that have any number, in the order of their places.
    // A function of its own, so that counting is short enough to become part of a kernel, which has an instruction for it.
    #[inline(never)]
    fn order_runs(&self, len: u32, place_of: impl Fn(u32) -> u32, runs: &mut Vec<WordRun>) {
        runs.clear();
        for (run, words) in (0..).zip(self.words[..self.len].chunks(len as usize)) {
            if words.iter().any(|word| *word != 0) {
                runs.push(WordRun { place: place_of(run), begin: run * len });
            }
        }
        runs.sort_unstable_by_key(|run| run.place);
    }

    /// How many numbers are less than one.
    #[inline]
    fn rank(&self, number: u64) -> usize {
        debug_assert!(number / WORD < self.len as u64);
        let word = word_of(number);
        let less = self.words[word] & ((1 << (number % WORD)) - 1);
        self.before[word].wrapping_add(less.count_ones()) as usize
    }

    fn bytes(&self) -> usize {
        size_of_val(&*self.words) + size_of_val(&*self.before)
    }

    fn words(&self) -> &[u64] {
        &self.words[..self.len]
    }
}

/// The place of a number's word.
#[inline]
fn word_of(number: u64) -> usize {
    (number / WORD) as usize % WORDS
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::Each;

    /// Keys and counts of the groups of some pieces, if they are folded.
    fn folded(keys_end: u64, keys: &[u64], lanes: Option<Lanes>) -> Option<Vec<(u64, u32)>> {
        let mut pieces = Pieces::default();
        for key in keys {
            pieces.add(*key, 1, 1);
        }
        let mut groups = Vec::new();
        let mut ranked = RankedSums::new(keys_end, lanes);
        ranked.fold(&pieces, &mut Each(|key, sum: &Summary| groups.push((key, sum.count)))).then_some(groups)
    }

    #[test]
    fn keys_get_places_where_words_of_bits_for_them_or_for_their_words_are_few() {
        // Hundred pieces may have 400 words.
        let few: Vec<u64> = (0..100).rev().collect();
        let between = |first: u64, last: u64| {
            let mut keys = few.clone();
            (keys[0], keys[1]) = (last, first);
            keys.iter_mut().skip(2).for_each(|key| *key = first + *key * 7 % (last - first));
            keys
        };
        let words = |words: u64| words * WORD;
        for lanes in [None, Lanes::detect()] {
            for (keys_end, keys, is_folded) in [
                (words(400), between(0, words(400) - 1), true),
                (1 << 32, between(words(7), words(407) - 1), true),
                (1 << 32, between(words(7), words(408) - 1), true),
                (1 << 32, between(words(7), words(7 + 400 * 64) - 1), true),
                (1 << 32, between(words(7), words(8 + 400 * 64) - 1), false),
                (1 << 32, between((1 << 32) - words(400), (1 << 32) - 1), true),
                ((1 << 32) + 1, few.clone(), false),
            ] {
                let mut sorted = keys.clone();
                sorted.sort_unstable();
                let groups = sorted
                    .chunk_by(|one, other| one == other)
                    .map(|keys| (keys[0], u32::try_from(keys.len()).unwrap()));
                let expected = is_folded.then(|| groups.collect::<Vec<_>>());
                assert_eq!(folded(keys_end, &keys, lanes), expected, "{keys_end}, {is_folded}");
            }
        }
    }

    #[test]
    fn more_words_than_a_set_has_are_left_to_sorting() {
        let lanes = Lanes::detect();
        // A word for each piece, one more than there are, and one less.
        let keys = |pieces: usize| (0..pieces as u64).map(|piece| piece * 3 * WORD).collect::<Vec<_>>();
        assert_eq!(folded(1 << 32, &keys(WORDS + 1), lanes), None);
        assert_eq!(folded(1 << 32, &keys(WORDS), lanes).unwrap().len(), WORDS);
    }
}
