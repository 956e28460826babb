//! The pieces of one bucket become groups in the order of their keys, without a hash table and mostly without comparing.
//!
//! Where few keys are possible there is a sum for each, and where many are, a bit for each and a sum for those that occur. Else pieces are
//! sorted by counting, and those of one group then lie together.

use crate::arrivals::Arrivals;
use crate::keys::KeyLayout;
use crate::lanes::Lanes;
use crate::output::Groups;
use crate::piece::{Piece, Pieces};
use crate::ranked_sums::RankedSums;
use crate::sort::Sorter;
use farmtally_columns::narrow_sum::{NarrowSum, PIECES_MAX};

/// Keys up to which there may be a sum for each of them.
const KEYS_FEW: u64 = 2048;
/// How many sums there may be for each piece.
const SUMS_BY_PIECE: usize = 8;
/// Pieces up to which they are sorted.
const PIECES_FEW: usize = 64;

/// Folds the pieces of bucket after bucket. Its tables are kept from one to the next.
#[derive(Debug)]
pub(crate) struct Folder {
    sorter: Sorter,
    /// A sum for each key, if there are few; all of them empty.
    sums: Vec<NarrowSum>,
    ranked: RankedSums,
    /// If there are such, pieces have arrived keys.
    arrivals: Option<Arrivals>,
    lanes: Option<Lanes>,
}

impl Folder {
    /// A folder for pieces with keys of a layout, or with arrived ones.
    pub(crate) fn new(keys: KeyLayout, arrivals: Option<Arrivals>, lanes: Option<Lanes>) -> Self {
        let sums = if keys.len <= KEYS_FEW { usize::try_from(keys.len).unwrap_or(0) } else { 0 };
        Self {
            sorter: Sorter::default(),
            sums: vec![NarrowSum::EMPTY; sums],
            ranked: RankedSums::new(keys.len, lanes),
            arrivals,
            lanes,
        }
    }

    /// The keys that pieces have to have, if not those of answers.
    pub(crate) fn arrivals(&self) -> Option<&Arrivals> {
        self.arrivals.as_ref()
    }

    /// Hands the groups of the pieces to `groups`, ascending. The pieces are in any order afterwards, and are to be forgotten.
    // A function of its own, so that nothing else takes the registers of its loops.
    #[inline(never)]
    pub(crate) fn fold(&mut self, pieces: &mut Pieces, groups: &mut impl Groups) {
        let len = pieces.len();
        let fits_narrow = len < PIECES_MAX;
        if let Some(arrivals) = &self.arrivals {
            if fits_narrow && len > PIECES_FEW && self.ranked.fold_arrived(arrivals, pieces, groups) {
                return;
            }
            arrivals.settle(pieces);
        }
        if fits_narrow && pieces.wide.is_empty() && (1..=SUMS_BY_PIECE * len).contains(&self.sums.len()) {
            self.fold_through_sums(&pieces.narrow, groups);
        } else if !(fits_narrow && len > PIECES_FEW && self.ranked.fold(pieces, groups)) {
            groups.sorted(pieces.sorted(&mut self.sorter));
        }
    }

    fn fold_through_sums(&mut self, pieces: &[Piece], groups: &mut impl Groups) {
        if let Some(lanes) = self.lanes {
            lanes.add_to_sums(&mut self.sums, pieces);
        } else {
            for piece in pieces {
                #[expect(clippy::cast_possible_truncation, reason = "keys are few")]
                self.sums[piece.key as usize].add(piece.cost_nanos, piece.runtime_ms);
            }
        }
        groups.narrow_all(&mut self.sums);
    }

    pub(crate) fn bytes(&self) -> usize {
        self.sorter.bytes() + self.sums.len() * size_of::<NarrowSum>() + self.ranked.bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::{Output, Part, finished, fold_in_order};
    use crate::piece::WidePiece;
    use crate::places::Places;
    use farmtally_columns::{Ranks, Summary};
    use farmtally_model::NarrowRow;
    use proptest::prelude::*;
    use std::fmt::Debug;
    use std::sync::Arc;

    /// The twin that sorts by comparing.
    fn fold_sorted(pieces: &Pieces, groups: &mut impl Groups) {
        let wide = |piece: &Piece| {
            let Piece { key, cost_nanos, runtime_ms } = *piece;
            WidePiece { key, cost_nanos: cost_nanos.into(), runtime_ms }
        };
        let mut sorted: Vec<WidePiece> =
            pieces.narrow.iter().map(wide).chain(pieces.wide.iter().copied()).collect();
        sorted.sort_unstable_by_key(|piece| piece.key);
        for group in sorted.chunk_by(|one, other| one.key == other.key) {
            let mut summary = Summary::EMPTY;
            for piece in group {
                summary.add(piece.cost_nanos, piece.runtime_ms);
            }
            groups.wide(group[0].key, &summary);
        }
    }

    fn folded(fold: impl FnOnce(&mut Vec<(u64, Summary)>)) -> Vec<(u64, Summary)> {
        let mut groups = Vec::new();
        fold(&mut groups);
        groups
    }

    /// The rows that an output makes of sorted pieces.
    fn rows_of_sorted(
        pieces: &Pieces,
        keys: KeyLayout,
        lanes: Option<Lanes>,
    ) -> impl PartialEq + Debug + use<> {
        rows_of(keys, lanes, &mut |output| output.sorted(pieces.clone().sorted(&mut Sorter::default())))
    }

    /// The rows of one bucket, and the places that occur.
    fn rows_of(
        keys: KeyLayout,
        lanes: Option<Lanes>,
        fill: &mut dyn FnMut(&mut Output),
    ) -> impl PartialEq + Debug + use<> {
        let second_len = 1 << keys.second_bits;
        let first_len = usize::try_from(keys.len).unwrap() / second_len;
        let mut output = Output::new(keys, [first_len, second_len], lanes);
        output.begin_bucket(0);
        fill(&mut output);
        finished(output)
    }

    #[test]
    fn groups_too_large_for_a_packed_row_lie_between_others() {
        let keys = KeyLayout { second_bits: 4, len: 1 << 12 };
        let mut pieces = Pieces::default();
        let mut add = |key, count, cost_nanos, runtime_ms| {
            for _ in 0..count {
                pieces.add(key, cost_nanos, runtime_ms);
            }
        };
        // One piece, and such as are not narrow alone and among others.
        add(1, 1, 7, 1);
        add(2, 1, 1 << 40, 1);
        add(3, 1, 7, u32::MAX);
        add(4, 2, 1 << 32, 1);
        add(4, 2, 7, 1);
        // The most pieces of a packed row and one more, the longest and the dearest narrow ones.
        add(5, (1 << 12) - 1, (1 << 32) - 1, 1);
        add(6, 1 << 12, 1, 1);
        add(7, 256, 1, (1 << 24) - 1);
        add(8, 257, 1, (1 << 24) - 1);
        for key in 100..500 {
            add(key, 1 + key % 2, key, 1);
        }
        let plain = rows_of_sorted(&pieces, keys, None);
        if let Some(lanes) = Lanes::detect() {
            assert_eq!(rows_of_sorted(&pieces, keys, Some(lanes)), plain);
        }
    }

    #[test]
    fn dear_pieces_are_alone_together_and_among_others() {
        let keys = KeyLayout { second_bits: 4, len: 1 << 12 };
        let mut pieces = Pieces::default();
        for (place, cost_nanos) in (0..).zip([1 << 32, 1 << 43, (1 << 44) - 1, 1 << 44]) {
            for (pieces_of_key, with_narrow) in [(1, false), (2, false), (1, true)] {
                let key = place * 8 + pieces_of_key + 4 * u64::from(with_narrow);
                (0..pieces_of_key).for_each(|_| pieces.add(key, cost_nanos, u32::MAX));
                if with_narrow {
                    pieces.add(key, 7, 1);
                }
            }
        }
        // So many that they get places by bits.
        (100..300).for_each(|key| pieces.add(key, key, 1));
        let sorted = folded(|groups| fold_sorted(&pieces, groups));
        let rows = rows_of(keys, None, &mut |output| fold_sorted(&pieces, output));
        for lanes in [None, Lanes::detect()] {
            let mut folder = Folder::new(keys, None, lanes);
            assert_eq!(folded(|groups| folder.fold(&mut pieces.clone(), groups)), sorted);
            assert_eq!(rows_of(keys, lanes, &mut |output| folder.fold(&mut pieces.clone(), output)), rows);
        }
    }

    #[test]
    fn rows_of_one_bucket_go_on_in_the_next_list() {
        let keys = KeyLayout { second_bits: 4, len: 1 << 14 };
        let mut pieces = Pieces::default();
        for key in 0..9_000 {
            // Some of several pieces, and some that lie beside their list.
            for _ in 0..=key % 3 {
                pieces.add(key, if key % 7 == 0 { 1 << 33 } else { key }, 1);
            }
        }
        let rows = |lanes| {
            let mut output = Output::new(keys, [1 << 10, 1 << 4], lanes);
            output.begin_bucket(3);
            output.sorted(pieces.clone().sorted(&mut Sorter::default()));
            output.end_bucket();
            output.end();
            assert!(output.parts.len() > 2 && output.parts.iter().all(|part| part.bucket == 3));
            let of_part = |part: &Part| output.lists[part.list].range(part.rows.clone(), keys.second_bits);
            output.parts.iter().flat_map(of_part).collect::<Vec<NarrowRow>>()
        };
        let plain = rows(None);
        assert_eq!(plain.len(), 9_000);
        assert_eq!(rows(Lanes::detect()), plain);
    }

    #[test]
    fn a_group_of_more_pieces_than_a_narrow_sum_counts_is_counted() {
        let keys = KeyLayout { second_bits: 4, len: 1 << 12 };
        let mut pieces = Pieces::default();
        for _ in 0..=PIECES_MAX {
            pieces.add(5, 1, 1);
        }
        assert_eq!(rows_of_sorted(&pieces, keys, Lanes::detect()), rows_of_sorted(&pieces, keys, None));
    }

    proptest! {
        #[test]
        fn pieces_with_arrived_keys_are_folded_as_with_those_of_answers(
            // Several names of a job have several codes.
            ids in prop::collection::vec(0_u32..2_000, 1..600),
            second_len in prop::sample::select(vec![0_u32, 30, 100, 3_000]), has_lanes in any::<bool>(),
            buckets in prop::collection::vec((any::<u32>(), prop_oneof![1_u32..9, 1_u32..300, Just(2_000)], prop::collection::vec(
                (any::<u32>(), any::<u32>(), (0_u32..46).prop_flat_map(|bits| 0_u64..1 << bits), 1_u32..), 0..400)), 1..5),
        ) {
            let codes = u32::try_from(ids.len()).unwrap();
            let ranks = Arc::new(Ranks::of(ids));
            let places = [Places::all(Arc::clone(&ranks)), Places::Fixed { codes: second_len }];
            let keys = KeyLayout::new([&places[0], &places[1]]).unwrap();
            let arrivals = || Arrivals::new(Arc::clone(&ranks), keys).unwrap();
            let lanes = Lanes::detect().filter(|_| has_lanes);
            let (mut folder, arrivals) = (Folder::new(keys, Some(arrivals()), lanes), arrivals());
            for (first_code, codes_at_once, bucket) in buckets {
                let (mut arrived, mut plain) = (Pieces::default(), Pieces::default());
                for (code, second, cost_nanos, runtime_ms) in bucket {
                    let code = (first_code % codes + code % codes_at_once) % codes;
                    let second = keys.share(1, second % (second_len + 1));
                    arrived.add(arrivals.share(code) + second, cost_nanos, runtime_ms >> 7);
                    plain.add(keys.share(0, places[0].of(code)) + second, cost_nanos, runtime_ms >> 7);
                }
                let sorted = folded(|group| fold_sorted(&plain, group));
                prop_assert_eq!(&folded(|group| folder.fold(&mut arrived.clone(), group)), &sorted);
                let rows = rows_of(keys, lanes, &mut |output| folder.fold(&mut arrived.clone(), output));
                prop_assert_eq!(rows, rows_of(keys, None, &mut |output| fold_sorted(&plain, output)));
            }
        }

        #[test]
        fn pieces_are_folded_as_by_comparing_bucket_after_bucket(
            first_len in prop::sample::select(vec![3_u32, 70, 5_000, 100_000]),
            second_len in prop::sample::select(vec![0_u32, 30, 100, 3_000]),
            (first_kinds, are_near) in (prop_oneof![1_u32..9, 1_u32..200], any::<bool>()),
            is_narrow in any::<bool>(), has_lanes in any::<bool>(),
            buckets in prop::collection::vec(prop::collection::vec(
                (any::<u32>(), any::<u32>(), (0_u32..46).prop_flat_map(|bits| 0_u64..1 << bits), 1_u32..), 0..400), 1..5),
        ) {
            let positions = [first_len, second_len].map(|codes| Places::Fixed { codes });
            let keys = KeyLayout::new([&positions[0], &positions[1]]).unwrap();
            let lanes = Lanes::detect().filter(|_| has_lanes);
            let mut folder = Folder::new(keys, None, lanes);
            for bucket in buckets {
                let mut pieces = Pieces::default();
                for (first, second, cost_nanos, runtime_ms) in bucket {
                    let first = first % first_kinds;
                    let first = if are_near { first_len - first.min(first_len) } else { first * 7919 % (first_len + 1) };
                    let key = keys.share(0, first) + keys.share(1, second % (second_len + 1));
                    let bits = |narrow| if is_narrow { narrow } else { 64 };
                    let cost_nanos = cost_nanos & (u64::MAX >> (64 - bits(32)));
                    let is_short = is_narrow || runtime_ms % 2 == 0;
                    pieces.add(key, cost_nanos, if is_short { runtime_ms >> 8 } else { runtime_ms });
                }
                let sorted = folded(|group| fold_sorted(&pieces, group));
                prop_assert_eq!(&folded(|group| folder.fold(&mut pieces.clone(), group)), &sorted);
                let rows = rows_of(keys, lanes, &mut |output| folder.fold(&mut pieces.clone(), output));
                prop_assert_eq!(rows, rows_of(keys, None, &mut |output| fold_sorted(&pieces, output)));
                prop_assert_eq!(&folded(|group| fold_in_order(pieces.clone().sorted(&mut Sorter::default()), group)), &sorted);
                prop_assert_eq!(rows_of_sorted(&pieces, keys, Lanes::detect()), rows_of_sorted(&pieces, keys, None));
            }
        }
    }
}
