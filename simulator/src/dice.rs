//! Chance from a seed: the same on every machine and in every version of the libraries around it.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// A stream of chance. Its draws are written out here, so that an update of `rand` cannot change a seed's world.
pub(crate) struct Dice(ChaCha8Rng);

impl Dice {
    /// The stream of these numbers: seed first, then what it is for.
    pub(crate) fn of(parts: &[u64]) -> Self {
        // splitmix64's finaliser: neighbouring numbers give unrelated streams
        let mix = |state: u64, part: &u64| {
            let mut z = (state ^ part).wrapping_add(0x9e37_79b9_7f4a_7c15);
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            z ^ (z >> 31)
        };
        Self(ChaCha8Rng::seed_from_u64(parts.iter().fold(0, mix)))
    }

    /// From 0 to below 1.
    pub(crate) fn unit(&mut self) -> f64 {
        (self.0.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// From 0 to below `n`, which is not 0.
    pub(crate) fn below(&mut self, n: usize) -> usize {
        ((u128::from(self.0.next_u64()) * n as u128) >> 64) as usize
    }

    /// From `low` to below `high`.
    pub(crate) fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit()
    }

    /// True once in `1 / p` times.
    pub(crate) fn chance(&mut self, p: f64) -> bool {
        self.unit() < p
    }

    /// One of these, which are not none.
    pub(crate) fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }

    /// One of these, which are not none, by weight.
    pub(crate) fn weighted<'a, T>(&mut self, from: &'a [(T, f64)]) -> &'a T {
        let total: f64 = from.iter().map(|(_, weight)| weight).sum();
        let mut left = self.unit() * total;
        for (thing, weight) in from {
            if left < *weight {
                return thing;
            }
            left -= weight;
        }
        &from[from.len() - 1].0
    }

    /// The time to the next of events that come `rate` times in a unit of time.
    pub(crate) fn wait(&mut self, rate: f64) -> f64 {
        -(1.0 - self.unit()).ln() / rate
    }

    /// A number for another stream.
    pub(crate) fn number(&mut self) -> u64 {
        self.0.next_u64()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbouring_seeds_give_unrelated_streams() {
        let first = |seed| Dice::of(&[seed, 1]).number();
        assert_eq!(first(1), first(1));
        assert_ne!(first(1), first(2));
        assert_ne!(Dice::of(&[1, 2]).number(), Dice::of(&[2, 1]).number());
    }

    #[test]
    fn draws_keep_to_their_range_and_mean() {
        let mut dice = Dice::of(&[7]);
        let mean = (0..10_000).map(|_| dice.between(2.0, 4.0)).sum::<f64>() / 10_000.0;
        assert!((2.95..3.05).contains(&mean), "{mean}");
        let waits = (0..10_000).map(|_| dice.wait(0.5)).sum::<f64>() / 10_000.0;
        assert!((1.9..2.1).contains(&waits), "{waits}");
        assert!((0..1_000).all(|_| dice.below(3) < 3));
    }
}
