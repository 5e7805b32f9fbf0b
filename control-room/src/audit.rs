//! The audit trail, for those who answer for it. Looking at it leaves a row too.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use domain::Timestamp;
use serde::{Deserialize, Serialize};
use store::audit::AuditRow;
use utoipa::{IntoParams, ToSchema};

use crate::access::SignedIn;
use crate::app::App;
use crate::error::ControlRoomError;
use crate::extract::{self, Asked};
use crate::schemas;

/// Rows in one answer where no limit is asked for.
const USUAL: u32 = 100;
/// Most rows in one answer.
const MOST: u32 = 1_000;

/// Which rows.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct AuditAsked {
    /// Only rows with a lower number: the last one of the page before.
    before: Option<u64>,
    /// At most so many.
    limit: Option<u32>,
}

/// Rows, newest first.
#[derive(Serialize, ToSchema)]
pub(crate) struct AuditAnswer {
    #[schema(value_type = Vec<schemas::AuditRow>)]
    rows: Vec<AuditRow>,
}

/// `GET /api/audit`
pub(crate) async fn rows(
    State(app): State<Arc<App>>,
    signed_in: SignedIn,
    Asked(asked): Asked<AuditAsked>,
) -> Result<Json<AuditAnswer>, ControlRoomError> {
    let limit = extract::limit(asked.limit, USUAL, MOST)?;
    let rows = app.store.audit_rows(asked.before, limit).await?;
    let detail = match (rows.last(), rows.first()) {
        (Some(from), Some(to)) => format!("rows {} to {}", from.number, to.number),
        _ => "no rows".to_owned(),
    };
    let name = signed_in.name().as_str();
    app.store
        .audit(name, "view_audit", "", &detail, Timestamp::now())
        .await?;
    Ok(Json(AuditAnswer { rows }))
}
