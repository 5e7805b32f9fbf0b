//! Large changes of lists: written aside in short transactions, and live all at once.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use domain::hotlist::{Entry, Revision};
use domain::target::Target;
use domain::{EntryId, ListName, Vrm};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use store::changes::{Author, Changed, Wish};
use store::hotlists::PendingChange;
use store::rows::{Rows, RowsError};
use store::{Store, StoreError};

use crate::world::{World, arrival, at, entry_on, list, mark, unpublished, user, usual};

claims_of_lists!(
    whatever_happens_lists_history_and_log_agree,
    rows_that_end_in_a_panic_remove_nothing;
    persistent others_write_while_a_list_is_loaded,
    a_load_begins_anew_where_the_list_was_changed_meanwhile,
    a_load_that_died_leaves_nothing,
    a_load_that_was_taken_for_dead_begins_anew
);

/// A list's entries that wait, before the last or behind it, for a sign to go on: when they are written, not when they are compared.
pub struct Halting {
    entries: Vec<Entry>,
    /// Entries handed on after the sign.
    held: usize,
    compared: AtomicBool,
    go_on: Arc<AtomicBool>,
}

impl Halting {
    /// Entries of which so many wait, compared already or not; and the sign.
    pub fn new(entries: Vec<Entry>, held: usize, compared: bool) -> (Self, Arc<AtomicBool>) {
        let go_on = Arc::new(AtomicBool::new(false));
        let rows = Self {
            entries,
            held,
            compared: AtomicBool::new(compared),
            go_on: Arc::clone(&go_on),
        };
        (rows, go_on)
    }
}

impl fmt::Debug for Halting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Halting")
    }
}

impl Rows for Halting {
    fn count(&self) -> u64 {
        self.entries.len() as u64
    }

    fn patterns(&self) -> u64 {
        0
    }

    fn each(&self, take: &mut dyn FnMut(Vec<Entry>) -> ControlFlow<()>) -> Result<(), RowsError> {
        let (most, last) = self.entries.split_at(self.entries.len() - self.held);
        if !most.is_empty() && take(most.to_vec()).is_break() {
            return Ok(());
        }
        let began = Instant::now();
        let writes = self.compared.swap(true, Ordering::Relaxed);
        while writes && !self.go_on.load(Ordering::Relaxed) && began.elapsed() < PATIENCE {
            std::thread::sleep(Duration::from_millis(5));
        }
        if !last.is_empty() {
            let _ = take(last.to_vec());
        }
        Ok(())
    }
}

/// Beyond it a test has failed.
const PATIENCE: Duration = Duration::from_secs(30);

/// Waits until something is so.
pub async fn within_patience(is_so: impl AsyncFn() -> bool) {
    let waiting = async {
        while !is_so().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, waiting)
        .await
        .expect("it becomes so");
}

/// In order of id, as the store wants them.
pub fn sorted(name: &ListName, marks: std::ops::Range<usize>) -> Vec<Entry> {
    let mut entries: Vec<Entry> = marks
        .map(|number| entry_on(name, &mark(number), 1, "x"))
        .collect();
    entries.sort_by_key(|entry| entry.entry_id);
    entries
}

async fn change(store: &Store, name: &ListName, wish: Wish) -> Result<Changed, StoreError> {
    let author = Author {
        by: &user("intel"),
        at: at(0),
        why: "",
    };
    store.change_list(name, wish, &author, usual()).await
}

async fn stored(store: &Store, name: &ListName) -> BTreeMap<EntryId, Entry> {
    let mut entries = BTreeMap::new();
    let mut after = None;
    loop {
        let page = store.entries(name, after, 100).await.unwrap();
        let Some(last) = page.last() else { return entries };
        after = Some(last.entry_id);
        entries.extend(page.into_iter().map(|entry| (entry.entry_id, entry)));
    }
}

/// Starts a load that halts, and waits until it has begun to write: a shelf is there.
async fn begin(
    world: &World,
    store: &Store,
    name: &ListName,
    entries: Vec<Entry>,
) -> (
    tokio::task::JoinHandle<Result<Changed, StoreError>>,
    Arc<AtomicBool>,
) {
    let compared = store.lists().await.unwrap().iter().all(|list| list.list != *name);
    let (rows, go_on) = Halting::new(entries, 1, compared);
    let (store, name) = (store.clone(), name.clone());
    let load = tokio::spawn(async move { change(&store, &name, Wish::ReplaceByRows(Arc::new(rows))).await });
    let written = "entries WHERE shelf IN (SELECT shelf FROM shelves WHERE replaced_in IS NULL)";
    within_patience(async || count(world, written).await > 0).await;
    (load, go_on)
}

/// A list of twenty entries.
async fn loaded(world: &World) -> (Store, ListName) {
    let store = world.open().await;
    let name = list("large");
    let entries = sorted(&name, 0..20);
    change(&store, &name, Wish::Replace(entries)).await.unwrap();
    (store, name)
}

/// Rows behind the store's back.
pub async fn count(world: &World, from: &str) -> i64 {
    number(world, &format!("SELECT COUNT(*) FROM {from}")).await
}

/// A number behind the store's back.
pub async fn number(world: &World, text: &str) -> i64 {
    let pool = world.behind().await;
    let (number,): (i64,) = sqlx::query_as(sqlx::AssertSqlSafe(text.to_owned()))
        .fetch_one(&pool)
        .await
        .unwrap();
    pool.close().await;
    number
}

async fn others_write_while_a_list_is_loaded(world: &World) {
    if !world.shelved {
        return;
    }
    let store = world.open().await;
    let (name, other) = (list("large"), list("other"));
    let entries = sorted(&name, 0..50);
    let (load, go_on) = begin(world, &store, &name, entries).await;
    let hits = [arrival(entry_on(&other, "AA2", 1, "x"), "c1", 1)];
    assert_eq!(
        store
            .apply_hits(&hits, &[], usual(), at(2))
            .await
            .unwrap()
            .new_hits,
        1
    );
    let put = entry_on(&other, "BB1", 1, "x");
    let put = change(&store, &other, Wish::Put(Box::new(put))).await.unwrap();
    assert!(matches!(put, Changed::Live(change) if change.revision == Revision(1)));
    assert!(
        stored(&store, &name).await.is_empty(),
        "nothing is live until all of it is"
    );
    go_on.store(true, Ordering::Relaxed);
    let loaded = load.await.unwrap().unwrap();
    assert!(
        matches!(loaded, Changed::Live(change) if change.revision == Revision(2) && change.added == 50),
        "who is live first has the lower revision"
    );
    assert_eq!(stored(&store, &name).await.len(), 50);
    let order: Vec<u64> = unpublished(&store)
        .await
        .iter()
        .map(|(_, revision, _)| revision.0)
        .collect();
    assert_eq!(order[..2], [1, 2]);
    assert_eq!(order.len(), 51);
}

async fn a_load_begins_anew_where_the_list_was_changed_meanwhile(world: &World) {
    if !world.shelved {
        return;
    }
    let (store, name) = loaded(world).await;
    let (load, go_on) = begin(world, &store, &name, sorted(&name, 10..60)).await;
    let withdrawn: Target = Vrm::parse(&mark(15)).unwrap().into();
    change(&store, &name, Wish::WithdrawMark(withdrawn))
        .await
        .unwrap();
    go_on.store(true, Ordering::Relaxed);
    let Changed::Live(loaded) = load.await.unwrap().unwrap() else {
        panic!("no draft");
    };
    // The mark was not there any more: it came anew.
    assert_eq!(
        (loaded.added, loaded.removed, loaded.unchanged),
        (41, 10, 9),
        "{loaded:?}"
    );
    assert_eq!(stored(&store, &name).await.len(), 50);
}

async fn a_load_that_died_leaves_nothing(world: &World) {
    if !world.shelved {
        return;
    }
    let (store, name) = loaded(world).await;
    let before = stored(&store, &name).await;
    let (load, go_on) = begin(world, &store, &name, sorted(&name, 10..60)).await;
    load.abort();
    go_on.store(true, Ordering::Relaxed);
    let _ = load.await;
    drop(store);
    let store = world.open().await;
    assert_eq!(stored(&store, &name).await, before);
    store.set_published(Revision(1), at(3)).await.unwrap();
    let now = domain::Timestamp::now();
    while store.tidy(now).await.unwrap() {}
    assert_eq!(count(world, "shelves").await, 1, "somebody may still fill it");
    while store
        .tidy(now + jiff::SignedDuration::from_hours(1))
        .await
        .unwrap()
    {}
    assert_eq!(count(world, "shelves").await, 0);
    for table in ["entries", "entry_marks"] {
        assert_eq!(count(world, table).await, 20, "{table}");
    }
    assert_eq!(stored(&store, &name).await, before);
    // And what it had noted as gone is not.
    let gone = Wish::Replace(sorted(&name, 0..19));
    change(&store, &name, gone).await.unwrap();
    let history = store.entry_history(&name, *before.keys().next().unwrap()).await;
    assert_eq!(history.unwrap().last().unwrap().revision, Revision(1));
}

async fn a_load_that_was_taken_for_dead_begins_anew(world: &World) {
    if !world.shelved {
        return;
    }
    let (store, name) = loaded(world).await;
    // What writes no entry has only its last transaction to find that out in.
    for entries in [sorted(&name, 10..60), Vec::new()] {
        let wanted = entries.len();
        let (rows, go_on) = Halting::new(entries, wanted.min(1), false);
        let (of, to) = (store.clone(), name.clone());
        let wish = Wish::ReplaceByRows(Arc::new(rows));
        let load = tokio::spawn(async move { change(&of, &to, wish).await });
        let gone = "entry_changes WHERE ticket IN (SELECT shelf FROM shelves WHERE replaced_in IS NULL)";
        within_patience(async || count(world, gone).await > 0).await;
        let shelf = number(world, "SELECT MAX(shelf) FROM shelves WHERE replaced_in IS NULL").await;
        let in_an_hour = domain::Timestamp::now() + jiff::SignedDuration::from_hours(1);
        while store.tidy(in_an_hour).await.unwrap() {}
        assert_eq!(count(world, &format!("shelves WHERE shelf = {shelf}")).await, 0);
        go_on.store(true, Ordering::Relaxed);
        load.await.unwrap().unwrap();
        assert_eq!(stored(&store, &name).await.len(), wanted);
        let emptied = count(world, &format!("lists WHERE shelf = {shelf}")).await;
        assert_eq!(emptied, 0, "it fills another");
        let (revision, _) = store.revision().await.unwrap();
        store.set_published(revision, at(3)).await.unwrap();
    }
}

/// Entries of which some are read, and then there is a fault in the program.
#[derive(Debug)]
struct Faulty(Vec<Entry>);

impl Rows for Faulty {
    fn count(&self) -> u64 {
        self.0.len() as u64
    }

    fn patterns(&self) -> u64 {
        0
    }

    fn each(&self, take: &mut dyn FnMut(Vec<Entry>) -> ControlFlow<()>) -> Result<(), RowsError> {
        let _ = take(self.0[..self.0.len() / 2].to_vec());
        panic!("as it was meant");
    }
}

async fn rows_that_end_in_a_panic_remove_nothing(world: &World) {
    let (store, name) = loaded(world).await;
    let before = stored(&store, &name).await;
    let rows = Faulty(before.values().cloned().collect());
    let done = change(&store, &name, Wish::ReplaceByRows(Arc::new(rows))).await;
    assert!(matches!(done, Err(StoreError::Rows(_))), "{done:?}");
    assert_eq!(stored(&store, &name).await, before);
}

const SEEDS: [u64; 2] = [11, 2026];
const STEPS: usize = 60;

/// Against a map for the list, one for the log, and each entry's versions by revision.
async fn whatever_happens_lists_history_and_log_agree(world: &World) {
    let store = world.open().await;
    for seed in SEEDS {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let name = list(&format!("seed{seed}"));
        let mut told: BTreeMap<EntryId, Vec<(Revision, Option<Entry>)>> = BTreeMap::new();
        let mut log: BTreeMap<EntryId, Entry> = BTreeMap::new();
        for _ in 0..STEPS {
            let before = stored(&store, &name).await;
            let revision = store.revision().await.unwrap().0;
            step(&store, &name, &mut rng, &mut log).await;
            let after = stored(&store, &name).await;
            let now = store.revision().await.unwrap().0;
            assert_eq!(
                before != after,
                now != revision,
                "a revision where something changed"
            );
            for id in before.keys().chain(after.keys()) {
                if before.get(id) != after.get(id) {
                    let versions = told.entry(*id).or_default();
                    if versions.last().map(|(revision, _)| *revision) != Some(now) {
                        versions.push((now, after.get(id).cloned()));
                    }
                }
            }
        }
        publish(&store, &mut log).await;
        while store.tidy(domain::Timestamp::now()).await.unwrap() {}
        let end = stored(&store, &name).await;
        assert_eq!(log, end, "seed {seed}: the log has what the list has");
        for (id, versions) in &told {
            let history = store.entry_history(&name, *id).await.unwrap();
            let found: Vec<_> = history
                .into_iter()
                .rev()
                .map(|change| (change.revision, change.after.map(|entry| *entry)))
                .collect();
            assert_eq!(&found, versions, "seed {seed}");
        }
        change(&store, &name, Wish::Replace(Vec::new())).await.unwrap();
        publish(&store, &mut log).await;
    }
    while store.tidy(domain::Timestamp::now()).await.unwrap() {}
    if world.folder.is_some() || world.is_postgres() {
        for table in [
            "shelves",
            "superseded",
            "entries",
            "entry_marks",
            "entry_patterns",
        ] {
            assert_eq!(count(world, table).await, 0, "{table}");
        }
    }
}

async fn step(store: &Store, name: &ListName, rng: &mut ChaCha8Rng, log: &mut BTreeMap<EntryId, Entry>) {
    let some = |rng: &mut ChaCha8Rng| {
        let number = rng.random_range(0..12);
        let mark = if number == 0 {
            "AB?1".to_owned()
        } else {
            mark(number)
        };
        let mut entry = entry_on(name, &mark, rng.random_range(1..4), "x");
        entry.listed_at = at(rng.random_range(-5..0));
        entry
    };
    match rng.random_range(0..8) {
        0..4 => {
            let entries = (0..rng.random_range(1..10)).map(|_| some(rng)).collect();
            change(store, name, Wish::Replace(entries)).await.unwrap();
        }
        4 => {
            let entry = some(rng);
            change(store, name, Wish::Put(Box::new(entry))).await.unwrap();
        }
        5 => {
            let target = some(rng).target;
            match change(store, name, Wish::WithdrawMark(target)).await {
                Ok(_) | Err(StoreError::NotFound(_)) => {}
                Err(error) => panic!("{error}"),
            }
        }
        6 => publish(store, log).await,
        _ => {
            store.tidy(domain::Timestamp::now()).await.unwrap();
        }
    }
}

/// What the publisher does.
async fn publish(store: &Store, log: &mut BTreeMap<EntryId, Entry>) {
    for (_, _, change) in unpublished(store).await {
        match change {
            PendingChange::Put { entry, json } => log.insert(entry, serde_json::from_str(&json).unwrap()),
            PendingChange::Remove(id) => log.remove(&id),
        };
    }
    let newest = store.revision().await.unwrap().0;
    store.set_published(newest, at(9)).await.unwrap();
}

#[tokio::test]
async fn a_load_leaves_sqlites_log_no_longer_than_a_few_transactions() {
    let world = World::sqlite_file();
    let (store, name) = (world.open().await, list("stolen"));
    let entries = Wish::Replace(sorted(&name, 0..60_000));
    change(&store, &name, entries).await.unwrap();
    let folder = world.folder.as_ref().unwrap();
    let logs = std::fs::read_dir(folder.path()).unwrap().map(Result::unwrap);
    let log = logs
        .filter(|file| file.file_name().to_string_lossy().ends_with("-wal"))
        .map(|file| file.metadata().unwrap().len());
    let (log, sixteen_mb) = (log.sum::<u64>(), 16 << 20);
    assert!((1..sixteen_mb).contains(&log), "{log} bytes");
}
