//! A thread that works beside a store.

use std::io;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{Builder, JoinHandle};

/// The thread, which ends with this.
#[derive(Debug)]
pub(crate) struct Background {
    wake: Option<SyncSender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Background {
    /// Starts it. It receives whenever it is woken, and has to end when nobody can wake it any more.
    pub(crate) fn start(name: &str, work: impl FnOnce(&Receiver<()>) + Send + 'static) -> io::Result<Self> {
        let (wake, woken) = sync_channel(1);
        let thread = Builder::new().name(name.to_owned()).spawn(move || work(&woken))?;
        Ok(Self { wake: Some(wake), thread: Some(thread) })
    }

    /// There is something to do.
    pub(crate) fn wake(&self) {
        if let Some(wake) = &self.wake {
            // A full channel holds a call that was not answered yet, which will do.
            wake.try_send(()).unwrap_or_default();
        }
    }
}

impl Drop for Background {
    /// Waits for the step that is under way.
    fn drop(&mut self) {
        self.wake = None;
        if let Some(thread) = self.thread.take() {
            // A panic in there was reported by the panic hook.
            thread.join().unwrap_or_default();
        }
    }
}
