//! A request's query, decoded by RFC 3986.
//!
//! The painful fact: `+` is a plus here. Forms write a space that way, AWS's clients never do, and a page token that
//! was decoded as a form loses its plus signs.

use percent_encoding::percent_decode_str;

use crate::validation::Problems;

/// The text after the `?`, still percent-encoded.
#[derive(Debug, Clone, Copy)]
pub(crate) struct QueryString<'raw> {
    raw: &'raw str,
}

impl<'raw> QueryString<'raw> {
    pub(crate) const fn new(raw: &'raw str) -> Self {
        Self { raw }
    }

    /// A parameter's decoded value, if it is there; one without `=` is empty. Refused when given more than once or when
    /// it does not decode to UTF-8. Other parameters are of no interest and may be anything.
    pub(crate) fn parameter(self, name: &str, problems: &mut Problems) -> Option<String> {
        let mut values =
            self.pairs().filter(|(key, _)| decoded(key).as_deref() == Some(name)).map(|(_, value)| value);
        let value = values.next()?;
        let further = values.count();
        if further > 0 {
            return problems
                .refuse(name, format!("the parameter is given {} times; once is allowed", further + 1));
        }
        let value = decoded(value);
        if value.is_none() {
            return problems.refuse(name, "the value is not percent-encoded UTF-8");
        }
        value
    }

    /// The decoded values of a parameter that may be given several times.
    pub(crate) fn parameters(self, name: &str, problems: &mut Problems) -> Option<Vec<String>> {
        let values = self.pairs().filter(|(key, _)| decoded(key).as_deref() == Some(name));
        let values: Option<Vec<String>> = values.map(|(_, value)| decoded(value)).collect();
        values.or_else(|| problems.refuse(name, "the value is not percent-encoded UTF-8"))
    }

    /// A parameter that has to be there.
    pub(crate) fn required(self, name: &str, problems: &mut Problems) -> Option<String> {
        if self.pairs().any(|(key, _)| decoded(key).as_deref() == Some(name)) {
            self.parameter(name, problems)
        } else {
            problems.refuse_missing(name)
        }
    }

    fn pairs(self) -> impl Iterator<Item = (&'raw str, &'raw str)> {
        self.raw.split('&').map(|pair| pair.split_once('=').unwrap_or((pair, "")))
    }
}

/// Name and value of every parameter that has either; `None` for what does not decode.
pub(crate) fn decoded_pairs(raw: &str) -> impl Iterator<Item = (Option<String>, Option<String>)> {
    let pairs = QueryString::new(raw).pairs().filter(|pair| *pair != ("", ""));
    pairs.map(|(name, value)| (decoded(name), decoded(value)))
}

/// The text behind percent-encoding, or `None` where an escape is broken or the bytes are no UTF-8.
fn decoded(text: &str) -> Option<String> {
    let broken = text.split('%').skip(1).any(|after| !after.as_bytes().get(..2).is_some_and(is_hex));
    if broken {
        return None;
    }
    percent_decode_str(text).decode_utf8().ok().map(std::borrow::Cow::into_owned)
}

fn is_hex(digits: &[u8]) -> bool {
    digits.iter().all(u8::is_ascii_hexdigit)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The value of `t`, or the sentence that refuses it.
    fn parameter(raw: &str) -> Result<Option<String>, String> {
        let mut problems = Problems::default();
        let value = QueryString::new(raw).parameter("t", &mut problems);
        problems.finish(Some(value)).map_err(|error| error.to_string())
    }

    fn check(raw: &str, expected: Option<&str>) {
        assert_eq!(parameter(raw), Ok(expected.map(str::to_owned)), "{raw}");
    }

    #[test]
    fn values_are_decoded_and_a_plus_is_a_plus() {
        check("t=a%2Bb%2Fc%3D%20d%26%C3%A9", Some("a+b/c= d&é"));
        check("t=a+b", Some("a+b"));
        check("t=a=b", Some("a=b"));
        check("&x&%74=1&", Some("1"));
        check("t", Some(""));
        check("T=1&tt=2", None);
        check("", None);
    }

    #[test]
    fn a_repeated_parameter_is_refused_and_others_are_ignored() {
        let sentence = "1 field is not valid: t: the parameter is given 3 times; once is allowed";
        assert_eq!(parameter("t=1&t=1&%74=2"), Err(sentence.to_owned()));
        check("u=1&u=2&%zz=%FF&t=1", Some("1"));
    }

    #[test]
    fn a_value_that_does_not_decode_is_refused() {
        let sentence = "1 field is not valid: t: the value is not percent-encoded UTF-8";
        for raw in ["t=%FF", "t=%", "t=%2", "t=%zz", "t=%+1", "t=%%20", "t=%é"] {
            assert_eq!(parameter(raw), Err(sentence.to_owned()), "{raw}");
        }
    }
}
