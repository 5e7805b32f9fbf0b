//! The steps of `cargo xtask test`, in the order in which they run: what is quick to fail comes early.

use std::cell::{Cell, OnceCell};
use std::env;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use clap::ValueEnum;
use xtask::servers::{Kafka, Postgres, TEST_KAFKA, TEST_POSTGRES};
use xtask::{page, run, workspace_root};

use super::bench::growth;
use super::target::Slot;
use super::{cargo, deny, metadata, packages, prerequisites};

/// A step of the tests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Step {
    /// Debian packages, a Node, parts of the Rust toolchain: installed or named
    Prerequisites,
    /// cargo fmt --check
    Format,
    /// Licences, sources and known vulnerabilities of the dependencies, by cargo-deny
    Deny,
    /// The page: types, lint, unit tests, build
    Page,
    /// cargo clippy, every warning an error
    Clippy,
    /// cargo test, on a real Kafka and PostgreSQL, end-to-end tests in a browser included
    Test,
    /// Every benchmark once and every curve of growth from two small sizes, to see that they run
    Bench,
    /// cargo doc, every warning an error
    Doc,
}

/// How many tests did what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
    pub(crate) ignored: u64,
}

/// One run of the tests: what its steps share.
pub(crate) struct Run {
    root: PathBuf,
    slot: OnceCell<Slot>,
    counts: Cell<Counts>,
}

impl Run {
    /// A run in this checkout.
    pub(crate) fn new() -> Self {
        Self {
            root: workspace_root(),
            slot: OnceCell::new(),
            counts: Cell::default(),
        }
    }

    /// Runs one step; an error is its failure.
    pub(crate) fn step(&self, step: Step) -> Result<()> {
        match step {
            Step::Prerequisites => prerequisites(),
            Step::Format => run::show(cargo().args(["fmt", "--all", "--check"]).current_dir(&self.root)),
            Step::Deny => deny::check(&self.root),
            Step::Page => self.page(),
            Step::Clippy => self.clippy(),
            Step::Test => self.test(),
            Step::Bench => self.bench(),
            Step::Doc => self.doc(),
        }
    }

    /// The Rust tests so far.
    pub(crate) fn counts(&self) -> Counts {
        self.counts.get()
    }

    fn page(&self) -> Result<()> {
        let node = page::node()?;
        page::install()?;
        for script in [&["run", "check"][..], &["run", "lint", "--if-present"], &["test"]] {
            // With CI set, a test runner runs once instead of watching.
            let mut npm = node.command("npm");
            run::show(npm.args(script).env("CI", "true").current_dir(page::sources()))?;
        }
        page::build().map(drop)
    }

    fn clippy(&self) -> Result<()> {
        let mut clippy = self.building()?;
        run::show(clippy.args(["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]))
    }

    fn test(&self) -> Result<()> {
        let mut test = self.building()?;
        test.args(["test", "--workspace", "--no-fail-fast"]);
        // Compiled before the servers start: they would only sit in the compiler's memory.
        run::show(
            self.building()?
                .args(["test", "--workspace", "--no-run", "--quiet"]),
        )?;
        let kafka = Kafka::start()?;
        let postgres = Postgres::start()?;
        test.env(TEST_KAFKA, kafka.brokers())
            .env(TEST_POSTGRES, postgres.url());
        self.count(&mut test)
    }

    fn bench(&self) -> Result<()> {
        let metadata = metadata(&self.root)?;
        let mut targets = packages(&metadata)
            .flat_map(|package| package["targets"].as_array())
            .flatten();
        if !targets.any(|target| target["kind"][0] == "bench") {
            println!("there are no benchmarks");
            return Ok(());
        }
        // Under `cargo test`, Criterion runs each benchmark once and measures nothing.
        run::show(self.building()?.args(["test", "--workspace", "--bench", "*"]))?;
        // Cargo has built the binary for them, too.
        growth::try_out(&growth::Rig {
            steelring: self.target()?.join("debug/steelring"),
            cargo: &|| self.building(),
            tiny: true,
        })
    }

    fn doc(&self) -> Result<()> {
        let mut doc = self.building()?;
        run::show(
            doc.args(["doc", "--workspace", "--no-deps"])
                .env("RUSTDOCFLAGS", "-D warnings"),
        )
    }

    /// A Cargo that compiles: into a slot of the cache unless the caller named a folder; with the page built, which
    /// the binary embeds.
    fn building(&self) -> Result<Command> {
        page::build()?;
        let mut command = cargo();
        command.current_dir(&self.root);
        if env::var_os("CARGO_TARGET_DIR").is_none() {
            // What incremental compilation keeps is of no use to the next clone, and is gigabytes.
            command
                .env("CARGO_TARGET_DIR", self.slot()?.dir())
                .env("CARGO_INCREMENTAL", "0");
        }
        Ok(command)
    }

    /// Where [`Self::building`] builds.
    fn target(&self) -> Result<PathBuf> {
        match env::var_os("CARGO_TARGET_DIR") {
            Some(dir) => Ok(self.root.join(dir)),
            None => Ok(self.slot()?.dir().to_owned()),
        }
    }

    fn slot(&self) -> Result<&Slot> {
        if let Some(slot) = self.slot.get() {
            return Ok(slot);
        }
        let metadata = metadata(&self.root)?;
        let names = packages(&metadata).filter_map(|package| package["name"].as_str());
        let members: Vec<String> = names.map(str::to_owned).collect();
        let slot = Slot::claim(&self.root, &members)?;
        println!("building in {}", slot.dir().display());
        Ok(self.slot.get_or_init(|| slot))
    }

    /// Runs `cargo test` with its output shown, and adds up the closing lines of its test binaries.
    fn count(&self, test: &mut Command) -> Result<()> {
        let line = run::line(test);
        let mut child = test
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("starting `{line}`"))?;
        let stdout = child.stdout.take().context("cargo test has no output")?;
        let mut counts = self.counts.get();
        for line in BufReader::new(stdout).split(b'\n') {
            let line = line?;
            let line = String::from_utf8_lossy(&line);
            println!("{line}");
            counts.add(&line);
        }
        self.counts.set(counts);
        let status = child.wait()?;
        if !status.success() {
            bail!("`{line}` ended with {status}");
        }
        Ok(())
    }
}

impl Counts {
    /// Adds `test result: ok. 3 passed; 0 failed; 1 ignored; …`; any other line is nothing.
    fn add(&mut self, line: &str) {
        let Some((_, result)) = line.split_once("test result: ") else {
            return;
        };
        for part in result.split([';', '.']) {
            let mut words = part.split_whitespace();
            let (Some(number), Some(what)) = (
                words.next().and_then(|word| word.parse::<u64>().ok()),
                words.next(),
            ) else {
                continue;
            };
            match what {
                "passed" => self.passed += number,
                "failed" => self.failed += number,
                "ignored" => self.ignored += number,
                _ => {}
            }
        }
    }
}

fn prerequisites() -> Result<()> {
    prerequisites::ensure(&prerequisites::to_test())?;
    prerequisites::ensure_components()?;
    println!("Node {}", page::node()?.version());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn closing_lines_add_up() {
        let mut counts = Counts::default();
        for line in [
            "running 4 tests",
            "test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.01s",
            "test a_test_about_10 passed; or failed ... ok",
            "test result: FAILED. 2 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; finished in 1.50s",
        ] {
            counts.add(line);
        }
        assert_eq!(
            counts,
            Counts {
                passed: 5,
                failed: 1,
                ignored: 1
            }
        );
    }
}
