//! Which of many forms a mark has: all of them tried at once.
//!
//! For each place and each character that may stand there, a set of the forms that let it stand, a bit for each. The forms of a
//! mark are those in the sets of all its characters: seven steps. Holding a mark against 50 forms one after the other was an
//! eighth of all that a look-up among ten million entries costs.

use domain::vrm::MAX_LENGTH;

use crate::alike::{SYMBOLS, symbol};
use crate::population::{Bearers, Form};

/// Forms of a set: as many as a word has bits.
const SET: usize = u64::BITS as usize;

/// See the module's page.
#[derive(Clone, Debug)]
pub(crate) struct Forms(Vec<Set>);

/// Some of the forms.
#[derive(Clone, Debug)]
struct Set {
    /// Those that marks of each length may have.
    of_length: [u64; MAX_LENGTH + 1],
    /// Those that have each place, and let each character stand there.
    places: [[u64; SYMBOLS]; MAX_LENGTH],
    /// How many vehicles bear each mark of each.
    bearers: Vec<Bearers>,
}

impl Forms {
    /// The forms of registered vehicles, and those of strangers: what is a form of both is tried once.
    pub(crate) fn new(registered: &[Form], strangers: &[Form]) -> Self {
        let registered = registered
            .iter()
            .map(|form| (form, Bearers::registered(form.density())));
        let strangers = strangers
            .iter()
            .map(|form| (form, Bearers::strangers(form.density())));
        let mut forms: Vec<(&[u64], Bearers)> = Vec::new();
        for (form, bearers) in registered.chain(strangers) {
            match forms.iter_mut().find(|(places, _)| *places == form.places) {
                Some((_, all)) => *all += bearers,
                None => forms.push((&form.places, bearers)),
            }
        }
        Self(forms.chunks(SET).map(Set::new).collect())
    }

    /// How many vehicles are expected to bear a mark.
    #[inline]
    pub(crate) fn bearers(&self, mark: &[u8]) -> Bearers {
        let mut sum = Bearers::default();
        for set in &self.0 {
            let mut fitting = set.fitting(mark);
            while fitting != 0 {
                sum += set.bearers[fitting.trailing_zeros() as usize];
                fitting &= fitting - 1;
            }
        }
        sum
    }
}

impl Set {
    fn new(forms: &[(&[u64], Bearers)]) -> Self {
        let mut set = Self {
            of_length: [0; MAX_LENGTH + 1],
            places: [[0; SYMBOLS]; MAX_LENGTH],
            bearers: forms.iter().map(|(_, bearers)| *bearers).collect(),
        };
        for (number, (places, _)) in forms.iter().enumerate() {
            // No mark is longer.
            if let Some(of_length) = set.of_length.get_mut(places.len()) {
                *of_length |= 1 << number;
            }
            for (place, allowed) in set.places.iter_mut().zip(*places) {
                for (symbol, forms) in place.iter_mut().enumerate() {
                    *forms |= (allowed >> symbol & 1) << number;
                }
            }
        }
        set
    }

    #[inline]
    fn fitting(&self, mark: &[u8]) -> u64 {
        let of_length = self.of_length[mark.len()];
        let places = mark.iter().zip(&self.places);
        places.fold(of_length, |fitting, (character, place)| {
            fitting & place[symbol(*character)]
        })
    }
}

#[cfg(test)]
mod tests {
    use domain::Vrm;
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;
    use crate::alike::character;
    use crate::population::Population;

    /// Form by form.
    fn plain(forms: &[Form], mark: Vrm) -> f64 {
        let mark = mark.as_bytes();
        let stands = |(allowed, byte): (&u64, &u8)| allowed >> symbol(*byte) & 1 == 1;
        let fits = |form: &&Form| form.places.len() == mark.len() && form.places.iter().zip(mark).all(stands);
        forms.iter().filter(fits).map(Form::density).sum()
    }

    fn mark(rng: &mut ChaCha8Rng, form: Option<&Form>) -> Option<Vrm> {
        let length = form.map_or(rng.random_range(2..=MAX_LENGTH), |form| form.places.len());
        let text = (0..length).map(|place| {
            loop {
                let symbol = rng.random_range(0..SYMBOLS);
                if form.is_none_or(|form| form.places[place] >> symbol & 1 == 1) {
                    break char::from(character(symbol));
                }
            }
        });
        Vrm::parse(&text.collect::<String>()).ok()
    }

    /// More forms than one set has.
    fn many(rng: &mut ChaCha8Rng) -> Vec<Form> {
        let mut form = || Form {
            places: (0..rng.random_range(2..=MAX_LENGTH))
                .map(|_| rng.random_range(1..1 << SYMBOLS))
                .collect(),
            vehicles: rng.random_range(1.0..1e6),
        };
        (0..SET + 10).map(|_| form()).collect()
    }

    #[test]
    fn as_many_bear_a_mark_as_when_each_form_is_tried_by_itself() {
        let Population {
            registered,
            strangers,
        } = Population::default();
        for seed in 1..=3 {
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            let (registered, strangers) = match seed {
                1 => (registered.clone(), strangers.clone()),
                2 => (
                    strangers.clone(),
                    [registered.as_slice(), &many(&mut rng)].concat(),
                ),
                _ => (many(&mut rng), Vec::new()),
            };
            let all = [registered.as_slice(), &strangers].concat();
            let fast = Forms::new(&registered, &strangers);
            let (mut borne, mut marks) = (0, 0);
            for turn in 0..20_000 {
                let form = (turn % 2 == 0).then(|| &all[rng.random_range(0..all.len())]);
                let Some(mark) = mark(&mut rng, form) else {
                    continue;
                };
                let expected = (plain(&registered, mark), plain(&strangers, mark));
                let Bearers {
                    registered,
                    strangers,
                } = fast.bearers(mark.as_bytes());
                assert_eq!(
                    (registered, strangers),
                    expected,
                    "seed {seed}, {}",
                    mark.as_str()
                );
                borne += usize::from(registered + strangers > 0.0);
                marks += 1;
            }
            assert!(borne > marks / 3, "seed {seed}: marks that are borne were tried");
        }
    }
}
