//! A form as browsers send it: `name=value` pairs with `+` for a space.

/// The value of a field, decoded; `None` when it is not there or is no UTF-8.
pub(super) fn field(body: &[u8], name: &str) -> Option<String> {
    let body = std::str::from_utf8(body).ok()?;
    let value = body.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))?;
    decoded(value)
}

fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => nibble(rest.next()?)? << 4 | nibble(rest.next()?)?,
            other => other,
        });
    }
    String::from_utf8(bytes).ok()
}

fn nibble(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|nibble| u8::try_from(nibble).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_decoded_as_browsers_encode_it() {
        let body = b"accessKeyId=FTAK&secretAccessKey=a%2Bb%2Fc+d%C3%A9";
        assert_eq!(field(body, "accessKeyId").as_deref(), Some("FTAK"));
        assert_eq!(field(body, "secretAccessKey").as_deref(), Some("a+b/c d\u{e9}"));
        assert_eq!(field(body, "secret"), None);
    }

    #[test]
    fn what_is_no_form_has_no_fields() {
        for body in [&b""[..], b"a", b"a=%", b"a=%1", b"a=%zz", b"a=%ff", b"\xff=1"] {
            assert_eq!(field(body, "a"), None, "{body:?}");
        }
    }
}
