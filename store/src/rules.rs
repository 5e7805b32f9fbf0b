//! Rule files, how far rules have come, and whom they called.

use domain::case::{self, Case, CaseEvent, EventKind, RuleEffect};
use domain::user::Role;
use domain::{CaseId, Timestamp, UserName};
use serde::{Deserialize, Serialize};

use crate::cases::{lock_case, save_cases};
use crate::events::{Sequenced, raise, take_numbers, write_events};
use crate::sql::{Step, count, from_json, limit, millis, number, parsed, storable, time};
use crate::transaction::{Tx, transaction};
use crate::{Store, StoreError, audit, follow_ups};

/// A rule file that went live.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredRules {
    /// From 1, without gaps.
    pub version: u64,
    /// SHA-256 of the text.
    pub hash: String,
    /// When.
    pub loaded_at: Timestamp,
    /// Who.
    pub loaded_by: UserName,
    /// The file as it is.
    pub text: String,
}

/// A rule that held for a case at one of its events.
#[derive(Clone, Debug)]
pub struct Holding {
    /// The event's place in the order of all.
    pub cause: u64,
    /// The case as the event left it.
    pub case: Case,
    /// What is to be done.
    pub effect: RuleEffect,
}

/// Somebody was called to a case.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notification {
    /// From 1, without gaps.
    pub number: u64,
    /// The case.
    pub case_id: CaseId,
    /// When.
    pub at: Timestamp,
    /// The unit or desk that is called, such as `supervisor`.
    pub desk: String,
    /// By which rule, and who had not acted.
    pub said: String,
    /// Who has seen it.
    pub seen_by: Vec<UserName>,
}

impl Store {
    /// Makes a checked rule file the one that counts. The same text again is no new version.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn load_rules(
        &self,
        text: &str,
        hash: &str,
        by: &UserName,
        now: Timestamp,
    ) -> Result<u64, StoreError> {
        transaction!(self, "load_rules", |tx| {
            let newest = take_numbers(tx, "rule_file", 0).await? - 1;
            let same: Option<(i64,)> =
                sqlx::query_as("SELECT version FROM rule_files WHERE version = $1 AND hash = $2")
                    .bind(number(newest))
                    .bind(hash.to_owned())
                    .fetch_optional(tx.on())
                    .await
                    .step("reading the rules")?;
            if same.is_some() {
                return Ok(newest);
            }
            let version = take_numbers(tx, "rule_file", 1).await?;
            sqlx::query(
                "INSERT INTO rule_files (version, hash, loaded_at, loaded_by, doc) VALUES ($1, $2, $3, $4, $5)",
            )
            .bind(number(version))
            .bind(hash.to_owned())
            .bind(millis(now))
            .bind(by.as_str().to_owned())
            .bind(storable(text))
            .execute(tx.on())
            .await
            .step("writing the rules")?;
            audit::append(tx, by.as_str(), "rules_loaded", &version.to_string(), hash, now).await?;
            Ok(version)
        })
    }

    /// The version of the rule file that counts; 0 where none was loaded.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn rules_version(&self) -> Result<u64, StoreError> {
        self.counter("rule_file").await
    }

    /// The rule file that counts; none where none was loaded.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn rules(&self) -> Result<Option<StoredRules>, StoreError> {
        let row: Option<(i64, String, i64, String, String)> = sqlx::query_as(
            "SELECT version, hash, loaded_at, loaded_by, doc FROM rule_files ORDER BY version DESC LIMIT 1",
        )
        .fetch_optional(&self.inner.reader)
        .await
        .step("reading the rules")?;
        row.map(|(version, hash, loaded_at, loaded_by, text)| {
            Ok(StoredRules {
                version: count(version),
                hash,
                loaded_at: time(loaded_at)?,
                loaded_by: parsed("user name", &loaded_by)?,
                text,
            })
        })
        .transpose()
    }

    /// Up to which event rules have been applied.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn ruled_up_to(&self) -> Result<u64, StoreError> {
        self.counter("rules").await
    }

    /// The events behind `sequence` that rules are judged at ([`EventKind::trigger`]), oldest first; and the place up to which there
    /// is no other. Looks at `limit` events of any kind at most.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn events_for_rules(
        &self,
        sequence: u64,
        limit: u32,
    ) -> Result<(Vec<Sequenced>, u64), StoreError> {
        let newest = self.last_event().await?;
        let reach = newest.min(sequence + u64::from(limit));
        if reach <= sequence {
            return Ok((Vec::new(), sequence));
        }
        let rows: Vec<(i64, String)> = sqlx::query_as(
            "SELECT sequence, doc FROM events WHERE sequence > $1 AND sequence <= $2 \
             AND kind IN ('opened', 'sighted', 'observed', 'answered') ORDER BY sequence LIMIT $3",
        )
        .bind(number(sequence))
        .bind(number(reach))
        .bind(self::limit(limit))
        .fetch_all(&self.inner.reader)
        .await
        .step("reading events for rules")?;
        let event = |(sequence, doc): &(i64, String)| {
            Ok(Sequenced {
                sequence: count(*sequence),
                event: from_json("event", doc)?,
                trace: None,
            })
        };
        Ok((rows.iter().map(event).collect::<Result<_, StoreError>>()?, reach))
    }

    /// Does what rules want that held at events up to `reach`, and records that they have come so far: one transaction. What held
    /// at an event that they had passed already was done then, by whomever: it is not done again.
    ///
    /// # Errors
    /// When the database fails; nothing has changed then.
    pub async fn apply_rules(
        &self,
        holding: &[Holding],
        reach: u64,
        now: Timestamp,
    ) -> Result<Vec<CaseEvent>, StoreError> {
        transaction!(self, "apply_rules", |tx| {
            // Locked until the end: of two dispatchers one goes first, and the other finds the place raised.
            let done = take_numbers(tx, "rules", 0).await? - 1;
            let due = holding.iter().filter(|held| held.cause > done);
            let mut events = Vec::new();
            let mut signed_in = None;
            for held in due {
                let stands = lock_case(tx, held.case.case_id).await?;
                let names = match &signed_in {
                    Some(names) => names,
                    None => signed_in.insert(on_duty(tx, now).await?),
                };
                let led_to = case::apply_rule(&stands, &held.case, &held.effect, names, now);
                if let Some(last) = led_to.last() {
                    save_cases(tx, &[&last.case]).await?;
                }
                for event in &led_to {
                    match (event.kind, &held.effect.effects.follow_up) {
                        (EventKind::Notified, _) => notify(tx, event, &held.effect.effects.notify).await?,
                        (EventKind::FollowedUp, Some(what)) => follow_ups::open(tx, event, what).await?,
                        _ => {}
                    }
                }
                events.extend(led_to);
            }
            raise(tx, "rules", reach).await?;
            write_events(tx, &events).await?;
            Ok(events)
        })
    }

    /// Who was called to which case, the newest first, at most `limit`.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn notifications(&self, limit: u32) -> Result<Vec<Notification>, StoreError> {
        let rows: Vec<(i64, String, i64, String, String, Option<String>)> = sqlx::query_as(
            "SELECT n.number, n.case_id, n.at, n.desk, n.said, s.name FROM notifications n \
             LEFT JOIN notifications_seen s ON s.number = n.number \
             WHERE n.number > (SELECT value FROM counters WHERE name = 'notification') - $1 \
             ORDER BY n.number DESC, s.at, s.name",
        )
        .bind(self::limit(limit))
        .fetch_all(&self.inner.reader)
        .await
        .step("reading notifications")?;
        let mut found: Vec<Notification> = Vec::new();
        for (place, case_id, at, desk, said, seen) in rows {
            let place = count(place);
            if found.last().is_none_or(|last| last.number != place) {
                found.push(Notification {
                    number: place,
                    case_id: parsed("case id", &case_id)?,
                    at: time(at)?,
                    desk,
                    said,
                    seen_by: Vec::new(),
                });
            }
            if let (Some(last), Some(name)) = (found.last_mut(), seen) {
                last.seen_by.push(parsed("user name", &name)?);
            }
        }
        Ok(found)
    }

    /// Records that a person has seen a notification; once is enough. The audit trail says so, too.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] where there is no such notification.
    pub async fn see_notification(
        &self,
        place: u64,
        by: &UserName,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        transaction!(self, "see_notification", |tx| {
            let row: Option<(String,)> =
                sqlx::query_as("SELECT case_id FROM notifications WHERE number = $1")
                    .bind(number(place))
                    .fetch_optional(tx.on())
                    .await
                    .step("reading a notification")?;
            let (case,) = row.ok_or(StoreError::NotFound("notification"))?;
            let seen = sqlx::query(
                "INSERT INTO notifications_seen (number, name, at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
            )
            .bind(number(place))
            .bind(by.as_str().to_owned())
            .bind(millis(now))
            .execute(tx.on())
            .await
            .step("writing who has seen a notification")?;
            if seen.rows_affected() > 0 {
                audit::append(
                    tx,
                    by.as_str(),
                    "notification_seen",
                    &case,
                    &place.to_string(),
                    now,
                )
                .await?;
            }
            Ok(())
        })
    }
}

/// Operators and supervisors who are signed in at `now`, by name.
async fn on_duty(tx: &mut Tx, now: Timestamp) -> Result<Vec<UserName>, StoreError> {
    let rows: Vec<(String,)> = sqlx::query_as(
        "SELECT DISTINCT users.name FROM sessions JOIN users ON users.name = sessions.name \
         WHERE sessions.expires_at > $1 AND users.disabled = 0 AND users.role IN ($2, $3) ORDER BY users.name",
    )
    .bind(millis(now))
    .bind(Role::Operator.name().to_owned())
    .bind(Role::Supervisor.name().to_owned())
    .fetch_all(tx.on())
    .await
    .step("reading who is signed in")?;
    rows.iter().map(|(name,)| parsed("user name", name)).collect()
}

/// A row for each desk that an event calls.
async fn notify(tx: &mut Tx, event: &CaseEvent, desks: &[String]) -> Result<(), StoreError> {
    let why = event.case.ruled.last().map(|ruled| ruled.why(event.case.state));
    let why = storable(&why.unwrap_or_default());
    let first = take_numbers(tx, "notification", desks.len()).await?;
    for (place, desk) in (first..).zip(desks) {
        sqlx::query(
            "INSERT INTO notifications (number, case_id, at, desk, said) VALUES ($1, $2, $3, $4, $5)",
        )
        .bind(number(place))
        .bind(event.case.case_id.to_string())
        .bind(millis(event.at))
        .bind(storable(desk))
        .bind(why.clone())
        .execute(tx.on())
        .await
        .step("writing notifications")?;
    }
    Ok(())
}
