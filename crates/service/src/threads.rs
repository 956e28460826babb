//! Threads of the service.

use std::io;
use std::thread::Builder;

/// Starts a thread that logs and debuggers show by a name. An error if the system has none left.
pub(crate) fn spawn_thread(name: &str, body: impl FnOnce() + Send + 'static) -> io::Result<()> {
    Builder::new().name(name.to_owned()).spawn(body).map(drop)
}
