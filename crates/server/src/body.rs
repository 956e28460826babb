//! The whole body of a request in memory, within limits of size, time and memory.
//!
//! A body is taken before the signature is verified, because the signature covers it; so the limits hold for everybody.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use crate::limits::{BODY_BYTES_DISCARDED_MAX, ConnectionLimits};

/// Why there is no whole body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BodyRefusal {
    /// It is longer than allowed.
    TooLarge { bytes_max: usize },
    /// It did not come in time.
    TooSlow { read_max: Duration },
    /// It broke off, or its framing is not HTTP.
    Broken,
    /// Too many bodies are in memory.
    NoMemory,
}

/// A body that is in memory. The memory counts as used until this is dropped.
#[derive(Debug, Default)]
pub(crate) struct BufferedBody {
    bytes: BytesMut,
    memory: Option<OwnedSemaphorePermit>,
}

impl BufferedBody {
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

/// Takes bodies in.
#[derive(Debug)]
pub(crate) struct BodyReader {
    memory: Arc<Semaphore>,
    read_max: Duration,
}

impl BodyReader {
    pub(crate) fn new(limits: &ConnectionLimits) -> Self {
        Self { memory: Arc::new(Semaphore::new(limits.bodies_bytes_max)), read_max: limits.body_read_max }
    }

    /// The whole body, if it has at most `bytes_max` bytes.
    pub(crate) async fn read(&self, body: Incoming, bytes_max: usize) -> Result<BufferedBody, BodyRefusal> {
        let too_slow = BodyRefusal::TooSlow { read_max: self.read_max };
        timeout(self.read_max, self.collect(body, bytes_max)).await.unwrap_or(Err(too_slow))
    }

    async fn collect(&self, mut body: Incoming, bytes_max: usize) -> Result<BufferedBody, BodyRefusal> {
        let mut buffered = BufferedBody::default();
        while let Some(data) = next_data(&mut body).await? {
            let length = buffered.bytes.len() + data.len();
            let fits = if length > bytes_max { Err(BodyRefusal::TooLarge { bytes_max }) } else { Ok(()) };
            if let Err(refusal) = fits.and_then(|()| self.reserve(&mut buffered, data.len())) {
                discard(body).await;
                return Err(refusal);
            }
            buffered.bytes.extend_from_slice(&data);
        }
        Ok(buffered)
    }

    /// Memory for what has arrived, not for what a client says it will send.
    fn reserve(&self, buffered: &mut BufferedBody, bytes: usize) -> Result<(), BodyRefusal> {
        let bytes = u32::try_from(bytes).map_err(|_| BodyRefusal::NoMemory)?;
        let permit = Arc::clone(&self.memory).try_acquire_many_owned(bytes);
        let permit = permit.map_err(|_| BodyRefusal::NoMemory)?;
        match &mut buffered.memory {
            Some(memory) => memory.merge(permit),
            memory @ None => *memory = Some(permit),
        }
        Ok(())
    }
}

/// Reads on and forgets: a connection that is closed on its sender resets before the sender reads the answer.
async fn discard(mut body: Incoming) {
    let mut discarded = 0;
    while let Ok(Some(data)) = next_data(&mut body).await {
        discarded += data.len();
        if discarded > BODY_BYTES_DISCARDED_MAX {
            return;
        }
    }
}

async fn next_data(body: &mut Incoming) -> Result<Option<Bytes>, BodyRefusal> {
    while let Some(frame) = body.frame().await {
        if let Ok(data) = frame.map_err(|_| BodyRefusal::Broken)?.into_data() {
            return Ok(Some(data));
        }
    }
    Ok(None)
}
