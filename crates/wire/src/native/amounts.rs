//! Exact amounts as decimal text.
//!
//! A cost is a whole number of nano-dollars times a factor in units of 1e-9, so that it has at most eighteen decimals and
//! all of them are shown. Averages are rounded once, half to even.

use farmtally_model::CostScaleFactor;

const NANOS: u128 = 1_000_000_000;

/// A cost in nano-dollars before the farm's factor, in dollars after it: every digit, no zeros behind the last.
pub fn decimal_cost(nanos: u128, factor: CostScaleFactor) -> String {
    if factor == CostScaleFactor::ONE {
        return decimal(nanos / NANOS, &format!("{:09}", nanos % NANOS));
    }
    let (billionths, attos) = scaled(nanos, factor);
    decimal(billionths / NANOS, &format!("{:09}{attos:09}", billionths % NANOS))
}

/// The average of `count` costs in dollars after the factor, rounded to nine decimals; nothing for no costs.
pub fn decimal_cost_avg(sum_nanos: u128, count: u64, factor: CostScaleFactor) -> Option<String> {
    let rounded = average_cost_nanos(sum_nanos, count, factor)?;
    Some(decimal(rounded / NANOS, &format!("{:09}", rounded % NANOS)))
}

/// The same in billionths of a dollar.
pub fn average_cost_nanos(sum_nanos: u128, count: u64, factor: CostScaleFactor) -> Option<u128> {
    if count == 0 {
        return None;
    }
    let count = u128::from(count);
    let (billionths, attos) = scaled(sum_nanos, factor);
    // The remainder of the division, in units of 1e-18, decides how the billionth is rounded.
    let (quotient, remainder) = (billionths / count, billionths % count);
    let rest = remainder * NANOS + attos;
    Some(quotient + u128::from(rounds_up(quotient, rest, count * NANOS)))
}

/// The average of `count` runtimes in milliseconds, with three decimals; nothing for no runtimes.
pub fn decimal_runtime_avg(sum_ms: u128, count: u64) -> Option<String> {
    let rounded = average_runtime_micros(sum_ms, count)?;
    Some(decimal(rounded / 1000, &format!("{:03}", rounded % 1000)))
}

/// The same in whole microseconds.
pub fn average_runtime_micros(sum_ms: u128, count: u64) -> Option<u128> {
    if count == 0 {
        return None;
    }
    let (sum, count) = (sum_ms.saturating_mul(1000), u128::from(count));
    let quotient = sum / count;
    Some(quotient + u128::from(rounds_up(quotient, sum % count, count)))
}

/// Billionths of a dollar after the factor, and the attos that are left over.
fn scaled(nanos: u128, factor: CostScaleFactor) -> (u128, u128) {
    let factor = u128::from(factor.nanos());
    let (dollars, rest) = (nanos / NANOS, nanos % NANOS);
    let attos = rest * factor;
    (dollars.saturating_mul(factor) + attos / NANOS, attos % NANOS)
}

/// Whether a quotient is rounded up, given what is left over after it.
fn rounds_up(quotient: u128, rest: u128, divisor: u128) -> bool {
    let twice = (rest % divisor).saturating_mul(2);
    twice > divisor || twice == divisor && quotient % 2 == 1
}

/// A decimal of its whole part and the digits behind the point, without zeros behind the last.
pub fn decimal(whole: u128, decimals: &str) -> String {
    match decimals.trim_end_matches('0') {
        "" => whole.to_string(),
        decimals => format!("{whole}.{decimals}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cost_has_all_its_digits() {
        let cost = |nanos, factor: &str| decimal_cost(nanos, CostScaleFactor::parse(factor).unwrap());
        assert_eq!(cost(0, "1"), "0");
        assert_eq!(cost(12_345_678_901, "1"), "12.345678901");
        assert_eq!(cost(1_500_000_000, "1"), "1.5");
        assert_eq!(cost(1, "0.000000001"), "0.000000000000000001");
        assert_eq!(cost(12_345_678_901, "1.234567891"), "15.241578763770767791");
        assert_eq!(cost(12_345_678_901, "0"), "0");
        // A billion sessions at the greatest cost and factor.
        assert_eq!(cost(NANOS * NANOS * NANOS, "100"), format!("1{}", "0".repeat(20)));
    }

    #[test]
    fn averages_are_rounded_half_to_even() {
        let avg = |sum, count, factor: &str| {
            decimal_cost_avg(sum, count, CostScaleFactor::parse(factor).unwrap()).unwrap()
        };
        assert_eq!(
            (avg(1, 2, "1"), avg(3, 2, "1"), avg(2, 3, "1")),
            ("0".into(), "0.000000002".into(), "0.000000001".into())
        );
        assert_eq!(avg(10_000_000_000, 3, "1"), "3.333333333");
        assert_eq!(avg(1, 1, "0.5"), "0");
        assert_eq!(avg(1, 1, "0.500000001"), "0.000000001");
        assert_eq!(avg(3, 1, "0.5"), "0.000000002");
        assert_eq!(decimal_cost_avg(1, 0, CostScaleFactor::ONE), None);
        let runtime = |sum, count| decimal_runtime_avg(sum, count).unwrap();
        assert_eq!(
            (runtime(600_001, 2), runtime(1, 3), runtime(3_600_000, 1)),
            ("300000.5".into(), "0.333".into(), "3600000".into())
        );
        assert_eq!((runtime(1, 2000), runtime(3, 2000)), ("0".into(), "0.002".into()));
    }
}
