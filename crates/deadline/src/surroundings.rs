//! What asking needs of the world beside a network.

use std::time::Duration;

use farmtally_model::Timestamp;

/// The clock, and the patience of whoever asked.
pub trait Surroundings: Send + Sync {
    /// The time.
    fn now(&self) -> Timestamp;

    /// Waits, and says whether to go on: false when somebody stopped the work meanwhile.
    fn wait(&self, time: Duration) -> bool;
}
