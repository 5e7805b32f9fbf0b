//! Settings in two stages: what defaults, file, environment and flags say, then what was checked. Nothing binds, and
//! nothing is opened, before the check.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use domain::hotlist::Grade;
use domain::policy::ListPolicy;
use domain::{FeedName, ListName};
use figment::Figment;
use figment::providers::{Env, Format, Serialized, Toml};
use intelligence::Mapping;
use intelligence::feeds::{self, Feed};
use matcher::clones::CloneRule;
use matcher::score::thresholds::Thresholds;
use matcher::sources::Sources;
use reqwest::Url;
use serde::{Deserialize, Serialize};

use crate::cli::Global;

/// Variables of this prefix are settings.
const PREFIX: &str = "STEELRING_";
/// Variables of that prefix that are none: who a client talks to, and what the tests use.
const NOT_SETTINGS: [&str; 2] = ["server", "token"];
/// Share of reads traced unless told otherwise: of a force's 2,000,000 a day 20,000, which any collector keeps, and enough
/// to see where a slow minute was spent.
const DEFAULT_TRACED: f64 = 0.01;

/// The confusion table and the vehicle register in the data directory, where no other files are named.
const CONFUSION_FILE: &str = "confusion.toml";
const REGISTER_FILE: &str = "register.csv";

/// What defaults, file, environment and flags say.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Said {
    data: PathBuf,
    listen: String,
    ingest_listen: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    management_listen: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    kafka: Option<String>,
    #[serde(default)]
    kafka_properties: BTreeMap<String, String>,
    kafka_topic_prefix: String,
    kafka_instance_id: Option<String>,
    partitions: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    database: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    images: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    force: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    matcher_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    otlp_endpoint: Option<String>,
    otlp_sample: f64,
    matching: Matching,
    lists: Lists,
    #[serde(default)]
    feeds: Vec<FeedSaid>,
}

/// A folder that a list comes in by.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct FeedSaid {
    name: FeedName,
    list: ListName,
    folder: PathBuf,
    /// A file that says what the columns hold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    mapping: Option<PathBuf>,
    #[serde(default)]
    owner: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    due_hours: Option<u32>,
}

impl FeedSaid {
    fn check(self) -> Result<Feed> {
        let step = || format!("feeds: {}: mapping", self.name);
        let mapping = self.mapping.as_deref().map(|file| {
            let text = std::fs::read_to_string(file)
                .with_context(|| format!("{}: read {}", step(), file.display()))?;
            Mapping::parse(&text).with_context(|| format!("{}: {}", step(), file.display()))
        });
        Ok(Feed {
            mapping: mapping.transpose()?,
            name: self.name,
            list: self.list,
            folder: self.folder,
            owner: self.owner,
            due_hours: self.due_hours,
        })
    }
}

/// What a list demands of its changes, where nothing was set for it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Lists {
    /// A second person must authorise what changes a list.
    four_eyes: bool,
    /// Longest life of an entry, in days.
    max_days: u32,
    /// Days after which a list must be looked through again.
    review_days: u32,
    /// Days from the first notice that an entry of grade 3 or 4 is overdue until it opens no case any more.
    notice_days: u32,
}

impl Default for Lists {
    fn default() -> Self {
        let usual = ListPolicy::default();
        Self {
            four_eyes: usual.four_eyes,
            max_days: usual.max_days,
            review_days: usual.review_days,
            notice_days: usual.notice_days,
        }
    }
}

impl Lists {
    fn check(self) -> Result<ListPolicy> {
        let policy = ListPolicy {
            four_eyes: self.four_eyes,
            max_days: self.max_days,
            review_days: self.review_days,
            notice_days: self.notice_days,
            ..ListPolicy::default()
        };
        policy.checked().context("lists")
    }
}

/// What reads are judged by, beside the lists.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Matching {
    /// From which probability on a misread is a hit, by grade.
    thresholds: Thresholds,
    /// Reads that each partition remembers.
    sightings: usize,
    /// No vehicle is faster from one site to another.
    clone_kmh: f64,
    /// The grade of a suspected clone.
    clone_grade: u8,
    #[serde(skip_serializing_if = "Option::is_none")]
    register: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    confusion: Option<PathBuf>,
}

impl Default for Matching {
    fn default() -> Self {
        let clones = CloneRule::default();
        Self {
            thresholds: Thresholds::default(),
            sightings: matcher::DEFAULT_SIGHTINGS,
            clone_kmh: clones.most_kmh,
            clone_grade: clones.grade.into(),
            register: None,
            confusion: None,
        }
    }
}

impl Matching {
    fn check(self, data: &Path) -> Result<matcher::Options> {
        let thresholds = self.thresholds.checked().context("matching.thresholds")?;
        if !(1..=matcher::MOST_SIGHTINGS).contains(&self.sightings) {
            bail!(
                "matching.sightings: give a number from 1 to {}",
                matcher::MOST_SIGHTINGS
            );
        }
        if !(self.clone_kmh.is_finite() && self.clone_kmh > 0.0) {
            bail!("matching.clone_kmh: give a speed above 0, such as 200");
        }
        let file = |said: Option<PathBuf>, name: &str| Some(said.unwrap_or_else(|| data.join(name)));
        Ok(matcher::Options {
            sources: Sources {
                confusion: file(self.confusion, CONFUSION_FILE),
                register: file(self.register, REGISTER_FILE),
                thresholds,
            },
            sightings: self.sightings,
            clones: CloneRule {
                most_kmh: self.clone_kmh,
                grade: Grade::try_from(self.clone_grade).context("matching.clone_grade")?,
            },
        })
    }
}

impl Default for Said {
    fn default() -> Self {
        Self {
            data: PathBuf::from("steelring-data"),
            listen: "127.0.0.1:8080".into(),
            ingest_listen: "127.0.0.1:8081".into(),
            management_listen: None,
            kafka: None,
            kafka_properties: BTreeMap::new(),
            kafka_topic_prefix: String::new(),
            kafka_instance_id: None,
            partitions: stream::topic::DEFAULT_PARTITIONS,
            database: None,
            images: None,
            force: None,
            matcher_name: None,
            otlp_endpoint: None,
            otlp_sample: DEFAULT_TRACED,
            matching: Matching::default(),
            lists: Lists::default(),
            feeds: Vec::new(),
        }
    }
}

/// Checked settings.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Data directory.
    pub data: PathBuf,
    /// Address of the control room.
    pub listen: SocketAddr,
    /// Address that cameras post to.
    pub ingest_listen: SocketAddr,
    /// Address of metrics and health, where one was given.
    pub management_listen: Option<SocketAddr>,
    /// Where the log is.
    pub log: LogPlace,
    /// Partitions of the topics that scale with reads.
    pub partitions: u32,
    /// Database address.
    pub database: String,
    /// Image store.
    pub images: String,
    /// Folder with the force's files; none for the built-in one.
    pub force: Option<PathBuf>,
    /// This matcher's name.
    pub matcher_name: String,
    /// Where traces go, where they do.
    pub traces: Option<TraceSettings>,
    /// What reads are judged by, beside the lists.
    pub matching: matcher::Options,
    /// The policy of lists that have none of their own.
    pub usual_policy: ListPolicy,
    /// Folders that lists come in by.
    pub feeds: Arc<Vec<Feed>>,
}

/// Where traces go, and of how many reads.
#[derive(Debug, Clone)]
pub struct TraceSettings {
    /// Where the collector takes spans: `/v1/traces` and all.
    pub endpoint: Url,
    /// Share of reads that are traced, 0 to 1.
    pub share: f64,
}

/// Where the log is.
#[derive(Debug, Clone)]
pub enum LogPlace {
    /// In a directory of this machine, for one process.
    Embedded(PathBuf),
    /// In a Kafka cluster.
    Kafka {
        /// `HOST:PORT,...`.
        brokers: String,
        /// What librdkafka is told besides: security, above all.
        properties: BTreeMap<String, String>,
        /// Before every topic's name.
        topic_prefix: String,
        /// Static membership of this process in its consumer groups.
        instance_id: Option<String>,
    },
}

impl Settings {
    /// Reads and checks the settings.
    pub fn load(flags: &Global) -> Result<Self> {
        let mut figment = Figment::from(Serialized::defaults(Said::default()));
        if let Some(file) = &flags.config {
            if !file.is_file() {
                bail!("--config: there is no file {}", file.display());
            }
            figment = figment.merge(Toml::file_exact(file));
        }
        let settings = Env::prefixed(PREFIX)
            .split("__")
            .filter(|name| !name.starts_with("test_") && !NOT_SETTINGS.iter().any(|known| name == *known));
        let mut said: Said = figment.merge(settings).extract().map_err(explain)?;
        said.overlay(flags);
        said.check()
    }
}

/// One line that names the key and where it came from.
fn explain(error: figment::Error) -> anyhow::Error {
    let lines: Vec<String> = error.into_iter().map(|error| error.to_string()).collect();
    anyhow::anyhow!("settings: {}", lines.join("; "))
}

impl Said {
    fn overlay(&mut self, flags: &Global) {
        fn put<T: Clone>(into: &mut T, flag: Option<&T>) {
            if let Some(value) = flag {
                into.clone_from(value);
            }
        }
        put(&mut self.data, flags.data.as_ref());
        put(&mut self.listen, flags.listen.as_ref());
        put(&mut self.ingest_listen, flags.ingest_listen.as_ref());
        put(&mut self.otlp_sample, flags.otlp_sample.as_ref());
        for (into, flag) in [
            (&mut self.management_listen, &flags.management_listen),
            (&mut self.kafka, &flags.kafka),
            (&mut self.database, &flags.database),
            (&mut self.images, &flags.images),
            (&mut self.matcher_name, &flags.matcher_name),
            (&mut self.otlp_endpoint, &flags.otlp_endpoint),
        ] {
            if flag.is_some() {
                into.clone_from(flag);
            }
        }
        if flags.force.is_some() {
            self.force.clone_from(&flags.force);
        }
    }

    fn check(self) -> Result<Settings> {
        let data = self.data.clone();
        let path = |name: &str| data.join(name).to_string_lossy().into_owned();
        if self.partitions == 0 {
            bail!("partitions: at least 1 is needed");
        }
        let log = match &self.kafka {
            Some(brokers) => LogPlace::Kafka {
                brokers: check_brokers(brokers)?,
                properties: self.kafka_properties.clone(),
                topic_prefix: self.kafka_topic_prefix.clone(),
                instance_id: self.kafka_instance_id.clone(),
            },
            None => LogPlace::Embedded(self.data.join("log")),
        };
        let database = self
            .database
            .clone()
            .unwrap_or_else(|| format!("sqlite:{}", path("steelring.db")));
        if !["postgres://", "postgresql://", "sqlite:"]
            .iter()
            .any(|scheme| database.starts_with(scheme))
        {
            bail!("database: use postgres://USER@HOST/NAME or sqlite:PATH");
        }
        if let Some(directory) = self.force.as_deref().filter(|directory| !directory.is_dir()) {
            bail!("force: there is no directory {}", directory.display());
        }
        let traces = check_traces(self.otlp_endpoint.as_deref(), self.otlp_sample)?;
        let feeds: Vec<Feed> = self
            .feeds
            .into_iter()
            .map(FeedSaid::check)
            .collect::<Result<_>>()?;
        feeds::check(&feeds)?;
        Ok(Settings {
            traces,
            feeds: Arc::new(feeds),
            matching: self.matching.check(&self.data)?,
            usual_policy: self.lists.check()?,
            listen: address("listen", &self.listen)?,
            ingest_listen: address("ingest_listen", &self.ingest_listen)?,
            management_listen: self
                .management_listen
                .as_deref()
                .map(|text| address("management_listen", text))
                .transpose()?,
            images: self.images.clone().unwrap_or_else(|| path("images")),
            matcher_name: self.matcher_name.clone().unwrap_or_else(default_matcher_name),
            log,
            partitions: self.partitions,
            database,
            force: self.force,
            data: self.data,
        })
    }
}

fn address(key: &str, text: &str) -> Result<SocketAddr> {
    text.parse()
        .with_context(|| format!("{key}: {text:?} is no address; write one such as 127.0.0.1:8080"))
}

fn check_brokers(brokers: &str) -> Result<String> {
    let good = |broker: &str| {
        broker
            .rsplit_once(':')
            .is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok())
    };
    if let Some(bad) = brokers.split(',').find(|broker| !good(broker.trim())) {
        bail!("kafka: {bad:?} is no broker; write HOST:PORT, several with commas between");
    }
    Ok(brokers.to_owned())
}

fn check_traces(endpoint: Option<&str>, share: f64) -> Result<Option<TraceSettings>> {
    if !(0.0..=1.0).contains(&share) {
        bail!("otlp_sample: {share} is no share; give one from 0 to 1, such as {DEFAULT_TRACED}");
    }
    let Some(text) = endpoint else {
        return Ok(None);
    };
    let advice =
        || format!("otlp_endpoint: {text:?} is no address of OTLP over HTTP; write http://HOST:4318");
    let mut endpoint = Url::parse(text).with_context(advice)?;
    if !["http", "https"].contains(&endpoint.scheme()) {
        bail!(advice());
    }
    endpoint
        .path_segments_mut()
        .map_err(|()| anyhow::anyhow!(advice()))?
        .pop_if_empty()
        .extend(["v1", "traces"]);
    Ok(Some(TraceSettings { endpoint, share }))
}

fn default_matcher_name() -> String {
    let host = std::fs::read_to_string("/etc/hostname").unwrap_or_default();
    let host: String = host
        .trim()
        .chars()
        .filter(|c| c.is_ascii_alphanumeric() || *c == '-')
        .take(32)
        .collect();
    format!("matcher-{host}-{}", std::process::id())
}

/// Makes the data directory, for its owner's eyes alone.
pub fn make_data_directory(directory: &Path) -> Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(directory)
        .with_context(|| format!("make the data directory {}", directory.display()))
}
