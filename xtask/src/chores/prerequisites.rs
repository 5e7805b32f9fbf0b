//! What must be on the machine: installed where we may, named where we may not.

use std::fs;
use std::process::Command;

use anyhow::{Result, bail};
use rustix::process::geteuid;
use xtask::{page, run};

/// Kafka 4 does not run on an older one.
const OLDEST_JAVA: u32 = 17;

/// Something that must be there, the Debian package that brings it, and how to see it.
pub(crate) struct Need {
    what: &'static str,
    package: &'static str,
    present: fn() -> bool,
}

/// What building the page and the binary takes.
pub(crate) fn to_build() -> Vec<Need> {
    vec![
        need("a C compiler", "build-essential", || {
            has("cc") && has("c++") && has("make")
        }),
        need("cmake", "cmake", || has("cmake")),
        need("pkg-config", "pkg-config", || has("pkg-config")),
        need("OpenSSL's headers", "libssl-dev", || library("openssl")),
        need("zlib's headers", "zlib1g-dev", || library("zlib")),
        need("Python with its venv module", "python3-venv", python),
    ]
}

/// What testing takes besides.
pub(crate) fn to_test() -> Vec<Need> {
    let mut needs = to_build();
    needs.extend([
        need("Chromium", "chromium", || page::chromium().is_ok()),
        need("PostgreSQL's server", "postgresql", postgres),
        need("a Java runtime, 17 or newer", "default-jre-headless", java),
        need("Maven", "maven", || has("mvn")),
        need("setpriv", "util-linux", || has("setpriv")),
    ]);
    needs
}

/// Installs by `apt-get` what is missing, when root on Debian; otherwise an error names what to install.
pub(crate) fn ensure(needs: &[Need]) -> Result<()> {
    let missing = missing(needs);
    if missing.is_empty() {
        return Ok(());
    }
    let packages: Vec<&str> = missing.iter().map(|need| need.package).collect();
    if !(geteuid().is_root() && has("apt-get")) {
        bail!("{}", advice(&missing));
    }
    println!("missing: {}; installing {}", names(&missing), packages.join(" "));
    run::show(apt_get().args(["-qq", "update"]))?;
    run::show(
        apt_get()
            .args(["-qq", "-y", "--no-install-recommends", "install"])
            .args(packages),
    )?;
    let missing = self::missing(needs);
    if !missing.is_empty() {
        bail!("still missing after the install: {}", names(&missing));
    }
    Ok(())
}

/// The parts of the Rust toolchain that only tests use. They come with the toolchain, not from Debian.
pub(crate) fn ensure_components() -> Result<()> {
    for (subcommand, component) in [("fmt", "rustfmt"), ("clippy", "clippy")] {
        if !run::succeeds(super::cargo().args([subcommand, "--version"])) {
            bail!("{component} is missing: `rustup component add {component}`");
        }
    }
    Ok(())
}

fn need(what: &'static str, package: &'static str, present: fn() -> bool) -> Need {
    Need {
        what,
        package,
        present,
    }
}

fn missing(needs: &[Need]) -> Vec<&Need> {
    needs.iter().filter(|need| !(need.present)()).collect()
}

fn names(needs: &[&Need]) -> String {
    needs.iter().map(|need| need.what).collect::<Vec<_>>().join(", ")
}

fn advice(missing: &[&Need]) -> String {
    let packages: Vec<&str> = missing.iter().map(|need| need.package).collect();
    let packages = packages.join(" ");
    format!(
        "missing: {}\non Debian: sudo apt-get install --no-install-recommends {packages}",
        names(missing)
    )
}

fn apt_get() -> Command {
    let mut command = Command::new("apt-get");
    // A log is no terminal: no progress bars in it.
    command
        .env("DEBIAN_FRONTEND", "noninteractive")
        .args(["-o", "Dpkg::Use-Pty=0"]);
    command
}

fn has(program: &str) -> bool {
    run::find(program).is_some()
}

fn library(name: &str) -> bool {
    run::succeeds(Command::new("pkg-config").args(["--exists", name]))
}

fn python() -> bool {
    run::succeeds(Command::new("python3").args(["-c", "import ensurepip, venv"]))
}

fn postgres() -> bool {
    // Debian keeps the server off the PATH, in a folder by version that its client shares.
    let mut versions = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten();
    has("psql") && (versions.any(|version| version.path().join("bin/postgres").is_file()) || has("postgres"))
}

fn java() -> bool {
    let version = run::output(Command::new("java").arg("--version")).unwrap_or_default();
    // "openjdk 17.0.15 2025-04-15"
    let major = version
        .split_whitespace()
        .nth(1)
        .and_then(|number| number.split(['.', '-']).next()?.parse().ok());
    major >= Some(OLDEST_JAVA)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn advice_names_every_missing_thing_and_one_command() {
        let absent = need("a thing", "thing-dev", || false);
        let present = need("another", "another-dev", || true);
        let needs = [absent, present];
        let text = advice(&missing(&needs));
        assert!(
            text.contains("missing: a thing\n") && text.ends_with("thing-dev"),
            "{text}"
        );
    }
}
