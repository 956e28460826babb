//! SHA-256 sized bytes as the lower-case hexadecimal that Signature Version 4 writes everywhere.

const DIGITS: &[u8; 16] = b"0123456789abcdef";

/// 64 lower-case digits.
pub(crate) fn encode(bytes: &[u8; 32]) -> String {
    let digit = |nibble: u8| char::from(DIGITS[usize::from(nibble)]);
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

/// The bytes of exactly 64 lower-case digits; upper case is not what any signer writes and is `None`.
pub(crate) fn decode(text: &str) -> Option<[u8; 32]> {
    let digits: &[u8; 64] = text.as_bytes().try_into().ok()?;
    let mut bytes = [0; 32];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = nibble(pair[0])? << 4 | nibble(pair[1])?;
    }
    Some(bytes)
}

fn nibble(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_bytes_come_back() {
        for byte in 0..=255 {
            let text = encode(&[byte; 32]);
            assert_eq!(text, format!("{byte:02x}").repeat(32));
            assert_eq!(decode(&text), Some([byte; 32]));
        }
    }

    #[test]
    fn only_sixty_four_lower_case_digits_are_read() {
        for text in ["", &"a".repeat(63), &"a".repeat(65), &"A".repeat(64), &"g".repeat(64), &"é".repeat(32)]
        {
            assert_eq!(decode(text), None, "{text}");
        }
    }
}
