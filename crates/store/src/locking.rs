//! Locks behind which a panic leaves nothing half done.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Locks what is as good after a panic as before: a transaction was rolled back, or it is a copy that can be read again.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
