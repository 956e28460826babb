//! Addresses and URLs in flags.

use std::net::{Ipv4Addr, SocketAddr};

/// Where a server listens unless it is told.
pub(crate) const LISTEN_DEFAULT: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 8037);

pub(super) fn parse_address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| format!("it must be an IP address and a port, such as {LISTEN_DEFAULT}"))
}

pub(super) fn parse_loopback(text: &str) -> Result<SocketAddr, String> {
    let address = parse_address(text)?;
    if address.ip().is_loopback() {
        Ok(address)
    } else {
        Err("the demonstration is for this machine only; use 127.0.0.1 or [::1]".to_owned())
    }
}

pub(super) fn parse_endpoint(text: &str) -> Result<String, String> {
    let rest = text.strip_prefix("http://").or_else(|| text.strip_prefix("https://"));
    match rest {
        Some(host) if !host.is_empty() && !text.contains(char::is_whitespace) => {
            Ok(text.trim_end_matches('/').to_owned())
        }
        _ => Err("an endpoint is a URL such as http://127.0.0.1:8037".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_is_a_url_without_a_slash_at_its_end() {
        assert_eq!(parse_endpoint("https://tally.example/"), Ok("https://tally.example".to_owned()));
        for text in ["tally.example", "http://", "ftp://x", "http://a b"] {
            assert!(parse_endpoint(text).is_err(), "{text}");
        }
    }

    #[test]
    fn the_demonstration_stays_on_this_machine() {
        assert!(parse_loopback("[::1]:0").is_ok());
        assert!(parse_loopback("0.0.0.0:8037").is_err());
    }
}
