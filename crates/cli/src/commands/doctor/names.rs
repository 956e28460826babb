//! Host names: the one of a URL, and whether the system finds a name.

use std::net::{IpAddr, SocketAddr, ToSocketAddrs};

/// The host of a base URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Host {
    /// Name or address, without brackets.
    pub(super) name: String,
    pub(super) port: u16,
}

impl Host {
    /// Of a URL with a scheme; the port is that of the scheme unless the URL has one.
    pub(super) fn of(endpoint: &str) -> Self {
        let (scheme, rest) = endpoint.split_once("://").unwrap_or(("http", endpoint));
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let usual = if scheme == "https" { 443 } else { 80 };
        let (name, port) = match authority.rsplit_once(':') {
            Some((name, port)) if !port.contains(']') => (name, port.parse().unwrap_or(usual)),
            _ => (authority, usual),
        };
        Self { name: name.trim_matches(['[', ']']).to_owned(), port }
    }

    /// What AWS clients ask for instead, unless they are told not to.
    pub(super) fn with_prefix(&self) -> String {
        format!("management.{}", self.name)
    }

    /// Whether it is this machine.
    pub(super) fn is_loopback(&self) -> bool {
        self.name == "localhost" || self.name.parse().is_ok_and(|address: IpAddr| address.is_loopback())
    }
}

/// Where a name leads to, as far as this machine knows.
pub(super) fn resolved(name: &str, port: u16) -> Vec<SocketAddr> {
    (name, port).to_socket_addrs().map(Iterator::collect).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_host_of_a_url_is_found() {
        for (endpoint, name, port) in [
            ("http://127.0.0.1:8037", "127.0.0.1", 8037),
            ("https://tally.studio.lan", "tally.studio.lan", 443),
            ("http://[::1]:9", "::1", 9),
            ("http://[::1]", "::1", 80),
            ("http://localhost:8037/base", "localhost", 8037),
        ] {
            assert_eq!(Host::of(endpoint), Host { name: name.to_owned(), port }, "{endpoint}");
        }
        assert!(Host::of("http://[::1]:9").is_loopback());
        assert!(!Host::of("http://tally.lan").is_loopback());
    }
}
