//! What must appear on the operator's screen, kept apart from everything that is measured: a plain map of the lists, and a
//! plain set of hits.

use std::collections::{HashMap, HashSet};

use domain::hotlist::Entry;
use domain::read::PlateRead;
use domain::{EntryId, HitId, Timestamp, Vrm, syntax};
use matcher::alike::{Look, SYMBOLS, character};
use matcher::clones;

/// The lists, as a person would look a mark up in them.
#[derive(Default)]
pub struct Lists {
    by_mark: HashMap<Vrm, Vec<Listed>>,
    /// Listed marks by the classes of their characters.
    by_look: HashMap<u64, Vec<Vrm>>,
}

#[derive(Clone, Copy)]
struct Listed {
    entry: EntryId,
    opens_case: bool,
    certain: bool,
}

/// A hit that must come of a read, or may.
#[derive(Clone, Copy, Debug)]
pub struct Due {
    /// Which hit.
    pub hit: HitId,
    /// Whether it must be pushed to the operator; the others are stored for intelligence.
    pub opens_case: bool,
    /// Whether it must come. A misread, or a hit under a list that is being replaced, may come or not, but never twice.
    pub certain: bool,
}

impl Lists {
    /// Takes entries. `certain` is false for those of a list that is replaced while reads flow.
    pub fn add(&mut self, entries: &[Entry], certain: bool) {
        for entry in entries {
            // The simulated world lists no patterns.
            let Some(vrm) = entry.target.mark() else {
                continue;
            };
            let listed = Listed {
                entry: entry.entry_id,
                opens_case: entry.grade.opens_case(),
                certain,
            };
            let of_mark = self.by_mark.entry(vrm).or_default();
            if of_mark.is_empty() {
                let alike = self.by_look.entry(Look::of(vrm).classes);
                alike.or_default().push(vrm);
            }
            of_mark.push(listed);
        }
    }

    /// The hits of a read: those on its mark must come; those on marks that it may be a misread of may, and so may that of a
    /// clone. No entry of the simulated world ends while a benchmark runs, so that all of a mark's count.
    pub fn hits<'a>(&'a self, read: &'a PlateRead) -> impl Iterator<Item = Due> + 'a {
        let marks = std::iter::once(read.vrm).chain(self.misread(read.vrm));
        let listed = marks.flat_map(move |mark| {
            let listed = self.by_mark.get(&mark).into_iter().flatten();
            listed.map(move |listed| Due {
                hit: HitId::of_hit(read.read_id, listed.entry),
                opens_case: listed.opens_case,
                certain: listed.certain && mark == read.vrm,
            })
        });
        listed.chain(std::iter::once(Due {
            hit: HitId::of_hit(read.read_id, clones::entry_id(read.vrm)),
            opens_case: true,
            certain: false,
        }))
    }

    /// Other listed marks that a read may stand for.
    fn misread(&self, read: Vrm) -> HashSet<Vrm> {
        let alike = self.by_look.get(&Look::of(read).classes).into_iter().flatten();
        let mut marks: HashSet<Vrm> = alike.copied().filter(|mark| *mark != read).collect();
        if syntax::uk_form(read.as_bytes()).is_none() {
            let shifted = longer(read)
                .chain(shorter(read))
                .filter(|mark| self.by_mark.contains_key(mark));
            marks.extend(shifted);
        }
        marks
    }
}

/// All marks with one character more.
fn longer(mark: Vrm) -> impl Iterator<Item = Vrm> {
    let places = 0..=mark.as_bytes().len();
    let with = move |place, symbol| {
        let mut text = mark.as_str().to_owned();
        text.insert(place, char::from(character(symbol)));
        Vrm::parse(&text).ok()
    };
    places.flat_map(move |place| (0..SYMBOLS).filter_map(move |symbol| with(place, symbol)))
}

/// All marks with one character less.
fn shorter(mark: Vrm) -> impl Iterator<Item = Vrm> {
    let without = move |place| {
        let mut text = mark.as_str().to_owned();
        text.remove(place);
        Vrm::parse(&text).ok()
    };
    (0..mark.as_bytes().len()).filter_map(without)
}

/// What was accepted and what became of it.
#[derive(Default)]
pub struct Ledger {
    due: HashMap<HitId, (Due, Timestamp)>,
    pushed: HashMap<HitId, Push>,
    doubled: HashSet<HitId>,
    /// Hits that must be pushed and were not yet.
    open: HashSet<HitId>,
}

/// A hit on the operator's screen.
#[derive(Clone, Copy, Debug)]
pub struct Push {
    /// When its case changed, as the event says.
    pub happened_at: Timestamp,
    /// When it came.
    pub at: Timestamp,
}

/// How the account stands at the end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Balance {
    /// Hits that had to come.
    pub expected: u64,
    /// Those of them that came: pushed where they open a case, else stored.
    pub seen: u64,
    /// Those that did not.
    pub lost: u64,
    /// Hits that came more than once.
    pub doubled: u64,
    /// Hits that no read gave.
    pub unexpected: u64,
}

impl Ledger {
    /// A batch of reads that was due at `at` has been accepted, and owes these hits.
    pub fn accepted(&mut self, hits: &[Due], at: Timestamp) {
        for due in hits {
            let first = self.due.insert(due.hit, (*due, at)).is_none();
            if first && due.certain && due.opens_case && !self.pushed.contains_key(&due.hit) {
                self.open.insert(due.hit);
            }
        }
    }

    /// A hit has come to the screen.
    pub fn pushed(&mut self, hit: HitId, push: Push) {
        self.open.remove(&hit);
        if self.pushed.insert(hit, push).is_some() {
            self.doubled.insert(hit);
        }
    }

    /// Hits that must still be pushed.
    pub fn open(&self) -> usize {
        self.open.len()
    }

    /// Hits that must be stored.
    pub fn owed(&self) -> usize {
        self.due.values().filter(|(due, _)| due.certain).count()
    }

    /// How many hits have been pushed.
    pub fn pushes(&self) -> usize {
        self.pushed.len()
    }

    /// When the read of a hit was due to be sent, and when the hit was pushed.
    pub fn pushes_since_due(&self) -> impl Iterator<Item = (Timestamp, Push)> + '_ {
        self.due
            .iter()
            .filter_map(|(hit, (_, due))| Some((*due, *self.pushed.get(hit)?)))
    }

    /// When a hit's case changed and when it was pushed.
    pub fn push_of(&self, hit: HitId) -> Option<Push> {
        self.pushed.get(&hit).copied()
    }

    /// Holds what the database keeps, each hit as often as it is there, against what was owed.
    pub fn balance(&self, stored: &[HitId]) -> Balance {
        let mut kept = HashSet::with_capacity(stored.len());
        let mut doubled = self.doubled.clone();
        doubled.extend(stored.iter().filter(|hit| !kept.insert(**hit)));
        let certain: Vec<&Due> = self
            .due
            .values()
            .map(|(due, _)| due)
            .filter(|due| due.certain)
            .collect();
        let came =
            |due: &&&Due| kept.contains(&due.hit) && (!due.opens_case || self.pushed.contains_key(&due.hit));
        let seen = certain.iter().filter(came).count() as u64;
        let known = |hit: &&HitId| !self.due.contains_key(*hit);
        let unexpected: HashSet<&HitId> = kept.iter().chain(self.pushed.keys()).filter(known).collect();
        Balance {
            expected: certain.len() as u64,
            seen,
            lost: certain.len() as u64 - seen,
            doubled: doubled.len() as u64,
            unexpected: unexpected.len() as u64,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn due(number: u64, opens_case: bool, certain: bool) -> Due {
        let list = domain::ListName::parse("list").unwrap();
        let vrm = Vrm::parse(&format!("AB{number:05}")).unwrap();
        let read = domain::ReadId::of_read(
            &domain::CameraId::parse("camera").unwrap(),
            Timestamp::UNIX_EPOCH,
            vrm,
        );
        Due {
            hit: HitId::of_hit(read, EntryId::of_entry(&list, vrm, "")),
            opens_case,
            certain,
        }
    }

    const PUSH: Push = Push {
        happened_at: Timestamp::UNIX_EPOCH,
        at: Timestamp::UNIX_EPOCH,
    };

    #[test]
    fn the_balance_tells_lost_doubled_and_unexpected_hits() {
        let (case, noted, maybe, stranger) = (
            due(1, true, true),
            due(2, false, true),
            due(3, false, false),
            due(4, true, true),
        );
        let mut ledger = Ledger::default();
        // A push may overtake the answer to the post.
        ledger.pushed(case.hit, PUSH);
        ledger.accepted(&[case, noted, maybe], Timestamp::UNIX_EPOCH);
        assert_eq!((ledger.open(), ledger.owed()), (0, 2));
        let good = Balance {
            expected: 2,
            seen: 2,
            ..Balance::default()
        };
        assert_eq!(ledger.balance(&[case.hit, noted.hit]), good);
        assert_eq!(ledger.balance(&[case.hit, noted.hit, maybe.hit]), good);
        assert_eq!(
            ledger.balance(&[case.hit]),
            Balance {
                seen: 1,
                lost: 1,
                ..good
            }
        );
        assert_eq!(ledger.balance(&[noted.hit]).lost, 1, "pushed, but not kept");
        assert_eq!(ledger.balance(&[case.hit, noted.hit, noted.hit]).doubled, 1);
        assert_eq!(ledger.balance(&[case.hit, noted.hit, stranger.hit]).unexpected, 1);
        ledger.pushed(case.hit, PUSH);
        assert_eq!(ledger.balance(&[case.hit, noted.hit]).doubled, 1);
    }

    #[test]
    fn a_read_owes_the_hits_of_its_mark_and_may_give_those_of_marks_like_it() {
        let vrm = |mark| Vrm::parse(mark).unwrap();
        let mut lists = Lists::default();
        for mark in ["AB12CDE", "A812CDE", "AB1CDE", "XX99XXX"] {
            let listed = Listed {
                entry: EntryId::of_entry(&domain::ListName::parse("list").unwrap(), vrm(mark), ""),
                opens_case: true,
                certain: true,
            };
            lists.by_mark.entry(vrm(mark)).or_default().push(listed);
            let alike = lists.by_look.entry(Look::of(vrm(mark)).classes);
            alike.or_default().push(vrm(mark));
        }
        let check = |read, expected: &[&str]| {
            let mut marks: Vec<_> = lists
                .misread(vrm(read))
                .into_iter()
                .map(|mark| mark.to_string())
                .collect();
            marks.sort();
            assert_eq!(marks, expected, "{read}");
        };
        check("AB12CDE", &["A812CDE"]);
        check("ABI2CDE", &["A812CDE", "AB12CDE"]);
        check("AB12CD", &["AB12CDE"]);
        check("AAB1CDE", &["AB1CDE"]);
        check("ZZ99ZZZ", &[]);
    }

    #[test]
    fn a_hit_that_was_kept_and_never_pushed_is_lost() {
        let case = due(1, true, true);
        let mut ledger = Ledger::default();
        ledger.accepted(&[case], Timestamp::UNIX_EPOCH);
        assert_eq!(ledger.open(), 1);
        assert_eq!(ledger.balance(&[case.hit]).lost, 1);
    }
}
