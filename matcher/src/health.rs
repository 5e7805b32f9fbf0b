//! Whether both halves of the matcher can work, and how long to wait where one cannot.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use stream::ready::Ready;
use tokio_util::sync::CancellationToken;

/// First wait after a failure: short, since most outages are a leader's election.
const FIRST_WAIT: Duration = Duration::from_millis(100);
/// Longest wait: what an operator waits at most for hits to flow once the log is back.
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// Ready means: the lists are loaded, and both tasks reach the log.
pub(crate) struct Health {
    ready: Ready,
    lists: AtomicBool,
    reads: AtomicBool,
}

impl Health {
    pub(crate) fn new(ready: Ready) -> Self {
        Self {
            ready,
            lists: AtomicBool::new(false),
            reads: AtomicBool::new(false),
        }
    }

    pub(crate) fn lists(&self, fine: bool) {
        self.lists.store(fine, Ordering::Release);
        self.tell();
    }

    pub(crate) fn reads(&self, fine: bool) {
        self.reads.store(fine, Ordering::Release);
        self.tell();
    }

    pub(crate) fn end(&self) {
        self.ready.set(false);
    }

    fn tell(&self) {
        self.ready
            .set(self.lists.load(Ordering::Acquire) && self.reads.load(Ordering::Acquire));
    }
}

/// Waits that double from [`FIRST_WAIT`] to [`LONGEST_WAIT`].
pub(crate) struct Backoff(Duration);

impl Backoff {
    pub(crate) fn new() -> Self {
        Self(FIRST_WAIT)
    }

    pub(crate) fn reset(&mut self) {
        self.0 = FIRST_WAIT;
    }

    /// Waits; false where `shutdown` came first.
    pub(crate) async fn wait(&mut self, shutdown: &CancellationToken) -> bool {
        let wait = self.0;
        self.0 = (wait * 2).min(LONGEST_WAIT);
        tokio::select! {
            () = tokio::time::sleep(wait) => true,
            () = shutdown.cancelled() => false,
        }
    }
}
