//! Steelring's one binary: every stage, everything in one process, and the tools around them.

mod bench;
mod cli;
mod client;
mod commands;
mod config;
mod force;
mod management;
mod messages;
mod topology;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    let cli = cli::Cli::parse();
    messages::start_logging(cli.global.log_json);
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return messages::fail(&anyhow::Error::new(error).context("start the async runtime")),
    };
    match runtime.block_on(commands::run(cli)) {
        Ok(code) => code,
        Err(error) => messages::fail(&error),
    }
}
