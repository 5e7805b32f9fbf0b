//! A control room on a real port, with an embedded log and a database in memory, and browsers to visit it.

use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, LazyLock, Mutex, Once, PoisonError};
use std::time::Duration;

use control_room::{ControlRoomError, Parts, passwords, secrets};
use domain::case::CaseEvent;
use domain::force::{Force, ForceFiles};
use domain::hit::Hit;
use domain::hotlist::{Action, Entry, Grade, Revision};
use domain::policy::ListPolicy;
use domain::read::RawRead;
use domain::user::Role;
use domain::{CameraId, FeedName, ListName, SourceName, Timestamp, UserName, Vrm};
use futures::StreamExt;
use intelligence::feeds::Feed;
use intelligence::rules::RuleFile;
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use serde_json::Value;
use store::Store;
use store::cases::Arrival;
use store::images::Images;
use stream::Log;
use stream::embedded::EmbeddedLog;
use stream::ready::Ready;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// The password of every user here; hashing is slow, so it is hashed once.
pub const PASSWORD: &str = "correct horse battery";
/// The force's own rules.
const RULES: &str = include_str!("../../../data/merseyside/rules.toml");
static PASSWORD_HASH: LazyLock<String> = LazyLock::new(|| passwords::hash(PASSWORD));

/// Longest wait for anything: a busy machine is no failure.
pub const PATIENCE: Duration = Duration::from_secs(20);

static LOGGED: Mutex<Vec<u8>> = Mutex::new(Vec::new());

struct Recorder;

impl Write for Recorder {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        LOGGED
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Everything that our crates have logged in this process, at the finest level.
pub fn logged() -> String {
    String::from_utf8_lossy(&LOGGED.lock().unwrap_or_else(PoisonError::into_inner)).into_owned()
}

fn record_logs() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        tracing_subscriber::fmt()
            .with_env_filter("control_room=trace,store=trace,stream=trace,intelligence=trace,domain=trace")
            .with_ansi(false)
            .with_writer(|| Recorder)
            .init();
    });
}

pub struct Room {
    pub address: SocketAddr,
    pub store: Store,
    pub log: Arc<dyn Log>,
    pub images: Images,
    pub ready: Ready,
    pub shutdown: CancellationToken,
    pub task: JoinHandle<Result<(), ControlRoomError>>,
    pub client: reqwest::Client,
    folder: TempDir,
}

/// The feed of every room.
pub const FEED: &str = "pnc";

impl Room {
    /// The folder of the feed.
    pub fn feed_folder(&self) -> PathBuf {
        self.folder.path().join(FEED)
    }

    pub async fn open() -> Self {
        Self::open_with(memory().await, Arc::new(EmbeddedLog::in_memory())).await
    }

    pub async fn open_with(store: Store, log: Arc<dyn Log>) -> Self {
        record_logs();
        let folder = tempfile::tempdir().unwrap();
        let images = Images::open(folder.path().to_str().unwrap()).unwrap();
        // Where the log is away this fails, as it may.
        let _ = log.create_topics().await;
        for (role, name) in Role::ALL {
            store
                .add_user(&user(name), role, &PASSWORD_HASH, "test", Timestamp::now())
                .await
                .unwrap();
        }
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let feed = Feed {
            name: FeedName::parse(FEED).unwrap(),
            list: ListName::parse("stolen").unwrap(),
            folder: folder.path().join(FEED),
            mapping: None,
            owner: "Force Intelligence Bureau".to_owned(),
            due_hours: Some(24),
        };
        std::fs::create_dir(&feed.folder).unwrap();
        let parts = Parts {
            log: Arc::clone(&log),
            store: store.clone(),
            images: images.clone(),
            force: Arc::new(force()),
            usual_policy: ListPolicy::default(),
            rules: Arc::new(RuleFile::parse(RULES).unwrap()),
            feeds: Arc::new(vec![feed]),
        };
        let (ready, shutdown) = (Ready::default(), CancellationToken::new());
        let task = tokio::spawn(control_room::run(
            listener,
            parts,
            ready.clone(),
            shutdown.clone(),
        ));
        Self {
            address,
            store,
            log,
            images,
            ready,
            shutdown,
            task,
            client: reqwest::Client::new(),
            folder,
        }
    }

    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client
            .request(method, format!("http://{}{path}", self.address))
    }

    pub async fn try_sign_in(&self, name: &str, password: &str) -> Response {
        let body = serde_json::json!({"username": name, "password": password});
        self.request(Method::POST, "/api/session")
            .json(&body)
            .send()
            .await
            .unwrap()
    }

    /// Signs a user in; every role's user is named after it.
    pub async fn sign_in(&self, name: &str) -> Browser<'_> {
        let response = self.try_sign_in(name, PASSWORD).await;
        assert_eq!(response.status(), StatusCode::OK);
        let cookie = response.headers()["set-cookie"].to_str().unwrap();
        let cookie = cookie.split(';').next().unwrap().to_owned();
        let body: Value = response.json().await.unwrap();
        let csrf = body["csrf"].as_str().unwrap().to_owned();
        Browser {
            room: self,
            cookie,
            csrf,
        }
    }

    /// Gives a program a token to act as this user.
    pub async fn token(&self, name: &str) -> String {
        let (token, secret) = secrets::new();
        self.store
            .set_token(secret, &user(name), "test", Timestamp::now())
            .await
            .unwrap();
        token
    }

    /// Opens a case for the vehicle by a hit of that grade; its event.
    pub async fn hit(&self, mark: &str, grade: u8) -> CaseEvent {
        self.hit_at(mark, grade, Timestamp::now()).await.unwrap()
    }

    pub async fn hit_at(&self, mark: &str, grade: u8, at: Timestamp) -> Option<CaseEvent> {
        let arrival = Arrival {
            hit: hit(mark, grade, at),
            bcu: None,
            trace: None,
        };
        let applied = self
            .store
            .apply_hits(&[arrival], &[], &ListPolicy::default(), at)
            .await
            .unwrap();
        applied.events.into_iter().next()
    }

    /// The actions in the audit trail, oldest first, with their subjects.
    pub async fn audited(&self) -> Vec<(String, String)> {
        let mut rows = self.store.audit_rows(None, 1_000).await.unwrap();
        rows.reverse();
        rows.into_iter().map(|row| (row.action, row.subject)).collect()
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        self.shutdown.cancel();
    }
}

/// A signed-in browser.
pub struct Browser<'a> {
    pub room: &'a Room,
    pub cookie: String,
    pub csrf: String,
}

impl Browser<'_> {
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.room
            .request(method, path)
            .header("cookie", &self.cookie)
            .header("x-csrf-token", &self.csrf)
    }

    pub async fn get(&self, path: &str) -> (StatusCode, Value) {
        answer(self.request(Method::GET, path)).await
    }

    pub async fn post(&self, path: &str, body: Value) -> (StatusCode, Value) {
        answer(self.request(Method::POST, path).json(&body)).await
    }

    /// Connects to the live push.
    pub async fn listen(&self, after: Option<u64>, last_event_id: Option<&str>) -> Live {
        let path = after.map_or("/api/events".to_owned(), |after| {
            format!("/api/events?after={after}")
        });
        let mut request = self.request(Method::GET, &path);
        if let Some(id) = last_event_id {
            request = request.header("last-event-id", id);
        }
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Live {
            bytes: response.bytes_stream().boxed(),
            text: String::new(),
        }
    }
}

pub async fn answer(request: RequestBuilder) -> (StatusCode, Value) {
    let response = request.send().await.unwrap();
    let status = response.status();
    let text = response.text().await.unwrap();
    (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
}

/// One server-sent event.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sent {
    pub event: String,
    pub id: Option<u64>,
    pub data: String,
}

impl Sent {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.data).unwrap()
    }
}

/// A browser's side of the live push.
pub struct Live {
    bytes: futures::stream::BoxStream<'static, reqwest::Result<bytes::Bytes>>,
    text: String,
}

impl Live {
    /// The next event; none when the stream has ended.
    pub async fn next(&mut self) -> Option<Sent> {
        loop {
            while let Some((block, rest)) = self.text.split_once("\n\n") {
                let sent = parse(block);
                self.text = rest.to_owned();
                if !sent.event.is_empty() {
                    return Some(sent);
                }
            }
            let chunk = tokio::time::timeout(PATIENCE, self.bytes.next())
                .await
                .expect("nothing came");
            self.text.push_str(std::str::from_utf8(&chunk?.ok()?).unwrap());
        }
    }

    /// The next event of that name.
    pub async fn next_of(&mut self, event: &str) -> Option<Sent> {
        loop {
            let sent = self.next().await?;
            if sent.event == event {
                return Some(sent);
            }
        }
    }

    /// Reads on until the stream ends.
    pub async fn ends(&mut self) {
        while self.next().await.is_some() {}
    }
}

fn parse(block: &str) -> Sent {
    let mut sent = Sent::default();
    for line in block.lines() {
        match line.split_once(": ") {
            Some(("event", name)) => sent.event = name.to_owned(),
            Some(("id", id)) => sent.id = id.parse().ok(),
            Some(("data", data)) => sent.data.push_str(data),
            _ => {}
        }
    }
    sent
}

pub async fn memory() -> Store {
    Store::open("sqlite::memory:").await.unwrap()
}

pub fn user(name: &str) -> UserName {
    UserName::parse(name).unwrap()
}

pub fn entry(mark: &str, grade: u8) -> Entry {
    let list = ListName::parse("stolen").unwrap();
    let vrm = Vrm::parse(mark).unwrap();
    Entry {
        grade: Grade::try_from(grade).unwrap(),
        action: Action::Stop,
        markers: vec![domain::hotlist::Marker::Stolen],
        reason: "stolen".to_owned(),
        make: "FORD".to_owned(),
        model: "FOCUS".to_owned(),
        colour: "BLUE".to_owned(),
        owner: "MERSEYSIDE".to_owned(),
        ..Entry::new(&list, vrm, "", Timestamp::UNIX_EPOCH)
    }
}

pub fn hit(mark: &str, grade: u8, at: Timestamp) -> Hit {
    let raw = RawRead {
        plate: mark.to_owned(),
        captured_at: at,
        ..RawRead::default()
    };
    let camera = CameraId::parse("M57-J2-N").unwrap();
    let read = raw.check(camera, SourceName::parse("test").unwrap(), at).unwrap();
    Hit::exact(read, entry(mark, grade), Revision(1), at)
}

/// One square BCU with a road, two cameras and two units.
pub fn force() -> Force {
    Force::parse(&ForceFiles {
        force_toml: r#"
            name = "Test Police"
            control_room = "Lightning Three"
            timezone = "Europe/London"
            [[bcus]]
            code = "KN"
            name = "Knowsley"
        "#
        .to_owned(),
        bcus_geojson:
            r#"{"type":"FeatureCollection","features":[{"type":"Feature","properties":{"code":"KN"},
            "geometry":{"type":"Polygon","coordinates":[[[-3,53],[-2,53],[-2,54],[-3,54],[-3,53]]]}}]}"#
                .to_owned(),
        roads_geojson: r#"{"type":"FeatureCollection","features":[{"type":"Feature",
            "properties":{"name":"M57","class":"motorway","speed_kmh":112},
            "geometry":{"type":"LineString","coordinates":[[-2.9,53.4],[-2.8,53.5]]}}]}"#
            .to_owned(),
        cameras_json:
            r#"[{"camera":"M57-J2-N","site":"M57-J2","name":"M57 J2 northbound","bcu":"KN","road":"M57",
            "lat":53.42,"lon":-2.88,"bearing_deg":330,"cctv":"https://cctv.example/m57-j2"},
            {"camera":"M57-J6-N","site":"M57-J6","name":"M57 J6 northbound","bcu":"KN","road":"M57",
            "lat":53.47,"lon":-2.9,"bearing_deg":330}]"#
                .to_owned(),
        units_json: r#"[{"callsign":"KN11","bcu":"KN","crew":2,"skills":[],"lat":53.45,"lon":-2.85},
            {"callsign":"KN12","bcu":"KN","crew":2,"skills":["armed"],"lat":53.46,"lon":-2.85}]"#
            .to_owned(),
    })
    .unwrap()
}
