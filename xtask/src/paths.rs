//! Where the checkout is, and the sample data beside it.

use std::env;
use std::path::{Path, PathBuf};

/// The root of this checkout: the folder of the workspace's `Cargo.toml`.
///
/// Cargo names the manifest of whatever it runs; outside Cargo the place of compilation counts.
pub fn workspace_root() -> PathBuf {
    let manifest = env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
    let compiled = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    manifest
        .as_deref()
        .and_then(root_above)
        .or_else(|| root_above(&compiled))
        .unwrap_or(compiled)
}

/// The folder of real sample payloads and map data that some tests compare with: `shared` beside the checkout,
/// or what `STEELRING_TEST_SHARED` names. `None` where it is absent, as it is outside the project's own machines.
pub fn shared_dir() -> Option<PathBuf> {
    let dir = match env::var_os("STEELRING_TEST_SHARED") {
        Some(dir) => PathBuf::from(dir),
        None => workspace_root().parent()?.join("shared"),
    };
    dir.is_dir().then_some(dir)
}

/// A file in [`shared_dir`], such as `payloads/x`. Where it is absent, says on stderr that the test is skipped.
pub fn shared_file(name: &str) -> Option<PathBuf> {
    let file = shared_dir()
        .map(|dir| dir.join(name))
        .filter(|file| file.exists());
    if file.is_none() {
        eprintln!("skipped: ../shared/{name} is absent (STEELRING_TEST_SHARED names another folder)");
    }
    file
}

/// The nearest folder above `start` that holds this crate as `xtask`.
fn root_above(start: &Path) -> Option<PathBuf> {
    start
        .ancestors()
        .find(|dir| dir.join("xtask/Cargo.toml").is_file())
        .map(Path::to_path_buf)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn root_is_found_from_a_member_and_from_itself() {
        let root = workspace_root();
        assert!(root.join("xtask/kafka/pom.xml").is_file());
        assert_eq!(root_above(&root.join("xtask/src")), Some(root.clone()));
        assert_eq!(root_above(&root), Some(root));
    }

    #[test]
    fn absent_sample_is_none() {
        assert_eq!(shared_file("no/such/sample"), None);
    }
}
