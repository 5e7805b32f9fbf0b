//! Data folders of test servers, swept up after processes that could not do it themselves.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process;

use anyhow::{Context, Result};
use tempfile::TempDir;

const PREFIX: &str = "steelring-server-";

/// A new empty folder, removed on drop. Its name carries the process id: a shared server lives in a static, which
/// Rust never drops, so the next process to make a folder removes those whose process is gone.
pub fn folder(server: &str) -> Result<TempDir> {
    let base = env::temp_dir();
    sweep(&base);
    tempfile::Builder::new()
        .prefix(&format!("{PREFIX}{}-{server}-", process::id()))
        .tempdir_in(&base)
        .context("making a data folder for a test server")
}

/// Removes what ended processes left; what cannot be removed belongs to someone else.
fn sweep(base: &Path) {
    let Ok(entries) = fs::read_dir(base) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let owner = name.to_str().and_then(owner);
        if owner.is_some_and(|owner| !PathBuf::from(format!("/proc/{owner}")).exists()) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

/// The process id in a folder's name.
fn owner(name: &str) -> Option<u32> {
    name.strip_prefix(PREFIX)?.split('-').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_of_ended_processes_are_swept_and_others_kept() {
        let base = tempfile::tempdir().unwrap();
        // Process ids end at 4194304 on Linux.
        let dead = base.path().join(format!("{PREFIX}4194999-kafka-x"));
        let alive = base.path().join(format!("{PREFIX}{}-kafka-x", process::id()));
        let foreign = base.path().join("somebody-4194999-else");
        for dir in [&dead, &alive, &foreign] {
            fs::create_dir(dir).unwrap();
        }
        sweep(base.path());
        assert_eq!(
            (dead.exists(), alive.exists(), foreign.exists()),
            (false, true, true)
        );
    }
}
