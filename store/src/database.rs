//! The connection, its migrations and its errors.

use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::time::Duration;

use domain::case::Refusal;
use domain::nominal::NominalRefusal;
use domain::operation::OperationRefusal;
use domain::policy::DraftRefusal;
use sqlx::any::{AnyConnectOptions, AnyPoolOptions};
use sqlx::migrate::{MigrateError, Migration, Migrator};
use sqlx::{AnyConnection, AnyPool, ConnectOptions, Executor};
use thiserror::Error;
use tokio::sync::watch;

use crate::distribution::DistributionRefusal;
use crate::ear::Ear;
use crate::shelves::FEW;
use crate::sql::{Step, is_unavailable};

/// How long to wait for a connection before the database counts as unavailable: an operator waits no longer.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);
/// Connections to PostgreSQL of one process: writers queue on the outbox's counter, so more would only wait there.
const POSTGRES_CONNECTIONS: u32 = 16;
/// Connections that read from a SQLite file: as many as a small machine has cores for.
const SQLITE_READERS: u32 = 4;
/// Two processes that open a new SQLite file at once may both begin to make its tables; the second looks again.
const MIGRATION_TRIES: u32 = 3;

/// Tables and indices, in one text for both databases.
static TABLES: Migrator = sqlx::migrate!("./migrations");
/// Triggers: the one thing that the two databases spell differently.
static SQLITE_TRIGGERS: Migrator = sqlx::migrate!("./migrations/sqlite");
static POSTGRES_TRIGGERS: Migrator = sqlx::migrate!("./migrations/postgres");

/// What the writing connection to SQLite is told. `FULL` syncs the log at each commit: it survives power loss.
/// The log goes into the file every 80 MB at the latest: see [`Store::make_room`].
const SQLITE_SETTINGS: &str = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; \
     PRAGMA busy_timeout = 5000; PRAGMA cache_size = -16384; PRAGMA wal_autocheckpoint = 20000;";
/// What every connection to PostgreSQL is told: a lock or a statement that hangs ends, and its transaction with it.
const POSTGRES_SETTINGS: &str = "SET lock_timeout = '20s'; SET statement_timeout = '60s'; \
     SET idle_in_transaction_session_timeout = '60s';";

/// A handle on the database; clones share it.
#[derive(Clone, Debug)]
pub struct Store {
    pub(crate) inner: Arc<Inner>,
}

#[derive(Debug)]
pub(crate) struct Inner {
    /// One connection on SQLite, which has one writer at a time anyway.
    pub(crate) writer: AnyPool,
    pub(crate) reader: AnyPool,
    pub(crate) postgres: bool,
    /// Entries that a change writes in one transaction at most.
    pub(crate) few: u64,
    /// Transactions that are on disk later, so far.
    pub(crate) in_log: AtomicU32,
    /// The newest event that this handle has written or heard of.
    pub(crate) events: watch::Sender<u64>,
    /// On PostgreSQL.
    pub(crate) ear: Option<Ear>,
}

/// Which step of the store failed.
#[derive(Debug, Error)]
pub enum StoreError {
    /// The database cannot be reached now: worth trying again.
    #[error("the database is unavailable: {step}")]
    Unavailable {
        /// What was tried.
        step: &'static str,
        /// Why not.
        #[source]
        source: sqlx::Error,
    },
    /// The database refuses.
    #[error("database: {step}")]
    Database {
        /// What was tried.
        step: &'static str,
        /// Why not.
        #[source]
        source: sqlx::Error,
    },
    /// The address is none of ours.
    #[error("database address: {0}; use postgres://USER@HOST/NAME or sqlite:PATH")]
    Address(String),
    /// The schema was written by another version of Steelring.
    #[error("the database's schema is newer than this version of Steelring: use the version that wrote it")]
    NewerSchema,
    /// A stored value does not decode.
    #[error("stored {what} is not readable")]
    Value {
        /// Which.
        what: &'static str,
        /// What serde says.
        #[source]
        source: serde_json::Error,
    },
    /// The entries of a load cannot be read again.
    #[error("reading a list's rows again")]
    Rows(#[source] crate::rows::RowsError),
    /// There is no such thing.
    #[error("no such {0}")]
    NotFound(&'static str),
    /// There is one of that name already.
    #[error("{0} exists already")]
    Exists(&'static str),
    /// The list was changed by somebody else while this change was prepared; nothing has changed.
    #[error("the list was changed meanwhile by somebody else, several times: nothing is changed, try again")]
    Moved,
    /// More entries for patterns than a matcher looks for; nothing has changed.
    #[error(
        "the list has {patterns} plates with a ? or *, {others} are on other lists, and all lists together may have {limit}: withdraw some, or list marks where they are known"
    )]
    TooManyPatterns {
        /// On the list.
        patterns: u64,
        /// On all others.
        others: u64,
        /// The bound.
        limit: u64,
    },
    /// The list follows from nominals; nothing has changed.
    #[error(
        "the list nominals follows from people and their links, and nobody changes it by hand: change the nominal or its links instead, in the page or by steelring nominal"
    )]
    FollowsNominals,
    /// The rules of nominals say no; nothing has changed.
    #[error(transparent)]
    Nominal(#[from] NominalRefusal),
    /// The rules of operations say no; nothing has changed.
    #[error(transparent)]
    Operation(#[from] OperationRefusal),
    /// What a client asks for cannot be given.
    #[error(transparent)]
    Distribution(#[from] DistributionRefusal),
    /// The rules of drafts say no; nothing has changed.
    #[error(transparent)]
    Draft(#[from] DraftRefusal),
    /// The rules of cases say no; nothing has changed.
    #[error(transparent)]
    Refused(#[from] Refusal),
}

/// What an address names.
enum Place<'a> {
    Postgres(&'a str),
    SqliteMemory,
    SqliteFile(&'a str),
}

impl Store {
    /// Opens `postgres://...` or `sqlite:PATH` (made where missing, readable by its owner alone) and brings its schema
    /// up to date. `sqlite::memory:` is private to the handle.
    ///
    /// # Errors
    /// When it cannot be reached, or was written by a newer version.
    pub async fn open(url: &str) -> Result<Self, StoreError> {
        Self::open_with(url, FEW).await
    }

    /// As [`Store::open`]; a change of more entries than `few` does not keep others waiting, however long it takes.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub async fn open_with(url: &str, few: u64) -> Result<Self, StoreError> {
        sqlx::any::install_default_drivers();
        let place = place(url)?;
        let postgres = matches!(place, Place::Postgres(_));
        let mut ear = None;
        let (writer, reader) = match place {
            Place::Postgres(url) => {
                let options = pool(POSTGRES_CONNECTIONS, POSTGRES_SETTINGS);
                let pool = options.connect_lazy_with(parse(url, postgres)?);
                ear = Some(Ear::new(parts_of(url, "URL")?));
                (pool.clone(), pool)
            }
            Place::SqliteMemory => {
                // Private to its one connection, which must never be closed: the tables live in it.
                let options = pool(1, SQLITE_SETTINGS).idle_timeout(None).max_lifetime(None);
                let pool = options.connect_lazy_with(parse("sqlite::memory:", postgres)?);
                (pool.clone(), pool)
            }
            Place::SqliteFile(path) => {
                make_private(Path::new(path))?;
                let options = parse(&format!("sqlite://{}?mode=rw", escape(path)), postgres)?;
                let writer = pool(1, SQLITE_SETTINGS).test_before_acquire(false);
                let reader = pool(SQLITE_READERS, SQLITE_READER_SETTINGS).test_before_acquire(false);
                (
                    writer.connect_lazy_with(options.clone()),
                    reader.connect_lazy_with(options),
                )
            }
        };
        migrate(&writer, postgres).await?;
        let store = Self {
            inner: Arc::new(Inner {
                writer,
                reader,
                postgres,
                few,
                in_log: AtomicU32::new(0),
                events: watch::Sender::new(0),
                ear,
            }),
        };
        let last = store.last_event().await?;
        store.inner.events.send_replace(last);
        Ok(store)
    }

    /// Whether the database answers.
    ///
    /// # Errors
    /// Says what is wrong.
    pub async fn check(&self) -> Result<(), StoreError> {
        sqlx::query("SELECT 1")
            .execute(&self.inner.reader)
            .await
            .step("asking whether it answers")
            .map(drop)
    }
}

/// What a reading connection to a SQLite file is told: it refuses every write.
const SQLITE_READER_SETTINGS: &str = "PRAGMA foreign_keys = ON; PRAGMA busy_timeout = 5000; PRAGMA cache_size = -4096; PRAGMA query_only = ON;";

fn place(url: &str) -> Result<Place<'_>, StoreError> {
    if url.starts_with("postgres://") || url.starts_with("postgresql://") {
        return Ok(Place::Postgres(url));
    }
    let path = url
        .strip_prefix("sqlite://")
        .or_else(|| url.strip_prefix("sqlite:"));
    match path {
        Some(":memory:") => Ok(Place::SqliteMemory),
        Some("") => Err(StoreError::Address("sqlite: without a path".to_owned())),
        Some(path) => Ok(Place::SqliteFile(path)),
        // The address may hold a password: only its scheme is repeated.
        None => Err(StoreError::Address(match url.split_once(':') {
            Some((scheme, _)) => format!("unknown kind {scheme:?}"),
            None => "neither kind of database".to_owned(),
        })),
    }
}

/// Escapes what a URL's path may not hold; the driver decodes it again.
fn escape(path: &str) -> String {
    let mut escaped = String::with_capacity(path.len());
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"/._-~".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            escaped.push_str(&format!("%{byte:02X}"));
        }
    }
    escaped
}

fn parse(url: &str, postgres: bool) -> Result<AnyConnectOptions, StoreError> {
    let options: AnyConnectOptions = parts_of(url, if postgres { "URL" } else { "path" })?;
    Ok(options.disable_statement_logging())
}

fn parts_of<T: FromStr>(url: &str, kind: &str) -> Result<T, StoreError> {
    url.parse()
        .map_err(|_| StoreError::Address(format!("not a {kind}")))
}

fn pool(connections: u32, settings: &'static str) -> AnyPoolOptions {
    AnyPoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .after_connect(move |connection, _| {
            Box::pin(async move { connection.execute(settings).await.map(drop) })
        })
}

/// Makes a missing file, for its owner alone: it holds people's data. SQLite gives its side files the same mode.
fn make_private(path: &Path) -> Result<(), StoreError> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(StoreError::Address(format!("{}: {error}", path.display()))),
    }
}

async fn migrate(pool: &AnyPool, postgres: bool) -> Result<(), StoreError> {
    let step = "bringing the schema up to date";
    let mut connection = pool.acquire().await.step(step)?;
    if postgres {
        // On lists of ten million entries an honest step of a migration takes minutes.
        connection.execute("SET statement_timeout = 0").await.step(step)?;
    }
    migrate_on(&mut connection, postgres).await?;
    if postgres {
        connection.execute(POSTGRES_SETTINGS).await.step(step)?;
    }
    Ok(())
}

async fn migrate_on(connection: &mut AnyConnection, postgres: bool) -> Result<(), StoreError> {
    let triggers = if postgres {
        &POSTGRES_TRIGGERS
    } else {
        &SQLITE_TRIGGERS
    };
    let all: Vec<Migration> = TABLES.iter().chain(triggers.iter()).cloned().collect();
    let migrator = Migrator::with_migrations(all);
    let step = "bringing the schema up to date";
    let mut tries = 1;
    loop {
        let error = match migrator.run(&mut *connection).await {
            Ok(()) => return Ok(()),
            Err(MigrateError::VersionMissing(_) | MigrateError::VersionMismatch(_)) => {
                return Err(StoreError::NewerSchema);
            }
            Err(MigrateError::Execute(source) | MigrateError::ExecuteMigration(source, _)) => source,
            Err(other) => sqlx::Error::Migrate(Box::new(other)),
        };
        if is_unavailable(&error) || tries == MIGRATION_TRIES {
            return Err(error).step(step);
        }
        tries += 1;
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
