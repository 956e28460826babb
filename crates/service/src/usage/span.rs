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
    let running = snapshot.running_at(now.millis(), |_, _| true).ok();
    let blocks = snapshot.blocks().iter().chain(&running).filter(|view| view.live_len() > 0);
    let blocks = blocks.map(|view: &BlockView| view.block().span_ms());
    let volumes = snapshot.volumes().iter().filter_map(|volume| volume.span_at(now.millis()).flatten());
    let spans = blocks.chain(volumes.map(|volume| (volume.start_ms, volume.end_ms)));
    let span = spans.reduce(|one, other| (one.0.min(other.0), one.1.max(other.1)));
    FarmSpan {
        first_usage: span.map(|(first_ms, _)| Timestamp::from_millis_clamped(first_ms)),
        last_usage: span.map(|(_, last_ms)| Timestamp::from_millis_clamped(last_ms)),
        records: snapshot.session_count() + snapshot.volume_count(),
    }
}
