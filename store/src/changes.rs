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
use sqlx::AnyConnection;

use crate::diff::{Difference, Part};
use crate::drafts::{self, Draft, DraftKind};
use crate::elsewhere::{self, Contradiction};
use crate::entries::{Writing, write_in_place};
use crate::events::take_numbers;
use crate::hotlists::ListChange;
use crate::rows::{InMemory, Rows, Source};
use crate::shelves::{Prepared, Standing, prepared};
use crate::sql::{Step, count, millis, number};
use crate::transaction::{Tx, transaction};
use crate::{Store, StoreError, audit, diff, history, nominals, policies, shelves};

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
    /// A second person has agreed to it.
    authorised: bool,
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
            authorised: false,
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
            authorised: false,
        }
    }

    /// These entries of the list `nominals` as they follow now; the others of `ids` are not on it.
    pub(crate) fn following(ids: Vec<EntryId>, entries: Vec<Entry>) -> Self {
        Self {
            kind: None,
            part: Part::Entries(ids),
            source: Source::Rows(Arc::new(InMemory(once_each(entries)))),
            action: "hotlist_followed",
            authorised: false,
        }
    }

    /// The same, agreed to by a second person.
    pub(crate) fn authorised(self) -> Self {
        Self {
            authorised: true,
            ..self
        }
    }

    /// Whether a list of four eyes takes it as a draft.
    pub(crate) fn wants_second(&self) -> bool {
        self.kind.is_some() && !self.authorised
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
        nominals::refuse_by_hand(list)?;
        prepared!(self, list, &plan, Some(usual), |prepared| {
            transaction!(self, "change_list", |tx| {
                wished(tx, list, &plan, prepared, author, usual).await
            })
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
        prepared!(self, list, &plan, None, |prepared| {
            transaction!(self, "replace_list", |tx| {
                let revision = lock_lists(tx).await?;
                let change = Planned {
                    list,
                    plan: &plan,
                    prepared,
                    policy: None,
                };
                apply(tx, &change, revision, &sign).await
            })
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
        let shelf = Standing::read(&mut snapshot, list)
            .await?
            .shelf
            .unwrap_or_default();
        let current = diff::current(&mut snapshot, shelf, &Part::Whole).await?;
        let difference = Difference::between(&mut snapshot, current, &source).await?;
        let first_removed = &difference.removed[..difference.removed.len().min(SHOWN)];
        let removed = diff::marks(&mut snapshot, shelf, first_removed).await?;
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

/// A change to be made in the open transaction.
pub(crate) struct Planned<'a> {
    pub(crate) list: &'a ListName,
    pub(crate) plan: &'a Plan,
    /// What was done of it before.
    pub(crate) prepared: Option<&'a Prepared>,
    /// The list's policy, where it has a say.
    pub(crate) policy: Option<&'a ListPolicy>,
}

/// Does what is planned or keeps it as a draft, in the open transaction, as the list's policy wants it.
pub(crate) async fn wished(
    tx: &mut Tx,
    list: &ListName,
    plan: &Plan,
    prepared: Option<&Prepared>,
    author: &Author<'_>,
    usual: &ListPolicy,
) -> Result<Changed, StoreError> {
    nominals::refuse_by_hand(list)?;
    let revision = lock_lists(tx).await?;
    let policy = policies::in_force(tx.on(), list, usual).await?;
    let change = Planned {
        list,
        plan,
        prepared,
        policy: Some(&policy),
    };
    if let (true, Some(kind)) = (policy.four_eyes, plan.kind) {
        let standing = Standing::read(tx.on(), list).await?;
        let found;
        let difference = match change.prepared_for(&standing)? {
            Some(prepared) => &prepared.difference,
            None => {
                found = difference(tx.on(), list, plan, &standing).await?;
                &found
            }
        };
        if !difference.is_empty() {
            let counts = difference.counts(revision);
            return drafts::write(tx, &change, kind, author, counts)
                .await
                .map(Changed::Draft);
        }
    }
    let sign = Sign {
        author: author.clone(),
        authorised_by: None,
    };
    apply(tx, &change, revision, &sign).await.map(Changed::Live)
}

impl Planned<'_> {
    /// What was prepared, where that was done; it holds only where nothing has changed since.
    fn prepared_for(&self, standing: &Standing) -> Result<Option<&Prepared>, StoreError> {
        match self.prepared {
            Some(prepared) if prepared.standing != *standing || prepared.policy.as_ref() != self.policy => {
                Err(StoreError::Moved)
            }
            prepared => Ok(prepared),
        }
    }
}

/// Keeps every other change of lists out until the transaction ends, and says which revision stands.
pub(crate) async fn lock_lists(tx: &mut Tx) -> Result<Revision, StoreError> {
    Ok(Revision(take_numbers(tx, "revision", 0).await? - 1))
}

/// What a plan would change as the list stands.
pub(crate) async fn difference(
    on: &mut AnyConnection,
    list: &ListName,
    plan: &Plan,
    standing: &Standing,
) -> Result<Difference, StoreError> {
    check_patterns(on, list, plan).await?;
    let Some(shelf) = standing.shelf else {
        return if plan.is_withdrawal() {
            Err(StoreError::NotFound("list"))
        } else {
            Ok(Difference::from_nothing(&plan.source))
        };
    };
    let current = diff::current(on, shelf, &plan.part).await?;
    if matches!(plan.part, Part::Target(_)) && current.is_empty() {
        return Err(StoreError::NotFound("mark on that list"));
    }
    if standing.entries == 0 {
        return Ok(Difference::from_nothing(&plan.source));
    }
    let looked_at = current.len() as u64;
    let mut difference = Difference::between(on, current, &plan.source).await?;
    // What was not looked at is unchanged.
    difference.unchanged += standing.entries - looked_at;
    Ok(difference)
}

/// Does what is planned, in the open transaction.
pub(crate) async fn apply(
    tx: &mut Tx,
    change: &Planned<'_>,
    revision: Revision,
    sign: &Sign<'_>,
) -> Result<ListChange, StoreError> {
    let Planned { list, plan, .. } = change;
    let standing = Standing::read(tx.on(), list).await?;
    let found;
    let (difference, filled) = match change.prepared_for(&standing)? {
        Some(prepared) => (&prepared.difference, prepared.filled.as_ref()),
        None => {
            found = difference(tx.on(), list, plan, &standing).await?;
            (&found, None)
        }
    };
    let mut done = difference.counts(revision);
    let author = &sign.author;
    if !difference.is_empty() {
        done.revision = Revision(take_numbers(tx, "revision", 1).await?);
        let (ticket, first) = match filled {
            Some(filled) => (filled.ticket, filled.first),
            None => (
                take_numbers(tx, "ticket", 1).await?,
                take_numbers(tx, "change", difference.changes() as usize).await?,
            ),
        };
        let from = standing.shelf.unwrap_or(ticket);
        let writing = Writing {
            list,
            ticket,
            from,
            to: filled.map_or(from, |filled| filled.ticket),
            policy: change.policy,
        };
        match filled {
            Some(filled) => shelves::replace(tx, filled, &standing, done.revision).await?,
            None => write_in_place(tx, &writing, first, difference, &plan.source).await?,
        }
        write_list(tx, &writing, &done, author).await?;
        let places = first..first + difference.changes();
        history::write_change(tx, &writing, done.revision, plan.action, sign, places).await?;
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
    writing: &Writing<'_>,
    done: &ListChange,
    author: &Author<'_>,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO lists (list, entries, revision, changed_at, changed_by, published_at, shelf) \
         VALUES ($1, $2, $3, $4, $5, NULL, $6) \
         ON CONFLICT (list) DO UPDATE SET entries = excluded.entries, revision = excluded.revision, \
         changed_at = excluded.changed_at, changed_by = excluded.changed_by, published_at = NULL, \
         shelf = excluded.shelf",
    )
    .bind(writing.list.as_str().to_owned())
    .bind(number(done.added + done.changed + done.unchanged))
    .bind(number(done.revision.0))
    .bind(millis(author.at))
    .bind(author.by.as_str().to_owned())
    .bind(number(writing.to))
    .execute(tx.on())
    .await
    .step("writing a list")
    .map(drop)
}

/// Keeps the patterns of all lists together within their bound. A change without any needs no look at the others.
async fn check_patterns(on: &mut AnyConnection, list: &ListName, plan: &Plan) -> Result<(), StoreError> {
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
    let text = format!(
        "SELECT COUNT(*) FROM entry_patterns JOIN lists ON lists.shelf = entry_patterns.shelf WHERE {column} <> $1"
    );
    let (others,): (i64,) = sqlx::query_as(sqlx::AssertSqlSafe(text))
        .bind(value)
        .fetch_one(on)
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
