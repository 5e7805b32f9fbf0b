//! Entries in blocks, as often as they are asked for: a list of ten million is never in memory whole.

use std::error::Error;
use std::fmt;
use std::ops::ControlFlow;
use std::sync::Arc;

use domain::hotlist::Entry;
use domain::target::Target;
use domain::{EntryId, Timestamp};
use sha2::{Digest, Sha256};
use tokio::sync::mpsc;

use crate::StoreError;
use crate::aside;
use crate::sql::{ROWS_IN_BETWEEN, Step, from_json, number, to_json};

/// Blocks that may wait for the database: the next is read and hashed while one is written.
const AHEAD: usize = 2;

/// Why entries cannot be read again.
pub type RowsError = Box<dyn Error + Send + Sync>;

/// The entries of a list, each id once, in the same order each time. In order of id a large list is stored fastest: its table is then
/// written from front to back.
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
        for block in self.0.chunks(ROWS_IN_BETWEEN) {
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
    /// It as a document.
    pub(crate) doc: String,
    /// The first 64 bits of a SHA-256 of everything about it but when it was listed: enough to tell two versions of one entry apart.
    pub(crate) digest: u64,
}

impl Wanted {
    pub(crate) fn of(entry: Entry) -> Result<Self, StoreError> {
        let doc = to_json("entry", &entry)?;
        let digest = digest(&doc);
        Ok(Self { entry, doc, digest })
    }

    /// Makes it one that was listed then.
    pub(crate) fn list_at(&mut self, at: Timestamp) -> Result<(), StoreError> {
        self.entry.listed_at = at;
        self.doc = to_json("entry", &self.entry)?;
        Ok(())
    }

    /// What it is for, and its id.
    pub(crate) fn mark(&self) -> (Target, EntryId) {
        (self.entry.target, self.entry.entry_id)
    }
}

/// The digest of a document, as if its entry had been listed in 1970. The document is no other then but for that time, which is
/// found by its name: a quote within a text is always escaped.
fn digest(doc: &str) -> u64 {
    const NAME: &str = "\"listed_at\":\"";
    const EPOCH: &str = "1970-01-01T00:00:00Z";
    let mut hasher = Sha256::new();
    match doc.split_once(NAME) {
        Some((before, rest)) => {
            hasher.update(before);
            hasher.update(NAME);
            hasher.update(EPOCH);
            hasher.update(rest.find('"').map_or("", |end| &rest[end..]));
        }
        None => hasher.update(doc),
    }
    let digest = hasher.finalize();
    let (first, _) = digest.split_at(size_of::<u64>());
    first
        .iter()
        .fold(0, |number, byte| (number << 8) | u64::from(*byte))
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

/// A block of entries; none where all are read.
type Block = Result<Option<Vec<Wanted>>, StoreError>;

/// Entries on their way, block by block.
pub(crate) enum Blocks {
    Read(mpsc::Receiver<Block>),
    Draft { draft: u64, after: String },
}

impl Blocks {
    /// The next block; none behind the last.
    pub(crate) async fn next(
        &mut self,
        on: &mut sqlx::AnyConnection,
    ) -> Result<Option<Vec<Wanted>>, StoreError> {
        match self {
            // Who reads says so at the end: otherwise what a panic left unread would count as removed.
            Self::Read(blocks) => blocks
                .recv()
                .await
                .unwrap_or_else(|| Err(StoreError::Rows("reading them ended before the last".into()))),
            Self::Draft { draft, after } => {
                let rows: Vec<(String, String)> = sqlx::query_as(
                    "SELECT entry_id, doc FROM draft_entries WHERE draft = $1 AND entry_id > $2 \
                     ORDER BY entry_id LIMIT $3",
                )
                .bind(number(*draft))
                .bind(after.clone())
                .bind(ROWS_IN_BETWEEN as i64)
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
fn read(rows: Arc<dyn Rows>) -> mpsc::Receiver<Block> {
    let (send, blocks) = mpsc::channel(AHEAD);
    aside::start(move || {
        let read = rows.each(&mut |block| {
            let block: Result<Vec<Wanted>, _> = block.into_iter().map(Wanted::of).collect();
            // Nobody listens: the work was given up.
            match send.blocking_send(block.map(Some)) {
                Ok(()) => ControlFlow::Continue(()),
                Err(_) => ControlFlow::Break(()),
            }
        });
        // As above.
        let _ = send.blocking_send(read.map(|()| None).map_err(StoreError::Rows));
    });
    blocks
}

#[cfg(test)]
mod tests {
    use domain::{ListName, Vrm};

    use super::*;

    /// The plain way: the entry, listed in 1970, as a document.
    fn plain(entry: &Entry) -> u64 {
        let mut entry = entry.clone();
        entry.listed_at = Timestamp::UNIX_EPOCH;
        let digest = hex::encode(Sha256::digest(serde_json::to_string(&entry).unwrap()));
        u64::from_str_radix(&digest[..16], 16).unwrap()
    }

    #[test]
    fn a_digest_sees_everything_but_when_an_entry_was_listed() {
        let reasons = [
            "",
            "plain",
            "\"listed_at\":\"2001-01-01T00:00:00Z\"",
            "\\\"listed_at\":\" b",
        ];
        for reason in reasons {
            for at in ["2007-11-01T12:00:00Z", "2026-01-01T00:00:00.123Z"] {
                let list = ListName::parse("stolen").unwrap();
                let mark = Vrm::parse("AB12CDE").unwrap();
                let mut entry = Entry::new(&list, mark, "x", at.parse().unwrap());
                reason.clone_into(&mut entry.reason);
                let wanted = Wanted::of(entry.clone()).unwrap();
                assert_eq!(wanted.digest, plain(&entry), "{reason} {at}");
            }
        }
    }
}
