//! Persistent volumes. A farm has few of them, so they are plain rows.

use farmtally_model::{LineCost, Volume, VolumeId};

use crate::running::accrued_until_now;

/// A volume, in codes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VolumeRow {
    pub(crate) volume_id: VolumeId,
    /// Code of its fleet.
    pub fleet: u32,
    start_ms: i64,
    end_ms: Option<i64>,
    cost: LineCost,
}

/// A volume's life and cost as one question sees them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VolumeSpan {
    /// Start in milliseconds since 1970.
    pub start_ms: i64,
    /// End in milliseconds since 1970.
    pub end_ms: i64,
    /// Cost over the whole span in nano-dollars.
    pub cost_nanos: u64,
}

impl VolumeRow {
    pub(crate) fn new(volume: &Volume<LineCost>, fleet: u32) -> Self {
        Self {
            volume_id: volume.volume_id,
            fleet,
            start_ms: volume.span.started_at().millis(),
            end_ms: volume.span.ended_at().map(farmtally_model::Timestamp::millis),
            cost: volume.cost,
        }
    }

    /// The volume's span; one that still exists ends at `now_ms`, and is `None` when it starts then or later.
    /// The outer `None` says that it has accrued more than can be counted.
    pub fn span_at(&self, now_ms: i64) -> Option<Option<VolumeSpan>> {
        let (start_ms, end_ms) = (self.start_ms, self.end_ms.unwrap_or(now_ms));
        let elapsed_ms = match u64::try_from(end_ms - start_ms) {
            Ok(0) if self.end_ms.is_none() => return Some(None),
            Ok(elapsed_ms) => elapsed_ms,
            Err(_) => return Some(None),
        };
        let cost_nanos = accrued_until_now(self.cost, 1, elapsed_ms)?;
        Some(Some(VolumeSpan { start_ms, end_ms, cost_nanos }))
    }

    /// The volume's identity.
    pub fn volume_id(&self) -> VolumeId {
        self.volume_id
    }
}
