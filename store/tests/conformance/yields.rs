//! The oracle: what was counted as it came is what a re-count of hits and events says.

use std::collections::BTreeMap;

use domain::case::{Command, EventKind, Outcome};
use domain::yields::{Came, Yield};
use domain::{EntryId, ListName, SignedDuration, Timestamp};
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use store::Store;
use store::cases::{Arrival, CaseFilter};

use crate::world::{World, arrival, at, callsign, confirmed, deploy, entry_on, list, mark, user, usual};

claims!(
    yields_are_what_a_recount_of_hits_and_events_says,
    two_writers_at_once_count_each_hit_once,
    what_came_is_credited_to_the_entry_that_led_the_case;
    persistent
);

const SEEDS: [u64; 2] = [3, 2009];
const STEPS: i64 = 250;
/// Ten minutes a step: the hours change often.
const STEP_S: i64 = 600;
const LISTS: [&str; 3] = ["stolen", "wanted", "uninsured"];

async fn yields_are_what_a_recount_of_hits_and_events_says(world: &World) {
    let store = world.open().await;
    // One list can be withdrawn from, so that cases end by themselves.
    let entries = (0..8).map(|number| entry_on(&list("stolen"), &mark(number), 2, "x"));
    let entries = entries.collect();
    store
        .replace_list(&list("stolen"), entries, &user("smith"), at(0))
        .await
        .unwrap();
    for seed in SEEDS {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        for step in 0..STEPS {
            random_step(&store, &mut rng, step).await;
        }
        check(&store, &mut rng, seed).await;
    }
}

async fn random_step(store: &Store, rng: &mut ChaCha8Rng, step: i64) {
    let now = at(step * STEP_S);
    let open = CaseFilter {
        open_only: true,
        ..CaseFilter::default()
    };
    let chosen = store.cases(&open).await.unwrap().choose(rng).cloned();
    match (rng.random_range(0..12), chosen) {
        (0..5, _) | (_, None) => {
            let batch: Vec<Arrival> = (0..rng.random_range(1..6))
                .map(|_| random_hit(rng, step))
                .collect();
            store.apply_hits(&batch, &[], usual(), now).await.unwrap();
        }
        (5..11, Some(case)) => {
            // Refusals are part of the game, and count for nothing.
            let command = random_command(rng);
            let _ = store
                .decide(case.case_id, &command, case.version, &user("smith"), now)
                .await;
        }
        (_, Some(_)) => {
            let left = (0..8).filter(|_| rng.random_bool(0.7));
            let entries = left.map(|number| entry_on(&list("stolen"), &mark(number), 2, "x"));
            let entries = entries.collect();
            store
                .replace_list(&list("stolen"), entries, &user("smith"), now)
                .await
                .unwrap();
            for case in store.to_recall(now, 100).await.unwrap() {
                store.recall(case, now).await.unwrap();
            }
        }
    }
}

fn random_hit(rng: &mut ChaCha8Rng, step: i64) -> Arrival {
    let list = list(LISTS.choose(rng).unwrap());
    // Now and then the same hit once more, or one that opens no case.
    let grade = if list.as_str() == "uninsured" { 4 } else { 2 };
    let entry = entry_on(&list, &mark(rng.random_range(0..8)), grade, "x");
    let seconds = (step - rng.random_range(0..4)).max(0) * STEP_S;
    arrival(entry, "c1", seconds)
}

fn random_command(rng: &mut ChaCha8Rng) -> Command {
    let note = String::new();
    match rng.random_range(0..8) {
        0..3 => Command::Confirm,
        3 => Command::Reject {
            outcome: *[Outcome::Misread, Outcome::WrongVehicle].choose(rng).unwrap(),
            note,
        },
        4..7 => Command::Deploy {
            callsign: callsign(["A1", "A2", "A3", "A4", "A5"].choose(rng).unwrap()),
        },
        _ => Command::Close {
            outcome: *[Outcome::Arrest, Outcome::NotFound].choose(rng).unwrap(),
            note,
        },
    }
}

/// Everything that came, one by one.
async fn recount(store: &Store) -> Vec<(ListName, EntryId, Timestamp, Came)> {
    let mut all = Vec::new();
    for hit in store.hits(None, None, 10_000).await.unwrap() {
        all.push((hit.entry.list, hit.entry.entry_id, hit.matched_at, Came::Hit));
    }
    for sequenced in store.events_after(0, 10_000).await.unwrap() {
        let event = sequenced.event;
        let outcome = || event.case.conclusion.as_ref().unwrap().outcome;
        let came = match event.kind {
            EventKind::Confirmed => Came::Confirmed,
            EventKind::Deployed => Came::Deployed,
            EventKind::Rejected | EventKind::Closed => Came::Ended(outcome()),
            EventKind::Recalled if !event.case.state.is_open() => Came::Ended(Outcome::Recalled),
            _ => continue,
        };
        all.push((event.case.entry.list, event.case.entry.entry_id, event.at, came));
    }
    all
}

fn sum<'a>(which: impl Iterator<Item = &'a (ListName, EntryId, Timestamp, Came)>) -> Yield {
    let mut sum = Yield::default();
    which.for_each(|(_, _, _, came)| sum.add(*came, 1));
    sum
}

async fn check(store: &Store, rng: &mut ChaCha8Rng, seed: u64) {
    let all = recount(store).await;
    let whole = store.yields(Timestamp::UNIX_EPOCH, at(10_000_000)).await.unwrap();
    assert_eq!(whole.len(), LISTS.len(), "seed {seed}: each list was hit");
    let ends: u64 = whole.values().flat_map(|came| came.outcomes.values()).sum();
    let cases = store.cases(&CaseFilter::default()).await.unwrap();
    let ended = cases.iter().filter(|case| !case.state.is_open()).count() as u64;
    assert_eq!(ends, ended, "seed {seed}: each end counts once");
    assert!(
        whole[&list("stolen")].ended(Outcome::Recalled) > 0,
        "seed {seed}: a case ended by itself"
    );
    for name in LISTS.map(list) {
        for _ in 0..20 {
            let begin = rng.random_range(0..STEPS * STEP_S);
            let (from, to) = (
                at(begin - begin % 3_600),
                at(begin + rng.random_range(0..STEPS * STEP_S)),
            );
            // An hour counts where it began within the span.
            let hour = |at: Timestamp| at - SignedDuration::from_secs(at.as_second() % 3_600);
            let within = all
                .iter()
                .filter(|(list, _, at, _)| *list == name && (from..to).contains(&hour(*at)));
            let counted = store.list_yield(&name, from, to).await.unwrap();
            assert_eq!(counted, sum(within), "seed {seed}: {name} from {from} to {to}");
            let among_all = store.yields(from, to).await.unwrap();
            assert_eq!(
                among_all.get(&name).cloned().unwrap_or_default(),
                counted,
                "seed {seed}"
            );
        }
        check_entries(store, &all, &name, seed).await;
    }
}

async fn check_entries(
    store: &Store,
    all: &[(ListName, EntryId, Timestamp, Came)],
    name: &ListName,
    seed: u64,
) {
    let of_list = || all.iter().filter(|(list, ..)| list == name);
    let mut hits: BTreeMap<EntryId, (u64, Timestamp)> = BTreeMap::new();
    for (_, entry, at, _) in of_list().filter(|(.., came)| *came == Came::Hit) {
        let hit = hits.entry(*entry).or_insert((0, *at));
        *hit = (hit.0 + 1, hit.1.max(*at));
    }
    for (&entry, (_, last)) in &hits {
        let counted = store.entry_yield(name, entry).await.unwrap();
        assert_eq!(
            counted.came,
            sum(of_list().filter(|(_, id, ..)| *id == entry)),
            "seed {seed}"
        );
        assert_eq!(counted.last_hit_at, Some(*last), "seed {seed}");
    }
    let mut order: Vec<_> = hits
        .iter()
        .map(|(entry, (hits, _))| (u64::MAX - hits, *entry))
        .collect();
    order.sort_unstable();
    let mut paged = Vec::new();
    loop {
        let skipped = u32::try_from(paged.len()).unwrap();
        let page = store.most_hit(name, skipped, 3).await.unwrap();
        if page.is_empty() {
            break;
        }
        paged.extend(
            page.iter()
                .map(|entry| (u64::MAX - entry.came.hits, entry.entry_id)),
        );
    }
    assert_eq!(paged, order, "seed {seed}: the most hits first");
}

async fn two_writers_at_once_count_each_hit_once(world: &World) {
    let [first, second] = world.open_two().await;
    let hits: Vec<Arrival> = (0..200)
        .map(|number| {
            arrival(
                entry_on(&list("uninsured"), &mark(number % 20), 4, "x"),
                "c1",
                number as i64,
            )
        })
        .collect();
    // Each writer has half of them twice over, in an order of its own.
    let backwards: Vec<Arrival> = hits.iter().rev().cloned().collect();
    let write = |store: Store, hits: Vec<Arrival>| async move {
        for batch in hits.chunks(30) {
            store.apply_hits(batch, &[], usual(), at(300)).await.unwrap();
        }
    };
    tokio::join!(write(first.clone(), hits), write(second, backwards));
    let came = first
        .list_yield(&list("uninsured"), at(0), at(3_600))
        .await
        .unwrap();
    assert_eq!(came.hits, 200);
    let busiest = first.most_hit(&list("uninsured"), 0, 100).await.unwrap();
    assert_eq!((busiest.len(), busiest[0].came.hits), (20, 10));
}

async fn what_came_is_credited_to_the_entry_that_led_the_case(world: &World) {
    let store = world.open().await;
    let case = confirmed(&store, "AB12CDE").await;
    let sent = store
        .decide(case.case_id, &deploy("A1"), case.version, &user("smith"), at(90))
        .await
        .unwrap();
    let close = Command::Close {
        outcome: Outcome::Arrest,
        note: String::new(),
    };
    store
        .decide(case.case_id, &close, sent.case.version, &user("smith"), at(5_000))
        .await
        .unwrap();
    let counted = store
        .entry_yield(&case.entry.list, case.entry.entry_id)
        .await
        .unwrap();
    let mut expected = Yield::default();
    for came in [
        Came::Hit,
        Came::Confirmed,
        Came::Deployed,
        Came::Ended(Outcome::Arrest),
    ] {
        expected.add(came, 1);
    }
    assert_eq!(counted.came, expected);
    // Another list's entry is not this one, whatever its id.
    let other = store.entry_yield(&list("other"), case.entry.entry_id).await;
    assert_eq!(other.unwrap().came, Yield::default());
    // The arrest came in the second hour.
    let first = store
        .list_yield(&case.entry.list, at(0), at(3_600))
        .await
        .unwrap();
    assert_eq!((first.deployments, first.ended(Outcome::Arrest)), (1, 0));
}
