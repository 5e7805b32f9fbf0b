//! Entries in blocks, as often as they are asked for: a list of ten million is never in memory whole.

use std::error::Error;
use std::fmt;
use std::ops::ControlFlow;
use std::sync::Arc;

use domain::Timestamp;
use domain::hotlist::Entry;
use sha2::{Digest, Sha256};
use tokio::sync::mpsc;

use crate::StoreError;
use crate::sql::{ROWS_AT_ONCE, Step, from_json, number, to_json};

/// Blocks that may wait for the database: the next is read and hashed while one is written.
const AHEAD: usize = 2;

/// Why entries cannot be read again.
pub type RowsError = Box<dyn Error + Send + Sync>;

/// The entries of a list, each id once, in the same order each time.
pub trait Rows: fmt::Debug + Send + Sync {
    /// How many there are.
    fn count(&self) -> u64;

    /// How many of them are for patterns.
    fn patterns(&self) -> u64;

    /// Hands all of them on in blocks, until told to stop. Computes: never called on a thread that serves others.
    ///
    /// # Errors
    /// Where they cannot be read again.
    fn each(&self, take: &mut dyn FnMut(Vec<Entry>) -> ControlFlow<()>) -> Result<(), RowsError>;
}

/// Entries that are in memory anyway, each id once.
#[derive(Debug)]
pub struct InMemory(pub Vec<Entry>);

impl Rows for InMemory {
    fn count(&self) -> u64 {
        self.0.len() as u64
    }

    fn patterns(&self) -> u64 {
        self.0.iter().filter(|entry| entry.target.is_pattern()).count() as u64
    }

    fn each(&self, take: &mut dyn FnMut(Vec<Entry>) -> ControlFlow<()>) -> Result<(), RowsError> {
        for block in self.0.chunks(ROWS_AT_ONCE) {
            if take(block.to_vec()).is_break() {
                break;
            }
        }
        Ok(())
    }
}

/// An entry as it should be.
pub(crate) struct Wanted {
    pub(crate) entry: Entry,
    /// SHA-256 of everything about it but when it was listed, hexadecimal.
    pub(crate) digest: String,
}

impl Wanted {
    pub(crate) fn of(entry: Entry) -> Result<Self, StoreError> {
        let listed_at = entry.listed_at;
        let mut entry = entry;
        entry.listed_at = Timestamp::UNIX_EPOCH;
        let digest = hex::encode(Sha256::digest(to_json("entry", &entry)?));
        entry.listed_at = listed_at;
        Ok(Self { entry, digest })
    }
}

/// Where a plan's entries come from.
#[derive(Clone, Debug)]
pub(crate) enum Source {
    /// From outside.
    Rows(Arc<dyn Rows>),
    /// From a draft of so many entries, so many of them for patterns.
    Draft {
        /// Its number.
        draft: u64,
        /// Its entries.
        count: u64,
        /// Those for patterns.
        patterns: u64,
    },
}

impl Source {
    pub(crate) fn count(&self) -> u64 {
        match self {
            Self::Rows(rows) => rows.count(),
            Self::Draft { count, .. } => *count,
        }
    }

    pub(crate) fn patterns(&self) -> u64 {
        match self {
            Self::Rows(rows) => rows.patterns(),
            Self::Draft { patterns, .. } => *patterns,
        }
    }

    /// Begins at the first entry.
    pub(crate) fn blocks(&self) -> Blocks {
        match self {
            Self::Rows(rows) => Blocks::Read(read(Arc::clone(rows))),
            Self::Draft { draft, .. } => Blocks::Draft {
                draft: *draft,
                after: String::new(),
            },
        }
    }
}

/// Entries on their way, block by block.
pub(crate) enum Blocks {
    Read(mpsc::Receiver<Result<Vec<Wanted>, StoreError>>),
    Draft { draft: u64, after: String },
}

impl Blocks {
    /// The next block; none behind the last.
    pub(crate) async fn next(
        &mut self,
        on: &mut sqlx::AnyConnection,
    ) -> Result<Option<Vec<Wanted>>, StoreError> {
        match self {
            Self::Read(blocks) => blocks.recv().await.transpose(),
            Self::Draft { draft, after } => {
                let rows: Vec<(String, String)> = sqlx::query_as(
                    "SELECT entry_id, doc FROM draft_entries WHERE draft = $1 AND entry_id > $2 \
                     ORDER BY entry_id LIMIT $3",
                )
                .bind(number(*draft))
                .bind(after.clone())
                .bind(ROWS_AT_ONCE as i64)
                .fetch_all(on)
                .await
                .step("reading a draft")?;
                let Some((last, _)) = rows.last() else {
                    return Ok(None);
                };
                after.clone_from(last);
                let entries = rows.iter().map(|(_, doc)| Wanted::of(from_json("entry", doc)?));
                entries.collect::<Result<_, _>>().map(Some)
            }
        }
    }
}

/// Reads and hashes on a thread of its own, as far ahead as the database lets it.
fn read(rows: Arc<dyn Rows>) -> mpsc::Receiver<Result<Vec<Wanted>, StoreError>> {
    let (send, blocks) = mpsc::channel(AHEAD);
    tokio::task::spawn_blocking(move || {
        let read = rows.each(&mut |block| {
            let block: Result<Vec<Wanted>, _> = block.into_iter().map(Wanted::of).collect();
            // Nobody listens: the work was given up.
            match send.blocking_send(block) {
                Ok(()) => ControlFlow::Continue(()),
                Err(_) => ControlFlow::Break(()),
            }
        });
        if let Err(source) = read {
            let _ = send.blocking_send(Err(StoreError::Rows(source)));
        }
    });
    blocks
}
