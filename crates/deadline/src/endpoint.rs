//! Where the service is.

use ureq::http::Uri;

/// What an endpoint may look like.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{text}` is no endpoint; one is a URL with a host and without a query, such as http://127.0.0.1:8037"
)]
pub struct EndpointError {
    text: String,
}

/// A base URL: scheme, host, and a path without a slash at its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    origin: String,
    host: String,
    path: String,
}

impl Endpoint {
    /// The service's own endpoint in a region. Its operations for people and their tools are below `management.`.
    pub fn of_region(region: &str) -> Self {
        // The parts of AWS that are not on the common domain have one of their own.
        let domain = if region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" };
        let host = format!("management.deadline.{region}.{domain}");
        Self { origin: format!("https://{host}"), host, path: String::new() }
    }

    /// An endpoint that somebody named. Its host is taken as it is, without `management.` before it.
    pub fn parse(text: &str) -> Result<Self, EndpointError> {
        let refused = || EndpointError { text: text.to_owned() };
        let uri: Uri = text.parse().map_err(|_| refused())?;
        let scheme =
            uri.scheme_str().filter(|scheme| ["http", "https"].contains(scheme)).ok_or_else(refused)?;
        let authority =
            uri.authority().filter(|authority| !authority.as_str().contains('@')).ok_or_else(refused)?;
        if uri.query().is_some() || authority.host().is_empty() {
            return Err(refused());
        }
        // Clients leave the port out of `Host` where it is the scheme's own, and the signature is over that.
        let own_port = if scheme == "https" { ":443" } else { ":80" };
        let host = authority.as_str();
        let host = host.strip_suffix(own_port).unwrap_or(host).to_owned();
        Ok(Self {
            origin: format!("{scheme}://{host}"),
            host,
            path: uri.path().trim_end_matches('/').to_owned(),
        })
    }

    /// The `Host` header.
    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    /// The request target for a path of the service.
    pub(crate) fn target(&self, path: &str) -> String {
        format!("{}{path}", self.path)
    }

    /// The URL of a request target.
    pub(crate) fn url(&self, target: &str) -> String {
        format!("{}{target}", self.origin)
    }
}

impl std::fmt::Display for Endpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}{}", self.origin, self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_region_has_its_own_endpoint() {
        assert_eq!(
            Endpoint::of_region("us-west-2").to_string(),
            "https://management.deadline.us-west-2.amazonaws.com"
        );
    }

    #[test]
    fn a_named_endpoint_is_taken_as_it_is() {
        let endpoint = Endpoint::parse("http://127.0.0.1:8037/base/").unwrap();
        assert_eq!(endpoint.host(), "127.0.0.1:8037");
        let target = endpoint.target("/2023-10-12/farms");
        assert_eq!(endpoint.url(&target), "http://127.0.0.1:8037/base/2023-10-12/farms");
        assert_eq!(Endpoint::parse("https://tally.lan:443").unwrap().host(), "tally.lan");
        assert_eq!(Endpoint::parse("http://tally.lan:443").unwrap().host(), "tally.lan:443");
    }

    #[test]
    fn what_is_no_base_url_is_refused() {
        for text in
            ["", "tally.lan", "ftp://tally.lan", "http://", "http://x/?q", "https://me@tally.lan", "/x"]
        {
            assert!(Endpoint::parse(text).is_err(), "{text}");
        }
    }
}
