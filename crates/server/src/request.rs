//! A request as it arrived: nothing decoded, nothing normalised, its body in memory.

use http::request::Parts;
use http::{HeaderMap, HeaderName, Method};

use crate::body::BufferedBody;
use crate::peer::Peer;

/// The whole of a request.
#[derive(Debug)]
pub(crate) struct ReceivedRequest {
    parts: Parts,
    body: BufferedBody,
    peer: Peer,
}

impl ReceivedRequest {
    pub(crate) fn new(parts: Parts, body: BufferedBody, peer: Peer) -> Self {
        Self { parts, body, peer }
    }

    /// Who sent it, as far as the connection tells.
    pub(crate) fn peer(&self) -> Peer {
        self.peer
    }

    pub(crate) fn method(&self) -> &Method {
        &self.parts.method
    }

    /// Path and query as they stood in the request line.
    pub(crate) fn target(&self) -> &str {
        self.parts.uri.path_and_query().map_or("", |target| target.as_str())
    }

    /// The path, still percent-encoded.
    pub(crate) fn raw_path(&self) -> &str {
        self.parts.uri.path()
    }

    /// What follows the `?`, still percent-encoded.
    pub(crate) fn raw_query(&self) -> &str {
        self.parts.uri.query().unwrap_or_default()
    }

    pub(crate) fn headers(&self) -> &HeaderMap {
        &self.parts.headers
    }

    /// A header's value, if it came exactly once and is text.
    pub(crate) fn only_header(&self, name: &HeaderName) -> Option<&str> {
        let mut values = self.parts.headers.get_all(name).iter();
        let value = values.next()?;
        if values.next().is_some() { None } else { value.to_str().ok() }
    }

    pub(crate) fn body(&self) -> &[u8] {
        self.body.bytes()
    }
}
