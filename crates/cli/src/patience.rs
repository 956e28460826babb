//! How long a command goes on that reads again and again: until a signal says stop, and then no longer than it takes to store
//! what was read.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::Builder as ThreadBuilder;
use std::time::Duration;

use farmtally_deadline::Surroundings;
use farmtally_model::Timestamp;
use farmtally_service::{Clock, SystemClock};
use tokio::runtime::Builder;
use tokio::signal::unix::{SignalKind, signal};

use crate::report_error::Failure;
use crate::talk::tell;

/// What the shell is told of a program that a second signal ended at once.
const ENDED_BY_A_SIGNAL: i32 = 130;

/// The clock, and whether somebody asked to stop.
#[derive(Debug, Default)]
pub(crate) struct Patience {
    clock: SystemClock,
    is_stopped: Mutex<bool>,
    stopped: Condvar,
}

impl Patience {
    /// Patience that ends with the first SIGINT or SIGTERM. A second one ends the program at once.
    pub(crate) fn until_a_signal() -> Result<Arc<Self>, Failure> {
        let patience = Arc::new(Self::default());
        let failed = |error| Failure::caused("cannot listen for signals", &error);
        let runtime = Builder::new_current_thread().enable_all().build().map_err(failed)?;
        let (mut interrupt, mut terminate) = {
            let _context = runtime.enter();
            (
                signal(SignalKind::interrupt()).map_err(failed)?,
                signal(SignalKind::terminate()).map_err(failed)?,
            )
        };
        let stopping = Arc::clone(&patience);
        let listen = move || {
            runtime.block_on(async {
                for is_first in [true, false] {
                    tokio::select! { _ = interrupt.recv() => {}, _ = terminate.recv() => {} }
                    if is_first {
                        tell("Stopping when what was read is stored; another signal stops at once.");
                        stopping.stop();
                    }
                }
            });
            std::process::exit(ENDED_BY_A_SIGNAL);
        };
        ThreadBuilder::new().name("signals".to_owned()).spawn(listen).map_err(failed)?;
        Ok(patience)
    }

    /// Whether somebody asked to stop.
    pub(crate) fn is_stopped(&self) -> bool {
        *self.lock()
    }

    fn stop(&self) {
        *self.lock() = true;
        self.stopped.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, bool> {
        self.is_stopped.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Surroundings for Patience {
    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    fn wait(&self, time: Duration) -> bool {
        let waited = self.stopped.wait_timeout_while(self.lock(), time, |is_stopped| !*is_stopped);
        let (is_stopped, _) = waited.unwrap_or_else(PoisonError::into_inner);
        !*is_stopped
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_stops_does_not_wait() {
        let patience = Arc::new(Patience::default());
        assert!(patience.wait(Duration::ZERO));
        let waiting = Arc::clone(&patience);
        let thread = std::thread::spawn(move || waiting.wait(Duration::from_hours(1)));
        patience.stop();
        assert!(!thread.join().unwrap());
        assert!(!patience.wait(Duration::ZERO) && patience.is_stopped());
    }
}
