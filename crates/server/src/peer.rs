//! The other end of a connection, as far as the connection itself tells.

use std::net::SocketAddr;

/// Who connected, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Peer {
    /// Where the connection comes from: a proxy's address behind a proxy.
    pub(crate) address: SocketAddr,
    /// Whether the connection is encrypted, and so whether the client has seen our certificate.
    pub(crate) is_tls: bool,
}
