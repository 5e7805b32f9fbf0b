//! Drafts of large loads: written aside in short transactions, there all at once, and forgotten little by little.

use std::fmt;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use domain::hotlist::Entry;
use domain::policy::{DraftRefusal, ListPolicy, Verdict};
use domain::target::Target;
use domain::{ListName, Timestamp, Vrm};
use jiff::SignedDuration;
use store::changes::{Author, Changed, Wish};
use store::drafts::{Decided, Draft};
use store::rows::{InMemory, Rows, RowsError};
use store::{Store, StoreError};
use tokio::task::JoinHandle;

use crate::shelves::{Halting, count, number, sorted, within_patience};
use crate::world::{World, arrival, at, entry_on, list, mark, user, usual};

claims_of_lists!(
    a_second_draft_of_a_whole_list_is_refused_before_its_rows_are_read;
    persistent others_write_while_a_large_draft_is_written,
    a_draft_whose_writer_died_leaves_nothing,
    a_writer_that_was_taken_for_dead_begins_anew,
    a_draft_is_counted_anew_where_the_list_was_changed_meanwhile,
    of_two_drafts_at_once_one_waits_and_the_other_is_forgotten,
    what_is_decided_is_forgotten_little_by_little,
);

async fn change(store: &Store, name: &ListName, wish: Wish, by: &str) -> Result<Changed, StoreError> {
    let policy = ListPolicy {
        four_eyes: true,
        ..ListPolicy::default()
    };
    let by = &user(by);
    let author = Author {
        by,
        at: at(0),
        why: "",
    };
    store.change_list(name, wish, &author, &policy).await
}

fn replace(entries: Vec<Entry>) -> Wish {
    Wish::ReplaceByRows(Arc::new(InMemory(entries)))
}

fn waiting(changed: Result<Changed, StoreError>) -> Draft {
    match changed.unwrap() {
        Changed::Draft(draft) => draft,
        Changed::Live(change) => panic!("live at once: {change:?}"),
    }
}

async fn decide(store: &Store, draft: u64, verdict: Verdict) -> Result<Decided, StoreError> {
    let by = &user("bob");
    let second = Author {
        by,
        at: at(9),
        why: "looked at it",
    };
    store.decide_draft(draft, verdict, &second, usual()).await
}

/// Starts a draft that halts, and waits until it has begun to write: the number that it does so under.
async fn begin(
    world: &World,
    store: &Store,
    name: &ListName,
    entries: Vec<Entry>,
    held: usize,
) -> (JoinHandle<Result<Changed, StoreError>>, Arc<AtomicBool>, u64) {
    let compared = store.lists().await.unwrap().iter().all(|list| list.list != *name);
    let (rows, go_on) = Halting::new(entries, held, compared);
    let (of, name) = (store.clone(), name.clone());
    let wish = Wish::ReplaceByRows(Arc::new(rows));
    let load = tokio::spawn(async move { change(&of, &name, wish, "ann").await });
    let written = "draft_entries WHERE draft IN (SELECT draft FROM draft_writes WHERE touched_at > 0)";
    within_patience(async || count(world, written).await > 0).await;
    let draft = number(world, "SELECT MAX(draft) FROM draft_writes")
        .await
        .unsigned_abs();
    (load, go_on, draft)
}

/// How many entries of drafts there are, and how many drafts that nobody sees.
async fn left(world: &World) -> (i64, i64) {
    (
        count(world, "draft_entries").await,
        count(world, "draft_writes").await,
    )
}

async fn tidy(store: &Store, now: Timestamp) {
    while store.tidy(now).await.unwrap() {}
}

fn in_an_hour() -> Timestamp {
    Timestamp::now() + SignedDuration::from_hours(1)
}

async fn seen(store: &Store, draft: u64) -> usize {
    store.draft_entries(draft, 10_000).await.unwrap().len()
}

async fn others_write_while_a_large_draft_is_written(world: &World) {
    if !world.shelved {
        return;
    }
    let store = world.open().await;
    let (name, other) = (list("large"), list("other"));
    let (load, go_on, number) = begin(world, &store, &name, sorted(&name, 0..50), 1).await;
    let hits = [arrival(entry_on(&other, "AA2", 1, "x"), "c1", 1)];
    let applied = store.apply_hits(&hits, &[], usual(), at(2)).await.unwrap();
    assert_eq!(applied.new_hits, 1);
    let put = Wish::Put(Box::new(entry_on(&other, "BB1", 1, "x")));
    waiting(change(&store, &other, put, "cat").await);
    assert!(
        store.drafts(Some(&name), 10).await.unwrap().is_empty(),
        "no draft until all of it is there"
    );
    assert_eq!(seen(&store, number).await, 0);
    let early = decide(&store, number, Verdict::Authorise).await;
    assert!(matches!(early, Err(StoreError::NotFound("draft"))), "{early:?}");
    go_on.store(true, Ordering::Relaxed);
    let draft = waiting(load.await.unwrap());
    assert_eq!((draft.draft, draft.change.added), (number, 50));
    assert_eq!(store.drafts(Some(&name), 10).await.unwrap(), [draft]);
    assert_eq!(seen(&store, number).await, 50);
    tidy(&store, in_an_hour()).await;
    assert_eq!(left(world).await, (51, 0), "what waits is nobody's to forget");
}

async fn a_draft_whose_writer_died_leaves_nothing(world: &World) {
    if !world.shelved {
        return;
    }
    let store = world.open().await;
    let name = list("large");
    let (load, go_on, number) = begin(world, &store, &name, sorted(&name, 0..50), 1).await;
    load.abort();
    go_on.store(true, Ordering::Relaxed);
    let _ = load.await;
    drop(store);
    let store = world.open().await;
    assert!(store.drafts(None, 10).await.unwrap().is_empty());
    assert_eq!(seen(&store, number).await, 0);
    tidy(&store, Timestamp::now()).await;
    assert_eq!(left(world).await, (49, 1), "somebody may still write it");
    tidy(&store, in_an_hour()).await;
    assert_eq!(left(world).await, (0, 0));
    let draft = waiting(change(&store, &name, replace(sorted(&name, 0..50)), "ann").await);
    assert_ne!(draft.draft, number);
    assert_eq!(seen(&store, draft.draft).await, 50);
}

async fn a_writer_that_was_taken_for_dead_begins_anew(world: &World) {
    if !world.shelved {
        return;
    }
    let store = world.open().await;
    // Before its last block, and before its last transaction.
    for (name, held) in [("held", 1), ("whole", 0)] {
        let name = list(name);
        let (load, go_on, number) = begin(world, &store, &name, sorted(&name, 0..50), held).await;
        tidy(&store, in_an_hour()).await;
        go_on.store(true, Ordering::Relaxed);
        let draft = waiting(load.await.unwrap());
        assert!(draft.draft > number);
        assert_eq!(seen(&store, draft.draft).await, 50, "{held}");
    }
    assert_eq!(left(world).await, (100, 0));
}

async fn a_draft_is_counted_anew_where_the_list_was_changed_meanwhile(world: &World) {
    if !world.shelved {
        return;
    }
    let store = world.open().await;
    let name = list("large");
    let before = sorted(&name, 0..20);
    store
        .replace_list(&name, before, &user("intel"), at(0))
        .await
        .unwrap();
    let (load, go_on, _) = begin(world, &store, &name, sorted(&name, 10..60), 1).await;
    let withdrawn: Target = Vrm::parse(&mark(15)).unwrap().into();
    change(&store, &name, Wish::WithdrawMark(withdrawn), "cat")
        .await
        .unwrap();
    go_on.store(true, Ordering::Relaxed);
    let draft = waiting(load.await.unwrap());
    let counts = draft.change;
    assert_eq!((counts.added, counts.removed, counts.unchanged), (41, 10, 9));
    assert!(!draft.moved);
    tidy(&store, Timestamp::now()).await;
    assert_eq!(left(world).await, (50, 0), "the first attempt is forgotten");
}

async fn of_two_drafts_at_once_one_waits_and_the_other_is_forgotten(world: &World) {
    if !world.shelved {
        return;
    }
    let store = world.open().await;
    let name = list("large");
    let (load, go_on, _) = begin(world, &store, &name, sorted(&name, 0..50), 1).await;
    let first = waiting(change(&store, &name, replace(sorted(&name, 0..7)), "cat").await);
    go_on.store(true, Ordering::Relaxed);
    let second = load.await.unwrap();
    assert!(
        matches!(&second, Err(StoreError::Draft(DraftRefusal::Waits(by))) if *by == user("cat")),
        "{second:?}"
    );
    tidy(&store, Timestamp::now()).await;
    assert_eq!(left(world).await, (7, 0));
    assert_eq!(seen(&store, first.draft).await, 7);
}

/// Rows that say whether anybody read them.
struct Watched {
    entries: InMemory,
    read: Arc<AtomicBool>,
}

impl fmt::Debug for Watched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Watched")
    }
}

impl Rows for Watched {
    fn count(&self) -> u64 {
        self.entries.count()
    }

    fn patterns(&self) -> u64 {
        self.entries.patterns()
    }

    fn each(&self, take: &mut dyn FnMut(Vec<Entry>) -> ControlFlow<()>) -> Result<(), RowsError> {
        self.read.store(true, Ordering::Relaxed);
        self.entries.each(take)
    }
}

async fn a_second_draft_of_a_whole_list_is_refused_before_its_rows_are_read(world: &World) {
    let store = world.open().await;
    let name = list("large");
    let watched = || {
        let read = Arc::new(AtomicBool::new(false));
        let entries = InMemory(sorted(&name, 0..50));
        let rows = Watched {
            entries,
            read: Arc::clone(&read),
        };
        (Wish::ReplaceByRows(Arc::new(rows)), read)
    };
    let (first, read) = watched();
    waiting(change(&store, &name, first, "ann").await);
    assert!(read.load(Ordering::Relaxed), "to be written");
    let (second, read) = watched();
    let refused = change(&store, &name, second, "cat").await;
    assert!(
        matches!(&refused, Err(StoreError::Draft(DraftRefusal::Waits(by))) if *by == user("ann")),
        "{refused:?}"
    );
    assert!(!read.load(Ordering::Relaxed));
}

/// More than are forgotten at once.
const MANY: usize = 6_000;

async fn what_is_decided_is_forgotten_little_by_little(world: &World) {
    let store = world.open().await;
    let (name, other) = (list("large"), list("other"));
    let beside = waiting(change(&store, &other, replace(sorted(&other, 0..10)), "ann").await);
    // What is authorised and replaces a list fills a shelf, as any load does.
    let steps = [
        (Verdict::Decline, 0..MANY, 0),
        (Verdict::Authorise, 0..MANY, 0),
        (Verdict::Authorise, 1..MANY + 1, i64::from(world.shelved)),
    ];
    for (verdict, marks, shelves) in steps {
        let draft = waiting(change(&store, &name, replace(sorted(&name, marks)), "ann").await);
        assert_eq!(seen(&store, draft.draft).await, MANY);
        decide(&store, draft.draft, verdict).await.unwrap();
        assert_eq!(seen(&store, draft.draft).await, 0);
        assert_eq!(count(world, "shelves").await, shelves);
        let (revision, _) = store.revision().await.unwrap();
        store.set_published(revision, at(9)).await.unwrap();
        let now = Timestamp::now();
        while count(world, "shelves").await > 0 {
            store.tidy(now).await.unwrap();
        }
        assert!(store.tidy(now).await.unwrap());
        let (entries, drafts) = left(world).await;
        assert!(
            (11..MANY as i64).contains(&entries) && drafts == 1,
            "some of them: {entries}"
        );
        assert_eq!(seen(&store, draft.draft).await, 0);
        tidy(&store, now).await;
        assert_eq!(left(world).await, (10, 0));
    }
    assert_eq!(seen(&store, beside.draft).await, 10);
    assert_eq!(store.lists().await.unwrap()[0].entries, MANY as u64);
}
