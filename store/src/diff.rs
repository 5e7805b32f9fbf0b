//! A list as it stands against a list as it should be.

use std::collections::HashMap;

use domain::hotlist::Revision;
use domain::target::Target;
use domain::{EntryId, Timestamp};
use futures::TryStreamExt;
use sqlx::AnyConnection;

use crate::StoreError;
use crate::changes::SHOWN;
use crate::hotlists::ListChange;
use crate::rows::{Source, Wanted};
use crate::sql::{Step, number, parsed, time, unreadable};

/// An entry as the table has it.
#[derive(Clone, Copy)]
pub(crate) struct Before {
    /// As [`Wanted::digest`]: ten million of these fit into half a gigabyte.
    digest: u64,
    listed_at: Timestamp,
    wanted: bool,
}

/// Entries as the table has them.
pub(crate) type Current = HashMap<EntryId, Before>;

/// What must be written to make the one the other.
pub(crate) struct Difference {
    current: Current,
    pub(crate) added: u64,
    pub(crate) changed: u64,
    pub(crate) unchanged: u64,
    pub(crate) removed: Vec<EntryId>,
    /// The first marks of each kind, where they were asked for.
    pub(crate) first_added: Vec<Target>,
    pub(crate) first_changed: Vec<Target>,
}

/// What is to be done with an entry.
pub(crate) enum Fate {
    Add,
    Change(Timestamp),
    Leave,
}

/// Which of a list's entries a change is about.
#[derive(Clone)]
pub(crate) enum Part {
    /// All.
    Whole,
    /// Those of one mark or pattern.
    Target(Target),
    /// These, a hundred at most.
    Entries(Vec<EntryId>),
}

impl Difference {
    /// Whether there is nothing to write.
    pub(crate) fn is_empty(&self) -> bool {
        self.changes() == 0
    }

    /// How many entries there are to write.
    pub(crate) fn changes(&self) -> u64 {
        self.added + self.changed + self.removed.len() as u64
    }

    /// The same, by kind; the revision is the one that stands.
    pub(crate) fn counts(&self, revision: Revision) -> ListChange {
        ListChange {
            revision,
            added: self.added,
            changed: self.changed,
            removed: self.removed.len() as u64,
            unchanged: self.unchanged,
        }
    }

    /// Compares everything but the time of listing, of which the earlier stays.
    pub(crate) async fn between(
        on: &mut AnyConnection,
        current: Current,
        source: &Source,
    ) -> Result<Self, StoreError> {
        let mut difference = Self {
            current,
            added: 0,
            changed: 0,
            unchanged: 0,
            removed: Vec::new(),
            first_added: Vec::new(),
            first_changed: Vec::new(),
        };
        let mut blocks = source.blocks();
        while let Some(block) = blocks.next(on).await? {
            for wanted in &block {
                difference.compare(wanted);
            }
        }
        let removed = difference.current.iter().filter(|(_, before)| !before.wanted);
        difference.removed = removed.map(|(id, _)| *id).collect();
        // The log's order is the same each time.
        difference.removed.sort_unstable();
        Ok(difference)
    }

    /// What becomes of a list that has no entries: a first load of ten million is not read for that.
    pub(crate) fn from_nothing(source: &Source) -> Self {
        Self {
            current: Current::new(),
            added: source.count(),
            changed: 0,
            unchanged: 0,
            removed: Vec::new(),
            first_added: Vec::new(),
            first_changed: Vec::new(),
        }
    }

    fn compare(&mut self, wanted: &Wanted) {
        let fate = self.fate(wanted);
        if let Some(before) = self.current.get_mut(&wanted.entry.entry_id) {
            before.wanted = true;
        }
        let (count, first) = match fate {
            Fate::Add => (&mut self.added, Some(&mut self.first_added)),
            Fate::Change(_) => (&mut self.changed, Some(&mut self.first_changed)),
            Fate::Leave => (&mut self.unchanged, None),
        };
        *count += 1;
        if let Some(first) = first.filter(|first| first.len() < SHOWN) {
            first.push(wanted.entry.target);
        }
    }

    pub(crate) fn fate(&self, wanted: &Wanted) -> Fate {
        match self.current.get(&wanted.entry.entry_id) {
            None => Fate::Add,
            Some(before) if before.digest == wanted.digest => Fate::Leave,
            Some(before) => Fate::Change(before.listed_at),
        }
    }
}

/// The beginning of a digest as a number; none where it is no digest. Rows of before have all of it.
fn short(digest: &str) -> Option<u64> {
    const DIGITS: usize = 16;
    u64::from_str_radix(digest.get(..DIGITS)?, 16).ok()
}

/// The part of a shelf's entries as it stands.
pub(crate) async fn current(on: &mut AnyConnection, shelf: u64, part: &Part) -> Result<Current, StoreError> {
    let step = "reading a list's entries";
    let mut text = "SELECT entry_id, digest, listed_at FROM entries WHERE shelf = $1".to_owned();
    let values = match part {
        Part::Whole => Vec::new(),
        Part::Target(target) => {
            text.push_str(
                " AND entry_id IN (SELECT entry_id FROM entry_marks WHERE shelf = $1 AND vrm = $2)",
            );
            vec![target.to_string()]
        }
        Part::Entries(ids) => {
            let places: Vec<String> = (2..ids.len() + 2).map(|place| format!("${place}")).collect();
            text.push_str(&format!(" AND entry_id IN ({})", places.join(", ")));
            ids.iter().map(ToString::to_string).collect()
        }
    };
    let mut select = sqlx::query_as(sqlx::AssertSqlSafe(text)).bind(number(shelf));
    for value in values {
        select = select.bind(value);
    }
    let mut rows = select.fetch(on);
    let mut current = Current::new();
    while let Some(row) = rows.try_next().await.step(step)? {
        let (id, digest, listed_at): (String, String, i64) = row;
        let before = Before {
            digest: short(&digest).ok_or_else(|| unreadable("digest", "not hexadecimal"))?,
            listed_at: time(listed_at)?,
            wanted: false,
        };
        current.insert(parsed("entry id", &id)?, before);
    }
    Ok(current)
}

/// The marks of a few entries.
pub(crate) async fn marks(
    on: &mut AnyConnection,
    shelf: u64,
    ids: &[EntryId],
) -> Result<Vec<Target>, StoreError> {
    let mut marks = Vec::with_capacity(ids.len());
    for id in ids {
        let row: Option<(String,)> =
            sqlx::query_as("SELECT vrm FROM entries WHERE shelf = $1 AND entry_id = $2")
                .bind(number(shelf))
                .bind(id.to_string())
                .fetch_optional(&mut *on)
                .await
                .step("reading an entry")?;
        if let Some((vrm,)) = row {
            marks.push(Target::parse(&vrm).map_err(|error| unreadable("mark", error))?);
        }
    }
    Ok(marks)
}
