//! The list of header names that a signature covers: lower case, sorted, each once.

use std::fmt;

use crate::error::SignatureError;

/// `content-type;host;x-amz-date`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SignedHeaders(Vec<String>);

impl SignedHeaders {
    /// Takes the list as a request names it. It is part of what is signed, so it is not put in order here but
    /// refused when out of order.
    pub(crate) fn parse(list: &str) -> Result<Self, SignatureError> {
        let names: Vec<String> = list.split(';').map(str::to_owned).collect();
        if names.iter().all(|name| is_lower_case_name(name)) && names.is_sorted_by(|a, b| a < b) {
            Ok(Self(names))
        } else {
            Err(SignatureError::SignedHeadersMalformed { signed_headers: list.into() })
        }
    }

    /// The list for a request that is about to be signed.
    pub(crate) fn of<'a>(names: impl Iterator<Item = &'a str>) -> Self {
        let mut names: Vec<String> = names.map(str::to_ascii_lowercase).collect();
        names.sort_unstable();
        names.dedup();
        Self(names)
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// Whether `name`, in any case, is in the list.
    pub(crate) fn contains(&self, name: &str) -> bool {
        self.names().any(|signed| signed.eq_ignore_ascii_case(name))
    }
}

impl fmt::Display for SignedHeaders {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0.join(";"))
    }
}

/// RFC 9110 token characters, less the upper-case letters.
fn is_lower_case_name(name: &str) -> bool {
    let allowed =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !name.is_empty() && name.bytes().all(allowed)
}
