//! A limit of the file size (`ulimit -f`) is met like a full disk: the write fails, and that is handled where it is made.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use signal_hook::consts::SIGXFSZ;

use crate::report_error::Failure;

/// Keeps the kernel from ending this process at a write beyond the limit. That anything handles the signal is enough.
pub(crate) fn survive() -> Result<(), Failure> {
    let handled = signal_hook::flag::register(SIGXFSZ, Arc::new(AtomicBool::new(false)));
    handled.map(drop).map_err(|error| Failure::caused("cannot handle SIGXFSZ", &error))
}
