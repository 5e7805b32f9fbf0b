//! The page's packages and its build, each done again only when what it comes from has changed.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::{Node, node};
use crate::{cache, run, workspace_root};

/// What npm and the build make; everything else in the page's folder is its source.
const MADE: [&str; 2] = ["node_modules", "dist"];

/// The page's folder.
pub fn sources() -> PathBuf {
    workspace_root().join("control-room/ui")
}

/// Installs the packages that the page's lock file names, unless they are there; returns `node_modules`.
pub fn install() -> Result<PathBuf> {
    let node = node()?;
    let _lock = lock()?;
    install_with(&node)
}

/// Builds the page into `dist`, unless that is what its sources give; returns `dist`.
pub fn build() -> Result<PathBuf> {
    let node = node()?;
    let _lock = lock()?;
    let modules = install_with(&node)?;
    let dist = sources().join("dist");
    let stamp = Stamp::new(modules.join(".built-from"), &sources_key()?);
    if !(stamp.holds() && dist.join("index.html").is_file()) {
        run::show(node.command("npm").args(["run", "build"]).current_dir(sources()))?;
        stamp.set()?;
    }
    Ok(dist)
}

fn install_with(node: &Node) -> Result<PathBuf> {
    let sources = sources();
    let wanted =
        fs::read(sources.join("package-lock.json")).context("reading the page's package-lock.json")?;
    let modules = sources.join("node_modules");
    let key = format!("{} {}", cache::key(&wanted), node.version());
    let stamp = Stamp::new(modules.join(".installed-from"), &key);
    if !stamp.holds() {
        let mut install = node.command("npm");
        install.args(["ci", "--prefer-offline", "--no-audit", "--no-fund"]);
        run::show(install.current_dir(sources))?;
        stamp.set()?;
    }
    Ok(modules)
}

/// One at a time in one checkout, however many tests and chores ask.
fn lock() -> Result<fs::File> {
    cache::lock(&format!(
        "page-{}",
        cache::key(sources().as_os_str().as_encoded_bytes())
    ))
}

fn sources_key() -> Result<String> {
    let mut contents = Vec::new();
    collect(&sources(), &mut contents)?;
    Ok(cache::key(&contents))
}

/// Appends the names and contents of a folder's files, in order of their names.
fn collect(dir: &Path, contents: &mut Vec<u8>) -> Result<()> {
    let entries = fs::read_dir(dir).with_context(|| format!("reading {}", dir.display()))?;
    let mut paths = entries
        .map(|entry| Ok(entry?.path()))
        .collect::<Result<Vec<_>>>()?;
    paths.sort();
    for path in paths {
        let made = path
            .file_name()
            .is_some_and(|name| MADE.iter().any(|made| name == *made));
        if path.is_dir() && !made {
            collect(&path, contents)?;
        } else if path.is_file() {
            contents.extend(path.as_os_str().as_encoded_bytes());
            contents.extend(fs::read(&path).with_context(|| format!("reading {}", path.display()))?);
        }
    }
    Ok(())
}

/// A file that records what something was made from.
struct Stamp {
    file: PathBuf,
    key: String,
}

impl Stamp {
    fn new(file: PathBuf, key: &str) -> Self {
        Self {
            file,
            key: key.to_owned(),
        }
    }

    fn holds(&self) -> bool {
        fs::read_to_string(&self.file).is_ok_and(|recorded| recorded == self.key)
    }

    fn set(&self) -> Result<()> {
        fs::write(&self.file, &self.key).with_context(|| format!("writing {}", self.file.display()))
    }
}
