//! Cases, what is decided about them, and the hits behind them.

use std::collections::HashSet;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use domain::case::{Case, CaseEvent, CaseState, Command, Deployment, DeploymentState, Outcome};
use domain::hit::Hit;
use domain::hotlist::Grade;
use domain::read::PlateRead;
use domain::{CallSign, CaseId, DeploymentId, Timestamp, Vrm};
use serde::{Deserialize, Serialize};
use store::cases::{CaseFilter, CaseRecord};
use utoipa::{IntoParams, ToSchema};

use crate::access::SignedIn;
use crate::app::App;
use crate::error::ControlRoomError;
use crate::extract::{self, Asked, Body, Named};
use crate::restrict::Shown;
use crate::schemas;

/// Cases in one answer where no limit is asked for: more than a room can work on.
const USUAL_CASES: u32 = 200;
/// Hits in one answer where no limit is asked for.
const USUAL_HITS: u32 = 100;
/// Most cases or hits in one answer: some 2 MB.
const MOST: u32 = 1_000;

/// Which cases.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct CasesAsked {
    /// Only this state: `new`, `confirmed`, `rejected`, `deployed` or `closed`.
    state: Option<String>,
    /// Only this vehicle, in any spelling. The search is audited.
    vrm: Option<String>,
    /// Only open cases; so by default, unless a state or a vehicle is asked for.
    open: Option<bool>,
    /// At most so many.
    limit: Option<u32>,
}

/// Cases, the most urgent grade first, then the oldest.
#[derive(Serialize, ToSchema)]
pub(crate) struct CasesAnswer {
    #[schema(value_type = Vec<schemas::Case>)]
    cases: Vec<Shown<Case>>,
    /// The active deployments of these cases: who is on the way.
    #[schema(value_type = Vec<schemas::Deployment>)]
    deployments: Vec<Deployment>,
    /// The list is at least as new as this event: follow `/api/events?after=` from here.
    at_event: u64,
}

/// What an operator decides, about the version seen.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Decide {
    /// The version of the case that the operator saw.
    version: u64,
    command: CommandName,
    /// Wanted with `reject` and `close`.
    #[schema(value_type = Option<schemas::Outcome>)]
    outcome: Option<Outcome>,
    /// Wanted with the outcome `other`.
    note: Option<String>,
    /// Wanted with `deploy`.
    #[schema(value_type = Option<String>)]
    callsign: Option<CallSign>,
}

#[derive(Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum CommandName {
    Confirm,
    Reject,
    Deploy,
    Close,
}

/// How far a deployment has come.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Advance {
    #[schema(value_type = schemas::DeploymentState)]
    to: DeploymentState,
}

/// Which hits.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct HitsAsked {
    /// Only this grade, 1 to 4.
    grade: Option<String>,
    /// Only this vehicle, in any spelling.
    vrm: Option<String>,
    /// At most so many.
    limit: Option<u32>,
}

/// Hits, newest first.
#[derive(Serialize, ToSchema)]
pub(crate) struct HitsAnswer {
    #[schema(value_type = Vec<schemas::Hit>)]
    hits: Vec<Shown<Hit>>,
}

/// `GET /api/cases`
pub(crate) async fn list(
    State(app): State<Arc<App>>,
    signed_in: SignedIn,
    Asked(asked): Asked<CasesAsked>,
) -> Result<Json<CasesAnswer>, ControlRoomError> {
    let vrm: Option<Vrm> = extract::optional("vrm", asked.vrm.as_deref())?;
    let state = asked.state.as_deref().map(state).transpose()?;
    let filter = CaseFilter {
        open_only: asked.open.unwrap_or(state.is_none() && vrm.is_none()),
        vrm,
        state,
        limit: extract::limit(asked.limit, USUAL_CASES, MOST)?,
    };
    // Asked before the list: an event in between is then sent again rather than missed.
    let at_event = app.store.last_event().await?;
    let cases = app.store.cases(&filter).await?;
    if vrm.is_some() {
        audit_search(&app, &signed_in, "search_cases", "by mark", cases.len()).await?;
    }
    let listed: HashSet<CaseId> = cases.iter().map(|case| case.case_id).collect();
    let mut deployments = app.store.active_deployments().await?;
    deployments.retain(|deployment| listed.contains(&deployment.case_id));
    let restriction = app.restrictions.now().await?;
    Ok(Json(CasesAnswer {
        cases: cases.into_iter().map(|case| restriction.case(case)).collect(),
        deployments,
        at_event,
    }))
}

/// `GET /api/cases/{case_id}`
pub(crate) async fn one(
    State(app): State<Arc<App>>,
    signed_in: SignedIn,
    Named(case): Named<CaseId>,
) -> Result<Json<Shown<CaseRecord>>, ControlRoomError> {
    let mut record = app.store.case(case).await?;
    show_linked_images(&app, &mut record.case.last_read).await;
    app.store
        .audit(
            signed_in.name().as_str(),
            "view_case",
            &case.to_string(),
            record.case.state.name(),
            Timestamp::now(),
        )
        .await?;
    Ok(Json(app.restrictions.now().await?.record(record)))
}

/// A back-office camera may post a read's images apart from it: the latest read is shown with those. Where the image store
/// fails, the case is shown without.
async fn show_linked_images(app: &App, read: &mut PlateRead) {
    if read.plate_image.is_some() && read.overview_image.is_some() {
        return;
    }
    match app.images.links(read.read_id).await {
        Ok(links) => {
            read.plate_image = read.plate_image.or(links.plate);
            read.overview_image = read.overview_image.or(links.overview);
        }
        Err(error) => {
            let error: &dyn std::error::Error = &error;
            tracing::warn!(read_id = %read.read_id, error, "linked images could not be looked up");
        }
    }
}

/// `POST /api/cases/{case_id}/decide`
pub(crate) async fn decide(
    State(app): State<Arc<App>>,
    signed_in: SignedIn,
    Named(case): Named<CaseId>,
    Body(wanted): Body<Decide>,
) -> Result<Json<Shown<CaseEvent>>, ControlRoomError> {
    let seen = wanted.version;
    let command = command(wanted)?;
    if let Command::Deploy { callsign } = &command {
        known_unit(&app, callsign)?;
    }
    let now = Timestamp::now();
    let event = app
        .store
        .decide(case, &command, seen, signed_in.name(), now)
        .await?;
    tracing::info!(case_id = %case, user = %signed_in.name(), what = event.kind.words(), "decided");
    Ok(Json(app.restrictions.now().await?.event(event)))
}

/// `POST /api/deployments/{deployment_id}/advance`
pub(crate) async fn advance(
    State(app): State<Arc<App>>,
    signed_in: SignedIn,
    Named(deployment): Named<DeploymentId>,
    Body(Advance { to }): Body<Advance>,
) -> Result<Json<Shown<CaseEvent>>, ControlRoomError> {
    let by = Some(signed_in.name());
    let event = app.store.advance(deployment, to, by, Timestamp::now()).await?;
    tracing::info!(deployment_id = %deployment, user = %signed_in.name(), to = to.name(), "moved a deployment on");
    Ok(Json(app.restrictions.now().await?.event(event)))
}

/// `GET /api/hits`
pub(crate) async fn hits(
    State(app): State<Arc<App>>,
    signed_in: SignedIn,
    Asked(asked): Asked<HitsAsked>,
) -> Result<Json<HitsAnswer>, ControlRoomError> {
    let vrm: Option<Vrm> = extract::optional("vrm", asked.vrm.as_deref())?;
    let grade: Option<Grade> = extract::optional("grade", asked.grade.as_deref())?;
    let limit = extract::limit(asked.limit, USUAL_HITS, MOST)?;
    let hits = app.store.hits(vrm, grade, limit).await?;
    let how = if vrm.is_some() { "by mark" } else { "newest" };
    audit_search(&app, &signed_in, "view_hits", how, hits.len()).await?;
    let restriction = app.restrictions.now().await?;
    let hits = hits.into_iter().map(|hit| restriction.hit(hit)).collect();
    Ok(Json(HitsAnswer { hits }))
}

/// Whoever looks a vehicle up leaves a record of it, though not of the plate.
async fn audit_search(
    app: &App,
    signed_in: &SignedIn,
    action: &str,
    how: &str,
    found: usize,
) -> Result<(), ControlRoomError> {
    let detail = format!("{how}, {found} found");
    let name = signed_in.name().as_str();
    app.store
        .audit(name, action, "", &detail, Timestamp::now())
        .await?;
    Ok(())
}

fn state(text: &str) -> Result<CaseState, ControlRoomError> {
    use CaseState::{Closed, Confirmed, Deployed, New, Rejected};
    [New, Confirmed, Rejected, Deployed, Closed]
        .into_iter()
        .find(|state| state.name() == text)
        .ok_or_else(|| {
            ControlRoomError::request("state", "one of new, confirmed, rejected, deployed, closed")
        })
}

fn command(wanted: Decide) -> Result<Command, ControlRoomError> {
    let needs = |field, message| ControlRoomError::request(field, message);
    let outcome = wanted
        .outcome
        .ok_or_else(|| needs("outcome", "say why or how it ended"));
    let note = wanted.note.unwrap_or_default();
    Ok(match wanted.command {
        CommandName::Confirm => Command::Confirm,
        CommandName::Reject => Command::Reject {
            outcome: outcome?,
            note,
        },
        CommandName::Deploy => Command::Deploy {
            callsign: wanted
                .callsign
                .ok_or_else(|| needs("callsign", "say which unit"))?,
        },
        CommandName::Close => Command::Close {
            outcome: outcome?,
            note,
        },
    })
}

/// A slip of the pen must not look like a unit on its way.
fn known_unit(app: &App, callsign: &CallSign) -> Result<(), ControlRoomError> {
    let rostered = app.force.units.iter().any(|unit| unit.callsign == *callsign);
    if rostered || app.feed.has_unit(callsign) {
        return Ok(());
    }
    Err(ControlRoomError::Unprocessable {
        code: "unknown_unit",
        field: "callsign",
        message: format!("no unit {callsign} is on the roster or on the air"),
    })
}
