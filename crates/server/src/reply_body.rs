//! The body of an answer: whole, or made part by part while the client reads.
//!
//! A part is made on a thread that may block, when the part before it has been taken; nothing is made for a client that does
//! not read, and no thread waits for one. When a part fails, the connection ends inside of the body, which every client can
//! tell from the end of it.

use std::fmt;
use std::future::Future as _;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::{Body, Frame, SizeHint};
use tokio::sync::OwnedSemaphorePermit;
use tokio::task::{JoinHandle, spawn_blocking};

/// Longest body that is sent as a whole, with its length, in bytes.
const WHOLE_BYTES_MAX: usize = 256 * 1024;

/// What makes a body part by part.
pub(crate) trait Parts: fmt::Debug + Send {
    /// Appends the next part; false when there was none left.
    fn next(&mut self, out: &mut Vec<u8>) -> io::Result<bool>;

    /// Memory that is held until the last part is made, in bytes.
    fn bytes(&self) -> usize;
}

/// A body.
#[derive(Debug)]
pub(crate) enum ReplyBody {
    Whole(Full<Bytes>),
    InParts(Box<InParts>),
}

impl ReplyBody {
    pub(crate) fn whole(bytes: impl Into<Bytes>) -> Self {
        Self::Whole(Full::new(bytes.into()))
    }

    /// Makes the first parts. A short body is whole with them.
    pub(crate) fn of(mut parts: Box<dyn Parts>) -> io::Result<Self> {
        let mut first = Vec::new();
        while first.len() < WHOLE_BYTES_MAX {
            if !parts.next(&mut first)? {
                return Ok(Self::whole(first));
            }
        }
        Ok(Self::InParts(Box::new(InParts { state: State::Made(first, parts), memory: None })))
    }

    /// Memory that is held while the body is sent, in bytes; `None` for a body that is whole.
    pub(crate) fn bytes_held(&self) -> Option<usize> {
        match self {
            Self::InParts(body) => match &body.state {
                State::Made(_, parts) | State::Taken(parts) => Some(parts.bytes()),
                State::Making(_) | State::Ended => None,
            },
            Self::Whole(_) => None,
        }
    }

    /// Keeps a permit until the body is sent or given up.
    pub(crate) fn hold(&mut self, permit: OwnedSemaphorePermit) {
        if let Self::InParts(body) = self {
            body.memory = Some(permit);
        }
    }
}

/// A body that is made while it is read.
#[derive(Debug)]
pub(crate) struct InParts {
    state: State,
    memory: Option<OwnedSemaphorePermit>,
}

type Made = (Box<dyn Parts>, io::Result<Option<Vec<u8>>>);

#[derive(Debug)]
enum State {
    Made(Vec<u8>, Box<dyn Parts>),
    Taken(Box<dyn Parts>),
    Making(JoinHandle<Made>),
    Ended,
}

impl InParts {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<io::Result<Bytes>>> {
        loop {
            match std::mem::replace(&mut self.state, State::Ended) {
                State::Made(bytes, parts) => {
                    self.state = State::Taken(parts);
                    return Poll::Ready(Some(Ok(bytes.into())));
                }
                State::Taken(parts) => self.state = State::Making(spawn_blocking(move || make(parts))),
                State::Making(mut making) => {
                    let Poll::Ready(made) = Pin::new(&mut making).poll(cx) else {
                        self.state = State::Making(making);
                        return Poll::Pending;
                    };
                    match made.map_err(io::Error::other)? {
                        (parts, Ok(Some(bytes))) => self.state = State::Made(bytes, parts),
                        (_, Ok(None)) => {}
                        (_, Err(error)) => return Poll::Ready(Some(Err(error))),
                    }
                }
                State::Ended => {
                    self.memory = None;
                    return Poll::Ready(None);
                }
            }
        }
    }
}

fn make(mut parts: Box<dyn Parts>) -> Made {
    let mut bytes = Vec::new();
    let made = parts.next(&mut bytes);
    (parts, made.map(|is_one| is_one.then_some(bytes)))
}

impl Body for ReplyBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        match &mut *self {
            Self::Whole(whole) => {
                Pin::new(whole).poll_frame(cx).map_err(|never: std::convert::Infallible| match never {})
            }
            Self::InParts(body) => {
                let part = ready!(body.poll(cx));
                if let Some(Err(error)) = &part {
                    tracing::error!(error = error as &dyn std::error::Error, "an answer broke off");
                }
                Poll::Ready(part.map(|part| part.map(Frame::data)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Whole(whole) => whole.is_end_stream(),
            Self::InParts(_) => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(whole) => whole.size_hint(),
            Self::InParts(_) => SizeHint::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::io::{Read as _, Write as _};

    use http::Response;
    use hyper::server::conn::http1;
    use hyper::service::service_fn;
    use hyper_util::rt::TokioIo;
    use tokio::net::TcpListener;

    use super::*;

    /// Parts of 100 KiB, and then an end or an error.
    #[derive(Debug)]
    struct Lines {
        left: usize,
        fails: bool,
    }

    impl Parts for Lines {
        fn next(&mut self, out: &mut Vec<u8>) -> io::Result<bool> {
            if self.left == 0 {
                return if self.fails { Err(io::Error::other("a bug")) } else { Ok(false) };
            }
            self.left -= 1;
            out.extend(vec![b'x'; 100 * 1024]);
            Ok(true)
        }

        fn bytes(&self) -> usize {
            7
        }
    }

    /// All that a client gets from a server that answers with so many parts.
    async fn received(left: usize, fails: bool) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let client = spawn_blocking(move || {
            let mut client = std::net::TcpStream::connect(address).unwrap();
            client.write_all(b"GET / HTTP/1.1\r\nconnection: close\r\n\r\n").unwrap();
            let mut received = Vec::new();
            client.read_to_end(&mut received).unwrap();
            String::from_utf8(received).unwrap()
        });
        let answer = service_fn(move |_| async move {
            Ok::<_, Infallible>(Response::new(ReplyBody::of(Box::new(Lines { left, fails })).unwrap()))
        });
        let (server, _) = listener.accept().await.unwrap();
        let served = http1::Builder::new().serve_connection(TokioIo::new(server), answer).await;
        assert_eq!(served.is_err(), fails);
        client.await.unwrap()
    }

    #[tokio::test]
    async fn a_short_body_has_a_length_and_a_long_one_an_end() {
        let short = received(2, false).await;
        assert!(short.contains("content-length: 204800\r\n"), "{}", &short[..200]);
        let long = received(30, false).await;
        assert!(long.contains("transfer-encoding: chunked\r\n") && long.ends_with("\r\n0\r\n\r\n"));
        assert_eq!(long.matches('x').count(), 30 * 100 * 1024);
    }

    #[tokio::test]
    async fn a_body_that_fails_half_way_never_looks_whole() {
        let broken = received(30, true).await;
        assert!(broken.matches('x').count() >= 300 * 1024);
        assert!(!broken.ends_with("0\r\n\r\n"), "{}", &broken[broken.len() - 20..]);
    }

    #[test]
    fn only_a_body_in_parts_holds_memory() {
        let of = |left| ReplyBody::of(Box::new(Lines { left, fails: false })).unwrap().bytes_held();
        assert_eq!((of(2), of(30)), (None, Some(7)));
    }
}
