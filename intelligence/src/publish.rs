//! The stored lists into the log's entry topic, beside the control room.
//!
//! **Relay:** each revision's changes in the store's order, then its mark, then the store is told. A crash on the way publishes again
//! what was not told; records are keyed by entry, so that nothing doubles.
//!
//! **Passing:** a revision of millions is minutes on its way. Short ones that come meanwhile pass it, in their order, as long as they
//! change other lists: an urgent entry waits for no load. Their marks say which revision they are without.
//!
//! **Repair:** at the start, and whenever another publisher's records were seen, the topic is compared with the store
//! and the difference is published, ended by a mark that counts even if it names an older revision. That fills a new
//! Kafka, puts right a topic that is ahead of a database restored from a backup, and settles what two publishers
//! wrote across each other: the slower one may have put an old value over a newer one. While one publisher works
//! alone, a repair finds nothing and writes nothing.

use std::collections::HashSet;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use domain::hotlist::Revision;
use domain::{EntryId, ListName, Timestamp};
use store::hotlists::PendingChange;
use store::{Store, StoreError};
use stream::ready::Ready;
use stream::topic::Topic;
use stream::wire::{self, RevisionMark};
use stream::{Log, LogError, Record, Start};
use tokio_util::sync::CancellationToken;

use crate::IntelligenceError;
use crate::mirror::Mirror;

/// How often the store is asked for changes: a load must reach every matcher within a second or two, and the question
/// is one look into an empty table.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// Changes read and published at once: about 5 MB. A revision of as many or more is a long one.
pub const BATCH: u32 = 10_000;
/// Records of a long revision that are published before the next rest.
const PIECE: usize = 1_000;
/// Records read back at once.
const READ_BATCH: usize = 10_000;
/// How long another publisher must be silent before the topic is compared: it may be in the middle of a revision.
const QUIET: Duration = Duration::from_secs(1);
/// First wait after a failure.
const FIRST_WAIT: Duration = Duration::from_millis(100);
/// Longest wait after failures in a row.
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// Publishes the store's lists until `shutdown`, through every outage of log and database.
///
/// # Errors
/// When the log is closed under it.
pub async fn run(
    log: Arc<dyn Log>,
    store: Store,
    ready: Ready,
    shutdown: CancellationToken,
) -> Result<(), IntelligenceError> {
    store::aside(move || run_in_batches(log, store, ready, shutdown, BATCH)).await
}

/// As [`run`], with another number of changes at once than [`BATCH`].
///
/// # Errors
/// As [`run`].
pub async fn run_in_batches(
    log: Arc<dyn Log>,
    store: Store,
    ready: Ready,
    shutdown: CancellationToken,
    batch: u32,
) -> Result<(), IntelligenceError> {
    let mut publisher = Publisher::new(log, store, ready.clone(), shutdown, batch);
    let ended = publisher.run().await;
    ready.set(false);
    ended
}

struct Publisher {
    log: Arc<dyn Log>,
    store: Store,
    ready: Ready,
    shutdown: CancellationToken,
    batch: u32,
    /// Names this run in every record.
    own: Bytes,
    mirror: Mirror,
    /// The topic was compared with the store since it was last read from the beginning.
    settled: bool,
    /// The topic must be compared with the store again.
    doubtful: bool,
    /// When another publisher's record was last seen.
    stranger_at: Option<Instant>,
    wait: Duration,
}

impl Publisher {
    fn new(log: Arc<dyn Log>, store: Store, ready: Ready, shutdown: CancellationToken, batch: u32) -> Self {
        // A number that no other run has; nothing secret depends on it.
        let own = RandomState::new().build_hasher().finish();
        Self {
            log,
            store,
            ready,
            shutdown,
            batch,
            own: Bytes::from(format!("{own:016x}")),
            mirror: Mirror::default(),
            settled: false,
            doubtful: false,
            stranger_at: None,
            wait: FIRST_WAIT,
        }
    }

    async fn run(&mut self) -> Result<(), IntelligenceError> {
        while !self.shutdown.is_cancelled() {
            if let Err(error) = self.follow().await {
                self.failed(error).await?;
            }
        }
        Ok(())
    }

    /// Reads the topic from its beginning, follows it, and works whenever nothing is left to read.
    async fn follow(&mut self) -> Result<(), IntelligenceError> {
        let mut tail = self.log.tail(Topic::Entries, Start::Beginning).await?;
        self.mirror = Mirror::default();
        self.settled = false;
        self.doubtful = false;
        self.stranger_at = None;
        while !self.shutdown.is_cancelled() {
            let begun = Instant::now();
            let records = tail.poll(READ_BATCH, LOOK_EVERY).await?;
            let caught_up = tail.caught_up();
            for record in &records {
                let stranger = self.mirror.take(record, &self.own);
                if stranger && self.settled {
                    self.doubtful = true;
                    self.stranger_at = Some(Instant::now());
                }
            }
            if !caught_up {
                continue;
            }
            if records.len() == READ_BATCH {
                store::rest(begun.elapsed()).await;
            }
            match self.work(records.is_empty()).await {
                Ok(()) => {
                    self.wait = FIRST_WAIT;
                    self.ready.set(true);
                }
                Err(error) => self.failed(error).await?,
            }
        }
        Ok(())
    }

    /// What is to be done now. The first comparison goes before any relaying: a revision's few changes in a new, empty
    /// topic would look like the whole of all lists.
    async fn work(&mut self, all_read: bool) -> Result<(), IntelligenceError> {
        let quiet = self.stranger_at.is_none_or(|seen| seen.elapsed() >= QUIET);
        if !self.settled || (self.doubtful && all_read && quiet) {
            // Half a repair leaves newer entries than the pending ones in the topic: until one is whole, a revision's
            // mark would show a mixture.
            self.settled = false;
            if !self.repair().await? {
                return Ok(());
            }
            self.settled = true;
            self.doubtful = false;
        }
        self.relay().await?;
        // Nobody waits for it, and hits share the disk with it: a little each time.
        self.store.tidy(Timestamp::now()).await?;
        Ok(())
    }

    /// Says that something failed and waits. Only a closed log is final.
    async fn failed(&mut self, error: IntelligenceError) -> Result<(), IntelligenceError> {
        if matches!(error, IntelligenceError::Log(LogError::Closed)) {
            return Err(error);
        }
        self.ready.set(false);
        let cause = std::error::Error::source(&error)
            .map(ToString::to_string)
            .unwrap_or_default();
        tracing::warn!(%error, cause, "lists cannot be published, trying again");
        tokio::select! {
            () = tokio::time::sleep(self.wait) => {}
            () = self.shutdown.cancelled() => {}
        }
        self.wait = (self.wait * 2).min(LONGEST_WAIT);
        Ok(())
    }

    /// Publishes what is not in the log yet, revision by revision.
    async fn relay(&mut self) -> Result<(), IntelligenceError> {
        while let Some(revision) = self.store.unpublished().await? {
            if !self.is_marked(revision) {
                self.relay_changes(revision).await?;
            }
            if self.shutdown.is_cancelled() {
                break;
            }
            self.end_revision(revision).await?;
        }
        Ok(())
    }

    /// Publishes a revision's changes, until told to stop. Where they fill a batch, others may pass.
    async fn relay_changes(&mut self, revision: Revision) -> Result<(), IntelligenceError> {
        let store = self.store.clone();
        let mut changes = store.changes_of(revision, 0, self.batch).await?;
        let is_long = changes.len() == self.batch as usize;
        while let (Some((last, _)), false) = (changes.last(), self.shutdown.is_cancelled()) {
            let last = *last;
            let mut records = records_of(changes);
            if is_long {
                for record in &mut records {
                    record
                        .headers
                        .push((wire::HEADER_ASIDE, Bytes::from_static(b"1")));
                }
            }
            // The next are read while these are written.
            let next = store.changes_of(revision, last, self.batch);
            let publish = async {
                if is_long {
                    self.publish_with_rests(&records).await
                } else {
                    self.publish(records).await
                }
            };
            let (next, published) = tokio::join!(next, publish);
            published?;
            changes = next?;
            if is_long {
                self.let_pass(revision).await?;
            }
        }
        Ok(())
    }

    async fn publish_with_rests(&mut self, records: &[Record]) -> Result<(), IntelligenceError> {
        for piece in records.chunks(PIECE) {
            let begun = Instant::now();
            self.publish(piece.to_vec()).await?;
            store::rest(begun.elapsed()).await;
        }
        Ok(())
    }

    /// Publishes the revisions behind a long one up to the first that is long as well or changes the same list.
    async fn let_pass(&mut self, long: Revision) -> Result<(), IntelligenceError> {
        while !self.shutdown.is_cancelled() {
            let last = self.mirror.mark().map_or(long, |mark| mark.revision.max(long));
            let Some(next) = self.store.passing(long, last).await? else {
                break;
            };
            let changes = self.store.changes_of(next, 0, self.batch).await?;
            if changes.len() == self.batch as usize {
                break;
            }
            self.publish(records_of(changes)).await?;
            self.publish_mark(next, Some(long), self.mirror.len() as u64, false)
                .await?;
            self.store.set_passed(next, Timestamp::now()).await?;
            tracing::info!(revision = %next, without = %long, "published a revision of the lists before a long one");
        }
        Ok(())
    }

    /// Whether the topic holds this revision whole already: this publisher crashed before it could say so, or another
    /// one was faster.
    fn is_marked(&self, revision: Revision) -> bool {
        let mark = self.mirror.mark();
        mark.is_some_and(|mark| mark.revision >= revision && mark.without != Some(revision))
    }

    async fn end_revision(&mut self, revision: Revision) -> Result<(), IntelligenceError> {
        // It comes with those that passed it.
        let last = self
            .mirror
            .mark()
            .map_or(revision, |mark| mark.revision.max(revision));
        if !self.is_marked(revision) {
            let (newest, entries) = self.store.revision().await?;
            let entries = if newest == last {
                entries
            } else {
                self.mirror.len() as u64
            };
            self.publish_mark(last, None, entries, false).await?;
            tracing::info!(revision = %last, entries, "published a revision of the lists");
        }
        self.store.set_published(revision, Timestamp::now()).await?;
        Ok(())
    }

    /// Makes the topic hold what the store holds. False where the lists changed meanwhile: compare again.
    async fn repair(&mut self) -> Result<bool, IntelligenceError> {
        let (revision, entries) = self.store.revision().await?;
        let mut surplus: HashSet<EntryId> = self.mirror.ids().collect();
        let mut written = 0;
        for list in self.store.lists().await? {
            match self.repair_list(&list.list, &mut surplus).await {
                Ok(put) => written += put,
                Err(IntelligenceError::Store(StoreError::NotFound(_))) => return Ok(false),
                Err(error) => return Err(error),
            }
        }
        if self.store.revision().await?.0 != revision || self.shutdown.is_cancelled() {
            return Ok(false);
        }
        let now = Timestamp::now();
        let surplus: Vec<EntryId> = surplus.into_iter().collect();
        for some in surplus.chunks(self.batch as usize) {
            self.publish(
                some.iter()
                    .map(|entry| wire::entry_tombstone(*entry, now))
                    .collect(),
            )
            .await?;
        }
        written += surplus.len();
        let marked = self.mirror.mark().map(|mark| (mark.revision, mark.without));
        if written > 0 || marked.unwrap_or_default() != (revision, None) {
            self.publish_mark(revision, None, entries, true).await?;
            metrics::counter!("steelring_intelligence_repairs_total").increment(1);
            tracing::info!(%revision, written, "the log's lists were put right");
        }
        Ok(true)
    }

    /// Puts what differs on one list; what it holds is no `surplus`.
    async fn repair_list(
        &mut self,
        list: &ListName,
        surplus: &mut HashSet<EntryId>,
    ) -> Result<usize, IntelligenceError> {
        let mut after = None;
        let mut written = 0;
        while !self.shutdown.is_cancelled() {
            let entries = self.store.entries(list, after, self.batch).await?;
            let Some(last) = entries.last() else {
                break;
            };
            after = Some(last.entry_id);
            let now = Timestamp::now();
            let mut records = Vec::new();
            for entry in &entries {
                surplus.remove(&entry.entry_id);
                let record = wire::entry_record(entry, now)?;
                if !self
                    .mirror
                    .holds(entry.entry_id, record.value.as_deref().unwrap_or_default())
                {
                    records.push(record);
                }
            }
            written += records.len();
            self.publish(records).await?;
        }
        Ok(written)
    }

    async fn publish_mark(
        &mut self,
        revision: Revision,
        without: Option<Revision>,
        entries: u64,
        repair: bool,
    ) -> Result<(), IntelligenceError> {
        let mark = RevisionMark {
            revision,
            without,
            entries,
            published_at: Timestamp::now(),
        };
        let mut record = wire::revision_record(&mark)?;
        if repair {
            record
                .headers
                .push((wire::HEADER_REPAIR, Bytes::from_static(b"1")));
        }
        self.publish(vec![record]).await?;
        self.mirror.set_mark(mark);
        metrics::gauge!("steelring_intelligence_revision").set(revision.0 as f64);
        Ok(())
    }

    /// Publishes records under this run's name, and takes note of the entries among them.
    async fn publish(&mut self, mut records: Vec<Record>) -> Result<(), IntelligenceError> {
        if records.is_empty() {
            return Ok(());
        }
        for record in &mut records {
            record.headers.push((wire::HEADER_PUBLISHER, self.own.clone()));
        }
        // Bytes are shared, not copied.
        self.log.publish(Topic::Entries, records.clone()).await?;
        metrics::counter!("steelring_intelligence_published_total").increment(records.len() as u64);
        for record in &records {
            let key = record
                .key
                .as_deref()
                .and_then(|key| std::str::from_utf8(key).ok());
            if let Some(entry) = key.and_then(|key| key.parse().ok()) {
                self.mirror.set(entry, record.value.as_deref());
            }
        }
        Ok(())
    }
}

fn records_of(changes: Vec<(u64, PendingChange)>) -> Vec<Record> {
    let now = Timestamp::now();
    let record = |(_, change)| match change {
        PendingChange::Put { entry, json } => wire::entry_json_record(entry, json, now),
        PendingChange::Remove(entry) => wire::entry_tombstone(entry, now),
    };
    changes.into_iter().map(record).collect()
}
