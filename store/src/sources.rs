//! Sources of reads: who may post, and which of its cameras is which of ours.

use std::collections::BTreeMap;

use domain::{CameraId, SourceName, Timestamp};

use crate::sql::{Step, from_json, parsed, to_json, unreadable};
use crate::transaction::transaction;
use crate::users::SecretHash;
use crate::{Store, StoreError, audit};

/// A feed of reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// Its name.
    pub name: SourceName,
    /// SHA-256 of its token.
    pub token: SecretHash,
    /// The names that its messages have for cameras, and ours. Where a name is missing it must be one of ours.
    pub cameras: BTreeMap<String, CameraId>,
    /// May no longer post.
    pub disabled: bool,
}

impl Store {
    /// Adds a source, or replaces one of the same name (a lost token, other cameras).
    ///
    /// # Errors
    /// When the database fails.
    pub async fn put_source(&self, source: &Source, by: &str, now: Timestamp) -> Result<(), StoreError> {
        let cameras = to_json("cameras", &source.cameras)?;
        transaction!(self, "put_source", |tx| {
            sqlx::query(
                "INSERT INTO sources (name, token, cameras, disabled) VALUES ($1, $2, $3, $4) \
                 ON CONFLICT (name) DO UPDATE SET token = excluded.token, cameras = excluded.cameras, \
                 disabled = excluded.disabled",
            )
            .bind(source.name.as_str().to_owned())
            .bind(hex::encode(source.token))
            .bind(cameras.clone())
            .bind(i64::from(source.disabled))
            .execute(tx.on())
            .await
            .step("writing a source")?;
            let state = if source.disabled { "disabled" } else { "enabled" };
            let detail = format!("{} cameras renamed, {state}", source.cameras.len());
            audit::append(tx, by, "source_set", source.name.as_str(), &detail, now).await
        })
    }

    /// Every source, by name.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn sources(&self) -> Result<Vec<Source>, StoreError> {
        let rows: Vec<(String, String, String, i64)> =
            sqlx::query_as("SELECT name, token, cameras, disabled FROM sources ORDER BY name")
                .fetch_all(&self.inner.reader)
                .await
                .step("reading sources")?;
        rows.iter()
            .map(|(name, token, cameras, disabled)| {
                let mut hash = SecretHash::default();
                hex::decode_to_slice(token, &mut hash).map_err(|error| unreadable("token hash", error))?;
                Ok(Source {
                    name: parsed("source name", name)?,
                    token: hash,
                    cameras: from_json("cameras", cameras)?,
                    disabled: *disabled != 0,
                })
            })
            .collect()
    }
}
