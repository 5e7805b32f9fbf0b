//! `steelring register`: the file of this machine's matcher, checked and put into its place.

use std::fs::File;
use std::io;
use std::path::Path;
use std::process::ExitCode;
use std::time::SystemTime;

use anyhow::{Context, Result, bail};
use domain::Timestamp;
use matcher::register::{self, RegisterError};
use serde::Serialize;

use super::print_json;
use crate::cli::Register;
use crate::config::{Settings, make_data_directory};
use crate::messages::{progress, refuse};
use crate::replace::{Copied, Replacement};

/// A register in its place.
#[derive(Serialize)]
struct Status<'a> {
    file: &'a Path,
    /// When it was put there; none where there is no register, and then the rest is 0.
    loaded_at: Option<Timestamp>,
    file_bytes: u64,
    marks: usize,
    /// What it takes in a matcher's memory.
    memory_bytes: usize,
}

pub fn run(settings: &Settings, command: Register) -> Result<ExitCode> {
    let Some(place) = settings.matching.sources.register.as_deref() else {
        bail!("matching.register names no file");
    };
    match command {
        Register::Load { file, json } => {
            make_data_directory(&settings.data)?;
            load(&file, place, json)
        }
        Register::Remove => super::remove(place, "register"),
        Register::Status { json } => status(place, json),
    }
}

fn load(file: &Path, place: &Path, json: bool) -> Result<ExitCode> {
    let source = File::open(file).with_context(|| format!("read {}", file.display()))?;
    let mut replacement = Replacement::of(place)?;
    let copied = Copied {
        from: &source,
        to: &mut replacement,
    };
    match read(&source, copied, "checking") {
        Ok(register) => {
            replacement.put()?;
            show(&register, place, json)
        }
        // A disk, and no fault of the register.
        Err(error @ RegisterError::Read(_)) => Err(error).with_context(|| format!("load {}", file.display())),
        Err(error) => {
            let refused = format!("{} is refused and nothing was changed", file.display());
            Ok(refuse(&anyhow::Error::new(error).context(refused)))
        }
    }
}

fn status(place: &Path, json: bool) -> Result<ExitCode> {
    let source = match File::open(place) {
        Ok(source) => source,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return show_none(place, json),
        Err(error) => return Err(error).with_context(|| format!("read {}", place.display())),
    };
    match read(&source, &source, "reading") {
        Ok(register) => show(&register, place, json),
        Err(error) => {
            let refused = format!("{} cannot be used", place.display());
            Ok(refuse(&anyhow::Error::new(error).context(refused)))
        }
    }
}

/// Reads a register from what becomes of a file, behind a bar as long as the file.
fn read(file: &File, from: impl io::Read, doing: &'static str) -> Result<register::Register, RegisterError> {
    let length = file.metadata().map_or(0, |about| about.len());
    let bar = progress(length, doing);
    let register = register::file::read(bar.wrap_read(from));
    bar.finish_and_clear();
    register
}

fn show(register: &register::Register, place: &Path, json: bool) -> Result<ExitCode> {
    let about = place
        .metadata()
        .with_context(|| format!("look at {}", place.display()))?;
    let loaded_at = about.modified().map(time).context("ask when the register came")?;
    let (marks, memory_bytes) = (register.len(), register.bytes());
    if json {
        print_json(&Status {
            file: place,
            loaded_at: Some(loaded_at),
            file_bytes: about.len(),
            marks,
            memory_bytes,
        })?;
    } else {
        println!(
            "{marks} marks in {}, loaded {loaded_at}: {:.1} MB of memory, {:.2} bytes a mark",
            place.display(),
            memory_bytes as f64 / 1e6,
            memory_bytes as f64 / marks as f64
        );
    }
    Ok(ExitCode::SUCCESS)
}

fn show_none(place: &Path, json: bool) -> Result<ExitCode> {
    if json {
        print_json(&Status {
            file: place,
            loaded_at: None,
            file_bytes: 0,
            marks: 0,
            memory_bytes: 0,
        })?;
    } else {
        println!("no register: there is no {}", place.display());
    }
    Ok(ExitCode::SUCCESS)
}

fn time(modified: SystemTime) -> Timestamp {
    let now = Timestamp::now();
    Timestamp::try_from(modified).unwrap_or(now)
}
