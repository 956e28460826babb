//! The single place where an exact answer becomes a double.

/// The double nearest to `numerator * factor / denominator`, ties to even. `denominator` must not be zero.
///
/// The quotient is never computed in floating point unless both sides are exact there, so the result is the correctly
/// rounded one, whatever the size of the numbers.
pub fn ratio_to_f64(numerator: u128, factor: u64, denominator: u128) -> f64 {
    debug_assert!(denominator != 0);
    if numerator == 0 || factor == 0 {
        return 0.0;
    }
    // Nearly all amounts are small enough as they are, and looking for common factors costs more than the division.
    let product = numerator.checked_mul(u128::from(factor));
    if let Some(quotient) = product.and_then(|numerator| divide_exact_doubles(numerator, denominator)) {
        return quotient;
    }
    let (numerator, denominator) = reduce(numerator, factor, denominator);
    let quotient = numerator.low_half().and_then(|numerator| divide_exact_doubles(numerator, denominator));
    quotient.unwrap_or_else(|| long_division(numerator, denominator))
}

/// The quotient of two integers that are doubles exactly: IEEE division rounds once. `None` for larger ones.
#[expect(clippy::cast_precision_loss, reason = "only integers below 2^53 are cast, which are exact doubles")]
fn divide_exact_doubles(numerator: u128, denominator: u128) -> Option<f64> {
    let exact = |integer: u128| u64::try_from(integer).ok().filter(|integer| *integer < EXACT);
    Some(exact(numerator)? as f64 / exact(denominator)? as f64)
}

/// Integers below this are doubles exactly.
const EXACT: u64 = 1 << 53;

/// Takes out common factors of ten, which is where most of the size comes from, and multiplies.
fn reduce(mut numerator: u128, mut factor: u64, mut denominator: u128) -> (Wide, u128) {
    while factor.is_multiple_of(10) && denominator.is_multiple_of(10) {
        factor /= 10;
        denominator /= 10;
    }
    while numerator.is_multiple_of(10) && denominator.is_multiple_of(10) {
        numerator /= 10;
        denominator /= 10;
    }
    (Wide::product(numerator, factor), denominator)
}

/// An unsigned integer of 192 bits.
#[derive(Clone, Copy)]
struct Wide {
    high: u64,
    low: u128,
}

impl Wide {
    fn product(numerator: u128, factor: u64) -> Self {
        const LOW: u128 = u64::MAX as u128;
        let factor = u128::from(factor);
        let low = (numerator & LOW) * factor;
        let middle = (numerator >> 64) * factor + (low >> 64);
        let high = (middle >> 64) as u64;
        Self { high, low: (middle << 64) | (low & LOW) }
    }

    fn low_half(self) -> Option<u128> {
        (self.high == 0).then_some(self.low)
    }

    fn bits(self) -> u32 {
        if self.high == 0 { 128 - self.low.leading_zeros() } else { 192 - self.high.leading_zeros() }
    }

    fn bit(self, index: u32) -> u128 {
        if index >= 128 { u128::from(self.high >> (index - 128) & 1) } else { self.low >> index & 1 }
    }
}

/// Schoolbook division, bit by bit, until 55 significant bits are known; what is left over becomes a sticky bit.
fn long_division(numerator: Wide, denominator: u128) -> f64 {
    // `denominator` is below 2^127 for every unit and count we have, so that `remainder` can be doubled.
    debug_assert!(denominator < 1 << 127);
    let (mut quotient, mut remainder) = (0_u64, 0_u128);
    let mut position = i64::from(numerator.bits());
    while quotient < 1 << 54 {
        position -= 1;
        let bit = u32::try_from(position).map_or(0, |index| numerator.bit(index));
        remainder = remainder << 1 | bit;
        quotient <<= 1;
        if remainder >= denominator {
            remainder -= denominator;
            quotient |= 1;
        }
    }
    let below =
        remainder != 0 || (0..position).any(|index| numerator.bit(u32::try_from(index).unwrap_or(0)) == 1);
    round_to_even(quotient, below, position)
}

/// `quotient * 2^exponent` with 55 significant bits and a sticky bit, rounded to 53.
fn round_to_even(quotient: u64, below: bool, exponent: i64) -> f64 {
    let (kept, rest) = (quotient >> 2, quotient & 3);
    let up = match rest {
        0 | 1 => false,
        2 => below || kept & 1 == 1,
        _ => true,
    };
    #[expect(clippy::cast_precision_loss, reason = "at most 2^53, which is exact")]
    let significand = (kept + u64::from(up)) as f64;
    // Powers of two are exact here: answers lie between 1e-30 and 1e40, far from the subnormal doubles.
    let exponent = i32::try_from(exponent + 2).unwrap_or(0);
    significand * 2_f64.powi(exponent)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn small_ratios_are_the_obvious_doubles() {
        for (numerator, factor, denominator, expected) in [
            (0, 1, 1, 0.0),
            (0, 7, (1 << 60) + 1, 0.0),
            (7, 0, (1 << 60) + 1, 0.0),
            (53_773, 1, 1000, 53.773),
            (912_345_678, 1_000_000_000, 1_000_000_000_000_000_000, 0.912_345_678),
            (1, 1, 3, 1.0 / 3.0),
            (u128::from(u64::MAX), 1, 1, 18_446_744_073_709_551_615.0),
        ] {
            let double = ratio_to_f64(numerator, factor, denominator);
            assert_eq!(double.to_bits(), f64::to_bits(expected), "{numerator} * {factor} / {denominator}");
        }
    }

    #[test]
    fn ties_go_to_the_even_neighbour() {
        // 2^53 + 1 lies half way between two doubles.
        assert_eq!(ratio_to_f64((1 << 53) + 1, 1, 1).to_bits(), 9_007_199_254_740_992.0_f64.to_bits());
        assert_eq!(ratio_to_f64((1 << 53) + 3, 1, 1).to_bits(), 9_007_199_254_740_996.0_f64.to_bits());
        // The same tie with many bits behind it, all nothing or but for the last.
        let tie = ((1 << 53) + 1) << 10;
        assert_eq!(ratio_to_f64(tie, 1, 1).to_bits(), 9_223_372_036_854_775_808.0_f64.to_bits());
        assert_eq!(ratio_to_f64(tie + 1, 1, 1).to_bits(), 9_223_372_036_854_777_856.0_f64.to_bits());
        // The same tie, broken by a remainder.
        assert_eq!(
            ratio_to_f64(((1 << 53) + 1) * 7 + 1, 1, 7).to_bits(),
            9_007_199_254_740_994.0_f64.to_bits()
        );
    }

    #[test]
    fn only_integers_below_2_to_the_53_are_divided_as_doubles() {
        let (largest, first_beyond) = (u128::from(EXACT) - 1, u128::from(EXACT));
        assert_eq!(divide_exact_doubles(1, 4), Some(0.25));
        assert_eq!(divide_exact_doubles(largest, largest), Some(1.0));
        assert_eq!(divide_exact_doubles(first_beyond, 1), None);
        assert_eq!(divide_exact_doubles(1, first_beyond), None);
        assert_eq!(divide_exact_doubles(1 << 64, 1), None);
    }

    #[test]
    fn common_factors_of_ten_are_taken_out_of_either_side() {
        for (numerator, factor, denominator, product, rest) in [
            (7, 1_000, 100, 70, 1),
            (700, 3, 10_000, 21, 100),
            (700, 30, 1_000, 21, 1),
            (7, 3, 1_000, 21, 1_000),
            (70, 10, 7, 700, 7),
        ] {
            let (reduced, denominator) = reduce(numerator, factor, denominator);
            assert_eq!((reduced.low_half(), denominator), (Some(product), rest), "{numerator} * {factor}");
        }
    }

    #[test]
    fn a_product_has_all_its_192_bits() {
        let all = Wide::product(u128::MAX, u64::MAX);
        // (2^128 - 1) * (2^64 - 1) = 2^192 - 2^128 - 2^64 + 1
        assert_eq!((all.high, all.low), (u64::MAX - 1, u128::MAX - u128::from(u64::MAX) + 1));
        assert_eq!((all.bits(), all.low_half()), (192, None));
        assert_eq!((all.bit(0), all.bit(1), all.bit(63), all.bit(64)), (1, 0, 0, 1));
        assert_eq!((all.bit(127), all.bit(128), all.bit(129), all.bit(191)), (1, 0, 1, 1));
        let small = Wide::product(5, 1);
        assert_eq!((small.bits(), small.low_half()), (3, Some(5)));
        assert_eq!(Wide::product(1 << 127, 2).bits(), 129);
    }

    /// The standard library's decimal parser rounds correctly, so a quotient written out in decimal is an oracle.
    fn by_decimal_text(numerator: u128, denominator: u128) -> f64 {
        let mut text = format!("{}.", numerator / denominator);
        let mut rest = numerator % denominator;
        for _ in 0..60 {
            rest *= 10;
            text.push(char::from(b'0' + u8::try_from(rest / denominator).unwrap()));
            rest %= denominator;
        }
        if rest != 0 {
            text.push('1');
        }
        text.parse().unwrap()
    }

    proptest! {
        #[test]
        fn every_ratio_is_correctly_rounded(
            numerator in 0_u128..1 << 100,
            shift in 0_u32..100,
            factor in 0_u64..1 << 20,
            denominator in 1_u128..1 << 110,
            narrow in 0_u32..110,
        ) {
            let (numerator, denominator) = (numerator >> shift, (denominator >> narrow).max(1));
            let expected = by_decimal_text(numerator * u128::from(factor), denominator);
            prop_assert_eq!(ratio_to_f64(numerator, factor, denominator).to_bits(), expected.to_bits());
        }

        #[test]
        fn a_product_beyond_128_bits_is_rounded_as_well(
            numerator in 1_u128..1 << 60,
            factor in 1_u64..1 << 60,
            denominator in 1_u128..1 << 60,
            shift in 0_u32..=66,
        ) {
            let expected = by_decimal_text(numerator * u128::from(factor), denominator);
            let double = ratio_to_f64(numerator << shift, factor, denominator << shift);
            prop_assert_eq!(double.to_bits(), expected.to_bits());
        }
    }
}
