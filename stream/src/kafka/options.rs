//! What a Kafka log is opened with, and the settings of librdkafka that follow from it.

use std::collections::BTreeMap;
use std::time::Duration;

use rdkafka::ClientConfig;

use crate::topic::{DEFAULT_PARTITIONS, MAX_RECORD_BYTES, Topic};

/// How long a publish may take before it is refused: a camera waits no longer than that for its answer.
pub const DELIVERY_TIMEOUT: Duration = Duration::from_secs(10);
/// Copies of every record, where the cluster has as many brokers: one may be lost while another is maintained.
pub const REPLICATION: i32 = 3;

/// Room in a message beside the record: lengths, batch header.
const OVERHEAD_BYTES: usize = 64 * 1024;
/// The largest message that topics and producers are set to take.
pub(super) const MESSAGE_BYTES: usize = MAX_RECORD_BYTES + OVERHEAD_BYTES;
/// Records that wait to be sent; then publishing waits.
const QUEUE_RECORDS: u32 = 100_000;
/// The same in KiB: several of the largest records.
const QUEUE_KIBIBYTES: u32 = 128 * 1024;
/// Fetched and not yet polled, by member, in KiB: a second or two of reads at full speed.
const FETCHED_KIBIBYTES: u32 = 64 * 1024;
/// How long fetching pauses once so much is fetched. librdkafka's own second outlasts what is fetched of small records, so that a
/// member with a backlog waits for most of each second.
const FETCH_PAUSE_MS: u32 = 5;
/// How long a batch waits for more records. All records of a publish are handed over at once, so that it is short: with two, a hit
/// reached the operator 3 ms later, and no processor time was saved.
const LINGER_MS: f32 = 0.5;
/// How long the cluster may keep an empty answer to a reader. What else is asked on its connection, such as where partitions end,
/// waits for that answer.
const FETCH_WAIT_MS: u32 = 50;
/// A member that was killed is missed after this long, and others take over.
const SESSION_TIMEOUT_MS: u32 = 10_000;
const HEARTBEAT_MS: u32 = 3_000;
/// A member that does not poll for this long is stuck, and others take over.
const POLL_TIMEOUT_MS: u32 = 300_000;
/// Tries to reach a broker that is away come at most this far apart, so that recovery is noticed soon.
const RECONNECT_MAX_MS: u32 = 2_000;

const _: () = assert!(HEARTBEAT_MS * 3 <= SESSION_TIMEOUT_MS);
const _: () = assert!(SESSION_TIMEOUT_MS < POLL_TIMEOUT_MS);
const _: () = assert!(MESSAGE_BYTES < QUEUE_KIBIBYTES as usize * 1024);

/// What a Kafka log is opened with.
///
/// Has no `Debug`: the properties may hold a password.
#[derive(Clone)]
pub struct KafkaOptions {
    /// Where to find the cluster: `host:port`, several with commas.
    pub brokers: String,
    /// Partitions of the topics that scale, when they are made.
    pub partitions: u32,
    /// Copies of every record of topics that are made; none: [`REPLICATION`], or as many as there are brokers.
    pub replication: Option<i32>,
    /// How long a publish may take before it is refused.
    pub delivery_timeout: Duration,
    /// Names this process to the cluster's administrators.
    pub client_id: String,
    /// Static membership: a member that returns under its name within the session timeout keeps its partitions. At
    /// most one member of each group may use a name.
    pub instance_id: Option<String>,
    /// Before every topic's and group's name: several forces on one cluster, tests of their own.
    pub topic_prefix: String,
    /// Further properties of librdkafka, such as those of SASL and TLS; they win over the ones set here.
    pub properties: BTreeMap<String, String>,
}

impl KafkaOptions {
    /// The defaults, for a cluster.
    pub fn new(brokers: impl Into<String>) -> Self {
        Self {
            brokers: brokers.into(),
            partitions: DEFAULT_PARTITIONS,
            replication: None,
            delivery_timeout: DELIVERY_TIMEOUT,
            client_id: "steelring".into(),
            instance_id: None,
            topic_prefix: String::new(),
            properties: BTreeMap::new(),
        }
    }

    /// A topic's name on the cluster.
    pub(super) fn topic(&self, topic: Topic) -> String {
        format!("{}{topic}", self.topic_prefix)
    }

    /// What every client is set to.
    pub(super) fn client(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config
            .set("bootstrap.servers", &self.brokers)
            .set("client.id", &self.client_id)
            .set("reconnect.backoff.max.ms", RECONNECT_MAX_MS.to_string())
            // Topics are made on purpose, with partitions and retention, never by being named.
            .set("allow.auto.create.topics", "false");
        config
    }

    pub(super) fn producer(&self) -> ClientConfig {
        let mut config = self.client();
        config
            .set("enable.idempotence", "true")
            .set("acks", "all")
            .set("partitioner", "murmur2_random")
            .set(
                "message.timeout.ms",
                self.delivery_timeout.as_millis().to_string(),
            )
            .set("message.max.bytes", MESSAGE_BYTES.to_string())
            .set("queue.buffering.max.messages", QUEUE_RECORDS.to_string())
            .set("queue.buffering.max.kbytes", QUEUE_KIBIBYTES.to_string())
            .set("linger.ms", LINGER_MS.to_string())
            .set("compression.type", "lz4");
        self.finish(config)
    }

    fn reader(&self) -> ClientConfig {
        let mut config = self.client();
        config
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            .set("auto.offset.reset", "earliest")
            .set("check.crcs", "true")
            .set("queued.max.messages.kbytes", FETCHED_KIBIBYTES.to_string())
            .set("fetch.queue.backoff.ms", FETCH_PAUSE_MS.to_string())
            .set("fetch.wait.max.ms", FETCH_WAIT_MS.to_string());
        config
    }

    pub(super) fn member(&self, group: &str) -> ClientConfig {
        let mut config = self.reader();
        config
            .set("group.id", format!("{}{group}", self.topic_prefix))
            .set("partition.assignment.strategy", "cooperative-sticky")
            .set("session.timeout.ms", SESSION_TIMEOUT_MS.to_string())
            .set("heartbeat.interval.ms", HEARTBEAT_MS.to_string())
            .set("max.poll.interval.ms", POLL_TIMEOUT_MS.to_string());
        if let Some(instance) = &self.instance_id {
            config.set("group.instance.id", instance);
        }
        self.finish(config)
    }

    /// A reader without a group's life: librdkafka wants a name for one all the same.
    pub(super) fn bare(&self) -> ClientConfig {
        let mut config = self.reader();
        config.set("group.id", format!("{}steelring-bare", self.topic_prefix));
        self.finish(config)
    }

    pub(super) fn tail(&self) -> ClientConfig {
        let mut config = self.reader();
        config
            // librdkafka assigns no partitions without a group; nothing is ever committed to this one.
            .set("group.id", format!("{}steelring-tail", self.topic_prefix))
            .set("enable.partition.eof", "true");
        self.finish(config)
    }

    pub(super) fn admin(&self) -> ClientConfig {
        self.finish(self.client())
    }

    fn finish(&self, mut config: ClientConfig) -> ClientConfig {
        for (name, value) in &self.properties {
            config.set(name, value);
        }
        config
    }
}
