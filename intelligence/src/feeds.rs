//! Named feeds: folders that lists come in by, by themselves.
//!
//! A file that is put whole into a feed's folder (renamed in; what begins with a dot is not looked at) is read by the same
//! engine as any other list and becomes the whole of the feed's list, or a draft where the list wants four eyes. Then it is
//! moved to `loaded/` or `refused/` beside a text that says what became of it. The arrival is written in the transaction of
//! the change, so that a crash at any moment neither loads a file twice nor loses one.
//!
//! Read [`Feed`] and [`state`] first, which need no clock and no disk; then [`run`].

use std::path::{Path, PathBuf};

use domain::{FeedName, ListName, Timestamp, UserName};
use jiff::SignedDuration;
use store::feeds::{FeedRecord, Outcome};

use crate::Mapping;

mod folder;
mod watch;

pub use folder::{MAX_WAITING, count_waiting, prepare, receive};
pub use watch::{Parts, run};

/// Before a feed's name where it acts like a user.
const USER_PREFIX: &str = "feed:";
/// Longest name of a feed: with the prefix it is a user's name.
pub const MAX_NAME: usize = 32;
/// Longest time between two files: a feed of once a year is none.
pub const MAX_DUE_HOURS: u32 = 366 * 24;

/// A feed as the settings have it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Feed {
    /// Its name, such as `pnc`.
    pub name: FeedName,
    /// The list that its files are.
    pub list: ListName,
    /// The folder that they come into.
    pub folder: PathBuf,
    /// What their columns hold, where their names do not say so.
    pub mapping: Option<Mapping>,
    /// Who answers for it; may be empty.
    pub owner: String,
    /// A file is due every so many hours; none where nobody waits for one.
    pub due_hours: Option<u32>,
}

/// Why feeds cannot be watched as the settings have them.
#[derive(Debug, thiserror::Error)]
pub enum FeedError {
    /// The name does not fit a user's.
    #[error("feeds: the name {0} is longer than {MAX_NAME} characters")]
    Name(FeedName),
    /// Two feeds share what only one may have.
    #[error("feeds: {first} and {second} have the same {what}: each needs its own")]
    Shared {
        /// The earlier one.
        first: FeedName,
        /// The later one.
        second: FeedName,
        /// What they share.
        what: &'static str,
    },
    /// Not a number of hours that a feed can have.
    #[error("feeds: {0}: due_hours is a number from 1 to {MAX_DUE_HOURS}")]
    Due(FeedName),
    /// The folder cannot be used.
    #[error("feeds: {feed}: the folder {} cannot be read and written: make it, or let this user in", folder.display())]
    Folder {
        /// Whose.
        feed: FeedName,
        /// Which.
        folder: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
}

impl Feed {
    /// The name under which it changes its list.
    ///
    /// # Errors
    /// [`FeedError::Name`] where that is no user's name.
    pub fn user(&self) -> Result<UserName, FeedError> {
        UserName::parse(&format!("{USER_PREFIX}{}", self.name))
            .map_err(|_| FeedError::Name(self.name.clone()))
    }
}

/// Checks what can be checked without a disk.
///
/// # Errors
/// [`FeedError`], which names the feeds.
pub fn check(feeds: &[Feed]) -> Result<(), FeedError> {
    for (index, feed) in feeds.iter().enumerate() {
        if feed.name.as_str().len() > MAX_NAME {
            return Err(FeedError::Name(feed.name.clone()));
        }
        if feed
            .due_hours
            .is_some_and(|hours| !(1..=MAX_DUE_HOURS).contains(&hours))
        {
            return Err(FeedError::Due(feed.name.clone()));
        }
        for other in &feeds[..index] {
            let shared = [
                ("name", other.name == feed.name),
                ("list", other.list == feed.list),
                ("folder", same(&other.folder, &feed.folder)),
            ];
            if let Some((what, _)) = shared.into_iter().find(|(_, same)| *same) {
                let (first, second) = (other.name.clone(), feed.name.clone());
                return Err(FeedError::Shared { first, second, what });
            }
        }
    }
    Ok(())
}

/// Whether two paths are one folder, as far as their text tells.
fn same(one: &Path, other: &Path) -> bool {
    let parts = |path: &Path| {
        path.components()
            .filter(|part| *part != std::path::Component::CurDir)
            .map(|part| part.as_os_str().to_owned())
            .collect::<Vec<_>>()
    };
    parts(one) == parts(other)
}

/// How a feed stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FeedState {
    /// When the file was due that has not come; none where none is overdue.
    pub late_since: Option<Timestamp>,
    /// The last file was refused.
    pub refused: bool,
}

/// How a feed stands at a moment. A refused file is none: what was due is still due.
#[must_use]
pub fn state(due_hours: Option<u32>, record: &FeedRecord, now: Timestamp) -> FeedState {
    let last = record.last_good_at.unwrap_or(record.since);
    let due_at = due_hours.and_then(|hours| last.checked_add(SignedDuration::from_hours(hours.into())).ok());
    FeedState {
        late_since: due_at.filter(|due_at| *due_at < now),
        refused: record
            .last
            .as_ref()
            .is_some_and(|last| last.outcome == Outcome::Refused),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use store::feeds::Arrived;

    fn at(hour: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + SignedDuration::from_hours(hour)
    }

    #[test]
    fn a_feed_is_late_when_no_good_file_came_within_its_time() {
        let check = |due: Option<u32>,
                     last: Option<(i64, Outcome)>,
                     good: Option<i64>,
                     now,
                     late: Option<i64>,
                     refused| {
            let record = FeedRecord {
                name: FeedName::parse("pnc").unwrap(),
                since: at(0),
                last: last.map(|(hour, outcome)| Arrived {
                    number: 1,
                    at: at(hour),
                    outcome,
                    said: String::new(),
                }),
                last_good_at: good.map(at),
            };
            let expected = FeedState {
                late_since: late.map(at),
                refused,
            };
            assert_eq!(
                state(due, &record, at(now)),
                expected,
                "{due:?} {last:?} {good:?} {now}"
            );
        };
        // Never a file: counted from when the feed was first known.
        check(Some(24), None, None, 24, None, false);
        check(Some(24), None, None, 25, Some(24), false);
        // On time, to the moment.
        check(Some(24), Some((10, Outcome::Loaded)), Some(10), 34, None, false);
        check(
            Some(24),
            Some((10, Outcome::Loaded)),
            Some(10),
            35,
            Some(34),
            false,
        );
        check(
            Some(24),
            Some((10, Outcome::Unchanged)),
            Some(10),
            20,
            None,
            false,
        );
        check(Some(24), Some((10, Outcome::Drafted)), Some(10), 20, None, false);
        // A refused file is none, and is named until a good one comes.
        check(Some(24), Some((20, Outcome::Refused)), Some(10), 30, None, true);
        check(
            Some(24),
            Some((20, Outcome::Refused)),
            Some(10),
            40,
            Some(34),
            true,
        );
        check(Some(24), Some((30, Outcome::Loaded)), Some(30), 40, None, false);
        // Nobody waits for it.
        check(None, None, None, 10_000, None, false);
        check(None, Some((1, Outcome::Refused)), None, 10_000, None, true);
    }

    #[test]
    fn two_feeds_share_neither_name_nor_list_nor_folder() {
        let feed = |name: &str, list: &str, folder: &str| Feed {
            name: FeedName::parse(name).unwrap(),
            list: ListName::parse(list).unwrap(),
            folder: folder.into(),
            mapping: None,
            owner: String::new(),
            due_hours: Some(24),
        };
        let check = |second: Feed, expected: &str| {
            let said =
                super::check(&[feed("pnc", "stolen", "/in/pnc"), second]).map_err(|error| error.to_string());
            assert!(
                if expected.is_empty() {
                    said.is_ok()
                } else {
                    said.clone().is_err_and(|said| said.contains(expected))
                },
                "{said:?} lacks {expected}"
            );
        };
        check(feed("visor", "rso", "/in/visor"), "");
        check(feed("pnc", "rso", "/in/visor"), "pnc and pnc have the same name");
        check(
            feed("visor", "stolen", "/in/visor"),
            "pnc and visor have the same list",
        );
        check(feed("visor", "rso", "/in/./pnc/"), "the same folder");
        check(feed(&"x".repeat(33), "rso", "/in/visor"), "longer than 32");
        check(
            Feed {
                due_hours: Some(0),
                ..feed("visor", "rso", "/in/visor")
            },
            "due_hours",
        );
    }
}
