//! A request in the one spelling that signer and verifier agree on, whatever happened to it on the way.

use sha2::{Digest, Sha256};

use crate::canonical_uri::{canonical_path, canonical_query, split_target};
use crate::hex;
use crate::signed_headers::SignedHeaders;

/// The SHA-256 of a request's body, which is how a signature covers it. A request without a body has the hash
/// of nothing at all.
pub fn body_sha256(body: &[u8]) -> [u8; 32] {
    Sha256::digest(body).into()
}

/// The parts of the canonical request, in the order in which they are written.
pub(crate) struct CanonicalRequest<'a> {
    pub(crate) method: &'a str,
    pub(crate) path: String,
    pub(crate) query: String,
    /// A line for each signed header. Bytes, because a header value need not be UTF-8.
    pub(crate) header_lines: Vec<u8>,
    pub(crate) signed_headers: &'a SignedHeaders,
    pub(crate) body_sha256: &'a [u8; 32],
}

impl<'a> CanonicalRequest<'a> {
    /// `target` and `headers` are as they travel; of the headers only those in `signed_headers` matter.
    pub(crate) fn new(
        method: &'a str,
        target: &str,
        headers: &[(&str, &[u8])],
        signed_headers: &'a SignedHeaders,
        body_sha256: &'a [u8; 32],
    ) -> Self {
        let (path, query) = split_target(target);
        Self {
            method,
            path: canonical_path(path),
            query: canonical_query(query),
            header_lines: header_lines(headers, signed_headers),
            signed_headers,
            body_sha256,
        }
    }

    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let Self { method, path, query, header_lines, signed_headers, body_sha256 } = self;
        let mut bytes = format!("{method}\n{path}\n{query}\n").into_bytes();
        bytes.extend_from_slice(header_lines);
        bytes.extend(format!("\n{signed_headers}\n{}", hex::encode(body_sha256)).into_bytes());
        bytes
    }

    pub(crate) fn sha256(&self) -> [u8; 32] {
        Sha256::digest(self.to_bytes()).into()
    }
}

fn header_lines(headers: &[(&str, &[u8])], signed_headers: &SignedHeaders) -> Vec<u8> {
    let mut lines = Vec::new();
    for name in signed_headers.names() {
        let same_name = headers.iter().filter(|(other, _)| other.eq_ignore_ascii_case(name));
        let values: Vec<_> = same_name.map(|(_, value)| trim_and_collapse_spaces(value)).collect();
        lines.extend_from_slice(name.as_bytes());
        lines.push(b':');
        lines.extend(values.join(&b','));
        lines.push(b'\n');
    }
    lines
}

/// Tabs and line breaks count as spaces, as botocore and the JavaScript SDK have it. Since no line break is
/// left, the value of one header cannot pose as the line of another.
fn trim_and_collapse_spaces(value: &[u8]) -> Vec<u8> {
    let words: Vec<_> = value.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty()).collect();
    words.join(&b' ')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_of_white_space_become_one_space() {
        assert_eq!(trim_and_collapse_spaces(b" \ta  b\r\n\tc "), b"a b c");
        assert_eq!(trim_and_collapse_spaces(b"  "), b"");
        assert_eq!(trim_and_collapse_spaces(b"\xff  \xfe"), b"\xff \xfe");
    }

    #[test]
    fn a_repeated_header_is_one_line_in_the_order_of_arrival() {
        let headers: [(&str, &[u8]); 4] = [("B", b"2"), ("a", b"x"), ("b", b" 1 "), ("not-signed", b"y")];
        let signed_headers = SignedHeaders::of(["a", "b"].into_iter());
        assert_eq!(header_lines(&headers, &signed_headers), b"a:x\nb:2,1\n");
    }
}
