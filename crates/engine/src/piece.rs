//! A piece: what a session has in one bucket and group, and lists of them in no order.

use farmtally_columns::narrow_sum::is_narrow;

/// A piece in 128 bits, if it is narrow, as nearly all are. Of any other one it has the key, and the others' place.
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
    pub(crate) all: Vec<Piece>,
    /// Those that are not narrow.
    pub(crate) wide: Vec<WidePiece>,
}

impl Pieces {
    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "narrow costs have 32 bits")]
    pub(crate) fn add(&mut self, key: u64, cost_nanos: u64, runtime_ms: u32) {
        if is_narrow(cost_nanos, runtime_ms) {
            self.all.push(Piece { key, cost_nanos: cost_nanos as u32, runtime_ms });
        } else {
            self.add_wide(WidePiece { key, cost_nanos, runtime_ms });
        }
    }

    #[cold]
    #[inline(never)]
    #[expect(clippy::cast_possible_truncation, reason = "a bucket is folded long before it has 2^32 pieces")]
    fn add_wide(&mut self, piece: WidePiece) {
        let place = self.wide.len() as u32;
        self.all.push(Piece { key: piece.key, cost_nanos: place, runtime_ms: NOT_NARROW });
        self.wide.push(piece);
    }

    pub(crate) fn len(&self) -> usize {
        self.all.len()
    }

    pub(crate) fn clear(&mut self) {
        self.all.clear();
        self.wide.clear();
    }

    /// Cost and runtime of a piece.
    #[inline]
    pub(crate) fn amounts(&self, piece: Piece) -> (u64, u32) {
        if piece.is_narrow() {
            return (piece.cost_nanos.into(), piece.runtime_ms);
        }
        let wide = &self.wide[piece.cost_nanos as usize];
        (wide.cost_nanos, wide.runtime_ms)
    }

    pub(crate) fn bytes(&self) -> usize {
        self.all.capacity() * size_of::<Piece>() + self.wide.capacity() * size_of::<WidePiece>()
    }
}
