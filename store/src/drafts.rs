//! Changes that wait for a second person.

use domain::hotlist::{Entry, Revision};
use domain::policy::{DraftRefusal, DraftState, ListPolicy, Verdict, may_decide};
use domain::{ListName, Timestamp, UserName};
use serde::{Deserialize, Serialize};
use sqlx::AnyConnection;

use crate::changes::{Author, Plan, Planned, Sign, Wish, apply, lock_lists};
use crate::events::{name_of, take_numbers};
use crate::hotlists::ListChange;
use crate::shelves::prepared;
use crate::sql::{Step, count, from_json, limit, millis, number, parsed, storable, time};
use crate::transaction::{Tx, transaction};
use crate::{Store, StoreError, audit, draft_entries, policies};

/// Drafts of single entries that may wait for one list: a second person reads each of them.
pub const MAX_ENTRY_DRAFTS: u64 = 1_000;

const COLUMNS: &str = "SELECT draft, list, kind, state, author, made_at, why, base, added, changed, removed, unchanged, \
     decided_by, decided_at, decided_why, \
     (SELECT revision FROM lists WHERE lists.list = drafts.list) FROM drafts";

type Columns = (
    i64,
    String,
    String,
    String,
    String,
    i64,
    String,
    i64,
    i64,
    i64,
    i64,
    i64,
    Option<String>,
    Option<i64>,
    Option<String>,
    Option<i64>,
);

/// What a draft would do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DraftKind {
    /// Make a file the whole of the list.
    Load,
    /// Add or change one entry.
    Entry,
    /// Take the whole list out of use.
    Withdrawal,
}

/// A change that waits, or waited, for a second person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Draft {
    /// Its number.
    pub draft: u64,
    /// The list that it is for.
    pub list: ListName,
    /// What it would do.
    pub kind: DraftKind,
    /// What became of it.
    pub state: DraftState,
    /// Who wants it.
    pub author: UserName,
    /// Since when.
    pub made_at: Timestamp,
    /// Why, in their words; may be empty.
    pub why: String,
    /// What it would change. The revision is the one of all lists that this is against.
    pub change: ListChange,
    /// Whether the list has changed since, so that it would now change something else than it says.
    pub moved: bool,
    /// Who decided about it.
    pub decided_by: Option<UserName>,
    /// When.
    pub decided_at: Option<Timestamp>,
    /// Why, in their words.
    pub decided_why: Option<String>,
}

/// What a decision about a draft did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decided {
    /// The draft, decided.
    pub draft: Draft,
    /// What it changed; none where it was declined. Where the list moved meanwhile this is not what the draft said.
    pub change: Option<ListChange>,
}

impl Store {
    /// Drafts that wait, oldest first; of one list where given. At most `limit` (and [`crate::MAX_ROWS`]).
    ///
    /// # Errors
    /// When the database fails.
    pub async fn drafts(&self, list: Option<&ListName>, limit: u32) -> Result<Vec<Draft>, StoreError> {
        let text =
            format!("{COLUMNS} WHERE state = 'waiting' AND ($1 = '' OR list = $1) ORDER BY draft LIMIT $2");
        let rows: Vec<Columns> = sqlx::query_as(sqlx::AssertSqlSafe(text))
            .bind(list.map_or(String::new(), |list| list.as_str().to_owned()))
            .bind(self::limit(limit))
            .fetch_all(&self.inner.reader)
            .await
            .step("reading drafts")?;
        rows.into_iter().map(draft).collect()
    }

    /// How many drafts wait, on all lists.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn drafts_waiting(&self) -> Result<u64, StoreError> {
        let (waiting,): (i64,) = sqlx::query_as("SELECT COUNT(*) FROM drafts WHERE state = 'waiting'")
            .fetch_one(&self.inner.reader)
            .await
            .step("counting drafts")?;
        Ok(count(waiting))
    }

    /// Entries that a waiting draft would have on the list, in order of id, at most `limit` (and [`crate::MAX_ROWS`]).
    ///
    /// # Errors
    /// When the database fails.
    pub async fn draft_entries(&self, draft: u64, limit: u32) -> Result<Vec<Entry>, StoreError> {
        let rows: Vec<(String,)> = sqlx::query_as(
            "SELECT doc FROM draft_entries WHERE draft = $1 \
             AND EXISTS (SELECT 1 FROM drafts WHERE draft = $1 AND state = 'waiting') ORDER BY entry_id LIMIT $2",
        )
        .bind(number(draft))
        .bind(self::limit(limit))
        .fetch_all(&self.inner.reader)
        .await
        .step("reading a draft")?;
        rows.iter().map(|(doc,)| from_json("entry", doc)).collect()
    }

    /// Lets a draft become live, against the list as it is now, or declines it. Nobody sees its entries any more, and
    /// [`Store::tidy`] forgets them; who, when and why stays.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::Draft`] (its own author, decided already, no reason),
    /// [`StoreError::TooManyPatterns`], or when the database fails; nothing has changed then.
    pub async fn decide_draft(
        &self,
        number: u64,
        verdict: Verdict,
        second: &Author<'_>,
        usual: &ListPolicy,
    ) -> Result<Decided, StoreError> {
        let Verdict::Authorise = verdict else {
            return transaction!(self, "decline_draft", |tx| {
                lock_lists(tx).await?;
                let mut draft = decidable(tx.on(), number, verdict, second).await?;
                close(tx, &mut draft, verdict, second).await?;
                Ok(Decided { draft, change: None })
            });
        };
        let mut reading = self
            .inner
            .reader
            .acquire()
            .await
            .step("beginning to read a draft")?;
        let draft = decidable(&mut reading, number, verdict, second).await?;
        let plan = plan_of(&mut reading, &draft).await?;
        drop(reading);
        let list = draft.list;
        prepared!(self, &list, &plan, Some(usual), |prepared| {
            transaction!(self, "authorise_draft", |tx| {
                let revision = lock_lists(tx).await?;
                let mut draft = decidable(tx.on(), number, verdict, second).await?;
                let policy = policies::in_force(tx.on(), &list, usual).await?;
                let sign = Sign {
                    author: Author {
                        by: &draft.author,
                        at: second.at,
                        why: &draft.why,
                    },
                    authorised_by: Some(second.by),
                };
                let change = Planned {
                    list: &list,
                    plan: &plan,
                    prepared,
                    policy: Some(&policy),
                };
                let change = apply(tx, &change, revision, &sign).await?;
                close(tx, &mut draft, verdict, second).await?;
                let change = Some(change);
                Ok(Decided { draft, change })
            })
        })
    }
}

/// A draft that this person may decide about like this.
async fn decidable(
    on: &mut AnyConnection,
    number: u64,
    verdict: Verdict,
    second: &Author<'_>,
) -> Result<Draft, StoreError> {
    let draft = one(on, number).await?;
    if draft.state != DraftState::Waiting {
        let by = draft.decided_by.unwrap_or(draft.author);
        let state = draft.state;
        return Err(DraftRefusal::Decided { by, state }.into());
    }
    may_decide(&draft.author, second.by, verdict, second.why)?;
    Ok(draft)
}

/// What a draft says.
async fn plan_of(on: &mut AnyConnection, draft: &Draft) -> Result<Plan, StoreError> {
    let plan = match draft.kind {
        DraftKind::Withdrawal => Plan::of(&draft.list, Wish::WithdrawList),
        DraftKind::Entry => {
            let entry = only_entry(on, draft.draft).await?;
            Plan::of(&draft.list, Wish::Put(Box::new(entry)))
        }
        DraftKind::Load => Plan::of_draft(draft.draft, size(on, draft.draft).await?),
    };
    Ok(plan.authorised())
}

/// The entry of a draft about one.
async fn only_entry(on: &mut AnyConnection, draft: u64) -> Result<Entry, StoreError> {
    let row: Option<(String,)> = sqlx::query_as("SELECT doc FROM draft_entries WHERE draft = $1")
        .bind(number(draft))
        .fetch_optional(on)
        .await
        .step("reading a draft")?;
    let (doc,) = row.ok_or(StoreError::NotFound("entry of that draft"))?;
    from_json("entry", &doc)
}

/// How many entries a draft has, and how many of them are for patterns; the database tells a pattern by its place in the document,
/// as a quote within a text is always escaped there.
async fn size(on: &mut AnyConnection, draft: u64) -> Result<(u64, u64), StoreError> {
    let (entries, patterns): (i64, i64) = sqlx::query_as(
        "SELECT COUNT(*), CAST(COALESCE(SUM(CASE WHEN doc LIKE '%\"vrm\":\"%?%\",\"grade\":%' \
           OR doc LIKE '%\"vrm\":\"%*%\",\"grade\":%' THEN 1 ELSE 0 END), 0) AS BIGINT) \
         FROM draft_entries WHERE draft = $1",
    )
    .bind(number(draft))
    .fetch_one(on)
    .await
    .step("counting a draft's entries")?;
    if entries == 0 {
        return Err(StoreError::NotFound("entry of that draft"));
    }
    Ok((count(entries), count(patterns)))
}

async fn one(on: &mut AnyConnection, draft: u64) -> Result<Draft, StoreError> {
    let text = format!("{COLUMNS} WHERE draft = $1");
    let row: Option<Columns> = sqlx::query_as(sqlx::AssertSqlSafe(text))
        .bind(number(draft))
        .fetch_optional(on)
        .await
        .step("reading a draft")?;
    self::draft(row.ok_or(StoreError::NotFound("draft"))?)
}

/// Records the verdict and leaves the entries to be forgotten.
async fn close(
    tx: &mut Tx,
    draft: &mut Draft,
    verdict: Verdict,
    second: &Author<'_>,
) -> Result<(), StoreError> {
    let (state, action) = match verdict {
        Verdict::Authorise => (DraftState::Authorised, "draft_authorised"),
        Verdict::Decline => (DraftState::Declined, "draft_declined"),
    };
    let why = storable(second.why.trim());
    sqlx::query(
        "UPDATE drafts SET state = $2, decided_by = $3, decided_at = $4, decided_why = $5 WHERE draft = $1",
    )
    .bind(number(draft.draft))
    .bind(name_of(&state)?)
    .bind(second.by.as_str().to_owned())
    .bind(millis(second.at))
    .bind(why.clone())
    .execute(tx.on())
    .await
    .step("deciding a draft")?;
    draft_entries::forget(tx, draft.draft).await?;
    let moved = if draft.moved {
        "; the list had changed since it was drafted"
    } else {
        ""
    };
    let detail = format!("draft {} of {}{moved}", draft.draft, draft.author);
    audit::append(
        tx,
        second.by.as_str(),
        action,
        draft.list.as_str(),
        &detail,
        second.at,
    )
    .await?;
    draft.state = state;
    draft.decided_by = Some(second.by.clone());
    draft.decided_at = Some(time(millis(second.at))?);
    draft.decided_why = Some(why);
    Ok(())
}

/// Keeps a change for a second person to see, with its entries where they were not written before.
pub(crate) async fn write(
    tx: &mut Tx,
    planned: &Planned<'_>,
    kind: DraftKind,
    author: &Author<'_>,
    change: ListChange,
) -> Result<Draft, StoreError> {
    let list = planned.list;
    check_room(tx, list, kind).await?;
    let taken = match planned.prepared.and_then(|prepared| prepared.drafted) {
        Some(draft) => {
            draft_entries::finish(tx, draft).await?;
            draft
        }
        None => {
            let draft = take_numbers(tx, "draft", 1).await?;
            draft_entries::write(tx, draft, &planned.plan.source).await?;
            draft
        }
    };
    let draft = Draft {
        draft: taken,
        list: list.clone(),
        kind,
        state: DraftState::Waiting,
        author: author.by.clone(),
        made_at: time(millis(author.at))?,
        why: storable(author.why),
        change,
        moved: false,
        decided_by: None,
        decided_at: None,
        decided_why: None,
    };
    let counts = &draft.change;
    sqlx::query(
        "INSERT INTO drafts (draft, list, kind, state, author, made_at, why, base, added, changed, removed, unchanged) \
         VALUES ($1, $2, $3, 'waiting', $4, $5, $6, $7, $8, $9, $10, $11)",
    )
    .bind(number(draft.draft))
    .bind(list.as_str().to_owned())
    .bind(name_of(&kind)?)
    .bind(author.by.as_str().to_owned())
    .bind(millis(author.at))
    .bind(draft.why.clone())
    .bind(number(counts.revision.0))
    .bind(number(counts.added))
    .bind(number(counts.changed))
    .bind(number(counts.removed))
    .bind(number(counts.unchanged))
    .execute(tx.on())
    .await
    .step("writing a draft")?;
    let detail = format!("draft {}: {counts}", draft.draft);
    audit::append(
        tx,
        author.by.as_str(),
        "draft_made",
        list.as_str(),
        &detail,
        author.at,
    )
    .await?;
    Ok(draft)
}

/// A draft of a whole list waits alone; of single entries a bounded number does.
pub(crate) async fn check_room(tx: &mut Tx, list: &ListName, kind: DraftKind) -> Result<(), StoreError> {
    let single = kind == DraftKind::Entry;
    let kinds = if single { "=" } else { "<>" };
    let text = format!(
        "SELECT COUNT(*), MIN(author) FROM drafts WHERE list = $1 AND state = 'waiting' AND kind {kinds} 'entry'"
    );
    let (waiting, author): (i64, Option<String>) = sqlx::query_as(sqlx::AssertSqlSafe(text))
        .bind(list.as_str().to_owned())
        .fetch_one(tx.on())
        .await
        .step("counting drafts")?;
    match author {
        Some(author) if !single => Err(DraftRefusal::Waits(parsed("user name", &author)?).into()),
        _ if count(waiting) >= MAX_ENTRY_DRAFTS => Err(DraftRefusal::TooMany(MAX_ENTRY_DRAFTS).into()),
        _ => Ok(()),
    }
}

fn draft(columns: Columns) -> Result<Draft, StoreError> {
    let (draft, list, kind, state, author, made_at, why, ..) = columns;
    let (.., base, added, changed, removed, unchanged, decided_by, decided_at, decided_why, now) = columns;
    let state: DraftState = from_json("draft", &format!("\"{state}\""))?;
    Ok(Draft {
        draft: count(draft),
        list: parsed("list name", &list)?,
        kind: from_json("draft", &format!("\"{kind}\""))?,
        moved: state == DraftState::Waiting && now.is_some_and(|now| now > base),
        state,
        author: parsed("user name", &author)?,
        made_at: time(made_at)?,
        why,
        change: ListChange {
            revision: Revision(count(base)),
            added: count(added),
            changed: count(changed),
            removed: count(removed),
            unchanged: count(unchanged),
        },
        decided_by: decided_by.map(|name| parsed("user name", &name)).transpose()?,
        decided_at: decided_at.map(time).transpose()?,
        decided_why,
    })
}
