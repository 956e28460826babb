//! The signs of life of a server that shares its catalogue, and what is done about servers that give none any more.

use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Weak};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use crate::error::{OpenError, StoreError};
use crate::store::Shared;

/// How often a sign is given: several times within the life that one is good for.
const INTERVAL: Duration = Duration::from_secs(3);

/// The thread that gives them, which ends with this.
#[derive(Debug)]
pub(crate) struct Heartbeat {
    stop: Option<SyncSender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Heartbeat {
    /// Gives the first sign, and goes on until this is dropped.
    pub(crate) fn start(shared: &Arc<Shared>) -> Result<Self, OpenError> {
        shared.catalogue().beat()?;
        let (stop, stopped) = sync_channel(0);
        let weak = Arc::downgrade(shared);
        let thread = Builder::new().name("heartbeat".to_owned()).spawn(move || run(&stopped, &weak));
        let thread = thread.map_err(|error| StoreError::Database {
            cause: format!("no thread for signs of life: {error}"),
        })?;
        Ok(Self { stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for Heartbeat {
    fn drop(&mut self) {
        self.stop = None;
        if let Some(thread) = self.thread.take() {
            // A panic in there was reported by the panic hook.
            thread.join().unwrap_or_default();
        }
    }
}

fn run(stopped: &Receiver<()>, shared: &Weak<Shared>) {
    while stopped.recv_timeout(INTERVAL) == Err(RecvTimeoutError::Timeout) {
        let Some(shared) = shared.upgrade() else { return };
        if let Err(error) = shared.catalogue().beat() {
            tracing::warn!(%error, "no sign of life could be given to the other servers");
        }
    }
    if let Some(shared) = shared.upgrade()
        && let Err(error) = shared.catalogue().depart()
    {
        tracing::debug!(%error, "the other servers were not told of the end");
    }
}
