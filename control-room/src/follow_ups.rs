//! What rules left to be done after cases.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use domain::Timestamp;
use serde::{Deserialize, Serialize};
use store::follow_ups::FollowUp;
use utoipa::{IntoParams, ToSchema};

use crate::access::SignedIn;
use crate::app::App;
use crate::error::ControlRoomError;
use crate::extract::{self, Asked, Body};
use crate::schemas;

/// Follow-ups in one answer where no limit is asked for.
const USUAL: u32 = 200;
/// Most follow-ups in one answer.
const MOST: u32 = 1_000;

/// Which follow-ups.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct FollowUpsAsked {
    /// Only those that are open, the oldest first; so by default. Else all, the newest first.
    open: Option<bool>,
    /// At most so many.
    limit: Option<u32>,
}

/// Follow-ups.
#[derive(Serialize, ToSchema)]
pub(crate) struct FollowUpsAnswer {
    #[schema(value_type = Vec<schemas::FollowUp>)]
    follow_ups: Vec<FollowUp>,
}

/// Which follow-up is done.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Close {
    number: u64,
    /// What was done.
    note: String,
}

/// Which follow-up was closed.
#[derive(Serialize, ToSchema)]
pub(crate) struct ClosedAnswer {
    number: u64,
}

/// `GET /api/follow-ups`
pub(crate) async fn list(
    State(app): State<Arc<App>>,
    Asked(asked): Asked<FollowUpsAsked>,
) -> Result<Json<FollowUpsAnswer>, ControlRoomError> {
    let limit = extract::limit(asked.limit, USUAL, MOST)?;
    let follow_ups = app.store.follow_ups(asked.open.unwrap_or(true), limit).await?;
    Ok(Json(FollowUpsAnswer { follow_ups }))
}

/// `POST /api/follow-ups/close`
pub(crate) async fn close(
    State(app): State<Arc<App>>,
    signed_in: SignedIn,
    Body(Close { number, note }): Body<Close>,
) -> Result<Json<ClosedAnswer>, ControlRoomError> {
    let by = signed_in.name();
    app.store
        .close_follow_up(number, &note, by, Timestamp::now())
        .await?;
    Ok(Json(ClosedAnswer { number }))
}
