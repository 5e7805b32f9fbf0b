//! What is told every day: which lists have entries that nobody looked through in time, and when those lapse.

use std::collections::BTreeMap;

use domain::hotlist::Entry;
use domain::nominal::LIST;
use domain::policy::ListPolicy;
use domain::review::Told;
use domain::{Date, ListName, Timestamp, UserName};
use serde::{Deserialize, Serialize};

use crate::events::take_numbers;
use crate::reviews::Standing;
use crate::sql::{ROWS_AT_ONCE, Step, count, from_json, millis, number, parsed, storable, time, write_rows};
use crate::transaction::transaction;
use crate::{Store, StoreError, audit};

/// Owners of one list that get a notice of their own: a text in a row of a file must not fill memory. What further ones own is told
/// together, under [`OTHERS`].
pub const MOST_OWNERS: usize = 1_000;
/// The owner under which the entries of too many owners are told.
pub const OTHERS: &str = "others";

/// What was overdue on a list, of one owner, on one day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReviewNotice {
    /// From 1, without gaps.
    pub number: u64,
    /// The day, in the force's time zone.
    pub day: Date,
    /// The list.
    pub list: ListName,
    /// Who answers for the entries: their own owner, else the list's; empty where neither says.
    pub owner: String,
    /// When it was looked.
    pub at: Timestamp,
    /// Entries overdue for review.
    pub overdue: u64,
    /// Of these, entries that open cases still, and will not from a known time on.
    pub lapsing: u64,
    /// Of these, entries that open no case any more.
    pub log_only: u64,
    /// When the first of the lapsing ones does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_lapse_at: Option<Timestamp>,
    /// Who said that it was seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seen: Option<Seen>,
    /// When the list was reviewed since.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reviewed_at: Option<Timestamp>,
}

/// Who has seen something, and when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// The person.
    pub by: UserName,
    /// When.
    pub at: Timestamp,
}

/// What is overdue of one owner.
#[derive(Default)]
struct Counted {
    overdue: u64,
    lapsing: u64,
    log_only: u64,
    first_lapse_at: Option<Timestamp>,
}

impl Store {
    /// Looks what is overdue and writes the day's notices, one for each list and owner; false where that was done for this day
    /// already, by whomever. `usual` is the policy of lists that have none of their own. Lists are read page by page, and of an
    /// entry that is not overdue its key alone.
    ///
    /// # Errors
    /// When the database fails; no notice was written then.
    pub async fn tell_overdue(
        &self,
        day: Date,
        usual: &ListPolicy,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let told: Option<(i64,)> = sqlx::query_as("SELECT told_at FROM review_days WHERE day = $1")
            .bind(day.to_string())
            .fetch_optional(&self.inner.reader)
            .await
            .step("reading the days of notices")?;
        if told.is_some() {
            return Ok(false);
        }
        let mut rows = Vec::new();
        for list in self.lists().await? {
            if list.list.as_str() == LIST {
                continue;
            }
            let standing = self.standing(&list.list, usual).await?;
            let until = standing.policy.overdue_until(now);
            let counted = self.count_overdue(&list.list, &standing, until, now).await?;
            rows.extend(counted.into_iter().map(|(owner, counted)| {
                let counts = (counted.overdue, counted.lapsing, counted.log_only);
                let lapse = counted.first_lapse_at.map(millis);
                (list.list.clone(), owner, millis(until), counts, lapse)
            }));
        }
        transaction!(self, "tell_overdue", |tx| {
            let text = "INSERT INTO review_days (day, told_at) VALUES ($1, $2) ON CONFLICT (day) DO NOTHING";
            let first = sqlx::query(text)
                .bind(day.to_string())
                .bind(millis(now))
                .execute(tx.on())
                .await
                .step("writing the day of notices")?;
            if first.rows_affected() == 0 {
                return Ok(false);
            }
            let first = take_numbers(tx, "review_notice", rows.len()).await?;
            let numbered: Vec<_> = (first..)
                .zip(&rows)
                .map(|(number, row)| (number, day, millis(now), row))
                .collect();
            let text = "INSERT INTO review_notices (number, day, told_at, list, owner, looked_at_until, overdue, \
                        lapsing, log_only, first_lapse_at) SELECT CAST(value ->> 0 AS BIGINT), value ->> 1, \
                        CAST(value ->> 2 AS BIGINT), value -> 3 ->> 0, value -> 3 ->> 1, \
                        CAST(value -> 3 ->> 2 AS BIGINT), CAST(value -> 3 -> 3 ->> 0 AS BIGINT), \
                        CAST(value -> 3 -> 3 ->> 1 AS BIGINT), CAST(value -> 3 -> 3 ->> 2 AS BIGINT), \
                        CAST(value -> 3 ->> 4 AS BIGINT) FROM given";
            write_rows(tx, "writing notices", text, &numbered).await?;
            Ok(true)
        })
    }

    /// The notices of the newest day, by list and owner.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn review_notices(&self) -> Result<Vec<ReviewNotice>, StoreError> {
        let rows: Vec<Columns> = sqlx::query_as(
            "SELECT number, day, list, owner, told_at, overdue, lapsing, log_only, first_lapse_at, seen_by, seen_at, \
             (SELECT MAX(reviewed_at) FROM reviews WHERE reviews.list = review_notices.list \
             AND entry_id IS NULL AND reviewed_at >= told_at) AS since \
             FROM review_notices WHERE day = (SELECT MAX(day) FROM review_days) ORDER BY list, owner",
        )
        .fetch_all(&self.inner.reader)
        .await
        .step("reading notices")?;
        rows.into_iter().map(Columns::notice).collect()
    }

    /// Records that a person has seen a notice; the first one counts. The audit trail says so, too.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] where there is no such notice, or when the database fails.
    pub async fn see_review_notice(
        &self,
        place: u64,
        by: &UserName,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        transaction!(self, "see_review_notice", |tx| {
            let row: Option<(String,)> = sqlx::query_as("SELECT list FROM review_notices WHERE number = $1")
                .bind(number(place))
                .fetch_optional(tx.on())
                .await
                .step("reading a notice")?;
            let (list,) = row.ok_or(StoreError::NotFound("notice"))?;
            let seen = sqlx::query(
                "UPDATE review_notices SET seen_by = $2, seen_at = $3 WHERE number = $1 AND seen_by IS NULL",
            )
            .bind(number(place))
            .bind(by.as_str().to_owned())
            .bind(millis(now))
            .execute(tx.on())
            .await
            .step("writing who has seen a notice")?;
            if seen.rows_affected() > 0 {
                let detail = format!("notice {place}");
                audit::append(tx, by.as_str(), "review_notice_seen", &list, &detail, now).await?;
            }
            Ok(())
        })
    }

    async fn standing(&self, list: &ListName, usual: &ListPolicy) -> Result<Standing, StoreError> {
        let (policy, reviewed_at): (Option<String>, Option<i64>) = sqlx::query_as(
            "SELECT (SELECT doc FROM list_policies WHERE list = $1), \
             (SELECT MAX(reviewed_at) FROM reviews WHERE list = $1 AND entry_id IS NULL)",
        )
        .bind(list.as_str().to_owned())
        .fetch_one(&self.inner.reader)
        .await
        .step("reading when a list was reviewed")?;
        Standing::from_row(policy, reviewed_at, usual)
    }

    /// The notices about a list so far, the oldest first: one a day.
    async fn told(&self, list: &ListName) -> Result<Vec<Told>, StoreError> {
        let rows: Vec<(i64, i64)> = sqlx::query_as(
            "SELECT DISTINCT told_at, looked_at_until FROM review_notices WHERE list = $1 ORDER BY told_at",
        )
        .bind(list.as_str().to_owned())
        .fetch_all(&self.inner.reader)
        .await
        .step("reading a list's notices")?;
        let told = |(at, until)| {
            Ok(Told {
                at: time(at)?,
                looked_at_until: time(until)?,
            })
        };
        rows.into_iter().map(told).collect()
    }

    /// Counts a list's overdue entries by owner. `until` is when the youngest of them was last looked at.
    async fn count_overdue(
        &self,
        list: &ListName,
        standing: &Standing,
        until: Timestamp,
        now: Timestamp,
    ) -> Result<BTreeMap<String, Counted>, StoreError> {
        let mut counted = BTreeMap::new();
        if standing.reviewed_at.is_some_and(|at| at > until) {
            return Ok(counted);
        }
        let mut told = self.told(list).await?;
        told.push(Told {
            at: now,
            looked_at_until: until,
        });
        let mut after = (String::new(), String::new());
        loop {
            let page = self.overdue_page(list, &after, until).await?;
            for (_, _, doc, alone) in &page {
                let Some(doc) = doc else { continue };
                let entry: Entry = from_json("entry", doc)?;
                let alone = alone.map(time).transpose()?;
                let looked_at = standing.looked_at(entry.listed_at);
                let looked_at = alone.map_or(looked_at, |at| at.max(looked_at));
                if looked_at <= until && entry.is_live_at(now) {
                    let lapse = standing.policy.lapses_at(entry.grade, looked_at, &told);
                    add(&mut counted, owner(entry, &standing.policy), lapse, now);
                }
            }
            match page.into_iter().next_back() {
                Some((vrm, id, ..)) => after = (vrm, id),
                None => return Ok(counted),
            }
        }
    }

    /// The next entries of a list in order of mark: mark, id, and of those listed until then the document, and when it was reviewed
    /// by itself. However few are, a statement looks at so many entries and no more.
    async fn overdue_page(
        &self,
        list: &ListName,
        after: &(String, String),
        until: Timestamp,
    ) -> Result<Vec<Listed>, StoreError> {
        sqlx::query_as(
            "SELECT m.vrm, m.entry_id, CASE WHEN e.listed_at <= $4 THEN e.doc END, CASE WHEN e.listed_at <= $4 THEN \
             (SELECT MAX(reviewed_at) FROM reviews WHERE reviews.entry_id = e.entry_id) END \
             FROM entry_marks m JOIN entries e ON e.shelf = m.shelf AND e.entry_id = m.entry_id \
             WHERE m.shelf = (SELECT shelf FROM lists WHERE list = $1) AND (m.vrm, m.entry_id) > ($2, $3) \
             ORDER BY m.vrm, m.entry_id LIMIT $5",
        )
        .bind(list.as_str().to_owned())
        .bind(after.0.clone())
        .bind(after.1.clone())
        .bind(millis(until))
        .bind(ROWS_AT_ONCE as i64)
        .fetch_all(&self.inner.reader)
        .await
        .step("reading what is overdue")
    }
}

type Listed = (String, String, Option<String>, Option<i64>);

fn owner(entry: Entry, policy: &ListPolicy) -> String {
    if entry.owner.trim().is_empty() {
        policy.owner.clone()
    } else {
        storable(entry.owner.trim())
    }
}

fn add(counted: &mut BTreeMap<String, Counted>, owner: String, lapse: Option<Timestamp>, now: Timestamp) {
    let owner = if counted.len() < MOST_OWNERS || counted.contains_key(&owner) {
        owner
    } else {
        OTHERS.to_owned()
    };
    let counted = counted.entry(owner).or_default();
    counted.overdue += 1;
    match lapse {
        Some(at) if at <= now => counted.log_only += 1,
        Some(at) => {
            counted.lapsing += 1;
            counted.first_lapse_at = Some(counted.first_lapse_at.map_or(at, |first| first.min(at)));
        }
        None => {}
    }
}

#[derive(sqlx::FromRow)]
struct Columns {
    number: i64,
    day: String,
    list: String,
    owner: String,
    told_at: i64,
    overdue: i64,
    lapsing: i64,
    log_only: i64,
    first_lapse_at: Option<i64>,
    seen_by: Option<String>,
    seen_at: Option<i64>,
    since: Option<i64>,
}

impl Columns {
    fn notice(self) -> Result<ReviewNotice, StoreError> {
        let seen = match (self.seen_by, self.seen_at) {
            (Some(by), Some(at)) => Some(Seen {
                by: parsed("user name", &by)?,
                at: time(at)?,
            }),
            _ => None,
        };
        Ok(ReviewNotice {
            number: count(self.number),
            day: parsed("day", &self.day)?,
            list: parsed("list name", &self.list)?,
            owner: self.owner,
            at: time(self.told_at)?,
            overdue: count(self.overdue),
            lapsing: count(self.lapsing),
            log_only: count(self.log_only),
            first_lapse_at: self.first_lapse_at.map(time).transpose()?,
            seen,
            reviewed_at: self.since.map(time).transpose()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn owners_beyond_the_bound_are_told_together() {
        let mut counted = BTreeMap::new();
        for number in 0..MOST_OWNERS + 5 {
            add(
                &mut counted,
                format!("owner {number}"),
                None,
                Timestamp::UNIX_EPOCH,
            );
        }
        // One that is known already still has its own.
        add(&mut counted, "owner 0".to_owned(), None, Timestamp::UNIX_EPOCH);
        assert_eq!(counted.len(), MOST_OWNERS + 1);
        assert_eq!((counted[OTHERS].overdue, counted["owner 0"].overdue), (5, 2));
    }
}
