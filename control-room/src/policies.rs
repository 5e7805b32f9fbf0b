//! What lists demand of their changes.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use domain::policy::ListPolicy;
use domain::{ListName, Timestamp};
use serde::Serialize;
use utoipa::ToSchema;

use crate::access::SignedIn;
use crate::app::App;
use crate::error::ControlRoomError;
use crate::extract::{Body, Named};
use crate::schemas;

/// A list's policy.
#[derive(Serialize, ToSchema)]
pub(crate) struct PolicyAnswer {
    #[schema(value_type = String)]
    list: ListName,
    #[schema(value_type = schemas::ListPolicy)]
    policy: ListPolicy,
    /// It was set for this list; without that it is the settings' one.
    own: bool,
}

/// `GET /api/hotlists/{list}/policy`
pub(crate) async fn policy(
    State(app): State<Arc<App>>,
    _: SignedIn,
    Named(list): Named<ListName>,
) -> Result<Json<PolicyAnswer>, ControlRoomError> {
    let policy = app.store.policy(&list).await?;
    Ok(Json(PolicyAnswer {
        list,
        own: policy.is_some(),
        policy: policy.unwrap_or_else(|| app.usual_policy.clone()),
    }))
}

/// `POST /api/hotlists/{list}/policy`
pub(crate) async fn set(
    State(app): State<Arc<App>>,
    signed_in: SignedIn,
    Named(list): Named<ListName>,
    Body(policy): Body<ListPolicy>,
) -> Result<Json<PolicyAnswer>, ControlRoomError> {
    let policy = policy
        .checked()
        .map_err(|error| ControlRoomError::request("policy", error))?;
    app.store
        .set_policy(
            &list,
            &policy,
            &app.usual_policy,
            signed_in.name(),
            Timestamp::now(),
        )
        .await?;
    Ok(Json(PolicyAnswer {
        list,
        policy,
        own: true,
    }))
}
