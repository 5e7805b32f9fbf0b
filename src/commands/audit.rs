//! `steelring audit`.

use std::process::ExitCode;

use anyhow::Result;

use super::print_json;
use crate::cli::Audit;
use crate::config::Settings;
use crate::messages::INPUT_REFUSED;
use crate::topology::open_store;

pub async fn run(settings: &Settings, command: &Audit) -> Result<ExitCode> {
    let Audit::Verify { json } = command;
    let verdict = open_store(settings).await?.verify_audit().await?;
    if *json {
        print_json(&verdict)?;
    } else {
        match verdict.broken_at {
            None => println!("{} rows, each follows from the one before", verdict.rows),
            Some(row) => println!("row {row} does not follow from the one before: the trail was changed"),
        }
    }
    Ok(verdict
        .broken_at
        .map_or(ExitCode::SUCCESS, |_| INPUT_REFUSED.into()))
}
