//! Reads, batch by batch; the next batch is fetched while one is judged, as long as there is a backlog.

use std::time::Duration;

use stream::{Consumer, Delivered, LogError};
use tokio::runtime::Handle;
use tokio::task::JoinHandle;

use crate::follow::ended;

/// Reads taken at once, where so many wait: one wait for durable hits serves them all. All of them hits, at 2 kB each,
/// they stay below the log's bounds.
pub(crate) const BATCH: usize = 10_000;
const _: () = assert!(BATCH * 2_000 <= stream::embedded::QUEUE_BYTES);

/// A consumer, and what it fetched.
type Fetched = (Box<dyn Consumer>, Result<Vec<Delivered>, LogError>);

/// See the module's page.
pub(crate) enum Ahead {
    /// All that was fetched is in hand.
    Rests(Box<dyn Consumer>),
    /// A batch is on its way.
    Fetches(JoinHandle<Fetched>),
    /// Only while it turns from one into the other, and where fetching ended in a panic.
    Gone,
}

impl Ahead {
    /// The next batch. Waits for the first read of one so long.
    ///
    /// # Errors
    /// As [`Consumer::poll`].
    pub(crate) async fn next(&mut self, wait: Duration) -> Result<Vec<Delivered>, LogError> {
        if let Self::Fetches(fetching) = self {
            let fetched = fetching.await;
            *self = Self::Gone;
            let (consumer, reads) = ended(fetched);
            *self = Self::Rests(consumer);
            let reads = reads?;
            if !reads.is_empty() {
                return Ok(reads);
            }
        }
        match self {
            Self::Rests(consumer) => consumer.poll(BATCH, wait).await,
            Self::Fetches(_) | Self::Gone => Err(LogError::Closed),
        }
    }

    /// Begins to fetch the next batch, on a thread of its own: this one is about to be busy.
    pub(crate) fn fetch(&mut self) {
        *self = match std::mem::replace(self, Self::Gone) {
            Self::Rests(mut consumer) => {
                let runtime = Handle::current();
                Self::Fetches(tokio::task::spawn_blocking(move || {
                    let reads = runtime.block_on(consumer.poll(BATCH, Duration::ZERO));
                    (consumer, reads)
                }))
            }
            other => other,
        };
    }

    /// The consumer, while no batch is on its way: what it commits is in hand, all of it.
    pub(crate) fn at_rest(&mut self) -> Option<&mut dyn Consumer> {
        match self {
            Self::Rests(consumer) => Some(consumer.as_mut()),
            Self::Fetches(_) | Self::Gone => None,
        }
    }
}
