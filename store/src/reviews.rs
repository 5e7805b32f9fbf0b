//! Who looked through lists and entries, and which hits are of entries that nobody looked through in time.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use domain::nominal::LIST;
use domain::policy::{DraftRefusal, ListPolicy, MAX_WHY};
use domain::review::Overdue;
use domain::target::Target;
use domain::{EntryId, ListName, Timestamp, UserName};
use serde::{Deserialize, Serialize};

use crate::cases::Arrival;
use crate::changes::Author;
use crate::events::take_numbers;
use crate::sql::{Step, count, from_json, limit, millis, parsed, read_rows, storable, time, write_rows};
use crate::transaction::{Tx, transaction};
use crate::{Store, StoreError, audit, nominals};

/// Reviews of one entry that are shown, the newest.
const MOST_REVIEWS: u32 = 1_000;

/// What a person looked through.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reviewed {
    /// The whole list.
    List,
    /// One entry.
    Entry(EntryId),
    /// The entries of a mark or pattern.
    Target(Target),
}

/// That a person looked through a list or an entry, and it stays.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Review {
    /// From 1, without gaps.
    pub number: u64,
    /// The list.
    pub list: ListName,
    /// The entry; none where it was the whole list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entry_id: Option<EntryId>,
    /// When.
    pub at: Timestamp,
    /// Who.
    pub by: UserName,
    /// Why it stays, in their words.
    pub why: String,
}

type Columns = (i64, String, Option<String>, i64, String, String);
const COLUMNS: &str = "number, list, entry_id, reviewed_at, reviewed_by, why";

impl Store {
    /// Records a review, with its audit row, which has not the words. How many entries were reviewed one by one; 0 for a list.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::FollowsNominals`], [`StoreError::Draft`] where nobody says why, or when the database
    /// fails.
    pub async fn review(
        &self,
        list: &ListName,
        what: &Reviewed,
        author: &Author<'_>,
    ) -> Result<u64, StoreError> {
        nominals::refuse_by_hand(list)?;
        let why = author.why.trim();
        if why.is_empty() || why.chars().count() > MAX_WHY {
            return Err(DraftRefusal::Reason.into());
        }
        transaction!(self, "review", |tx| {
            let ids = reviewed_ids(tx, list, what).await?;
            let whole: &[Option<String>] = &[None];
            let reviewed = ids.as_deref().unwrap_or(whole);
            let first = take_numbers(tx, "review", reviewed.len()).await?;
            let (at, why) = (millis(author.at), storable(why));
            let rows: Vec<_> = (first..)
                .zip(reviewed)
                .map(|(number, id)| (number, list, id, at, author.by, &why))
                .collect();
            let text = format!(
                "INSERT INTO reviews ({COLUMNS}) SELECT CAST(value ->> 0 AS BIGINT), value ->> 1, value ->> 2, \
                 CAST(value ->> 3 AS BIGINT), value ->> 4, value ->> 5 FROM given"
            );
            write_rows(tx, "writing reviews", &text, &rows).await?;
            let detail = match &ids {
                None => "the whole list".to_owned(),
                Some(ids) => match &ids[..] {
                    [Some(id)] => format!("entry {id}"),
                    many => format!("{} entries", many.len()),
                },
            };
            let by = author.by.as_str();
            audit::append(tx, by, "hotlist_reviewed", list.as_str(), &detail, author.at).await?;
            Ok(ids.map_or(0, |ids| ids.len() as u64))
        })
    }

    /// Reviews of an entry, and of its list as a whole, the newest first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn entry_reviews(&self, list: &ListName, entry_id: EntryId) -> Result<Vec<Review>, StoreError> {
        let text = format!(
            "SELECT {COLUMNS} FROM reviews WHERE list = $1 AND (entry_id = $2 OR entry_id IS NULL) \
             ORDER BY number DESC LIMIT $3"
        );
        let rows: Vec<Columns> = sqlx::query_as(sqlx::AssertSqlSafe(text))
            .bind(list.as_str().to_owned())
            .bind(entry_id.to_string())
            .bind(limit(MOST_REVIEWS))
            .fetch_all(&self.inner.reader)
            .await
            .step("reading an entry's reviews")?;
        rows.into_iter().map(review).collect()
    }

    /// The last review of each list that was ever reviewed as a whole.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn last_reviews(&self) -> Result<BTreeMap<ListName, Review>, StoreError> {
        let text = format!(
            "SELECT {COLUMNS} FROM reviews WHERE entry_id IS NULL AND number IN \
             (SELECT MAX(number) FROM reviews WHERE entry_id IS NULL GROUP BY list)"
        );
        let rows: Vec<Columns> = sqlx::query_as(sqlx::AssertSqlSafe(text))
            .fetch_all(&self.inner.reader)
            .await
            .step("reading lists' reviews")?;
        let reviews = rows.into_iter().map(review);
        reviews
            .map(|review| review.map(|review| (review.list.clone(), review)))
            .collect()
    }
}

fn review((place, list, entry_id, at, by, why): Columns) -> Result<Review, StoreError> {
    Ok(Review {
        number: count(place),
        list: parsed("list name", &list)?,
        entry_id: entry_id.map(|id| parsed("entry id", &id)).transpose()?,
        at: time(at)?,
        by: parsed("user name", &by)?,
        why,
    })
}

/// The entries that a review is of, which are on the list now; none where it is of the whole list.
async fn reviewed_ids(
    tx: &mut Tx,
    list: &ListName,
    what: &Reviewed,
) -> Result<Option<Vec<Option<String>>>, StoreError> {
    let (text, value, missing) = match what {
        Reviewed::List => ("SELECT list FROM lists WHERE list = $1", None, "list"),
        Reviewed::Entry(id) => (
            "SELECT entry_id FROM entries WHERE shelf = (SELECT shelf FROM lists WHERE list = $1) AND entry_id = $2",
            Some(id.to_string()),
            "entry",
        ),
        Reviewed::Target(target) => (
            "SELECT entry_id FROM entry_marks \
             WHERE shelf = (SELECT shelf FROM lists WHERE list = $1) AND vrm = $2 ORDER BY entry_id",
            Some(target.to_string()),
            "mark on that list",
        ),
    };
    let mut select = sqlx::query_as::<_, (String,)>(text).bind(list.as_str().to_owned());
    if let Some(value) = value {
        select = select.bind(value);
    }
    let rows = select
        .fetch_all(tx.on())
        .await
        .step("reading what was reviewed")?;
    if rows.is_empty() {
        return Err(StoreError::NotFound(missing));
    }
    let ids = rows.into_iter().map(|(id,)| Some(id)).collect();
    Ok((*what != Reviewed::List).then_some(ids))
}

/// How a list stands to being looked through.
pub(crate) struct Standing {
    pub(crate) policy: ListPolicy,
    /// When it was last reviewed as a whole.
    pub(crate) reviewed_at: Option<Timestamp>,
}

impl Standing {
    pub(crate) fn from_row(
        policy: Option<String>,
        reviewed_at: Option<i64>,
        usual: &ListPolicy,
    ) -> Result<Self, StoreError> {
        Ok(Self {
            policy: policy.map_or_else(|| Ok(usual.clone()), |doc| from_json("policy", &doc))?,
            reviewed_at: reviewed_at.map(time).transpose()?,
        })
    }

    /// When somebody last decided that an entry stays that was listed then.
    pub(crate) fn looked_at(&self, listed_at: Timestamp) -> Timestamp {
        self.reviewed_at.map_or(listed_at, |at| at.max(listed_at))
    }
}

/// The hits, with what is overdue about the entries of those that are: as they are to be stored. `usual` is the policy of lists that
/// have none of their own. The list `nominals` follows people, and is never overdue.
pub(crate) async fn marked<'a>(
    tx: &mut Tx,
    arrivals: &'a [Arrival],
    usual: &ListPolicy,
    now: Timestamp,
) -> Result<Cow<'a, [Arrival]>, StoreError> {
    let lists = standing(tx, arrivals, usual).await?;
    let mut late: Vec<(usize, Timestamp)> = Vec::new();
    for (place, arrival) in arrivals.iter().enumerate() {
        let entry = &arrival.hit.entry;
        let Some(list) = lists.get(&entry.list) else {
            continue;
        };
        let looked_at = list.looked_at(entry.listed_at);
        if list.policy.review_due(looked_at) <= now {
            late.push((place, looked_at));
        }
    }
    if late.is_empty() {
        return Ok(Cow::Borrowed(arrivals));
    }
    let ids: BTreeSet<(EntryId,)> = late
        .iter()
        .map(|(place, _)| (arrivals[*place].hit.entry.entry_id,))
        .collect();
    let reviewed = reviewed_alone(tx, &ids).await?;
    let mut marked = arrivals.to_vec();
    let mut may_lapse = Vec::new();
    for (place, looked_at) in late {
        let hit = &mut marked[place].hit;
        let Some(Standing { policy, .. }) = lists.get(&hit.entry.list) else {
            continue;
        };
        let alone = reviewed.get(&hit.entry.entry_id);
        let looked_at = alone.map_or(looked_at, |at| looked_at.max(*at));
        let since = policy.review_due(looked_at);
        if since > now {
            continue;
        }
        hit.overdue = Some(Overdue {
            since,
            log_only: false,
        });
        if hit.entry.grade.may_lapse() {
            let told_by = policy.told_in_time(now);
            may_lapse.push((
                place,
                hit.entry.list.clone(),
                millis(looked_at),
                millis(since),
                millis(told_by),
            ));
        }
    }
    for place in lapsed(tx, &may_lapse).await? {
        if let Some(overdue) = marked.get_mut(place).and_then(|one| one.hit.overdue.as_mut()) {
            overdue.log_only = true;
        }
    }
    Ok(Cow::Owned(marked))
}

async fn standing(
    tx: &mut Tx,
    arrivals: &[Arrival],
    usual: &ListPolicy,
) -> Result<HashMap<ListName, Standing>, StoreError> {
    let lists: BTreeSet<(&ListName,)> = arrivals.iter().map(|one| (&one.hit.entry.list,)).collect();
    let lists: Vec<_> = lists
        .into_iter()
        .filter(|(list,)| list.as_str() != LIST)
        .collect();
    let text = "SELECT value ->> 0, (SELECT doc FROM list_policies WHERE list = value ->> 0), \
                (SELECT MAX(reviewed_at) FROM reviews WHERE list = value ->> 0 AND entry_id IS NULL) FROM given";
    let rows: Vec<(String, Option<String>, Option<i64>)> =
        read_rows(tx, "reading when lists were reviewed", text, &lists).await?;
    rows.into_iter()
        .map(|(list, policy, reviewed_at)| {
            Ok((
                parsed("list name", &list)?,
                Standing::from_row(policy, reviewed_at, usual)?,
            ))
        })
        .collect()
}

/// When entries were last reviewed one by one.
async fn reviewed_alone(
    tx: &mut Tx,
    ids: &BTreeSet<(EntryId,)>,
) -> Result<HashMap<EntryId, Timestamp>, StoreError> {
    let ids: Vec<_> = ids.iter().collect();
    let text = "SELECT entry_id, MAX(reviewed_at) FROM reviews \
                WHERE entry_id IN (SELECT value ->> 0 FROM given) GROUP BY entry_id";
    let rows: Vec<(String, i64)> = read_rows(tx, "reading when entries were reviewed", text, &ids).await?;
    rows.iter()
        .map(|(id, at)| Ok((parsed("entry id", id)?, time(*at)?)))
        .collect()
}

/// Which of these were named by a notice since they were due, and so long ago that they lapse: as
/// [`ListPolicy::lapses_at`] says, without reading the notices of years.
async fn lapsed(
    tx: &mut Tx,
    may_lapse: &[(usize, ListName, i64, i64, i64)],
) -> Result<HashSet<usize>, StoreError> {
    let text = "SELECT CAST(value ->> 0 AS BIGINT) FROM given WHERE EXISTS (SELECT 1 FROM review_notices \
                WHERE list = value ->> 1 AND looked_at_until >= CAST(value ->> 2 AS BIGINT) \
                AND told_at >= CAST(value ->> 3 AS BIGINT) AND told_at <= CAST(value ->> 4 AS BIGINT))";
    let rows: Vec<(i64,)> = read_rows(tx, "reading which entries were named", text, may_lapse).await?;
    rows.into_iter()
        .map(|(place,)| Ok(usize::try_from(place).unwrap_or(usize::MAX)))
        .collect()
}
