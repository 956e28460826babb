//! Groups of which some thousand are possible and few occur: a cell of two bytes for each possible one, and a sum only for
//! those that occur.
//!
//! Sums lie in the order in which groups occur first, so that all of them stay in a near cache. A bit for each cell says which
//! ones are filled; read from the first to the last bit, groups come out in the order of their keys, and nothing is sorted.

use farmtally_columns::Summary;

use crate::lanes::Lanes;
use crate::output::Groups;
use crate::piece::Pieces;
use crate::seen::keys_of;
use farmtally_columns::narrow_sum::NarrowSum;

/// The bit of a cell whose sum is wide.
const WIDE: u16 = 1 << 15;

/// Cells must be no more, so that the place of each sum fits one.
pub(crate) const CELLS_MAX: usize = WIDE as usize - 1;

/// A cell for each key, empty between folds.
#[derive(Debug)]
pub(crate) struct Cells {
    /// For each cell the place of its sum; zero where there is none.
    sum_of: Vec<u16>,
    filled: Vec<u64>,
    /// Empty sums but while pieces are folded, the first one always.
    narrow: Vec<NarrowSum>,
    wide: Vec<Summary>,
    lanes: Option<Lanes>,
}

impl Cells {
    /// Cells for keys below `len`.
    pub(crate) fn new(len: usize, lanes: Option<Lanes>) -> Self {
        debug_assert!(len <= CELLS_MAX);
        let (sum_of, filled) = (vec![0; len], vec![0; len.div_ceil(64)]);
        Self { sum_of, filled, narrow: Vec::new(), wide: Vec::new(), lanes }
    }

    pub(crate) fn len(&self) -> usize {
        self.sum_of.len()
    }

    /// Hands the groups of as many pieces as narrow sums may have to `groups`, ascending.
    // A function of its own, so that nothing else takes the registers of its loops.
    #[inline(never)]
    pub(crate) fn fold(&mut self, pieces: &Pieces, groups: &mut impl Groups) {
        let sums = 1 + pieces.len().min(self.len());
        self.narrow.resize(self.narrow.len().max(sums), NarrowSum::EMPTY);
        self.add(pieces);
        self.drain(groups);
    }

    /// Adds pieces. Whether a cell has a sum cannot be foretold, so there is no branch on it.
    #[expect(clippy::cast_possible_truncation, reason = "cells are few")]
    fn add(&mut self, pieces: &Pieces) {
        if let Some(lanes) = self.lanes {
            lanes.add_to_cells(&mut self.narrow, &mut self.sum_of, &mut self.filled, pieces);
        } else {
            let mut next = 1_u16;
            for piece in pieces.all.iter().filter(|piece| piece.is_narrow()) {
                let cell = piece.key as usize;
                let sum_of = &mut self.sum_of[cell];
                let is_new = *sum_of == 0;
                let place = if is_new { next } else { *sum_of };
                *sum_of = place;
                next = next.wrapping_add(u16::from(is_new));
                self.filled[cell / 64] |= 1 << (cell % 64);
                self.narrow[usize::from(place)].add(piece.cost_nanos, piece.runtime_ms);
            }
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
            return &mut self.wide[usize::from(place ^ WIDE)];
        }
        let mut wide = Summary::EMPTY;
        self.narrow[usize::from(place)].move_to(&mut wide);
        let last = self.wide.len();
        self.sum_of[cell] = last as u16 | WIDE;
        self.wide.push(wide);
        &mut self.wide[last]
    }

    /// Takes out the sums of all filled cells.
    fn drain(&mut self, groups: &mut impl Groups) {
        let (sum_of, narrow) = (&mut self.sum_of, &mut self.narrow);
        if self.wide.is_empty() {
            let place_of = |key: u32| usize::from(std::mem::take(&mut sum_of[key as usize]));
            groups.narrow_each(&self.filled, narrow, place_of);
        } else {
            for key in keys_of(&self.filled) {
                let place = std::mem::take(&mut sum_of[key as usize]);
                if place & WIDE == 0 {
                    let sum = &mut narrow[usize::from(place)];
                    groups.narrow(key.into(), sum);
                    *sum = NarrowSum::EMPTY;
                } else {
                    groups.wide(key.into(), &self.wide[usize::from(place ^ WIDE)]);
                }
            }
        }
        self.filled.fill(0);
        self.wide.clear();
    }

    pub(crate) fn bytes(&self) -> usize {
        self.sum_of.capacity() * size_of::<u16>()
            + self.filled.capacity() * size_of::<u64>()
            + self.narrow.capacity() * size_of::<NarrowSum>()
            + self.wide.capacity() * size_of::<Summary>()
    }
}
