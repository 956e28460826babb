//! A small deterministic source of numbers, the same on every machine and in every version.

/// Sebastiano Vigna's SplitMix64: 64 bits of state, and good enough to invent a studio.
pub(super) struct Prng(u64);

impl Prng {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number from 0 up to but not including `bound`.
    pub(super) fn below(&mut self, bound: u32) -> u32 {
        let high = self.next() >> 32;
        ((high * u64::from(bound)) >> 32) as u32
    }

    /// A position among so many things, of which there must be one.
    pub(super) fn index(&mut self, length: usize) -> usize {
        self.below(u32::try_from(length).unwrap_or(u32::MAX)) as usize
    }

    pub(super) fn bytes16(&mut self) -> [u8; 16] {
        (u128::from(self.next()) << 64 | u128::from(self.next())).to_be_bytes()
    }

    pub(super) fn percent(&mut self, chance: u32) -> bool {
        self.below(100) < chance
    }

    /// One of several things, which must not be none.
    pub(super) fn pick<'a, T>(&mut self, things: &'a [T]) -> &'a T {
        &things[self.index(things.len())]
    }

    /// One of several things with their weights, of which some must be positive.
    pub(super) fn weighted<T: Copy>(&mut self, things: &[(u32, T)]) -> T {
        let mut rest = self.below(things.iter().map(|(weight, _)| weight).sum());
        let mut chosen = things[0].1;
        for (weight, thing) in things {
            if rest < *weight {
                chosen = *thing;
                break;
            }
            rest -= weight;
        }
        chosen
    }

    /// A log-normal length: half are below `median_ms`, and a spread of 1 makes one in six longer than 2.7 times that.
    ///
    /// Only additions and multiplications, which every machine rounds alike; `exp` and `ln` may differ between them.
    pub(super) fn log_normal_ms(&mut self, median_ms: u32, spread: f64) -> i64 {
        let twelve_uniforms: f64 = (0..12).map(|_| f64::from(self.below(1 << 20)) / f64::from(1 << 20)).sum();
        let nearly_normal = twelve_uniforms - 6.0;
        let mut exponential = 1.0 + nearly_normal * spread / 1024.0;
        for _ in 0..10 {
            exponential *= exponential;
        }
        #[expect(clippy::cast_possible_truncation, reason = "a length in milliseconds, cut to whole ones")]
        let length_ms = (f64::from(median_ms) * exponential) as i64;
        length_ms
    }
}
