//! The signs of life of a server that shares its catalogue, and what is done about servers that give none any more.

use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::{Arc, Weak};
use std::time::Duration;

use crate::background::Background;
use crate::error::{OpenError, StoreError};
use crate::store::Shared;

/// How often a sign is given: several times within the life that one is good for.
const INTERVAL: Duration = Duration::from_secs(3);

/// Gives the first sign, and starts the thread that goes on.
pub(crate) fn start(shared: &Arc<Shared>) -> Result<Background, OpenError> {
    shared.catalogue().beat()?;
    let weak = Arc::downgrade(shared);
    let thread = Background::start("heartbeat", move |stopped| run(stopped, &weak));
    let no_thread = |error| StoreError::Database { cause: format!("no thread for signs of life: {error}") };
    Ok(thread.map_err(no_thread)?)
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
