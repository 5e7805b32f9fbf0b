//! Chance from a seed, the same everywhere, and fast enough for tens of millions of vehicles and reads.

/// A stream of chance: splitmix64.
#[derive(Clone)]
pub struct Dice(u64);

/// Mixes two numbers into one that looks like neither.
pub fn mixed(one: u64, other: u64) -> u64 {
    let mut z = one
        .wrapping_add(other.wrapping_mul(0x9e37_79b9_7f4a_7c15))
        .wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// A number as one from 0 to below 1.
pub fn unit(number: u64) -> f64 {
    (number >> 11) as f64 / (1_u64 << 53) as f64
}

impl Dice {
    pub fn of(seed: u64, purpose: &str) -> Self {
        Self(
            purpose
                .bytes()
                .fold(mixed(seed, 1), |state, byte| mixed(state, u64::from(byte))),
        )
    }

    pub fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mixed(self.0, 0)
    }

    pub fn unit(&mut self) -> f64 {
        unit(self.number())
    }

    pub fn chance(&mut self, p: f64) -> bool {
        self.unit() < p
    }

    pub fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit()
    }

    /// From 0 to below `n`, which is not 0.
    pub fn below(&mut self, n: usize) -> usize {
        ((u128::from(self.number()) * n as u128) >> 64) as usize
    }

    pub fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }

    /// One of these by weight; they are not none.
    pub fn weighted<T: Copy>(&mut self, from: &[(T, f64)]) -> T {
        let mut left = self.unit() * from.iter().map(|(_, weight)| weight).sum::<f64>();
        for (thing, weight) in from {
            left -= weight;
            if left < 0.0 {
                return *thing;
            }
        }
        from[from.len() - 1].0
    }
}
