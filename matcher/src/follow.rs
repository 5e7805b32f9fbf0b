//! The half that follows the lists.

use std::sync::Arc;
use std::time::{Duration, Instant};

use domain::hotlist::Revision;
use domain::pattern::MAX_PATTERNS;
use domain::{SignedDuration, Timestamp};
use stream::topic::Topic;
use stream::wire::{self, MatcherStatus};
use stream::{Delivered, LogError, Start};

use crate::health::Backoff;
use crate::lists::Lists;
use crate::retire::retire;
use crate::sightings::DAY_MS;
use crate::{MatcherError, Shared};

/// Changes taken at once: about 4 MB of entries.
const BATCH: usize = 10_000;
/// How long a poll waits: a change must count within about a second, and a shutdown must be seen.
const WAIT: Duration = Duration::from_millis(200);
/// How often the matcher speaks: five times before it would count as gone.
const SPEAK_EVERY: Duration = Duration::from_secs(2);
const _: () = assert!(SPEAK_EVERY.as_secs() * 5 <= wire::MATCHER_SILENT_AFTER_S as u64);
/// How long a word of status may take: it must not hold up a list.
const SPEAK_WITHIN: Duration = Duration::from_secs(1);

/// Follows the lists until shutdown, through every outage.
pub(crate) async fn follow_lists(shared: Arc<Shared>) -> Result<(), MatcherError> {
    let mut backoff = Backoff::new();
    let mut voice = Voice::new();
    while !shared.shutdown.is_cancelled() {
        match follow_once(&shared, &mut backoff, &mut voice).await {
            Ok(()) => break,
            Err(LogError::Closed) => return Err(LogError::Closed.into()),
            Err(error) => {
                shared.health.lists(false);
                tracing::warn!(%error, "lists cannot be followed, trying again");
                backoff.wait(&shared.shutdown).await;
            }
        }
    }
    Ok(())
}

/// Reads the topic from its beginning and follows it. After an outage that is again from the beginning; reads go on
/// being judged under the last whole revision meanwhile.
async fn follow_once(shared: &Shared, backoff: &mut Backoff, voice: &mut Voice) -> Result<(), LogError> {
    let mut tail = shared.log.tail(Topic::Entries, Start::Beginning).await?;
    let mut lists = Lists::default();
    let mut behind = false;
    while !shared.shutdown.is_cancelled() {
        let records = tail.poll(BATCH, WAIT).await?;
        backoff.reset();
        // While catching up, one index at the end is enough.
        if !records.is_empty() {
            let taken = tokio::task::spawn_blocking(move || {
                let whole = take(&mut lists, &records);
                (lists, whole)
            });
            let whole;
            (lists, whole) = ended(taken.await);
            behind |= whole;
        }
        if tail.caught_up() {
            if behind {
                lists = apply(shared, lists, voice).await;
                behind = false;
            }
            open_gate(shared, &lists);
        }
        voice.speak(shared, false).await;
    }
    Ok(())
}

/// Takes records; answers whether a revision became whole.
fn take(lists: &mut Lists, records: &[Delivered]) -> bool {
    let mut whole = false;
    for record in records {
        match lists.take_record(record) {
            Ok(made_whole) => whole |= made_whole,
            Err(_) => {
                // The error may quote the value, so it is not logged. The entry as it was before stays in force.
                metrics::counter!("steelring_matcher_entries_unreadable_total").increment(1);
                tracing::error!(offset = record.place.offset, "an entry in the log cannot be read");
            }
        }
    }
    whole
}

/// Builds the index of the last whole revision aside, then swaps it in.
async fn apply(shared: &Shared, lists: Lists, voice: &mut Voice) -> Lists {
    let since = Timestamp::now() - SignedDuration::from_millis(DAY_MS);
    let built = tokio::task::spawn_blocking(move || {
        let mut lists = lists;
        let built = lists.index_and_fresh(since);
        (lists, built)
    });
    let (lists, (index, fresh)) = ended(built.await);
    let (revision, entries) = (index.revision(), index.len());
    let left_out = index.patterns_left_out();
    retire(shared.index.swap(Arc::new(index)));
    if !fresh.is_empty() {
        // Without a receiver the judging half has ended, and with it this one will.
        let _ = shared.fresh.send(fresh);
    }
    metrics::gauge!("steelring_matcher_entries").set(entries as f64);
    metrics::gauge!("steelring_matcher_patterns_left_out").set(left_out as f64);
    if left_out > 0 {
        tracing::error!(
            left_out,
            most = MAX_PATTERNS,
            "more patterns than are looked for: withdraw some"
        );
    }
    metrics::gauge!("steelring_matcher_revision").set(revision.0 as f64);
    tracing::info!(%revision, entries, "judging under a new revision");
    voice.applied_at = Timestamp::now();
    voice.speak(shared, true).await;
    lists
}

/// What a thread of its own came to. A panic there is one here.
pub(crate) fn ended<T>(outcome: Result<T, tokio::task::JoinError>) -> T {
    outcome.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))
}

/// Opens the gate once there is a whole revision, or nothing at all: an empty topic is revision 0. Entries without a
/// mark are a revision on its way, and worth waiting for.
fn open_gate(shared: &Shared, lists: &Lists) {
    if lists.revision().is_none() && !lists.is_blank() {
        return;
    }
    shared.health.lists(true);
    if !shared.gate.send_replace(true) {
        let revision = lists.revision().unwrap_or(Revision(0));
        tracing::info!(%revision, "lists are loaded, reads are judged from now on");
    }
}

/// Tells the others which revision this matcher judges under.
struct Voice {
    applied_at: Timestamp,
    last: Option<Instant>,
}

impl Voice {
    fn new() -> Self {
        Self {
            applied_at: Timestamp::now(),
            last: None,
        }
    }

    async fn speak(&mut self, shared: &Shared, at_once: bool) {
        // Before the gate is open there is no revision to name.
        let due = self.last.is_none_or(|last| last.elapsed() >= SPEAK_EVERY) && *shared.gate.borrow();
        if !(due || at_once) {
            return;
        }
        self.last = Some(Instant::now());
        let index = shared.index.load_full();
        let status = MatcherStatus {
            matcher: shared.name.clone(),
            revision: index.revision(),
            without: index.without(),
            entries: index.len() as u64,
            applied_at: self.applied_at,
            at: Timestamp::now(),
        };
        let told = async {
            let record = wire::status_record(&status)?;
            shared.log.publish(Topic::MatcherStatus, vec![record]).await
        };
        match tokio::time::timeout(SPEAK_WITHIN, told).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, "the status could not be published"),
            Err(_) => tracing::warn!("the status could not be published in time"),
        }
    }
}
