//! A digest for each of millions of entries, in little more than their bytes: a hash map of a million would take twice as much.
//!
//! Nearly all stand in order of their ids, without a gap; what changed lately stands aside, and is merged with them once it is
//! a sixteenth of them: then an entry is moved some 17 times while a list is loaded, however long it is.

use std::collections::HashMap;

use domain::EntryId;

/// Changes that stand aside before it is worth merging them.
const LEAST_MERGED: usize = 4_096;
/// And the share of all entries from which on it is.
const MERGED_SHARE: usize = 16;

/// See the module's page.
#[derive(Default)]
pub(crate) struct Digests {
    /// In order of their ids.
    sorted: Vec<(EntryId, u64)>,
    /// What became of entries since: another digest, or none for one that is gone.
    lately: HashMap<EntryId, Option<u64>>,
    len: usize,
}

impl Digests {
    /// Notes an entry's digest, or that it is gone.
    pub(crate) fn set(&mut self, entry: EntryId, digest: Option<u64>) {
        let before = self.get(entry).is_some();
        self.len = self.len + usize::from(digest.is_some()) - usize::from(before);
        self.lately.insert(entry, digest);
        if self.lately.len() >= LEAST_MERGED.max(self.sorted.len() / MERGED_SHARE) {
            self.merge();
        }
    }

    /// An entry's digest, where it has one.
    pub(crate) fn get(&self, entry: EntryId) -> Option<u64> {
        self.lately.get(&entry).copied().unwrap_or_else(|| {
            let place = self.sorted.binary_search_by_key(&entry, |(entry, _)| *entry);
            place.ok().map(|place| self.sorted[place].1)
        })
    }

    /// All of them, in no order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (EntryId, u64)> {
        let unchanged = self.sorted.iter().copied();
        let unchanged = unchanged.filter(|(entry, _)| !self.lately.contains_key(entry));
        let changed = self.lately.iter();
        unchanged.chain(changed.filter_map(|(entry, digest)| Some((*entry, (*digest)?))))
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    fn merge(&mut self) {
        let mut changed: Vec<_> = std::mem::take(&mut self.lately).into_iter().collect();
        changed.sort_unstable_by_key(|(entry, _)| *entry);
        let mut merged = Vec::with_capacity(self.len);
        let mut taken = 0;
        for (entry, digest) in changed {
            let place = taken + self.sorted[taken..].partition_point(|(other, _)| *other < entry);
            merged.extend_from_slice(&self.sorted[taken..place]);
            merged.extend(digest.map(|digest| (entry, digest)));
            let replaced = self.sorted.get(place).is_some_and(|(other, _)| *other == entry);
            taken = place + usize::from(replaced);
        }
        merged.extend_from_slice(&self.sorted[taken..]);
        self.sorted = merged;
    }
}

#[cfg(test)]
mod tests {
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;

    /// Ids in no order, some of them next to each other.
    fn id(number: u16) -> EntryId {
        let mut bytes = [0; 16];
        bytes[..2].copy_from_slice(&number.wrapping_mul(40_503).to_be_bytes());
        EntryId::from(bytes)
    }

    #[test]
    fn what_was_set_last_is_held_as_a_hash_map_holds_it() {
        for (seed, steps, gone) in [
            (1, 3_000, 0.3),
            (2, 100_000, 0.3),
            (3, 100_000, 0.7),
            (4, 60_000, 0.0),
        ] {
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            let (mut digests, mut plain) = (Digests::default(), HashMap::new());
            for _ in 0..steps {
                let entry = id(rng.random());
                let digest = (!rng.random_bool(gone)).then(|| rng.random());
                digests.set(entry, digest);
                match digest {
                    Some(digest) => plain.insert(entry, digest),
                    None => plain.remove(&entry),
                };
                let other = id(rng.random());
                assert_eq!(digests.get(other), plain.get(&other).copied(), "seed {seed}");
                assert_eq!(digests.len(), plain.len(), "seed {seed}");
            }
            let mut held: Vec<_> = digests.iter().collect();
            held.sort_unstable();
            let mut expected: Vec<_> = plain.into_iter().collect();
            expected.sort_unstable();
            assert_eq!(held, expected, "seed {seed}");
        }
    }

    #[test]
    fn a_million_take_little_more_than_their_bytes() {
        const ENTRIES: u64 = 1_000_000;
        let mut kept = None;
        let used = allocation_counter::measure(|| {
            let mut digests = Digests::default();
            for number in 0..ENTRIES {
                let mut bytes = [0; 16];
                bytes[..8].copy_from_slice(&number.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes());
                digests.set(EntryId::from(bytes), Some(number));
            }
            kept = Some(digests);
        });
        let held = kept.expect("just made").len() as u64;
        assert_eq!(held, ENTRIES);
        let bytes_each = used.bytes_current as u64 / ENTRIES;
        assert!((24..32).contains(&bytes_each), "{bytes_each} bytes an entry");
    }
}
