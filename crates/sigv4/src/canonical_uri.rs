//! The request target as Signature Version 4 writes it: the path and the query, each in one agreed spelling.
//!
//! The painful fact: the path on the wire is already percent-encoded, and every service but S3 signs it
//! encoded **once more** (`%40` becomes `%2540`), whereas the query is decoded and encoded anew, so that it
//! stays as it is.

use std::fmt::Write as _;

/// The path and the query of a request target, both still encoded. A target without `?` has an empty query.
pub(crate) fn split_target(target: &str) -> (&str, &str) {
    target.split_once('?').unwrap_or((target, ""))
}

/// Resolves `.`, `..` and empty segments, then encodes all but `/` and the unreserved characters.
///
/// A path that ends in `/.` or `/..` names a folder and keeps its last slash, as RFC 3986 has it; botocore
/// drops that slash, but no path of ours ends so.
pub(crate) fn canonical_path(path: &str) -> String {
    let mut segments = Vec::new();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => drop(segments.pop()),
            named => segments.push(named),
        }
    }
    let names_folder = matches!(path.rsplit('/').next(), Some("" | "." | ".."));
    let last_slash = if names_folder && !segments.is_empty() { "/" } else { "" };
    percent_encode(format!("/{}{last_slash}", segments.join("/")).as_bytes(), b"/")
}

/// Whether a path has a segment that [`canonical_path`] leaves out because it is empty.
pub(crate) fn has_empty_segment(path: &str) -> bool {
    path.contains("//")
}

/// Parameters sorted by encoded name and then value, each as `name=value`. A `+` is a plus and not a space.
pub(crate) fn canonical_query(query: &str) -> String {
    let anew = |text| percent_encode(&percent_decode(text), b"");
    let mut parameters: Vec<_> = parameters(query).map(|(name, value)| (anew(name), anew(value))).collect();
    parameters.sort_unstable();
    let pairs: Vec<_> = parameters.iter().map(|(name, value)| format!("{name}={value}")).collect();
    pairs.join("&")
}

/// The decoded names of the parameters, in the order of the query.
pub(crate) fn parameter_names(query: &str) -> impl Iterator<Item = String> {
    parameters(query).map(|(name, _)| String::from_utf8_lossy(&percent_decode(name)).into_owned())
}

fn parameters(query: &str) -> impl Iterator<Item = (&str, &str)> {
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    pairs.map(|pair| pair.split_once('=').unwrap_or((pair, "")))
}

fn percent_encode(bytes: &[u8], also_kept: &[u8]) -> String {
    let mut encoded = String::with_capacity(bytes.len());
    for &byte in bytes {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) || also_kept.contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

/// A `%` without two hexadecimal digits behind it stands for itself.
fn percent_decode(text: &str) -> Vec<u8> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, behind @ ..] = rest {
        let escaped = if *first == b'%' { escaped_byte(behind) } else { None };
        decoded.push(escaped.unwrap_or(*first));
        rest = if escaped.is_some() { &behind[2..] } else { behind };
    }
    decoded
}

fn escaped_byte(behind_percent: &[u8]) -> Option<u8> {
    let digit = |index: usize| char::from(*behind_percent.get(index)?).to_digit(16);
    u8::try_from(digit(0)? * 16 + digit(1)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_encoded_path_is_encoded_once_more() {
        assert_eq!(canonical_path("/a%20b/@c/é"), "/a%2520b/%40c/%C3%A9");
        assert_eq!(canonical_path("/-._~09AZaz"), "/-._~09AZaz");
    }

    #[test]
    fn a_path_is_resolved_before_it_is_encoded() {
        for (path, canonical) in [
            ("", "/"),
            ("/", "/"),
            ("a", "/a"),
            ("//a//b//", "/a/b/"),
            ("/./a", "/a"),
            ("/a/..", "/"),
            ("/..", "/"),
            ("/../../a", "/a"),
            ("/a/b/..", "/a/"),
            ("/a/.", "/a/"),
            ("/a/...", "/a/..."),
            ("/a/%2E%2E/b", "/a/%252E%252E/b"),
        ] {
            assert_eq!(canonical_path(path), canonical, "{path}");
        }
    }

    #[test]
    fn a_query_is_decoded_encoded_and_sorted() {
        for (query, canonical) in [
            ("", ""),
            ("b=2&a=1", "a=1&b=2"),
            ("a=2&a=10", "a=10&a=2"),
            ("a", "a="),
            ("=a", "=a"),
            ("a=1&&", "a=1"),
            ("a=b=c", "a=b%3Dc"),
            ("a=x+y", "a=x%2By"),
            ("a=x%2By%2F%3d", "a=x%2By%2F%3D"),
            ("a=%7e%20%c3%a9", "a=~%20%C3%A9"),
            ("a=é", "a=%C3%A9"),
            ("a=%", "a=%25"),
            ("a=%4", "a=%254"),
            ("a=%4g", "a=%254g"),
            ("a=%ff", "a=%FF"),
            // `-` sorts before `=`, so sorting whole pairs would put these the other way round.
            ("a-b=1&a=2", "a=2&a-b=1"),
        ] {
            assert_eq!(canonical_query(query), canonical, "{query}");
        }
    }

    #[test]
    fn only_the_first_question_mark_ends_the_path() {
        assert_eq!(split_target("/a?b?c"), ("/a", "b?c"));
        assert_eq!(split_target("/a"), ("/a", ""));
    }
}
