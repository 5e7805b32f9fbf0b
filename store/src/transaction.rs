//! The one way to write: a transaction that is tried again when another writer was in the way.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use sqlx::{Any, AnyConnection, Transaction};
use tokio::time::error::Elapsed;

use crate::sql::{Step, is_conflict};
use crate::{Store, StoreError, aside};

/// Tries before a conflict is reported. Each conflict means that another writer got on, so a few suffice.
const MAX_TRIES: u32 = 10;
/// A transaction that takes longer is given up: its connection hangs. What is large is written in many.
pub(crate) const MAX_DURATION: Duration = Duration::from_secs(900);
/// Transactions of some [`crate::sql::ROWS_IN_BETWEEN`] rows after which SQLite's log is emptied. Few, since what is moved is synced
/// with the file, and every other sync waits for the same disk: after four times as many, hits waited up to 110 ms.
const ROOM_EVERY: u32 = 8;
/// Times that it is tried then: what others write meanwhile is to be emptied, too.
const ROOM_TRIES: u32 = 5;

/// An open transaction.
pub(crate) struct Tx {
    inner: Transaction<'static, Any>,
    postgres: bool,
    /// The newest event written in it.
    pub(crate) last_event: Option<u64>,
}

impl Tx {
    /// What statements run on.
    pub(crate) fn on(&mut self) -> &mut AnyConnection {
        &mut self.inner
    }

    pub(crate) fn is_postgres(&self) -> bool {
        self.postgres
    }

    /// What a reading statement ends with to lock its rows. SQLite has one writer at a time: nothing to lock.
    pub(crate) fn for_update(&self) -> &'static str {
        if self.postgres { " FOR UPDATE" } else { "" }
    }
}

/// Runs a block in a transaction and commits it, anew when another writer was in the way. The block gets the
/// transaction and ends in a `Result`; an error rolls back.
///
/// A macro and not a function of a closure: the compiler cannot yet show that such a function's future is `Send`.
macro_rules! transaction {
    ($store:expr, $what:literal, |$tx:ident| $work:block) => {
        transaction!($store, $what, $crate::transaction::OnDisk::AtCommit, |$tx| $work)
    };
    ($store:expr, $what:literal, $on_disk:expr, |$tx:ident| $work:block) => {{
        let store: &$crate::Store = $store;
        let mut run = $crate::transaction::Run::new($what);
        loop {
            let attempt = async {
                let mut open = store.begin($on_disk).await?;
                let $tx = &mut open;
                let work = async { $work };
                let done: Result<_, $crate::StoreError> = work.await;
                let done = done?;
                store.commit(open).await?;
                Ok(done)
            };
            let attempt = tokio::time::timeout($crate::transaction::MAX_DURATION, attempt).await;
            if let Some(done) = run.judge(attempt) {
                store.give_way($on_disk, run.elapsed()).await;
                break done;
            }
        }
    }};
}
pub(crate) use transaction;

/// When a transaction is on disk.
#[derive(Clone, Copy)]
pub(crate) enum OnDisk {
    /// When it is committed.
    AtCommit,
    /// With the next that is [`OnDisk::AtCommit`], on SQLite: for what does not count before such a one says so, or is done again
    /// where it is found undone.
    Later,
}

/// One piece of work and its tries.
pub(crate) struct Run {
    what: &'static str,
    began: Instant,
    tries: u32,
}

impl Run {
    pub(crate) fn new(what: &'static str) -> Self {
        Self {
            what,
            began: Instant::now(),
            tries: 1,
        }
    }

    /// How long it has taken so far.
    pub(crate) fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }

    /// What a try came to; none where it is to be tried again.
    pub(crate) fn judge<T>(
        &mut self,
        attempt: Result<Result<T, StoreError>, Elapsed>,
    ) -> Option<Result<T, StoreError>> {
        let done = attempt.unwrap_or_else(|_| Err(hung()));
        if let Err(StoreError::Database { source, .. }) = &done
            && is_conflict(source)
            && self.tries < MAX_TRIES
        {
            tracing::debug!(
                what = self.what,
                tries = self.tries,
                "another writer was in the way"
            );
            self.tries += 1;
            return None;
        }
        metrics::histogram!("steelring_store_transaction_seconds", "what" => self.what)
            .record(self.elapsed().as_secs_f64());
        // A refusal is the rules at work, no error of the store.
        if let Err(StoreError::Unavailable { .. } | StoreError::Database { .. } | StoreError::Value { .. }) =
            &done
        {
            metrics::counter!("steelring_store_errors_total", "what" => self.what).increment(1);
        }
        Some(done)
    }
}

impl Store {
    pub(crate) async fn begin(&self, on_disk: OnDisk) -> Result<Tx, StoreError> {
        let postgres = self.inner.postgres;
        // SQLite: take the write lock at once. A reader that turns writer halfway may find that it must give up.
        let begin = match on_disk {
            _ if postgres => "BEGIN",
            OnDisk::AtCommit => "PRAGMA synchronous = FULL; BEGIN IMMEDIATE",
            OnDisk::Later => "PRAGMA synchronous = NORMAL; BEGIN IMMEDIATE",
        };
        let begun = self.inner.writer.begin_with(begin).await;
        Ok(Tx {
            inner: begun.step("beginning a transaction")?,
            postgres,
            last_event: None,
        })
    }

    pub(crate) async fn commit(&self, tx: Tx) -> Result<(), StoreError> {
        tx.inner.commit().await.step("committing")?;
        if let Some(last) = tx.last_event {
            self.inner
                .events
                .send_modify(|newest| *newest = last.max(*newest));
        }
        Ok(())
    }

    /// Behind a transaction of long work, one that is on disk [`OnDisk::Later`], leaves the database to others: PostgreSQL for as long
    /// as it took, SQLite where its log is to be emptied.
    pub(crate) async fn give_way(&self, on_disk: OnDisk, took: Duration) {
        match on_disk {
            OnDisk::AtCommit => {}
            OnDisk::Later if self.inner.postgres => aside::rest(took).await,
            OnDisk::Later => self.make_room().await,
        }
    }

    /// Behind some transactions that are on disk later, brings what SQLite's log holds into its file, beside whoever writes. Otherwise
    /// the commit that fills the log does so, for a tenth of a second, and everybody waits for it.
    async fn make_room(&self) {
        let behind = self.inner.in_log.fetch_add(1, Ordering::Relaxed) + 1;
        if !behind.is_multiple_of(ROOM_EVERY) {
            return;
        }
        // What others write meanwhile stays in the log. The writer begins it anew once nothing is left.
        for _ in 0..ROOM_TRIES {
            let moved: Result<(i64, i64, i64), _> = sqlx::query_as("PRAGMA wal_checkpoint(PASSIVE)")
                .fetch_one(&self.inner.reader)
                .await;
            match moved {
                Ok((_, in_log, in_file)) if in_file < in_log => {}
                Ok(_) => break,
                Err(error) => {
                    tracing::debug!(%error, "the database's log was not emptied beside its writers");
                    break;
                }
            }
        }
    }

    /// A transaction that sees one state of the database throughout and writes nothing.
    pub(crate) async fn snapshot(&self) -> Result<Transaction<'static, Any>, StoreError> {
        let begin = if self.inner.postgres {
            "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
        } else {
            "BEGIN"
        };
        self.inner
            .reader
            .begin_with(begin)
            .await
            .step("beginning to read")
    }
}

fn hung() -> StoreError {
    StoreError::Unavailable {
        step: "waiting for a transaction",
        source: sqlx::Error::Io(std::io::ErrorKind::TimedOut.into()),
    }
}
