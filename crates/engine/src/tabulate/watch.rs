//! The limits and the switch, looked at while a block is added.
//!
//! A block has at most 65,536 sessions, but one that runs for years has a piece in every hour of them: looking between
//! blocks alone would let them fill the memory, and let nobody stop them.

use crate::error::AggregationError;
use crate::limits::AggregationControl;
use crate::tabulate::tally::Tally;

/// Pieces that may be added without a look. Each is a row at most.
const PIECES_UNWATCHED: usize = 1 << 16;

/// What looks.
#[derive(Debug)]
pub(crate) struct Watch<'a> {
    control: &'a AggregationControl<'a>,
    /// How many pieces there may be before the next look.
    pieces_max: usize,
}

impl<'a> Watch<'a> {
    pub(crate) fn new(control: &'a AggregationControl<'a>) -> Self {
        Self { control, pieces_max: PIECES_UNWATCHED }
    }

    /// Looks, if many pieces were added since it did so.
    #[inline]
    pub(crate) fn after_session(&mut self, tally: &Tally) -> Result<(), AggregationError> {
        if tally.pieces() < self.pieces_max { Ok(()) } else { self.look(tally) }
    }

    /// Looks.
    pub(crate) fn look(&mut self, tally: &Tally) -> Result<(), AggregationError> {
        self.pieces_max = tally.pieces() + PIECES_UNWATCHED;
        self.control.check(tally.row_count(), tally.bytes())
    }
}
