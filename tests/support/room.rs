//! Every stage as a process of its own, on real servers.

use super::{Process, eventually, free_port, run_ok};

/// The stages, in the order in which data passes.
pub const STAGES: [&str; 4] = ["ingest", "matcher", "dispatcher", "control-room"];

/// Every stage as a process of its own.
pub struct Room {
    pub data: tempfile::TempDir,
    pub ingest: String,
    /// Of a source that may post to ingest.
    pub token: String,
    pub database: String,
    environment: Vec<(String, String)>,
    stages: Vec<(&'static str, Process)>,
}

impl Room {
    /// Starts every stage, with further settings by their names as variables without the prefix.
    pub fn open(brokers: &str, database: &str, further: &[(&str, &str)]) -> Self {
        let data = tempfile::tempdir().unwrap();
        let (ingest, control_room) = (free_port(), free_port());
        let (ingest, control_room) = (format!("127.0.0.1:{ingest}"), format!("127.0.0.1:{control_room}"));
        let folder = data.path().display().to_string();
        let settings = [
            ("KAFKA", brokers),
            ("DATABASE", database),
            ("DATA", &folder),
            ("INGEST_LISTEN", &ingest),
            ("LISTEN", &control_room),
            ("MANAGEMENT_LISTEN", "127.0.0.1:0"),
        ];
        let environment = settings.iter().chain(further);
        let environment = environment.map(|(name, value)| (format!("STEELRING_{name}"), (*value).to_owned()));
        let mut room = Self {
            data,
            ingest: format!("http://{ingest}"),
            token: String::new(),
            database: database.to_owned(),
            environment: environment.collect(),
            stages: Vec::new(),
        };
        room.token = run_ok(&["source", "add", "test"], &room.plain())
            .trim()
            .to_owned();
        let secrets = run_ok(
            &["user", "add", "intel", "--role", "intelligence", "--token"],
            &room.plain(),
        );
        let token = secrets.split_once("token ").unwrap().1.trim();
        let address = format!("http://{control_room}");
        let access = serde_json::json!({"control_room": address, "ingest": room.ingest, "token": token});
        std::fs::write(room.data.path().join("local-access.json"), access.to_string()).unwrap();
        for stage in STAGES {
            room.start(stage);
        }
        eventually("the control room answers", || {
            reqwest::blocking::get(format!("{address}/readyz"))
                .ok()
                .filter(|r| r.status().is_success())
                .map(drop)
        });
        room
    }

    /// The settings, as a command takes them.
    pub fn plain(&self) -> Vec<(&str, &str)> {
        self.environment
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect()
    }

    fn start(&mut self, stage: &'static str) {
        self.stages.push((
            stage,
            Process::start(stage, &[stage.to_owned()], &self.environment),
        ));
    }

    /// kill -9, and the stage again.
    pub fn kill_and_restart(&mut self, stage: &'static str) {
        let index = self.stages.iter().position(|(name, _)| *name == stage).unwrap();
        self.stages.swap_remove(index).1.kill();
        self.start(stage);
    }

    /// Ctrl-C to every stage.
    pub fn stop(mut self) {
        for (stage, process) in &mut self.stages {
            let (status, _) = process.stop();
            assert!(status.success(), "{stage} ends cleanly: {status}");
        }
    }
}
