//! Where `cargo xtask test` has Cargo build, so that a fresh clone does not compile 400 dependencies again.
//!
//! The cache holds a few *slots*, target folders each used by one run at a time. A run takes the slot that its checkout
//! had last, or else one whose checkout is gone, or else the newest free one. Dependencies in it stay valid: Cargo keys
//! them by compiler, version, features and profile. The workspace's own crates do not: Cargo keys a workspace
//! member by its path *within* the workspace and trusts file times, so that after two checkouts built in turn, the first
//! would be given the second's code. A slot that changes hands therefore forgets those.

use std::fs::{self, File};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::{Context, Result};
use xtask::cache;

/// Slots kept: one for a person's checkout, one for clones that come and go.
const KEPT: usize = 2;
/// A slot larger than this, in bytes, has gathered enough of what older dependencies left and starts anew. One build
/// takes some 6 GB.
const LARGEST: u64 = 24_000_000_000;

/// A target folder that is ours until this is dropped.
pub(crate) struct Slot {
    dir: PathBuf,
    _lock: File,
}

impl Slot {
    /// Takes a slot for the checkout at `root`, whose workspace has these `members`.
    pub(crate) fn claim(root: &Path, members: &[String]) -> Result<Self> {
        Self::claim_in(&cache::dir()?.join("target"), root, members)
    }

    /// The folder, for `CARGO_TARGET_DIR`.
    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    fn claim_in(slots: &Path, root: &Path, members: &[String]) -> Result<Self> {
        fs::create_dir_all(slots).context("making the folder of build slots")?;
        let checkout = Checkout::at(root)?;
        let mut known = known(slots)?;
        known.sort_by_key(|slot| slot.preference(&checkout));
        let taken = known.iter().find_map(|slot| Some((slot, slot.try_lock()?)));
        let (slot, lock) = match taken {
            Some((slot, lock)) => (slot.clone(), lock),
            None => fresh(slots)?,
        };
        slot.adopt(&checkout, members)?;
        prune(&known);
        Ok(Self {
            dir: slot.dir,
            _lock: lock,
        })
    }
}

/// A slot as it lies on the disk: a folder, and beside it a lock and a record of whose it was.
#[derive(Clone)]
struct Known {
    dir: PathBuf,
    owner: Option<Checkout>,
    used: SystemTime,
}

impl Known {
    fn at(dir: PathBuf) -> Self {
        let record = dir.with_extension("owner");
        let used = fs::metadata(&record)
            .and_then(|meta| meta.modified())
            .unwrap_or(SystemTime::UNIX_EPOCH);
        let owner = fs::read_to_string(&record)
            .ok()
            .and_then(|text| Checkout::parse(&text));
        Self { dir, owner, used }
    }

    /// Smallest first: ours, then one whose checkout is gone, then the newest.
    fn preference(&self, checkout: &Checkout) -> (bool, bool, std::cmp::Reverse<SystemTime>) {
        let ours = self.owner.as_ref() == Some(checkout);
        let abandoned = self.owner.as_ref().is_none_or(|owner| !owner.exists());
        (!ours, !abandoned, std::cmp::Reverse(self.used))
    }

    fn try_lock(&self) -> Option<File> {
        let file = File::create(self.dir.with_extension("lock")).ok()?;
        file.try_lock().ok().map(|()| file)
    }

    /// Makes the slot the checkout's: forgets what another checkout's crates left.
    fn adopt(&self, checkout: &Checkout, members: &[String]) -> Result<()> {
        if self.owner.as_ref() != Some(checkout) {
            forget(&self.dir, members).with_context(|| format!("cleaning {}", self.dir.display()))?;
        }
        if size(&self.dir) > LARGEST {
            fs::remove_dir_all(&self.dir).with_context(|| format!("clearing {}", self.dir.display()))?;
        }
        fs::create_dir_all(&self.dir)?;
        fs::write(self.dir.with_extension("owner"), checkout.to_string())
            .context("recording whose the slot is")
    }
}

/// One checkout. A clone that replaced another at the same path is another checkout.
#[derive(Clone, PartialEq)]
struct Checkout {
    inode: u64,
    path: PathBuf,
}

impl Checkout {
    fn at(path: &Path) -> Result<Self> {
        let inode = fs::metadata(path)
            .with_context(|| format!("looking at {}", path.display()))?
            .ino();
        Ok(Self {
            inode,
            path: path.to_owned(),
        })
    }

    fn parse(text: &str) -> Option<Self> {
        let (inode, path) = text.split_once(' ')?;
        Some(Self {
            inode: inode.parse().ok()?,
            path: PathBuf::from(path),
        })
    }

    fn exists(&self) -> bool {
        Self::at(&self.path).is_ok_and(|now| now == *self)
    }
}

impl std::fmt::Display for Checkout {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.inode, self.path.display())
    }
}

fn known(slots: &Path) -> Result<Vec<Known>> {
    let entries = fs::read_dir(slots).context("reading the folder of build slots")?;
    let dirs = entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.is_dir());
    Ok(dirs.map(Known::at).collect())
}

/// A new slot, under the first number that is free.
fn fresh(slots: &Path) -> Result<(Known, File)> {
    let numbers = (1_u32..)
        .map(|number| slots.join(number.to_string()))
        .filter(|dir| !dir.exists());
    let slot = numbers
        .map(Known::at)
        .find_map(|slot| slot.try_lock().map(|lock| (slot, lock)));
    slot.context("no number is free for a build slot")
}

/// Removes all but the best [`KEPT`], but none that is in use.
fn prune(by_preference: &[Known]) {
    for slot in by_preference.iter().skip(KEPT) {
        if let Some(_lock) = slot.try_lock() {
            let _ = fs::remove_dir_all(&slot.dir);
            let _ = fs::remove_file(slot.dir.with_extension("owner"));
        }
    }
}

/// Removes Cargo's fingerprints of these packages from every profile: without one, Cargo compiles anew.
fn forget(target: &Path, members: &[String]) -> Result<()> {
    for profile in fs::read_dir(target).into_iter().flatten().flatten() {
        for print in fs::read_dir(profile.path().join(".fingerprint"))
            .into_iter()
            .flatten()
            .flatten()
        {
            let name = print.file_name();
            // A fingerprint's folder is named by package and hash.
            let package = name
                .to_str()
                .and_then(|name| name.rsplit_once('-'))
                .map(|(package, _)| package);
            if package.is_some_and(|package| members.iter().any(|member| member == package)) {
                fs::remove_dir_all(print.path())?;
            }
        }
    }
    Ok(())
}

/// Bytes in a folder; what cannot be read counts as nothing.
fn size(dir: &Path) -> u64 {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    let sizes = entries.map(|entry| match entry.metadata() {
        Ok(meta) if meta.is_dir() => size(&entry.path()),
        Ok(meta) => meta.len(),
        Err(_) => 0,
    });
    sizes.sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn print_of(slot: &Slot, package: &str) -> PathBuf {
        slot.dir()
            .join(format!("debug/.fingerprint/{package}-0123456789abcdef"))
    }

    #[test]
    fn a_slot_that_changes_hands_keeps_dependencies_and_forgets_the_workspace() {
        let base = tempfile::tempdir().unwrap();
        let (slots, one, other) = (
            base.path().join("slots"),
            base.path().join("one"),
            base.path().join("other"),
        );
        fs::create_dir(&one).unwrap();
        fs::create_dir(&other).unwrap();
        let members = ["steelring".to_owned(), "steelring-domain".to_owned()];

        let slot = Slot::claim_in(&slots, &one, &members).unwrap();
        let prints = ["steelring", "steelring-domain", "serde"].map(|package| print_of(&slot, package));
        for print in &prints {
            fs::create_dir_all(print).unwrap();
        }
        drop(slot);

        let again = Slot::claim_in(&slots, &one, &members).unwrap();
        assert!(
            prints.iter().all(|print| print.exists()),
            "the same checkout keeps everything"
        );

        let beside = Slot::claim_in(&slots, &other, &members).unwrap();
        assert_ne!(beside.dir(), again.dir(), "a slot in use is not shared");
        drop((again, beside));

        fs::remove_dir_all(&one).unwrap();
        let third = base.path().join("third");
        fs::create_dir(&third).unwrap();
        let inherited = Slot::claim_in(&slots, &third, &members).unwrap();
        assert_eq!(
            print_of(&inherited, "serde"),
            prints[2],
            "the slot of a checkout that is gone comes first"
        );
        assert_eq!(prints.map(|print| print.exists()), [false, false, true]);
    }

    #[test]
    fn only_two_free_slots_are_kept() {
        let base = tempfile::tempdir().unwrap();
        let slots = base.path().join("slots");
        let held: Vec<Slot> = (0..4)
            .map(|_| Slot::claim_in(&slots, base.path(), &[]).unwrap())
            .collect();
        assert_eq!(known(&slots).unwrap().len(), 4, "none that is in use is removed");
        drop(held);
        let _slot = Slot::claim_in(&slots, base.path(), &[]).unwrap();
        assert_eq!(known(&slots).unwrap().len(), KEPT);
    }
}
