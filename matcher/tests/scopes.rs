//! Entries that are looked for at some sites, in one direction, at some hours.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod common;

use std::collections::BTreeMap;

use common::{Flaky, at, cameras, entry, sure};
use domain::hit::MatchKind;
use domain::hotlist::{Entry, Grade, Revision};
use domain::read::PlateRead;
use domain::scope::{Direction, Scope};
use domain::{BcuCode, SignedDuration, SiteId, Timestamp};
use jiff::tz::TimeZone;
use matcher::beliefs::Beliefs;
use matcher::index::Index;
use matcher::matching::{self, Case};
use matcher::posts::Posts;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// The sites of [`cameras`], one that is none of theirs, and a camera that is none of the force's.
const SITES: [&str; 4] = ["M57-J2-N", "M57-J6-N", "M6-J26-N", "A580"];
const STRANGER: &str = "mobile-7";

fn site(name: &str) -> SiteId {
    SiteId::parse(name).unwrap()
}

/// The hour in Liverpool, where it is an hour later than UTC until 25 October 2026, 01:00 UTC.
fn hour(read: &PlateRead) -> i64 {
    let second = read.captured_at.as_second();
    let summer = i64::from(second < 1_792_890_000);
    (second / 3_600 + summer) % 24
}

fn random_scope(rng: &mut ChaCha8Rng) -> (Scope, Option<(i64, i64)>) {
    use Direction as D;
    let (from, to) = (rng.random_range(0..24), rng.random_range(0..24));
    let hours = (rng.random_bool(0.5) && from != to).then_some((from, to));
    let scope = Scope {
        sites: (0..rng.random_range(0..3))
            .map(|_| site(SITES[rng.random_range(0..SITES.len())]))
            .collect(),
        bcus: (0..rng.random_range(0..3))
            .map(|_| BcuCode::parse(["A", "B", "C"][rng.random_range(0..3)]).unwrap())
            .collect(),
        direction: rng
            .random_bool(0.3)
            .then(|| [D::North, D::East, D::South, D::West][rng.random_range(0..4)]),
        hours: hours.map(|(from, to)| format!("{from:02}:00-{to:02}:00").parse().unwrap()),
    };
    (scope, hours)
}

/// All cameras face north, and stand on the ground of BCU A, at sites that are called as they are.
fn admits(scope: &Scope, hours: Option<(i64, i64)>, read: &PlateRead) -> bool {
    let stranger = read.camera.as_str() == STRANGER;
    let here = scope.sites.is_empty()
        || scope
            .sites
            .iter()
            .any(|site| site.as_str() == read.camera.as_str());
    let ground = scope.bcus.is_empty() || scope.bcus.iter().any(|bcu| bcu.as_str() == "A");
    let this_way = scope
        .direction
        .is_none_or(|direction| direction == Direction::North);
    let now = hours.is_none_or(|(from, to)| {
        let mut during = from;
        while during != to {
            if during == hour(read) {
                return true;
            }
            during = (during + 1) % 24;
        }
        false
    });
    (stranger || here && ground && this_way) && now
}

#[test]
fn a_read_beyond_an_entrys_scope_is_no_hit_and_any_other_is_one() {
    let beliefs = Beliefs::default();
    let posts = Posts::new(&cameras(), TimeZone::get("Europe/London").unwrap());
    let (mut hits, mut none) = (Vec::new(), 0);
    for seed in 0..300 {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut limits = BTreeMap::new();
        let entries: Vec<Entry> = (0..8)
            .map(|number: u32| {
                let (scope, hours) = random_scope(&mut rng);
                let entry = entry("AB12CDE", &number.to_string(), None);
                limits.insert(entry.entry_id, hours);
                Entry { scope, ..entry }
            })
            .collect();
        let index = Index::of(Revision(1), &entries);
        for _ in 0..20 {
            let camera = [SITES[0], SITES[1], SITES[2], STRANGER][rng.random_range(0..4)];
            // 60 days, so that the clocks go back among them
            let read = sure("AB12CDE", camera, rng.random_range(0..60 * 86_400_000));
            let case = Case {
                read: &read,
                seen: None,
                index: &index,
                beliefs: &beliefs,
                posts: &posts,
                now: at(0),
            };
            hits.clear();
            matching::judge(&case, [read.vrm].into_iter(), &mut hits).unwrap();
            let found: Vec<_> = hits.iter().map(|hit| hit.entry.clone()).collect();
            let mut expected = entries.clone();
            expected.retain(|entry| admits(&entry.scope, limits[&entry.entry_id], &read));
            expected.sort_unstable_by_key(|entry| entry.entry_id);
            assert_eq!(found, expected, "seed {seed}, {}", read.captured_at);
            none += entries.len() - found.len();
        }
    }
    assert!(none > 10_000, "the scopes left out {none} hits");
}

#[tokio::test(flavor = "multi_thread")]
async fn misreads_and_sightings_of_the_past_heed_the_scope() {
    let log = Flaky::new().await;
    let ago = |minutes| {
        let then = Timestamp::now() - SignedDuration::from_mins(minutes);
        then.as_millisecond() - at(0).as_millisecond()
    };
    log.put(&[entry("EF78GHJ", "", None)]).await;
    log.mark(1).await;
    let matcher = log.start();
    matcher.until_ready(true).await;
    log.reads(&[
        sure("XI34ZZZ", "M57-J6-N", ago(42)),
        sure("XI34ZZZ", "M57-J2-N", ago(30)),
        sure("EF78GHJ", "M57-J6-N", ago(5)),
    ])
    .await;
    // They came at once: with one of them all are judged, under the lists as they were.
    log.hits(1).await;
    log.put(&[Entry {
        grade: Grade::One,
        listed_at: Timestamp::now(),
        scope: Scope {
            sites: vec![site("M57-J6-N")],
            ..Scope::default()
        },
        ..entry("X134ZZZ", "", None)
    }])
    .await;
    log.mark(2).await;
    // The newest sighting is beyond the scope, the one before is not.
    let hits = log.hits(2).await;
    let past = hits.iter().find(|hit| hit.vrm().as_str() == "X134ZZZ").unwrap();
    assert_eq!((past.kind, past.past), (MatchKind::Misread, true));
    assert_eq!(past.read.camera.as_str(), "M57-J6-N");
    log.reads(&[
        sure("XI34ZZZ", "M57-J2-N", ago(20)),
        sure("XI34ZZZ", "M57-J6-N", ago(0)),
    ])
    .await;
    let hits = log.hits(3).await;
    let found: Vec<_> = hits
        .iter()
        .filter(|hit| hit.vrm().as_str() == "X134ZZZ")
        .map(|hit| (hit.read.camera.as_str(), hit.past))
        .collect();
    assert_eq!(found, [("M57-J6-N", true), ("M57-J6-N", false)]);
    matcher.stop().await;
}
