//! The command line: a contract that scripts rely on.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use domain::{CameraId, FeedName, ListName, SourceName, UserName};

use crate::bench::{Rate, Scenario};

mod nominal;
mod operation;
mod upkeep;

pub use nominal::{Changing, Nominal};
pub use operation::{ChangingOperation, Operation};
pub use upkeep::Upkeep;

const AFTER_HELP: &str = "\
Settings come from defaults, then the TOML file of --config, then the environment (STEELRING_LISTEN ...), then flags.
Exit codes: 0 done, 1 failed, 2 wrong usage, 3 the input was refused (bad rows, a broken audit trail).
Data goes to stdout, messages to stderr.";

/// A ring of plate-reading cameras, matched, dispatched and answered from one control room.
#[derive(Debug, Parser)]
#[command(name = "steelring", version, after_help = AFTER_HELP)]
pub struct Cli {
    #[command(flatten)]
    pub global: Global,
    #[command(subcommand)]
    pub command: Command,
}

/// Settings that every command takes; the ones left out come from file and environment.
#[derive(Debug, Default, Args)]
pub struct Global {
    /// TOML file with settings; unknown keys are errors.
    #[arg(long, global = true, value_name = "FILE", help_heading = "Settings")]
    pub config: Option<PathBuf>,
    /// Data directory [default: steelring-data].
    #[arg(long, global = true, value_name = "DIR", help_heading = "Settings")]
    pub data: Option<PathBuf>,
    /// Kafka brokers; without them the log is embedded in the data directory.
    #[arg(long, global = true, value_name = "BROKERS", help_heading = "Settings")]
    pub kafka: Option<String>,
    /// Database: postgres://USER@HOST/NAME or sqlite:PATH [default: SQLite in the data directory].
    #[arg(long, global = true, value_name = "URL", help_heading = "Settings")]
    pub database: Option<String>,
    /// Image store: a folder, or s3://BUCKET/PREFIX [default: images in the data directory].
    #[arg(long, global = true, value_name = "PLACE", help_heading = "Settings")]
    pub images: Option<String>,
    /// Folder with the force's files [default: the built-in Merseyside].
    #[arg(long, global = true, value_name = "DIR", help_heading = "Settings")]
    pub force: Option<PathBuf>,
    /// Address of the control room [default: 127.0.0.1:8080].
    #[arg(long, global = true, value_name = "ADDR", help_heading = "Settings")]
    pub listen: Option<String>,
    /// Address that cameras post to [default: 127.0.0.1:8081].
    #[arg(long, global = true, value_name = "ADDR", help_heading = "Settings")]
    pub ingest_listen: Option<String>,
    /// Address of /metrics, /healthz and /readyz [default: 127.0.0.1, port 9100 for up, 9101 ingest, 9102 matcher,
    /// 9103 dispatcher, 9104 control-room].
    #[arg(long, global = true, value_name = "ADDR", help_heading = "Settings")]
    pub management_listen: Option<String>,
    /// This matcher's name in `hotlist status` [default: matcher-HOST-PID].
    #[arg(long, global = true, value_name = "NAME", help_heading = "Settings")]
    pub matcher_name: Option<String>,
    /// Collector of traces, OTLP over HTTP, such as http://127.0.0.1:4318 [default: none, no traces].
    #[arg(long, global = true, value_name = "URL", help_heading = "Settings")]
    pub otlp_endpoint: Option<String>,
    /// Share of reads that are traced, 0 to 1 [default: 0.01].
    #[arg(long, global = true, value_name = "SHARE", help_heading = "Settings")]
    pub otlp_sample: Option<f64>,
    /// Logs as JSON lines.
    #[arg(long, global = true, help_heading = "Settings")]
    pub log_json: bool,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Everything in one process.
    Up {
        /// Adds a simulated ring of steel that offers so many reads a second.
        #[arg(long, value_name = "READS_PER_S")]
        simulate: Option<f64>,
        /// Seed of the simulated world.
        #[arg(long, default_value_t = 1)]
        seed: u64,
    },
    /// Stage 1 alone: cameras' formats in, plate reads into Kafka.
    Ingest,
    /// Stage 2 alone: reads against hotlists.
    Matcher,
    /// Stage 3 alone: hits into cases, units ranked.
    Dispatcher,
    /// Stage 4 alone: the operators' service.
    ControlRoom,
    /// Lists of vehicles of interest, for intelligence units.
    #[command(subcommand)]
    Hotlist(Hotlist),
    /// Lists that are used together for a while, with a yield of their own: docs/hotlists.md.
    #[command(subcommand)]
    Operation(Operation),
    /// People known to intelligence, whose markers their vehicles are looked for by: docs/nominals.md.
    #[command(subcommand)]
    Nominal(Nominal),
    /// What is done about a case beyond what lists say, as data: docs/rules.md.
    #[command(subcommand)]
    Rule(Rule),
    /// The vehicle register of this machine's matcher: which marks there are, and what their vehicles look like.
    ///
    /// A file of the machine, which needs no running system to change: a matcher takes it within seconds. Every machine with a
    /// matcher has its own. It tells a misread from a vehicle of that mark; without one, recent sightings alone do.
    #[command(subcommand)]
    Register(Register),
    /// How this machine's matcher believes that plates are misread.
    ///
    /// A file of the machine, which needs no running system to change: a matcher takes it within seconds. Every machine with a
    /// matcher has its own. Without one, a default table counts.
    #[command(subcommand)]
    Confusion(Confusion),
    /// Seeded reads as NDJSON (to stdout or a file), or into Kafka with --kafka.
    Simulate {
        /// Reads a second.
        #[arg(long)]
        rate: f64,
        /// Seconds of traffic.
        #[arg(long)]
        seconds: u64,
        /// Seed of the simulated world.
        #[arg(long, default_value_t = 1)]
        seed: u64,
        /// Writes NDJSON here instead of stdout.
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// Measures a ring of steel.
    #[command(subcommand)]
    Bench(Bench),
    /// Messages that ingest could not read.
    #[command(subcommand)]
    Dlq(Dlq),
    /// The audit trail.
    #[command(subcommand)]
    Audit(Audit),
    /// People who sign in, and tokens for programs.
    #[command(subcommand)]
    User(User),
    /// Feeds of reads and their tokens.
    #[command(subcommand)]
    Source(Source),
}

#[derive(Debug, Subcommand)]
pub enum Bench {
    /// From a camera's post to an operator's screen: throughput, latency, and every hit accounted for.
    ///
    /// Starts a Steelring of its own in a folder of its own, offers it the reads of a simulated ring, watches it like an
    /// operator's browser, and ends it. With --kafka local and --database local it also starts a Kafka and a PostgreSQL; a
    /// --database that is given must be empty. Exit code 1 where a scenario's criterion does not hold.
    RingOfSteel(RingOfSteel),
}

#[derive(Debug, Args)]
pub struct RingOfSteel {
    /// Reads a second, whatever the system makes of them; or max, as many as it takes.
    #[arg(long, value_parser = crate::commands::bench::rate, default_value = "500")]
    pub rate: Rate,
    /// Seconds of traffic.
    #[arg(long, default_value_t = 60.0)]
    pub seconds: f64,
    /// Entries on all lists.
    #[arg(long, default_value_t = 100_000)]
    pub entries: usize,
    /// How many times as many wanted vehicles (grade 1 to 3) as on a real ring: their hits are what latency is measured on.
    #[arg(long, default_value_t = 10.0)]
    pub wanted: f64,
    /// Seed of the simulated world.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Matcher processes that share the reads; more than one needs Kafka.
    #[arg(long, default_value_t = 1)]
    pub matchers: u32,
    /// What happens meanwhile.
    #[arg(long, value_enum, default_value_t = Scenario::Steady)]
    pub scenario: Scenario,
    /// Reads in a backlog that is drained afterwards, by a matcher and by a bare consumer; 0 for none.
    #[arg(long, default_value_t = 200_000)]
    pub backlog: u64,
    /// Writes the results here as JSON.
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// Writes the results here as a page with plots.
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
}

/// What to change of a list's policy; what is left out stays.
#[derive(Debug, Args)]
pub struct PolicyChange {
    /// Whether a second person must authorise changes: on or off.
    #[arg(long, value_parser = on_or_off, value_name = "on|off")]
    pub four_eyes: Option<bool>,
    /// Longest life of an entry, in days.
    #[arg(long, value_name = "DAYS")]
    pub max_days: Option<u32>,
    /// The unit that answers for the list.
    #[arg(long, value_name = "TEXT")]
    pub owner: Option<String>,
    /// Grade of rows without one, 1 to 4; 0 for the one that follows from action and markers.
    #[arg(long, value_name = "GRADE", value_parser = clap::value_parser!(u8).range(0..=4))]
    pub default_grade: Option<u8>,
    /// Days after which the list must be looked through again.
    #[arg(long, value_name = "DAYS")]
    pub review_days: Option<u32>,
    /// Days from the first notice that an entry of grade 3 or 4 is overdue for review until it opens no case any more.
    #[arg(long, value_name = "DAYS")]
    pub notice_days: Option<u32>,
    /// Whether clients outside may take the list: on or off.
    #[arg(long, value_parser = on_or_off, value_name = "on|off")]
    pub distributed: Option<bool>,
}

fn on_or_off(text: &str) -> Result<bool, String> {
    match text {
        "on" => Ok(true),
        "off" => Ok(false),
        _ => Err("write on or off".to_owned()),
    }
}

#[derive(Debug, Subcommand)]
pub enum Hotlist {
    /// Checks a file without loading it: needs no running system.
    Check {
        /// The file: UK 16 columns, CSV with a header, or JSON; may be zipped.
        file: PathBuf,
        /// What the file's columns hold, where their names do not say so: a TOML file, as a check proposes it.
        #[arg(long, value_name = "FILE")]
        mapping: Option<PathBuf>,
        /// Name of the list that it is for.
        #[arg(long, default_value = "check")]
        list: ListName,
        /// Compares with the list as it is live: what a load would add, change and remove. Needs a running system.
        #[arg(long)]
        live: bool,
        #[command(flatten)]
        server: Server,
        /// Answers as JSON.
        #[arg(long)]
        json: bool,
    },
    /// Makes a file the whole of a list.
    Load {
        /// The list's name.
        list: ListName,
        /// The file: UK 16 columns, CSV with a header, or JSON; may be zipped.
        file: PathBuf,
        /// What the file's columns hold, where their names do not say so: a TOML file, as a check proposes it.
        #[arg(long, value_name = "FILE")]
        mapping: Option<PathBuf>,
        /// Loads the good rows of a file that has bad ones too.
        #[arg(long)]
        accept_good_rows: bool,
        /// Why, for the list's history.
        #[arg(long, default_value = "")]
        why: String,
        /// Answers as JSON.
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        server: Server,
    },
    /// Takes a list, or one mark on it, out of use.
    Withdraw {
        /// The list's name.
        list: ListName,
        /// Only this mark; it never waits for a second person.
        #[arg(long)]
        vrm: Option<String>,
        /// Why, for the list's history.
        #[arg(long, default_value = "")]
        why: String,
        /// Answers as JSON.
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        server: Server,
    },
    /// Shows what a list demands of its changes, or changes it (as a supervisor or an admin).
    Policy {
        /// The list's name; it need not be loaded yet.
        list: ListName,
        #[command(flatten)]
        change: PolicyChange,
        /// Answers as JSON.
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        server: Server,
    },
    /// Changes that wait for a second person.
    Drafts {
        /// Only those of this list.
        list: Option<ListName>,
        /// Answers as JSON.
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        server: Server,
    },
    /// Lets a draft become live; its author may not.
    Authorise {
        /// The draft's number, as `drafts` names it.
        draft: u64,
        /// Why.
        #[arg(long, default_value = "")]
        why: String,
        /// Answers as JSON.
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        server: Server,
    },
    /// Refuses a draft, or takes one's own back.
    Decline {
        /// The draft's number, as `drafts` names it.
        draft: u64,
        /// Why.
        #[arg(long)]
        why: String,
        /// Answers as JSON.
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        server: Server,
    },
    #[command(flatten)]
    Upkeep(Upkeep),
    /// Feeds of lists: what came last from each, and which is late. Exit code 1 where one is, or was refused.
    Feeds {
        /// Answers as JSON.
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        server: Server,
    },
    /// A new token for a feed, to put files into its folder over HTTP; an earlier one is void.
    FeedToken {
        /// The feed's name, as in the settings.
        name: FeedName,
    },
    /// Every list with its entries and revision.
    List {
        /// Answers as JSON.
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        server: Server,
    },
    /// The revision that every running matcher has applied, and which clients have which state of what is distributed; exit code 1
    /// while a matcher lags.
    Status {
        /// Answers as JSON.
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        server: Server,
    },
}

#[derive(Debug, Subcommand)]
pub enum Rule {
    /// Compiles a rule file and runs its own tests: needs no running system.
    #[command(visible_alias = "test")]
    Check {
        /// The file, TOML.
        file: PathBuf,
        /// Answers as JSON.
        #[arg(long)]
        json: bool,
    },
    /// Makes a rule file that passes its tests the one that counts.
    Load {
        /// The file, TOML.
        file: PathBuf,
        /// Answers as JSON.
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        server: Server,
    },
    /// The rules that count, and their version.
    List {
        /// Answers as JSON.
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        server: Server,
    },
}

#[derive(Debug, Subcommand)]
pub enum Register {
    /// Checks the licensing authority's file and puts it into its place, whole or not at all.
    ///
    /// CSV in UTF-8 with a header: the column vrm must be there, make and colour may, others are passed over.
    Load {
        /// The file.
        file: PathBuf,
        /// Answers as JSON.
        #[arg(long)]
        json: bool,
    },
    /// Takes the register out of use.
    Remove,
    /// Reads the register: its marks, the memory that it takes, its file, when it was loaded.
    Status {
        /// Answers as JSON.
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, Subcommand)]
pub enum Confusion {
    /// Prints the table in force, as a file of it would be.
    Show,
    /// Checks a file without loading it.
    Check {
        /// The file: TOML, as docs/confusion.md describes it.
        file: PathBuf,
    },
    /// Checks a file and puts it into its place, whole or not at all.
    Load {
        /// The file: TOML, as docs/confusion.md describes it.
        file: PathBuf,
    },
    /// Takes the table out of use: the default one counts again.
    Remove,
    /// Learns a table from what operators decided and how vehicles were read on their way, and prints it.
    ///
    /// The running control room does it, for an admin: it alone can read an embedded log, and with Kafka it has log and database at
    /// hand. It starts from the table in force on this machine. Nothing is put in force: look at the table, then `load` it.
    Learn {
        /// Writes the table here instead of stdout.
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
        #[command(flatten)]
        server: Server,
    },
}

/// Which running system to talk to. Without these, the one that runs on the data directory.
#[derive(Debug, Default, Args)]
pub struct Server {
    /// Address of the control room (or of ingest, for dlq), with the token in STEELRING_TOKEN.
    #[arg(long, value_name = "URL")]
    pub server: Option<String>,
}

#[derive(Debug, Subcommand)]
pub enum Dlq {
    /// The newest dead letters, without their bytes.
    List {
        /// At most so many.
        #[arg(long, default_value_t = 50)]
        limit: u32,
        /// Answers as JSON.
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        server: Server,
    },
    /// One dead letter, with its original bytes.
    Show {
        /// Its place, PARTITION/OFFSET, as `list` names it.
        place: String,
        /// Writes the original bytes alone to stdout.
        #[arg(long)]
        raw: bool,
        #[command(flatten)]
        server: Server,
    },
    /// Reads the original bytes again, as if they had just come.
    Replay {
        /// Its place, PARTITION/OFFSET, as `list` names it.
        place: String,
        #[command(flatten)]
        server: Server,
    },
}

#[derive(Debug, Subcommand)]
pub enum Audit {
    /// Computes every hash of the trail anew.
    Verify {
        /// Answers as JSON.
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, Subcommand)]
pub enum User {
    /// Adds a user and prints a random password once.
    Add {
        /// Sign-in name.
        name: UserName,
        /// operator, supervisor, intelligence, patrol, client (a program that takes distributed lists) or admin.
        #[arg(long)]
        role: String,
        /// Also prints a token, for programs that act as this user.
        #[arg(long)]
        token: bool,
    },
    /// Every user.
    List {
        /// Answers as JSON.
        #[arg(long)]
        json: bool,
    },
    /// Lets a user sign in no longer; sessions and tokens are void at once.
    Disable {
        /// Sign-in name.
        name: UserName,
    },
}

#[derive(Debug, Subcommand)]
pub enum Source {
    /// Adds a feed and prints its token once; of an existing one, replaces token and cameras.
    Add {
        /// Its name.
        name: SourceName,
        /// The name that its messages have for a camera, and ours: NAME=CAMERA; may be repeated.
        #[arg(long = "camera", value_name = "NAME=CAMERA", value_parser = camera_pair)]
        cameras: Vec<(String, CameraId)>,
    },
    /// Every feed.
    List {
        /// Answers as JSON.
        #[arg(long)]
        json: bool,
    },
    /// Lets a feed post no longer.
    Disable {
        /// Its name.
        name: SourceName,
    },
}

fn camera_pair(text: &str) -> Result<(String, CameraId), String> {
    let (theirs, ours) = text.rsplit_once('=').ok_or("write NAME=CAMERA")?;
    let ours = CameraId::parse(ours).map_err(|error| error.to_string())?;
    Ok((theirs.to_owned(), ours))
}
