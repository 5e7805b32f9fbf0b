//! Where each entry stands, by its id: addresses in the order of ids, 4 bytes an entry.
//!
//! Ids are hashes, so that an id's place in the order can be guessed from its value, and some five guesses find it among ten
//! million.

use domain::EntryId;

use crate::packed;
use crate::pages::{Address, Pages};

/// See the module's page.
#[derive(Default)]
pub(crate) struct Ids(Vec<Address>);

/// A change of one entry: where it now stands, or none where it is gone.
pub(crate) type Change = (EntryId, Option<Address>);

impl Ids {
    /// All addresses.
    pub(crate) fn into_addresses(self) -> Vec<Address> {
        self.0
    }

    /// Bytes in memory.
    pub(crate) fn bytes(&self) -> usize {
        self.0.capacity() * size_of::<Address>()
    }

    /// Applies changes, each of another id; `moved` learns for each where its entry stood before and where it stands now.
    pub(crate) fn apply(
        &mut self,
        mut changes: Vec<Change>,
        pages: &Pages,
        mut moved: impl FnMut(Option<Address>, Option<Address>),
    ) {
        changes.sort_unstable_by_key(|(id, _)| *id.as_bytes());
        let puts = changes.iter().filter(|(_, address)| address.is_some()).count();
        let mut merged = Vec::with_capacity(self.0.len() + puts);
        let mut taken = 0;
        for (id, address) in changes {
            let (place, known) = self.search(taken, id.as_bytes(), pages);
            merged.extend_from_slice(&self.0[taken..place]);
            merged.extend(address);
            let before = known.then(|| self.0[place]);
            taken = place + usize::from(known);
            moved(before, address);
        }
        merged.extend_from_slice(&self.0[taken..]);
        merged.shrink_to_fit();
        self.0 = merged;
    }

    /// The place of an id at or behind `from`, and whether it is there. Guesses and halvings take turns, so that ids that
    /// are no hashes cost some 40 steps and not millions.
    fn search(&self, from: usize, id: &[u8], pages: &Pages) -> (usize, bool) {
        let wanted = leading(id);
        let (mut low, mut high) = (from, self.0.len());
        let (mut least, mut most) = (0, u64::MAX);
        let mut guess = true;
        while low < high {
            let middle = if guess {
                let share = u128::from(wanted.clamp(least, most) - least) * (high - low) as u128;
                low + (share / (u128::from(most - least) + 1)) as usize
            } else {
                low + (high - low) / 2
            };
            guess = !guess;
            let found = packed::id_at(pages, self.0[middle]);
            match found.cmp(id) {
                std::cmp::Ordering::Equal => return (middle, true),
                std::cmp::Ordering::Less => (low, least) = (middle + 1, leading(found)),
                std::cmp::Ordering::Greater => (high, most) = (middle, leading(found)),
            }
        }
        (low, false)
    }
}

/// The first eight bytes of an id, which order it but for chance.
fn leading(id: &[u8]) -> u64 {
    id.first_chunk().map_or(0, |bytes| u64::from_be_bytes(*bytes))
}
