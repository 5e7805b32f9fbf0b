//! What a matcher finds is what the lists' history says, over loads, edits, withdrawals, drafts, weed dates and restarts of everything:
//! the slow oracle of the way from the database through the log into the index.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use domain::hotlist::{Entry, Grade};
use domain::policy::{ListPolicy, Verdict};
use domain::read::{PlateRead, RawRead};
use domain::{CameraId, EntryId, ListName, SignedDuration, SourceName, Timestamp, UserName, Vrm};
use matcher::beliefs::Beliefs;
use matcher::lists::Lists;
use matcher::matching::{Case, judge};
use matcher::posts::Posts;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use store::Store;
use store::changes::{Author, Changed, Wish};
use store::rows::InMemory;
use stream::embedded::{EmbeddedLog, EmbeddedOptions};
use stream::ready::Ready;
use stream::topic::Topic;
use stream::{Log, Start, Tail};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

const PATIENCE: Duration = Duration::from_secs(60);
const SEEDS: [u64; 3] = [1, 7, 2009];
const STEPS: usize = 50;
const LISTS: [&str; 3] = ["missing", "stolen", "wanted"];
const MARKS: [&str; 6] = ["AB12CDE", "FG34HJK", "LM56NPR", "ST67VWX", "YA78BCD", "EF90GHJ"];
/// Wishes are remembered with their entries, however they are sent.
const BY_ROWS: &str = "no remembered wish is by rows";
/// A weed date is this far from its load at most.
const LIFE: SignedDuration = SignedDuration::from_hours(40);

/// All lists as plain maps, and everything that happened to each entry.
#[derive(Default)]
struct History {
    lists: BTreeMap<ListName, BTreeMap<EntryId, Entry>>,
    changes: BTreeMap<(ListName, EntryId), Vec<[Option<Entry>; 2]>>,
    four_eyes: BTreeSet<ListName>,
    drafts: BTreeMap<u64, (ListName, Wish)>,
}

impl History {
    fn set(&mut self, list: &ListName, id: EntryId, after: Option<Entry>) {
        let entries = self.lists.entry(list.clone()).or_default();
        let before = entries.get(&id).cloned();
        let after = after.map(|entry| match &before {
            Some(before) if *before == with_age_of(&entry, before.listed_at) => before.clone(),
            Some(before) => with_age_of(&entry, before.listed_at.min(entry.listed_at)),
            None => entry,
        });
        if before == after {
            return;
        }
        match &after {
            Some(entry) => entries.insert(id, entry.clone()),
            None => entries.remove(&id),
        };
        let changes = self.changes.entry((list.clone(), id)).or_default();
        changes.push([before, after]);
    }

    fn follow(&mut self, list: &ListName, wish: Wish) {
        let there: Vec<Entry> = self
            .lists
            .entry(list.clone())
            .or_default()
            .values()
            .cloned()
            .collect();
        let gone = |entry: &&Entry| match &wish {
            Wish::Replace(entries) => !entries.iter().any(|other| other.entry_id == entry.entry_id),
            Wish::Put(_) => false,
            Wish::WithdrawMark(target) => entry.target == *target,
            Wish::WithdrawList => true,
            Wish::ReplaceByRows(_) => unreachable!("{BY_ROWS}"),
        };
        for entry in there.iter().filter(gone) {
            self.set(list, entry.entry_id, None);
        }
        match wish {
            Wish::Replace(entries) => {
                for entry in entries {
                    self.set(list, entry.entry_id, Some(entry));
                }
            }
            Wish::Put(entry) => self.set(list, entry.entry_id, Some(*entry)),
            Wish::WithdrawMark(_) | Wish::WithdrawList => {}
            Wish::ReplaceByRows(_) => unreachable!("{BY_ROWS}"),
        }
    }

    fn is_empty(&self) -> bool {
        self.lists.values().all(BTreeMap::is_empty)
    }

    /// The linear scan: which entries a read must hit.
    fn hit_by(&self, mark: &str, at: Timestamp) -> BTreeSet<EntryId> {
        let all = self.lists.values().flat_map(BTreeMap::values);
        let live =
            all.filter(|entry| entry.target.as_str() == mark && entry.expires_at.is_none_or(|end| at < end));
        live.map(|entry| entry.entry_id).collect()
    }
}

fn with_age_of(entry: &Entry, listed_at: Timestamp) -> Entry {
    Entry {
        listed_at,
        ..entry.clone()
    }
}

/// Database, log, publisher, and a matcher that has followed since it last started.
struct World {
    url: String,
    folder: tempfile::TempDir,
    store: Store,
    log: Arc<EmbeddedLog>,
    publisher: Option<(
        CancellationToken,
        JoinHandle<Result<(), intelligence::IntelligenceError>>,
    )>,
    tail: Box<dyn Tail>,
    lists: Lists,
}

impl World {
    async fn open(url: String, folder: tempfile::TempDir) -> Self {
        let store = Store::open(&url).await.unwrap();
        let log = open_log(&folder).await;
        let tail = log.tail(Topic::Entries, Start::Beginning).await.unwrap();
        let mut world = Self {
            url,
            folder,
            store,
            log,
            publisher: None,
            tail,
            lists: Lists::default(),
        };
        world.publish();
        world
    }

    fn publish(&mut self) {
        let shutdown = CancellationToken::new();
        let log = Arc::clone(&self.log) as Arc<dyn Log>;
        let run = intelligence::publish::run(log, self.store.clone(), Ready::default(), shutdown.clone());
        self.publisher = Some((shutdown, tokio::spawn(run)));
    }

    async fn crash_publisher(&mut self) {
        if let Some((_, task)) = self.publisher.take() {
            task.abort();
            let _ = task.await;
        }
    }

    /// Everything stops, in the middle of whatever it does, and starts again on what is on disk.
    async fn restart(self) -> Self {
        let Self {
            url,
            folder,
            store,
            log,
            publisher,
            tail,
            ..
        } = self;
        if let Some((_, task)) = publisher {
            task.abort();
            let _ = task.await;
        }
        drop((store, tail));
        log.close().await.unwrap();
        drop(log);
        Self::open(url, folder).await
    }

    /// Follows the log until it shows the database's revision.
    async fn catch_up(&mut self) {
        let (revision, _) = self.store.revision().await.unwrap();
        let follow = async {
            while self.lists.revision() < Some(revision) {
                for record in self.tail.poll(1_000, Duration::from_millis(5)).await.unwrap() {
                    self.lists.take_record(&record).unwrap();
                }
            }
        };
        tokio::time::timeout(PATIENCE, follow)
            .await
            .expect("published in time");
    }
}

async fn open_log(folder: &tempfile::TempDir) -> Arc<EmbeddedLog> {
    let log = EmbeddedLog::open(&folder.path().join("log"), EmbeddedOptions::default()).unwrap();
    log.create_topics().await.unwrap();
    Arc::new(log)
}

fn at(hours: i64) -> Timestamp {
    Timestamp::from_second(1_790_000_000 + hours * 3_600).unwrap()
}

fn list(name: &str) -> ListName {
    ListName::parse(name).unwrap()
}

fn read(mark: &str, captured_at: Timestamp) -> PlateRead {
    let raw = RawRead {
        plate: mark.to_owned(),
        captured_at,
        ..RawRead::default()
    };
    let (camera, source) = (CameraId::parse("c1").unwrap(), SourceName::parse("test").unwrap());
    raw.check(camera, source, captured_at).unwrap()
}

fn random_entry(rng: &mut ChaCha8Rng, list: &ListName, now: Timestamp) -> Entry {
    let mark = Vrm::parse(MARKS.choose(rng).unwrap()).unwrap();
    let reference = ["", "CAD 1"].choose(rng).unwrap().to_owned();
    Entry {
        grade: Grade::try_from(rng.random_range(1..4)).unwrap(),
        make: ["FORD", "AUDI"].choose(rng).unwrap().to_string(),
        expires_at: Some(now + SignedDuration::from_hours(rng.random_range(0..=LIFE.as_hours()))),
        ..Entry::new(list, mark, reference, now)
    }
}

fn random_wish(rng: &mut ChaCha8Rng, list: &ListName, now: Timestamp) -> Wish {
    match rng.random_range(0..8) {
        0..4 => {
            let entries = (0..rng.random_range(1..9)).map(|_| random_entry(rng, list, now));
            // Of two with one id the last counts.
            let by_id: BTreeMap<EntryId, Entry> = entries.map(|entry| (entry.entry_id, entry)).collect();
            Wish::Replace(by_id.into_values().collect())
        }
        4..6 => Wish::Put(Box::new(random_entry(rng, list, now))),
        6 => Wish::WithdrawMark(Vrm::parse(MARKS.choose(rng).unwrap()).unwrap().into()),
        _ => Wish::WithdrawList,
    }
}

async fn change(world: &World, history: &mut History, rng: &mut ChaCha8Rng, now: Timestamp) {
    let list = list(LISTS.choose(rng).unwrap());
    let wish = random_wish(rng, &list, now);
    let by = UserName::parse("ann").unwrap();
    let author = Author {
        by: &by,
        at: now,
        why: "",
    };
    let policy = ListPolicy {
        four_eyes: history.four_eyes.contains(&list),
        ..ListPolicy::default()
    };
    let sent = match &wish {
        Wish::Replace(entries) if rng.random() => Wish::ReplaceByRows(Arc::new(InMemory(entries.clone()))),
        other => other.clone(),
    };
    // What is not there cannot be withdrawn, and one draft of a whole list waits at a time: refused, and nothing changes.
    match world.store.change_list(&list, sent, &author, &policy).await {
        Ok(Changed::Live(_)) => history.follow(&list, wish),
        Ok(Changed::Draft(draft)) => {
            history.drafts.insert(draft.draft, (list, wish));
        }
        Err(store::StoreError::NotFound(_) | store::StoreError::Draft(_)) => {}
        Err(error) => panic!("{error}"),
    }
}

async fn decide(world: &World, history: &mut History, rng: &mut ChaCha8Rng, now: Timestamp) {
    let Some((draft, (list, wish))) = history.drafts.pop_first() else {
        return;
    };
    let by = UserName::parse("bob").unwrap();
    let second = Author {
        by: &by,
        at: now,
        why: "looked at it",
    };
    let verdict = *[Verdict::Authorise, Verdict::Decline].choose(rng).unwrap();
    let usual = ListPolicy::default();
    let decided = world.store.decide_draft(draft, verdict, &second, &usual);
    decided.await.unwrap();
    if verdict == Verdict::Authorise {
        history.follow(&list, wish);
    }
}

/// The index against the linear scan, at this moment and at every weed date, just before and at it.
fn check_reads(lists: &mut Lists, history: &History, now: Timestamp, context: &str) {
    let index = lists.index();
    let (beliefs, posts) = (Beliefs::default(), Posts::default());
    let entries = history.lists.values().flat_map(BTreeMap::values);
    let ends = entries.filter_map(|entry| entry.expires_at);
    let moments = ends
        .flat_map(|end| [end - SignedDuration::from_millis(1), end])
        .chain([now]);
    let moments: BTreeSet<Timestamp> = moments.collect();
    for mark in MARKS {
        for moment in &moments {
            let read = read(mark, *moment);
            let case = Case {
                read: &read,
                seen: None,
                index: &index,
                beliefs: &beliefs,
                posts: &posts,
                now: *moment,
            };
            let mut hits = Vec::new();
            judge(&case, [read.vrm].into_iter(), &mut hits).unwrap();
            let found: BTreeSet<EntryId> = hits.iter().map(|hit| hit.entry.entry_id).collect();
            assert_eq!(
                found,
                history.hit_by(mark, *moment),
                "{context}: {mark} at {moment}"
            );
        }
    }
}

async fn check_history(store: &Store, history: &History, context: &str) {
    for ((list, id), expected) in &history.changes {
        let changes = store.entry_history(list, *id).await.unwrap();
        let found: Vec<[Option<Entry>; 2]> = changes
            .into_iter()
            .rev()
            .map(|change| [change.before, change.after].map(|entry| entry.map(|entry| *entry)))
            .collect();
        assert_eq!(found, *expected, "{context}: {list} {id}");
    }
}

async fn the_index_is_the_fold_of_the_history(url: String, folder: tempfile::TempDir) {
    let mut world = World::open(url, folder).await;
    let mut history = History::default();
    let mut hour = 0;
    let mut full = 0;
    // One database, one seed after the other: the later ones meet what the earlier left.
    for seed in SEEDS {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        for step in 0..STEPS {
            let context = format!("seed {seed}, step {step}");
            let now = at(hour);
            match rng.random_range(0..20) {
                0..11 => change(&world, &mut history, &mut rng, now).await,
                11..14 => decide(&world, &mut history, &mut rng, now).await,
                14 => {
                    let list = list(LISTS.choose(&mut rng).unwrap());
                    if !history.four_eyes.remove(&list) {
                        history.four_eyes.insert(list);
                    }
                }
                15 => {
                    world.crash_publisher().await;
                    world.publish();
                }
                16 => world = world.restart().await,
                _ => hour += rng.random_range(1..12),
            }
            if rng.random() {
                world.catch_up().await;
                check_reads(&mut world.lists, &history, now, &context);
                full += usize::from(!history.is_empty());
            }
        }
        world = world.restart().await;
        world.catch_up().await;
        check_reads(
            &mut world.lists,
            &history,
            at(hour),
            &format!("seed {seed}, started anew"),
        );
        check_history(&world.store, &history, &format!("seed {seed}")).await;
    }
    assert!(
        full > STEPS,
        "most looks were at lists that are not empty: {full}"
    );
    world.crash_publisher().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_sqlite_the_live_index_is_the_fold_of_the_history_whatever_restarts() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("lists.db").display());
    the_index_is_the_fold_of_the_history(url, folder).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_postgresql_the_live_index_is_the_fold_of_the_history_whatever_restarts() {
    let server = xtask::servers::shared_postgres().unwrap();
    let url = server.create_fresh("live_index").unwrap();
    the_index_is_the_fold_of_the_history(url, tempfile::tempdir().unwrap()).await;
}
