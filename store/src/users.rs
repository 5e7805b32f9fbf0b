//! Users, their sessions, and tokens for programs.

use domain::user::{Role, User};
use domain::{Timestamp, UserName};

use crate::{Store, StoreError};

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
        let _ = (name, role, password_hash, by, now);
        unimplemented!()
    }

    /// A user and the password hash.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn user(&self, name: &UserName) -> Result<Option<(User, String)>, StoreError> {
        let _ = name;
        unimplemented!()
    }

    /// Every user, by name.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn users(&self) -> Result<Vec<User>, StoreError> {
        unimplemented!()
    }

    /// Lets a user sign in no longer (or again); open sessions and tokens of a disabled user are void at once.
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
        let _ = (name, disabled, by, now);
        unimplemented!()
    }

    /// Opens a session under the hash of its secret.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn open_session(
        &self,
        secret: SecretHash,
        user: &UserName,
        csrf: &str,
        expires_at: Timestamp,
    ) -> Result<(), StoreError> {
        let _ = (secret, user, csrf, expires_at);
        unimplemented!()
    }

    /// The live session of a secret, of a user who is not disabled.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn session(&self, secret: SecretHash, now: Timestamp) -> Result<Option<Session>, StoreError> {
        let _ = (secret, now);
        unimplemented!()
    }

    /// Ends a session.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn end_session(&self, secret: SecretHash) -> Result<(), StoreError> {
        let _ = secret;
        unimplemented!()
    }

    /// Gives a program a token to act as this user, replacing an earlier one of the same label.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] where there is no such user.
    pub async fn set_token(
        &self,
        secret: SecretHash,
        user: &UserName,
        label: &str,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let _ = (secret, user, label, now);
        unimplemented!()
    }

    /// The user of a token, where not disabled.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn token_user(&self, secret: SecretHash) -> Result<Option<User>, StoreError> {
        let _ = secret;
        unimplemented!()
    }
}
