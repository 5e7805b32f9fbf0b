//! The system under test: Steelring in processes of its own, as a force would run it.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde::Serialize;
use toml::{Table, Value};
use xtask::servers::{Process, Signal, free_port};

use super::usage::Usage;
use crate::config::LogPlace;

/// How long a stage has to start: it may have a database to migrate and a list of millions to load.
const START_WITHIN: Duration = Duration::from_secs(300);
/// Stages drain for 5 s at most.
const STOP_WITHIN: Duration = Duration::from_secs(30);
/// The source that the simulated cameras sign in as.
const SOURCE: &str = "ring";
/// The user that the simulated operator's browser signs in as.
const OPERATOR: &str = "bench";

/// What the system is made of.
pub struct Setup {
    /// A folder of its own for everything that it writes.
    pub folder: PathBuf,
    /// Where its log is.
    pub log: LogPlace,
    /// Where its database is.
    pub database: String,
    /// Partitions of the topics that scale.
    pub partitions: u32,
    /// Matcher processes; with the embedded log there is one process for everything.
    pub matchers: u32,
    /// Folder with the force's files; none for the built-in one.
    pub force: Option<PathBuf>,
}

/// A running system.
pub struct System {
    program: PathBuf,
    setup: Setup,
    stages: Vec<Stage>,
    /// Address of the control room.
    pub control_room: String,
    /// Address that cameras post to.
    pub ingest: String,
    /// A token of somebody who may load lists and watch cases.
    pub token: String,
    /// The cameras' token.
    pub source_token: String,
    /// Processor time of processes that have ended, in seconds.
    spent_s: f64,
}

/// One process.
struct Stage {
    name: &'static str,
    number: u32,
    management: SocketAddr,
    process: Option<Process>,
}

/// A configuration file of the system.
#[derive(Serialize)]
struct Configured<'a> {
    data: &'a Path,
    listen: String,
    ingest_listen: String,
    database: &'a str,
    partitions: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    force: Option<&'a Path>,
    #[serde(skip_serializing_if = "Option::is_none")]
    kafka: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    kafka_topic_prefix: Option<&'a str>,
    /// A matcher that comes back under its name is given its partitions at once, and not when the cluster has missed it.
    #[serde(skip_serializing_if = "Option::is_none")]
    kafka_instance_id: Option<String>,
    #[serde(skip_serializing_if = "Table::is_empty")]
    kafka_properties: Table,
    #[serde(skip_serializing_if = "Option::is_none")]
    matcher_name: Option<String>,
    matching: Table,
}

/// The speed from which on the system suspects a clone. At a benchmark's rates the simulated vehicles, some 500,000, are in
/// several places at once, so that it must look for none; the journeys are reckoned up all the same.
const CLONE_KMH: f64 = 1e12;

impl System {
    /// Starts it and waits until every stage is ready.
    pub fn start(setup: Setup) -> Result<Self> {
        let program = std::env::current_exe().context("find this program's file")?;
        let (control_room, ingest) = (loopback()?, loopback()?);
        let mut system = Self {
            program,
            setup,
            stages: Vec::new(),
            control_room: format!("http://{control_room}"),
            ingest: format!("http://{ingest}"),
            token: String::new(),
            source_token: String::new(),
            spent_s: 0.0,
        };
        system.configure(control_room, ingest)?;
        let secret = system.command(&["source", "add", SOURCE])?;
        system.source_token = secret.trim().to_owned();
        let secrets = system.command(&["user", "add", OPERATOR, "--role", "admin", "--token"])?;
        let (_, token) = secrets
            .split_once("token ")
            .context("read the operator's token")?;
        system.token = token.trim().to_owned();
        let mut stages = vec![("up", 0)];
        if matches!(system.setup.log, LogPlace::Kafka { .. }) {
            stages = vec![("control-room", 0), ("dispatcher", 0), ("ingest", 0)];
            stages.extend((0..system.setup.matchers).map(|number| ("matcher", number)));
        }
        for (name, number) in stages {
            let management = loopback()?;
            system.stages.push(Stage {
                name,
                number,
                management,
                process: None,
            });
        }
        for index in 0..system.stages.len() {
            system.launch(index)?;
        }
        for index in 0..system.stages.len() {
            system.wait_until_ready(index)?;
        }
        Ok(system)
    }

    fn configure(&self, control_room: SocketAddr, ingest: SocketAddr) -> Result<()> {
        let mut configured = Configured {
            data: &self.setup.folder,
            listen: control_room.to_string(),
            ingest_listen: ingest.to_string(),
            database: &self.setup.database,
            partitions: self.setup.partitions,
            force: self.setup.force.as_deref(),
            kafka: None,
            kafka_topic_prefix: None,
            kafka_instance_id: None,
            kafka_properties: Table::new(),
            matcher_name: None,
            matching: Table::from_iter([("clone_kmh".to_owned(), Value::Float(CLONE_KMH))]),
        };
        let write = |path: PathBuf, configured: &Configured<'_>| {
            let text = toml::to_string(configured).context("write the system's settings")?;
            fs::write(path, text).context("write the system's settings")
        };
        if let LogPlace::Kafka {
            brokers,
            properties,
            topic_prefix,
            ..
        } = &self.setup.log
        {
            configured.kafka = Some(brokers);
            configured.kafka_topic_prefix = Some(topic_prefix);
            let text = |(key, value): (&String, &String)| (key.clone(), value.clone().into());
            configured.kafka_properties = properties.iter().map(text).collect();
        }
        write(self.configuration(), &configured)?;
        if matches!(self.setup.log, LogPlace::Kafka { .. }) {
            for number in 0..self.setup.matchers {
                configured.matcher_name = Some(format!("matcher-{number}"));
                configured.kafka_instance_id.clone_from(&configured.matcher_name);
                write(self.configuration_of_matcher(number), &configured)?;
            }
        }
        Ok(())
    }

    fn configuration(&self) -> PathBuf {
        self.setup.folder.join("bench.toml")
    }

    fn configuration_of_matcher(&self, number: u32) -> PathBuf {
        self.setup.folder.join(format!("matcher-{number}.toml"))
    }

    /// Runs a command on the system's data to its end.
    fn command(&self, command: &[&str]) -> Result<String> {
        let mut run = Command::new(&self.program);
        for (variable, _) in
            std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("STEELRING_"))
        {
            run.env_remove(variable);
        }
        let run = run.args(command).arg("--config").arg(self.configuration());
        let run = run.env("RUST_LOG", "warn").output();
        let done = run.with_context(|| format!("run steelring {}", command.join(" ")))?;
        if !done.status.success() {
            bail!(
                "steelring {}: {}",
                command.join(" "),
                String::from_utf8_lossy(&done.stderr).trim()
            );
        }
        Ok(String::from_utf8_lossy(&done.stdout).into_owned())
    }

    fn launch(&mut self, index: usize) -> Result<()> {
        let Stage {
            name,
            number,
            management,
            ..
        } = self.stages[index];
        let configuration = if name == "matcher" {
            self.configuration_of_matcher(number)
        } else {
            self.configuration()
        };
        let arguments = [
            name.to_owned(),
            "--config".to_owned(),
            configuration.display().to_string(),
            "--management-listen".to_owned(),
            management.to_string(),
        ];
        let log = self.setup.folder.join(format!("{name}-{number}.log"));
        let process = Process::start(name, &self.program, &arguments, &log)?;
        self.stages[index].process = Some(process);
        Ok(())
    }

    fn wait_until_ready(&mut self, index: usize) -> Result<()> {
        let stage = &mut self.stages[index];
        let address = format!("http://{}/readyz", stage.management);
        let process = stage.process.as_mut().context("the stage was not started")?;
        process.wait_until(START_WITHIN, || {
            // Its own thread: the client blocks, and this may be a thread of the async runtime.
            let address = address.clone();
            let answer = std::thread::spawn(move || reqwest::blocking::get(address));
            answer
                .join()
                .is_ok_and(|answer| answer.is_ok_and(|answer| answer.status().is_success()))
        })
    }

    /// Addresses of `/metrics` of the processes that match.
    pub fn matchers(&self) -> Vec<String> {
        let stages = self
            .stages
            .iter()
            .filter(|stage| matches!(stage.name, "up" | "matcher"));
        stages
            .map(|stage| format!("http://{}/metrics", stage.management))
            .collect()
    }

    /// kill -9 to a process that matches, the next one each time, and starts it again.
    pub fn kill_a_matcher(&mut self, turn: usize) -> Result<()> {
        let matching: Vec<usize> = (0..self.stages.len())
            .filter(|index| matches!(self.stages[*index].name, "up" | "matcher"))
            .collect();
        let index = matching[turn % matching.len()];
        if let Some(process) = self.stages[index].process.take() {
            self.spent_s += Usage::of(process.id()).map_or(0.0, |usage| usage.cpu_s);
            process.kill()?;
        }
        self.launch(index)
    }

    /// An error that names a process which has ended by itself.
    pub fn check(&mut self) -> Result<()> {
        for stage in &mut self.stages {
            let Some(process) = &mut stage.process else {
                continue;
            };
            if let Some(status) = process.ended()? {
                bail!("{} ended with {status}\n{}", stage.name, process.log_tail());
            }
        }
        Ok(())
    }

    /// What all processes use now; processor time includes those that were killed.
    pub fn usage(&self) -> Usage {
        let processes = self.stages.iter().filter_map(|stage| stage.process.as_ref());
        let used = processes.filter_map(|process| Usage::of(process.id()));
        let sum = used.fold(Usage::default(), |sum, used| sum + used);
        Usage {
            cpu_s: sum.cpu_s + self.spent_s,
            ..sum
        }
    }

    /// The system's database.
    pub fn database(&self) -> &str {
        &self.setup.database
    }

    /// Lets it drain and ends it.
    pub fn stop(&mut self) -> Result<()> {
        let mut outcome = Ok(());
        for stage in &mut self.stages {
            if let Some(process) = stage.process.take() {
                let stopped = process.stop(Signal::INT, STOP_WITHIN);
                outcome = outcome.and(stopped);
            }
        }
        outcome
    }

    /// kill -9 to all that still runs.
    pub fn kill(&mut self) {
        for stage in &mut self.stages {
            if let Some(process) = stage.process.take() {
                let _ = process.kill();
            }
        }
    }
}

impl Drop for System {
    fn drop(&mut self) {
        self.kill();
    }
}

fn loopback() -> Result<SocketAddr> {
    Ok(SocketAddr::from(([127, 0, 0, 1], free_port()?)))
}
