//! A source that grows, as far as its reader needs to know.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether a source has stopped growing for now, said by whoever watches it. Until then the last rows may be of a session
/// that goes on.
#[derive(Debug, Clone, Default)]
pub struct Growth(Arc<AtomicBool>);

impl Growth {
    /// Says whether nothing was appended for a while.
    pub fn set_quiet(&self, is_quiet: bool) {
        self.0.store(is_quiet, Ordering::Relaxed);
    }

    /// Whether nothing was appended for a while.
    pub fn is_quiet(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
