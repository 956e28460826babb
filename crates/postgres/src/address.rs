//! An address as libpq reads it, of which the client itself reads all but the words about TLS.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use percent_encoding::percent_decode_str;
use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode};
use tokio_rustls::rustls::ClientConfig;

use crate::error::{PostgresError, told};
use crate::tls;

/// Parameters that are read here.
const SSL_MODE: &str = "sslmode";
const SSL_ROOT_CERT: &str = "sslrootcert";

/// What libpq's own variables say where an address does not.
#[derive(Clone, Default)]
pub struct PostgresEnvironment {
    /// `PGPASSWORD`, so that a password stands in no list of processes.
    pub password: Option<String>,
    /// `PGSSLMODE`.
    pub ssl_mode: Option<String>,
    /// `PGSSLROOTCERT`.
    pub ssl_root_cert: Option<String>,
}

impl fmt::Debug for PostgresEnvironment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PostgresEnvironment(hidden)")
    }
}

/// Where a database is, who asks it, and whether by TLS. It is printed without its password.
#[derive(Clone)]
pub struct PostgresAddress {
    pub(super) config: Config,
    pub(super) tls: Option<Arc<ClientConfig>>,
    roots: Option<String>,
}

impl fmt::Debug for PostgresAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for PostgresAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let user = self.config.get_user().map(|user| format!("{user}@")).unwrap_or_default();
        let host = match self.config.get_hosts().first() {
            Some(Host::Tcp(name)) => name.clone(),
            Some(Host::Unix(path)) => path.to_string_lossy().into_owned(),
            None => "localhost".to_owned(),
        };
        let port = self.config.get_ports().first().map(|port| format!(":{port}")).unwrap_or_default();
        write!(f, "postgres://{user}{host}{port}/{}", self.config.get_dbname().unwrap_or_default())
    }
}

impl PostgresAddress {
    /// Whether a text is meant as an address and not as the name of a file.
    pub fn is_meant(text: &str) -> bool {
        text.starts_with("postgres://") || text.starts_with("postgresql://")
    }

    /// Reads an address: a URL, or `host=… user=… dbname=…`.
    pub fn parse(text: &str, environment: &PostgresEnvironment) -> Result<Self, PostgresError> {
        let Parameters { rest, ssl_mode, ssl_root_cert } = Parameters::of(text);
        let mut config: Config =
            rest.parse().map_err(|error: tokio_postgres::Error| PostgresError::Address(told(&error)))?;
        if let (None, Some(password)) = (config.get_password(), &environment.password) {
            config.password(password);
        }
        let mode = ssl_mode.or_else(|| environment.ssl_mode.clone());
        let is_local = config.get_hosts().iter().all(|host| matches!(host, Host::Unix(_)));
        let wants_tls = is_encrypted(mode.as_deref())? && !is_local;
        config.ssl_mode(if wants_tls { SslMode::Require } else { SslMode::Disable });
        let roots = ssl_root_cert.or_else(|| environment.ssl_root_cert.clone());
        let tls = wants_tls.then(|| tls::client_config(roots.as_deref())).transpose()?;
        Ok(Self { config, tls, roots })
    }

    /// For what an address says nothing about, such as the name of the program that asks.
    pub const fn config_mut(&mut self) -> &mut Config {
        &mut self.config
    }

    /// The file of authorities that it names.
    pub fn root_certificates(&self) -> Option<&Path> {
        self.roots.as_deref().map(Path::new)
    }
}

/// `prefer` and `allow` go on in the clear where TLS fails, which is neither of what can be meant.
fn is_encrypted(mode: Option<&str>) -> Result<bool, PostgresError> {
    match mode {
        None | Some("disable") => Ok(false),
        Some("require" | "verify-ca" | "verify-full") => Ok(true),
        Some(other) => Err(PostgresError::SslMode(other.to_owned())),
    }
}

/// An address without what it says about TLS, and that.
#[derive(Debug, Default, PartialEq, Eq)]
struct Parameters {
    rest: String,
    ssl_mode: Option<String>,
    ssl_root_cert: Option<String>,
}

impl Parameters {
    fn of(text: &str) -> Self {
        let mut found = Self::default();
        if PostgresAddress::is_meant(text) {
            let (address, query) = text.split_once('?').unwrap_or((text, ""));
            let decoded = |value: &str| percent_decode_str(value).decode_utf8_lossy().into_owned();
            let rest = query.split('&').filter(|pair| !pair.is_empty() && !found.takes(pair, decoded));
            let rest = rest.collect::<Vec<_>>().join("&");
            found.rest = if rest.is_empty() { address.to_owned() } else { format!("{address}?{rest}") };
        } else {
            let plain = |value: &str| value.trim_matches('\'').replace("\\'", "'").replace("\\\\", "\\");
            let rest = words(text).into_iter().filter(|pair| !found.takes(pair, plain));
            found.rest = rest.collect::<Vec<_>>().join(" ");
        }
        found
    }

    /// Keeps a parameter if it is one about TLS.
    fn takes(&mut self, pair: &str, read: impl Fn(&str) -> String) -> bool {
        match pair.split_once('=') {
            Some((SSL_MODE, value)) => self.ssl_mode = Some(read(value)),
            Some((SSL_ROOT_CERT, value)) => self.ssl_root_cert = Some(read(value)),
            _ => return false,
        }
        true
    }
}

/// The parts between spaces that are not quoted.
fn words(text: &str) -> Vec<&str> {
    let (mut is_quoted, mut is_escaped) = (false, false);
    let at_space = move |character: char| {
        let was_escaped = is_escaped;
        is_escaped = character == '\\' && !was_escaped;
        is_quoted ^= character == '\'' && !was_escaped;
        character.is_whitespace() && !is_quoted && !was_escaped
    };
    text.split(at_space).filter(|word| !word.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<PostgresAddress, PostgresError> {
        PostgresAddress::parse(text, &PostgresEnvironment::default())
    }

    #[test]
    fn an_address_is_shown_without_its_password() {
        for text in [
            "postgres://cue:hush@db.lan:5433/cuebot",
            "host=db.lan port=5433 user=cue password='hu sh' dbname=cuebot",
        ] {
            let address = parse(text).unwrap();
            assert_eq!(address.to_string(), "postgres://cue@db.lan:5433/cuebot");
            assert_eq!(format!("{address:?}"), address.to_string());
        }
        assert_eq!(parse("host=/run/pg user=cue dbname=x").unwrap().to_string(), "postgres://cue@/run/pg/x");
    }

    #[test]
    fn what_an_address_says_about_tls_is_taken_out_of_it() {
        let url =
            Parameters::of("postgres://h/d?sslmode=verify-full&connect_timeout=3&sslrootcert=%2Fa%20b.pem");
        assert_eq!(url.rest, "postgres://h/d?connect_timeout=3");
        assert_eq!(
            (url.ssl_mode.as_deref(), url.ssl_root_cert.as_deref()),
            (Some("verify-full"), Some("/a b.pem"))
        );
        let words =
            Parameters::of("host=h sslrootcert='/a b.pem' password='it\\'s sslmode=x' sslmode=require");
        assert_eq!(words.rest, "host=h password='it\\'s sslmode=x'");
        assert_eq!(
            (words.ssl_mode.as_deref(), words.ssl_root_cert.as_deref()),
            (Some("require"), Some("/a b.pem"))
        );
    }

    #[test]
    fn tls_is_verified_or_not_used() {
        assert!(parse("postgres://h/d").unwrap().tls.is_none());
        assert!(parse("postgres://h/d?sslmode=disable").unwrap().tls.is_none());
        for mode in ["require", "verify-ca", "verify-full"] {
            assert!(parse(&format!("postgres://h/d?sslmode={mode}")).unwrap().tls.is_some(), "{mode}");
        }
        for mode in ["prefer", "allow", "on"] {
            let error = parse(&format!("postgres://h/d?sslmode={mode}")).unwrap_err().to_string();
            assert!(error.starts_with(&format!("sslmode={mode} is not supported")), "{error}");
        }
        assert!(parse("host=/run/pg sslmode=require").unwrap().tls.is_none(), "a socket is not encrypted");
    }

    #[test]
    fn variables_say_what_an_address_does_not() {
        let environment = PostgresEnvironment {
            password: Some("hush".to_owned()),
            ssl_mode: Some("verify-full".to_owned()),
            ssl_root_cert: Some("/no/such.pem".to_owned()),
        };
        let error = PostgresAddress::parse("postgres://h/d", &environment).unwrap_err().to_string();
        assert!(error.starts_with("cannot use sslrootcert `/no/such.pem`: "), "{error}");
        let address = PostgresAddress::parse("postgres://h/d?sslmode=disable", &environment).unwrap();
        assert_eq!(address.config.get_password(), Some(&b"hush"[..]));
        let address = PostgresAddress::parse("postgres://u:own@h/d?sslmode=disable", &environment).unwrap();
        assert_eq!(address.config.get_password(), Some(&b"own"[..]));
        assert!(!format!("{environment:?}").contains("hush"));
    }

    #[test]
    fn what_is_no_address_is_told_how_one_looks() {
        let error = parse("postgres://h:no/d").unwrap_err().to_string();
        assert!(error.contains("postgres://user@host/database"), "{error}");
    }
}
