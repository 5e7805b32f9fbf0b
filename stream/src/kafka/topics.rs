//! Making what is missing of the topics.

use std::sync::Arc;
use std::time::Duration;

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::config::FromClientConfigAndContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::metadata::Metadata;
use rdkafka::producer::Producer as _;
use tokio::time::{Instant, sleep};

use super::client::{Quiet, blocking};
use super::options::{KafkaOptions, MESSAGE_BYTES, REPLICATION};
use super::producer::Native;
use super::{METADATA_TIMEOUT, error};
use crate::LogError;
use crate::topic::{Retention, Topic};

/// How long the cluster may take to make topics and to choose their leaders.
const CREATE_TIMEOUT: Duration = Duration::from_secs(30);
/// Between two looks at whether leaders were chosen.
pub(super) const LEADER_PAUSE: Duration = Duration::from_millis(100);

pub(super) async fn create(options: &Arc<KafkaOptions>, native: Arc<Native>) -> Result<(), LogError> {
    let found = metadata(&native).await?;
    let known = |topic: &Topic| {
        let name = options.topic(*topic);
        found.topics().iter().any(|topic| topic.name() == name)
    };
    let missing: Vec<Topic> = Topic::ALL.into_iter().filter(|topic| !known(topic)).collect();
    if !missing.is_empty() {
        let brokers = i32::try_from(found.brokers().len()).unwrap_or(REPLICATION);
        let replication = options.replication.unwrap_or(REPLICATION.min(brokers));
        make(options, &missing, replication).await?;
    }
    wait_for_leaders(options, &native).await
}

/// Deletes this log's topics, as far as they are there.
pub(super) async fn delete(options: &Arc<KafkaOptions>, native: Arc<Native>) -> Result<(), LogError> {
    let found = metadata(&native).await?;
    let names: Vec<String> = Topic::ALL.into_iter().map(|topic| options.topic(topic)).collect();
    let known = |name: &&str| found.topics().iter().any(|topic| topic.name() == *name);
    let names: Vec<&str> = names.iter().map(String::as_str).filter(known).collect();
    let outcomes = admin(options)?.delete_topics(&names, &patience()).await;
    let outcomes = outcomes.map_err(|source| error("delete the topics", source))?;
    for outcome in outcomes {
        if let Err((topic, code)) = outcome {
            let source = KafkaError::AdminOp(code);
            return Err(LogError::TopicRefused { topic, source });
        }
    }
    Ok(())
}

fn admin(options: &KafkaOptions) -> Result<AdminClient<Quiet>, LogError> {
    let step = "make an administrator: check the kafka settings";
    AdminClient::from_config_and_context(&options.admin(), Quiet::new("admin"))
        .map_err(|source| LogError::Kafka { step, source })
}

fn patience() -> AdminOptions {
    AdminOptions::new()
        .request_timeout(Some(CREATE_TIMEOUT))
        .operation_timeout(Some(CREATE_TIMEOUT))
}

async fn metadata(native: &Arc<Native>) -> Result<Metadata, LogError> {
    let native = Arc::clone(native);
    let found = blocking(move || native.client().fetch_metadata(None, METADATA_TIMEOUT)).await?;
    found.map_err(|source| error("ask for the topics", source))
}

async fn make(options: &KafkaOptions, missing: &[Topic], replication: i32) -> Result<(), LogError> {
    let names: Vec<String> = missing.iter().map(|topic| options.topic(*topic)).collect();
    let settings: Vec<Vec<_>> = missing
        .iter()
        .map(|topic| topic_settings(*topic, replication))
        .collect();
    let new = missing
        .iter()
        .zip(&names)
        .zip(&settings)
        .map(|((topic, name), settings)| {
            let partitions = i32::try_from(topic.partitions(options.partitions)).unwrap_or(i32::MAX);
            let new = NewTopic::new(name, partitions, TopicReplication::Fixed(replication));
            settings
                .iter()
                .fold(new, |new, (name, value)| new.set(name, value))
        });
    let new: Vec<NewTopic<'_>> = new.collect();
    let made = admin(options)?.create_topics(&new, &patience()).await;
    for topic in made.map_err(|source| error("make the topics", source))? {
        match topic {
            // Another process may have been faster.
            Ok(_) | Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => {}
            Err((topic, code)) => {
                let source = KafkaError::AdminOp(code);
                return Err(LogError::TopicRefused { topic, source });
            }
        }
    }
    Ok(())
}

/// What a topic is made with.
fn topic_settings(topic: Topic, replication: i32) -> Vec<(&'static str, String)> {
    let mut settings = vec![
        ("max.message.bytes", MESSAGE_BYTES.to_string()),
        // The stages have judged a record's time. By default Kafka refuses what is an hour ahead, for ever.
        ("message.timestamp.after.max.ms", i64::MAX.to_string()),
    ];
    if replication >= REPLICATION {
        // An acknowledged record is on two brokers at least, and one of three may be away.
        settings.push(("min.insync.replicas", (REPLICATION - 1).to_string()));
    }
    match topic.retention() {
        Retention::LastOfKey => settings.push(("cleanup.policy", "compact".into())),
        Retention::For(time) => {
            settings.push(("cleanup.policy", "delete".into()));
            settings.push(("retention.ms", time.as_millis().to_string()));
        }
    }
    settings
}

/// A topic that was just made has no leader for a moment.
async fn wait_for_leaders(options: &KafkaOptions, native: &Arc<Native>) -> Result<(), LogError> {
    let deadline = Instant::now() + CREATE_TIMEOUT;
    loop {
        let found = metadata(native).await?;
        let led = Topic::ALL
            .into_iter()
            .try_for_each(|topic| has_leaders(&found, &options.topic(topic)));
        match led {
            Ok(()) => return Ok(()),
            Err(reason) if Instant::now() >= deadline => return Err(LogError::Unavailable(reason)),
            Err(_) => sleep(LEADER_PAUSE).await,
        }
    }
}

/// Whether a topic is there and every partition can be written to.
pub(super) fn has_leaders(found: &Metadata, name: &str) -> Result<(), String> {
    let topic = found.topics().iter().find(|topic| topic.name() == name);
    let Some(topic) = topic.filter(|topic| topic.error().is_none() && !topic.partitions().is_empty()) else {
        return Err(format!("topic {name} is missing"));
    };
    match topic.partitions().iter().find(|partition| partition.leader() < 0) {
        Some(partition) => Err(format!("partition {} of {name} has no leader", partition.id())),
        None => Ok(()),
    }
}
