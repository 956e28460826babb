//! Money as whole nano-dollars (1e-9 USD), and the one rule by which a cost is spread over time.

use std::fmt;

/// A cost, rate or factor that cannot be kept exactly.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    /// Not a plain decimal number.
    #[error("{value:?} is not a decimal number")]
    NotANumber {
        /// The text that was given.
        value: String,
    },
    /// Below zero.
    #[error("{value} is negative; the least is 0")]
    Negative {
        /// The text that was given.
        value: String,
    },
    /// Finer than a nano-dollar.
    #[error("{value} has more than nine decimals; round it to 1e-9 before sending it")]
    TooPrecise {
        /// The text that was given.
        value: String,
    },
    /// Above the bound of its type.
    #[error("{value} is more than {max}")]
    TooLarge {
        /// The text that was given.
        value: String,
        /// The bound, in the unit of the text.
        max: u64,
    },
}

const NANOS: u64 = 1_000_000_000;

/// Decimals of a nano-dollar.
const NANO_DIGITS: usize = 9;

/// Reads a non-negative decimal such as `0.912345678` or `1e-7` into units of 1e-9, exactly.
fn parse_nanos(text: &str, max: u64) -> Result<u64, MoneyError> {
    match plain_nanos(text.as_bytes()) {
        Some(nanos) if nanos <= max * NANOS => Ok(nanos),
        _ => parse_any_nanos(text, max),
    }
}

/// Digits with at most nine decimals, as nearly every amount is written; `None` for anything else.
fn plain_nanos(text: &[u8]) -> Option<u64> {
    /// So many digits fit, whatever they are.
    const DIGITS_MAX: usize = 10;
    let dot = text.iter().position(|digit| *digit == b'.');
    let (whole, decimals) = match dot {
        Some(dot) => (&text[..dot], &text[dot + 1..]),
        None => (text, &[][..]),
    };
    let fits = (1..=DIGITS_MAX).contains(&whole.len()) && decimals.len() <= NANO_DIGITS;
    if !fits || dot.is_some() && decimals.is_empty() || !whole.iter().chain(decimals).all(u8::is_ascii_digit)
    {
        return None;
    }
    let number =
        |digits: &[u8]| digits.iter().fold(0, |number, digit| number * 10 + u64::from(*digit - b'0'));
    let missing = u32::try_from(NANO_DIGITS - decimals.len()).ok()?;
    Some(number(whole) * NANOS + number(decimals) * 10_u64.pow(missing))
}

fn parse_any_nanos(text: &str, max: u64) -> Result<u64, MoneyError> {
    let value = || text.to_owned();
    let not_a_number = || MoneyError::NotANumber { value: value() };
    let (negative, unsigned) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let decimal = Decimal::parse(unsigned).ok_or_else(not_a_number)?;
    if negative && decimal.digits.iter().any(|digit| *digit != 0) {
        return Err(MoneyError::Negative { value: value() });
    }
    match decimal.scaled(9) {
        Scaled::Exact(nanos) if nanos <= max * NANOS => Ok(nanos),
        Scaled::Exact(_) | Scaled::TooLarge => Err(MoneyError::TooLarge { value: value(), max }),
        Scaled::TooPrecise => Err(MoneyError::TooPrecise { value: value() }),
    }
}

/// Significant digits and the power of ten that the last of them stands for.
struct Decimal {
    digits: Vec<u8>,
    exponent: i64,
}

enum Scaled {
    Exact(u64),
    TooPrecise,
    TooLarge,
}

impl Decimal {
    fn parse(text: &str) -> Option<Self> {
        let (mantissa, exponent) = match text.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
            None => (text, 0),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let mut digits = Vec::with_capacity(whole.len() + fraction.len());
        for digit in whole.bytes().chain(fraction.bytes()) {
            if !digit.is_ascii_digit() {
                return None;
            }
            digits.push(digit - b'0');
        }
        let decimals = i64::try_from(fraction.len()).ok()?;
        (!digits.is_empty()).then_some(Self { digits, exponent: i64::from(exponent) - decimals })
    }

    /// The number times ten to the `power`, if it is whole and fits.
    fn scaled(mut self, power: i64) -> Scaled {
        while self.digits.len() > 1 && self.digits.last() == Some(&0) {
            self.digits.pop();
            self.exponent += 1;
        }
        if self.digits == [0] {
            return Scaled::Exact(0);
        }
        let Ok(zeros) = u32::try_from(self.exponent + power) else {
            return if self.exponent < 0 { Scaled::TooPrecise } else { Scaled::TooLarge };
        };
        let digits = self
            .digits
            .iter()
            .try_fold(0_u64, |number, digit| number.checked_mul(10)?.checked_add(u64::from(*digit)));
        let scaled = digits.and_then(|number| number.checked_mul(10_u64.checked_pow(zeros)?));
        scaled.map_or(Scaled::TooLarge, Scaled::Exact)
    }
}

fn write_nanos(f: &mut fmt::Formatter<'_>, nanos: u64) -> fmt::Result {
    let (whole, fraction) = (nanos / NANOS, nanos % NANOS);
    if fraction == 0 {
        return write!(f, "{whole}");
    }
    let decimals = format!("{fraction:09}");
    write!(f, "{whole}.{}", decimals.trim_end_matches('0'))
}

macro_rules! nano_amount {
    ($(#[$doc:meta])* $name:ident, $max:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
        pub struct $name(u64);

        impl $name {
            /// The largest value, in units of 1e-9.
            pub const MAX: Self = Self($max * NANOS);
            /// Nothing.
            pub const ZERO: Self = Self(0);

            /// Reads a decimal with at most nine decimals.
            pub fn parse(text: &str) -> Result<Self, MoneyError> {
                parse_nanos(text, $max).map(Self)
            }

            /// The value of so many units of 1e-9.
            pub fn from_nanos(nanos: u64) -> Result<Self, MoneyError> {
                if nanos <= Self::MAX.0 {
                    Ok(Self(nanos))
                } else {
                    Err(MoneyError::TooLarge { value: format!("{nanos}e-9"), max: $max })
                }
            }

            /// Units of 1e-9.
            pub const fn nanos(self) -> u64 {
                self.0
            }
        }

        impl fmt::Display for $name {
            /// The shortest decimal that reads back to the same value.
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write_nanos(f, self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write_nanos(f, self.0)
            }
        }
    };
}

nano_amount!(
    /// An amount of money in whole nano-dollars, from 0 to 1,000,000,000 USD.
    NanoUsd, 1_000_000_000
);
nano_amount!(
    /// A price in nano-dollars per hour, from 0 to 1,000,000 USD per hour.
    HourlyRate, 1_000_000
);
nano_amount!(
    /// What a farm's costs are multiplied by when they are read, from 0 to 100, in units of 1e-9.
    CostScaleFactor, 100
);

impl CostScaleFactor {
    /// The factor that changes nothing.
    pub const ONE: Self = Self(NANOS);
}

const MILLIS_PER_HOUR: u128 = 3_600_000;

impl HourlyRate {
    /// What `duration_ms` milliseconds cost, cut to whole nano-dollars, or `None` above [`NanoUsd::MAX`].
    pub fn cost_of(self, duration_ms: u64, quantity: u32) -> Option<NanoUsd> {
        let nanos = u128::from(self.0) * u128::from(duration_ms) * u128::from(quantity) / MILLIS_PER_HOUR;
        u64::try_from(nanos).ok().and_then(|nanos| NanoUsd::from_nanos(nanos).ok())
    }
}

/// What a stored usage line costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LineCost {
    /// The cost of the whole session, or what a running session has cost so far.
    Total(NanoUsd),
    /// A running session's price; its cost grows until the session ends.
    PerHour(HourlyRate),
}

/// The part of `cost` that has accrued `elapsed_ms` into `duration_ms`: `floor(cost * elapsed / duration)`.
///
/// Differences of this function cut a cost into pieces that add up to it exactly, however time is cut.
/// `duration_ms` must not be zero and `elapsed_ms` must not exceed it.
#[inline]
pub fn accrued(cost: u64, elapsed_ms: u64, duration_ms: u64) -> u64 {
    debug_assert!(elapsed_ms <= duration_ms);
    // Nearly every product fits 64 bits, where a division is several times cheaper.
    if let Some(product) = cost.checked_mul(elapsed_ms) {
        return product / duration_ms;
    }
    let product = u128::from(cost) * u128::from(elapsed_ms);
    #[expect(
        clippy::cast_possible_truncation,
        reason = "at most `cost`, because elapsed is at most duration"
    )]
    let accrued = (product / u128::from(duration_ms)) as u64;
    accrued
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn plain_decimals_are_read_as_any_others(text in "[0-9]{0,12}[.]?[0-9]{0,11}") {
            prop_assert_eq!(parse_nanos(&text, 1000), parse_any_nanos(&text, 1000));
            prop_assert_eq!(parse_nanos(&text, 1_000_000_000), parse_any_nanos(&text, 1_000_000_000));
        }
    }

    #[test]
    fn amounts_as_nearly_all_are_written_take_the_short_way() {
        for (text, nanos) in [
            ("0", 0),
            ("0.0", 0),
            ("7", 7 * NANOS),
            ("007.5", 7 * NANOS + NANOS / 2),
            ("0.912345678", 912_345_678),
            ("12.000000001", 12 * NANOS + 1),
            ("9999999999", 9_999_999_999 * NANOS),
            ("9999999999.999999999", 9_999_999_999_999_999_999),
        ] {
            assert_eq!(plain_nanos(text.as_bytes()), Some(nanos), "{text}");
        }
        for text in
            ["", ".", "1.", ".5", "+1", "-1", "1e3", "1 ", "1.2.3", "1,5", "0.1234567891", "12345678901"]
        {
            assert_eq!(plain_nanos(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn decimals_are_read_exactly() {
        for (text, nanos) in [
            ("0", 0),
            ("-0", 0),
            ("0.912345678", 912_345_678),
            ("12", 12 * NANOS),
            (".5", NANOS / 2),
            ("1e-07", 100),
            ("1.50e1", 15 * NANOS),
            ("0.1000000000000", NANOS / 10),
            ("1000000000", 1_000_000_000 * NANOS),
            ("0e400", 0),
        ] {
            assert_eq!(NanoUsd::parse(text).unwrap().nanos(), nanos, "{text}");
        }
    }

    #[test]
    fn what_cannot_be_kept_exactly_is_refused_with_its_reason() {
        for (text, sentence) in [
            ("-1", "-1 is negative; the least is 0"),
            ("NaN", "\"NaN\" is not a decimal number"),
            ("inf", "\"inf\" is not a decimal number"),
            ("", "\"\" is not a decimal number"),
            (".", "\".\" is not a decimal number"),
            ("1,5", "\"1,5\" is not a decimal number"),
            ("0.1234567891", "0.1234567891 has more than nine decimals; round it to 1e-9 before sending it"),
            ("1e-10", "1e-10 has more than nine decimals; round it to 1e-9 before sending it"),
            ("1000000000.000000001", "1000000000.000000001 is more than 1000000000"),
            ("1e400", "1e400 is more than 1000000000"),
        ] {
            assert_eq!(NanoUsd::parse(text).unwrap_err().to_string(), sentence, "{text}");
        }
    }

    #[test]
    fn a_cost_accrues_by_its_time_however_large_it_is() {
        let most = NanoUsd::MAX.nanos();
        for (cost, elapsed_ms, duration_ms, accrued_nanos) in [
            (10, 0, 3, 0),
            (10, 1, 3, 3),
            (10, 2, 3, 6),
            (10, 3, 3, 10),
            // Products that do not fit 64 bits.
            (most, 1_800_000, 3_600_000, most / 2),
            (most, 100, 3_000_000_000, 33_333_333_333),
            (most, 3_600_000, 3_600_000, most),
        ] {
            assert_eq!(
                accrued(cost, elapsed_ms, duration_ms),
                accrued_nanos,
                "{cost} {elapsed_ms}/{duration_ms}"
            );
        }
    }

    #[test]
    fn a_rate_prices_time_and_quantity() {
        let rate = HourlyRate::parse("0.90").unwrap();
        assert_eq!(rate.cost_of(3_600_000, 2).unwrap().to_string(), "1.8");
        assert_eq!(rate.cost_of(1, 1).unwrap().nanos(), 250);
        assert!(HourlyRate::MAX.cost_of(u64::MAX, 1).is_none());
    }

    proptest! {
        #[test]
        fn text_and_back_is_the_same_amount(nanos in 0..=NanoUsd::MAX.nanos()) {
            let amount = NanoUsd::from_nanos(nanos).unwrap();
            prop_assert_eq!(NanoUsd::parse(&amount.to_string()).unwrap(), amount);
        }

        #[test]
        fn pieces_add_up_to_the_cost(
            cost in 0..=NanoUsd::MAX.nanos(),
            duration in 1_u64..4_000_000_000_000,
            cuts in prop::collection::vec(0.0_f64..1.0, 0..6),
        ) {
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "random cut points")]
            let mut edges: Vec<u64> = cuts.iter().map(|cut| (cut * duration as f64) as u64).collect();
            edges.extend([0, duration]);
            edges.sort_unstable();
            let pieces = edges.windows(2).map(|edge| accrued(cost, edge[1], duration) - accrued(cost, edge[0], duration));
            prop_assert_eq!(pieces.sum::<u64>(), cost);
        }
    }
}
