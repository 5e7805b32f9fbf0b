//! Where the newest read of each mark stands among the sightings.
//!
//! An open table of 8 bytes a place: the upper half of the mark's hash, and the lower half of the read's number. The hash says where a
//! place is at home, so that the table grows and forgets without a look at any read; and a batch of reads asks for all its places, and
//! for the reads that they name, before it needs the first: each is a line of memory that no cache holds.

use crate::prefetch::prefetch;

/// Places at first.
const FIRST_PLACES: usize = 64;
/// Of four places so many are taken at most; then half as many are added.
const FULLEST_QUARTERS: usize = 3;
/// Bytes that a mark takes at most: its place, in a table that has just grown.
pub(crate) const BYTES_EACH: usize = size_of::<Place>() * 2 + 1;

/// What a place is found by: part of a mark's hash. Two marks may share one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tag(u32);

impl Tag {
    /// The tag of a hash. None is 0, which an empty place has.
    pub(crate) fn of(hash: u64) -> Self {
        Self((hash >> 32) as u32 | 1)
    }
}

#[derive(Clone, Copy, Debug, Default)]
struct Place {
    tag: Tag,
    number: u32,
}

impl Place {
    fn is_empty(self) -> bool {
        self.tag == Tag::default()
    }
}

/// See the module's page.
#[derive(Default)]
pub(crate) struct Newest {
    places: Vec<Place>,
    len: usize,
}

impl Newest {
    /// Bytes that it takes.
    pub(crate) fn bytes(&self) -> usize {
        self.places.capacity() * size_of::<Place>()
    }

    /// Says that a tag will soon be asked for.
    #[inline]
    pub(crate) fn ask(&self, tag: Tag) {
        if !self.places.is_empty() {
            prefetch(self.places.get(self.home(tag)));
        }
    }

    /// The number under a tag for which `is_it` holds.
    #[inline]
    pub(crate) fn find(&self, tag: Tag, is_it: impl Fn(u32) -> bool) -> Option<u32> {
        self.place_of(tag, is_it)
            .ok()
            .map(|place| self.places[place].number)
    }

    /// Puts a number in the place of the one for which `is_it` holds, and answers that one; beside the others where there is none.
    #[inline]
    pub(crate) fn put(&mut self, tag: Tag, number: u32, is_it: impl Fn(u32) -> bool) -> Option<u32> {
        if self.len * 4 >= self.places.len() * FULLEST_QUARTERS {
            self.grow();
        }
        match self.place_of(tag, is_it) {
            Ok(place) => Some(std::mem::replace(&mut self.places[place].number, number)),
            Err(empty) => {
                self.places[empty] = Place { tag, number };
                self.len += 1;
                None
            }
        }
    }

    /// Takes a number away, if it is there.
    pub(crate) fn remove(&mut self, tag: Tag, number: u32) {
        let Ok(mut hole) = self.place_of(tag, |held| held == number) else {
            return;
        };
        self.len -= 1;
        // Whoever stands behind the hole, and not at home, is found from home on: nothing between may be empty.
        let mut next = hole;
        loop {
            next = self.behind(next);
            let place = self.places[next];
            if place.is_empty() {
                break;
            }
            if self.steps(self.home(place.tag), next) >= self.steps(hole, next) {
                self.places[hole] = place;
                hole = next;
            }
        }
        self.places[hole] = Place::default();
    }

    /// Where the number stands, or where it would. There is an empty place always, or no place at all.
    fn place_of(&self, tag: Tag, is_it: impl Fn(u32) -> bool) -> Result<usize, usize> {
        let mut at = self.home(tag);
        while let Some(place) = self.places.get(at) {
            if place.is_empty() {
                break;
            }
            if place.tag == tag && is_it(place.number) {
                return Ok(at);
            }
            at = self.behind(at);
        }
        Err(at)
    }

    fn grow(&mut self) {
        let places = (self.places.len() + self.places.len() / 2).max(FIRST_PLACES);
        let former = std::mem::replace(&mut self.places, vec![Place::default(); places]);
        for place in former.into_iter().filter(|place| !place.is_empty()) {
            if let Err(empty) = self.place_of(place.tag, |_| false) {
                self.places[empty] = place;
            }
        }
    }

    fn home(&self, tag: Tag) -> usize {
        ((u64::from(tag.0) * self.places.len() as u64) >> 32) as usize
    }

    fn behind(&self, at: usize) -> usize {
        if at + 1 == self.places.len() { 0 } else { at + 1 }
    }

    /// How many places `to` is behind `from`.
    fn steps(&self, from: usize, to: usize) -> usize {
        if to >= from {
            to - from
        } else {
            to + self.places.len() - from
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use rand::{RngExt as _, SeedableRng as _};
    use rand_chacha::ChaCha8Rng;

    use super::*;

    #[test]
    fn it_answers_as_a_map_does_whatever_is_put_and_removed() {
        for spread in [1_u32, 20, u32::MAX] {
            let mut rng = ChaCha8Rng::seed_from_u64(u64::from(spread));
            let (mut newest, mut map) = (Newest::default(), BTreeMap::new());
            // Marks of which many share a tag, or a home.
            let tag_of = |mark: u32| Tag::of(u64::from(mark % spread) << 32 | 7);
            let (mut marks, mut most) = (Vec::new(), 0);
            for number in 0..20_000_u32 {
                let mark: u32 =
                    rng.random_range(0..if spread == 1 { 30 } else { 3_000 }) * (u32::MAX / 3_000);
                marks.push(mark);
                let is_it = |held: u32| marks[held as usize] == mark;
                assert_eq!(newest.find(tag_of(mark), is_it), map.get(&mark).copied());
                if rng.random_bool(0.4) {
                    let held = map.remove(&mark);
                    newest.remove(tag_of(mark), held.unwrap_or(number));
                } else {
                    assert_eq!(newest.put(tag_of(mark), number, is_it), map.insert(mark, number));
                }
                assert_eq!(newest.len, map.len());
                most = most.max(map.len());
            }
            for (mark, number) in &map {
                let found = newest.find(tag_of(*mark), |held| marks[held as usize] == *mark);
                assert_eq!(found, Some(*number));
            }
            assert!(newest.bytes() <= most.max(FIRST_PLACES) * BYTES_EACH);
        }
    }
}
