//! Exact amounts, rounded once for people: money to the cent, time to the hundredth of an hour.

use farmtally_wire::native::RuntimeMs;

/// Decimals that a cost can have.
const DECIMALS: usize = 18;
/// A hundredth of a dollar in units of 1e-18 dollars.
const CENT: u128 = 10_u128.pow(16);
/// A hundredth of an hour in microseconds.
const HUNDREDTH_HOUR_US: u128 = 36_000_000;

/// An amount of the answer as a whole number of its smallest units, for ranking, shares and bars.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(super) struct Figure(pub(super) u128);

impl Figure {
    /// A decimal text of dollars, in units of 1e-18 dollars.
    pub(super) fn of_cost(text: &str) -> Option<Self> {
        scaled(text, DECIMALS).map(Self)
    }

    /// A runtime, in microseconds.
    pub(super) fn of_runtime(runtime: &RuntimeMs) -> Option<Self> {
        match runtime {
            RuntimeMs::Whole(ms) => Some(Self(u128::from(*ms) * 1000)),
            RuntimeMs::Decimal(text) => scaled(text, 3).map(Self),
        }
    }

    /// Dollars and cents.
    pub(super) fn as_money(self) -> String {
        hundredths(rounded(self.0, CENT))
    }

    /// Hours and hundredths.
    pub(super) fn as_hours(self) -> String {
        hundredths(rounded(self.0, HUNDREDTH_HOUR_US))
    }

    /// How many per cent of a whole, with one decimal; nothing of nothing.
    pub(super) fn share_of(self, whole: Self) -> Option<String> {
        let per_mille = rounded(self.0.checked_mul(1000)?, whole.0.max(1));
        (whole.0 > 0).then(|| format!("{}.{} %", grouped(per_mille / 10), per_mille % 10))
    }

    /// How many per cent more or less than before, with one decimal; nothing where there was nothing before.
    pub(super) fn change_from(self, before: Self) -> Option<String> {
        let sign = match self.cmp(&before) {
            std::cmp::Ordering::Less => "-",
            std::cmp::Ordering::Equal => "",
            std::cmp::Ordering::Greater => "+",
        };
        Self(self.0.abs_diff(before.0)).share_of(before).map(|share| format!("{sign}{share}"))
    }
}

/// A whole number with commas between its thousands.
pub(super) fn grouped(number: u128) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn hundredths(number: u128) -> String {
    format!("{}.{:02}", grouped(number / 100), number % 100)
}

/// The quotient, half to even.
fn rounded(number: u128, unit: u128) -> u128 {
    let (quotient, rest) = (number / unit, number % unit);
    let is_up = rest > unit - rest || (rest == unit - rest && rest > 0 && quotient % 2 == 1);
    quotient + u128::from(is_up)
}

/// A decimal text as a whole number of units of that many decimals.
fn scaled(text: &str, decimals: usize) -> Option<u128> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let padding = decimals.checked_sub(fraction.len())?;
    let digits = format!("{whole}{fraction}{}", "0".repeat(padding));
    digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    fn money(text: &str) -> String {
        Figure::of_cost(text).unwrap().as_money()
    }

    #[test]
    fn money_is_rounded_once_half_to_even() {
        for (text, expected) in [
            ("0", "0.00"),
            ("12.345678901", "12.35"),
            ("0.005", "0.00"),
            ("0.015", "0.02"),
            ("0.005000000000000001", "0.01"),
            ("999.995", "1,000.00"),
            ("1234567.8", "1,234,567.80"),
        ] {
            assert_eq!(money(text), expected, "{text}");
        }
        assert_eq!(Figure::of_cost("1.0000000000000000001"), None);
        assert_eq!(Figure::of_cost("-1"), None);
    }

    #[test]
    fn hours_are_rounded_once() {
        let hours = |runtime| Figure::of_runtime(&runtime).unwrap().as_hours();
        assert_eq!(hours(RuntimeMs::Whole(3_600_000)), "1.00");
        assert_eq!(hours(RuntimeMs::Whole(18_000)), "0.00");
        assert_eq!(hours(RuntimeMs::Decimal("18000.001".to_owned())), "0.01");
        assert_eq!(hours(RuntimeMs::Whole(3_600_000_000)), "1,000.00");
    }

    #[test]
    fn shares_and_changes_have_one_decimal() {
        assert_eq!(Figure(1).share_of(Figure(3)).as_deref(), Some("33.3 %"));
        assert_eq!(Figure(1).share_of(Figure(0)), None);
        assert_eq!(Figure(212).change_from(Figure(100)).as_deref(), Some("+112.0 %"));
        assert_eq!(Figure(50).change_from(Figure(100)).as_deref(), Some("-50.0 %"));
        assert_eq!(Figure(7).change_from(Figure(7)).as_deref(), Some("0.0 %"));
        assert_eq!(Figure(7).change_from(Figure(0)), None);
    }
}
