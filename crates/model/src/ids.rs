//! Identifiers as the service writes them: a kind, a hyphen and 32 lower-case hexadecimal digits.
//!
//! Each kind is a type of its own, 16 bytes inside, so that a queue cannot be passed where a fleet is meant.

use std::fmt;

/// An identifier that does not match its pattern.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{kind} id {value:?} does not match {pattern}")]
pub struct IdError {
    /// What the identifier should have named, such as `farm`.
    pub kind: &'static str,
    /// The text that was given.
    pub value: String,
    /// The pattern it has to match.
    pub pattern: &'static str,
}

fn parse_hex(text: &str) -> Option<[u8; 16]> {
    let digits: &[u8; 32] = text.as_bytes().try_into().ok()?;
    let (mut bytes, mut all) = ([0; 16], 0);
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        let (high, low) = (NIBBLES[usize::from(pair[0])], NIBBLES[usize::from(pair[1])]);
        all |= high | low;
        *byte = high << 4 | low;
    }
    (all & NOT_A_DIGIT == 0).then_some(bytes)
}

/// What a character stands for, as a lower-case hexadecimal digit.
const NIBBLES: [u8; 256] = {
    let mut nibbles = [NOT_A_DIGIT; 256];
    let digits = b"0123456789abcdef";
    let mut value = 0;
    while value < 16 {
        nibbles[digits[value as usize] as usize] = value;
        value += 1;
    }
    nibbles
};

/// A bit that no digit has.
const NOT_A_DIGIT: u8 = 0x10;

fn write_hex(f: &mut fmt::Formatter<'_>, prefix: &str, bytes: [u8; 16]) -> fmt::Result {
    write!(f, "{prefix}{:032x}", u128::from_be_bytes(bytes))
}

macro_rules! identifier {
    ($(#[$doc:meta])* $name:ident, $kind:literal, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name([u8; 16]);

        impl $name {
            /// The pattern that the text form matches.
            pub const PATTERN: &'static str = concat!($prefix, "[0-9a-f]{32}");

            /// Reads the text form.
            pub fn parse(text: &str) -> Result<Self, IdError> {
                text.strip_prefix($prefix).and_then(parse_hex).map(Self).ok_or_else(|| IdError {
                    kind: $kind,
                    value: text.to_owned(),
                    pattern: Self::PATTERN,
                })
            }

            /// The identifier with these 16 bytes.
            pub const fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(bytes)
            }

            /// The 16 bytes behind the hexadecimal digits.
            pub const fn bytes(self) -> [u8; 16] {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write_hex(f, $prefix, self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write_hex(f, $prefix, self.0)
            }
        }

        impl std::str::FromStr for $name {
            type Err = IdError;
            fn from_str(text: &str) -> Result<Self, IdError> {
                Self::parse(text)
            }
        }
    };
}

identifier!(
    /// A farm: `farm-` and 32 hexadecimal digits.
    FarmId, "farm", "farm-"
);
identifier!(
    /// A queue: `queue-` and 32 hexadecimal digits.
    QueueId, "queue", "queue-"
);
identifier!(
    /// A fleet: `fleet-` and 32 hexadecimal digits.
    FleetId, "fleet", "fleet-"
);
identifier!(
    /// A render job: `job-` and 32 hexadecimal digits.
    JobId, "job", "job-"
);
identifier!(
    /// One worker working for one job without a break: `session-` and 32 hexadecimal digits.
    SessionId, "session", "session-"
);
identifier!(
    /// A worker: `worker-` and 32 hexadecimal digits.
    WorkerId, "worker", "worker-"
);
identifier!(
    /// A persistent volume of a fleet: `volume-` and 32 hexadecimal digits.
    VolumeId, "volume", "volume-"
);
identifier!(
    /// The answer to one Start: 32 hexadecimal digits without a prefix, as the service has it.
    AggregationId, "aggregation", ""
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_survives_text_and_back() {
        let text = "farm-0123456789abcdef0123456789abcdef";
        assert_eq!(FarmId::parse(text).unwrap().to_string(), text);
        assert_eq!(AggregationId::parse(&text[5..]).unwrap().to_string(), text[5..]);
    }

    #[test]
    fn anything_but_32_lower_case_digits_after_the_right_prefix_is_refused() {
        for text in [
            "",
            "farm-",
            "queue-0123456789abcdef0123456789abcdef",
            "farm-0123456789abcdef0123456789abcde",
            "farm-0123456789abcdef0123456789abcdef0",
            "farm-0123456789ABCDEF0123456789abcdef",
            "farm-0123456789abcdef0123456789abcdeg",
            "farm-0123456789abcdef0123456789abcde\u{e9}",
        ] {
            let error = FarmId::parse(text).unwrap_err();
            assert_eq!(error.to_string(), format!("farm id {text:?} does not match farm-[0-9a-f]{{32}}"));
        }
    }
}
