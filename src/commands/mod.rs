//! What each command does.

mod audit;
pub mod bench;
mod confusion;
mod dlq;
mod hotlist;
mod nominal;
mod operation;
mod register;
mod rule;
mod simulate;
mod source;
mod stage;
mod up;
mod user;

use std::io;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result};
use serde::Serialize;

use crate::cli::{Cli, Command};
use crate::config::Settings;

/// Runs a command.
pub async fn run(cli: Cli) -> Result<ExitCode> {
    let load = || Settings::load(&cli.global);
    match cli.command {
        // Chooses some settings by itself.
        Command::Bench(command) => bench::run(cli.global, command).await,
        Command::Up { simulate, seed } => up::run(&load()?, simulate, seed).await,
        Command::Ingest => stage::ingest(&load()?).await,
        Command::Matcher => stage::matcher(&load()?).await,
        Command::Dispatcher => stage::dispatcher(&load()?).await,
        Command::ControlRoom => stage::control_room(&load()?).await,
        Command::Hotlist(command) => hotlist::run(&load()?, command).await,
        Command::Operation(command) => operation::run(&load()?, command).await,
        Command::Nominal(command) => nominal::run(&load()?, command).await,
        Command::Rule(command) => rule::run(&load()?, command).await,
        Command::Register(command) => register::run(&load()?, command),
        Command::Confusion(command) => confusion::run(&load()?, command).await,
        Command::Simulate {
            rate,
            seconds,
            seed,
            out,
        } => simulate::run(&load()?, rate, seconds, seed, out.as_deref()).await,
        Command::Dlq(command) => dlq::run(&load()?, command).await,
        Command::Audit(command) => audit::run(&load()?, &command).await,
        Command::User(command) => user::run(&load()?, command).await,
        Command::Source(command) => source::run(&load()?, command).await,
    }
}

/// Who the audit trail names for what was done on the command line.
const ACTOR: &str = "command-line";

/// Prints data as JSON.
fn print_json(value: &impl Serialize) -> Result<()> {
    println!("{}", serde_json::to_string_pretty(value).context("write JSON")?);
    Ok(())
}

/// Takes a file out of its place; one that is not there is out already.
fn remove(place: &Path, what: &str) -> Result<ExitCode> {
    match std::fs::remove_file(place) {
        Ok(()) => eprintln!("the {what} is out of use"),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            eprintln!("no {what}: there is no {}", place.display());
        }
        Err(error) => return Err(error).with_context(|| format!("remove {}", place.display())),
    }
    Ok(ExitCode::SUCCESS)
}
