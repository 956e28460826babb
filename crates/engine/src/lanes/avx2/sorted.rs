//! Pieces in the order of their keys become rows of an answer.

use farmtally_columns::Summary;

use super::{rows, sums};
use crate::accumulator::narrow_row;
use crate::output::Output;
use crate::piece::{Piece, SortedPieces};
use farmtally_columns::narrow_sum::PIECES_MAX;

/// See [`crate::lanes::Lanes::fold_sorted`]. Most groups have one piece, so that is asked first.
#[target_feature(enable = "avx2")]
pub(in crate::lanes) fn fold_sorted(pieces: SortedPieces<'_>, output: &mut Output) {
    debug_assert!(pieces.len() < PIECES_MAX);
    debug_assert!(pieces.all.iter().all(|piece| u32::try_from(piece.key).is_ok()));
    let mut rest = pieces.all;
    while !rest.is_empty() {
        output.append(|room, seen| {
            while room.has_room()
                && let [first, others @ ..] = rest
            {
                let places = seen.note(first.key);
                let is_single = others.first().is_none_or(|next| next.key != first.key);
                if is_single && first.is_narrow() {
                    room.push_one(first.key, first.cost_nanos, first.runtime_ms);
                    rest = others;
                    continue;
                }
                let mut sum = sums::of_one(first);
                let mut len = 1;
                while let Some(next) = rest.get(len)
                    && next.key == first.key
                {
                    sum = sums::add(sum, sums::of_one(next));
                    len += 1;
                }
                let (group, later) = rest.split_at(len);
                rest = later;
                // If one of several pieces is not narrow, the sum of runtimes is too large: that one is the greatest number of 32 bits
                // there, and no runtime is zero.
                if !is_single && let Some((head, extremes)) = rows::packed(first.key, sum) {
                    room.push_some([head], [extremes]);
                } else {
                    room.push(first.key, &narrow_row(places, &summary(pieces, group)));
                }
            }
        });
    }
}

#[cold]
#[inline(never)]
fn summary(pieces: SortedPieces<'_>, group: &[Piece]) -> Summary {
    let mut summary = Summary::EMPTY;
    for piece in group {
        let (cost_nanos, runtime_ms) = pieces.amounts(*piece);
        summary.add(cost_nanos, runtime_ms);
    }
    summary
}
