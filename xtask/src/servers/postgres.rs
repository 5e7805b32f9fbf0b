//! PostgreSQL, the machine's own, with a cluster of its own.

use std::fs;
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::process::{self, Command};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use rustix::process::{Signal, geteuid};
use tempfile::TempDir;

use super::process::{Process, User, as_user};
use super::{ports, scratch};
use crate::run;

/// Its superuser, who needs no password from this machine.
const USER: &str = "steelring";
/// The database that is there from the start.
const DATABASE: &str = "steelring";
/// Starting takes half a second; recovery after a kill under load takes longer.
const START_PATIENCE: Duration = Duration::from_secs(60);
const STOP_PATIENCE: Duration = Duration::from_secs(60);
const PORT_TRIES: usize = 3;
/// Several test binaries' pools at once.
const MAX_CONNECTIONS: u32 = 200;

/// A PostgreSQL on a loopback port and a socket of its own, with its data in a folder of its own. It syncs to disk as in
/// production, so that what it says about a crash counts.
pub struct Postgres {
    database: Database,
    programs: PathBuf,
    port: u16,
    user: Option<User>,
    process: Option<Process>,
    folder: TempDir,
}

impl Postgres {
    /// Starts a new one with an empty database and waits until it answers.
    pub fn start() -> Result<Self> {
        let programs = programs()?;
        let mut last = anyhow!("no try was made");
        for _ in 0..PORT_TRIES {
            let mut postgres = Self::prepare(&programs)?;
            match postgres.launch("postgres") {
                Ok(()) => {
                    postgres.database.create_named(DATABASE)?;
                    return Ok(postgres);
                }
                Err(error) if format!("{error:#}").contains("Address already in use") => last = error,
                Err(error) => return Err(error),
            }
        }
        Err(last)
    }

    /// Where its first, empty database is: `postgres://…/steelring`, the same for life, across restarts.
    pub fn url(&self) -> String {
        self.database.url.clone()
    }

    /// The first database, for making others beside it.
    pub fn database(&self) -> &Database {
        &self.database
    }

    /// Makes an empty database of this name and returns its URL.
    pub fn create_database(&self, name: &str) -> Result<String> {
        self.database.create(name)
    }

    /// The folder with the server's data and its log, `postgres.log`.
    pub fn data(&self) -> &Path {
        self.folder.path()
    }

    /// Asks the server to stop without waiting for its clients to leave, and waits until it has. Does nothing to a server
    /// that is down.
    pub fn stop(&mut self) -> Result<()> {
        self.process
            .take()
            .map_or(Ok(()), |process| process.stop(Signal::INT, STOP_PATIENCE))
    }

    /// Ends the server and its sessions' processes at once (SIGKILL). Does nothing to a server that is down.
    pub fn kill(&mut self) -> Result<()> {
        self.process
            .take()
            .map_or(Ok(()), |process| process.kill().map(drop))
    }

    /// Starts the server again on the same port and data, stopping it first if it is up; waits until it answers.
    pub fn restart(&mut self) -> Result<()> {
        self.stop()?;
        self.launch(DATABASE)
    }

    fn prepare(programs: &Path) -> Result<Self> {
        let user = unprivileged()?;
        let folder = scratch::folder("postgres")?;
        if let Some(User { uid, gid }) = user {
            chown(folder.path(), Some(uid), Some(gid))
                .context("handing the data folder to PostgreSQL's user")?;
        }
        let mut init = as_user(user.as_ref(), false);
        init.arg(programs.join("initdb"))
            .arg("--pgdata")
            .arg(folder.path().join("data"));
        init.args([
            "--auth=trust",
            "--encoding=UTF8",
            "--locale=C.UTF-8",
            "--no-sync",
            "--username",
            USER,
        ]);
        // The caller's folder may be closed to PostgreSQL's user.
        run::output(init.current_dir("/")).context("making a PostgreSQL cluster")?;
        let port = ports::free()?;
        let database = Database::at(format!("postgres://{USER}@127.0.0.1:{port}/{DATABASE}"));
        Ok(Self {
            database,
            programs: programs.to_owned(),
            port,
            user,
            process: None,
            folder,
        })
    }

    fn launch(&mut self, probe: &str) -> Result<()> {
        let folder = self.folder.path();
        let log = folder.join("postgres.log");
        let settings = [
            "listen_addresses=127.0.0.1".to_owned(),
            format!("port={}", self.port),
            format!("unix_socket_directories={}", folder.display()),
            format!("max_connections={MAX_CONNECTIONS}"),
            "fsync=on".to_owned(),
        ];
        let mut arguments = vec!["-D".to_owned(), folder.join("data").display().to_string()];
        arguments.extend(
            settings
                .into_iter()
                .flat_map(|setting| ["-c".to_owned(), setting]),
        );
        let postgres = self.programs.join("postgres");
        let mut process = Process::start_as("PostgreSQL", self.user.as_ref(), &postgres, &arguments, &log)?;
        let ready = || {
            let mut psql = Command::new(self.programs.join("psql"));
            psql.args(["-X", "-q", "-h", "127.0.0.1", "-p"])
                .arg(self.port.to_string());
            psql.args(["-U", USER, "-d", probe, "-c", "select 1"]);
            run::succeeds(&mut psql)
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
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // Its data goes with it: nothing is lost by not asking.
        let _ = self.kill();
    }
}

/// One database of a running PostgreSQL, whose user may make others beside it.
#[derive(Clone, Debug)]
pub struct Database {
    url: String,
}

impl Database {
    /// The database at this URL.
    pub fn at(url: String) -> Self {
        Self { url }
    }

    /// Its URL.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Makes an empty database of this name on the same server and returns its URL.
    pub fn create(&self, name: &str) -> Result<String> {
        self.create_named(name)?;
        Ok(self.url_of(name))
    }

    /// Makes an empty database whose name begins with `prefix` and is nobody else's; returns its URL.
    pub fn create_fresh(&self, prefix: &str) -> Result<String> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        self.create(&format!("{prefix}_{}_{number}", process::id()))
    }

    fn create_named(&self, name: &str) -> Result<()> {
        let psql = programs()?.join("psql");
        let mut create = Command::new(psql);
        // From `postgres`, which every cluster has: at the start our own database is still to be made.
        create.args([
            "-X",
            "-q",
            "-v",
            "ON_ERROR_STOP=1",
            "-d",
            &self.url_of("postgres"),
        ]);
        create.args([
            "-c",
            &format!("create database \"{}\"", name.replace('"', "\"\"")),
        ]);
        run::output(&mut create)
            .with_context(|| format!("creating the database {name}"))
            .map(drop)
    }

    fn url_of(&self, name: &str) -> String {
        let (address, options) = match self.url.split_once('?') {
            Some((address, options)) => (address, format!("?{options}")),
            None => (self.url.as_str(), String::new()),
        };
        let server = address.rsplit_once('/').map_or(address, |(server, _)| server);
        format!("{server}/{name}{options}")
    }
}

/// The folder of PostgreSQL's programs: Debian keeps them off the `PATH`, by version; the newest counts.
fn programs() -> Result<PathBuf> {
    let debian = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten();
    let newest = debian
        .filter(|version| version.path().join("bin/postgres").is_file())
        .max_by_key(|version| {
            version
                .file_name()
                .to_str()
                .and_then(|name| name.parse::<u32>().ok())
        });
    if let Some(version) = newest {
        return Ok(version.path().join("bin"));
    }
    let postgres = run::find("postgres").context("postgres is missing: install PostgreSQL's server")?;
    postgres
        .parent()
        .map(Path::to_path_buf)
        .context("postgres is in no folder")
}

/// Whom PostgreSQL runs as when we are root, as which it refuses to run: its own user, or else nobody.
fn unprivileged() -> Result<Option<User>> {
    if !geteuid().is_root() {
        return Ok(None);
    }
    let users = fs::read_to_string("/etc/passwd").context("reading /etc/passwd")?;
    let user = |name: &str| {
        let line = users.lines().find(|line| line.split(':').next() == Some(name))?;
        let mut fields = line.split(':').skip(2);
        Some(User {
            uid: fields.next()?.parse().ok()?,
            gid: fields.next()?.parse().ok()?,
        })
    };
    let user = user("postgres").or_else(|| user("nobody"));
    user.map(Some)
        .context("PostgreSQL does not run as root, and there is no user `postgres` or `nobody`")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_neighbour_keeps_server_and_options() {
        let rows = [
            ("postgres://u@h:1/steelring", "postgres://u@h:1/other"),
            (
                "postgres://u:p@h/steelring?sslmode=disable",
                "postgres://u:p@h/other?sslmode=disable",
            ),
        ];
        for (url, expected) in rows {
            assert_eq!(Database::at(url.to_owned()).url_of("other"), expected);
        }
    }
}
