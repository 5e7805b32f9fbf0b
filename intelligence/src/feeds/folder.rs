//! A feed's folder: what waits in it, what is put into it, and where what was taken goes.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use domain::Timestamp;
use jiff::Unit;
use sha2::{Digest, Sha256};
use store::feeds::{Arrival, Arrived, Outcome};

use super::{Feed, FeedError};
use crate::{MAX_LIST_BYTES, RowFault};

/// Where files go that changed their list, or were like it.
const LOADED: &str = "loaded";
/// Where files go that did not.
const REFUSED: &str = "refused";
/// Where files stand while they are taken, under a name that no later file has: what is put into the folder meanwhile under the
/// same name is another file, and is not moved away unread.
const TAKING: &str = ".taking";
/// Files kept in each of the two, with their texts; older ones are deleted. They hold what lists hold, and are no archive.
const KEPT: usize = 50;
/// Files that may wait in a folder: more are not taken over HTTP, since nothing takes them away.
pub const MAX_WAITING: usize = 100;
/// Bytes hashed at once.
const CHUNK: usize = 64 * 1024;

/// Makes the folders that taken files go to, which also shows that the feed's folder is there and can be written.
///
/// # Errors
/// [`FeedError::Folder`], or [`FeedError::Shared`] where two names lead to one folder.
pub fn prepare(feeds: &[Feed]) -> Result<(), FeedError> {
    let mut known: Vec<(PathBuf, &Feed)> = Vec::new();
    for feed in feeds {
        let folder = |source| FeedError::Folder {
            feed: feed.name.clone(),
            folder: feed.folder.clone(),
            source,
        };
        let path = feed.folder.canonicalize().map_err(folder)?;
        fs::read_dir(&path).map_err(folder)?;
        for place in [LOADED, REFUSED, TAKING] {
            make(&path.join(place)).map_err(folder)?;
        }
        if let Some((_, other)) = known.iter().find(|(known, _)| *known == path) {
            return Err(FeedError::Shared {
                first: other.name.clone(),
                second: feed.name.clone(),
                what: "folder",
            });
        }
        known.push((path, feed));
    }
    Ok(())
}

fn make(folder: &Path) -> io::Result<()> {
    match fs::create_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && folder.is_dir() => Ok(()),
        made => made,
    }
}

/// Files that wait, the oldest first; before them those that a process stopped in the middle of.
pub(super) fn waiting(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = by_age(&folder.join(TAKING))?;
    files.extend(by_age(folder)?);
    Ok(files)
}

/// How many files wait in a folder.
///
/// # Errors
/// When the folder cannot be read.
pub fn count_waiting(folder: &Path) -> io::Result<usize> {
    by_age(folder).map(|files| files.len())
}

fn by_age(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let hidden = entry.file_name().as_encoded_bytes().starts_with(b".");
        if hidden || !entry.file_type()?.is_file() {
            continue;
        }
        match entry.metadata() {
            Ok(meta) => found.push((meta.modified()?, entry.path())),
            // Another process took it meanwhile.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    found.sort();
    Ok(found.into_iter().map(|(_, path)| path).collect())
}

/// Takes a file out of the folder's reach; answers where it stands then.
pub(super) fn claim(folder: &Path, path: &Path, now: Timestamp) -> io::Result<PathBuf> {
    let taking = folder.join(TAKING);
    if path.starts_with(&taking) {
        return Ok(path.to_owned());
    }
    let mut name = OsString::from(format!("{}-", now.as_nanosecond()));
    name.push(path.file_name().unwrap_or_default());
    let claimed = taking.join(name);
    fs::rename(path, &claimed)?;
    Ok(claimed)
}

/// The name that a claimed file came under.
fn own_name(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name.split_once('-')
        .map_or(name.as_ref(), |(_, own)| own)
        .to_owned()
}

/// Which arrival a file is, and its bytes; none of those where it has more than a list may.
pub(super) fn open(feed: &Feed, path: &Path) -> io::Result<(Arrival, Option<Vec<u8>>)> {
    let mut file = File::open(path)?;
    let meta = file.metadata()?;
    let modified_at = Timestamp::try_from(meta.modified()?).map_err(io::Error::other)?;
    // As the database keeps it.
    let modified_at = modified_at.round(Unit::Millisecond).map_err(io::Error::other)?;
    let mut hasher = Sha256::new();
    let bytes = if meta.len() <= MAX_LIST_BYTES {
        let mut bytes = Vec::new();
        file.take(MAX_LIST_BYTES + 1).read_to_end(&mut bytes)?;
        hasher.update(&bytes);
        Some(bytes).filter(|bytes| bytes.len() as u64 <= MAX_LIST_BYTES)
    } else {
        let mut chunk = vec![0; CHUNK];
        loop {
            match file.read(&mut chunk)? {
                0 => break None,
                read => hasher.update(&chunk[..read]),
            }
        }
    };
    let arrival = Arrival {
        feed: feed.name.clone(),
        hash: hasher.finalize().into(),
        modified_at,
    };
    Ok((arrival, bytes))
}

/// Moves a file to where it belongs, beside a text that says what became of it. Done again after a crash it does no harm.
pub(super) fn put_away(feed: &Feed, path: &Path, arrived: &Arrived, faults: &[RowFault]) -> io::Result<()> {
    let place = feed.folder.join(if arrived.outcome == Outcome::Refused {
        REFUSED
    } else {
        LOADED
    });
    make(&place)?;
    let name = format!("{:08}-{}", arrived.number, own_name(path));
    let mut text = format!("{}\n{}\n", arrived.at, arrived.said);
    for fault in faults {
        text.push_str(&format!("{fault}\n"));
    }
    write_whole(&place.join(format!("{name}.txt")), text.as_bytes())?;
    match fs::rename(path, place.join(name)) {
        // Another process that watches the same folder was faster.
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        moved => moved?,
    }
    forget_old(&place)
}

/// Keeps the newest: names begin with a number that grows.
fn forget_old(place: &Path) -> io::Result<()> {
    let mut names: Vec<PathBuf> = fs::read_dir(place)?
        .map(|entry| Ok(entry?.path()))
        .collect::<io::Result<_>>()?;
    names.sort();
    // A file and its text.
    let surplus = names.len().saturating_sub(2 * KEPT);
    for old in &names[..surplus] {
        fs::remove_file(old)?;
    }
    Ok(())
}

/// Puts a file whole and lasting into a feed's folder, as if somebody had renamed it in: on disk when this returns.
///
/// # Errors
/// When the disk fails.
pub fn receive(folder: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
    write_whole(&folder.join(name), bytes)
}

/// A file is there whole or not at all, whenever the machine stops.
fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut hidden = OsString::from(".");
    hidden.push(path.file_name().unwrap_or_default());
    let hidden = folder.join(hidden);
    let mut file = File::create(&hidden)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&hidden, path)?;
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::{FeedName, ListName};

    fn feed(folder: &Path) -> Feed {
        Feed {
            name: FeedName::parse("pnc").unwrap(),
            list: ListName::parse("stolen").unwrap(),
            folder: folder.to_owned(),
            mapping: None,
            owner: String::new(),
            due_hours: None,
        }
    }

    fn arrived(number: u64, outcome: Outcome) -> Arrived {
        Arrived {
            number,
            at: Timestamp::UNIX_EPOCH,
            outcome,
            said: "said".to_owned(),
        }
    }

    #[test]
    fn a_file_is_taken_once_and_what_comes_meanwhile_under_its_name_is_another() {
        let folder = tempfile::tempdir().unwrap();
        let feed = feed(folder.path());
        prepare(std::slice::from_ref(&feed)).unwrap();
        let put = |text: &str| receive(&feed.folder, "pnc.csv", text.as_bytes()).unwrap();
        put("one");
        fs::write(feed.folder.join(".half"), "x").unwrap();
        let [file] = &waiting(&feed.folder).unwrap()[..] else {
            panic!("one file waits")
        };
        let claimed = claim(&feed.folder, file, Timestamp::now()).unwrap();
        put("two");
        // A process that begins anew finds the claimed one first, and claims it as it stands.
        let again = waiting(&feed.folder).unwrap();
        assert_eq!((again.len(), &again[0]), (2, &claimed));
        assert_eq!(claim(&feed.folder, &claimed, Timestamp::now()).unwrap(), claimed);
        assert_eq!(open(&feed, &claimed).unwrap().1.unwrap(), b"one");
        for _ in 0..2 {
            put_away(&feed, &claimed, &arrived(7, Outcome::Loaded), &[]).unwrap();
        }
        let loaded = feed.folder.join("loaded");
        assert_eq!(fs::read(loaded.join("00000007-pnc.csv")).unwrap(), b"one");
        assert!(
            fs::read_to_string(loaded.join("00000007-pnc.csv.txt"))
                .unwrap()
                .contains("said")
        );
        let left = waiting(&feed.folder).unwrap();
        assert_eq!(fs::read(&left[0]).unwrap(), b"two");
    }

    #[test]
    fn only_the_newest_files_are_kept() {
        let folder = tempfile::tempdir().unwrap();
        let feed = feed(folder.path());
        prepare(std::slice::from_ref(&feed)).unwrap();
        for number in 1..=KEPT as u64 + 2 {
            receive(&feed.folder, "a.csv", b"x").unwrap();
            let claimed = claim(&feed.folder, &feed.folder.join("a.csv"), Timestamp::now()).unwrap();
            put_away(&feed, &claimed, &arrived(number, Outcome::Refused), &[]).unwrap();
        }
        let names = |place: &str| {
            let mut names: Vec<_> = fs::read_dir(feed.folder.join(place))
                .unwrap()
                .map(|entry| entry.unwrap().file_name())
                .collect();
            names.sort();
            names
        };
        assert_eq!(names("refused").len(), 2 * KEPT);
        assert_eq!(names("refused")[0], "00000003-a.csv");
        assert!(names("loaded").is_empty());
    }

    #[test]
    fn a_folder_that_is_not_there_or_is_two_feeds_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let said = |feeds: &[Feed]| prepare(feeds).unwrap_err().to_string();
        assert!(said(&[feed(&folder.path().join("none"))]).contains("pnc: the folder"));
        std::os::unix::fs::symlink(folder.path(), folder.path().join("link")).unwrap();
        let two = [feed(folder.path()), feed(&folder.path().join("link"))];
        assert!(said(&two).contains("the same folder"));
    }
}
