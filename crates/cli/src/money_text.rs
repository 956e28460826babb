//! Sums of nano-dollars as decimal text, exact and without a float.

/// Nano-dollars in a dollar.
const NANOS: u128 = 1_000_000_000;

/// Dollars, with as many decimals as there are.
pub(crate) fn usd(nanos: u128) -> String {
    decimal(nanos, NANOS)
}

/// Dollars with a sign, for a difference.
pub(crate) fn usd_difference(before_nanos: u128, after_nanos: u128) -> String {
    let sign = match after_nanos.cmp(&before_nanos) {
        std::cmp::Ordering::Less => "-",
        std::cmp::Ordering::Equal => "",
        std::cmp::Ordering::Greater => "+",
    };
    format!("{sign}{}", usd(before_nanos.abs_diff(after_nanos)))
}

/// A number of `unit`ths, which is a power of ten.
pub(crate) fn decimal(number: u128, unit: u128) -> String {
    let (whole, fraction) = (number / unit, number % unit);
    if fraction == 0 {
        return whole.to_string();
    }
    let digits = unit.ilog10() as usize;
    let decimals = format!("{fraction:0digits$}");
    format!("{whole}.{}", decimals.trim_end_matches('0'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_rounded() {
        assert_eq!(usd(0), "0");
        assert_eq!(usd(1), "0.000000001");
        assert_eq!(usd(12_500_000_000), "12.5");
        assert_eq!(usd_difference(2, 1), "-0.000000001");
        assert_eq!(usd_difference(1, 1_000_000_001), "+1");
        assert_eq!(usd_difference(7, 7), "0");
        assert_eq!(decimal(1_500, 1_000), "1.5");
    }
}
