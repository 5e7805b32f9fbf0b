//! What each list demands of its changes.

use domain::policy::ListPolicy;
use domain::{ListName, Timestamp, UserName};
use sqlx::AnyConnection;

use crate::sql::{Step, from_json, to_json};
use crate::transaction::transaction;
use crate::{Store, StoreError, audit, nominals};

const READ: &str = "SELECT doc FROM list_policies WHERE list = $1";

impl Store {
    /// The policy that was set for a list; none where it has the settings' one.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn policy(&self, list: &ListName) -> Result<Option<ListPolicy>, StoreError> {
        let row: Option<(String,)> = sqlx::query_as(READ)
            .bind(list.as_str().to_owned())
            .fetch_optional(&self.inner.reader)
            .await
            .step("reading a list's policy")?;
        row.map(|(doc,)| from_json("policy", &doc)).transpose()
    }

    /// Sets a list's policy, also of a list that is not loaded yet. The audit row has it as it was and as it is; `usual` is what
    /// it was where none was set.
    ///
    /// # Errors
    /// [`StoreError::FollowsNominals`], or when the database fails.
    pub async fn set_policy(
        &self,
        list: &ListName,
        policy: &ListPolicy,
        usual: &ListPolicy,
        by: &UserName,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        nominals::refuse_by_hand(list)?;
        transaction!(self, "set_policy", |tx| {
            let before = in_force(tx.on(), list, usual).await?;
            let text = "INSERT INTO list_policies (list, doc) VALUES ($1, $2) \
                        ON CONFLICT (list) DO UPDATE SET doc = excluded.doc";
            sqlx::query(text)
                .bind(list.as_str().to_owned())
                .bind(to_json("policy", policy)?)
                .execute(tx.on())
                .await
                .step("writing a list's policy")?;
            let detail = format!(
                "before {}, after {}",
                to_json("policy", &before)?,
                to_json("policy", policy)?
            );
            audit::append(tx, by.as_str(), "hotlist_policy_set", list.as_str(), &detail, now).await
        })
    }
}

/// The policy that a change of the list must keep.
pub(crate) async fn in_force(
    on: &mut AnyConnection,
    list: &ListName,
    usual: &ListPolicy,
) -> Result<ListPolicy, StoreError> {
    let row: Option<(String,)> = sqlx::query_as(READ)
        .bind(list.as_str().to_owned())
        .fetch_optional(on)
        .await
        .step("reading a list's policy")?;
    row.map_or_else(|| Ok(usual.clone()), |(doc,)| from_json("policy", &doc))
}
