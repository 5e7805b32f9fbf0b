//! Which shapes of marks are listed: where letters stand and where digits. A read with one character lost or gained can only be
//! a listed mark if that character leads to a listed shape, which spares nearly all of the hundred lookups or so that
//! a read would need otherwise.

use crate::code::SHAPES;

/// How many marks of each shape are listed.
#[derive(Clone)]
pub(crate) struct Shapes {
    listed: Vec<u32>,
    /// By how many ways one character lost or gained leads from each shape to a listed one.
    near: Vec<u32>,
}

impl Default for Shapes {
    fn default() -> Self {
        Self {
            listed: vec![0; SHAPES],
            near: vec![0; SHAPES],
        }
    }
}

impl Shapes {
    /// Counts one more mark of a shape.
    pub(crate) fn add(&mut self, shape: usize) {
        self.listed[shape] += 1;
        if self.listed[shape] == 1 {
            self.for_neighbours(shape, |ways| *ways += 1);
        }
    }

    /// Counts one less.
    pub(crate) fn remove(&mut self, shape: usize) {
        self.listed[shape] -= 1;
        if self.listed[shape] == 0 {
            self.for_neighbours(shape, |ways| *ways -= 1);
        }
    }

    /// Whether a mark of this shape is listed.
    pub(crate) fn holds(&self, shape: usize) -> bool {
        self.listed.get(shape).is_some_and(|count| *count > 0)
    }

    /// Whether one character lost or gained may make a listed mark a read of this shape.
    #[inline]
    pub(crate) fn has_near(&self, shape: usize) -> bool {
        self.near[shape] > 0
    }

    fn for_neighbours(&mut self, shape: usize, mut change: impl FnMut(&mut u32)) {
        let length = length(shape);
        let lost = (0..length).map(|place| without(shape, place));
        let gained = (0..=length).flat_map(|place| [false, true].map(|digit| with(shape, place, digit)));
        for neighbour in lost.chain(gained) {
            // The longest marks have no longer ones.
            self.near.get_mut(neighbour).map(&mut change);
        }
    }
}

/// Characters of a mark of this shape.
fn length(shape: usize) -> usize {
    shape.checked_ilog2().unwrap_or_default() as usize
}

/// The shape with one character more at `place`.
pub(crate) fn with(shape: usize, place: usize, digit: bool) -> usize {
    let before = (1 << place) - 1;
    shape & before | usize::from(digit) << place | (shape & !before) << 1
}

/// The shape without the character at `place`.
pub(crate) fn without(shape: usize, place: usize) -> usize {
    let before = (1 << place) - 1;
    shape & before | shape >> (place + 1) << place
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::code::Code;

    fn shape(mark: &str) -> usize {
        Code::of(mark.as_bytes()).unwrap().shape()
    }

    #[test]
    fn a_character_more_and_the_same_less_is_the_shape_as_it_was() {
        assert_eq!(with(shape("B12CDE"), 0, false), shape("AB12CDE"));
        assert_eq!(with(shape("AB12CD"), 6, true), shape("AB12CD3"));
        assert_eq!(without(shape("AB12CDE"), 2), shape("AB1CDE"));
        for place in 0..=7 {
            for digit in [false, true] {
                assert_eq!(
                    without(with(shape("AB12CDE"), place, digit), place),
                    shape("AB12CDE")
                );
            }
        }
    }

    #[test]
    fn a_shape_is_near_while_a_neighbour_is_listed() {
        let mut shapes = Shapes::default();
        shapes.add(shape("AB12CDE"));
        shapes.add(shape("XY34ZZZ"));
        assert!(shapes.has_near(shape("AB1CDE")) && shapes.has_near(shape("1AB12CDE")));
        assert!(!shapes.has_near(shape("AB12CDE")) && !shapes.has_near(shape("AB1CD")));
        shapes.remove(shape("AB12CDE"));
        assert!(shapes.has_near(shape("AB1CDE")));
        shapes.remove(shape("AB12CDE"));
        assert!(!shapes.has_near(shape("AB1CDE")) && !shapes.holds(shape("AB12CDE")));
    }
}
