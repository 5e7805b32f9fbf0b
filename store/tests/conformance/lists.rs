//! Lists, their differences, and what waits to be published.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use domain::hotlist::{Entry, Revision};
use domain::pattern::MAX_PATTERNS;
use domain::policy::ListPolicy;
use domain::target::Target;
use domain::{EntryId, ListName, Vrm};
use store::changes::{Author, Changed, Wish};
use store::hotlists::{ListChange, PendingChange};
use store::{Store, StoreError};

use crate::world::{World, at, entry, entry_on, list, mark, unpublished, user};

claims_of_lists!(
    a_load_counts_what_it_changed,
    an_entry_keeps_the_earlier_time_of_listing,
    a_load_without_a_difference_makes_no_revision,
    of_two_entries_with_one_id_the_last_counts,
    a_withdrawal_takes_a_mark_or_the_whole_list,
    patterns_are_bounded_over_all_lists_and_a_digest_sees_the_scope,
    entries_come_in_pages_in_order_of_mark,
    what_is_published_is_forgotten_and_the_rest_waits,
    what_waits_for_the_log_is_as_its_own_revision_left_it,
    a_revision_passes_one_of_another_list,
    two_loads_at_once_make_two_revisions,
    a_hundred_thousand_entries_load_in_seconds;
    persistent pending_changes_survive_a_new_start,
);

fn entries(marks: &[&str]) -> Vec<Entry> {
    marks
        .iter()
        .map(|mark| entry_on(&list("stolen"), mark, 1, "x"))
        .collect()
}

async fn load(store: &Store, entries: Vec<Entry>) -> ListChange {
    store
        .replace_list(&list("stolen"), entries, &user("intel"), at(0))
        .await
        .unwrap()
}

fn counts(change: &ListChange) -> [u64; 5] {
    [
        change.revision.0,
        change.added,
        change.changed,
        change.removed,
        change.unchanged,
    ]
}

/// The log's view: every pending change applied in order.
async fn published(store: &Store) -> BTreeMap<EntryId, Entry> {
    let mut entries = BTreeMap::new();
    let mut places = BTreeSet::new();
    for (place, _, change) in unpublished(store).await {
        assert!(places.insert(place), "a place is one change's");
        match change {
            PendingChange::Put { entry, json } => {
                let put: Entry = serde_json::from_str(&json).unwrap();
                assert_eq!(serde_json::to_string(&put).unwrap(), json, "as a record of it is");
                entries.insert(entry, put)
            }
            PendingChange::Remove(id) => entries.remove(&id),
        };
    }
    assert_eq!(
        places.last().copied().unwrap_or_default(),
        places.len() as u64,
        "no gaps"
    );
    entries
}

async fn stored(store: &Store) -> BTreeMap<EntryId, Entry> {
    let mut entries = BTreeMap::new();
    for summary in store.lists().await.unwrap() {
        let page = store.entries(&summary.list, None, 10_000).await.unwrap();
        assert_eq!(page.len() as u64, summary.entries);
        entries.extend(page.into_iter().map(|entry| (entry.entry_id, entry)));
    }
    entries
}

async fn a_load_counts_what_it_changed(world: &World) {
    let store = world.open().await;
    assert_eq!(store.revision().await.unwrap(), (Revision(0), 0));
    assert_eq!(
        counts(&load(&store, entries(&["AA1", "AA2", "AA3"])).await),
        [1, 3, 0, 0, 0]
    );
    let mut next = entries(&["AA2", "AA3", "AA4", "AA5"]);
    next[1].colour = "RED".to_owned();
    assert_eq!(counts(&load(&store, next).await), [2, 2, 1, 1, 1]);
    assert_eq!(store.revision().await.unwrap(), (Revision(2), 4));
    assert_eq!(published(&store).await, stored(&store).await);

    let summary = store.lists().await.unwrap().remove(0);
    assert_eq!(
        (summary.entries, summary.revision, summary.published_at),
        (4, Revision(2), None)
    );
    assert_eq!((summary.changed_by, summary.changed_at), (user("intel"), at(0)));
    let audit = store.audit_rows(None, 10).await.unwrap();
    assert_eq!(
        (audit[0].action.as_str(), audit[0].subject.as_str()),
        ("hotlist_loaded", "stolen")
    );
    assert_eq!(
        audit[0].detail,
        "revision 2: 2 added, 1 changed, 1 removed, 1 unchanged"
    );
}

async fn an_entry_keeps_the_earlier_time_of_listing(world: &World) {
    let store = world.open().await;
    load(&store, entries(&["AA1", "AA2"])).await;
    let mut next = entries(&["AA1", "AA2"]);
    for entry in &mut next {
        entry.listed_at = at(0);
    }
    next[1].grade = domain::hotlist::Grade::Two;
    assert_eq!(counts(&load(&store, next).await), [2, 0, 1, 0, 1]);
    assert!(
        stored(&store)
            .await
            .values()
            .all(|entry| entry.listed_at == at(-86_400))
    );
    assert_eq!(published(&store).await, stored(&store).await);
}

async fn a_load_without_a_difference_makes_no_revision(world: &World) {
    let store = world.open().await;
    load(&store, entries(&["AA1"])).await;
    assert_eq!(counts(&load(&store, entries(&["AA1"])).await), [1, 0, 0, 0, 1]);
    assert_eq!(unpublished(&store).await.len(), 1);
}

async fn of_two_entries_with_one_id_the_last_counts(world: &World) {
    let store = world.open().await;
    let mut twice = entries(&["AA1", "AA1"]);
    twice[1].reason = "the last".to_owned();
    assert_eq!(counts(&load(&store, twice).await), [1, 1, 0, 0, 0]);
    assert_eq!(stored(&store).await.values().next().unwrap().reason, "the last");
}

/// Takes a list, or a mark or pattern of it, out of use, on a list of one pair of eyes.
async fn withdraw(
    store: &Store,
    list: &ListName,
    target: Option<Target>,
    seconds: i64,
) -> Result<ListChange, StoreError> {
    let author = Author {
        by: &user("intel"),
        at: at(seconds),
        why: "",
    };
    let wish = target.map_or(Wish::WithdrawList, Wish::WithdrawMark);
    match store
        .change_list(list, wish, &author, &ListPolicy::default())
        .await?
    {
        Changed::Live(change) => Ok(change),
        Changed::Draft(draft) => panic!("a draft: {draft:?}"),
    }
}

async fn a_withdrawal_takes_a_mark_or_the_whole_list(world: &World) {
    let store = world.open().await;
    let mut all = entries(&["AA1", "AA2", "AA3"]);
    all.push(entry_on(&list("stolen"), "AA1", 2, "y"));
    load(&store, all).await;
    let missing = Vrm::parse("AA9").unwrap();
    for (name, vrm) in [("other", None), ("stolen", Some(missing.into()))] {
        let done = withdraw(&store, &list(name), vrm, 1).await;
        assert!(matches!(done, Err(StoreError::NotFound(_))), "{name}");
    }
    let mark = Vrm::parse("AA1").unwrap();
    let change = withdraw(&store, &list("stolen"), Some(mark.into()), 1)
        .await
        .unwrap();
    assert_eq!(counts(&change), [2, 0, 0, 2, 2]);
    assert_eq!(published(&store).await, stored(&store).await);
    let change = withdraw(&store, &list("stolen"), None, 2).await.unwrap();
    assert_eq!(counts(&change), [3, 0, 0, 2, 0]);
    assert!(published(&store).await.is_empty());
    assert_eq!(store.revision().await.unwrap(), (Revision(3), 0));
    assert_eq!(store.lists().await.unwrap()[0].entries, 0);
    assert_eq!(
        store.audit_rows(None, 1).await.unwrap()[0].action,
        "hotlist_withdrawn"
    );
}

async fn patterns_are_bounded_over_all_lists_and_a_digest_sees_the_scope(world: &World) {
    let store = world.open().await;
    let patterns = (1..MAX_PATTERNS).map(|number| format!("A{number:05}?"));
    let mut most: Vec<Entry> = patterns
        .map(|pattern| entry_on(&list("stolen"), &pattern, 1, ""))
        .collect();
    load(&store, most.clone()).await;
    let (other, intel) = (list("other"), user("intel"));
    let marks =
        |marks: &[&str]| -> Vec<Entry> { marks.iter().map(|mark| entry_on(&other, mark, 1, "")).collect() };
    let refused = store
        .replace_list(&other, marks(&["AB1*", "AB2*", "AB12CDE"]), &intel, at(1))
        .await;
    assert!(
        matches!(
            refused,
            Err(StoreError::TooManyPatterns {
                patterns: 2,
                others: 9_999,
                limit: 10_000
            })
        ),
        "{refused:?}"
    );
    let fits = marks(&["AB1*", "AB12CDE"]);
    let loaded = store.replace_list(&other, fits, &intel, at(1)).await.unwrap();
    assert_eq!(counts(&loaded), [2, 2, 0, 0, 0]);
    let pattern = Some(Target::parse("ab1 **").unwrap());
    let withdrawn = withdraw(&store, &other, pattern, 2).await.unwrap();
    assert_eq!(counts(&withdrawn), [3, 0, 0, 1, 1]);

    most[7].scope.hours = Some("22:00-06:00".parse().unwrap());
    assert_eq!(
        counts(&load(&store, most).await)[2],
        1,
        "a changed scope is a change"
    );
}

async fn entries_come_in_pages_in_order_of_mark(world: &World) {
    let store = world.open().await;
    load(&store, entries(&["AA5", "AA1", "AA3", "AA2", "AA4"])).await;
    let mut after = None;
    let mut marks = Vec::new();
    loop {
        let page = store.entries(&list("stolen"), after, 2).await.unwrap();
        let Some(last) = page.last() else { break };
        after = Some(last.entry_id);
        marks.extend(page.iter().map(|entry| entry.target.to_string()));
    }
    assert_eq!(marks, ["AA1", "AA2", "AA3", "AA4", "AA5"]);
    let last = Vrm::parse("AA5").unwrap();
    withdraw(&store, &list("stolen"), Some(last.into()), 1)
        .await
        .unwrap();
    let lost = store.entries(&list("stolen"), after, 2).await;
    assert!(matches!(lost, Err(StoreError::NotFound("entry"))));
}

async fn what_is_published_is_forgotten_and_the_rest_waits(world: &World) {
    let store = world.open().await;
    load(&store, entries(&["AA1", "AA2"])).await;
    load(&store, entries(&["AA2"])).await;
    let pending = unpublished(&store).await;
    let revisions: Vec<u64> = pending.iter().map(|(_, revision, _)| revision.0).collect();
    assert_eq!(revisions, [1, 1, 2]);
    store.set_published(Revision(1), at(5)).await.unwrap();
    assert_eq!(store.published().await.unwrap(), Revision(1));
    assert_eq!(
        store.lists().await.unwrap()[0].published_at,
        None,
        "its last change waits"
    );
    assert_eq!(unpublished(&store).await, pending[2..]);
    store.set_published(Revision(2), at(6)).await.unwrap();
    store.set_published(Revision(1), at(7)).await.unwrap();
    assert_eq!(store.published().await.unwrap(), Revision(2));
    assert_eq!(store.lists().await.unwrap()[0].published_at, Some(at(6)));
    assert!(unpublished(&store).await.is_empty());
}

async fn what_waits_for_the_log_is_as_its_own_revision_left_it(world: &World) {
    let store = world.open().await;
    let grades = |pending: &[(u64, Revision, PendingChange)]| -> Vec<(u64, Option<u8>)> {
        let grade = |change: &PendingChange| match change {
            PendingChange::Put { json, .. } => {
                let entry: Entry = serde_json::from_str(json).unwrap();
                Some(u8::from(entry.grade))
            }
            PendingChange::Remove(_) => None,
        };
        pending
            .iter()
            .map(|(_, revision, change)| (revision.0, grade(change)))
            .collect()
    };
    load(&store, vec![entry("AA1", 1, "x")]).await;
    load(&store, vec![entry("AA1", 2, "x")]).await;
    load(&store, vec![entry("AA2", 3, "x")]).await;
    load(&store, vec![entry("AA1", 4, "x"), entry("AA2", 3, "x")]).await;
    let pending = unpublished(&store).await;
    assert_eq!(
        grades(&pending),
        [(1, Some(1)), (2, Some(2)), (3, None), (3, Some(3)), (4, Some(4))]
    );
}

async fn a_revision_passes_one_of_another_list(world: &World) {
    let store = world.open().await;
    let long = load(&store, entries(&["AA1", "AA2"])).await.revision;
    let missing = list("missing");
    let urgent = vec![entry_on(&missing, "BB1", 1, "x")];
    store
        .replace_list(&missing, urgent, &user("intel"), at(1))
        .await
        .unwrap();
    let same = load(&store, entries(&["AA3"])).await.revision;
    let urgent = store.passing(long, long).await.unwrap().unwrap();
    assert_eq!(urgent, Revision(2));
    assert_eq!(
        store.passing(long, urgent).await.unwrap(),
        None,
        "of the same list"
    );
    assert_eq!(store.passing(urgent, urgent).await.unwrap(), Some(same));
    assert_eq!(store.passing(long, same).await.unwrap(), None, "there is no more");
    store.set_passed(urgent, at(2)).await.unwrap();
    let lists = store.lists().await.unwrap();
    let published = lists
        .iter()
        .map(|known| (known.list.as_str(), known.published_at));
    assert_eq!(
        published.collect::<Vec<_>>(),
        [("missing", Some(at(2))), ("stolen", None)]
    );
    assert_eq!(store.published().await.unwrap(), Revision(0));
    assert_eq!(store.unpublished().await.unwrap(), Some(long));
}

async fn two_loads_at_once_make_two_revisions(world: &World) {
    let [one, two] = world.open_two().await;
    let intel = user("intel");
    let (name_a, name_b) = (list("a"), list("b"));
    let of = |list| {
        (0..500)
            .map(|number| entry_on(list, &mark(number), 1, "x"))
            .collect()
    };
    let (a, b) = tokio::join!(
        one.replace_list(&name_a, of(&name_a), &intel, at(0)),
        two.replace_list(&name_b, of(&name_b), &intel, at(0))
    );
    let mut revisions = [a.unwrap().revision, b.unwrap().revision];
    revisions.sort();
    assert_eq!(revisions, [Revision(1), Revision(2)]);
    assert_eq!(published(&one).await, stored(&one).await);
}

async fn pending_changes_survive_a_new_start(world: &World) {
    let store = world.open().await;
    load(&store, entries(&["AA1", "AA2"])).await;
    let pending = unpublished(&store).await;
    drop(store);
    let store = world.open().await;
    assert_eq!(unpublished(&store).await, pending);
    assert_eq!(store.published().await.unwrap(), Revision(0));
}

/// Some 2 s of work on one core. The bound is no measurement, only what a crowded machine needs not to fail.
async fn a_hundred_thousand_entries_load_in_seconds(world: &World) {
    const MOST: Duration = Duration::from_secs(60);
    let store = world.open().await;
    let mut all: Vec<Entry> = (0..100_000)
        .map(|number| entry_on(&list("stolen"), &mark(number), 1, "x"))
        .collect();
    let began = std::time::Instant::now();
    assert_eq!(counts(&load(&store, all.clone()).await), [1, 100_000, 0, 0, 0]);
    let first = began.elapsed();
    all.truncate(99_990);
    for entry in all.iter_mut().step_by(1_000) {
        entry.colour = "RED".to_owned();
    }
    let began = std::time::Instant::now();
    assert_eq!(counts(&load(&store, all).await), [2, 0, 100, 10, 99_890]);
    let again = began.elapsed();
    eprintln!("100,000 entries in {first:?}, again in {again:?}");
    assert!(first < MOST && again < MOST, "{first:?}, {again:?}");
}
