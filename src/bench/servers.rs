//! Kafka and PostgreSQL for a run: those given, or some of its own, the same that the tests use.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use store::Store;
use stream::kafka::{KafkaLog, KafkaOptions};
use stream::{Log, LogError};
use xtask::servers::{Kafka, Postgres};

use crate::cli::Global;
use crate::config::LogPlace;

/// The word for a server that the benchmark starts by itself.
pub const LOCAL: &str = "local";
/// A Kafka that makes no topics within this time is not there.
const KAFKA_WITHIN: Duration = Duration::from_secs(30);
const RETRY: Duration = Duration::from_millis(500);

/// Servers that end with the run.
#[derive(Default)]
pub struct Servers {
    kafka: Option<Kafka>,
    postgres: Option<Postgres>,
}

impl Servers {
    /// Starts what is asked for as `local`, and puts its address into the settings.
    pub fn start(global: &mut Global) -> Result<Self> {
        let mut servers = Self::default();
        if global.kafka.as_deref() == Some(LOCAL) {
            let kafka = Kafka::start().context("start a Kafka")?;
            global.kafka = Some(kafka.brokers().to_owned());
            servers.kafka = Some(kafka);
        }
        if global.database.as_deref() == Some(LOCAL) {
            let postgres = Postgres::start().context("start a PostgreSQL")?;
            global.database = Some(postgres.url());
            servers.postgres = Some(postgres);
        }
        Ok(servers)
    }

    /// Whether there is a Kafka that may be stopped.
    pub fn has_kafka(&self) -> bool {
        self.kafka.is_some()
    }

    pub fn stop_kafka(&mut self) -> Result<()> {
        self.kafka.as_mut().context("there is no Kafka to stop")?.stop()
    }

    pub fn restart_kafka(&mut self) -> Result<()> {
        self.kafka
            .as_mut()
            .context("there is no Kafka to start")?
            .restart()
    }

    /// An empty database, where there is a PostgreSQL to make one in.
    pub fn make_database(&self, name: &str) -> Result<Option<String>> {
        let made = self
            .postgres
            .as_ref()
            .map(|postgres| postgres.create_database(name));
        made.transpose().context("make a database")
    }
}

/// Makes the topics of a run, so that a Kafka which is away or refuses them is found out before anything else starts.
pub async fn try_log(place: &LogPlace, partitions: u32) -> Result<()> {
    let Some(log) = kafka(place, partitions)? else {
        return Ok(());
    };
    let make = async {
        loop {
            match log.create_topics().await {
                Err(LogError::Unavailable(_)) => tokio::time::sleep(RETRY).await,
                made => return made,
            }
        }
    };
    let made = tokio::time::timeout(KAFKA_WITHIN, make).await;
    made.context("no Kafka answers there")?
        .context("make the run's topics")?;
    log.close().await.context("close the log")
}

/// Deletes the topics of a run.
pub async fn forget_log(place: &LogPlace) -> Result<()> {
    let Some(log) = kafka(place, 1)? else {
        return Ok(());
    };
    log.delete_topics().await.context("delete the run's topics")?;
    log.close().await.context("close the log")
}

fn kafka(place: &LogPlace, partitions: u32) -> Result<Option<KafkaLog>> {
    let LogPlace::Kafka {
        brokers,
        properties,
        topic_prefix,
        ..
    } = place
    else {
        return Ok(None);
    };
    let options = KafkaOptions {
        partitions,
        properties: properties.clone(),
        topic_prefix: topic_prefix.clone(),
        ..KafkaOptions::new(brokers)
    };
    KafkaLog::connect(options)
        .map(Some)
        .context("set up the Kafka client")
}

/// A benchmark must not write into anybody's database.
pub async fn check_unused(database: &str) -> Result<()> {
    let store = Store::open(database).await.context("open the database")?;
    if !store.users().await?.is_empty() || store.count_hits().await? > 0 {
        bail!("the database is in use: give the benchmark an empty one, or --database local");
    }
    Ok(())
}
