//! What end-to-end tests share: the real binary as processes, its HTTP addresses, and reads to post.

#![allow(dead_code, reason = "each test binary uses its own part")]
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

pub mod collector;
pub mod load;
pub mod page;
pub mod room;

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// How long anything may take that a user would wait for; generous, since machines are shared.
pub const PATIENCE: Duration = Duration::from_secs(90);

/// A running `steelring`.
pub struct Process {
    child: Child,
    name: String,
    lines: Arc<Mutex<Vec<String>>>,
}

/// The binary, with none of this process's settings.
pub fn steelring() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_steelring"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("STEELRING_")) {
        command.env_remove(name);
    }
    command
}

/// Runs a command to its end.
pub fn run(args: &[&str], environment: &[(&str, &str)]) -> Output {
    steelring()
        .args(args)
        .envs(environment.iter().copied())
        .output()
        .unwrap()
}

/// Runs a command to its end and returns what it printed; it must succeed.
pub fn run_ok(args: &[&str], environment: &[(&str, &str)]) -> String {
    let output = run(args, environment);
    let (out, err) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert!(
        output.status.success(),
        "steelring {args:?}: {}\n{out}\n{err}",
        output.status
    );
    out.into_owned()
}

impl Process {
    /// Starts a command; its output is kept, and shown when the test fails.
    pub fn start(name: &str, args: &[String], environment: &[(String, String)]) -> Self {
        let mut command = steelring();
        command
            .args(args)
            .envs(environment.iter().cloned())
            .stdin(Stdio::null());
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = Arc::new(Mutex::new(Vec::new()));
        collect(name, child.stdout.take().unwrap(), Arc::clone(&lines));
        collect(name, child.stderr.take().unwrap(), Arc::clone(&lines));
        Self {
            child,
            name: name.to_owned(),
            lines,
        }
    }

    /// The rest of the first line that holds `marker`.
    pub fn after(&mut self, marker: &str) -> String {
        let name = self.name.clone();
        eventually(&format!("{name} says {marker:?}"), || {
            if let Some(status) = self.child.try_wait().unwrap() {
                panic!("{name} ended with {status} before it said {marker:?}");
            }
            let lines = self.lines.lock().unwrap();
            lines
                .iter()
                .find_map(|line| line.split_once(marker).map(|(_, rest)| rest.trim().to_owned()))
        })
    }

    /// Everything said so far.
    pub fn said(&self) -> String {
        self.lines.lock().unwrap().join("\n")
    }

    /// kill -9.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Ctrl-C, and how long the end took.
    pub fn stop(&mut self) -> (ExitStatus, Duration) {
        let asked = Instant::now();
        let pid = self.child.id().to_string();
        assert!(
            Command::new("kill")
                .args(["-INT", &pid])
                .status()
                .unwrap()
                .success()
        );
        let status = self.child.wait().unwrap();
        (status, asked.elapsed())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn collect(name: &str, pipe: impl std::io::Read + Send + 'static, lines: Arc<Mutex<Vec<String>>>) {
    let name = name.to_owned();
    std::thread::spawn(move || {
        for line in BufReader::new(pipe).lines().map_while(Result::ok) {
            println!("[{name}] {line}");
            lines.lock().unwrap().push(line);
        }
    });
}

/// Tries until there is an answer.
pub fn eventually<T>(what: &str, mut attempt: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(value) = attempt() {
            return value;
        }
        assert!(start.elapsed() < PATIENCE, "not within {PATIENCE:?}: {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Loads a list and waits until every matcher judges under it.
pub fn load_list(data: &Path, list: &str, environment: &[(&str, &str)]) {
    let file = data.join("list.csv");
    std::fs::write(&file, list).unwrap();
    let (data, file) = (data.to_str().unwrap(), file.to_str().unwrap());
    run_ok(&["hotlist", "load", "stolen", file, "--data", data], environment);
    eventually("the list is on every matcher", || {
        run(&["hotlist", "status", "--data", data], environment)
            .status
            .success()
            .then_some(())
    });
}

/// A port that was free a moment ago: for a process that must come back on the same one.
pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port()
}

/// `steelring up` with addresses and secrets as it announced them.
pub struct Up {
    pub process: Process,
    pub control_room: String,
    pub ingest: String,
    /// None on a later start.
    pub password: Option<String>,
    /// None on a later start.
    pub source_token: Option<String>,
}

impl Up {
    /// Starts everything in one process on `data`, with further arguments.
    pub fn start(data: &Path, further: &[&str], environment: &[(String, String)]) -> Self {
        let mut args = vec!["up", "--data", data.to_str().unwrap()];
        for listen in ["--listen", "--ingest-listen", "--management-listen"] {
            if !further.contains(&listen) {
                args.extend([listen, "127.0.0.1:0"]);
            }
        }
        args.extend(further);
        let args: Vec<String> = args.into_iter().map(str::to_owned).collect();
        let mut process = Process::start("up", &args, environment);
        let control_room = process.after("is on watch: ");
        process.after("Ctrl-C stops");
        let said = process.said();
        let between = |from: &str, to: &str| {
            let rest = said.split_once(from)?.1;
            Some(rest.split_once(to)?.0.trim().to_owned())
        };
        Self {
            control_room,
            ingest: between("cameras post to ", "\n").unwrap(),
            password: between("sign in as admin with ", " ("),
            source_token: between("of the source local: ", " ("),
            process,
        }
    }
}

/// A bearer's JSON requests.
pub struct Api {
    http: reqwest::blocking::Client,
    address: String,
    token: String,
}

impl Api {
    pub fn new(address: &str, token: &str) -> Self {
        let http = reqwest::blocking::Client::builder()
            .timeout(Duration::from_secs(20))
            .build()
            .unwrap();
        Self {
            http,
            address: address.to_owned(),
            token: token.to_owned(),
        }
    }

    /// As the command line beside a running `up`.
    pub fn of_data_directory(data: &Path) -> Self {
        let access = std::fs::read(data.join("local-access.json")).unwrap();
        let access: BTreeMap<String, String> = serde_json::from_slice(&access).unwrap();
        Self::new(&access["control_room"], &access["token"])
    }

    /// Status and JSON of a GET.
    pub fn get(&self, path: &str) -> (u16, serde_json::Value) {
        let response = self
            .http
            .get(format!("{}{path}", self.address))
            .bearer_auth(&self.token)
            .send()
            .unwrap();
        (response.status().as_u16(), response.json().unwrap_or_default())
    }

    /// Status and JSON of a POST; none where nobody answered.
    pub fn try_post(
        &self,
        path: &str,
        content_type: &str,
        body: Vec<u8>,
    ) -> Option<(u16, serde_json::Value)> {
        let request = self
            .http
            .post(format!("{}{path}", self.address))
            .bearer_auth(&self.token);
        let response = request
            .header("content-type", content_type)
            .body(body)
            .send()
            .ok()?;
        Some((response.status().as_u16(), response.json().unwrap_or_default()))
    }

    /// Status and JSON of a POST.
    pub fn post(&self, path: &str, content_type: &str, body: Vec<u8>) -> (u16, serde_json::Value) {
        self.try_post(path, content_type, body).expect("an answer")
    }
}
