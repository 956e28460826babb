//! What a server asks of a signature beyond its being right.

use std::fmt;

/// The rules one server checks signatures by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// The signing name of the service, `deadline` for ours.
    pub service: String,
    /// The one region a signature may name, or `None` for any.
    pub region: Option<String>,
    /// How far the time of a signature may lie from the server's clock, either way.
    pub clock_skew_max: ClockSkewMax,
}

/// The largest accepted distance between the time in a signature and the server's clock: 1 to 900 seconds,
/// 300 unless asked otherwise.
///
/// Within this time a request that somebody overheard can be sent again, so the limit is part of the security
/// of the server and has a bound of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClockSkewMax {
    seconds: u32,
}

impl ClockSkewMax {
    /// What AWS allows in most cases: five minutes.
    pub const DEFAULT: Self = Self { seconds: 300 };
    /// The most that any AWS service is known to allow: fifteen minutes.
    pub const LARGEST: Self = Self { seconds: 900 };

    /// Takes 1 to 900 seconds.
    pub fn new(seconds: u32) -> Result<Self, ClockSkewOutOfRange> {
        if (1..=Self::LARGEST.seconds).contains(&seconds) {
            Ok(Self { seconds })
        } else {
            Err(ClockSkewOutOfRange { seconds })
        }
    }

    /// The limit in seconds.
    pub fn seconds(self) -> u32 {
        self.seconds
    }
}

impl Default for ClockSkewMax {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// Prints as AWS prints it in a message about skew: `5 min.`, or `90 sec.` when it is not whole minutes.
impl fmt::Display for ClockSkewMax {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.seconds.is_multiple_of(60) {
            write!(formatter, "{} min.", self.seconds / 60)
        } else {
            write!(formatter, "{} sec.", self.seconds)
        }
    }
}

/// A clock skew that [`ClockSkewMax::new`] does not take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClockSkewOutOfRange {
    /// What was asked for.
    pub seconds: u32,
}

impl fmt::Display for ClockSkewOutOfRange {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let largest = ClockSkewMax::LARGEST.seconds;
        write!(formatter, "the largest clock skew is {} seconds; it must be 1 to {largest}", self.seconds)
    }
}

impl std::error::Error for ClockSkewOutOfRange {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_skew_is_one_second_to_fifteen_minutes() {
        assert_eq!(ClockSkewMax::new(1).map(ClockSkewMax::seconds), Ok(1));
        assert_eq!(ClockSkewMax::new(900), Ok(ClockSkewMax::LARGEST));
        let sentence = |seconds| ClockSkewMax::new(seconds).map_err(|error| error.to_string());
        assert_eq!(sentence(0), Err("the largest clock skew is 0 seconds; it must be 1 to 900".to_owned()));
        assert_eq!(
            sentence(901),
            Err("the largest clock skew is 901 seconds; it must be 1 to 900".to_owned())
        );
    }

    #[test]
    fn the_clock_skew_prints_whole_minutes_as_minutes() {
        assert_eq!(ClockSkewMax::default().to_string(), "5 min.");
        assert_eq!(ClockSkewMax::new(90).map(|skew| skew.to_string()), Ok("90 sec.".to_owned()));
    }
}
