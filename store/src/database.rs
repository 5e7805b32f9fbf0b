//! The connection, its migrations and its errors.

use domain::case::Refusal;
use thiserror::Error;

/// A handle on the database; clones share it.
#[derive(Clone, Debug)]
pub struct Store {}

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
    /// There is no such thing.
    #[error("no such {0}")]
    NotFound(&'static str),
    /// There is one of that name already.
    #[error("{0} exists already")]
    Exists(&'static str),
    /// The rules of cases say no; nothing has changed.
    #[error(transparent)]
    Refused(#[from] Refusal),
}

impl Store {
    /// Opens `postgres://...` or `sqlite:PATH` (made where missing) and brings its schema up to date.
    /// `sqlite::memory:` is private to the handle.
    ///
    /// # Errors
    /// When it cannot be reached, or was written by a newer version.
    pub async fn open(url: &str) -> Result<Self, StoreError> {
        unimplemented!("{url}")
    }

    /// Whether the database answers.
    ///
    /// # Errors
    /// Says what is wrong.
    pub async fn check(&self) -> Result<(), StoreError> {
        unimplemented!()
    }
}
