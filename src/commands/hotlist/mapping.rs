//! What a file's columns hold: a person's mapping, and a guess for one to approve.

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result};
use intelligence::{Guess, Mapping};
use serde_json::{Value, json};

use crate::commands::print_json;
use crate::messages::INPUT_REFUSED;

/// Reads a mapping file, where one is named.
pub fn read(file: Option<&Path>) -> Result<Option<Mapping>> {
    let Some(file) = file else {
        return Ok(None);
    };
    let text = std::fs::read_to_string(file).with_context(|| format!("read {}", file.display()))?;
    let mapping = Mapping::parse(&text).with_context(|| format!("read {}", file.display()))?;
    Ok(Some(mapping))
}

/// The guess that a refusal carries, where it does.
pub fn guess_in(answer: &Value) -> Option<Guess> {
    serde_json::from_value(answer.get("guess")?.clone()).ok()
}

/// Shows a guess: on stdout the mapping alone, so that it can be kept as a file.
pub fn show(guess: &Guess, json: bool) -> Result<ExitCode> {
    if json {
        print_json(&json!({"guess": guess}))?;
        return Ok(INPUT_REFUSED.into());
    }
    for column in &guess.columns {
        let field = column.field.as_deref().unwrap_or("left out");
        eprintln!(
            "  column {:>3} {:24} {field}: {}",
            column.number, column.name, column.because
        );
    }
    eprintln!(
        "if that is right, keep what follows as a file and name it with --mapping; mend it first if not"
    );
    print!("{}", guess.mapping);
    Ok(INPUT_REFUSED.into())
}
