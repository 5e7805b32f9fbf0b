//! Users, their sessions, and tokens for programs.

use domain::user::{Role, User};
use domain::{Timestamp, UserName};

use crate::sql::{Step, is_duplicate, millis, parsed, time};
use crate::transaction::{Tx, transaction};
use crate::{Store, StoreError, audit};

/// Live sessions a user may have, the longest-lived: one a browser, with room for forgotten ones.
pub const MAX_SESSIONS: u32 = 32;

/// SHA-256 of a secret that was handed out: the secret itself is never stored.
pub type SecretHash = [u8; 32];

/// A browser's session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// Whose.
    pub user: User,
    /// What a changing request must carry in its header.
    pub csrf: String,
    /// When it ends.
    pub expires_at: Timestamp,
}

impl Store {
    /// Adds a user; `password_hash` is an argon2id PHC string.
    ///
    /// # Errors
    /// [`StoreError::Exists`] where the name is taken.
    pub async fn add_user(
        &self,
        name: &UserName,
        role: Role,
        password_hash: &str,
        by: &str,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        transaction!(self, "add_user", |tx| {
            let added = sqlx::query(
                "INSERT INTO users (name, role, disabled, password_hash, created_at) VALUES ($1, $2, 0, $3, $4)",
            )
            .bind(name.as_str().to_owned())
            .bind(role.name())
            .bind(password_hash.to_owned())
            .bind(millis(now))
            .execute(tx.on())
            .await;
            match added {
                Err(error) if is_duplicate(&error) => return Err(StoreError::Exists("a user of that name")),
                added => added.step("adding a user")?,
            };
            audit::append(tx, by, "user_added", name.as_str(), role.name(), now).await
        })
    }

    /// A user and the password hash.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn user(&self, name: &UserName) -> Result<Option<(User, String)>, StoreError> {
        let row: Option<(String, String, i64, String)> =
            sqlx::query_as("SELECT name, role, disabled, password_hash FROM users WHERE name = $1")
                .bind(name.as_str().to_owned())
                .fetch_optional(&self.inner.reader)
                .await
                .step("reading a user")?;
        row.map(|(name, role, disabled, hash)| Ok((user(&name, &role, disabled)?, hash)))
            .transpose()
    }

    /// Every user, by name.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn users(&self) -> Result<Vec<User>, StoreError> {
        let rows: Vec<(String, String, i64)> =
            sqlx::query_as("SELECT name, role, disabled FROM users ORDER BY name")
                .fetch_all(&self.inner.reader)
                .await
                .step("reading users")?;
        rows.iter()
            .map(|(name, role, disabled)| user(name, role, *disabled))
            .collect()
    }

    /// Lets a user sign in no longer (or again); open sessions and tokens of a disabled user are void at once, and stay so.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] where there is no such user.
    pub async fn set_disabled(
        &self,
        name: &UserName,
        disabled: bool,
        by: &str,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        transaction!(self, "set_disabled", |tx| {
            let known = sqlx::query("UPDATE users SET disabled = $2 WHERE name = $1")
                .bind(name.as_str().to_owned())
                .bind(i64::from(disabled))
                .execute(tx.on())
                .await
                .step("disabling a user")?;
            if known.rows_affected() == 0 {
                return Err(StoreError::NotFound("user"));
            }
            if disabled {
                for text in [
                    "DELETE FROM sessions WHERE name = $1",
                    "DELETE FROM tokens WHERE name = $1",
                ] {
                    sqlx::query(text)
                        .bind(name.as_str().to_owned())
                        .execute(tx.on())
                        .await
                        .step("ending a user's sessions")?;
                }
            }
            let action = if disabled { "user_disabled" } else { "user_enabled" };
            audit::append(tx, by, action, name.as_str(), "", now).await
        })
    }

    /// Opens a session under the hash of its secret. Of more than [`MAX_SESSIONS`] those that end first are ended.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] where there is no such user, or a disabled one.
    pub async fn open_session(
        &self,
        secret: SecretHash,
        user: &UserName,
        csrf: &str,
        expires_at: Timestamp,
    ) -> Result<(), StoreError> {
        transaction!(self, "open_session", |tx| {
            lock_enabled(tx, user).await?;
            sqlx::query("INSERT INTO sessions (secret, name, csrf, expires_at) VALUES ($1, $2, $3, $4)")
                .bind(hex::encode(secret))
                .bind(user.as_str().to_owned())
                .bind(csrf.to_owned())
                .bind(millis(expires_at))
                .execute(tx.on())
                .await
                .step("opening a session")?;
            sqlx::query(
                "DELETE FROM sessions WHERE name = $1 AND secret NOT IN \
                 (SELECT secret FROM sessions WHERE name = $1 ORDER BY expires_at DESC, secret LIMIT $2)",
            )
            .bind(user.as_str().to_owned())
            .bind(i64::from(MAX_SESSIONS))
            .execute(tx.on())
            .await
            .step("ending old sessions")
            .map(drop)
        })
    }

    /// The live session of a secret, of a user who is not disabled.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn session(&self, secret: SecretHash, now: Timestamp) -> Result<Option<Session>, StoreError> {
        let row: Option<(String, String, String, i64)> = sqlx::query_as(
            "SELECT users.name, users.role, sessions.csrf, sessions.expires_at \
             FROM sessions JOIN users ON users.name = sessions.name \
             WHERE sessions.secret = $1 AND sessions.expires_at > $2 AND users.disabled = 0",
        )
        .bind(hex::encode(secret))
        .bind(millis(now))
        .fetch_optional(&self.inner.reader)
        .await
        .step("reading a session")?;
        row.map(|(name, role, csrf, expires_at)| {
            Ok(Session {
                user: user(&name, &role, 0)?,
                csrf,
                expires_at: time(expires_at)?,
            })
        })
        .transpose()
    }

    /// Ends a session.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn end_session(&self, secret: SecretHash) -> Result<(), StoreError> {
        transaction!(self, "end_session", |tx| {
            sqlx::query("DELETE FROM sessions WHERE secret = $1")
                .bind(hex::encode(secret))
                .execute(tx.on())
                .await
                .step("ending a session")
                .map(drop)
        })
    }

    /// Gives a program a token to act as this user, replacing an earlier one of the same label.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] where there is no such user, or a disabled one.
    pub async fn set_token(
        &self,
        secret: SecretHash,
        user: &UserName,
        label: &str,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        transaction!(self, "set_token", |tx| {
            lock_enabled(tx, user).await?;
            sqlx::query(
                "INSERT INTO tokens (name, label, secret, created_at) VALUES ($1, $2, $3, $4) \
                 ON CONFLICT (name, label) DO UPDATE SET secret = excluded.secret, created_at = excluded.created_at",
            )
            .bind(user.as_str().to_owned())
            .bind(label.to_owned())
            .bind(hex::encode(secret))
            .bind(millis(now))
            .execute(tx.on())
            .await
            .step("setting a token")
            .map(drop)
        })
    }

    /// The user of a token, where not disabled.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn token_user(&self, secret: SecretHash) -> Result<Option<User>, StoreError> {
        let row: Option<(String, String)> = sqlx::query_as(
            "SELECT users.name, users.role FROM tokens JOIN users ON users.name = tokens.name \
             WHERE tokens.secret = $1 AND users.disabled = 0",
        )
        .bind(hex::encode(secret))
        .fetch_optional(&self.inner.reader)
        .await
        .step("reading a token")?;
        row.map(|(name, role)| user(&name, &role, 0)).transpose()
    }
}

/// Finds a user who may sign in and keeps others from disabling the user meanwhile: a session opened in the same
/// moment would outlive the disabling.
async fn lock_enabled(tx: &mut Tx, name: &UserName) -> Result<(), StoreError> {
    let text = format!("SELECT disabled FROM users WHERE name = $1{}", tx.for_update());
    let row: Option<(i64,)> = sqlx::query_as(sqlx::AssertSqlSafe(text))
        .bind(name.as_str().to_owned())
        .fetch_optional(tx.on())
        .await
        .step("reading a user")?;
    match row {
        Some((0,)) => Ok(()),
        _ => Err(StoreError::NotFound("user")),
    }
}

fn user(name: &str, role: &str, disabled: i64) -> Result<User, StoreError> {
    Ok(User {
        name: parsed("user name", name)?,
        role: Role::from_name(role).ok_or_else(|| crate::sql::unreadable("role", "unknown role"))?,
        disabled: disabled != 0,
    })
}
