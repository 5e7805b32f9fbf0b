//! Apache Kafka, the real one, as a single node that is broker and controller in one.

use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use rustix::process::Signal;
use tempfile::TempDir;

use super::process::Process;
use super::{ports, scratch};
use crate::{cache, run};

/// Which Kafka, and what it needs to run.
const POM: &str = include_str!("../../kafka/pom.xml");
/// A cluster's id is 16 bytes in base64; these spell `steelring-tests1`.
const CLUSTER_ID: &str = "c3RlZWxyaW5nLXRlc3RzMQ";
/// Starting takes 4 s on two idle cores; a loaded machine or a log to recover takes longer.
const START_PATIENCE: Duration = Duration::from_secs(120);
/// Stopping takes 1 s.
const STOP_PATIENCE: Duration = Duration::from_secs(60);
/// The line that the server logs once it serves; all else is logged from `warn` up.
const READY_LINE: &str = "Kafka Server started";
const READY_LOGGER: &str = "kafka.server.KafkaRaftServer";
/// Another process may take a port between our look and Kafka's bind.
const PORT_TRIES: usize = 3;

/// A Kafka in KRaft mode on a loopback port of its own, with its data in a folder of its own.
///
/// Topics are not created by being named: create them. Every replication factor is 1; a consumer group's first
/// rebalance does not wait for more members.
pub struct Kafka {
    brokers: String,
    client: SocketAddr,
    jars: PathBuf,
    process: Option<Process>,
    folder: TempDir,
}

impl Kafka {
    /// Starts a new, empty one and waits until it answers. The first call on a machine fetches Kafka by Maven.
    pub fn start() -> Result<Self> {
        let jars = jars()?;
        let mut last = anyhow!("no try was made");
        for _ in 0..PORT_TRIES {
            let mut kafka = Self::prepare(&jars)?;
            match kafka.launch() {
                Ok(()) => return Ok(kafka),
                Err(error) if format!("{error:#}").contains("Address already in use") => last = error,
                Err(error) => return Err(error),
            }
        }
        Err(last)
    }

    /// What a client connects to: `127.0.0.1:PORT`, the same for life, across restarts.
    pub fn brokers(&self) -> &str {
        &self.brokers
    }

    /// The folder with the server's data and its log, `kafka.log`.
    pub fn data(&self) -> &Path {
        self.folder.path()
    }

    /// Asks the server to stop (SIGTERM) and waits until it has. Does nothing to a server that is down.
    pub fn stop(&mut self) -> Result<()> {
        self.process
            .take()
            .map_or(Ok(()), |process| process.stop(Signal::TERM, STOP_PATIENCE))
    }

    /// Ends the server at once (SIGKILL). Does nothing to a server that is down.
    pub fn kill(&mut self) -> Result<()> {
        self.process
            .take()
            .map_or(Ok(()), |process| process.kill().map(drop))
    }

    /// Starts the server again on the same port and data, stopping it first if it is up; waits until it answers.
    pub fn restart(&mut self) -> Result<()> {
        self.stop()?;
        self.launch()
    }

    fn prepare(jars: &Path) -> Result<Self> {
        let (client, controller) = ports::free_pair()?;
        let folder = scratch::folder("kafka")?;
        let client = SocketAddr::from((Ipv4Addr::LOCALHOST, client));
        let kafka = Self {
            brokers: client.to_string(),
            client,
            jars: jars.to_owned(),
            process: None,
            folder,
        };
        fs::write(kafka.file("server.properties"), kafka.properties(controller))?;
        let mut format = Command::new("java");
        format.args(kafka.java_arguments("kafka.tools.StorageTool"));
        format
            .args(["format", "--standalone", "-t", CLUSTER_ID, "-c"])
            .arg(kafka.file("server.properties"));
        run::output(&mut format).context("formatting Kafka's storage")?;
        Ok(kafka)
    }

    fn launch(&mut self) -> Result<()> {
        let log = self.file("kafka.log");
        // Each start has a log of its own, so that an earlier start's line is not taken for this one's.
        fs::write(&log, "")?;
        let java = run::find("java").context("java is missing: install a JRE, 17 or newer")?;
        let mut arguments = self.java_arguments("kafka.Kafka");
        arguments.push(self.file("server.properties").to_string_lossy().into_owned());
        let mut process = Process::start("Kafka", &java, &arguments, &log)?;
        let ready = || {
            let started = fs::read_to_string(&log).is_ok_and(|log| log.contains(READY_LINE));
            started && answers(self.client)
        };
        match process.wait_until(START_PATIENCE, ready) {
            Ok(()) => self.process = Some(process),
            Err(error) => {
                process.kill()?;
                return Err(error);
            }
        }
        Ok(())
    }

    fn java_arguments(&self, class: &str) -> Vec<String> {
        let mut arguments = vec![
            "-Xmx512m".to_owned(),
            // Two cores are shared with what is tested: the one-thread collector, no second one in the background.
            "-XX:+UseSerialGC".to_owned(),
            "-XX:+ExitOnOutOfMemoryError".to_owned(),
            "-Djava.awt.headless=true".to_owned(),
            "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn".to_owned(),
            "-Dorg.slf4j.simpleLogger.showDateTime=true".to_owned(),
            "-Dorg.slf4j.simpleLogger.dateTimeFormat=HH:mm:ss.SSS".to_owned(),
            format!("-Dorg.slf4j.simpleLogger.log.{READY_LOGGER}=info"),
        ];
        arguments.extend([
            "-cp".to_owned(),
            format!("{}/*", self.jars.display()),
            class.to_owned(),
        ]);
        arguments
    }

    fn properties(&self, controller_port: u16) -> String {
        let brokers = &self.brokers;
        let controller = format!("127.0.0.1:{controller_port}");
        let data = self.file("data").display().to_string();
        format!(
            "process.roles=broker,controller
node.id=1
listeners=PLAINTEXT://{brokers},CONTROLLER://{controller}
advertised.listeners=PLAINTEXT://{brokers}
controller.listener.names=CONTROLLER
controller.quorum.bootstrap.servers={controller}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs={data}
{SMALL}"
        )
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

impl Drop for Kafka {
    fn drop(&mut self) {
        // Its data goes with it: nothing is lost by not asking.
        let _ = self.kill();
    }
}

/// One node, few threads, a small heap, and no waiting for members, replicas or old sessions that a test would only sit through.
const SMALL: &str = "auto.create.topics.enable=false
default.replication.factor=1
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
share.coordinator.state.topic.num.partitions=4
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
num.network.threads=2
num.io.threads=4
log.cleaner.dedupe.buffer.size=16777216
";

/// The folder with Kafka's jars, fetched by Maven once for each content of the pom.
fn jars() -> Result<PathBuf> {
    let entry = cache::entry(&format!("kafka-{}", cache::key(POM.as_bytes())), |dir| {
        let maven = run::find("mvn").context("mvn is missing: install Maven")?;
        let pom = dir.join("pom.xml");
        fs::write(&pom, POM)?;
        let mut copy = Command::new(maven);
        copy.args(["--batch-mode", "--quiet", "--file"]).arg(pom);
        copy.args(["dependency:copy-dependencies", "-DincludeScope=runtime"]);
        copy.arg(format!("-DoutputDirectory={}", dir.join("jars").display()));
        run::output(&mut copy)
            .context("fetching Kafka by Maven")
            .map(drop)
    })?;
    Ok(entry.join("jars"))
}

/// Whether a Kafka answers there: it is asked for the versions it speaks, the first thing that every client asks.
fn answers(address: SocketAddr) -> bool {
    const TIMEOUT: Duration = Duration::from_secs(2);
    // Length 10; key 18 (ApiVersions), version 0, correlation id 1, no client id.
    const REQUEST: [u8; 14] = [0, 0, 0, 10, 0, 18, 0, 0, 0, 0, 0, 1, 0xff, 0xff];
    let ask = || -> std::io::Result<[u8; 8]> {
        let mut stream = TcpStream::connect_timeout(&address, TIMEOUT)?;
        stream.set_read_timeout(Some(TIMEOUT))?;
        stream.write_all(&REQUEST)?;
        let mut head = [0; 8];
        stream.read_exact(&mut head)?;
        Ok(head)
    };
    ask().is_ok_and(|head| head[4..] == [0, 0, 0, 1])
}
