//! The coarse gate: which likenesses cannot be worth a closer look, judged by the two marks alone.
//!
//! A read costs what its misreading would: the negative logarithm of how likely each character, as listed, is read as it was.
//! Whoever scores candidates knows the least posterior that any grade wants, and from it the highest cost that can still
//! reach it: the higher, the less the read can be a mark of its own.

use domain::misread::Difference;
use domain::syntax;

use crate::matching::Likeness;

/// Rows of the table of costs: every ASCII character.
const ROWS: usize = 128;

/// The highest costs that are worth a closer look, in nats.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Budgets {
    /// Of a read that no UK mark looks like.
    pub odd: f32,
    /// Of a read that may be some other car's mark.
    pub plausible: f32,
    /// Of a read that is known as another car's mark, on the register or by sight.
    pub known: f32,
}

/// See the module's page.
pub struct Gate {
    /// By the character as listed, then as read.
    costs: Box<[[f32; ROWS]; ROWS]>,
    lost: f32,
    gained: f32,
    budgets: Budgets,
}

impl Gate {
    /// A gate with costs in nats, 0 or more: `swapped` of the character as listed and as read, `lost` and `gained` of one
    /// character.
    #[must_use]
    pub fn new(swapped: impl Fn(u8, u8) -> f32, lost: f32, gained: f32, budgets: Budgets) -> Self {
        let mut costs = Box::new([[0.0; ROWS]; ROWS]);
        for (listed, row) in costs.iter_mut().enumerate() {
            for (read, cost) in row.iter_mut().enumerate() {
                let (listed, read) = (listed as u8, read as u8);
                if listed.is_ascii_alphanumeric() && read.is_ascii_alphanumeric() {
                    *cost = swapped(listed, read);
                }
            }
        }
        Self {
            costs,
            lost,
            gained,
            budgets,
        }
    }

    /// Whether a likeness is worth a closer look. `known` says whether the mark as read is another car's; it is asked where
    /// that decides.
    #[inline]
    pub fn lets_pass(&self, likeness: &Likeness<'_>, known: impl FnOnce() -> bool) -> bool {
        let cost = self.cost(likeness);
        let Budgets {
            odd,
            plausible,
            known: least,
        } = self.budgets;
        if cost <= least || cost > odd.max(plausible) {
            return cost <= least;
        }
        let is_plausible = || syntax::uk_form(likeness.mark).is_some();
        // Only where the two budgets differ in their answer does the form matter.
        let within = if (cost <= plausible) == (cost <= odd) {
            true
        } else {
            cost <= if is_plausible() { plausible } else { odd }
        };
        within && !known()
    }

    fn cost(&self, likeness: &Likeness<'_>) -> f32 {
        match likeness.difference {
            Difference::None => 0.0,
            Difference::Alike { .. } => {
                let pairs = likeness.listed.iter().zip(likeness.mark);
                pairs
                    .map(|(listed, read)| self.costs[usize::from(listed & 0x7f)][usize::from(read & 0x7f)])
                    .sum()
            }
            Difference::Lost { .. } => self.lost,
            Difference::Gained { .. } => self.gained,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BUDGETS: Budgets = Budgets {
        odd: 9.0,
        plausible: 5.0,
        known: 1.0,
    };

    fn check(listed: &str, mark: &str, difference: Difference, known: bool, expected: bool) {
        let swapped = |listed, read| match (listed, read) {
            (a, b) if a == b => 0.0,
            (b'8', b'B') => 0.5,
            _ => 4.0,
        };
        let gate = Gate::new(swapped, 8.0, 10.0, BUDGETS);
        let likeness = Likeness {
            read: 0,
            mark: mark.as_bytes(),
            listed: listed.as_bytes(),
            difference,
        };
        assert_eq!(
            gate.lets_pass(&likeness, || known),
            expected,
            "{listed} {mark} {known}"
        );
    }

    #[test]
    fn what_a_misreading_may_cost_depends_on_what_the_read_may_be_otherwise() {
        let alike = |count| Difference::Alike { count };
        check("AB12CDE", "AB12CDF", alike(1), false, true);
        check("AB12CDE", "AB12CDF", alike(1), true, false);
        check("AB12ODE", "AB12DDF", alike(2), false, false);
        check("AB12CDE", "AB1ZC0E", alike(2), false, true);
        check("AB1SCD8", "AB15C0B", alike(3), false, true);
        check("AB1SCDE", "AB15C0F", alike(3), false, false);
        check("A812CDE", "AB12CDE", alike(1), true, true);
        let (position, character) = (0, b'A');
        check(
            "AB12CDE",
            "B12CDE1",
            Difference::Lost { position, character },
            false,
            true,
        );
        check(
            "AB12CDE",
            "AAB12CDE",
            Difference::Gained { position, character },
            false,
            false,
        );
    }
}
