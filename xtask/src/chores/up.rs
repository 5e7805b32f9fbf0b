//! `cargo xtask up`: from a checkout to a running control room in one command.

use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::process::Command;

use anyhow::{Context, Result};

use super::release_binary;

/// What the simulated cameras read, in reads a second, unless the caller says otherwise.
const SIMULATED_READS_PER_S: &str = "50";

/// Builds what is not built, then becomes `steelring up`: signals and the exit code are its own.
pub(crate) fn up(arguments: Vec<OsString>) -> Result<()> {
    let binary = release_binary()?;
    let mut steelring = Command::new(&binary);
    steelring.arg("up").args(with_default_rate(arguments));
    // `exec` returns only if it failed.
    Err(steelring.exec()).with_context(|| format!("starting {}", binary.display()))
}

fn with_default_rate(given: Vec<OsString>) -> Vec<OsString> {
    let own_rate = given.iter().any(|argument| {
        argument
            .to_str()
            .is_some_and(|text| text == "--simulate" || text.starts_with("--simulate="))
    });
    let default = (!own_rate).then(|| ["--simulate".into(), SIMULATED_READS_PER_S.into()]);
    default.into_iter().flatten().chain(given).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_given_rate_takes_the_place_of_the_default() {
        let rows: [(&[&str], &[&str]); 4] = [
            (&[], &["--simulate", "50"]),
            (&["--seed", "7"], &["--simulate", "50", "--seed", "7"]),
            (&["--simulate", "9"], &["--simulate", "9"]),
            (&["--simulate=0", "--seed", "7"], &["--simulate=0", "--seed", "7"]),
        ];
        for (given, expected) in rows {
            let given = given.iter().map(OsString::from).collect();
            assert_eq!(with_default_rate(given), expected);
        }
    }
}
