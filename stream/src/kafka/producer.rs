//! Publishing: every delivery report is awaited.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use rdkafka::client::ClientContext;
use rdkafka::config::{FromClientConfigAndContext, RDKafkaLogLevel};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseRecord, DeliveryResult, Producer as _, ProducerContext, ThreadedProducer};
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep, timeout_at};

use super::client::{Quiet, blocking};
use super::error;
use super::options::{KafkaOptions, MESSAGE_BYTES};
use crate::topic::Topic;
use crate::{LogError, Record};

/// How long a publish sleeps while the queue is full: some hundred records leave it meanwhile.
const FULL_PAUSE: Duration = Duration::from_millis(5);
/// librdkafka ends every message by its timeout; a report that is this much later than that is lost.
const REPORT_GRACE: Duration = Duration::from_secs(2);
/// Records handed to librdkafka before other tasks get a turn.
const TURN_RECORDS: usize = 1000;

pub(super) type Native = ThreadedProducer<Reports>;

/// Receives delivery reports on librdkafka's thread.
pub(super) struct Reports(Quiet);

impl ClientContext for Reports {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        self.0.log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.0.error(error, reason);
    }
}

impl ProducerContext for Reports {
    type DeliveryOpaque = Arc<Pending>;

    fn delivery(&self, result: &DeliveryResult<'_>, pending: Arc<Pending>) {
        if result.is_ok() {
            self.0.outage.over(self.0.name);
        }
        pending.reported(1, result.as_ref().err().map(|(error, _)| error.clone()));
    }
}

/// A publish whose reports are awaited.
pub(super) struct Pending {
    left: AtomicUsize,
    failed: Mutex<Option<KafkaError>>,
    done: Mutex<Option<oneshot::Sender<()>>>,
}

impl Pending {
    fn new(count: usize) -> (Arc<Self>, oneshot::Receiver<()>) {
        let (done, all_reported) = oneshot::channel();
        let pending = Self {
            left: AtomicUsize::new(count),
            failed: Mutex::default(),
            done: Mutex::new(Some(done)),
        };
        (Arc::new(pending), all_reported)
    }

    fn reported(&self, count: usize, failed: Option<KafkaError>) {
        if failed.is_some() {
            let mut first = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
            *first = first.take().or(failed);
        }
        if self.left.fetch_sub(count, Ordering::AcqRel) == count {
            let done = self.done.lock().unwrap_or_else(PoisonError::into_inner).take();
            // Whoever published may have given up.
            let _ = done.map(|done| done.send(()));
        }
    }

    fn failure(&self) -> Option<KafkaError> {
        self.failed.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// The producer, made anew when librdkafka gives one up for lost.
pub(super) struct Producer {
    options: Arc<KafkaOptions>,
    native: RwLock<Arc<Native>>,
}

impl Producer {
    pub(super) fn new(options: Arc<KafkaOptions>) -> Result<Self, LogError> {
        let native = RwLock::new(Arc::new(start(&options)?));
        Ok(Self { options, native })
    }

    pub(super) fn client(&self) -> Arc<Native> {
        Arc::clone(&self.native.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) async fn publish(&self, topic: Topic, records: &[Record]) -> Result<(), LogError> {
        if records.is_empty() {
            return Ok(());
        }
        let deadline = Instant::now() + self.options.delivery_timeout;
        let native = self.client();
        let (pending, all_reported) = Pending::new(records.len());
        let topic = self.options.topic(topic);
        for (sent, record) in records.iter().enumerate() {
            if sent % TURN_RECORDS == TURN_RECORDS - 1 {
                tokio::task::yield_now().await;
            }
            if let Err(failed) = hand_over(&native, &topic, record, &pending, deadline).await {
                // What was handed over before is reported all the same; some of it may become durable.
                pending.reported(records.len() - sent, Some(failed));
                break;
            }
        }
        let reported = timeout_at(deadline + REPORT_GRACE, all_reported).await;
        let failed = match reported {
            Ok(_) => pending.failure(),
            Err(_) => Some(KafkaError::MessageProduction(RDKafkaErrorCode::MessageTimedOut)),
        };
        failed.map_or(Ok(()), |failed| Err(self.failed(&native, records, failed)))
    }

    fn failed(&self, native: &Arc<Native>, records: &[Record], failed: KafkaError) -> LogError {
        match failed.rdkafka_error_code() {
            Some(RDKafkaErrorCode::MessageSizeTooLarge) => LogError::TooLarge {
                size: records.iter().map(Record::size).max().unwrap_or_default(),
                limit: MESSAGE_BYTES,
            },
            _ if native.client().fatal_error().is_some() => {
                self.replace(native);
                LogError::Unavailable(format!(
                    "kafka gave up a producer, and there is a new one: {failed}"
                ))
            }
            _ => error("publish", failed),
        }
    }

    /// Puts a new producer in the place of one that will never send again.
    fn replace(&self, lost: &Arc<Native>) {
        let mut native = self.native.write().unwrap_or_else(PoisonError::into_inner);
        if !Arc::ptr_eq(&native, lost) {
            return;
        }
        match start(&self.options) {
            Ok(new) => *native = Arc::new(new),
            Err(error) => tracing::error!(%error, "no new producer could be made"),
        }
    }

    /// Waits until everything handed over is reported.
    pub(super) async fn flush(&self) -> Result<(), LogError> {
        let native = self.client();
        let patience = self.options.delivery_timeout;
        let flushed = blocking(move || native.flush(patience)).await?;
        flushed.map_err(|source| error("flush", source))
    }
}

fn start(options: &KafkaOptions) -> Result<Native, LogError> {
    let config = options.producer();
    Native::from_config_and_context(&config, Reports(Quiet::new("producer"))).map_err(|source| {
        LogError::Kafka {
            step: "make a producer: check the kafka settings",
            source,
        }
    })
}

/// Hands a record to librdkafka, waiting while its queue is full.
async fn hand_over(
    native: &Native,
    topic: &str,
    record: &Record,
    pending: &Arc<Pending>,
    deadline: Instant,
) -> Result<(), KafkaError> {
    loop {
        let Err(failed) = send(native, topic, record, pending) else {
            return Ok(());
        };
        let full = failed.rdkafka_error_code() == Some(RDKafkaErrorCode::QueueFull);
        if !full || Instant::now() >= deadline {
            return Err(failed);
        }
        sleep(FULL_PAUSE).await;
    }
}

fn send(native: &Native, topic: &str, record: &Record, pending: &Arc<Pending>) -> Result<(), KafkaError> {
    let mut message = BaseRecord::<[u8], [u8], _>::with_opaque_to(topic, Arc::clone(pending));
    message.key = record.key.as_deref();
    message.payload = record.value.as_deref();
    message.timestamp = Some(record.timestamp_ms);
    if !record.headers.is_empty() {
        let mut headers = OwnedHeaders::new_with_capacity(record.headers.len());
        for (name, value) in &record.headers {
            headers = headers.insert(Header {
                key: name,
                value: Some(value.as_ref()),
            });
        }
        message.headers = Some(headers);
    }
    native.send(message).map_err(|(failed, _)| failed)
}
