//! What each command does.

mod audit;
mod dlq;
mod hotlist;
mod simulate;
mod source;
mod stage;
mod up;
mod user;

use std::process::ExitCode;

use anyhow::{Context, Result};
use serde::Serialize;

use crate::cli::{Cli, Command};
use crate::config::Settings;

/// Runs a command.
pub async fn run(cli: Cli) -> Result<ExitCode> {
    let settings = Settings::load(&cli.global)?;
    match cli.command {
        Command::Up { simulate, seed } => up::run(&settings, simulate, seed).await,
        Command::Ingest => stage::ingest(&settings).await,
        Command::Matcher => stage::matcher(&settings).await,
        Command::Dispatcher => stage::dispatcher(&settings).await,
        Command::ControlRoom => stage::control_room(&settings).await,
        Command::Hotlist(command) => hotlist::run(&settings, command).await,
        Command::Simulate {
            rate,
            seconds,
            seed,
            out,
        } => simulate::run(&settings, rate, seconds, seed, out.as_deref()).await,
        Command::Dlq(command) => dlq::run(&settings, command).await,
        Command::Audit(command) => audit::run(&settings, &command).await,
        Command::User(command) => user::run(&settings, command).await,
        Command::Source(command) => source::run(&settings, command).await,
    }
}

/// Who the audit trail names for what was done on the command line.
const ACTOR: &str = "command-line";

/// Prints data as JSON.
fn print_json(value: &impl Serialize) -> Result<()> {
    println!("{}", serde_json::to_string_pretty(value).context("write JSON")?);
    Ok(())
}
