//! The cache folder: what is fetched or built once and used by every checkout of one person.

use std::env;
use std::fs::{self, File};
use std::hash::{DefaultHasher, Hasher};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// Written last into a finished entry, so that an interrupted fill starts over.
const COMPLETE: &str = ".complete";

/// The cache folder, made if need be: `STEELRING_TEST_CACHE`, or `steelring` in `XDG_CACHE_HOME` or `~/.cache`.
pub fn dir() -> Result<PathBuf> {
    let dir = match (
        env::var_os("STEELRING_TEST_CACHE"),
        env::var_os("XDG_CACHE_HOME"),
        env::var_os("HOME"),
    ) {
        (Some(dir), _, _) => PathBuf::from(dir),
        (None, Some(cache), _) => PathBuf::from(cache).join("steelring"),
        (None, None, Some(home)) => PathBuf::from(home).join(".cache/steelring"),
        (None, None, None) => anyhow::bail!("no cache folder: set STEELRING_TEST_CACHE or HOME"),
    };
    fs::create_dir_all(&dir).with_context(|| format!("making the cache folder {}", dir.display()))?;
    Ok(dir)
}

/// The entry `name` of the cache, filled by `fill` if it is not there yet. Two processes that want the same entry
/// wait for each other; an entry whose filling failed or was interrupted is filled anew.
pub fn entry(name: &str, fill: impl FnOnce(&Path) -> Result<()>) -> Result<PathBuf> {
    let entry = dir()?.join(name);
    let _lock = lock(name)?;
    if entry.join(COMPLETE).is_file() {
        return Ok(entry);
    }
    if entry.exists() {
        fs::remove_dir_all(&entry).with_context(|| format!("clearing {}", entry.display()))?;
    }
    fs::create_dir_all(&entry)?;
    fill(&entry).with_context(|| format!("filling the cache entry {}", entry.display()))?;
    File::create(entry.join(COMPLETE))?;
    Ok(entry)
}

/// Waits until nobody else on this machine holds the lock `name`, then holds it until the file is dropped.
pub fn lock(name: &str) -> Result<File> {
    let file =
        File::create(dir()?.join(format!("{name}.lock"))).context("making a lock file in the cache")?;
    file.lock()
        .with_context(|| format!("locking {name} in the cache"))?;
    Ok(file)
}

/// A short key for what these bytes say. Not for secrets, and free to differ between compilers: the cost of that
/// is one more fill.
pub fn key(bytes: &[u8]) -> String {
    let mut hasher = DefaultHasher::new();
    hasher.write(bytes);
    format!("{:016x}", hasher.finish())
}
