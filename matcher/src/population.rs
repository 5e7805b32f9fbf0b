//! Which marks there are to be misread, where no register says so: how many vehicles bear marks of which form.
//!
//! Every form is a pattern with a number of vehicles, each mark of it as likely as another. So the number of vehicles to be
//! expected behind any mark is known, and so is the expected mass of all misreads that end in a given read: a form's places
//! are independent, which turns a sum over hundreds of millions of marks into a product over seven places.

use std::ops::AddAssign;

use crate::alike::{SYMBOLS, alike, character, symbol};
use crate::confusion::{Doubts, Table};
use crate::forms::Forms;
use domain::Vrm;
use domain::vrm::{MAX_LENGTH, MIN_LENGTH};

/// Vehicles on the register (the licensed stock and those declared off the road, rounded).
pub const REGISTERED: f64 = 40e6;
/// Vehicles on no register, as a share of those on it: from abroad, unregistered, or with marks that were never issued.
pub const STRANGERS: f64 = 0.01;
/// The share of the strangers whose marks have a British form.
const BRITISH_STRANGERS: f64 = 0.5;

/// Characters of a pattern, and what may stand there.
const KINDS: [(char, &str); 9] = [
    // first letters of the current style in use (DVLA, INF104)
    ('a', "ABCDEFGHKLMNOPRSVWY"),
    ('t', "ABCDEFGHJKLMNOPRSTUVWXY"),
    // the first digit of an age identifier: 02 to 26, and 51 to 76
    ('y', "012567"),
    ('L', "ABCDEFGHJKLMNOPRSTUVWXYZ"),
    ('p', "ABCDEFGHJKLMNPRSTVWXY"),
    ('A', "ABCDEFGHIJKLMNOPRSTUVWXYZ"),
    ('1', "123456789"),
    ('9', "0123456789"),
    ('?', "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"),
];

/// Forms of British marks and their shares of the register: the current style; the prefix and the suffix style by their
/// numbers of digits; dateless marks, Northern Ireland's among them. Shares are rounded guesses from the ages of the stock.
const BRITISH: [(&str, f64); 22] = [
    ("aty9LLL", 0.89),
    ("p199LLL", 0.045),
    ("p19LLL", 0.009),
    ("p1LLL", 0.005),
    ("LLL199p", 0.004),
    ("LLL19p", 0.0006),
    ("LLL1p", 0.0004),
    ("AAA1999", 0.024),
    ("AAA199", 0.006),
    ("AAA19", 0.002),
    ("AAA1", 0.001),
    ("AA1999", 0.004),
    ("AA199", 0.001),
    ("AA19", 0.0003),
    ("A1999", 0.0005),
    ("A199", 0.0003),
    ("1999AA", 0.002),
    ("199AA", 0.001),
    ("1999A", 0.0005),
    ("199AAA", 0.002),
    ("19AAA", 0.001),
    ("1AAA", 0.0004),
];

/// Forms of all other marks, and their shares: nothing is known of them but their lengths.
const FOREIGN: [(&str, f64); 6] = [
    ("????", 0.01),
    ("?????", 0.04),
    ("??????", 0.2),
    ("???????", 0.5),
    ("????????", 0.2),
    ("?????????", 0.05),
];

/// One form of marks.
#[derive(Clone, Debug, PartialEq)]
pub struct Form {
    /// What may stand at each place: a bit for each symbol.
    pub places: Vec<u64>,
    /// How many vehicles bear such a mark.
    pub vehicles: f64,
}

/// The vehicles that may pass, by the forms of their marks.
#[derive(Clone, Debug, PartialEq)]
pub struct Population {
    /// Those on the register.
    pub registered: Vec<Form>,
    /// Those on none.
    pub strangers: Vec<Form>,
}

impl Default for Population {
    fn default() -> Self {
        Self::of(REGISTERED)
    }
}

impl Population {
    /// British forms on a register of so many vehicles, and the strangers that go with them.
    #[must_use]
    pub fn of(vehicles: f64) -> Self {
        let forms = |forms: &[(&str, f64)], vehicles: f64| -> Vec<Form> {
            forms
                .iter()
                .map(|(pattern, share)| Form::of(pattern, share * vehicles))
                .collect()
        };
        let mut strangers = forms(&BRITISH, vehicles * STRANGERS * BRITISH_STRANGERS);
        strangers.extend(forms(&FOREIGN, vehicles * STRANGERS * (1.0 - BRITISH_STRANGERS)));
        Self {
            registered: forms(&BRITISH, vehicles),
            strangers,
        }
    }
}

impl Form {
    /// The form of a pattern of [`KINDS`].
    fn of(pattern: &str, vehicles: f64) -> Self {
        let bits = |allowed: &str| allowed.bytes().fold(0, |set, byte| set | 1 << symbol(byte));
        let place = |kind| {
            KINDS
                .iter()
                .find(|(name, _)| *name == kind)
                .map_or(0, |(_, allowed)| bits(allowed))
        };
        Self {
            places: pattern.chars().map(place).collect(),
            vehicles,
        }
    }

    /// How many vehicles bear each mark of this form.
    #[must_use]
    pub fn density(&self) -> f64 {
        let marks: f64 = self
            .places
            .iter()
            .map(|set| f64::from(set.count_ones()))
            .product();
        self.vehicles / marks
    }
}

/// How many vehicles are expected to bear a mark.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Bearers {
    /// On the register.
    pub registered: f64,
    /// On none.
    pub strangers: f64,
}

impl Bearers {
    pub(crate) fn registered(registered: f64) -> Self {
        let strangers = 0.0;
        Self {
            registered,
            strangers,
        }
    }

    pub(crate) fn strangers(strangers: f64) -> Self {
        let registered = 0.0;
        Self {
            registered,
            strangers,
        }
    }
}

impl AddAssign for Bearers {
    fn add_assign(&mut self, more: Self) {
        self.registered += more.registered;
        self.strangers += more.strangers;
    }
}

/// The expected sum, over all vehicles whose mark is not the one read, of the likelihood that theirs was read so.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Mass {
    /// Registered ones, whose marks look like the one read.
    pub alike: f64,
    /// Registered ones, whose marks have as many characters and do not look like it.
    pub unlike: f64,
    /// Registered ones, whose marks have one character more or one fewer.
    pub shifted: f64,
    /// Those on no register.
    pub strangers: f64,
}

impl Mass {
    /// All of it.
    #[must_use]
    pub fn whole(self) -> f64 {
        self.alike + self.unlike + self.shifted + self.strangers
    }
}

/// A population seen through one table of misreads: made once for each table.
#[derive(Clone, Debug)]
pub struct Expectation {
    registered: Vec<Ready>,
    strangers: Vec<Ready>,
    /// As many vehicles as on the register, spread evenly over all texts of each length.
    formless: Vec<Ready>,
    sets: Vec<Sums>,
    /// The same forms, for who bears a mark.
    borne: Forms,
    formless_borne: Forms,
}

/// A form, ready for use.
#[derive(Clone, Debug)]
struct Ready {
    density: f64,
    /// For each place, which of the sets may stand there.
    sets: Vec<usize>,
}

/// For a set of characters, and each character that may be read: the sum of the likelihoods of its members to be read so.
#[derive(Clone, Debug)]
struct Sums {
    members: u64,
    /// The character itself, if it is a member.
    right: [f64; SYMBOLS],
    /// Other members that look like it.
    alike: [f64; SYMBOLS],
    /// All other members.
    wrong: [f64; SYMBOLS],
}

impl Sums {
    fn new(members: u64, table: &Table) -> Self {
        let mut sums = Self {
            members,
            right: [0.0; SYMBOLS],
            alike: [0.0; SYMBOLS],
            wrong: [0.0; SYMBOLS],
        };
        for truth in (0..SYMBOLS).filter(|truth| members & 1 << truth != 0) {
            for read in 0..SYMBOLS {
                let likelihood = table.read_as(character(truth), character(read));
                if truth == read {
                    sums.right[read] += likelihood;
                    continue;
                }
                sums.wrong[read] += likelihood;
                if alike(character(truth), character(read)) {
                    sums.alike[read] += likelihood;
                }
            }
        }
        sums
    }
}

impl Expectation {
    /// A population through a table.
    #[must_use]
    pub fn new(population: &Population, table: &Table) -> Self {
        let mut sets: Vec<Sums> = Vec::new();
        let mut number = |members: &u64| {
            sets.iter()
                .position(|sums| sums.members == *members)
                .unwrap_or_else(|| {
                    sets.push(Sums::new(*members, table));
                    sets.len() - 1
                })
        };
        let mut ready = |form: &Form| Ready {
            density: form.density(),
            sets: form.places.iter().map(&mut number).collect(),
        };
        let vehicles = population.registered.iter().map(|form| form.vehicles).sum();
        let formless = (MIN_LENGTH..=MAX_LENGTH).map(|length| Form {
            places: vec![(1 << SYMBOLS) - 1; length],
            vehicles,
        });
        let formless: Vec<Form> = formless.collect();
        Self {
            borne: Forms::new(&population.registered, &population.strangers),
            formless_borne: Forms::new(&formless, &[]),
            registered: population.registered.iter().map(&mut ready).collect(),
            strangers: population.strangers.iter().map(&mut ready).collect(),
            formless: formless.iter().map(&mut ready).collect(),
            sets,
        }
    }

    /// How many vehicles are expected to bear a mark, given as its characters.
    ///
    /// # Panics
    /// Where one of these is no character of a mark.
    #[must_use]
    pub fn bearers(&self, mark: &[u8]) -> Bearers {
        self.borne.bearers(mark)
    }

    /// The same, as if marks had no form.
    ///
    /// # Panics
    /// As [`Expectation::bearers`].
    #[must_use]
    pub fn formless_bearers(&self, mark: &[u8]) -> Bearers {
        self.formless_borne.bearers(mark)
    }

    /// The expected mass of misreads that end in this read.
    #[must_use]
    pub fn mass(&self, table: &Table, read: Vrm, doubts: &Doubts) -> Mass {
        let mut mass = self.mass_of(&self.registered, table, read, doubts);
        mass.strangers = self.mass_of(&self.strangers, table, read, doubts).whole();
        mass
    }

    /// The same, as if marks had no form.
    #[must_use]
    pub fn formless_mass(&self, table: &Table, read: Vrm, doubts: &Doubts) -> Mass {
        // one more, one fewer: as many marks fewer or more are behind each of their texts, and it comes to about the same
        let forms = self
            .formless
            .iter()
            .filter(|form| form.sets.len() == read.as_bytes().len());
        let mut mass = Mass::default();
        for form in forms {
            let (alike, all) = self.swapped(form, table, read, doubts);
            mass.alike += alike;
            mass.unlike += all - alike;
        }
        mass
    }

    fn mass_of(&self, forms: &[Ready], table: &Table, read: Vrm, doubts: &Doubts) -> Mass {
        let length = read.as_bytes().len();
        let mut mass = Mass::default();
        for form in forms {
            if form.sets.len() == length {
                let (alike, all) = self.swapped(form, table, read, doubts);
                mass.alike += alike;
                mass.unlike += all - alike;
            } else if form.sets.len() == length + 1 {
                mass.shifted += self.lost(form, table, read);
            } else if form.sets.len() + 1 == length {
                mass.shifted += self.gained(form, table, read, doubts);
            }
        }
        mass
    }

    /// Marks of the read's length with at least one other character: those that look like it, and all.
    ///
    /// With `a` for a right character and `b` for wrong ones, the product of `a + burst b` over all places counts each mark with
    /// one factor `burst` for each wrong character; without the term of no error, and divided by `burst`, one factor fewer.
    fn swapped(&self, form: &Ready, table: &Table, read: Vrm, doubts: &Doubts) -> (f64, f64) {
        let burst = table.rates().burst;
        let (mut right, mut alike, mut all) = (1.0, 1.0, 1.0);
        for ((set, character), doubt) in form.sets.iter().zip(read.as_bytes()).zip(doubts) {
            let (sums, read) = (&self.sets[*set], symbol(*character));
            right *= sums.right[read];
            alike *= sums.right[read] + burst * doubt * sums.alike[read];
            all *= sums.right[read] + burst * doubt * sums.wrong[read];
        }
        let scale = form.density * table.kept() / burst;
        ((alike - right).max(0.0) * scale, (all - right).max(0.0) * scale)
    }

    /// Marks with one character more.
    fn lost(&self, form: &Ready, table: &Table, read: Vrm) -> f64 {
        let read = read.as_bytes();
        let right = |set: usize, read: u8| self.sets[set].right[symbol(read)];
        let others = with_one_left_out(
            form.sets.len(),
            |place| right(form.sets[place], read[place]),
            |place| right(form.sets[place], read[place - 1]),
        );
        let at = |(place, set): (usize, &usize)| {
            let members = f64::from(self.sets[*set].members.count_ones());
            table.place(place, form.sets.len()) * members * others[place]
        };
        form.density * table.rates().lost * form.sets.iter().enumerate().map(at).sum::<f64>()
    }

    /// Marks with one character fewer.
    fn gained(&self, form: &Ready, table: &Table, read: Vrm, doubts: &Doubts) -> f64 {
        let read = read.as_bytes();
        let right = |set: usize, read: u8| self.sets[set].right[symbol(read)];
        let others = with_one_left_out(
            read.len(),
            |place| right(form.sets[place], read[place]),
            |place| right(form.sets[place - 1], read[place]),
        );
        let at = |(place, read_here): (usize, &u8)| {
            table.place(place, read.len()) * table.gained_as(*read_here) * doubts[place] * others[place]
        };
        form.density * table.rates().gained * read.iter().enumerate().map(at).sum::<f64>()
    }
}

/// For each of `count` places, the product over all others: `before` of those before it, `behind` of those behind it.
fn with_one_left_out(
    count: usize,
    before: impl Fn(usize) -> f64,
    behind: impl Fn(usize) -> f64,
) -> [f64; MAX_LENGTH] {
    let mut products = [1.0; MAX_LENGTH];
    for place in (1..count).rev() {
        products[place - 1] = products[place] * behind(place);
    }
    let mut so_far = 1.0;
    for (place, product) in products.iter_mut().enumerate().take(count).skip(1) {
        so_far *= before(place - 1);
        *product *= so_far;
    }
    products
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::confusion::NO_DOUBTS;

    /// Every mark of a form.
    fn marks(form: &Form) -> Vec<Vrm> {
        let mut texts = vec![String::new()];
        for set in &form.places {
            let symbols = (0..SYMBOLS).filter(|symbol| set & 1 << symbol != 0);
            let characters: Vec<char> = symbols.map(|symbol| char::from(character(symbol))).collect();
            texts = texts
                .iter()
                .flat_map(|text| characters.iter().map(move |new| format!("{text}{new}")))
                .collect();
        }
        texts.iter().filter_map(|text| Vrm::parse(text).ok()).collect()
    }

    /// The mass, mark by mark.
    fn plain(population: &Population, table: &Table, read: Vrm, doubts: &Doubts) -> Mass {
        let mut mass = Mass::default();
        let like = |mark: Vrm| {
            mark.as_bytes()
                .iter()
                .zip(read.as_bytes())
                .all(|(a, b)| alike(*a, *b))
        };
        let likelihoods = |form: &Form| {
            let others = marks(form).into_iter().filter(|mark| *mark != read);
            others
                .map(|mark| (mark, table.likelihood(mark, read, doubts)))
                .collect::<Vec<_>>()
        };
        for form in &population.registered {
            for (mark, likelihood) in likelihoods(form) {
                let part = match mark.as_bytes().len() == read.as_bytes().len() {
                    true if like(mark) => &mut mass.alike,
                    true => &mut mass.unlike,
                    false => &mut mass.shifted,
                };
                *part += form.density() * likelihood;
            }
        }
        for form in &population.strangers {
            mass.strangers += form.density() * likelihoods(form).iter().map(|(_, l)| l).sum::<f64>();
        }
        mass
    }

    #[test]
    fn the_mass_by_places_is_the_mass_mark_by_mark() {
        let population = Population {
            registered: vec![
                Form::of("L19", 500.0),
                Form::of("AA9", 300.0),
                Form::of("p1", 20.0),
            ],
            strangers: vec![Form::of("a9A", 7.0), Form::of("9A", 3.0)],
        };
        let table = Table::default();
        let expectation = Expectation::new(&population, &table);
        let mut doubts = NO_DOUBTS;
        doubts[1] = 5.0;
        for read in ["O19", "0I9", "OI9", "B8", "AA88", "MN6", "A1", "77"] {
            let read = Vrm::parse(read).unwrap();
            for doubts in [NO_DOUBTS, doubts] {
                let (fast, slow) = (
                    expectation.mass(&table, read, &doubts),
                    plain(&population, &table, read, &doubts),
                );
                for (fast, slow) in [
                    (fast.alike, slow.alike),
                    (fast.unlike, slow.unlike),
                    (fast.shifted, slow.shifted),
                    (fast.strangers, slow.strangers),
                ] {
                    assert!(
                        (fast - slow).abs() <= 1e-9 * slow.max(1e-9),
                        "{}: {fast} {slow}",
                        read.as_str()
                    );
                }
            }
        }
    }

    #[test]
    fn all_vehicles_bear_marks_and_most_of_them_of_the_current_style() {
        let population = Population::default();
        let sum = |forms: &[Form]| forms.iter().map(|form| form.vehicles).sum::<f64>();
        assert!((sum(&population.registered) / REGISTERED - 1.0).abs() < 1e-9);
        assert!((sum(&population.strangers) / (REGISTERED * STRANGERS) - 1.0).abs() < 1e-9);
        let expectation = Expectation::new(&population, &Table::default());
        let bearers = |mark| expectation.bearers(Vrm::parse(mark).unwrap().as_bytes());
        assert!((0.05..0.2).contains(&bearers("AB12CDE").registered));
        assert!(bearers("A123BCD").registered > 0.0 && bearers("AZ1234").registered > 0.0);
        for wrong in ["AB1ZCDE", "AB12CD", "1AB12CDE", "AB32CDE"] {
            let bearers = bearers(wrong);
            assert!(bearers.registered == 0.0 && bearers.strangers > 0.0, "{wrong}");
        }
    }
}
