//! Numbers for people: dollars with cents, hours with a decimal, thousands with commas, days.

use std::fmt;

use farmtally_model::Timestamp;

/// Dollars, such as `$1,234.56`. Less than half a cent that is not nothing is shown as such.
#[derive(Debug, Clone, Copy)]
pub(super) struct Dollars(pub(super) f64);

impl fmt::Display for Dollars {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 > 0.0 && self.0 < 0.005 {
            return f.write_str("&lt;$0.01");
        }
        write!(f, "${}", grouped(&format!("{:.2}", self.0)))
    }
}

/// Hours, such as `1,234.5 h`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Hours(pub(super) f64);

impl fmt::Display for Hours {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 > 0.0 && self.0 < 0.05 {
            return f.write_str("&lt;0.1 h");
        }
        write!(f, "{} h", grouped(&format!("{:.1}", self.0)))
    }
}

/// A day as `2025-11-24`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Day(pub(super) Timestamp);

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let instant = self.0.to_string();
        f.write_str(instant.split('T').next().unwrap_or_default())
    }
}

/// A number of things, such as `1,234,567`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Count(pub(super) u64);

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&grouped(&self.0.to_string()))
    }
}

/// A comma before every three digits of the whole part.
fn grouped(decimal: &str) -> String {
    let (whole, fraction) = decimal.split_at(decimal.find('.').unwrap_or(decimal.len()));
    let mut text = String::with_capacity(decimal.len() + whole.len() / 3);
    for (index, digit) in whole.char_indices() {
        if index > 0 && (whole.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text + fraction
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_grouped() {
        for (count, text) in [(0, "0"), (999, "999"), (1000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(Count(count).to_string(), text);
        }
        assert_eq!(Dollars(1_234_567.891).to_string(), "$1,234,567.89");
        assert_eq!(Hours(1000.04).to_string(), "1,000.0 h");
    }

    #[test]
    fn a_little_is_not_nothing() {
        assert_eq!(Dollars(0.0).to_string(), "$0.00");
        assert_eq!(Dollars(0.004).to_string(), "&lt;$0.01");
        assert_eq!(Dollars(0.005_1).to_string(), "$0.01");
        assert_eq!(Hours(0.01).to_string(), "&lt;0.1 h");
    }
}
