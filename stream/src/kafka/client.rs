//! What all clients share: where librdkafka's log lines and errors go, which errors pass, and leaving politely.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use tokio::sync::Notify;
use tokio::time::timeout;

use crate::LogError;

/// Errors this close to each other are one outage and one line of our log.
const OUTAGE_QUIET: Duration = Duration::from_secs(60);

/// Runs what may wait for the network where waiting harms nobody.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, LogError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|_| LogError::Unavailable("a call to librdkafka failed".into()))
}

/// Whether an error is an outage or a state of passage, and not a refusal.
pub(super) fn passes(error: &KafkaError) -> bool {
    if matches!(error, KafkaError::MessageConsumptionFatal(_)) {
        return false;
    }
    let Some(code) = error.rdkafka_error_code() else {
        return matches!(error, KafkaError::Canceled | KafkaError::NoMessageReceived);
    };
    !matches!(
        code,
        Code::Fatal
            | Code::Fenced
            | Code::FencedInstanceId
            | Code::TopicAuthorizationFailed
            | Code::GroupAuthorizationFailed
            | Code::ClusterAuthorizationFailed
            | Code::TransactionalIdAuthorizationFailed
            | Code::Authentication
            | Code::SaslAuthenticationFailed
            | Code::UnsupportedSASLMechanism
            | Code::InvalidArgument
            | Code::InvalidConfig
            | Code::InvalidTopic
            | Code::InvalidGroupId
            | Code::InconsistentGroupProtocol
            | Code::UnsupportedFeature
            | Code::UnsupportedVersion
            | Code::MessageSizeTooLarge
            | Code::InvalidRecord
    )
}

/// Says once per outage that the cluster is away.
#[derive(Default)]
pub(super) struct Outage(Mutex<Option<Instant>>);

impl Outage {
    pub(super) fn error(&self, client: &'static str, error: &dyn std::fmt::Display) {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = last.is_some_and(|last| last.elapsed() < OUTAGE_QUIET);
        *last = Some(Instant::now());
        if known {
            tracing::debug!(client, %error, "kafka is still away");
        } else {
            tracing::warn!(client, %error, "kafka is away: waiting for it");
        }
    }

    pub(super) fn over(&self, client: &'static str) {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if last.take().is_some() {
            tracing::info!(client, "kafka is back");
        }
    }
}

/// A client without callbacks of its own.
pub(super) struct Quiet {
    pub(super) name: &'static str,
    pub(super) outage: Outage,
}

impl Quiet {
    pub(super) fn new(name: &'static str) -> Self {
        Self {
            name,
            outage: Outage::default(),
        }
    }
}

impl ClientContext for Quiet {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        log_line(self.name, level, facility, message);
    }

    fn error(&self, error: KafkaError, _reason: &str) {
        self.outage.error(self.name, &error);
    }
}

/// Outages are said once by [`Outage`]; librdkafka says them at every try.
pub(super) fn log_line(client: &'static str, level: RDKafkaLogLevel, facility: &str, message: &str) {
    match level {
        RDKafkaLogLevel::Emerg | RDKafkaLogLevel::Alert | RDKafkaLogLevel::Critical => {
            tracing::error!(client, facility, message, "librdkafka");
        }
        _ => tracing::debug!(client, facility, message, "librdkafka"),
    }
}

/// Consumers on their way out: leaving a group asks the cluster, which takes time and must not hold up a task.
#[derive(Default)]
pub(super) struct Leaving {
    count: AtomicUsize,
    left: Notify,
}

impl Leaving {
    /// Drops a consumer on a thread of its own.
    pub(super) fn leave<T: Send + 'static>(self: &Arc<Self>, consumer: T) {
        self.count.fetch_add(1, Ordering::AcqRel);
        let leaving = Arc::clone(self);
        let leave = move || {
            drop(consumer);
            leaving.count.fetch_sub(1, Ordering::AcqRel);
            leaving.left.notify_waiters();
        };
        let thread = std::thread::Builder::new()
            .name("kafka-leave".into())
            .spawn(leave);
        if let Err(error) = thread {
            // The closure is gone and with it the consumer, dropped here.
            self.count.fetch_sub(1, Ordering::AcqRel);
            tracing::warn!(%error, "a consumer left without a thread");
        }
    }

    /// Waits until all have left, for at most `patience`.
    pub(super) async fn wait(&self, patience: Duration) {
        let all = async {
            loop {
                let left = self.left.notified();
                if self.count.load(Ordering::Acquire) == 0 {
                    return;
                }
                left.await;
            }
        };
        if timeout(patience, all).await.is_err() {
            tracing::warn!("consumers could not leave their groups in time");
        }
    }
}
