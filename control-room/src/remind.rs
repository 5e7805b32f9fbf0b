//! The loop that tells every day, in the force's time zone, what is overdue for review, and keeps the gauges of the alarm.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use domain::force::Force;
use domain::policy::ListPolicy;
use domain::{ListName, Timestamp};
use store::{Store, StoreError};
use tokio_util::sync::CancellationToken;

/// How often it is looked whether a new day has begun. What was told already is a single row to read.
const LOOK_EVERY: Duration = Duration::from_secs(60);

/// What the loop works with.
pub(crate) struct Reminder {
    pub(crate) store: Store,
    /// Its time zone says when a day begins.
    pub(crate) force: Arc<Force>,
    /// The policy of lists that have none of their own.
    pub(crate) usual_policy: ListPolicy,
    pub(crate) shutdown: CancellationToken,
}

impl Reminder {
    /// Tells each day once, whichever process is first. Where the database is away, it is tried again.
    pub(crate) async fn run(self) {
        loop {
            if let Err(error) = self.look(Timestamp::now()).await {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "what is overdue for review could not be told; trying again in a minute"
                );
            }
            tokio::select! {
                () = tokio::time::sleep(LOOK_EVERY) => {}
                () = self.shutdown.cancelled() => return,
            }
        }
    }

    async fn look(&self, now: Timestamp) -> Result<(), StoreError> {
        let day = now.to_zoned(self.force.timezone.clone()).date();
        if self.store.tell_overdue(day, &self.usual_policy, now).await? {
            tracing::info!(%day, "what is overdue for review was told");
        }
        // A list that is no longer overdue goes back to nothing.
        let lists = self.store.lists().await?.into_iter();
        let mut overdue: BTreeMap<ListName, u64> = lists.map(|list| (list.list, 0)).collect();
        for notice in self.store.review_notices().await? {
            if notice.reviewed_at.is_none() {
                *overdue.entry(notice.list).or_default() += notice.overdue;
            }
        }
        for (list, entries) in overdue {
            metrics::gauge!("steelring_reviews_overdue", "list" => list.to_string()).set(entries as f64);
        }
        Ok(())
    }
}
