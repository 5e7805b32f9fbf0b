//! The project's own chores: `cargo xtask up` starts everything for a person, `cargo xtask test` tests everything,
//! `cargo xtask bench` measures everything.

mod chores;

use std::ffi::OsString;
use std::process::ExitCode;

use chores::bench::Bench;
use chores::steps::Step;
use clap::Parser;

/// The project's own chores.
#[derive(Parser)]
#[command(name = "xtask", bin_name = "cargo xtask")]
enum Chore {
    /// Build the page and the binary and start everything in one process with a simulated ring.
    ///
    /// Runs `steelring up --simulate 50` with your arguments after it; your own `--simulate` takes its place. Installs what
    /// the build needs (as root on Debian) or names it. Ctrl-C drains and stops. The exit code is steelring's.
    Up {
        /// Arguments for `steelring up`, such as `--listen ADDR`.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "ARGUMENT")]
        arguments: Vec<OsString>,
    },
    /// Test everything, from format to the end-to-end tests in a browser. CI runs this.
    ///
    /// Stops at the first step that fails. Exit code 0: all passed; 1: a step failed.
    Test {
        /// Run these steps alone, in their usual order.
        #[arg(long, value_delimiter = ',', value_name = "STEP")]
        only: Vec<Step>,
    },
    /// Measure everything, in a release build: the parts by Criterion, the whole by its scenarios.
    ///
    /// Takes a while, and a machine that does nothing else. Prints a figure a line, or with --baseline its ratio to
    /// an earlier run's. Exit code 1: a scenario did not pass.
    Bench(Bench),
}

fn main() -> ExitCode {
    let done = match Chore::parse() {
        Chore::Up { arguments } => chores::up::up(arguments),
        Chore::Test { only } => chores::test::test(&only),
        Chore::Bench(asked) => chores::bench::bench(asked),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
