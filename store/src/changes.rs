//! Changing lists: what a person wishes, whether it waits for a second one, and what is written when it happens.
//!
//! Everything about one change is one transaction: list, entries, what is to be published, the history, the audit row. A
//! process that is killed leaves the old state or the new one, whole.

use std::collections::BTreeMap;
use std::sync::Arc;

use domain::hotlist::{Entry, Revision};
use domain::pattern::MAX_PATTERNS;
use domain::policy::ListPolicy;
use domain::target::Target;
use domain::{EntryId, ListName, Timestamp, UserName};
use serde::{Deserialize, Serialize};

use crate::diff::{Difference, Part};
use crate::drafts::{self, Draft, DraftKind};
use crate::elsewhere::{self, Contradiction};
use crate::events::take_numbers;
use crate::hotlists::ListChange;
use crate::rows::{InMemory, Rows, Source};
use crate::sql::{Step, count, millis, number};
use crate::transaction::{Tx, transaction};
use crate::{Store, StoreError, audit, diff, history, nominals, policies};

/// Who changes a list, when, and why.
#[derive(Clone, Debug)]
pub struct Author<'a> {
    /// Who.
    pub by: &'a UserName,
    /// When.
    pub at: Timestamp,
    /// Why, in their words; may be empty.
    pub why: &'a str,
}

/// What is to become of a list.
#[derive(Clone, Debug)]
pub enum Wish {
    /// These entries are the whole of it.
    Replace(Vec<Entry>),
    /// These, which are read as often as they are needed and never all in memory.
    ReplaceByRows(Arc<dyn Rows>),
    /// This entry is on it, like this.
    Put(Box<Entry>),
    /// Nothing of this mark or pattern is on it.
    WithdrawMark(Target),
    /// Nothing is on it.
    WithdrawList,
}

/// What became of a wish.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Changed {
    /// It happened, and is on its way to the matchers.
    Live(ListChange),
    /// It waits for a second person, and nothing has changed.
    Draft(Draft),
}

/// A wish as it is carried out.
pub(crate) struct Plan {
    pub(crate) kind: Option<DraftKind>,
    pub(crate) part: Part,
    pub(crate) source: Source,
    action: &'static str,
}

impl Plan {
    pub(crate) fn of(list: &ListName, wish: Wish) -> Self {
        let memory = |entries: Vec<Entry>| -> Arc<dyn Rows> {
            debug_assert!(
                entries.iter().all(|entry| entry.list == *list),
                "entries of another list"
            );
            Arc::new(InMemory(once_each(entries)))
        };
        let (kind, part, rows, action) = match wish {
            Wish::Replace(entries) => (Some(DraftKind::Load), Part::Whole, memory(entries), LOADED),
            Wish::ReplaceByRows(rows) => (Some(DraftKind::Load), Part::Whole, rows, LOADED),
            Wish::Put(entry) => (
                Some(DraftKind::Entry),
                Part::Entries(vec![entry.entry_id]),
                memory(vec![*entry]),
                "hotlist_entry_put",
            ),
            // A vehicle that must no longer be stopped waits for nobody.
            Wish::WithdrawMark(target) => (None, Part::Target(target), memory(Vec::new()), WITHDRAWN),
            Wish::WithdrawList => (
                Some(DraftKind::Withdrawal),
                Part::Whole,
                memory(Vec::new()),
                WITHDRAWN,
            ),
        };
        Self {
            kind,
            part,
            source: Source::Rows(rows),
            action,
        }
    }

    /// What a draft of a load would do: so many entries, so many of them for patterns.
    pub(crate) fn of_draft(draft: u64, (count, patterns): (u64, u64)) -> Self {
        Self {
            kind: Some(DraftKind::Load),
            part: Part::Whole,
            source: Source::Draft {
                draft,
                count,
                patterns,
            },
            action: LOADED,
        }
    }

    /// These entries of the list `nominals` as they follow now; the others of `ids` are not on it.
    pub(crate) fn following(ids: Vec<EntryId>, entries: Vec<Entry>) -> Self {
        Self {
            kind: None,
            part: Part::Entries(ids),
            source: Source::Rows(Arc::new(InMemory(once_each(entries)))),
            action: "hotlist_followed",
        }
    }

    fn is_withdrawal(&self) -> bool {
        self.source.count() == 0 && !matches!(self.part, Part::Entries(_))
    }
}

const LOADED: &str = "hotlist_loaded";
const WITHDRAWN: &str = "hotlist_withdrawn";

/// Of entries with one id the last, in order of id: neighbouring rows are written together.
fn once_each(entries: Vec<Entry>) -> Vec<Entry> {
    let by_id: BTreeMap<EntryId, Entry> = entries.into_iter().map(|entry| (entry.entry_id, entry)).collect();
    by_id.into_values().collect()
}

/// Who stands for a change in the records.
pub(crate) struct Sign<'a> {
    pub(crate) author: Author<'a>,
    pub(crate) authorised_by: Option<&'a UserName>,
}

impl Store {
    /// Does what is wished, or keeps it as a draft where the list's policy asks for a second person. `usual` is the policy of a
    /// list that has none of its own. Entries must be of that list; of two with one id the last counts. One that was there keeps
    /// the earlier time of listing; one without weed date gets the latest that the policy allows. Where nothing differs, no
    /// revision and no draft is made.
    ///
    /// # Errors
    /// [`StoreError::FollowsNominals`], [`StoreError::TooManyPatterns`], [`StoreError::NotFound`] for a withdrawal of what is not there,
    /// [`StoreError::Draft`] where no further draft may wait, or when the database fails; nothing has changed then.
    pub async fn change_list(
        &self,
        list: &ListName,
        wish: Wish,
        author: &Author<'_>,
        usual: &ListPolicy,
    ) -> Result<Changed, StoreError> {
        let plan = Plan::of(list, wish);
        transaction!(self, "change_list", |tx| {
            wished(tx, list, &plan, author, usual).await
        })
    }

    /// Makes `entries` the whole of a list at once, whatever its policy: for the simulated world, which no person answers for.
    ///
    /// # Errors
    /// [`StoreError::TooManyPatterns`], or when the database fails; the list is as before then.
    pub async fn replace_list(
        &self,
        list: &ListName,
        entries: Vec<Entry>,
        by: &UserName,
        now: Timestamp,
    ) -> Result<ListChange, StoreError> {
        nominals::refuse_by_hand(list)?;
        let plan = Plan::of(list, Wish::Replace(entries));
        let sign = Sign {
            author: Author { by, at: now, why: "" },
            authorised_by: None,
        };
        transaction!(self, "replace_list", |tx| {
            let revision = lock_lists(tx).await?;
            apply(tx, list, &plan, revision, &sign, None).await
        })
    }

    /// What making these entries the whole of a list would change, without changing anything.
    ///
    /// # Errors
    /// When the database fails, or the rows.
    pub async fn compare(&self, list: &ListName, rows: Arc<dyn Rows>) -> Result<Comparison, StoreError> {
        nominals::refuse_by_hand(list)?;
        let source = Source::Rows(rows);
        let mut snapshot = self.snapshot().await?;
        let (revision,): (i64,) = sqlx::query_as("SELECT value FROM counters WHERE name = 'revision'")
            .fetch_one(&mut *snapshot)
            .await
            .step("reading the revision")?;
        let current = diff::current(&mut snapshot, list, &Part::Whole).await?;
        let difference = Difference::between(&mut snapshot, current, &source).await?;
        let first_removed = &difference.removed[..difference.removed.len().min(SHOWN)];
        let removed = diff::marks(&mut snapshot, first_removed).await?;
        let contradictions = elsewhere::contradictions(&mut snapshot, list, &source).await?;
        snapshot.commit().await.step("ending to read")?;
        Ok(Comparison {
            change: difference.counts(Revision(count(revision))),
            added: difference.first_added,
            changed: difference.first_changed,
            removed,
            contradictions,
        })
    }
}

/// Marks named of each kind in a [`Comparison`]: enough to see what a file does.
pub const SHOWN: usize = 20;

/// What a load would change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Comparison {
    /// The counts; the revision is the one that they are against.
    pub change: ListChange,
    /// The first marks that would be new.
    pub added: Vec<Target>,
    /// The first marks of which something would change.
    pub changed: Vec<Target>,
    /// The first marks that would be gone.
    pub removed: Vec<Target>,
    /// Marks that another list wants treated otherwise, the first [`crate::elsewhere::MOST_CONTRADICTIONS`].
    pub contradictions: Vec<Contradiction>,
}

/// Does what is planned or keeps it as a draft, in the open transaction, as the list's policy wants it.
pub(crate) async fn wished(
    tx: &mut Tx,
    list: &ListName,
    plan: &Plan,
    author: &Author<'_>,
    usual: &ListPolicy,
) -> Result<Changed, StoreError> {
    nominals::refuse_by_hand(list)?;
    let revision = lock_lists(tx).await?;
    let policy = policies::in_force(tx, list, usual).await?;
    if let (true, Some(kind)) = (policy.four_eyes, plan.kind) {
        let difference = difference(tx, list, plan).await?;
        if !difference.is_empty() {
            let counts = difference.counts(revision);
            return drafts::write(tx, list, kind, author, &plan.source, counts)
                .await
                .map(Changed::Draft);
        }
    }
    let sign = Sign {
        author: author.clone(),
        authorised_by: None,
    };
    apply(tx, list, plan, revision, &sign, Some(&policy))
        .await
        .map(Changed::Live)
}

/// Keeps every other change of lists out until the transaction ends, and says which revision stands.
pub(crate) async fn lock_lists(tx: &mut Tx) -> Result<Revision, StoreError> {
    Ok(Revision(take_numbers(tx, "revision", 0).await? - 1))
}

/// What a plan would change as the list stands.
async fn difference(tx: &mut Tx, list: &ListName, plan: &Plan) -> Result<Difference, StoreError> {
    check_patterns(tx, list, plan).await?;
    let size = size_of(tx, list).await?;
    if plan.is_withdrawal() && size.is_none() {
        return Err(StoreError::NotFound("list"));
    }
    let current = diff::current(tx.on(), list, &plan.part).await?;
    if matches!(plan.part, Part::Target(_)) && current.is_empty() {
        return Err(StoreError::NotFound("mark on that list"));
    }
    if current.is_empty() && size.unwrap_or_default() == 0 {
        return Ok(Difference::from_nothing(&plan.source));
    }
    let looked_at = current.len() as u64;
    let mut difference = Difference::between(tx.on(), current, &plan.source).await?;
    // What was not looked at is unchanged.
    difference.unchanged += size.unwrap_or_default() - looked_at;
    Ok(difference)
}

/// Does what is planned, in the open transaction.
pub(crate) async fn apply(
    tx: &mut Tx,
    list: &ListName,
    plan: &Plan,
    revision: Revision,
    sign: &Sign<'_>,
    policy: Option<&ListPolicy>,
) -> Result<ListChange, StoreError> {
    let difference = difference(tx, list, plan).await?;
    let mut done = difference.counts(revision);
    let author = &sign.author;
    if !difference.is_empty() {
        done.revision = Revision(take_numbers(tx, "revision", 1).await?);
        write_list(tx, list, &done, author).await?;
        let changes = done.added + done.changed + done.removed;
        tx.widen_cache(changes).await?;
        let last = diff::write(tx, done.revision, &difference, &plan.source, policy).await?;
        tx.narrow_cache(changes).await?;
        history::write_change(tx, list, &done, plan.action, sign, last).await?;
    }
    let mut detail = format!("revision {}: {done}", done.revision);
    if let Some(second) = sign.authorised_by {
        detail.push_str(&format!(", drafted by {}, authorised by {second}", author.by));
    }
    let actor = sign.authorised_by.unwrap_or(author.by);
    audit::append(tx, actor.as_str(), plan.action, list.as_str(), &detail, author.at).await?;
    Ok(done)
}

async fn write_list(
    tx: &mut Tx,
    list: &ListName,
    done: &ListChange,
    author: &Author<'_>,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO lists (list, entries, revision, changed_at, changed_by, published_at) \
         VALUES ($1, $2, $3, $4, $5, NULL) \
         ON CONFLICT (list) DO UPDATE SET entries = excluded.entries, revision = excluded.revision, \
         changed_at = excluded.changed_at, changed_by = excluded.changed_by, published_at = NULL",
    )
    .bind(list.as_str().to_owned())
    .bind(number(done.added + done.changed + done.unchanged))
    .bind(number(done.revision.0))
    .bind(millis(author.at))
    .bind(author.by.as_str().to_owned())
    .execute(tx.on())
    .await
    .step("writing a list")
    .map(drop)
}

/// Keeps the patterns of all lists together within their bound. A change without any needs no look at the others.
async fn check_patterns(tx: &mut Tx, list: &ListName, plan: &Plan) -> Result<(), StoreError> {
    let patterns = plan.source.patterns();
    if patterns == 0 {
        return Ok(());
    }
    let (column, value) = match &plan.part {
        // Of a pattern's entry, which is put alone.
        Part::Entries(ids) => (
            "entry_id",
            ids.first().map(ToString::to_string).unwrap_or_default(),
        ),
        Part::Whole | Part::Target(_) => ("list", list.as_str().to_owned()),
    };
    let text =
        format!("SELECT COUNT(*) FROM entries WHERE {column} <> $1 AND (vrm LIKE '%?%' OR vrm LIKE '%*%')");
    let (others,): (i64,) = sqlx::query_as(sqlx::AssertSqlSafe(text))
        .bind(value)
        .fetch_one(tx.on())
        .await
        .step("counting patterns")?;
    let (others, limit) = (count(others), MAX_PATTERNS as u64);
    if patterns + others > limit {
        return Err(StoreError::TooManyPatterns {
            patterns,
            others,
            limit,
        });
    }
    Ok(())
}

async fn size_of(tx: &mut Tx, list: &ListName) -> Result<Option<u64>, StoreError> {
    let row: Option<(i64,)> = sqlx::query_as("SELECT entries FROM lists WHERE list = $1")
        .bind(list.as_str().to_owned())
        .fetch_optional(tx.on())
        .await
        .step("reading a list")?;
    Ok(row.map(|(size,)| count(size)))
}
