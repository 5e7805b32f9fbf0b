//! The table of all listed marks: where the entries of a mark stand, found by the mark or by anything that looks like it.
//!
//! A hash table of cache lines. A line has 16 slots of 4 bytes; a slot holds the rest of the hash and the members of the
//! mark (see [`Code`]), so that one line tells all look-alikes of a read apart without a further look. Beside each slot
//! stands the address of its entry, on a line that is only needed where a slot matched.
//!
//! A mark whose line is full stands on one of the next. Each line that it passed has a note of that, in one of 16 bits, and whoever
//! looks for something goes on only where its bit is set.
//!
//! Its size follows the number of entries closely, since lines are chosen by multiplication and not by a mask: 10 to 11.4
//! bytes an entry, whatever their number.

use std::collections::BTreeSet;

use crate::code::{self, Code, NOTE};
use crate::lines::{Line, Lines, SLOTS};
use crate::pages::Address;
use crate::shapes::Shapes;
use crate::variants::{Kind, Variant};

/// Lines that a mark may stand on, from its home on. At the loads below as many full lines in a row hardly come about by
/// chance, but where a list has hundreds of look-alikes of one mark; these go to the `rest` then, so that the reads of
/// other marks don't walk past them all.
const RUN: usize = 16;
/// The table grows when so many of a hundred slots are taken: one line in five is full then. With 88, and 78 below, an entry takes a byte
/// less and a look-up a twentieth more time.
const FULLEST_PERCENT: usize = 80;
/// And it is made so large that so many are.
const GROWN_PERCENT: usize = 70;

/// What tells the table about the marks at addresses, when it makes room.
pub(crate) trait Marks {
    /// The code of the mark at an address.
    fn code_at(&self, address: Address) -> Code;
    /// Says that it will soon be asked for.
    fn ask(&self, address: Address);
}

impl Line {
    /// The slots that have `slot` under `mask`, as bits.
    #[inline]
    fn matching(&self, slot: u32, mask: u32) -> u32 {
        // Nearly every line holds nothing that matches.
        if !self.matches(slot, mask) {
            return 0;
        }
        let wanted = slot & mask;
        let bits = |(place, held): (usize, &u32)| u32::from(held & mask == wanted) << place;
        self.0.iter().enumerate().map(bits).fold(0, |all, bit| all | bit)
    }

    /// Whether any slot has `slot` under `mask`: four slots a step, and no branch.
    #[inline]
    fn matches(&self, slot: u32, mask: u32) -> bool {
        let wanted = slot & mask;
        let all_or_nothing = |held: u32| if held & mask == wanted { u32::MAX } else { 0 };
        let (fours, _) = self.0.as_chunks::<4>();
        let any = fours.iter().fold([0; 4], |any, four| {
            std::array::from_fn(|lane| any[lane] | all_or_nothing(four[lane]))
        });
        any != [0; 4]
    }

    /// Whether a mark with such a slot, or one that looks like it, may stand behind this line for want of room.
    #[inline]
    fn was_passed_by(&self, slot: u32) -> bool {
        self.0[noted_at(slot)] & NOTE != 0
    }

    /// Notes that a mark with such a slot stands behind this line.
    fn note_passing(&mut self, slot: u32) {
        self.0[noted_at(slot)] |= NOTE;
    }

    /// Whether any mark may stand behind this line.
    fn was_passed(&self) -> bool {
        self.0.iter().any(|slot| slot & NOTE != 0)
    }

    fn taken(&self) -> usize {
        self.0.iter().position(|slot| *slot == 0).unwrap_or(SLOTS)
    }
}

/// At which slot of a line it is noted that a mark went past. Look-alikes agree in the bits that decide it.
#[inline]
fn noted_at(slot: u32) -> usize {
    (slot >> (NOTE.ilog2() - SLOTS.ilog2())) as usize % SLOTS
}

/// What is looked for: a slot at a home, and the bits of it that count.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Wanted {
    pub(crate) home: u32,
    pub(crate) slot: u32,
    pub(crate) mask: u32,
}

/// See the module's page.
#[derive(Clone)]
pub(crate) struct Table {
    /// Places that marks are at home in. [`RUN`] - 1 lines follow the last of them.
    homes: u32,
    slots: Lines,
    addresses: Lines,
    /// What found no place in its run: home, slot, address.
    rest: BTreeSet<(u32, u32, Address)>,
    len: usize,
    shapes: Shapes,
}

impl Default for Table {
    fn default() -> Self {
        Self::with_homes(1)
    }
}

impl Table {
    fn with_homes(homes: usize) -> Self {
        let lines = homes + RUN - 1;
        Self {
            homes: u32::try_from(homes).expect("addresses have 32 bits, so that there are fewer lines"),
            slots: Lines::new(lines),
            addresses: Lines::new(lines),
            rest: BTreeSet::new(),
            len: 0,
            shapes: Shapes::default(),
        }
    }

    /// How many entries there are.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Which shapes their marks have.
    #[inline]
    pub(crate) fn shapes(&self) -> &Shapes {
        &self.shapes
    }

    /// Bytes in memory.
    pub(crate) fn bytes(&self) -> usize {
        /// A B-tree is filled to two thirds or so.
        const REST_BYTES: usize = size_of::<(u32, u32, Address)>() * 3 / 2;
        self.slots.bytes() + self.addresses.bytes() + self.rest.len() * REST_BYTES
    }

    /// Where every entry stands, in no order.
    pub(crate) fn addresses(&self) -> impl Iterator<Item = Address> + '_ {
        let lines = self.slots.iter().zip(self.addresses.iter());
        let on_lines = lines.flat_map(|(slots, addresses)| &addresses.0[..slots.taken()]);
        let rest = self.rest.iter().map(|(_, _, address)| address);
        on_lines.chain(rest).copied()
    }

    /// What finds the entries of this very mark.
    #[inline]
    pub(crate) fn exactly(&self, code: Code) -> Wanted {
        Wanted {
            home: code.home(self.homes),
            slot: code.slot(),
            mask: !NOTE,
        }
    }

    /// What finds the entries of a mark and of all that look like it.
    #[inline]
    pub(crate) fn alike(&self, code: Code) -> Wanted {
        Wanted {
            mask: code.alike_mask(),
            ..self.exactly(code)
        }
    }

    /// What finds the entries of a variant of a read: any character of its class will do where one was lost, and all others
    /// must be the same, since two errors in one read are one too many.
    pub(crate) fn variant(&self, variant: Variant) -> Wanted {
        let exactly = self.exactly(variant.code);
        match variant.kind {
            Kind::Lost { place, .. } => Wanted {
                mask: exactly.mask & !code::member_mask(usize::from(place)),
                ..exactly
            },
            Kind::Gained { .. } | Kind::Same => exactly,
        }
    }

    /// Asks for the line where something is looked for soon.
    #[inline]
    pub(crate) fn ask(&self, wanted: &Wanted) {
        self.slots.ask(wanted.home as usize);
    }

    /// Whether [`Table::find`] has anything to do: where not, nothing is found. No branch but one that is hardly ever taken: where a
    /// search goes on behind the first line, asks for the next.
    #[inline(always)]
    pub(crate) fn may_hold(&self, wanted: &Wanted) -> bool {
        let home = wanted.home as usize;
        let line = &self.slots[home];
        let goes_on = line.was_passed_by(wanted.slot);
        if goes_on {
            self.slots.ask(home + 1);
        }
        line.matches(wanted.slot, wanted.mask) | goes_on
    }

    /// Shows every slot that matches, and the address beside it. Another mark may have the same slot by chance, once in
    /// some 5,000 lookups of 7 characters: the mark at the address decides.
    #[inline]
    pub(crate) fn find(&self, wanted: &Wanted, mut found: impl FnMut(u32, Address)) {
        let home = wanted.home as usize;
        for line in home..home + RUN {
            let slots = &self.slots[line];
            let mut bits = slots.matching(wanted.slot, wanted.mask);
            while bits != 0 {
                let place = bits.trailing_zeros() as usize % SLOTS;
                found(slots.0[place] & !NOTE, self.addresses[line].0[place]);
                bits &= bits - 1;
            }
            if !slots.was_passed_by(wanted.slot) {
                return;
            }
        }
        self.find_rest(wanted, found);
    }

    #[cold]
    fn find_rest(&self, wanted: &Wanted, mut found: impl FnMut(u32, Address)) {
        let of_home = (wanted.home, 0, 0)..=(wanted.home, u32::MAX, Address::MAX);
        for (_, slot, address) in self.rest.range(of_home) {
            if slot & wanted.mask == wanted.slot & wanted.mask {
                found(*slot, *address);
            }
        }
    }

    /// Makes room for so many more.
    pub(crate) fn reserve(&mut self, more: usize, marks: &impl Marks) {
        let wanted = self.len + more;
        if wanted * 100 <= self.homes as usize * SLOTS * FULLEST_PERCENT {
            return;
        }
        let mut grown = Self::with_homes((wanted * 100).div_ceil(SLOTS * GROWN_PERCENT));
        for line in 0..self.slots.len() {
            // One payload after the other would take 150 ns each. They are asked for two lines ahead.
            if let Some(coming) = self.addresses.get(line + 2) {
                coming.0.iter().for_each(|address| marks.ask(*address));
            }
            for place in 0..self.slots[line].taken() {
                grown.add(self.addresses[line].0[place], marks);
            }
        }
        for (_, _, address) in &self.rest {
            grown.add(*address, marks);
        }
        *self = grown;
    }

    /// Adds an entry. [`Table::reserve`] made room for it.
    pub(crate) fn add(&mut self, address: Address, marks: &impl Marks) {
        let code = marks.code_at(address);
        let (home, slot) = (code.home(self.homes), code.slot());
        self.len += 1;
        self.shapes.add(code.shape());
        for line in home as usize..home as usize + RUN {
            if self.put(line, slot, address) {
                return;
            }
            self.slots[line].note_passing(slot);
        }
        self.rest.insert((home, slot, address));
    }

    /// Removes an entry that was added.
    ///
    /// # Panics
    /// Where it is not there.
    pub(crate) fn remove(&mut self, address: Address, marks: &impl Marks) {
        let code = marks.code_at(address);
        let (home, slot) = (code.home(self.homes), code.slot());
        self.len -= 1;
        self.shapes.remove(code.shape());
        if self.rest.remove(&(home, slot, address)) {
            return;
        }
        let place_on = |line: usize| {
            let same = self.addresses[line].matching(address, u32::MAX);
            let taken = self.slots[line].matching(slot, !NOTE);
            (same & taken != 0).then(|| (same & taken).trailing_zeros() as usize)
        };
        let run = home as usize..home as usize + RUN;
        let found = run.into_iter().find_map(|line| Some((line, place_on(line)?)));
        let (line, place) = found.expect("what was added is there until it is removed");
        self.take_out(line, place, marks);
    }

    /// Empties a place. What stands further on for want of room moves up, so that nothing stands behind a line that is not full.
    fn take_out(&mut self, mut line: usize, mut place: usize, marks: &impl Marks) {
        while self.slots[line].was_passed() {
            if let Some((from, at)) = self.pushed_past(line, marks) {
                self.replace(line, place, self.slots[from].0[at], self.addresses[from].0[at]);
                (line, place) = (from, at);
            } else if let Some((slot, address)) = self.recalled(line) {
                return self.replace(line, place, slot, address);
            } else {
                break;
            }
        }
        self.close_up(line, place);
    }

    /// Puts an entry where another stood. What is noted there stays.
    fn replace(&mut self, line: usize, place: usize, slot: u32, address: Address) {
        let held = &mut self.slots[line].0[place];
        *held = *held & NOTE | slot & !NOTE;
        self.addresses[line].0[place] = address;
    }

    /// Moves the last of a line into a place that becomes free. Nothing stands behind the line, so that its notes go.
    fn close_up(&mut self, line: usize, place: usize) {
        let (slots, addresses) = (&mut self.slots[line], &mut self.addresses[line]);
        let last = slots.taken() - 1;
        for line in [&mut *slots, addresses] {
            line.0[place] = line.0[last];
            line.0[last] = 0;
        }
        slots.0.iter_mut().for_each(|slot| *slot &= !NOTE);
    }

    /// Something that stands behind a line and would rather stand on it.
    fn pushed_past(&self, line: usize, marks: &impl Marks) -> Option<(usize, usize)> {
        for behind in line + 1..(line + RUN).min(self.slots.len()) {
            let taken = self.slots[behind].taken();
            for place in 0..taken {
                let code = marks.code_at(self.addresses[behind].0[place]);
                if code.home(self.homes) as usize <= line {
                    return Some((behind, place));
                }
            }
            if taken < SLOTS {
                return None;
            }
        }
        None
    }

    /// Takes something from the rest that may stand on a line.
    fn recalled(&mut self, line: usize) -> Option<(u32, Address)> {
        let nearest = |line: usize| u32::try_from(line).unwrap_or(u32::MAX);
        let from = (nearest((line + 1).saturating_sub(RUN)), 0, 0);
        let to = (nearest(line), u32::MAX, Address::MAX);
        let recalled = self.rest.range(from..=to).next().copied()?;
        self.rest.remove(&recalled);
        let (_, slot, address) = recalled;
        Some((slot, address))
    }

    /// Puts an entry on a line; answers whether there was room.
    fn put(&mut self, line: usize, slot: u32, address: Address) -> bool {
        let taken = self.slots[line].taken();
        if taken == SLOTS {
            return false;
        }
        self.slots[line].0[taken] = slot;
        self.addresses[line].0[taken] = address;
        true
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;

    /// Marks by number.
    struct Plain(Vec<Vec<u8>>);

    impl Plain {
        /// So many of seven characters.
        fn seeded(seed: u64, count: usize) -> Self {
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            let alphabet = b"ABCDEFGHJKLMNOPRSTUVWXYZ0123456789";
            Self((0..count).map(|_| mark(&mut rng, alphabet, 7..=7)).collect())
        }
    }

    impl Marks for Plain {
        fn code_at(&self, address: Address) -> Code {
            Code::of(&self.0[address as usize]).unwrap()
        }
        fn ask(&self, _: Address) {}
    }

    fn mark(rng: &mut ChaCha8Rng, alphabet: &[u8], lengths: std::ops::RangeInclusive<usize>) -> Vec<u8> {
        let length = rng.random_range(lengths);
        (0..length)
            .map(|_| alphabet[rng.random_range(0..alphabet.len())])
            .collect()
    }

    /// What a table finds for a code, by address.
    fn found(table: &Table, wanted: &Wanted) -> BTreeSet<Address> {
        let mut found = BTreeSet::new();
        table.find(wanted, |_, address| assert!(found.insert(address), "twice"));
        assert!(found.is_empty() || table.may_hold(wanted));
        found
    }

    /// Adds, removes and looks up; a set of addresses does the same the slow way.
    fn agree(seed: u64, alphabet: &[u8], lengths: std::ops::RangeInclusive<usize>, count: usize) {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let marks = Plain(
            (0..count)
                .map(|_| mark(&mut rng, alphabet, lengths.clone()))
                .collect(),
        );
        let (mut table, mut naive) = (Table::default(), BTreeSet::new());
        for step in 0..count * 3 {
            let address = rng.random_range(0..count as u32);
            if naive.remove(&address) {
                table.remove(address, &marks);
            } else if rng.random_bool(0.8) {
                table.reserve(1, &marks);
                table.add(address, &marks);
                naive.insert(address);
            }
            assert_eq!(table.len(), naive.len());
            if step % (count / 8 + 1) == 0 {
                compare(&table, &naive, &marks, seed);
            }
        }
        for address in std::mem::take(&mut naive) {
            table.remove(address, &marks);
        }
        assert_eq!(table.len() + table.rest.len(), 0);
        assert!(table.slots.iter().all(|line| line.taken() == 0));
    }

    fn compare(table: &Table, naive: &BTreeSet<Address>, marks: &Plain, seed: u64) {
        let mut by_mark = std::collections::BTreeMap::<&[u8], BTreeSet<Address>>::new();
        for address in naive {
            by_mark
                .entry(&marks.0[*address as usize])
                .or_default()
                .insert(*address);
        }
        for (mark, expected) in by_mark {
            let code = Code::of(mark).unwrap();
            assert!(
                found(table, &table.exactly(code)).is_superset(&expected),
                "seed {seed}"
            );
            assert!(
                found(table, &table.alike(code)).is_superset(&expected),
                "seed {seed}"
            );
        }
    }

    #[test]
    fn whatever_was_added_and_not_removed_is_found() {
        for seed in 0..10 {
            agree(seed, b"ABCDEFGHIJKLMNOPRSTUVWXYZ0123456789", 2..=10, 2_000);
            agree(seed, b"AB0", 2..=4, 300);
        }
    }

    /// All of one class, many of them the same mark: every run overflows into the rest and comes back from it.
    #[test]
    fn look_alikes_without_number_neither_vanish_nor_stand_in_the_way() {
        for seed in 0..3 {
            agree(seed, b"0OQD", 7..=7, 1_500);
            agree(seed, b"0OQD", 2..=2, 600);
        }
        let marks = Plain(vec![b"OOOOOOO".to_vec(); 5_000]);
        let mut table = Table::default();
        for address in 0..5_000 {
            table.reserve(1, &marks);
            table.add(address, &marks);
        }
        assert_eq!(table.rest.len(), 5_000 - RUN * SLOTS);
    }

    #[test]
    fn slots_that_match_are_those_that_match_one_by_one() {
        let mut rng = ChaCha8Rng::seed_from_u64(4);
        let mut matched = 0;
        for _ in 0..100_000 {
            let line = Line(std::array::from_fn(|_| rng.random_range(0..32)));
            let (slot, mask) = (rng.random_range(0..32), rng.random_range(0..32));
            let expected = (0..SLOTS).filter(|place| line.0[*place] & mask == slot & mask);
            let expected = expected.fold(0, |bits, place| bits | 1 << place);
            assert_eq!(line.matching(slot, mask), expected);
            assert_eq!(line.matches(slot, mask), expected != 0);
            matched += u32::from(expected != 0);
        }
        assert!((10_000..90_000).contains(&matched), "{matched}");
    }

    #[test]
    fn what_is_not_listed_is_hardly_ever_looked_for_behind_a_full_line() {
        let marks = Plain::seeded(5, 60_000);
        let mut table = Table::default();
        for address in 0..30_000 {
            table.reserve(1, &marks);
            table.add(address, &marks);
        }
        let wanted = |address: u32| table.alike(marks.code_at(address));
        let listed = (0..30_000).filter(|address| table.may_hold(&wanted(*address)));
        assert_eq!(listed.count(), 30_000);
        let others = (30_000..60_000).map(wanted);
        let at_home = |wanted: &Wanted| table.slots[wanted.home as usize].taken();
        let full: Vec<Wanted> = others.filter(|wanted| at_home(wanted) == SLOTS).collect();
        let going_on = full.iter().filter(|wanted| table.may_hold(wanted)).count();
        assert!(
            going_on > 0 && going_on * 4 < full.len(),
            "{going_on} of {}",
            full.len()
        );
    }

    #[test]
    fn bytes_follow_the_number_of_entries() {
        let marks = Plain::seeded(3, 50_000);
        let mut table = Table::default();
        for address in 0..50_000 {
            table.reserve(1, &marks);
            table.add(address, &marks);
            let each = table.bytes() as f64 / table.len() as f64;
            assert!(
                address < 30_000 || (10.0..11.6).contains(&each),
                "{each} bytes an entry"
            );
        }
        assert!(table.rest.len() * 1_000 < table.len());
    }
}
