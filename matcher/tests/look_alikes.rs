//! Look-alikes against a linear scan in plain code, on seeded random lists and reads.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use common::{at, entry, read};
use domain::hit::{Hit, MatchKind};
use domain::hotlist::{Entry, Grade, Revision};
use domain::misread::Difference;
use domain::read::{PlateRead, VehicleSeen};
use domain::{HitId, Vrm, syntax};
use matcher::beliefs::Beliefs;
use matcher::confusion::Confusion;
use matcher::description::Description;
use matcher::gate::{Envelope, Gate};
use matcher::index::Index;
use matcher::matching::{self, Candidate, Case, Found};
use matcher::posts::Posts;
use matcher::register::Builder;
use matcher::score::thresholds::Thresholds;
use matcher::score::{Listed, Reading, Scorer};
use matcher::traffic::Seen;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// The classes, written once more.
const ALIKE: [&str; 11] = [
    "0OQD", "1IL", "5S", "8B", "2Z", "6GC", "7T", "4A", "UVY", "MNH", "EF",
];

fn look_alike(a: u8, b: u8) -> bool {
    let both = |class: &&str| class.as_bytes().contains(&a) && class.as_bytes().contains(&b);
    a == b || ALIKE.iter().any(both)
}

/// The first place of `long` whose character is left out in `short`.
fn left_out(long: &[u8], short: &[u8]) -> Option<(u8, u8)> {
    let without = |place: &usize| [&long[..*place], &long[place + 1..]].concat() == short;
    let place = (0..long.len()).find(without)?;
    Some((place as u8, long[place]))
}

/// How a read differs from a listed mark, one pair at a time.
fn difference(read: &[u8], listed: &[u8]) -> Option<Difference> {
    if read == listed {
        return Some(Difference::None);
    }
    if read.len() == listed.len() {
        let alike = read.iter().zip(listed).all(|(a, b)| look_alike(*a, *b));
        let count = read.iter().zip(listed).filter(|(a, b)| a != b).count() as u8;
        return alike.then_some(Difference::Alike { count });
    }
    if syntax::uk_form(read).is_some() {
        return None;
    }
    let lost = left_out(listed, read).map(|(position, character)| Difference::Lost { position, character });
    lost.or_else(|| {
        left_out(read, listed).map(|(position, character)| Difference::Gained { position, character })
    })
}

/// Marks of a seed: UK forms, foreign ones, and noise in few characters, so that they meet.
fn mark(rng: &mut ChaCha8Rng) -> Vrm {
    const PATTERNS: [&str; 12] = [
        "AA99AAA",
        "A999AAA",
        "A9AAA",
        "AAA999A",
        "AAA999",
        "9999AA",
        "AZA999",
        "99A99999",
        "AA999A",
        "AAAA999999",
        "99",
        "9A9A9A9A9",
    ];
    let letters = &b"ABOQDHMNYUVEF"[..rng.random_range(2..=13)];
    fn pick(rng: &mut ChaCha8Rng, from: &[u8]) -> char {
        char::from(from[rng.random_range(0..from.len())])
    }
    loop {
        let text: String = if rng.random_bool(0.2) {
            let length = rng.random_range(2..=10);
            (0..length).map(|_| pick(rng, b"AB0OD18")).collect()
        } else {
            let pattern = PATTERNS[rng.random_range(0..PATTERNS.len())];
            let fill = |c| match c {
                'A' => pick(rng, letters),
                '9' => pick(rng, b"0158"),
                other => other,
            };
            pattern.chars().map(fill).collect()
        };
        if let Ok(vrm) = Vrm::parse(&text) {
            return vrm;
        }
    }
}

/// A mark as a bad recogniser gives it.
fn misread(rng: &mut ChaCha8Rng, mark: Vrm) -> Vrm {
    let mut text = mark.as_bytes().to_vec();
    let place = rng.random_range(0..text.len());
    match rng.random_range(0..4) {
        0 => {}
        1 => drop(text.remove(place)),
        2 => text.insert(place, b"1IAB0"[rng.random_range(0..5)]),
        _ => {
            for _ in 0..rng.random_range(1..=3) {
                let place = rng.random_range(0..text.len());
                let class = ALIKE.iter().find(|class| class.as_bytes().contains(&text[place]));
                if let Some(class) = class {
                    text[place] = class.as_bytes()[rng.random_range(0..class.len())];
                }
            }
        }
    }
    Vrm::parse(std::str::from_utf8(&text).unwrap()).unwrap_or(mark)
}

fn probed(reads: &[Vrm], index: &Index) -> Vec<Candidate> {
    let mut candidates = Vec::new();
    let keys = reads.iter().map(|read| Some(read.as_bytes()));
    matching::probe_alike(keys, index, |_| true, &mut candidates);
    candidates
}

type Pairs = BTreeSet<(usize, Vrm, String)>;

/// What the index finds, but for the few that are on no list after all.
fn found(reads: &[Vrm], index: &Index, seed: u64) -> Pairs {
    let candidates = probed(reads, index);
    assert!(
        candidates.is_sorted_by_key(|candidate| candidate.read),
        "seed {seed}"
    );
    let mut pairs = Pairs::new();
    for candidate in candidates {
        let Found::Listed { mark, difference } = candidate.found else {
            panic!("a mark is a mark, seed {seed}");
        };
        if !index.entries(mark.as_bytes()).is_empty() {
            let pair = (candidate.read, mark, format!("{difference:?}"));
            assert!(pairs.insert(pair), "a candidate twice, seed {seed}");
        }
    }
    pairs
}

fn scan(reads: &[Vrm], listed: &BTreeSet<Vrm>) -> Pairs {
    let mut pairs = Pairs::new();
    for (number, read) in reads.iter().enumerate() {
        for mark in listed {
            if let Some(difference) = difference(read.as_bytes(), mark.as_bytes()) {
                pairs.insert((number, *mark, format!("{difference:?}")));
            }
        }
    }
    pairs
}

fn agree(seed: u64, listed: usize, reads: usize) -> usize {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let listed: Vec<Vrm> = (0..listed).map(|_| mark(&mut rng)).collect();
    let entries: Vec<_> = listed
        .iter()
        .enumerate()
        .map(|(number, vrm)| entry(vrm.as_str(), &(number % 3).to_string(), None))
        .collect();
    let reads: Vec<Vrm> = (0..reads)
        .map(|_| {
            let mark = match listed.len() {
                0 => mark(&mut rng),
                count if rng.random_bool(0.7) => listed[rng.random_range(0..count)],
                _ => mark(&mut rng),
            };
            misread(&mut rng, mark)
        })
        .collect();
    let index = Index::of(Revision(1), &entries);
    let expected = scan(&reads, &listed.into_iter().collect());
    assert_eq!(found(&reads, &index, seed), expected, "seed {seed}");
    expected.len()
}

#[test]
fn look_alikes_and_lost_and_gained_characters_agree_with_a_linear_scan() {
    let mut pairs = 0;
    for seed in 0..150 {
        pairs += agree(seed, [0, 1, 10, 100, 300][seed as usize % 5], 300);
    }
    for seed in 150..152 {
        pairs += agree(seed, 5_000, 1_000);
    }
    assert!(pairs > 20_000, "{pairs}: the marks hardly met");
}

/// Keys that are no marks stand among the others, alone and in rows, and change nothing but the places.
#[test]
fn keys_that_are_no_marks_come_in_order_and_change_nothing_for_others() {
    let mut rng = ChaCha8Rng::seed_from_u64(11);
    let listed: Vec<Vrm> = (0..300).map(|_| mark(&mut rng)).collect();
    let entries: Vec<_> = listed.iter().map(|vrm| entry(vrm.as_str(), "", None)).collect();
    let index = Index::of(Revision(1), &entries);
    let reads: Vec<Vrm> = (0..5_000)
        .map(|place| misread(&mut rng, listed[place % listed.len()]))
        .collect();
    let (mut keys, mut place_of) = (Vec::new(), Vec::new());
    for read in &reads {
        while rng.random_bool(0.02) {
            keys.extend([None, Some(&b"ab12cde"[..])]);
        }
        place_of.push(keys.len());
        keys.push(Some(read.as_bytes()));
    }
    let no_marks = (0..keys.len()).filter(|place| place_of.binary_search(place).is_err());
    let no_marks = no_marks.map(|read| Candidate {
        read,
        found: Found::NoMark,
    });
    let others = probed(&reads, &index).into_iter().map(|candidate| Candidate {
        read: place_of[candidate.read],
        ..candidate
    });
    let mut expected: Vec<Candidate> = no_marks.chain(others).collect();
    expected.sort_by_key(|candidate| candidate.read);
    let mut candidates = Vec::new();
    matching::probe_alike(keys.into_iter(), &index, |_| true, &mut candidates);
    assert!(candidates.len() > 5_000);
    assert_eq!(candidates, expected);
}

#[test]
fn a_gate_is_shown_every_difference_and_its_word_counts() {
    let index = Index::of(
        Revision(1),
        &[entry("AB12CDE", "", None), entry("A812CDE", "", None)],
    );
    let keys: [Option<&[u8]>; 3] = [Some(b"AB12CDE"), Some(b"AB1CDE"), Some(b"XX99XXX")];
    let mut shown = Vec::new();
    let mut candidates = Vec::new();
    let gate = |likeness: &matching::Likeness<'_>| {
        let (listed, difference) = likeness.listed().unwrap();
        shown.push((likeness.read, listed.to_string(), difference));
        listed.as_str() == "A812CDE"
    };
    matching::probe_alike(keys.into_iter(), &index, gate, &mut candidates);
    shown.sort_unstable_by_key(|(read, ..)| *read);
    let lost = Difference::Lost {
        position: 3,
        character: b'2',
    };
    assert_eq!(
        shown,
        [
            (0, "A812CDE".to_owned(), Difference::Alike { count: 1 }),
            (1, "AB12CDE".to_owned(), lost),
        ]
    );
    let marks: Vec<_> = candidates
        .iter()
        .map(|candidate| match candidate.found {
            Found::Listed { mark, .. } => (candidate.read, mark.to_string()),
            Found::NoMark | Found::Wildcard => panic!("marks all"),
        })
        .collect();
    assert_eq!(marks.len(), 2);
    assert!(marks.contains(&(0, "AB12CDE".into())) && marks.contains(&(0, "A812CDE".into())));
}

/// A read of this mark by a camera that may say what it saw and how sure it was.
fn seen(rng: &mut ChaCha8Rng, mark: Vrm, ms: i64) -> PlateRead {
    let mut pick = |words: [&str; 4]| {
        let word = words[rng.random_range(0..4)];
        (!word.is_empty()).then(|| word.to_owned())
    };
    let vehicle = VehicleSeen {
        make: pick(["FORD", "BMW", "no/make", ""]),
        colour: pick(["RED", "BLUE", "GREY", ""]),
        ..VehicleSeen::default()
    };
    let sure = rng.random_bool(0.5);
    PlateRead {
        vehicle,
        character_confidences: match sure {
            true => mark
                .as_bytes()
                .iter()
                .map(|_| rng.random_range(0.3..1.0))
                .collect(),
            false => Vec::new(),
        },
        ..read(mark.as_str(), ms)
    }
}

/// Lists, what is known beside them, and reads of them, some of which are misread.
struct Seeded {
    entries: Vec<Entry>,
    beliefs: Beliefs,
    sightings: Option<Seen>,
    reads: Vec<PlateRead>,
}

impl Seeded {
    fn of(seed: u64) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let marks: Vec<Vrm> = (0..120).map(|_| mark(&mut rng)).collect();
        let entries = (0..).zip(&marks).map(|(number, vrm)| Entry {
            grade: Grade::try_from(rng.random_range(1..=4)).unwrap(),
            make: ["FORD", "BMW", ""][rng.random_range(0..3)].into(),
            colour: ["RED", "GREY", ""][rng.random_range(0..3)].into(),
            ..entry(vrm.as_str(), &(number % 3).to_string(), None)
        });
        let by_id: BTreeMap<_, _> = entries.map(|entry| (entry.entry_id, entry)).collect();
        let mut register = Builder::default();
        for mark in (0..200).map(|_| mark(&mut rng)).chain(marks.iter().copied()) {
            register.add(mark, Description::parse("FORD", "RED"));
        }
        let register = rng.random_bool(0.5).then(|| Arc::new(register.build().unwrap()));
        Self {
            entries: by_id.into_values().collect(),
            beliefs: Beliefs::new(Confusion::default(), register, Thresholds::default()),
            sightings: rng.random_bool(0.5).then(|| Seen {
                reads: rng.random_range(0..4),
                sites: 1,
            }),
            reads: (0..200)
                .map(|ms| {
                    let listed = marks[rng.random_range(0..marks.len())];
                    let mark = misread(&mut rng, listed);
                    seen(&mut rng, mark, ms)
                })
                .collect(),
        }
    }

    /// Hits by index, gate and score.
    fn hits(&self) -> Vec<Hit> {
        let index = Index::of(Revision(1), &self.entries);
        let mut gate = Gate::new(&index, &self.beliefs);
        let envelope = |read: &PlateRead| Envelope {
            camera: "",
            looks: Some(Reading::of(read).unwrap().seen()),
            seen: self.sightings,
        };
        let mut candidates = Vec::new();
        matching::probe_alike(
            self.reads.iter().map(|read| Some(read.vrm.as_bytes())),
            &index,
            |likeness| gate.lets_pass(likeness, || envelope(&self.reads[likeness.read])),
            &mut candidates,
        );
        let mut hits = Vec::new();
        for candidate in candidates {
            let Found::Listed { mark, .. } = candidate.found else {
                panic!("a mark is a mark");
            };
            let case = Case {
                read: &self.reads[candidate.read],
                seen: self.sightings,
                index: &index,
                beliefs: &self.beliefs,
                posts: &Posts::default(),
                now: at(0),
            };
            matching::judge(&case, [mark].into_iter(), &mut hits).unwrap();
        }
        hits
    }

    /// Hits by scoring every entry that any read may be.
    fn scanned(&self) -> BTreeSet<HitId> {
        let mut hits = BTreeSet::new();
        for read in &self.reads {
            let itself = self.entries.iter().find(|entry| entry.target == read.vrm.into());
            let scorer = Scorer::new(self.beliefs.knowledge("", self.sightings));
            let considered = scorer.consider(
                &Reading::of(read).unwrap(),
                itself.map(|entry| Listed::of(read.vrm, entry)).as_ref(),
            );
            for entry in &self.entries {
                let mark = entry.target.mark().unwrap();
                let may_be = difference(read.vrm.as_bytes(), mark.as_bytes()).is_some();
                let enough = self.beliefs.thresholds().of(entry.grade);
                if may_be && (mark == read.vrm || considered.posterior(&Listed::of(mark, entry)) >= enough) {
                    hits.insert(HitId::of_hit(read.read_id, entry.entry_id));
                }
            }
        }
        hits
    }
}

#[test]
fn hits_are_those_of_a_scan_that_scores_every_pair() {
    let mut misread = 0;
    for seed in 0..60 {
        let seeded = Seeded::of(seed);
        let hits = seeded.hits();
        let found: BTreeSet<_> = hits.iter().map(|hit| hit.hit_id).collect();
        assert_eq!(found.len(), hits.len(), "a hit twice, seed {seed}");
        assert_eq!(found, seeded.scanned(), "seed {seed}");
        for hit in &hits {
            let assessment = hit.assessment.as_ref().unwrap();
            assert_eq!(hit.kind == MatchKind::Exact, hit.read.vrm == hit.vrm());
            assert_eq!(assessment.characters.is_empty(), hit.kind == MatchKind::Exact);
            misread += usize::from(hit.kind == MatchKind::Misread);
        }
    }
    assert!(misread > 500, "{misread}: hardly a misread became a hit");
}

/// A steady batch must not wait for an allocator.
#[test]
fn probing_allocates_nothing_once_its_buffer_has_grown() {
    let mut rng = ChaCha8Rng::seed_from_u64(7);
    let listed: Vec<Vrm> = (0..2_000).map(|_| mark(&mut rng)).collect();
    let entries: Vec<_> = listed.iter().map(|vrm| entry(vrm.as_str(), "", None)).collect();
    let index = Index::of(Revision(1), &entries);
    let reads: Vec<Vrm> = listed.iter().map(|listed| misread(&mut rng, *listed)).collect();
    let keys = || reads.iter().map(|read| Some(read.as_bytes()));
    let mut candidates = Vec::new();
    let mut batch = || {
        matching::probe(keys(), &index, &mut candidates);
        let exact = candidates.len();
        matching::probe_alike(keys(), &index, |_| true, &mut candidates);
        assert!(0 < exact && exact < candidates.len());
    };
    batch();
    let allocated = allocation_counter::measure(batch);
    assert_eq!(allocated.count_total, 0);
}
