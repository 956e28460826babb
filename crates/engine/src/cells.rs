//! Groups of which some thousand are possible and few occur: a cell of four bytes for each possible one, and a sum only for
//! those that occur.
//!
//! Sums lie in the order in which groups occur first, so that all of them stay in a near cache. A bit for each cell says which
//! ones are filled; read from the first to the last bit, groups come out in the order of their keys, and nothing is sorted.

use farmtally_columns::Summary;

use crate::narrow_sum::{NarrowSum, PIECES_MAX};
use crate::output::Groups;
use crate::piece::Pieces;

/// The bit of a cell whose sum is wide.
const WIDE: u32 = 1 << 31;

const _: () = assert!(PIECES_MAX < WIDE as usize);

/// A cell for each key, empty between folds.
#[derive(Debug)]
pub(crate) struct Cells {
    /// For each cell the place of its sum; zero where there is none.
    sum_of: Vec<u32>,
    filled: Vec<u64>,
    /// Empty sums but while pieces are folded, the first one always.
    narrow: Vec<NarrowSum>,
    wide: Vec<Summary>,
}

impl Cells {
    /// Cells for keys below `len`.
    pub(crate) fn new(len: usize) -> Self {
        Self { sum_of: vec![0; len], filled: vec![0; len.div_ceil(64)], narrow: Vec::new(), wide: Vec::new() }
    }

    pub(crate) fn len(&self) -> usize {
        self.sum_of.len()
    }

    /// Hands the groups of fewer than [`PIECES_MAX`] pieces to `groups`, ascending.
    pub(crate) fn fold(&mut self, pieces: &Pieces, groups: &mut impl Groups) {
        self.narrow.resize(self.narrow.len().max(1 + pieces.len()), NarrowSum::EMPTY);
        self.add(pieces);
        self.drain(groups);
    }

    /// Adds pieces. Whether a cell has a sum cannot be foretold, so there is no branch on it.
    #[expect(clippy::cast_possible_truncation, reason = "cells are few")]
    fn add(&mut self, pieces: &Pieces) {
        let mut next = 1_u32;
        for piece in pieces.all.iter().filter(|piece| piece.is_narrow()) {
            let cell = piece.key as usize;
            let sum_of = &mut self.sum_of[cell];
            let is_new = *sum_of == 0;
            let place = if is_new { next } else { *sum_of };
            *sum_of = place;
            next = next.wrapping_add(u32::from(is_new));
            self.filled[cell / 64] |= 1 << (cell % 64);
            self.narrow[place as usize].add(piece.cost_nanos, piece.runtime_ms);
        }
        for piece in &pieces.wide {
            let cell = piece.key as usize;
            self.filled[cell / 64] |= 1 << (cell % 64);
            self.wide_of(cell).add(piece.cost_nanos, piece.runtime_ms);
        }
    }

    /// The wide sum of a cell, to which its narrow one is moved.
    #[expect(clippy::cast_possible_truncation, reason = "there are fewer than `WIDE` pieces")]
    fn wide_of(&mut self, cell: usize) -> &mut Summary {
        let place = self.sum_of[cell];
        if place & WIDE != 0 {
            return &mut self.wide[(place ^ WIDE) as usize];
        }
        let mut wide = Summary::EMPTY;
        self.narrow[place as usize].move_to(&mut wide);
        let last = self.wide.len();
        self.sum_of[cell] = last as u32 | WIDE;
        self.wide.push(wide);
        &mut self.wide[last]
    }

    /// Takes out the sums of all filled cells.
    fn drain(&mut self, groups: &mut impl Groups) {
        for (first, word) in (0..).step_by(64).zip(&mut self.filled) {
            let mut rest = std::mem::take(word);
            while rest != 0 {
                let cell = first + rest.trailing_zeros() as usize;
                rest &= rest - 1;
                let place = std::mem::take(&mut self.sum_of[cell]);
                if place & WIDE == 0 {
                    let sum = &mut self.narrow[place as usize];
                    groups.narrow(cell as u64, sum);
                    *sum = NarrowSum::EMPTY;
                } else {
                    groups.wide(cell as u64, &self.wide[(place ^ WIDE) as usize]);
                }
            }
        }
        self.wide.clear();
    }

    pub(crate) fn bytes(&self) -> usize {
        self.sum_of.capacity() * size_of::<u32>()
            + self.filled.capacity() * size_of::<u64>()
            + self.narrow.capacity() * size_of::<NarrowSum>()
            + self.wide.capacity() * size_of::<Summary>()
    }
}
