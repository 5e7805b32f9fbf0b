//! What a file would do to a list, before it does.

use std::sync::Arc;

use axum::Json;
use axum::body::Body as RawBody;
use axum::extract::State;
use domain::ListName;
use intelligence::RowFault;
use serde::Serialize;
use store::changes::Comparison;
use utoipa::ToSchema;

use crate::access::SignedIn;
use crate::app::App;
use crate::error::{ControlRoomError, MAX_FAULTS_SENT};
use crate::extract::{self, Asked, Named};
use crate::hotlists::{LoadAsked, MAX_LIST_BYTES, parse};
use crate::schemas;

/// What a load of the same file would find and change.
#[derive(Serialize, ToSchema)]
pub(crate) struct CheckAnswer {
    /// Against the list as it is live; null where no row is good.
    #[schema(value_type = Option<schemas::Comparison>)]
    comparison: Option<Comparison>,
    /// A load with the same parameters would be taken.
    may_load: bool,
    /// The first hundred faults.
    #[schema(value_type = Vec<schemas::RowFault>)]
    faults: Vec<RowFault>,
    /// All faults; a row may have several.
    fault_count: u64,
    /// The first hundred good rows that a person should look at again.
    #[schema(value_type = Vec<schemas::RowFault>)]
    suspicions: Vec<RowFault>,
    /// All of those.
    suspicion_count: u64,
    /// Rows of vehicles, good and bad.
    rows: u64,
    /// Rows that a load would leave out.
    bad_rows: u64,
    /// Rows that stood there twice and were merged.
    doubles: u64,
    /// Entries whose weed date is past.
    expired: u64,
    /// What was concluded or passed over.
    notes: Vec<String>,
}

/// `POST /api/hotlists/{list}/check`
pub(crate) async fn check(
    State(app): State<Arc<App>>,
    _: SignedIn,
    Named(list): Named<ListName>,
    Asked(asked): Asked<LoadAsked>,
    body: RawBody,
) -> Result<Json<CheckAnswer>, ControlRoomError> {
    let _place = app
        .loads
        .try_acquire()
        .map_err(|_| ControlRoomError::Busy("another list is being loaded; try again when it is done"))?;
    let how = asked.how()?;
    let file = extract::receive(body, MAX_LIST_BYTES).await?;
    let (mut parsed, file) = parse(&app, &list, file, how).await?;
    let may_load = parsed.may_load(asked.accept_good_rows);
    parsed.faults.truncate(MAX_FAULTS_SENT);
    parsed.suspicions.truncate(MAX_FAULTS_SENT);
    let comparison = if parsed.good == 0 {
        None
    } else {
        Some(app.store.compare(&list, Arc::new(file)).await?)
    };
    Ok(Json(CheckAnswer {
        comparison,
        may_load,
        faults: parsed.faults,
        fault_count: parsed.fault_count,
        suspicions: parsed.suspicions,
        suspicion_count: parsed.suspicion_count,
        rows: parsed.rows,
        bad_rows: parsed.bad_rows,
        doubles: parsed.doubles,
        expired: parsed.expired,
        notes: parsed.notes,
    }))
}
