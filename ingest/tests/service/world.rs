//! A running ingest on a real listener, with an embedded log in memory, SQLite in memory and a folder of images.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use domain::force::{Force, ForceFiles};
use domain::observation::Observation;
use domain::read::PlateRead;
use domain::user::Role;
use domain::{CameraId, SourceName, Timestamp, UserName};
use ingest::Parts;
use reqwest::{Client, RequestBuilder, Response, StatusCode};
use serde_json::Value;
use sha2::{Digest, Sha256};
use store::Store;
use store::images::Images;
use store::sources::Source;
use stream::embedded::EmbeddedLog;
use stream::ready::Ready;
use stream::topic::Topic;
use stream::wire::{DeadLetter, decode};
use stream::{Consumer, Delivered, Log, LogError, Place, Record, Start, Tail};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

pub const TOKEN: &str = "camera-secret";
pub const ADMIN: &str = "admin-secret";
pub const OPERATOR: &str = "operator-secret";

/// A log that refuses to publish into one topic while told so.
pub struct FaultyLog {
    pub log: EmbeddedLog,
    pub reads_fail: AtomicBool,
    pub dead_letters_fail: AtomicBool,
    pub held_fail: AtomicBool,
}

impl FaultyLog {
    fn new() -> Self {
        Self {
            log: EmbeddedLog::in_memory(),
            reads_fail: AtomicBool::new(false),
            dead_letters_fail: AtomicBool::new(false),
            held_fail: AtomicBool::new(false),
        }
    }

    fn fails(&self, topic: Topic) -> bool {
        let flag = match topic {
            Topic::Reads => &self.reads_fail,
            Topic::DeadLetters => &self.dead_letters_fail,
            Topic::HeldReads => &self.held_fail,
            _ => return false,
        };
        flag.load(Ordering::SeqCst)
    }
}

#[async_trait]
impl Log for FaultyLog {
    async fn create_topics(&self) -> Result<(), LogError> {
        self.log.create_topics().await
    }
    async fn publish(&self, topic: Topic, records: Vec<Record>) -> Result<(), LogError> {
        if self.fails(topic) {
            return Err(LogError::Unavailable("told to fail".into()));
        }
        self.log.publish(topic, records).await
    }
    async fn subscribe(&self, group: &str, topics: &[Topic]) -> Result<Box<dyn Consumer>, LogError> {
        self.log.subscribe(group, topics).await
    }
    async fn tail(&self, topic: Topic, from: Start) -> Result<Box<dyn Tail>, LogError> {
        self.log.tail(topic, from).await
    }
    async fn replay(
        &self,
        topic: Topic,
        partition: u32,
        offsets: Range<u64>,
    ) -> Result<Box<dyn Tail>, LogError> {
        self.log.replay(topic, partition, offsets).await
    }

    async fn read_at(&self, place: Place) -> Result<Option<Delivered>, LogError> {
        self.log.read_at(place).await
    }
    async fn check(&self) -> Result<(), LogError> {
        if self.fails(Topic::Reads) {
            return Err(LogError::Unavailable("told to fail".into()));
        }
        self.log.check().await
    }
    async fn close(&self) -> Result<(), LogError> {
        self.log.close().await
    }
}

pub struct World {
    pub log: Arc<FaultyLog>,
    pub store: Store,
    pub images: Images,
    pub folder: TempDir,
    pub ready: Ready,
    pub address: String,
    pub client: Client,
    pub shutdown: CancellationToken,
    running: JoinHandle<Result<(), ingest::IngestError>>,
}

impl World {
    pub async fn start() -> Self {
        let store = Store::open("sqlite::memory:").await.unwrap();
        let now = Timestamp::now();
        store.put_source(&source(), "test", now).await.unwrap();
        for (name, role, token) in [("ada", Role::Admin, ADMIN), ("olu", Role::Operator, OPERATOR)] {
            let name = UserName::parse(name).unwrap();
            store
                .add_user(&name, role, "no password", "test", now)
                .await
                .unwrap();
            store.set_token(hash(token), &name, "test", now).await.unwrap();
        }
        let folder = tempfile::tempdir().unwrap();
        let images = Images::open(folder.path().join("images").to_str().unwrap()).unwrap();
        Self::over(Arc::new(FaultyLog::new()), store, images, folder).await
    }

    async fn over(log: Arc<FaultyLog>, store: Store, images: Images, folder: TempDir) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let (ready, shutdown) = (Ready::default(), CancellationToken::new());
        let parts = Parts {
            log: Arc::clone(&log) as Arc<dyn Log>,
            store: store.clone(),
            images: images.clone(),
            force: Arc::new(force()),
        };
        let running = tokio::spawn(ingest::run(listener, parts, ready.clone(), shutdown.clone()));
        Self {
            log,
            store,
            images,
            folder,
            ready,
            address,
            client: Client::new(),
            shutdown,
            running,
        }
    }

    /// Stops ingest as the stop signal does, and starts it again on the same log and store.
    pub async fn restart(self) -> Self {
        self.shutdown.cancel();
        self.running.await.unwrap().unwrap();
        Self::over(self.log, self.store, self.images, self.folder).await
    }

    pub async fn stop(self) {
        self.shutdown.cancel();
        self.running.await.unwrap().unwrap();
    }

    pub fn post(&self, path: &str, content_type: &str, body: impl Into<reqwest::Body>) -> RequestBuilder {
        let request = self
            .client
            .post(format!("{}{path}", self.address))
            .bearer_auth(TOKEN);
        request.header("content-type", content_type).body(body)
    }

    pub async fn post_json(&self, path: &str, body: &str) -> (StatusCode, Value) {
        answer(
            self.post(path, "application/json", body.to_owned())
                .send()
                .await
                .unwrap(),
        )
        .await
    }

    /// A request as an administrator.
    pub fn admin(&self, method: reqwest::Method, path: &str) -> RequestBuilder {
        self.client
            .request(method, format!("{}{path}", self.address))
            .bearer_auth(ADMIN)
    }

    pub async fn reads(&self) -> Vec<PlateRead> {
        self.all(Topic::Reads)
            .await
            .iter()
            .map(|record| decode(record).unwrap())
            .collect()
    }

    pub async fn observations(&self) -> Vec<Observation> {
        let records = self.all(Topic::Observations).await;
        records.iter().map(|record| decode(record).unwrap()).collect()
    }

    pub async fn dead_letters(&self) -> Vec<DeadLetter> {
        self.all(Topic::DeadLetters)
            .await
            .iter()
            .map(|record| decode(record).unwrap())
            .collect()
    }

    async fn all(&self, topic: Topic) -> Vec<Delivered> {
        let mut tail = self.log.log.tail(topic, Start::Beginning).await.unwrap();
        let mut found = Vec::new();
        while !tail.caught_up() {
            found.extend(tail.poll(1_000, Duration::from_millis(10)).await.unwrap());
        }
        found
    }
}

pub async fn answer(response: Response) -> (StatusCode, Value) {
    let status = response.status();
    (status, response.json().await.unwrap_or(Value::Null))
}

pub fn hash(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}

fn source() -> Source {
    let camera = |name: &str| CameraId::parse(name).unwrap();
    let names = [
        ("D4:E8:53:BC:4C:02", "C1"),
        ("camera-1", "C2"),
        ("ACCC8ED3290D", "C3"),
        ("3/42", "C4"),
    ];
    Source {
        name: SourceName::parse("ring").unwrap(),
        token: hash(TOKEN),
        cameras: names.map(|(name, ours)| (name.to_owned(), camera(ours))).into(),
        disabled: false,
    }
}

fn force() -> Force {
    let camera = |id: &str| {
        serde_json::json!({"camera": id, "site": "S", "name": id, "bcu": "A", "road": "M57", "lat": 53.4,
            "lon": -2.9, "bearing_deg": 0.0})
    };
    let square = "[[[-4,53],[-2,53],[-2,54],[-4,54],[-4,53]]]";
    Force::parse(&ForceFiles {
        force_toml: "name = \"F\"\ncontrol_room = \"R\"\ntimezone = \"Europe/London\"\n[[bcus]]\ncode = \"A\"\nname = \"A\"".into(),
        bcus_geojson: format!(
            r#"{{"features":[{{"properties":{{"code":"A"}},"geometry":{{"type":"Polygon","coordinates":{square}}}}}]}}"#
        ),
        roads_geojson: r#"{"features":[]}"#.into(),
        cameras_json: serde_json::to_string(&["C1", "C2", "C3", "C4"].map(camera)).unwrap(),
        units_json: "[]".into(),
    })
    .unwrap()
}
