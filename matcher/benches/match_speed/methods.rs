//! The ways to look a read up: the matcher's own, and what a user would take instead.

use std::hint::black_box;

use dashmap::DashMap;
use domain::hotlist::{Action, Entry, Grade, Revision};
use domain::{ListName, Timestamp, Vrm};
use fst::automaton::Levenshtein;
use fst::{IntoStreamer, Set, Streamer};
use hashbrown::{DefaultHashBuilder, HashMap};
use matcher::beliefs::Beliefs;
use matcher::description::Description;
use matcher::gate::{Envelope, Gate};
use matcher::index::Index;
use matcher::lists::Lists;
use matcher::matching::{self, Candidate, Found};
use stream::wire::{EntryChange, RevisionMark};
use symspell::{AsciiStringStrategy, SymSpell, SymSpellBuilder, Verbosity};

/// Reads that the matcher takes at once.
const BATCH: usize = 10_000;
/// What is known of a read before it is opened: the camera gives no make or colour, and nothing was seen before.
const ENVELOPE: Envelope<'static> = Envelope {
    camera: "",
    looks: Some(Description {
        colour: None,
        make: None,
    }),
    seen: None,
};

/// A way to look reads up.
pub trait Method {
    fn name(&self) -> &'static str;
    fn bytes_per_entry(&self) -> f64;
    /// Looks reads up one after the other; the number found keeps the compiler from leaving it out.
    fn look_up(&mut self, reads: &[Vrm]) -> usize;
    /// Whether a read leads to this listed mark.
    fn leads_to(&mut self, read: Vrm, listed: Vrm) -> bool;
    /// Of how many reads one is looked up, where the method is too slow for all.
    fn one_in(&self) -> usize {
        1
    }
}

/// All methods over the same marks. `symspell` takes half a kilobyte an entry, so that it ends at a million.
pub fn all(listed: &[Vrm]) -> Vec<Box<dyn Method>> {
    const MOST_FOR_SYMSPELL: usize = 1_000_000;
    let (index, bytes) = index(listed);
    let mut methods: Vec<Box<dyn Method>> = vec![
        Box::new(Steelring::new(index.clone(), bytes)),
        Box::new(SteelringExact(Steelring::new(index, bytes))),
        Box::new(Hashbrown(numbered(listed).collect())),
        Box::new(Dash::new(listed)),
        Box::new(Automaton::new(listed)),
    ];
    if listed.len() <= MOST_FOR_SYMSPELL {
        methods.push(Box::new(Symmetric::new(listed)));
    }
    methods
}

fn numbered(listed: &[Vrm]) -> impl Iterator<Item = (Vrm, u32)> {
    listed.iter().copied().zip(0..)
}

/// Bytes an entry of what `build` keeps.
fn measured<T>(entries: usize, build: impl FnOnce() -> T) -> (T, f64) {
    let mut built = None;
    let allocated = allocation_counter::measure(|| built = Some(build()));
    let bytes = allocated.bytes_current as f64 / entries.max(1) as f64;
    (built.expect("built just now"), bytes)
}

fn index(listed: &[Vrm]) -> (Index, f64) {
    let list = ListName::parse("stolen").expect("a name");
    let mut lists = Lists::default();
    for vrm in listed {
        let entry = Entry {
            grade: Grade::Two,
            action: Action::Stop,
            reason: "stolen".into(),
            ..Entry::new(&list, *vrm, "", Timestamp::UNIX_EPOCH)
        };
        lists.take(EntryChange::Put(Box::new(entry)), false);
    }
    let mark = RevisionMark {
        revision: Revision(1),
        without: None,
        entries: listed.len() as u64,
        published_at: Timestamp::UNIX_EPOCH,
    };
    lists.take(EntryChange::Mark(mark), false);
    let index = lists.index();
    let bytes = lists.index_bytes() as f64 / listed.len().max(1) as f64;
    (index, bytes)
}

/// Look-alikes, characters lost and gained, and the gate.
struct Steelring {
    index: Index,
    bytes: f64,
    beliefs: Beliefs,
    candidates: Vec<Candidate>,
}

impl Steelring {
    fn new(index: Index, bytes: f64) -> Self {
        Self {
            index,
            bytes,
            beliefs: Beliefs::default(),
            candidates: Vec::new(),
        }
    }

    fn probe(&mut self, reads: &[Vrm]) -> &[Candidate] {
        let keys = reads.iter().map(|read| Some(read.as_bytes()));
        let mut gate = Gate::new(&self.index, &self.beliefs);
        let passes = |likeness: &matching::Likeness<'_>| gate.lets_pass(likeness, || ENVELOPE);
        matching::probe_alike(keys, &self.index, passes, &mut self.candidates);
        &self.candidates
    }

    fn probe_exactly(&mut self, reads: &[Vrm]) -> &[Candidate] {
        let keys = reads.iter().map(|read| Some(read.as_bytes()));
        matching::probe(keys, &self.index, &mut self.candidates);
        &self.candidates
    }
}

fn leads_to(candidates: &[Candidate], listed: Vrm) -> bool {
    let is_it =
        |candidate: &Candidate| matches!(candidate.found, Found::Listed { mark, .. } if mark == listed);
    candidates.iter().any(is_it)
}

impl Method for Steelring {
    fn name(&self) -> &'static str {
        "steelring"
    }
    fn bytes_per_entry(&self) -> f64 {
        self.bytes
    }
    fn look_up(&mut self, reads: &[Vrm]) -> usize {
        reads.chunks(BATCH).map(|batch| self.probe(batch).len()).sum()
    }
    fn leads_to(&mut self, read: Vrm, listed: Vrm) -> bool {
        leads_to(self.probe(&[read]), listed)
    }
}

/// The same mark alone.
struct SteelringExact(Steelring);

impl Method for SteelringExact {
    fn name(&self) -> &'static str {
        "steelring-exact"
    }
    fn bytes_per_entry(&self) -> f64 {
        self.0.bytes
    }
    fn look_up(&mut self, reads: &[Vrm]) -> usize {
        reads
            .chunks(BATCH)
            .map(|batch| self.0.probe_exactly(batch).len())
            .sum()
    }
    fn leads_to(&mut self, read: Vrm, listed: Vrm) -> bool {
        leads_to(self.0.probe_exactly(&[read]), listed)
    }
}

/// The bare look-up that all is held against, with its own hash function, foldhash.
struct Hashbrown(HashMap<Vrm, u32>);

impl Method for Hashbrown {
    fn name(&self) -> &'static str {
        "hashbrown"
    }
    fn bytes_per_entry(&self) -> f64 {
        self.0.allocation_size() as f64 / self.0.len().max(1) as f64
    }
    fn look_up(&mut self, reads: &[Vrm]) -> usize {
        reads
            .iter()
            .filter(|read| black_box(self.0.get(*read)).is_some())
            .count()
    }
    fn leads_to(&mut self, read: Vrm, listed: Vrm) -> bool {
        read == listed && self.0.contains_key(&read)
    }
}

/// The concurrent map, with the same hash function.
struct Dash {
    map: DashMap<Vrm, u32, DefaultHashBuilder>,
    bytes: f64,
}

impl Dash {
    fn new(listed: &[Vrm]) -> Self {
        let (map, bytes) = measured(listed.len(), || {
            let map = DashMap::with_hasher(DefaultHashBuilder::default());
            for (mark, number) in numbered(listed) {
                map.insert(mark, number);
            }
            map
        });
        Self { map, bytes }
    }
}

impl Method for Dash {
    fn name(&self) -> &'static str {
        "dashmap"
    }
    fn bytes_per_entry(&self) -> f64 {
        self.bytes
    }
    fn look_up(&mut self, reads: &[Vrm]) -> usize {
        reads
            .iter()
            .filter(|read| black_box(self.map.get(*read)).is_some())
            .count()
    }
    fn leads_to(&mut self, read: Vrm, listed: Vrm) -> bool {
        read == listed && self.map.contains_key(&read)
    }
}

/// A finite state transducer, searched with an automaton of all texts at distance 1.
struct Automaton(Set<Vec<u8>>);

impl Automaton {
    fn new(listed: &[Vrm]) -> Self {
        let mut sorted = listed.to_vec();
        sorted.sort_unstable_by(|a, b| a.as_bytes().cmp(b.as_bytes()));
        Self(Set::from_iter(sorted.iter().map(Vrm::as_bytes)).expect("sorted, each once"))
    }

    fn count(&self, read: Vrm, is_it: impl Fn(&[u8]) -> bool) -> usize {
        let near = Levenshtein::new(read.as_str(), 1).expect("a short text");
        let mut found = self.0.search(near).into_stream();
        let mut count = 0;
        while let Some(mark) = found.next() {
            count += usize::from(is_it(mark));
        }
        count
    }
}

impl Method for Automaton {
    fn name(&self) -> &'static str {
        "fst"
    }
    fn bytes_per_entry(&self) -> f64 {
        self.0.as_fst().size() as f64 / self.0.len().max(1) as f64
    }
    fn look_up(&mut self, reads: &[Vrm]) -> usize {
        reads.iter().map(|read| self.count(*read, |_| true)).sum()
    }
    fn leads_to(&mut self, read: Vrm, listed: Vrm) -> bool {
        self.count(read, |mark| mark == listed.as_bytes()) > 0
    }
    fn one_in(&self) -> usize {
        5_000
    }
}

/// Symmetric deletes at distance 1.
struct Symmetric {
    spelling: SymSpell<AsciiStringStrategy>,
    bytes: f64,
}

impl Symmetric {
    fn new(listed: &[Vrm]) -> Self {
        let (spelling, bytes) = measured(listed.len(), || {
            let mut spelling: SymSpell<AsciiStringStrategy> = SymSpellBuilder::default()
                .max_dictionary_edit_distance(1)
                .build()
                .expect("all settings have defaults");
            for mark in listed {
                spelling.load_dictionary_line(&format!("{mark} 1"), 0, 1, " ");
            }
            spelling
        });
        Self { spelling, bytes }
    }
}

impl Method for Symmetric {
    fn name(&self) -> &'static str {
        "symspell"
    }
    fn bytes_per_entry(&self) -> f64 {
        self.bytes
    }
    fn look_up(&mut self, reads: &[Vrm]) -> usize {
        let found = |read: &Vrm| self.spelling.lookup(read.as_str(), Verbosity::All, 1).len();
        reads.iter().map(found).sum()
    }
    fn leads_to(&mut self, read: Vrm, listed: Vrm) -> bool {
        let found = self.spelling.lookup(read.as_str(), Verbosity::All, 1);
        found.iter().any(|found| found.term == listed.as_str())
    }
    fn one_in(&self) -> usize {
        100
    }
}
