//! Entries, reads and a log that fails on demand.

#![allow(dead_code, reason = "each test binary uses a part")]

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use domain::force::Camera;
use domain::hit::Hit;
use domain::hotlist::{Action, Entry, Grade, Revision};
use domain::read::{PlateRead, RawRead};
use domain::{BcuCode, CameraId, ListName, Position, SiteId, SourceName, Timestamp, Vrm};
use jiff::tz::TimeZone;
use stream::embedded::EmbeddedLog;
use stream::ready::Ready;
use stream::topic::Topic;
use stream::wire::{self, RevisionMark};
use stream::{Consumer, Delivered, Log, LogError, Place, Record, Start, Tail};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// How long a test waits for what must come.
pub const PATIENCE: Duration = Duration::from_secs(20);

pub fn at(ms: i64) -> Timestamp {
    Timestamp::from_millisecond(1_790_000_000_000 + ms).unwrap()
}

pub fn entry(plate: &str, reference: &str, expires_at: Option<Timestamp>) -> Entry {
    let list = ListName::parse("stolen").unwrap();
    let vrm = Vrm::parse(plate).unwrap();
    Entry {
        grade: Grade::Two,
        action: Action::Stop,
        reason: "stolen".into(),
        expires_at,
        ..Entry::new(&list, vrm, reference, at(0))
    }
}

pub fn read(plate: &str, ms: i64) -> PlateRead {
    let raw = RawRead {
        plate: plate.into(),
        captured_at: at(ms),
        ..RawRead::default()
    };
    raw.check(
        CameraId::parse("M57-J2-N").unwrap(),
        SourceName::parse("test").unwrap(),
        at(ms),
    )
    .unwrap()
}

/// A log that refuses to publish, or to tail, as often as it is told.
pub struct Flaky {
    pub inner: EmbeddedLog,
    pub publishes_to_fail: AtomicU32,
    pub polls_to_fail: Arc<AtomicU32>,
}

impl Flaky {
    pub async fn new() -> Arc<Self> {
        let inner = EmbeddedLog::in_memory();
        inner.create_topics().await.unwrap();
        Arc::new(Self {
            inner,
            publishes_to_fail: AtomicU32::new(0),
            polls_to_fail: Arc::default(),
        })
    }

    pub async fn send(&self, topic: Topic, records: Vec<Record>) {
        self.inner.publish(topic, records).await.unwrap();
    }

    pub async fn put(&self, entries: &[Entry]) {
        let records = entries
            .iter()
            .map(|entry| wire::entry_record(entry, at(0)).unwrap())
            .collect();
        self.send(Topic::Entries, records).await;
    }

    pub async fn mark(&self, revision: u64) {
        let mark = RevisionMark {
            revision: Revision(revision),
            without: None,
            entries: 0,
            published_at: at(0),
        };
        self.send(Topic::Entries, vec![wire::revision_record(&mark).unwrap()])
            .await;
    }

    pub async fn reads(&self, reads: &[PlateRead]) {
        let records = reads
            .iter()
            .map(|read| wire::read_record(read).unwrap())
            .collect();
        self.send(Topic::Reads, records).await;
    }

    /// Everything in a topic, once there are at least `count` records.
    pub async fn all(&self, topic: Topic, count: usize) -> Vec<Delivered> {
        let mut tail = self.inner.tail(topic, Start::Beginning).await.unwrap();
        let mut found = Vec::new();
        let until = tokio::time::Instant::now() + PATIENCE;
        while found.len() < count || !tail.caught_up() {
            found.extend(tail.poll(10_000, Duration::from_millis(50)).await.unwrap());
            assert!(
                tokio::time::Instant::now() < until,
                "{} of {count} records in {topic}",
                found.len()
            );
        }
        found
    }

    pub async fn hits(&self, count: usize) -> Vec<Hit> {
        self.all(Topic::Hits, count)
            .await
            .iter()
            .map(|record| wire::decode(record).unwrap())
            .collect()
    }

    /// Starts a matcher on this log.
    pub fn start(self: &Arc<Self>) -> Running {
        self.start_with(matcher::Options::default())
    }

    /// Starts a matcher that judges by this.
    pub fn start_with(self: &Arc<Self>, options: matcher::Options) -> Running {
        let (ready, shutdown) = (Ready::default(), CancellationToken::new());
        let parts = matcher::Parts {
            log: Arc::clone(self) as Arc<dyn Log>,
            name: "m1".into(),
            cameras: cameras(),
            zone: TimeZone::get("Europe/London").unwrap(),
            options,
        };
        let task = tokio::spawn(matcher::run(parts, ready.clone(), shutdown.clone()));
        Running {
            ready,
            shutdown,
            task,
        }
    }
}

/// A matcher at work.
pub struct Running {
    pub ready: Ready,
    pub shutdown: CancellationToken,
    pub task: JoinHandle<Result<(), matcher::MatcherError>>,
}

impl Running {
    pub async fn until_ready(&self, wanted: bool) {
        let waited = async {
            while self.ready.get() != wanted {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(PATIENCE, waited)
            .await
            .expect("ready in time");
    }

    pub async fn stop(self) {
        self.shutdown.cancel();
        tokio::time::timeout(Duration::from_secs(5), self.task)
            .await
            .expect("stops in 5 s")
            .unwrap()
            .unwrap();
        assert!(!self.ready.get());
    }
}

fn fails(left: &AtomicU32) -> bool {
    left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1))
        .is_ok()
}

fn away() -> LogError {
    LogError::Unavailable("switched off by the test".into())
}

#[async_trait]
impl Log for Flaky {
    async fn create_topics(&self) -> Result<(), LogError> {
        self.inner.create_topics().await
    }
    async fn publish(&self, topic: Topic, records: Vec<Record>) -> Result<(), LogError> {
        if topic != Topic::MatcherStatus && fails(&self.publishes_to_fail) {
            // The worst kind of failure: a part is durable.
            let part = records.len() / 2;
            self.inner
                .publish(topic, records.into_iter().take(part).collect())
                .await?;
            return Err(away());
        }
        self.inner.publish(topic, records).await
    }
    async fn subscribe(&self, group: &str, topics: &[Topic]) -> Result<Box<dyn Consumer>, LogError> {
        self.inner.subscribe(group, topics).await
    }
    async fn tail(&self, topic: Topic, from: Start) -> Result<Box<dyn Tail>, LogError> {
        let inner = self.inner.tail(topic, from).await?;
        Ok(Box::new(FlakyTail {
            inner,
            polls_to_fail: Arc::clone(&self.polls_to_fail),
        }))
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

struct FlakyTail {
    inner: Box<dyn Tail>,
    polls_to_fail: Arc<AtomicU32>,
}

#[async_trait]
impl Tail for FlakyTail {
    async fn poll(&mut self, max: usize, wait: Duration) -> Result<Vec<Delivered>, LogError> {
        if fails(&self.polls_to_fail) {
            return Err(away());
        }
        self.inner.poll(max, wait).await
    }
    fn caught_up(&self) -> bool {
        self.inner.caught_up()
    }
}

/// Three cameras, some 11 and 33 km apart.
pub fn cameras() -> Vec<Camera> {
    [("M57-J2-N", 53.4), ("M57-J6-N", 53.5), ("M6-J26-N", 53.8)]
        .map(|(name, lat)| Camera {
            camera: CameraId::parse(name).unwrap(),
            site: SiteId::parse(name).unwrap(),
            name: name.into(),
            bcu: BcuCode::parse("A").unwrap(),
            road: String::new(),
            position: Position::new(lat, -2.9).unwrap(),
            bearing_deg: 0.0,
            cctv: None,
        })
        .into()
}

/// A read by one of [`cameras`] that was sure of it.
pub fn sure(plate: &str, camera: &str, ms: i64) -> PlateRead {
    let raw = RawRead {
        plate: plate.into(),
        captured_at: at(ms),
        confidence: Some(0.98),
        ..RawRead::default()
    };
    let source = SourceName::parse("test").unwrap();
    raw.check(CameraId::parse(camera).unwrap(), source, at(ms))
        .unwrap()
}
