//! What an officer on patrol sees on a phone: the case that the unit is sent to, to act on. Never why.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use domain::case::{Case, Deployment, DeploymentState};
use domain::hotlist::{Action, Grade, Marker};
use domain::{CallSign, CaseId, Timestamp, Vrm};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::access::SignedIn;
use crate::app::App;
use crate::error::ControlRoomError;
use crate::extract::{self, Asked};
use crate::schemas;

/// Which unit's order.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct PatrolAsked {
    /// The unit; without it there is no order in the answer.
    callsign: Option<String>,
    /// The `tag` of the order that is known already: where it is still the same it is not sent again.
    known: Option<String>,
}

/// A unit's order, if it has one.
#[derive(Serialize, ToSchema)]
pub(crate) struct PatrolAnswer {
    /// The force's units, on the roster or on the air.
    #[schema(value_type = Vec<String>)]
    units: Vec<CallSign>,
    /// Null where the unit is sent to no case, or where the order is the one that is known.
    order: Option<Order>,
    /// The order is the one that is known.
    unchanged: bool,
}

/// What a unit is sent to, with what is needed to act.
#[derive(Serialize, ToSchema)]
pub(crate) struct Order {
    /// Changes whenever something of the order may have.
    tag: String,
    #[schema(value_type = String)]
    case_id: CaseId,
    #[schema(value_type = schemas::DeploymentState)]
    state: DeploymentState,
    #[schema(value_type = String)]
    vrm: Vrm,
    #[schema(value_type = u8, minimum = 1, maximum = 4)]
    grade: Grade,
    #[schema(value_type = schemas::Action)]
    action: Action,
    /// What rules want done, whatever the action says.
    instructions: Vec<String>,
    /// Warnings for officers alone.
    #[schema(value_type = Vec<schemas::Marker>)]
    warnings: Vec<Marker>,
    make: String,
    model: String,
    colour: String,
    /// Where the vehicle was last seen, in words.
    place: String,
    seen_at: Timestamp,
    /// What is to be found out at the vehicle.
    questions: Vec<String>,
    /// Nothing that the case was opened for is looked for any more.
    stand_down: bool,
}

impl Order {
    fn of(app: &App, case: Case, deployment: &Deployment) -> Self {
        let camera = app.force.camera(&case.last_read.camera);
        let place = camera.map_or_else(|| case.last_read.camera.to_string(), |camera| camera.name.clone());
        let waiting = case.questions.iter().filter(|question| question.answer.is_none());
        let mut questions: Vec<String> = waiting.map(|question| question.question.clone()).collect();
        questions.dedup();
        Self {
            tag: tag(&case, deployment),
            case_id: case.case_id,
            state: deployment.state,
            vrm: case.vrm,
            grade: case.grade,
            action: case.entry.action,
            stand_down: case.is_recalled(),
            questions,
            warnings: case
                .entry
                .markers
                .into_iter()
                .filter(|marker| marker.warns_officers())
                .collect(),
            instructions: case.instructions,
            make: case.entry.make,
            model: case.entry.model,
            colour: case.entry.colour,
            place,
            seen_at: case.last_read.captured_at,
        }
    }
}

fn tag(case: &Case, deployment: &Deployment) -> String {
    let [case_ms, unit_ms] = [case.updated_at, deployment.updated_at].map(Timestamp::as_millisecond);
    format!("{}-{case_ms}-{unit_ms}", deployment.deployment_id)
}

/// Who may be out: the roster, and who is on the air beside it.
fn units(app: &App) -> Vec<CallSign> {
    let on_air = app.feed.units(Timestamp::now());
    let on_air = on_air.into_iter().map(|unit| unit.position.callsign);
    let rostered = app.force.units.iter().map(|unit| unit.callsign.clone());
    let units: BTreeSet<CallSign> = rostered.chain(on_air).collect();
    units.into_iter().collect()
}

/// `GET /api/patrol`: phones ask every few seconds. An order that is sent leaves an audit row, one that is known already does not.
pub(crate) async fn order(
    State(app): State<Arc<App>>,
    signed_in: SignedIn,
    Asked(asked): Asked<PatrolAsked>,
) -> Result<Json<PatrolAnswer>, ControlRoomError> {
    let mut answer = PatrolAnswer {
        units: units(&app),
        order: None,
        unchanged: false,
    };
    let callsign: Option<CallSign> = extract::optional("callsign", asked.callsign.as_deref())?;
    let Some(callsign) = callsign else {
        return Ok(Json(answer));
    };
    let Some(deployment) = app.store.deployment_of(&callsign).await? else {
        return Ok(Json(answer));
    };
    let case = app.store.cases_of(&[deployment.case_id].into()).await?;
    let Some(case) = case.into_values().next() else {
        return Ok(Json(answer));
    };
    if asked.known == Some(tag(&case, &deployment)) {
        answer.unchanged = true;
        return Ok(Json(answer));
    }
    let (name, subject) = (signed_in.name().as_str(), case.case_id.to_string());
    app.store
        .audit(name, "view_order", &subject, callsign.as_str(), Timestamp::now())
        .await?;
    answer.order = Some(Order::of(&app, case, &deployment));
    Ok(Json(answer))
}
