//! A piece: what a session has in one bucket and group, and lists of them.

use farmtally_columns::narrow_sum::is_narrow;

use crate::sort::Sorter;

/// A piece in 128 bits, if it is narrow, as nearly all are. Among [sorted](SortedPieces) ones there are others, too, of which it has the key
/// and where the piece itself is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Piece {
    pub(crate) key: u64,
    pub(crate) cost_nanos: u32,
    /// More than narrow pieces have in one that is not.
    pub(crate) runtime_ms: u32,
}

/// Any piece.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct WidePiece {
    pub(crate) key: u64,
    pub(crate) cost_nanos: u64,
    pub(crate) runtime_ms: u32,
}

/// The runtime of a piece that is not narrow; its cost is its place among those.
const NOT_NARROW: u32 = u32::MAX;

impl Piece {
    #[inline]
    pub(crate) fn is_narrow(self) -> bool {
        self.runtime_ms != NOT_NARROW
    }
}

/// Pieces in no order.
#[derive(Debug, Clone, Default)]
pub(crate) struct Pieces {
    pub(crate) narrow: Vec<Piece>,
    /// Those that are not narrow.
    pub(crate) wide: Vec<WidePiece>,
}

/// Pieces in the order of their keys.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SortedPieces<'a> {
    pub(crate) all: &'a [Piece],
    /// Those that are not narrow, by the costs of the pieces that stand for them.
    wide: &'a [WidePiece],
}

impl Pieces {
    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "narrow costs have 32 bits")]
    pub(crate) fn add(&mut self, key: u64, cost_nanos: u64, runtime_ms: u32) {
        if is_narrow(cost_nanos, runtime_ms) {
            self.narrow.push(Piece { key, cost_nanos: cost_nanos as u32, runtime_ms });
        } else {
            self.wide.push(WidePiece { key, cost_nanos, runtime_ms });
        }
    }

    /// All pieces in one list, in the order of their keys. What is left afterwards is to be [cleared](Self::clear).
    pub(crate) fn sorted(&mut self, sorter: &mut Sorter) -> SortedPieces<'_> {
        let places = (0..).zip(&self.wide);
        let others =
            places.map(|(place, piece)| Piece { key: piece.key, cost_nanos: place, runtime_ms: NOT_NARROW });
        self.narrow.extend(others);
        sorter.sort(&mut self.narrow);
        SortedPieces { all: &self.narrow, wide: &self.wide }
    }

    pub(crate) fn len(&self) -> usize {
        self.narrow.len() + self.wide.len()
    }

    pub(crate) fn clear(&mut self) {
        self.narrow.clear();
        self.wide.clear();
    }

    pub(crate) fn bytes(&self) -> usize {
        self.narrow.capacity() * size_of::<Piece>() + self.wide.capacity() * size_of::<WidePiece>()
    }
}

impl SortedPieces<'_> {
    pub(crate) fn len(self) -> usize {
        self.all.len()
    }

    /// Cost and runtime of a piece.
    #[inline]
    pub(crate) fn amounts(self, piece: Piece) -> (u64, u32) {
        if piece.is_narrow() {
            return (piece.cost_nanos.into(), piece.runtime_ms);
        }
        let wide = &self.wide[piece.cost_nanos as usize];
        (wide.cost_nanos, wide.runtime_ms)
    }
}
