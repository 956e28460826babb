//! Jobs numbered as they came, instead of in the order of their ids.
//!
//! An id says nothing of a job's time, so that the jobs of one day lie anywhere among all jobs in the order of answers. Their codes were given as
//! they came: those of one day lie together. Pieces of lists have keys by codes, so that the keys of a bucket are few, and only the jobs
//! that occur in it are put in the order of answers.

use std::sync::Arc;

use farmtally_columns::Ranks;

use crate::keys::KeyLayout;
use crate::piece::Pieces;
use crate::places::{Places, place_of_rank};
use crate::plan::{AggregationPlan, KeySource};
use crate::ranked_sums::KEYS_AT_ONCE_MAX;

/// Bits that the second place has at least, so that no word of 64 keys is of two jobs.
const SECOND_BITS_MIN: u32 = u64::BITS.ilog2();

/// Keys whose first part is a job's code: *arrived* keys.
#[derive(Debug)]
pub(crate) struct Arrivals {
    /// The order of all jobs.
    ranks: Arc<Ranks>,
    /// Whether some job has several codes.
    has_other_names: bool,
    /// The layout of the keys of answers.
    keys: KeyLayout,
    /// Bits of the second place in arrived keys.
    pub(crate) second_bits: u32,
}

impl Arrivals {
    /// The arrived keys of a question that is grouped by jobs first; `None` for any other one, where there can be a bit for each key of the
    /// answer in every bucket, and when 32 bits do not hold them.
    pub(crate) fn of(plan: &AggregationPlan<'_>) -> Option<Self> {
        let [first, _] = &plan.positions;
        let has_many_keys = plan.keys.len > KEYS_AT_ONCE_MAX;
        match &first.places {
            Places::Ranked { ranks, only: None } if first.source == KeySource::Job && has_many_keys => {
                Self::new(Arc::clone(ranks), plan.keys)
            }
            _ => None,
        }
    }

    /// The same for the order of some jobs and keys of a layout.
    pub(crate) fn new(ranks: Arc<Ranks>, keys: KeyLayout) -> Option<Self> {
        let second_bits = keys.second_bits.max(SECOND_BITS_MIN);
        let fits = |len: u64| len <= 1 << u32::BITS;
        let arrived_len = (ranks.by_code().len() as u64).checked_shl(second_bits)?;
        let has_other_names = ranks.codes().len() < ranks.by_code().len();
        (fits(keys.len) && fits(arrived_len)).then_some(Self { ranks, has_other_names, keys, second_bits })
    }

    /// What a job's code adds to an arrived key. Codes of several names of one job add the same.
    pub(crate) fn share(&self, code: u32) -> u64 {
        // Nearly all farms have no job with several names: then nothing far away is looked up.
        let code = if self.has_other_names { self.ranks.codes()[self.rank(code) as usize] } else { code };
        u64::from(code) << self.second_bits
    }

    #[inline]
    fn rank(&self, code: u32) -> u32 {
        self.ranks.by_code()[code as usize]
    }

    /// The first place of the answer's key for a code.
    #[inline]
    pub(crate) fn place(&self, code: u32) -> u32 {
        place_of_rank(self.rank(code))
    }

    /// The answer's key of an arrived one.
    #[expect(clippy::cast_possible_truncation, reason = "codes have 32 bits")]
    fn key(&self, arrived: u64) -> u64 {
        let second = arrived & ((1 << self.second_bits) - 1);
        self.first_key(self.place((arrived >> self.second_bits) as u32)) + second
    }

    /// The answer's key of a first place, and of no second one.
    #[inline]
    pub(crate) fn first_key(&self, place: u32) -> u64 {
        self.keys.share(0, place)
    }

    /// Gives pieces the keys of answers.
    pub(crate) fn settle(&self, pieces: &mut Pieces) {
        let keys = pieces.narrow.iter_mut().map(|piece| &mut piece.key);
        for key in keys.chain(pieces.wide.iter_mut().map(|piece| &mut piece.key)) {
            *key = self.key(*key);
        }
    }

    /// How many words of 64 keys of the answer each job has; `None` if a word is of several jobs.
    pub(crate) fn words_by_place(&self) -> Option<u64> {
        self.keys.second_bits.checked_sub(SECOND_BITS_MIN).map(|bits| 1 << bits)
    }
}
