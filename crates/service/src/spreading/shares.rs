//! A whole number divided in proportion, so that the parts add up to it: the largest-remainder method.

/// The parts of `total` in proportion to `weights`, in their order. `None` when all weights are zero.
///
/// Each part is its exact share cut down or up to a whole number. Those with the largest remainders are cut up, the earlier
/// of equals first.
pub(super) fn largest_remainder(total: u64, weights: &[u64]) -> Option<Vec<u64>> {
    let sum: u128 = weights.iter().copied().map(u128::from).sum();
    if sum == 0 {
        return None;
    }
    let (mut parts, mut remainders) = (Vec::with_capacity(weights.len()), Vec::new());
    let mut left = total;
    for (index, weight) in weights.iter().enumerate() {
        let product = u128::from(total) * u128::from(*weight);
        // A part is no more than the total.
        let part = u64::try_from(product / sum).unwrap_or(total);
        left -= part;
        parts.push(part);
        remainders.push((product % sum, index));
    }
    // The remainders are less than `sum` each and `left` times `sum` together, so that there are enough of them.
    remainders.sort_unstable_by(|one, other| other.0.cmp(&one.0).then(one.1.cmp(&other.1)));
    for (_, index) in remainders.iter().take(usize::try_from(left).unwrap_or(usize::MAX)) {
        parts[*index] += 1;
    }
    Some(parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_remainders_are_cut_up_and_the_earlier_of_equals_first() {
        assert_eq!(largest_remainder(10, &[1, 1, 1]).unwrap(), [4, 3, 3]);
        assert_eq!(largest_remainder(10, &[2, 3, 0, 6]).unwrap(), [2, 3, 0, 5]);
        assert_eq!(largest_remainder(0, &[2, 3]).unwrap(), [0, 0]);
        assert_eq!(largest_remainder(2, &[0, 1]).unwrap(), [0, 2]);
    }

    #[test]
    fn nothing_is_divided_over_no_weight() {
        assert_eq!(largest_remainder(1, &[]), None);
        assert_eq!(largest_remainder(1, &[0, 0]), None);
    }

    fn check(total: u64, weights: &[u64]) {
        let sum: u128 = weights.iter().copied().map(u128::from).sum();
        let Some(parts) = largest_remainder(total, weights) else {
            assert_eq!(sum, 0);
            return;
        };
        assert_eq!(
            parts.iter().copied().map(u128::from).sum::<u128>(),
            u128::from(total),
            "{total} {weights:?}"
        );
        for (part, weight) in parts.iter().zip(weights) {
            // Within one of the exact share: |part - total * weight / sum| < 1.
            let exact = u128::from(total) * u128::from(*weight);
            assert!((u128::from(*part) * sum).abs_diff(exact) < sum, "{total} {weights:?}");
        }
    }

    /// Splitmix64: a fixed sequence that is the same everywhere.
    fn next(state: &mut u64) -> u64 {
        *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut number = *state;
        number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        number ^ (number >> 31)
    }

    #[test]
    fn the_parts_of_random_bills_add_up_to_the_nano_dollar() {
        let mut state = 20_260_101;
        for round in 0..20_000_u64 {
            let count = next(&mut state) % 40;
            let weight_max = [3, 1000, 86_400_000, 32_503_679_999_999][usize::try_from(round % 4).unwrap()];
            let weights: Vec<u64> = (0..count).map(|_| next(&mut state) % (weight_max + 1)).collect();
            let total = next(&mut state)
                % [1, 7, 1_000_000, 1_000_000_000_000_000_001][usize::try_from(round / 4 % 4).unwrap()];
            check(total, &weights);
        }
    }
}
