//! Nominals, and the list that follows from them.
//!
//! A nominal's change, the entries of the vehicles that it is or was linked to, what is to be published of them and both
//! audit rows are one transaction, under the lock of all lists: the list never differs from what the links say.

use std::collections::BTreeSet;

use domain::hotlist::Entry;
use domain::nominal::{self, Change, LIST, MAX_PEOPLE, Nominal, NominalRefusal};
use domain::{EntryId, ListName, NominalRef, Timestamp, UserName, Vrm};
use serde::{Deserialize, Serialize};

use crate::changes::{Author, Plan, Planned, Sign, apply, lock_lists};
use crate::hotlists::ListChange;
use crate::sql::{Step, count, from_json, limit, millis, parsed, storable, time, to_json, write_rows};
use crate::transaction::{Tx, transaction};
use crate::{Store, StoreError, audit};

/// Changes of one nominal that are shown, the newest.
const MOST_CHANGES: u32 = 200;

type Columns = (String, i64, i64, String);

/// A nominal as it stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredNominal {
    /// The person.
    #[serde(flatten)]
    pub nominal: Nominal,
    /// Counts its changes.
    pub version: u64,
    /// When it last changed.
    pub changed_at: Timestamp,
    /// Who changed it.
    pub changed_by: UserName,
}

/// One change of a nominal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NominalChange {
    /// The version that it made.
    pub version: u64,
    /// `nominal_put`, `nominal_linked`, `nominal_unlinked` or `nominal_removed`.
    pub action: String,
    /// When.
    pub at: Timestamp,
    /// Who.
    pub by: UserName,
    /// Why, in their words.
    pub why: String,
    /// What it was; none where nobody was known under that reference.
    pub before: Option<Box<Nominal>>,
    /// What it became; none where it went.
    pub after: Option<Box<Nominal>>,
}

/// A nominal with its past.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NominalRecord {
    /// None where it was removed.
    pub nominal: Option<StoredNominal>,
    /// The newest first.
    pub changes: Vec<NominalChange>,
}

/// What a change did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NominalChanged {
    /// The nominal's version now.
    pub version: u64,
    /// What it did to the list `nominals`; none where no vehicle is or was linked.
    pub list: Option<ListChange>,
}

/// Refuses a change by hand of the list that follows from nominals.
pub(crate) fn refuse_by_hand(list: &ListName) -> Result<(), StoreError> {
    if list.as_str() == LIST {
        return Err(StoreError::FollowsNominals);
    }
    Ok(())
}

impl Store {
    /// Changes a nominal, and the entries of the vehicles that it is or was linked to.
    ///
    /// # Errors
    /// [`StoreError::Nominal`] where the change is not possible, or when the database fails; nothing has changed then.
    pub async fn change_nominal(
        &self,
        reference: &NominalRef,
        change: Change,
        author: &Author<'_>,
    ) -> Result<NominalChanged, StoreError> {
        nominal::checked_why(author.why)?;
        transaction!(self, "change_nominal", |tx| {
            let revision = lock_lists(tx).await?;
            let action = change.action();
            let before = one(tx, reference).await?;
            let after = nominal::changed(reference, before.as_ref(), change.clone())?;
            let version = write(tx, reference, (before.as_ref(), after.as_ref()), action, author).await?;
            let marks: BTreeSet<Vrm> = [&before, &after]
                .into_iter()
                .flatten()
                .flat_map(|nominal| nominal.links.iter().map(|link| link.vrm))
                .collect();
            let detail = format!("version {version}, linked vehicles {}", marks.len());
            audit::append(
                tx,
                author.by.as_str(),
                action,
                reference.as_str(),
                &detail,
                author.at,
            )
            .await?;
            if marks.is_empty() {
                return Ok(NominalChanged { version, list: None });
            }
            let list = parsed("list name", LIST)?;
            let (ids, entries) = follow(tx, &list, &marks, author.at).await?;
            let plan = Plan::following(ids, entries);
            let sign = Sign {
                author: author.clone(),
                authorised_by: None,
            };
            let change = Planned {
                list: &list,
                plan: &plan,
                prepared: None,
                policy: None,
            };
            let changed = apply(tx, &change, revision, &sign).await?;
            Ok(NominalChanged {
                version,
                list: Some(changed),
            })
        })
    }

    /// Nominals in order of reference, behind `after`, at most `limit` (and [`crate::MAX_ROWS`]); only those linked to `vrm` where
    /// given.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn nominals(
        &self,
        vrm: Option<Vrm>,
        after: Option<&NominalRef>,
        limit: u32,
    ) -> Result<Vec<StoredNominal>, StoreError> {
        let rows: Vec<Columns> = sqlx::query_as(
            "SELECT doc, version, changed_at, changed_by FROM nominals WHERE reference > $1 AND ($2 = '' \
             OR reference IN (SELECT reference FROM nominal_links WHERE vrm = $2)) ORDER BY reference LIMIT $3",
        )
        .bind(after.map_or_else(String::new, |after| after.as_str().to_owned()))
        .bind(vrm.map_or_else(String::new, |vrm| vrm.to_string()))
        .bind(self::limit(limit))
        .fetch_all(&self.inner.reader)
        .await
        .step("reading nominals")?;
        rows.into_iter().map(stored).collect()
    }

    /// A nominal, and what became of it. It may be gone.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] where nobody was ever known under that reference.
    pub async fn nominal(&self, reference: &NominalRef) -> Result<NominalRecord, StoreError> {
        let mut snapshot = self.snapshot().await?;
        let step = "reading a nominal";
        let text = "SELECT doc, version, changed_at, changed_by FROM nominals WHERE reference = $1";
        let now: Option<Columns> = sqlx::query_as(text)
            .bind(reference.as_str().to_owned())
            .fetch_optional(&mut *snapshot)
            .await
            .step(step)?;
        let rows: Vec<(i64, String, i64, String, String, Option<String>)> = sqlx::query_as(
            "SELECT version, action, changed_at, changed_by, why, before FROM nominal_changes \
             WHERE reference = $1 ORDER BY version DESC LIMIT $2",
        )
        .bind(reference.as_str().to_owned())
        .bind(limit(MOST_CHANGES))
        .fetch_all(&mut *snapshot)
        .await
        .step(step)?;
        snapshot.commit().await.step("ending to read")?;
        if rows.is_empty() {
            return Err(StoreError::NotFound("nominal"));
        }
        let nominal = now.map(stored).transpose()?;
        let mut after = nominal.as_ref().map(|stored| Box::new(stored.nominal.clone()));
        let mut changes = Vec::with_capacity(rows.len());
        for (version, action, at, by, why, before) in rows {
            let before: Option<Box<Nominal>> = before.map(|doc| from_json("nominal", &doc)).transpose()?;
            changes.push(NominalChange {
                version: count(version),
                action,
                at: time(at)?,
                by: parsed("user name", &by)?,
                why,
                after: std::mem::replace(&mut after, before.clone()),
                before,
            });
        }
        Ok(NominalRecord { nominal, changes })
    }
}

fn stored((doc, version, changed_at, changed_by): Columns) -> Result<StoredNominal, StoreError> {
    Ok(StoredNominal {
        nominal: from_json("nominal", &doc)?,
        version: count(version),
        changed_at: time(changed_at)?,
        changed_by: parsed("user name", &changed_by)?,
    })
}

async fn one(tx: &mut Tx, reference: &NominalRef) -> Result<Option<Nominal>, StoreError> {
    let row: Option<(String,)> = sqlx::query_as("SELECT doc FROM nominals WHERE reference = $1")
        .bind(reference.as_str().to_owned())
        .fetch_optional(tx.on())
        .await
        .step("reading a nominal")?;
    row.map(|(doc,)| from_json("nominal", &doc)).transpose()
}

/// Writes a nominal, its links and its history; its version.
async fn write(
    tx: &mut Tx,
    reference: &NominalRef,
    (before, after): (Option<&Nominal>, Option<&Nominal>),
    action: &str,
    author: &Author<'_>,
) -> Result<u64, StoreError> {
    let document = |nominal: Option<&Nominal>| nominal.map(|nominal| to_json("nominal", nominal)).transpose();
    // One that was removed and comes again goes on counting.
    let (version,): (i64,) =
        sqlx::query_as("SELECT COALESCE(MAX(version), 0) + 1 FROM nominal_changes WHERE reference = $1")
            .bind(reference.as_str().to_owned())
            .fetch_one(tx.on())
            .await
            .step("counting a nominal's changes")?;
    sqlx::query(
        "INSERT INTO nominal_changes (reference, version, action, changed_at, changed_by, why, before) \
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(reference.as_str().to_owned())
    .bind(version)
    .bind(action.to_owned())
    .bind(millis(author.at))
    .bind(author.by.as_str().to_owned())
    .bind(storable(author.why.trim()))
    .bind(document(before)?)
    .execute(tx.on())
    .await
    .step("writing a nominal's history")?;
    for table in ["nominal_links", "nominals"] {
        if table == "nominals" && after.is_some() {
            continue;
        }
        sqlx::query(sqlx::AssertSqlSafe(format!(
            "DELETE FROM {table} WHERE reference = $1"
        )))
        .bind(reference.as_str().to_owned())
        .execute(tx.on())
        .await
        .step("forgetting what a nominal was")?;
    }
    let (Some(after), Some(doc)) = (after, document(after)?) else {
        return Ok(count(version));
    };
    sqlx::query(
        "INSERT INTO nominals (reference, version, changed_at, changed_by, doc) VALUES ($1, $2, $3, $4, $5) \
         ON CONFLICT (reference) DO UPDATE SET version = excluded.version, changed_at = excluded.changed_at, \
         changed_by = excluded.changed_by, doc = excluded.doc",
    )
    .bind(reference.as_str().to_owned())
    .bind(version)
    .bind(millis(author.at))
    .bind(author.by.as_str().to_owned())
    .bind(doc)
    .execute(tx.on())
    .await
    .step("writing a nominal")?;
    let marks: BTreeSet<Vrm> = after.links.iter().map(|link| link.vrm).collect();
    let rows: Vec<_> = marks.into_iter().map(|vrm| (vrm, reference)).collect();
    let text =
        "INSERT INTO nominal_links (vrm, reference) SELECT value ->> 0, value ->> 1 FROM given WHERE true";
    write_rows(tx, "writing a nominal's links", text, &rows).await?;
    Ok(count(version))
}

/// The entries of these vehicles as they follow now, and the ids of those that the list may have.
async fn follow(
    tx: &mut Tx,
    list: &ListName,
    marks: &BTreeSet<Vrm>,
    at: Timestamp,
) -> Result<(Vec<EntryId>, Vec<Entry>), StoreError> {
    let mut ids = Vec::with_capacity(marks.len());
    let mut entries = Vec::new();
    for vrm in marks {
        let rows: Vec<(String,)> = sqlx::query_as(
            "SELECT doc FROM nominals JOIN nominal_links USING (reference) WHERE vrm = $1 ORDER BY reference",
        )
        .bind(vrm.to_string())
        .fetch_all(tx.on())
        .await
        .step("reading who is linked to a vehicle")?;
        if rows.len() > MAX_PEOPLE {
            return Err(NominalRefusal::TooManyPeople.into());
        }
        let mut people: Vec<Nominal> = Vec::with_capacity(rows.len());
        for (doc,) in &rows {
            people.push(from_json("nominal", doc)?);
        }
        ids.push(EntryId::of_entry(list, *vrm, ""));
        entries.extend(nominal::entry_of(list, *vrm, &people, at));
    }
    Ok((ids, entries))
}
