//! The force's rules, and whom they called.

use std::sync::Arc;

use axum::Json;
use axum::body::Body as RawBody;
use axum::extract::State;
use domain::Timestamp;
use intelligence::rules::RuleFile;
use serde::{Deserialize, Serialize};
use store::rules::{Notification, StoredRules};
use utoipa::{IntoParams, ToSchema};

use crate::access::SignedIn;
use crate::app::App;
use crate::error::ControlRoomError;
use crate::extract::{self, Asked, Body};
use crate::schemas;

/// Largest rule file: a hundred rules with their tests are some 50 KiB.
const MAX_RULES_BYTES: usize = 256 * 1024;
/// Notifications in one answer where no limit is asked for.
const USUAL: u32 = 100;
/// Most notifications in one answer.
const MOST: u32 = 1_000;
/// Faults told of a refused file; whoever mends these sees the next.
const FAULTS_TOLD: usize = 20;

/// The rule file that counts.
#[derive(Serialize, ToSchema)]
pub(crate) struct RulesAnswer {
    /// Null where none was loaded: the force's own then count, as version 0.
    #[schema(value_type = Option<schemas::StoredRules>)]
    rules: Option<StoredRules>,
}

/// What a load did.
#[derive(Serialize, ToSchema)]
pub(crate) struct RulesLoaded {
    /// The version that counts now.
    version: u64,
    /// SHA-256 of the text.
    hash: String,
    /// How many rules it has.
    rules: usize,
}

/// Which notifications.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct NotificationsAsked {
    /// At most so many.
    limit: Option<u32>,
}

/// Notifications, newest first.
#[derive(Serialize, ToSchema)]
pub(crate) struct NotificationsAnswer {
    #[schema(value_type = Vec<schemas::Notification>)]
    notifications: Vec<Notification>,
}

/// Which notification was seen.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Seen {
    number: u64,
}

/// Who has seen what.
#[derive(Serialize, ToSchema)]
pub(crate) struct SeenAnswer {
    number: u64,
}

/// `GET /api/rules`
pub(crate) async fn show(State(app): State<Arc<App>>) -> Result<Json<RulesAnswer>, ControlRoomError> {
    let rules = app.store.rules().await?;
    Ok(Json(RulesAnswer { rules }))
}

/// `POST /api/rules`
pub(crate) async fn load(
    State(app): State<Arc<App>>,
    signed_in: SignedIn,
    body: RawBody,
) -> Result<Json<RulesLoaded>, ControlRoomError> {
    let body = extract::receive(body, MAX_RULES_BYTES).await?;
    let text = std::str::from_utf8(&body).map_err(|error| ControlRoomError::request("body", error))?;
    let file = RuleFile::parse(text).map_err(|faults| {
        let told = faults.iter().take(FAULTS_TOLD).map(ToString::to_string);
        ControlRoomError::Unprocessable {
            code: "bad_rules",
            field: "body",
            message: told.collect::<Vec<_>>().join("\n"),
        }
    })?;
    let version = app
        .store
        .load_rules(text, &file.hash, signed_in.name(), Timestamp::now())
        .await?;
    Ok(Json(RulesLoaded {
        version,
        rules: file.rules.len(),
        hash: file.hash,
    }))
}

/// `GET /api/notifications`
pub(crate) async fn notifications(
    State(app): State<Arc<App>>,
    Asked(asked): Asked<NotificationsAsked>,
) -> Result<Json<NotificationsAnswer>, ControlRoomError> {
    let limit = extract::limit(asked.limit, USUAL, MOST)?;
    let notifications = app.store.notifications(limit).await?;
    Ok(Json(NotificationsAnswer { notifications }))
}

/// `POST /api/notifications/seen`
pub(crate) async fn seen(
    State(app): State<Arc<App>>,
    signed_in: SignedIn,
    Body(Seen { number }): Body<Seen>,
) -> Result<Json<SeenAnswer>, ControlRoomError> {
    app.store
        .see_notification(number, signed_in.name(), Timestamp::now())
        .await?;
    Ok(Json(SeenAnswer { number }))
}
