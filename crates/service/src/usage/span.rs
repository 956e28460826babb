//! What a farm has: its first and its last usage, and how many records.

use farmtally_columns::{BlockView, FarmSnapshot};
use farmtally_model::Timestamp;

/// What a farm has, whatever is asked of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FarmSpan {
    /// When its first usage began. It may be a little early where a record was corrected since.
    pub first_usage: Option<Timestamp>,
    /// When its last usage ended, or the instant of the question for usage that goes on; likewise a little late.
    pub last_usage: Option<Timestamp>,
    /// Sessions and volumes.
    pub records: u64,
}

/// What a farm has at an instant.
pub(super) fn of(snapshot: &FarmSnapshot, now: Timestamp) -> FarmSpan {
    let volumes = snapshot.volumes().iter().filter_map(|volume| volume.span_at(now.millis()).flatten());
    let volumes = volumes.map(|volume| (volume.start_ms, volume.end_ms));
    let span = joined(volumes.chain(of_sessions(snapshot, now)));
    FarmSpan {
        first_usage: span.map(|(first_ms, _)| Timestamp::from_millis_clamped(first_ms)),
        last_usage: span.map(|(_, last_ms)| Timestamp::from_millis_clamped(last_ms)),
        records: snapshot.session_count() + snapshot.volume_count(),
    }
}

/// The start of the first session and the end of the last, at an instant, in milliseconds. Both may be a little too far out
/// where a session was corrected since.
pub(crate) fn of_sessions(snapshot: &FarmSnapshot, now: Timestamp) -> Option<(i64, i64)> {
    let running = snapshot.running_at(now.millis(), |_, _| true).ok().flatten();
    let blocks = snapshot.blocks().iter().chain(&running).filter(|view| view.live_len() > 0);
    joined(blocks.map(|view: &BlockView| view.block().span_ms()))
}

fn joined(spans: impl Iterator<Item = (i64, i64)>) -> Option<(i64, i64)> {
    spans.reduce(|one, other| (one.0.min(other.0), one.1.max(other.1)))
}
