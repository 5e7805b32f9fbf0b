//! Lists as files for others: what is written is read again.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use std::collections::BTreeMap;
use std::io::Cursor;

use domain::hotlist::{Action, Entry, Marker};
use domain::reason::ReasonCode;
use domain::target::Target;
use domain::{EntryId, ListName, Timestamp};
use intelligence::{ListExport, parse};
use jiff::SignedDuration;
use jiff::tz::TimeZone;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

fn now() -> Timestamp {
    "2026-11-01T12:00:00Z".parse().unwrap()
}

fn zone() -> TimeZone {
    TimeZone::get("Europe/London").unwrap()
}

fn list() -> ListName {
    ListName::parse("stolen_cars").unwrap()
}

fn words(rng: &mut ChaCha8Rng) -> String {
    const PARTS: [&str; 10] = [
        "seen",
        "at; the",
        "garage, twice",
        "\"quoted\"",
        "caf\u{e9}",
        "|",
        "a\u{301}",
        "10:30",
        "=1+1",
        "TOTAL RECORD",
    ];
    let parts: Vec<&str> = (0..rng.random_range(1..4))
        .map(|_| *PARTS.choose(rng).unwrap())
        .collect();
    parts.join(" ")
}

/// An entry as the 16 columns can hold it.
fn random_entry(rng: &mut ChaCha8Rng) -> Entry {
    const TARGETS: [&str; 6] = ["QX07ABC", "QX08DEF", "AB1*", "A?12BCD", "TOTAL1", "HEADER"];
    const ACTIONS: [Action; 4] = [
        Action::Stop,
        Action::Observe,
        Action::Silent,
        Action::Intelligence,
    ];
    let target = Target::parse(TARGETS.choose(rng).unwrap()).unwrap();
    let action = *ACTIONS.choose(rng).unwrap();
    let mut markers: Vec<Marker> = (0..rng.random_range(0..4))
        .map(|_| Marker::ALL.choose(rng).unwrap().0)
        .collect();
    markers.sort_unstable();
    markers.dedup();
    let minutes = rng.random_range(-600_000..6_000_000);
    let ends = now() + SignedDuration::from_mins(minutes);
    let reference = format!("{:06}/{}", rng.random_range(0..999_999), words(rng));
    Entry {
        grade: domain::grading::grade_of(action, &markers),
        action,
        reason_code: ReasonCode::of_markers(&markers),
        markers,
        reason: words(rng),
        information: words(rng),
        make: words(rng),
        model: words(rng),
        colour: words(rng),
        owner: words(rng),
        handling: words(rng),
        expires_at: rng.random::<bool>().then_some(ends),
        ..Entry::new(&list(), target, reference, now())
    }
}

#[test]
fn a_list_that_was_written_is_read_again_as_the_same() {
    for seed in 0..40 {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let entries = (0..rng.random_range(1..200)).map(|_| random_entry(&mut rng));
        let entries: BTreeMap<EntryId, Entry> = entries.map(|entry| (entry.entry_id, entry)).collect();
        let mut export = ListExport::new(Cursor::new(Vec::new()), "Test_Police", &list(), zone()).unwrap();
        for entry in entries.values() {
            export.add(entry).unwrap();
        }
        let bytes = export.finish().unwrap().into_inner();
        let parsed = parse(&list(), &bytes, now(), &zone()).unwrap();
        assert!(parsed.faults.is_empty(), "seed {seed}: {:?}", parsed.faults);
        assert!(
            parsed.notes[0].contains("list stolen_cars of source Test-Police"),
            "{:?}",
            parsed.notes
        );
        let found: BTreeMap<EntryId, Entry> = parsed
            .entries
            .into_iter()
            .map(|entry| (entry.entry_id, entry))
            .collect();
        assert_eq!(found, entries, "seed {seed}");
    }
}
