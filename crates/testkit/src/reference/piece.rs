//! The piece of a session's time, and of its cost, that lies in one bucket.

use farmtally_model::{Span, Timestamp};

use super::calendar::Bucket;

/// When a record was in use, in milliseconds since 1970, seen from one instant: nothing is open-ended any more.
#[derive(Debug, Clone, Copy)]
pub(super) struct InUse {
    start: i128,
    end: i128,
}

impl InUse {
    /// A running record ends at `now`; one that will only start then has not been in use.
    pub(super) fn of(span: Span, now: Timestamp) -> Option<Self> {
        let started_at = span.started_at();
        match span.ended_at() {
            Some(ended_at) => Some(Self { start: started_at.millis().into(), end: ended_at.millis().into() }),
            None if started_at >= now => None,
            None => Some(Self { start: started_at.millis().into(), end: now.millis().into() }),
        }
    }

    pub(super) fn length_ms(self) -> i128 {
        self.end - self.start
    }

    /// What lies in a bucket. Use without length lies where it starts.
    pub(super) fn piece_in(self, bucket: Bucket) -> Option<Piece> {
        let (bucket_start, bucket_end) = (i128::from(bucket.start), i128::from(bucket.end));
        if self.length_ms() == 0 {
            let inside = bucket_start <= self.start && self.start < bucket_end;
            return inside.then_some(Piece { in_use: self, bucket, from: self.start, to: self.start });
        }
        let from = self.start.max(bucket_start);
        let to = self.end.min(bucket_end);
        (to > from).then_some(Piece { in_use: self, bucket, from, to })
    }
}

/// The part of a use that lies in one bucket.
#[derive(Debug, Clone, Copy)]
pub(super) struct Piece {
    pub(super) in_use: InUse,
    pub(super) bucket: Bucket,
    from: i128,
    to: i128,
}

impl Piece {
    pub(super) fn runtime_ms(self) -> i128 {
        self.to - self.from
    }

    /// This piece's share of a cost: what had accrued at its end less what had accrued at its start.
    pub(super) fn share_of(self, cost: i128) -> i128 {
        if self.in_use.length_ms() == 0 {
            return cost;
        }
        let accrued_at = |instant: i128| floor(cost * (instant - self.in_use.start), self.in_use.length_ms());
        accrued_at(self.to) - accrued_at(self.from)
    }
}

/// The greatest integer that is not above the quotient of two numbers that are not negative.
pub(super) fn floor(numerator: i128, denominator: i128) -> i128 {
    (numerator - numerator % denominator) / denominator
}
