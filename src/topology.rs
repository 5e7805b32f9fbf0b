//! The one place where stages are wired. Read it top to bottom: it is the pipeline.
//!
//! ```text
//! cameras -> ingest -> plate.reads.v1 -> matcher -> hits.v1 -> dispatcher -> store -> control room -> operators
//!            lists  -> hotlist.entries.v1 -^   unit.positions.v1 -^      \-> case.events.v1 -^
//! ```

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use domain::force::Force;
use intelligence::feeds;
use intelligence::rules::RuleFile;
use metrics_exporter_prometheus::PrometheusHandle;
use store::images::Images;
use store::{Store, StoreError};
use stream::embedded::{EmbeddedLog, EmbeddedOptions};
use stream::kafka::{KafkaLog, KafkaOptions};
use stream::ready::Ready;
use stream::{Log, LogError};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::config::{LogPlace, Settings, make_data_directory};
use crate::traces::{self, Traces};
use crate::{force, management};

/// How long the stages have to finish what is in flight; each promises less.
const DRAIN: Duration = Duration::from_secs(5);
const _: () = assert!(traces::FLUSH_WITHIN.as_millis() < DRAIN.as_millis());
/// Pause between two tries to reach log or database at the start.
const RETRY: Duration = Duration::from_millis(500);

/// What stages share.
#[derive(Clone)]
pub struct Parts {
    /// The log.
    pub log: Arc<dyn Log>,
    /// The database.
    pub store: Store,
    /// Plate and scene images.
    pub images: Images,
    /// The force's fixed data.
    pub force: Arc<Force>,
    /// The force's own rules.
    pub rules: Arc<RuleFile>,
}

/// Stages that run in this process.
pub struct Running {
    shutdown: CancellationToken,
    stages: JoinSet<(&'static str, Result<()>)>,
    ready: Vec<(&'static str, Ready)>,
    /// Recorded from before the first stage: a stage says at once what it begins with.
    metrics: PrometheusHandle,
    traces: Option<Traces>,
}

/// Listens on an address, or says which setting chooses another.
pub async fn bind(address: SocketAddr, setting: &str) -> Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| {
        format!("listen on {address}: is another Steelring running? --{setting} chooses another address")
    })
}

/// Opens log, database and images. An outage is waited out; what will not pass is an error.
pub async fn open(settings: &Settings) -> Result<Parts> {
    let force = force::load(settings.force.as_deref())?;
    let rules = force::rules(settings.force.as_deref())?;
    make_data_directory(&settings.data)?;
    let images = Images::open(&settings.images).context("open the image store")?;
    let log = open_log_and_topics(settings).await?;
    Ok(Parts {
        log,
        store: open_store(settings).await?,
        images,
        force,
        rules,
    })
}

/// Opens the log and makes its topics, waiting for it.
pub async fn open_log_and_topics(settings: &Settings) -> Result<Arc<dyn Log>> {
    let log = open_log(settings)?;
    while let Err(error) = log.create_topics().await {
        wait_out(&error, matches!(error, LogError::Unavailable(_)), "the log").await?;
    }
    Ok(log)
}

/// Opens the log, without asking yet whether it is there.
fn open_log(settings: &Settings) -> Result<Arc<dyn Log>> {
    let log: Arc<dyn Log> = match &settings.log {
        LogPlace::Embedded(directory) => {
            let options = EmbeddedOptions {
                partitions: settings.partitions,
                ..EmbeddedOptions::default()
            };
            Arc::new(EmbeddedLog::open(directory, options).context("open the embedded log")?)
        }
        LogPlace::Kafka {
            brokers,
            properties,
            topic_prefix,
            instance_id,
        } => {
            let options = KafkaOptions {
                partitions: settings.partitions,
                properties: properties.clone(),
                topic_prefix: topic_prefix.clone(),
                instance_id: instance_id.clone(),
                ..KafkaOptions::new(brokers)
            };
            Arc::new(KafkaLog::connect(options).context("set up the Kafka client")?)
        }
    };
    Ok(log)
}

/// Opens the database, waiting for it.
pub async fn open_store(settings: &Settings) -> Result<Store> {
    loop {
        match Store::open(&settings.database).await {
            Ok(store) => return Ok(store),
            Err(error) => {
                let passing = matches!(error, StoreError::Unavailable { .. });
                wait_out(&error, passing, "the database").await?;
            }
        }
    }
}

/// Waits a little where the failure will pass, and is the error where it will not.
async fn wait_out(error: &(dyn std::error::Error + Sync), passing: bool, what: &str) -> Result<()> {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(&format!(": {cause}"));
        source = cause.source();
    }
    if !passing {
        anyhow::bail!("{text}");
    }
    tracing::warn!("waiting for {what}: {text}");
    tokio::select! {
        () = tokio::time::sleep(RETRY) => Ok(()),
        _ = tokio::signal::ctrl_c() => anyhow::bail!("stopped while waiting for {what}"),
    }
}

impl Running {
    /// No stage yet; the traces of those to come go out under the name `service`. Once a process.
    pub fn new(settings: &Settings, service: &str) -> Result<Self> {
        let traces = settings.traces.as_ref();
        let traces = traces.map(|traces| Traces::start(traces, service)).transpose()?;
        Ok(Self {
            shutdown: CancellationToken::new(),
            stages: JoinSet::new(),
            ready: Vec::new(),
            metrics: management::record_metrics()?,
            traces,
        })
    }

    fn stage<F, E>(&mut self, name: &'static str, run: impl FnOnce(Ready, CancellationToken) -> F)
    where
        F: Future<Output = Result<(), E>> + Send + 'static,
        E: Into<anyhow::Error>,
    {
        let ready = Ready::default();
        self.ready.push((name, ready.clone()));
        let stage = run(ready, self.shutdown.clone());
        self.stages
            .spawn(async move { (name, stage.await.map_err(Into::into)) });
    }

    /// Cameras' formats in, plate reads out.
    pub fn ingest(&mut self, listener: TcpListener, parts: &Parts) {
        let Parts {
            log,
            store,
            images,
            force,
            ..
        } = parts.clone();
        let parts = ingest::Parts {
            log,
            store,
            images,
            force,
        };
        self.stage("ingest", |ready, shutdown| {
            ingest::run(listener, parts, ready, shutdown)
        });
    }

    /// Reads against hotlists.
    pub fn matcher(&mut self, settings: &Settings, log: Arc<dyn Log>, force: &Force) {
        let parts = matcher::Parts {
            log,
            name: settings.matcher_name.clone(),
            cameras: force.cameras.clone(),
            zone: force.timezone.clone(),
            options: settings.matching.clone(),
        };
        self.stage("matcher", |ready, shutdown| matcher::run(parts, ready, shutdown));
    }

    /// Hits into cases.
    pub fn dispatcher(&mut self, settings: &Settings, parts: &Parts) {
        let Parts {
            log,
            store,
            force,
            rules,
            ..
        } = parts.clone();
        let parts = dispatcher::Parts {
            log,
            store,
            force,
            rules,
            usual_policy: settings.usual_policy.clone(),
        };
        self.stage("dispatcher", |ready, shutdown| {
            dispatcher::run(parts, ready, shutdown)
        });
    }

    /// The operators' service, and beside it what takes lists from their feeds, and what carries list changes into the log.
    pub fn control_room(&mut self, listener: TcpListener, settings: &Settings, parts: &Parts) {
        let Parts {
            log,
            store,
            images,
            force,
            rules,
        } = parts.clone();
        let (publish_log, publish_store) = (log.clone(), store.clone());
        let fed = feeds::Parts {
            store: store.clone(),
            force: Arc::clone(&force),
            usual_policy: settings.usual_policy.clone(),
            feeds: Arc::clone(&settings.feeds),
        };
        let parts = control_room::Parts {
            log,
            store,
            images,
            force,
            usual_policy: settings.usual_policy.clone(),
            rules,
            feeds: Arc::clone(&settings.feeds),
        };
        self.stage("control-room", |ready, shutdown| {
            control_room::run(listener, parts, ready, shutdown)
        });
        self.stage("hotlists", |ready, shutdown| {
            intelligence::publish::run(publish_log, publish_store, ready, shutdown)
        });
        if !fed.feeds.is_empty() {
            self.stage("feeds", |ready, shutdown| feeds::run(fed, ready, shutdown));
        }
    }

    /// A simulated ring of steel.
    pub fn simulator(&mut self, parts: &Parts, rate: f64, seed: u64) {
        let Parts {
            log, images, force, ..
        } = parts.clone();
        let parts = simulator::Parts {
            log,
            images,
            force,
            rate,
            seed,
        };
        self.stage("simulator", |ready, shutdown| {
            ready.set(true);
            simulator::run(parts, shutdown)
        });
    }

    /// Metrics and health of every stage so far.
    pub fn management(&mut self, listener: TcpListener) {
        let metrics = self.metrics.clone();
        let stages = Arc::new(self.ready.clone());
        let shutdown = self.shutdown.clone();
        self.stages.spawn(async move {
            (
                "management",
                management::serve(listener, metrics, stages, shutdown).await,
            )
        });
    }

    /// Waits for Ctrl-C, SIGTERM or a stage that ends, then drains all of them and closes the log.
    pub async fn until_stopped(mut self, log: Arc<dyn Log>) -> Result<()> {
        let mut outcome = tokio::select! {
            signal = stop_signal() => signal,
            Some(ended) = self.stages.join_next() => ended_by_itself(ended),
        };
        tracing::info!("stopping");
        self.shutdown.cancel();
        let drained = tokio::time::timeout(DRAIN, async {
            while let Some(ended) = self.stages.join_next().await {
                if let Ok((name, Err(error))) = ended
                    && outcome.is_ok()
                {
                    outcome = Err(error.context(format!("{name} failed while stopping")));
                }
            }
            if let Some(traces) = self.traces {
                traces.finish().await;
            }
        });
        if drained.await.is_err() {
            tracing::warn!(
                "not every stage was done within {DRAIN:?}; what it had not committed comes again"
            );
        }
        log.close().await.context("close the log")?;
        outcome
    }
}

fn ended_by_itself(ended: Result<(&'static str, Result<()>), tokio::task::JoinError>) -> Result<()> {
    let (name, result) = ended.context("a stage panicked")?;
    result.with_context(|| format!("{name} failed"))?;
    anyhow::bail!("{name} ended by itself")
}

/// Waits until this process is asked to stop: Ctrl-C or SIGTERM.
pub async fn stop_signal() -> Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate()).context("listen for SIGTERM")?;
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => interrupted.context("listen for Ctrl-C"),
        _ = terminate.recv() => Ok(()),
    }
}
