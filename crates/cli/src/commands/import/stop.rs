//! Waiting between passes, until it is time or somebody asks to stop.

use std::io::{self, Read};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use signal_hook::consts::{SIGINT, SIGTERM};

use crate::report_error::Failure;

/// Whether somebody asked this import to stop.
#[derive(Debug, Clone, Default)]
pub(super) struct Stop(Arc<AtomicBool>);

impl Stop {
    pub(super) fn is_asked(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Listens for SIGINT and SIGTERM, which from here on end no process by themselves.
pub(super) struct Waiting {
    stop: Stop,
    signals: UnixStream,
}

impl Waiting {
    pub(super) fn start() -> Result<Self, Failure> {
        Self::listen().map_err(|error| Failure::caused("cannot listen for signals", &error))
    }

    fn listen() -> io::Result<Self> {
        let stop = Stop::default();
        let (signals, told) = UnixStream::pair()?;
        for signal in [SIGINT, SIGTERM] {
            signal_hook::flag::register(signal, stop.0.clone())?;
            signal_hook::low_level::pipe::register(signal, told.try_clone()?)?;
        }
        Ok(Self { stop, signals })
    }

    pub(super) fn stop(&self) -> Stop {
        self.stop.clone()
    }

    /// Waits so long; false when it was asked to stop.
    pub(super) fn wait(&mut self, time: Duration) -> Result<bool, Failure> {
        if self.stop.is_asked() {
            return Ok(false);
        }
        let waited = self.signals.set_read_timeout(Some(time)).and_then(|()| self.signals.read(&mut [0]));
        match waited {
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {
                Ok(true)
            }
            // A signal that came before its byte.
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(!self.stop.is_asked()),
            Err(error) => Err(Failure::caused("cannot wait", &error)),
            Ok(_) => Ok(false),
        }
    }
}
