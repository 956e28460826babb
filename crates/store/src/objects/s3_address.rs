//! Where objects are on a server that speaks S3: `s3://KEY:SECRET@BUCKET/PREFIX?endpoint=URL&region=REGION`.
//!
//! The key of an object is signed as S3 wants it only if no character of it has two spellings, so that a prefix may have few.

use std::fmt;

use farmtally_sigv4::SecretAccessKey;
use percent_encoding::percent_decode_str;

const SCHEME: &str = "s3://";

/// What S3 itself and most other servers take when nobody says which.
const REGION: &str = "us-east-1";

/// An address with the key pair in it, which is shown without.
pub(crate) struct S3Address {
    pub(super) access_key_id: String,
    pub(super) secret_access_key: SecretAccessKey,
    pub(super) region: String,
    /// Scheme and host.
    pub(super) origin: String,
    /// The `Host` header.
    pub(super) host: String,
    /// What the path of every object begins with, a slash at its end.
    pub(super) base: String,
    shown: String,
}

impl S3Address {
    /// Whether a text is meant as an address and not as the name of a folder.
    pub(crate) fn is_meant(text: &str) -> bool {
        text.starts_with(SCHEME)
    }

    /// Reads an address, or says what is wrong with it. What is said has no part of the key pair in it.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let rest = text.strip_prefix(SCHEME).unwrap_or(text);
        let (keys, place) = rest
            .rsplit_once('@')
            .ok_or("it has no key pair; one is written KEY:SECRET@ before the bucket")?;
        let (key, secret) = keys.split_once(':').ok_or("there is no `:` between the key and its secret")?;
        let (place, query) = place.split_once('?').unwrap_or((place, ""));
        let (bucket, prefix) = place.split_once('/').unwrap_or((place, ""));
        let prefix = prefix.trim_end_matches('/');
        check_bucket(bucket)?;
        check_prefix(prefix)?;
        let Parameters { endpoint, region } = Parameters::of(query)?;
        let named = endpoint.map(|endpoint| origin(&endpoint)).transpose()?;
        let region = region.unwrap_or_else(|| REGION.to_owned());
        // S3 has each bucket at a host of its own; others have them below their own name.
        let (origin, host, base) = named.map_or_else(
            || {
                let host = format!("{bucket}.s3.{region}.amazonaws.com");
                (format!("https://{host}"), host, String::from("/"))
            },
            |(origin, host)| (origin, host, format!("/{bucket}/")),
        );
        let base = if prefix.is_empty() { base } else { format!("{base}{prefix}/") };
        Ok(Self {
            access_key_id: decoded(key)?,
            secret_access_key: SecretAccessKey::new(decoded(secret)?),
            region,
            origin,
            host,
            base,
            shown: shown(text),
        })
    }
}

impl fmt::Display for S3Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

impl fmt::Debug for S3Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A place of segments as it may be shown: without a key pair.
pub(crate) fn shown(place: &str) -> String {
    match place.strip_prefix(SCHEME) {
        None => place.to_owned(),
        Some(rest) => {
            let rest = rest.rsplit_once('@').map_or("", |(_, rest)| rest);
            format!("{SCHEME}{}", rest.split_once('?').map_or(rest, |(place, _)| place))
        }
    }
}

/// What stands behind the `?`.
#[derive(Debug, Default)]
struct Parameters {
    endpoint: Option<String>,
    region: Option<String>,
}

impl Parameters {
    fn of(query: &str) -> Result<Self, String> {
        let mut found = Self::default();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            match pair.split_once('=') {
                Some(("endpoint", value)) => found.endpoint = Some(decoded(value)?),
                Some(("region", value)) => found.region = Some(decoded(value)?),
                _ => return Err("only `endpoint=` and `region=` may follow the `?`".to_owned()),
            }
        }
        let is_plain =
            |region: &String| region.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        if !found.region.as_ref().is_none_or(is_plain) {
            return Err("the region is a word such as us-west-2".to_owned());
        }
        Ok(found)
    }
}

fn decoded(text: &str) -> Result<String, String> {
    let decoded = percent_decode_str(text).decode_utf8().map_err(|_| "a part of it is not UTF-8")?;
    if decoded.is_empty() || decoded.contains(char::is_control) {
        return Err("a part of it is empty, or has a control character".to_owned());
    }
    Ok(decoded.into_owned())
}

/// Scheme and host of an endpoint, and its `Host` header.
fn origin(endpoint: &str) -> Result<(String, String), String> {
    let refused = || "the endpoint is a URL without a path, such as https://s3.studio.lan:9000".to_owned();
    let (scheme, host) = endpoint.split_once("://").ok_or_else(refused)?;
    // Clients leave the port out of `Host` where it is the scheme's own, and the signature is over that.
    let own_port = match scheme {
        "https" => ":443",
        "http" => ":80",
        _ => return Err(refused()),
    };
    let host = host.trim_end_matches('/');
    let host = host.strip_suffix(own_port).unwrap_or(host);
    if host.is_empty() || host.contains(['/', '@', '?', '#', ' ']) {
        return Err(refused());
    }
    Ok((format!("{scheme}://{host}"), host.to_owned()))
}

fn check_bucket(bucket: &str) -> Result<(), String> {
    let is_allowed =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-' || byte == b'.';
    if (3..=63).contains(&bucket.len()) && bucket.bytes().all(is_allowed) && !bucket.contains("..") {
        return Ok(());
    }
    Err("the bucket has 3 to 63 lower-case letters, digits, `-` and `.`".to_owned())
}

fn check_prefix(prefix: &str) -> Result<(), String> {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    let is_plain = |part: &str| !["", ".", ".."].contains(&part) && part.bytes().all(is_allowed);
    if prefix.is_empty() || prefix.split('/').all(is_plain) {
        return Ok(());
    }
    Err("the prefix has letters, digits, `-`, `_`, `.`, and single slashes".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_of_s3_has_a_host_of_its_own_and_others_are_below_their_endpoint() {
        let address = S3Address::parse("s3://AKIA:a%2Fb+c@films/tally/?region=us-west-2").unwrap();
        assert_eq!(address.origin, "https://films.s3.us-west-2.amazonaws.com");
        assert_eq!(
            (address.host.as_str(), address.base.as_str()),
            ("films.s3.us-west-2.amazonaws.com", "/tally/")
        );
        assert_eq!(address.secret_access_key.expose(), "a/b+c");
        let address = S3Address::parse("s3://k:s@films?endpoint=http%3A%2F%2Fs3.lan:9000/").unwrap();
        assert_eq!((address.origin.as_str(), address.host.as_str()), ("http://s3.lan:9000", "s3.lan:9000"));
        assert_eq!((address.base.as_str(), address.region.as_str()), ("/films/", "us-east-1"));
        let address = S3Address::parse("s3://k:s@films/a?endpoint=https://s3.lan:443").unwrap();
        assert_eq!((address.host.as_str(), address.base.as_str()), ("s3.lan", "/films/a/"));
    }

    #[test]
    fn an_address_is_shown_without_its_key_pair() {
        let text = "s3://AKIAX:hu%2Fsh@films/tally?endpoint=http://s3.lan:9000";
        let address = S3Address::parse(text).unwrap();
        assert_eq!(address.to_string(), "s3://films/tally");
        assert_eq!(format!("{address:?}"), "s3://films/tally");
        assert_eq!(shown("s3://hush"), "s3://");
        assert_eq!(shown("/mnt/tally"), "/mnt/tally");
    }

    #[test]
    fn what_is_no_address_is_refused_and_no_secret_is_told() {
        for (text, told) in [
            ("s3://films", "KEY:SECRET@"),
            ("s3://hush@films", "no `:`"),
            ("s3://key:hush@FILMS", "the bucket has"),
            ("s3://key:hush@a..b", "the bucket has"),
            ("s3://key:hush@films/a//b", "the prefix has"),
            ("s3://key:hush@films/a=b", "the prefix has"),
            ("s3://key:hush@films/../b", "the prefix has"),
            ("s3://key:hush@films?endpoint=s3.lan", "the endpoint is a URL"),
            ("s3://key:hush@films?endpoint=http://s3.lan/path", "the endpoint is a URL"),
            ("s3://key:hush@films?region=us%20west", "the region is a word"),
            ("s3://key:hush@films?regoin=x", "may follow the `?`"),
            ("s3://:hush@films", "is empty"),
        ] {
            let reason = S3Address::parse(text).unwrap_err();
            assert!(reason.contains(told) && !reason.contains("hush"), "{text}: {reason}");
        }
    }
}
