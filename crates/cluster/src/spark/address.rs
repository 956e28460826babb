//! Where a Spark Connect server is, in the form that Spark's own clients take: `sc://host:port/;use_ssl=true`.
//!
//! Those take a token there, too. Here it comes apart from the rest, because settings are shown and logged and tokens are not.

use std::fmt;

use percent_encoding::percent_decode_str;
use zeroize::Zeroizing;

/// The port of Spark's own server.
const PORT_USUAL: u16 = 15002;
/// The form, for whoever wrote another one.
const FORM: &str = "sc://HOST:PORT/;use_ssl=true;user_id=USER, of which all but HOST can be left out";

/// Where a server is, and how to ask it. The token is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Address {
    authority: String,
    use_tls: bool,
    token: Option<Zeroizing<String>>,
    user_id: String,
}

/// A setting that cannot be meant, and why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct SettingError(pub(crate) String);

impl Address {
    /// Reads an address. What it does not say is the usual: port 15002, no TLS, no token, user `farmtally`.
    pub fn parse(text: &str) -> Result<Self, SettingError> {
        let refused = |reason: String| SettingError(format!("{reason}; the form is {FORM}"));
        let rest = text
            .strip_prefix("sc://")
            .ok_or_else(|| refused("the address does not begin with `sc://`".into()))?;
        let (authority, parameters) = rest.split_once("/;").unwrap_or((rest, ""));
        let authority = authority.strip_suffix('/').unwrap_or(authority);
        let mut address = Self {
            authority: with_port(authority).map_err(refused)?,
            use_tls: false,
            token: None,
            user_id: "farmtally".to_owned(),
        };
        for parameter in parameters.split(';').filter(|parameter| !parameter.is_empty()) {
            address.take(parameter).map_err(refused)?;
        }
        Ok(address)
    }

    /// The address with a token that every call brings.
    pub fn with_token(self, token: &str) -> Result<Self, SettingError> {
        let refused = |reason: &str| Err(SettingError(reason.to_owned()));
        if token.is_empty() || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            return refused("the token has to be visible ASCII characters");
        }
        if !self.use_tls && !self.is_loopback() {
            return refused("the token would cross the network unencrypted; add `use_ssl=true`");
        }
        Ok(Self { token: Some(Zeroizing::new(token.to_owned())), ..self })
    }

    fn take(&mut self, parameter: &str) -> Result<(), String> {
        let (name, value) =
            parameter.split_once('=').ok_or_else(|| format!("`{parameter}` is not a name and a value"))?;
        let text = percent_decode_str(value)
            .decode_utf8()
            .map_err(|_| format!("the value of `{name}` is not UTF-8"))?
            .into_owned();
        match name {
            "use_ssl" if text == "true" || text == "false" => self.use_tls = text == "true",
            "use_ssl" => return Err(format!("`use_ssl` is {text:?}; it has to be true or false")),
            "token" => {
                return Err("a token does not go into the address, but into a file of its own".to_owned());
            }
            "user_id" => self.user_id = text,
            _ => return Err(format!("there is no parameter `{name}`")),
        }
        Ok(())
    }

    fn is_loopback(&self) -> bool {
        let host = self.authority.rsplit_once(':').map_or(self.authority.as_str(), |(host, _)| host);
        matches!(host, "localhost" | "[::1]") || host.starts_with("127.")
    }

    /// The address as a URL of HTTP.
    pub(super) fn url(&self) -> String {
        format!("{}://{}", if self.use_tls { "https" } else { "http" }, self.authority)
    }

    pub(super) const fn use_tls(&self) -> bool {
        self.use_tls
    }

    /// The secret that every call brings, if there is one.
    pub(super) fn token(&self) -> Option<&str> {
        self.token.as_ref().map(|token| token.as_str())
    }

    /// Who asks.
    pub(super) fn user_id(&self) -> &str {
        &self.user_id
    }
}

fn with_port(authority: &str) -> Result<String, String> {
    let (host, port) = match authority.rsplit_once(':') {
        // The colons of an IPv6 address are inside of brackets.
        Some((_, port)) if port.ends_with(']') => (authority, None),
        Some((host, port)) => (host, Some(port)),
        None => (authority, None),
    };
    let is_host = |byte: u8| byte.is_ascii_alphanumeric() || b".-_:[]".contains(&byte);
    if host.is_empty() || !host.bytes().all(is_host) {
        return Err(format!("{host:?} is no host"));
    }
    let port = match port {
        None => PORT_USUAL,
        Some(port) => port.parse().map_err(|_| format!("{port:?} is no port; 1 to 65535 are"))?,
    };
    if port == 0 { Err("0 is no port; 1 to 65535 are".to_owned()) } else { Ok(format!("{host}:{port}")) }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Address")
            .field("url", &self.url())
            .field("user_id", &self.user_id)
            .field("has_token", &self.token.is_some())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_says_what_is_not_usual() {
        let address = Address::parse("sc://spark.example").unwrap();
        assert_eq!((address.url().as_str(), address.token()), ("http://spark.example:15002", None));
        let address = Address::parse("sc://[::1]:50051/;user_id=a%2Bb").unwrap().with_token("x").unwrap();
        assert_eq!((address.url().as_str(), address.user_id()), ("http://[::1]:50051", "a+b"));
        let address =
            Address::parse("sc://spark.example:443/;use_ssl=true").unwrap().with_token("secret").unwrap();
        assert_eq!((address.url().as_str(), address.token()), ("https://spark.example:443", Some("secret")));
        assert!(!format!("{address:?}").contains("secret"));
    }

    #[test]
    fn an_address_that_cannot_be_meant_is_refused_and_says_why() {
        for (text, reason) in [
            ("http://x", "does not begin with `sc://`"),
            ("sc://", "\"\" is no host"),
            ("sc://x:0", "0 is no port"),
            ("sc://x:70000", "\"70000\" is no port"),
            ("sc://x/;use_ssl=yes", "`use_ssl` is \"yes\""),
            ("sc://x/;colour=red", "there is no parameter `colour`"),
            ("sc://x/;user_id", "`user_id` is not a name and a value"),
            ("sc://x/;token=secret", "a token does not go into the address"),
        ] {
            let error = Address::parse(text).unwrap_err().to_string();
            assert!(error.contains(reason) && !error.contains("secret"), "{error}");
        }
        let error =
            Address::parse("sc://spark.example").unwrap().with_token("secret").unwrap_err().to_string();
        assert!(
            error.contains("would cross the network unencrypted") && !error.contains("secret"),
            "{error}"
        );
    }
}
