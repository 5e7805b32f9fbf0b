//! A process: started so that it cannot outlive its owner, stopped politely or killed with all its children.

use std::fs::{self, File};
use std::io;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::OnceLock;
use std::sync::mpsc::{self, Sender};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};
use rustix::process::{Pid, Signal, kill_process};

/// How the names of Steelring's settings begin in the environment.
const SETTINGS: &str = "STEELRING_";
const POLL: Duration = Duration::from_millis(50);
/// How much of a server's log an error message repeats, in lines.
const LOG_TAIL_LINES: usize = 25;

/// A running program and the file that its stdout and stderr go to.
pub struct Process {
    name: &'static str,
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts `program` with `arguments`. The kernel kills it when this process ends, however this process ends. Steelring's
    /// settings in this process's environment are not passed on.
    pub fn start(name: &'static str, program: &Path, arguments: &[String], log: &Path) -> Result<Self> {
        Self::start_as(name, None, program, arguments, log)
    }

    /// The same as another user of the machine, if one is given.
    pub(super) fn start_as(
        name: &'static str,
        user: Option<&User>,
        program: &Path,
        arguments: &[String],
        log: &Path,
    ) -> Result<Self> {
        let mut command = as_user(user, true);
        command.arg(program).args(arguments);
        for (variable, _) in std::env::vars_os() {
            if variable.to_string_lossy().starts_with(SETTINGS) {
                command.env_remove(variable);
            }
        }
        let out = File::options()
            .create(true)
            .append(true)
            .open(log)
            .context("opening the server's log")?;
        // A group of its own: Ctrl-C at a terminal reaches the owner, which then stops the server.
        command
            .stdin(Stdio::null())
            .stdout(out.try_clone()?)
            .stderr(out)
            .process_group(0);
        let child = spawn_lasting(command).with_context(|| format!("starting {name}"))?;
        Ok(Self {
            name,
            child,
            log: log.to_owned(),
        })
    }

    /// Waits until `ready` says so; an error if the server ends first or `patience` runs out.
    pub fn wait_until(&mut self, patience: Duration, ready: impl Fn() -> bool) -> Result<()> {
        let started = Instant::now();
        while !ready() {
            if let Some(status) = self.child.try_wait()? {
                bail!(
                    "{} ended with {status} before it was ready\n{}",
                    self.name,
                    self.log_tail()
                );
            }
            if started.elapsed() > patience {
                bail!(
                    "{} was not ready within {patience:?}\n{}",
                    self.name,
                    self.log_tail()
                );
            }
            thread::sleep(POLL);
        }
        Ok(())
    }

    /// Sends `signal` and waits for the end; kills what has not ended within `patience`, which is an error.
    pub fn stop(mut self, signal: Signal, patience: Duration) -> Result<()> {
        kill_process(self.pid()?, signal).with_context(|| format!("stopping {}", self.name))?;
        let started = Instant::now();
        while self.child.try_wait()?.is_none() {
            if started.elapsed() > patience {
                let tail = self.log_tail();
                let name = self.name;
                self.kill()?;
                bail!("{name} did not stop within {patience:?} and was killed\n{tail}");
            }
            thread::sleep(POLL);
        }
        Ok(())
    }

    /// SIGKILL to the process and to all that it started: what a power cut leaves of it.
    pub fn kill(mut self) -> Result<ExitStatus> {
        let family = descendants(self.child.id());
        self.child.kill()?;
        for pid in family.into_iter().filter_map(pid) {
            // One that has ended already is what was wanted.
            let _ = kill_process(pid, Signal::KILL);
        }
        Ok(self.child.wait()?)
    }

    /// Its number on this machine.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// How it ended, if it has.
    pub fn ended(&mut self) -> Result<Option<ExitStatus>> {
        Ok(self.child.try_wait()?)
    }

    fn pid(&self) -> Result<Pid> {
        pid(self.child.id()).ok_or_else(|| anyhow!("{} has no process id", self.name))
    }

    /// The last lines that it wrote.
    pub fn log_tail(&self) -> String {
        let log = fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(LOG_TAIL_LINES)..].join("\n")
    }
}

/// A user of the machine that a server runs as.
pub(super) struct User {
    pub(super) uid: u32,
    pub(super) gid: u32,
}

/// `setpriv`, to be followed by a program and its arguments: drops to `user` if given and, if `tied`, has the kernel
/// kill the program when the thread that started it ends.
pub(super) fn as_user(user: Option<&User>, tied: bool) -> Command {
    let mut command = Command::new("setpriv");
    if let Some(User { uid, gid }) = user {
        command
            .arg(format!("--reuid={uid}"))
            .arg(format!("--regid={gid}"))
            .arg("--clear-groups");
    }
    if tied {
        command.args(["--pdeathsig", "KILL"]);
    }
    command.arg("--");
    command
}

type Job = (Command, Sender<io::Result<Child>>);

/// Spawns from a thread that lives as long as this process. The death signal comes when the *thread* that spawned ends,
/// and a test's thread ends with its test, long before a shared server may.
fn spawn_lasting(command: Command) -> Result<Child> {
    static SPAWNER: OnceLock<Sender<Job>> = OnceLock::new();
    let spawner = SPAWNER.get_or_init(|| {
        let (jobs, inbox) = mpsc::channel::<Job>();
        thread::spawn(move || {
            for (mut command, reply) in inbox {
                let _ = reply.send(command.spawn());
            }
        });
        jobs
    });
    let (reply, answer) = mpsc::channel();
    spawner
        .send((command, reply))
        .map_err(|_| anyhow!("the spawning thread ended"))?;
    Ok(answer.recv().context("the spawning thread ended")??)
}

/// All processes below `parent`, by Linux's own record.
fn descendants(parent: u32) -> Vec<u32> {
    let mut found = Vec::new();
    let mut open = vec![parent];
    while let Some(next) = open.pop() {
        let children = fs::read_to_string(format!("/proc/{next}/task/{next}/children")).unwrap_or_default();
        let children: Vec<u32> = children
            .split_whitespace()
            .filter_map(|pid| pid.parse().ok())
            .collect();
        found.extend(&children);
        open.extend(&children);
    }
    found
}

fn pid(id: u32) -> Option<Pid> {
    i32::try_from(id).ok().and_then(Pid::from_raw)
}
