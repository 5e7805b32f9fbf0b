//! The publisher on a database and a log in memory, its records folded as a matcher folds them.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use domain::hotlist::{Action, Entry, Grade, Revision};
use domain::{EntryId, ListName, Timestamp, UserName, Vrm};
use intelligence::publish;
use matcher::lists::Lists;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use store::Store;
use stream::embedded::EmbeddedLog;
use stream::ready::Ready;
use stream::topic::Topic;
use stream::wire::{self, EntryChange, RevisionMark};
use stream::{Consumer, Delivered, Log, LogError, Place, Record, Start, Tail};
use tokio::sync::{Mutex, RwLock};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

const PATIENCE: Duration = Duration::from_secs(20);
/// A load must reach every matcher within a second or two; this is the publisher's share.
const PROMPT: Duration = Duration::from_secs(1);

/// All entries of a moment.
type State = BTreeMap<EntryId, Entry>;

/// A log in memory whose next publications fail half done, and which takes none while the test holds it.
struct Flaky {
    inner: EmbeddedLog,
    held: RwLock<()>,
    /// Everything that was ever published, marks that later ones replaced included.
    said: Mutex<(Box<dyn Tail>, Vec<Delivered>)>,
    to_fail: AtomicU32,
}

impl Flaky {
    /// Publishes, and reads it back before anything else replaces it.
    async fn keep(&self, topic: Topic, records: Vec<Record>) -> Result<(), LogError> {
        let mut said = self.said.lock().await;
        let (tail, all) = &mut *said;
        self.inner.publish(topic, records).await?;
        loop {
            all.extend(tail.poll(10_000, Duration::ZERO).await?);
            if tail.caught_up() {
                return Ok(());
            }
        }
    }
}

#[async_trait]
impl Log for Flaky {
    async fn create_topics(&self) -> Result<(), LogError> {
        self.inner.create_topics().await
    }
    async fn publish(&self, topic: Topic, records: Vec<Record>) -> Result<(), LogError> {
        let _free = self.held.read().await;
        let fails = self
            .to_fail
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1))
            .is_ok();
        if fails {
            let part: Vec<_> = records[..records.len() / 2].to_vec();
            self.keep(topic, part).await?;
            return Err(LogError::Unavailable("switched off by the test".into()));
        }
        self.keep(topic, records).await
    }
    async fn subscribe(&self, group: &str, topics: &[Topic]) -> Result<Box<dyn Consumer>, LogError> {
        self.inner.subscribe(group, topics).await
    }
    async fn tail(&self, topic: Topic, from: Start) -> Result<Box<dyn Tail>, LogError> {
        self.inner.tail(topic, from).await
    }
    async fn replay(
        &self,
        topic: Topic,
        partition: u32,
        offsets: Range<u64>,
    ) -> Result<Box<dyn Tail>, LogError> {
        self.inner.replay(topic, partition, offsets).await
    }

    async fn read_at(&self, place: Place) -> Result<Option<Delivered>, LogError> {
        self.inner.read_at(place).await
    }
    async fn check(&self) -> Result<(), LogError> {
        self.inner.check().await
    }
    async fn close(&self) -> Result<(), LogError> {
        self.inner.close().await
    }
}

/// A database, a log, and what the database held in each revision.
struct World {
    store: Store,
    _folder: tempfile::TempDir,
    log: Arc<Flaky>,
    history: BTreeMap<Revision, State>,
    /// Which list each revision changed.
    changed: BTreeMap<Revision, ListName>,
    /// Changes that the publisher takes at once.
    batch: u32,
}

impl World {
    async fn new() -> Self {
        // On disk: a crash takes the connection along, and with it a database in memory.
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", folder.path().join("lists.sqlite").display());
        let store = Store::open(&url).await.unwrap();
        let log = Self::new_log().await;
        Self {
            store,
            _folder: folder,
            log,
            history: BTreeMap::new(),
            changed: BTreeMap::new(),
            batch: publish::BATCH,
        }
    }

    async fn new_log() -> Arc<Flaky> {
        let inner = EmbeddedLog::in_memory();
        inner.create_topics().await.unwrap();
        let tail = inner.tail(Topic::Entries, Start::Beginning).await.unwrap();
        Arc::new(Flaky {
            inner,
            held: RwLock::default(),
            said: Mutex::new((tail, Vec::new())),
            to_fail: AtomicU32::new(0),
        })
    }

    fn start(&self) -> Running {
        let (ready, shutdown) = (Ready::default(), CancellationToken::new());
        let log = Arc::clone(&self.log) as Arc<dyn Log>;
        let (store, batch) = (self.store.clone(), self.batch);
        let publisher = publish::run_in_batches(log, store, ready.clone(), shutdown.clone(), batch);
        Running {
            ready,
            shutdown,
            task: tokio::spawn(publisher),
        }
    }

    /// Replaces a list by entries for the given numbers.
    async fn load(&mut self, list: &str, numbers: impl Iterator<Item = u32>, make: &str) -> Revision {
        let list = ListName::parse(list).unwrap();
        let entries = numbers.map(|number| entry(&list, number, make)).collect();
        let change = self
            .store
            .replace_list(&list, entries, &by(), now())
            .await
            .unwrap();
        self.remember(list).await;
        change.revision
    }

    async fn withdraw(&mut self, list: &str) {
        let list = ListName::parse(list).unwrap();
        self.store
            .replace_list(&list, Vec::new(), &by(), now())
            .await
            .unwrap();
        self.remember(list).await;
    }

    async fn state(&self) -> (Revision, State) {
        let mut state = State::new();
        for list in self.store.lists().await.unwrap() {
            let mut after = None;
            loop {
                let page = self.store.entries(&list.list, after, 1_000).await.unwrap();
                let Some(last) = page.last() else { break };
                after = Some(last.entry_id);
                state.extend(page.into_iter().map(|entry| (entry.entry_id, entry)));
            }
        }
        (self.store.revision().await.unwrap().0, state)
    }

    /// All entries of a revision, but of the list that `without` changed those of the revision before that.
    fn at(&self, revision: Revision, without: Option<Revision>) -> State {
        let mut state = self.history[&revision].clone();
        if let Some(long) = without {
            let before = Revision(long.0 - 1);
            let nothing = State::new();
            let before = self.history.get(&before).unwrap_or(&nothing);
            let list = &self.changed[&long];
            state.retain(|_, entry| entry.list != *list);
            let earlier = before.iter().filter(|(_, entry)| entry.list == *list);
            state.extend(earlier.map(|(id, entry)| (*id, entry.clone())));
        }
        state
    }

    async fn remember(&mut self, list: ListName) {
        let (revision, state) = self.state().await;
        self.history.insert(revision, state);
        self.changed.entry(revision).or_insert(list);
    }

    /// Waits until a matcher that starts now would see what the database holds, and the database knows it.
    async fn until_settled(&self) {
        let (revision, state) = self.state().await;
        let settled = async {
            loop {
                let (seen, shown) = self.seen().await;
                let known = self.store.published().await.unwrap() == revision
                    && self.store.unpublished().await.unwrap().is_none();
                if seen == Some(revision) && shown == state && known {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(PATIENCE, settled)
            .await
            .expect("the log holds what the database holds");
    }

    /// The lists of a matcher that starts now.
    async fn matcher(&self) -> Lists {
        let mut lists = Lists::default();
        for record in self.records().await {
            lists.take_record(&record).unwrap();
        }
        lists
    }

    /// What a matcher that starts now sees.
    async fn seen(&self) -> (Option<Revision>, State) {
        let mut lists = self.matcher().await;
        (lists.revision(), shown(&mut lists))
    }

    async fn records(&self) -> Vec<Delivered> {
        let mut tail = self
            .log
            .inner
            .tail(Topic::Entries, Start::Beginning)
            .await
            .unwrap();
        let mut records = Vec::new();
        while !tail.caught_up() {
            records.extend(tail.poll(10_000, Duration::from_millis(20)).await.unwrap());
        }
        records
    }

    async fn marks(&self) -> Vec<u64> {
        let marks = marks_among(&self.records().await);
        marks.iter().map(|(revision, _)| revision.0).collect()
    }

    /// Every change that was published, in order.
    async fn said(&self) -> Vec<Delivered> {
        self.log.said.lock().await.1.clone()
    }
}

struct Running {
    ready: Ready,
    shutdown: CancellationToken,
    task: JoinHandle<Result<(), intelligence::IntelligenceError>>,
}

impl Running {
    async fn until_ready(&self, wanted: bool) {
        let waited = async {
            while self.ready.get() != wanted {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        tokio::time::timeout(PATIENCE, waited)
            .await
            .expect("ready in time");
    }

    async fn crash(self) {
        self.task.abort();
        let _ = self.task.await;
    }

    async fn stop(self) {
        self.shutdown.cancel();
        tokio::time::timeout(Duration::from_secs(5), self.task)
            .await
            .expect("stops in 5 s")
            .unwrap()
            .unwrap();
        assert!(!self.ready.get());
    }
}

fn by() -> UserName {
    UserName::parse("int1").unwrap()
}

fn now() -> Timestamp {
    "2026-11-01T12:00:00Z".parse().unwrap()
}

fn entry(list: &ListName, number: u32, make: &str) -> Entry {
    let vrm = Vrm::parse(&format!("T{number:05}")).unwrap();
    Entry {
        grade: Grade::Two,
        action: Action::Stop,
        reason: "stolen".into(),
        make: make.into(),
        ..Entry::new(list, vrm, "", now())
    }
}

#[tokio::test]
async fn a_load_is_in_the_log_whole_within_a_second_and_the_database_knows_it() {
    let mut world = World::new().await;
    let publisher = world.start();
    publisher.until_ready(true).await;
    assert!(world.records().await.is_empty(), "nothing to say is nothing said");
    let revision = world.load("stolen", 0..5_000, "FORD").await;
    tokio::time::timeout(PROMPT, world.until_settled())
        .await
        .expect("prompt");
    assert_eq!(
        world.marks().await,
        [revision.0],
        "a revision of several batches has one mark"
    );
    let summary = &world.store.lists().await.unwrap()[0];
    assert!(summary.published_at.is_some());
    world.load("stolen", 2_000..6_000, "FORD").await;
    world.withdraw("stolen").await;
    tokio::time::timeout(PROMPT, world.until_settled())
        .await
        .expect("prompt");
    publisher.stop().await;
}

#[tokio::test]
async fn revisions_that_wait_together_are_all_published() {
    let mut world = World::new().await;
    world.load("stolen", 0..3_000, "FORD").await;
    world.load("missing", 0..10, "FORD").await;
    world.load("stolen", 5..2_500, "AUDI").await;
    let publisher = world.start();
    world.until_settled().await;
    publisher.stop().await;
}

#[tokio::test]
async fn what_is_urgent_passes_a_long_revision_of_another_list() {
    let mut world = World::new().await;
    world.batch = 10;
    let publisher = world.start();
    publisher.until_ready(true).await;
    let log = Arc::clone(&world.log);
    let held = log.held.write().await;
    let long = world.load("uninsured", 0..500, "FORD").await;
    let urgent = world.load("missing", 0..3, "FORD").await;
    let next = world.load("wanted", 0..3, "FORD").await;
    // Of the long one's list: it and what follows must wait.
    let same = world.load("uninsured", 0..499, "FORD").await;
    let last = world.load("missing", 0..4, "FORD").await;
    drop(held);
    world.until_settled().await;
    publisher.stop().await;
    assert_eq!(
        marks_among(&world.said().await),
        [
            (urgent, Some(long)),
            (next, Some(long)),
            (next, None),
            (same, None),
            (last, None)
        ]
    );
    check_every_mark(&world, 0).await;
}

#[tokio::test]
async fn a_new_log_is_filled_before_anything_is_relayed() {
    let mut world = World::new().await;
    world.load("stolen", 0..3_000, "FORD").await;
    let publisher = world.start();
    world.until_settled().await;
    publisher.stop().await;
    world.log = World::new_log().await;
    world.load("missing", 0..1, "FORD").await;
    let publisher = world.start();
    world.until_settled().await;
    assert_eq!(
        world.marks().await,
        [2],
        "no mark shows a part of the lists as the whole"
    );
    publisher.stop().await;
}

#[tokio::test]
async fn a_log_ahead_of_a_restored_database_is_put_right() {
    let mut world = World::new().await;
    let foreign = ListName::parse("stolen").unwrap();
    let records = (0..50).map(|number| wire::entry_record(&entry(&foreign, number, "SEAT"), now()).unwrap());
    let mark = RevisionMark {
        revision: Revision(9),
        without: None,
        entries: 50,
        published_at: now(),
    };
    let all = records.chain([wire::revision_record(&mark).unwrap()]).collect();
    world.log.inner.publish(Topic::Entries, all).await.unwrap();
    world.load("stolen", 40..60, "FORD").await;
    let publisher = world.start();
    world.until_settled().await;
    world.load("stolen", 45..60, "FORD").await;
    world.until_settled().await;
    assert_eq!(world.seen().await.0, Some(Revision(2)));
    publisher.stop().await;
}

#[tokio::test]
async fn an_outage_of_the_log_is_waited_out() {
    let mut world = World::new().await;
    let publisher = world.start();
    publisher.until_ready(true).await;
    world.log.to_fail.store(3, Ordering::SeqCst);
    world.load("stolen", 0..5_000, "FORD").await;
    publisher.until_ready(false).await;
    world.until_settled().await;
    publisher.until_ready(true).await;
    publisher.stop().await;
}

#[tokio::test]
async fn whatever_the_order_of_loads_crashes_and_outages_each_mark_shows_its_revision() {
    for seed in 0..8 {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut world = World::new().await;
        world.batch = rng.random_range(50..1_500);
        let mut publisher = world.start();
        for _ in 0..12 {
            match rng.random_range(0..6) {
                0 => {
                    publisher.crash().await;
                    publisher = world.start();
                }
                1 => world.log.to_fail.store(rng.random_range(1..3), Ordering::SeqCst),
                2 => tokio::time::sleep(Duration::from_millis(rng.random_range(0..200))).await,
                _ => {
                    let list = ["stolen", "missing", "wanted"][rng.random_range(0..3)];
                    let make = ["FORD", "AUDI"][rng.random_range(0..2)];
                    let from = rng.random_range(0..3_000);
                    world
                        .load(list, from..from + rng.random_range(0..3_000), make)
                        .await;
                }
            }
        }
        world.until_settled().await;
        publisher.stop().await;
        check_every_mark(&world, seed).await;
    }
}

/// Each mark's revision, and the one that it is without.
fn marks_among(records: &[Delivered]) -> Vec<(Revision, Option<Revision>)> {
    let changes = records.iter().map(|record| wire::entry_change(record).unwrap());
    let marks = changes.filter_map(|change| match change {
        EntryChange::Mark(mark) => Some((mark.revision, mark.without)),
        _ => None,
    });
    marks.collect()
}

/// What reads would be judged under.
fn shown(lists: &mut Lists) -> State {
    let entries = lists.index();
    entries.all().map(|entry| (entry.entry_id, entry)).collect()
}

/// Follows the topic as a matcher that was there from the start.
async fn check_every_mark(world: &World, seed: u64) {
    let mut lists = Lists::default();
    for record in world.said().await {
        if lists.take_record(&record).unwrap() {
            let revision = lists.revision().unwrap();
            let expected = world.at(revision, lists.without());
            assert!(
                shown(&mut lists) == expected,
                "seed {seed}: {revision} is not whole"
            );
        }
    }
}

#[tokio::test]
async fn two_publishers_at_once_end_in_agreement_and_fall_silent() {
    for seed in 0..4 {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut world = World::new().await;
        let publishers = [world.start(), world.start()];
        for _ in 0..15 {
            let from = rng.random_range(0..500);
            world
                .load(
                    "stolen",
                    from..from + 2_000,
                    ["FORD", "AUDI"][rng.random_range(0..2)],
                )
                .await;
            tokio::time::sleep(Duration::from_millis(rng.random_range(0..60))).await;
        }
        world.until_settled().await;
        // Each compares once more after the other's last word.
        tokio::time::sleep(Duration::from_millis(2_500)).await;
        world.until_settled().await;
        let records = world.records().await.len();
        tokio::time::sleep(Duration::from_millis(1_500)).await;
        assert_eq!(
            world.records().await.len(),
            records,
            "seed {seed}: they answer each other for ever"
        );
        for publisher in publishers {
            publisher.stop().await;
        }
    }
}

#[tokio::test]
async fn a_slow_publishers_old_word_is_put_right() {
    let mut world = World::new().await;
    world.load("stolen", 0..10, "FORD").await;
    world.load("stolen", 0..10, "AUDI").await;
    let publisher = world.start();
    world.until_settled().await;
    let list = ListName::parse("stolen").unwrap();
    let mark = RevisionMark {
        revision: Revision(1),
        without: None,
        entries: 10,
        published_at: now(),
    };
    let (old, withdrawn) = (entry(&list, 3, "FORD"), entry(&list, 99, "FORD"));
    let mut running = world.matcher().await;
    for change in [
        EntryChange::Put(Box::new(old.clone())),
        EntryChange::Put(Box::new(withdrawn.clone())),
        EntryChange::Mark(mark),
    ] {
        assert!(
            !running.take(change, false),
            "a late mark shows nothing of what it follows"
        );
    }
    assert_eq!(running.revision(), Some(Revision(2)));
    let late = vec![
        wire::entry_record(&old, now()).unwrap(),
        wire::entry_record(&withdrawn, now()).unwrap(),
        wire::revision_record(&mark).unwrap(),
    ];
    world.log.inner.publish(Topic::Entries, late).await.unwrap();
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    world.until_settled().await;
    assert_eq!(world.marks().await.last(), Some(&2));
    assert_eq!(world.seen().await, world.state_seen().await);
    publisher.stop().await;
}

impl World {
    async fn state_seen(&self) -> (Option<Revision>, State) {
        let (revision, state) = self.state().await;
        (Some(revision), state)
    }
}
