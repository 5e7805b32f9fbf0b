//! What the claims share: databases to try them on, and hits and entries to try them with.

use std::sync::LazyLock;

use domain::case::{Case, CaseEvent, Command};
use domain::hit::Hit;
use domain::hotlist::{Action, Entry, Grade, Revision};
use domain::policy::ListPolicy;
use domain::read::RawRead;
use domain::target::Target;
use domain::{CallSign, CameraId, ListName, SourceName, Timestamp, UserName};
use jiff::SignedDuration;
use sqlx::AnyPool;
use store::cases::{Arrival, CaseFilter};
use store::hotlists::PendingChange;
use store::{Store, StoreError};
use tempfile::TempDir;

/// A database of one test's own.
pub struct World {
    pub url: String,
    pub folder: Option<TempDir>,
    /// Every change of a whole list fills a shelf, however few entries it has.
    pub shelved: bool,
}

impl World {
    pub fn sqlite_file() -> Self {
        let folder = tempfile::tempdir().unwrap();
        // A name that a URL would misread.
        let path = folder.path().join("steel ring?#%20.db");
        Self {
            url: format!("sqlite:{}", path.display()),
            folder: Some(folder),
            shelved: false,
        }
    }

    pub fn sqlite_memory() -> Self {
        Self {
            url: "sqlite::memory:".to_owned(),
            folder: None,
            shelved: false,
        }
    }

    pub fn postgres() -> Self {
        let server = xtask::servers::shared_postgres().unwrap();
        Self {
            url: server.create_fresh("store").unwrap(),
            folder: None,
            shelved: false,
        }
    }

    /// The same, where even a small change of a list is made as a large one is.
    pub fn shelved(self) -> Self {
        let shelved = true;
        Self { shelved, ..self }
    }

    pub async fn open(&self) -> Store {
        let opened = if self.shelved {
            Store::open_with(&self.url, 0).await
        } else {
            Store::open(&self.url).await
        };
        opened.unwrap()
    }

    /// Two handles on the same database, as two processes have; in memory there can only be one.
    pub async fn open_two(&self) -> [Store; 2] {
        let first = self.open().await;
        let second = if self.url == "sqlite::memory:" {
            first.clone()
        } else {
            self.open().await
        };
        [first, second]
    }

    /// The database behind the store's back.
    pub async fn behind(&self) -> AnyPool {
        sqlx::any::install_default_drivers();
        let url = self
            .url
            .replace(' ', "%20")
            .replace('?', "%3F")
            .replace('#', "%23");
        let url = url.replace("%20.db", "%2520.db");
        AnyPool::connect(&url).await.unwrap()
    }

    /// Runs a statement behind the store's back.
    pub async fn run(&self, statement: &str) -> Result<u64, sqlx::Error> {
        let pool = self.behind().await;
        let done = sqlx::raw_sql(sqlx::AssertSqlSafe(statement.to_owned()))
            .execute(&pool)
            .await;
        pool.close().await;
        done.map(|done| done.rows_affected())
    }

    pub fn is_postgres(&self) -> bool {
        self.url.starts_with("postgres")
    }
}

/// What is not in the log yet: place, revision, change.
pub async fn unpublished(store: &Store) -> Vec<(u64, Revision, PendingChange)> {
    let newest = store.revision().await.unwrap().0.0;
    let published = store.published().await.unwrap().0;
    let mut all = Vec::new();
    for revision in (published + 1..=newest).map(Revision) {
        let mut after = 0;
        loop {
            let page = store.changes_of(revision, after, 1_000).await.unwrap();
            let Some((last, _)) = page.last() else { break };
            after = *last;
            all.extend(page.into_iter().map(|(place, change)| (place, revision, change)));
        }
    }
    all
}

/// The time at which every test begins.
pub fn start() -> Timestamp {
    "2007-11-01T12:00:00Z".parse().unwrap()
}

/// So many seconds after [`start`].
pub fn at(seconds: i64) -> Timestamp {
    start() + SignedDuration::from_secs(seconds)
}

/// The policy of lists that have none of their own.
pub fn usual() -> &'static ListPolicy {
    static USUAL: LazyLock<ListPolicy> = LazyLock::new(ListPolicy::default);
    &USUAL
}

pub fn user(name: &str) -> UserName {
    UserName::parse(name).unwrap()
}

pub fn callsign(name: &str) -> CallSign {
    CallSign::parse(name).unwrap()
}

pub fn list(name: &str) -> ListName {
    ListName::parse(name).unwrap()
}

/// A mark that differs with the number.
pub fn mark(number: usize) -> String {
    format!("AB{number:05}")
}

pub fn entry_on(list: &ListName, mark: &str, grade: u8, reference: &str) -> Entry {
    let target = Target::parse(mark).unwrap();
    Entry {
        grade: Grade::try_from(grade).unwrap(),
        action: Action::Stop,
        reason: "stolen".to_owned(),
        make: "FORD".to_owned(),
        colour: "BLUE".to_owned(),
        owner: "MERSEYSIDE".to_owned(),
        ..Entry::new(list, target, reference, at(-86_400))
    }
}

pub fn entry(mark: &str, grade: u8, reference: &str) -> Entry {
    entry_on(&list("stolen"), mark, grade, reference)
}

/// The hit of `entry` on a read by `camera`, `seconds` after the start.
pub fn arrival(entry: Entry, camera: &str, seconds: i64) -> Arrival {
    let raw = RawRead {
        plate: entry.target.to_string(),
        captured_at: at(seconds),
        ..RawRead::default()
    };
    let camera = CameraId::parse(camera).unwrap();
    let source = SourceName::parse("test").unwrap();
    let read = raw.check(camera, source, at(seconds)).unwrap();
    Arrival {
        hit: Hit::exact(read, entry, Revision(1), at(seconds)),
        bcu: None,
        trace: None,
    }
}

/// A new case about a mark.
pub async fn opened(store: &Store, mark: &str) -> Case {
    let arrivals = [arrival(entry(mark, 1, "x"), "c1", 0)];
    let mut applied = store.apply_hits(&arrivals, &[], usual(), at(0)).await.unwrap();
    applied.events.remove(0).case
}

/// A case about a mark that `smith` has confirmed.
pub async fn confirmed(store: &Store, mark: &str) -> Case {
    let case = opened(store, mark).await;
    decide(store, &case, &Command::Confirm, "smith")
        .await
        .unwrap()
        .case
}

/// A command on the case as it was seen.
pub async fn decide(
    store: &Store,
    case: &Case,
    command: &Command,
    by: &str,
) -> Result<CaseEvent, StoreError> {
    store
        .decide(case.case_id, command, case.version, &user(by), at(60))
        .await
}

pub fn deploy(unit: &str) -> Command {
    Command::Deploy {
        callsign: callsign(unit),
    }
}

/// Every case.
pub async fn all_cases(store: &Store) -> Vec<Case> {
    store.cases(&CaseFilter::default()).await.unwrap()
}
