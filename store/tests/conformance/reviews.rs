//! Reviews, what is overdue, notices, and the lapse of what nobody looks through.

use std::collections::BTreeMap;

use domain::hotlist::{Entry, Grade};
use domain::policy::{DraftRefusal, ListPolicy};
use domain::review::{Overdue, Told};
use domain::target::Target;
use domain::{Date, ListName, SignedDuration, Timestamp};
use jiff::tz::TimeZone;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use store::changes::Author;
use store::reviews::Reviewed;
use store::{Store, StoreError};

use crate::world::{World, arrival, at, entry_on, list, mark, start, user, usual};

claims!(
    a_hit_says_what_a_slow_look_at_reviews_and_notices_says,
    an_entry_lapses_after_notice_and_acts_again_after_a_review,
    a_lapsed_entry_still_updates_the_case_that_it_leads,
    a_review_is_of_what_is_there_says_why_and_is_audited,
    a_day_is_told_once_and_seen_by_the_first;
    persistent
);

const DAY_S: i64 = 86_400;

fn on_day(day: i64) -> Timestamp {
    at(day * DAY_S)
}

fn date(at: Timestamp) -> Date {
    at.to_zoned(TimeZone::UTC).date()
}

fn policy(review_days: u32, notice_days: u32) -> ListPolicy {
    ListPolicy {
        review_days,
        notice_days,
        owner: "FIB".to_owned(),
        ..ListPolicy::default()
    }
}

async fn set(store: &Store, name: &ListName, policy: &ListPolicy, at: Timestamp) {
    store
        .set_policy(name, policy, usual(), &user("chief"), at)
        .await
        .unwrap();
}

async fn review(store: &Store, name: &ListName, what: &Reviewed, at: Timestamp) -> Result<u64, StoreError> {
    let by = user("smith");
    let author = Author {
        by: &by,
        at,
        why: "still wanted",
    };
    store.review(name, what, &author).await
}

async fn tell(store: &Store, day: i64) -> bool {
    store
        .tell_overdue(date(on_day(day)), usual(), on_day(day))
        .await
        .unwrap()
}

/// A hit on an entry that day, as it was stored, and whether it is in a case.
async fn hit(store: &Store, entry: &Entry, day: i64) -> (Option<Overdue>, bool) {
    let one = arrival(entry.clone(), "c1", day * DAY_S);
    let id = one.hit.hit_id;
    let applied = store.apply_hits(&[one], &[], usual(), on_day(day)).await.unwrap();
    assert_eq!(applied.new_hits, 1);
    let hits = store.hits(None, None, 10_000).await.unwrap();
    let stored = hits.into_iter().find(|hit| hit.hit_id == id).unwrap();
    (stored.overdue, !applied.events.is_empty())
}

fn listed(entry: Entry, day: i64) -> Entry {
    Entry {
        listed_at: on_day(day),
        ..entry
    }
}

/// What happened so far, as a plain list.
#[derive(Default)]
struct Diary {
    policies: BTreeMap<ListName, ListPolicy>,
    /// List, entry or the whole of it, and when.
    reviews: Vec<(ListName, Option<usize>, Timestamp)>,
    told: BTreeMap<ListName, Vec<Told>>,
}

impl Diary {
    fn looked_at(&self, entry: &Entry, number: usize) -> Timestamp {
        let of_it = |(list, which, _): &&(ListName, Option<usize>, Timestamp)| {
            *list == entry.list && which.is_none_or(|which| which == number)
        };
        let reviews = self.reviews.iter().filter(of_it).map(|(_, _, at)| *at);
        reviews.chain([entry.listed_at]).max().unwrap()
    }

    /// Said out in days, without what the domain computes with.
    fn overdue(&self, entry: &Entry, number: usize, now: Timestamp) -> Option<Overdue> {
        let policy = &self.policies[&entry.list];
        let days = |days: u32| SignedDuration::from_hours(24 * i64::from(days));
        let looked_at = self.looked_at(entry, number);
        let since = looked_at + days(policy.review_days);
        if now < since {
            return None;
        }
        let named = |told: &Told| {
            told.at >= since && told.looked_at_until >= looked_at && told.at + days(policy.notice_days) <= now
        };
        let told = self.told.get(&entry.list);
        let log_only = entry.grade >= Grade::Three && told.is_some_and(|told| told.iter().any(named));
        Some(Overdue { since, log_only })
    }
}

const LISTS: [&str; 2] = ["stolen", "wanted"];
const ENTRIES: usize = 12;

/// Entries of every grade, of three owners, listed some time before day 0.
async fn two_lists(store: &Store, rng: &mut ChaCha8Rng, diary: &mut Diary) -> Vec<(usize, Entry)> {
    let mut entries = Vec::new();
    for name in LISTS.map(list) {
        let policy = policy(20, 5);
        set(store, &name, &policy, start()).await;
        diary.policies.insert(name.clone(), policy);
        for number in 0..ENTRIES {
            let grade = u8::try_from(number % 4 + 1).unwrap();
            let entry = Entry {
                owner: ["", "CID", "FIB"][number % 3].to_owned(),
                ..entry_on(&name, &mark(number), grade, "x")
            };
            entries.push((number, listed(entry, rng.random_range(-30..0))));
        }
        let own = entries.iter().filter(|(_, entry)| entry.list == name);
        let own: Vec<Entry> = own.map(|(_, entry)| entry.clone()).collect();
        store
            .replace_list(&name, own, &user("smith"), start())
            .await
            .unwrap();
    }
    entries
}

async fn a_hit_says_what_a_slow_look_at_reviews_and_notices_says(world: &World) {
    let store = world.open().await;
    let mut rng = ChaCha8Rng::seed_from_u64(41);
    let mut diary = Diary::default();
    let entries = two_lists(&store, &mut rng, &mut diary).await;
    let mut seen = (0, 0);
    for day in 0..60 {
        let now = on_day(day);
        let name = list(LISTS.choose(&mut rng).unwrap());
        match rng.random_range(0..12) {
            0 => {
                let number = rng.random_range(0..ENTRIES);
                let id = entries
                    .iter()
                    .find(|(one, entry)| *one == number && entry.list == name);
                let what = Reviewed::Entry(id.unwrap().1.entry_id);
                assert_eq!(review(&store, &name, &what, now).await.unwrap(), 1);
                diary.reviews.push((name, Some(number), now));
            }
            1 => {
                review(&store, &name, &Reviewed::List, now).await.unwrap();
                diary.reviews.push((name, None, now));
            }
            2 => {
                let policy = policy(rng.random_range(5..25), rng.random_range(1..8));
                set(&store, &name, &policy, now).await;
                diary.policies.insert(name, policy);
            }
            _ => {}
        }
        // Some days the loop is away.
        if rng.random_bool(0.8) {
            assert!(tell(&store, day).await);
            check_notices(&store, &mut diary, &entries, now).await;
        }
        for _ in 0..4 {
            let (number, entry) = entries.choose(&mut rng).unwrap();
            let now = day * DAY_S + rng.random_range(1..DAY_S);
            let one = arrival(entry.clone(), "c1", now);
            let id = one.hit.hit_id;
            store.apply_hits(&[one], &[], usual(), at(now)).await.unwrap();
            let hits = store.hits(None, None, 10_000).await.unwrap();
            let stored = hits.into_iter().find(|hit| hit.hit_id == id).unwrap();
            let expected = diary.overdue(entry, *number, at(now));
            assert_eq!(stored.overdue, expected, "day {day}, {number} of {}", entry.list);
            seen.0 += u32::from(expected.is_some());
            seen.1 += u32::from(expected.is_some_and(|overdue| overdue.log_only));
        }
    }
    assert!(
        seen.0 > 50 && seen.1 > 10,
        "{seen:?}: the walk meets what it is about"
    );
}

/// The day's notices are a count of entries, one by one; and count as told from now on.
async fn check_notices(store: &Store, diary: &mut Diary, entries: &[(usize, Entry)], now: Timestamp) {
    let mut expected: BTreeMap<(ListName, String), (u64, u64)> = BTreeMap::new();
    for name in LISTS.map(list) {
        let looked_at_until = diary.policies[&name].overdue_until(now);
        let mut any = false;
        for (number, entry) in entries.iter().filter(|(_, entry)| entry.list == name) {
            if let Some(overdue) = diary.overdue(entry, *number, now) {
                any = true;
                let owner = if entry.owner.is_empty() {
                    "FIB"
                } else {
                    &entry.owner
                };
                let counted = expected.entry((name.clone(), owner.to_owned())).or_default();
                counted.0 += 1;
                counted.1 += u64::from(overdue.log_only);
            }
        }
        if any {
            let told = Told {
                at: now,
                looked_at_until,
            };
            diary.told.entry(name).or_default().push(told);
        }
    }
    let notices = store.review_notices().await.unwrap();
    let found: BTreeMap<_, _> = notices
        .iter()
        .map(|notice| {
            (
                (notice.list.clone(), notice.owner.clone()),
                (notice.overdue, notice.log_only),
            )
        })
        .collect();
    assert_eq!(found, expected);
    for notice in notices {
        assert!(notice.lapsing + notice.log_only <= notice.overdue);
        assert_eq!(notice.first_lapse_at.is_some(), notice.lapsing > 0);
        assert!(notice.first_lapse_at.is_none_or(|first| first > now));
    }
}

/// A list of entries that were listed on day 0, is reviewed every 10 days and lapses 3 days after notice.
async fn reviewed_list(store: &Store) -> [Entry; 2] {
    let name = list("stolen");
    set(store, &name, &policy(10, 3), start()).await;
    let entries = [
        listed(entry_on(&name, "AB12CDE", 3, "x"), 0),
        listed(entry_on(&name, "FG34HIJ", 2, "x"), 0),
    ];
    store
        .replace_list(&name, entries.to_vec(), &user("smith"), start())
        .await
        .unwrap();
    entries
}

async fn an_entry_lapses_after_notice_and_acts_again_after_a_review(world: &World) {
    let store = world.open().await;
    let [low, urgent] = reviewed_list(&store).await;
    assert_eq!(hit(&store, &low, 9).await, (None, true));
    let overdue = |log_only| {
        Some(Overdue {
            since: on_day(10),
            log_only,
        })
    };
    // Nobody was told for weeks: nothing lapses.
    assert_eq!(hit(&store, &low, 40).await, (overdue(false), true));
    assert!(tell(&store, 41).await);
    let told = store.review_notices().await.unwrap().remove(0);
    assert_eq!((told.overdue, told.lapsing, told.log_only), (2, 1, 0));
    assert_eq!(told.first_lapse_at, Some(on_day(44)));
    // Its case ends; from then on it opens none.
    let open = crate::world::all_cases(&store).await.remove(0);
    let reject = domain::case::Command::Reject {
        outcome: domain::case::Outcome::WrongVehicle,
        note: String::new(),
    };
    crate::world::decide(&store, &open, &reject, "smith")
        .await
        .unwrap();
    assert_eq!(hit(&store, &low, 44).await, (overdue(true), false));
    assert_eq!(hit(&store, &urgent, 44).await, (overdue(false), true));
    // Kept all the same.
    assert_eq!(store.count_hits().await.unwrap(), 4);
    review(&store, &low.list, &Reviewed::Entry(low.entry_id), on_day(45))
        .await
        .unwrap();
    assert_eq!(hit(&store, &low, 46).await, (None, true));
    assert_eq!(hit(&store, &urgent, 46).await.0, overdue(false));
}

async fn a_lapsed_entry_still_updates_the_case_that_it_leads(world: &World) {
    let store = world.open().await;
    let [low, _] = reviewed_list(&store).await;
    assert!(hit(&store, &low, 11).await.1);
    tell(&store, 12).await;
    let (overdue, in_a_case) = hit(&store, &low, 20).await;
    assert!(in_a_case && overdue.unwrap().log_only);
    let case = crate::world::all_cases(&store).await.remove(0);
    assert_eq!((case.sightings, case.overdue), (2, overdue));
}

async fn a_review_is_of_what_is_there_says_why_and_is_audited(world: &World) {
    let store = world.open().await;
    let [low, _] = reviewed_list(&store).await;
    let name = &low.list;
    let missing = |done: Result<u64, StoreError>| matches!(done, Err(StoreError::NotFound(_)));
    let target = Reviewed::Target(Target::parse("AB12CDE").unwrap());
    assert!(missing(
        review(&store, &list("none"), &Reviewed::List, on_day(1)).await
    ));
    assert!(missing(review(&store, &list("none"), &target, on_day(1)).await));
    let other = Reviewed::Entry(entry_on(name, "ZZ99ZZZ", 3, "x").entry_id);
    assert!(missing(review(&store, name, &other, on_day(1)).await));
    let nominals = review(&store, &list("nominals"), &Reviewed::List, on_day(1)).await;
    assert!(matches!(nominals, Err(StoreError::FollowsNominals)));
    let by = user("smith");
    let author = Author {
        by: &by,
        at: on_day(1),
        why: " ",
    };
    let unsaid = store.review(name, &Reviewed::List, &author).await;
    assert!(matches!(unsaid, Err(StoreError::Draft(DraftRefusal::Reason))));

    assert_eq!(review(&store, name, &target, on_day(2)).await.unwrap(), 1);
    assert_eq!(review(&store, name, &Reviewed::List, on_day(3)).await.unwrap(), 0);
    let reviews = store.entry_reviews(name, low.entry_id).await.unwrap();
    let of: Vec<_> = reviews
        .iter()
        .map(|one| (one.number, one.entry_id, one.at))
        .collect();
    assert_eq!(of, [(2, None, on_day(3)), (1, Some(low.entry_id), on_day(2))]);
    let last = store.last_reviews().await.unwrap();
    assert_eq!(last.get(name).map(|review| review.number), Some(2));
    let rows = store.audit_rows(None, 10).await.unwrap();
    let rows: Vec<_> = rows
        .iter()
        .filter(|row| row.action == "hotlist_reviewed")
        .collect();
    assert_eq!(rows.len(), 2);
    assert!(
        rows.iter()
            .all(|row| !row.detail.contains("AB12") && !row.detail.contains("wanted"))
    );
}

async fn a_day_is_told_once_and_seen_by_the_first(world: &World) {
    let [store, other] = world.open_two().await;
    reviewed_list(&store).await;
    assert!(tell(&store, 5).await);
    assert!(
        store.review_notices().await.unwrap().is_empty(),
        "nothing is overdue"
    );
    let (one, two) = tokio::join!(tell(&store, 11), tell(&other, 11));
    assert!(one ^ two, "one of two processes tells");
    assert!(!tell(&store, 11).await, "a restart tells nothing twice");
    let notice = store.review_notices().await.unwrap().remove(0);
    assert_eq!(
        (notice.owner.as_str(), notice.overdue, notice.seen),
        ("MERSEYSIDE", 2, None)
    );
    for name in ["chief", "smith"] {
        store
            .see_review_notice(notice.number, &user(name), on_day(12))
            .await
            .unwrap();
    }
    review(&store, &notice.list, &Reviewed::List, on_day(13))
        .await
        .unwrap();
    let seen = store.review_notices().await.unwrap().remove(0);
    assert_eq!(seen.seen.unwrap().by, user("chief"));
    assert_eq!(seen.reviewed_at, Some(on_day(13)));
    let none = store.see_review_notice(99, &user("chief"), on_day(12)).await;
    assert!(matches!(none, Err(StoreError::NotFound(_))));
}
