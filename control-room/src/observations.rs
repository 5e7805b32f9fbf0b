//! What people see in vehicles: answers to what rules ask, and observations from beside the vehicle.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use domain::case::CaseEvent;
use domain::observation::{Child, Observation, Observer, Occupants};
use domain::user::Role;
use domain::{CallSign, CaseId, SignedDuration, Timestamp, Vrm};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::access::SignedIn;
use crate::app::App;
use crate::error::ControlRoomError;
use crate::extract::{Body, Named};
use crate::restrict::Shown;
use crate::schemas;

/// How long after it was seen something may be reported: what is older changes no case.
const LATEST_REPORT: SignedDuration = SignedDuration::from_hours(24);
/// How far a phone's clock may run ahead.
const CLOCK_AHEAD: SignedDuration = SignedDuration::from_mins(1);

/// The answer to a question of a case.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Answered {
    /// The question's number.
    question: u32,
    /// One of its answers.
    answer: String,
}

/// What was seen in a vehicle, whether or not there is a case about it.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Report {
    /// The vehicle, in any spelling.
    vrm: String,
    #[schema(value_type = schemas::Child)]
    child: Child,
    /// People in the vehicle, where they were counted.
    #[schema(value_type = Option<u8>, maximum = 99)]
    occupants: Option<Occupants>,
    /// The reporting officer's unit.
    #[schema(value_type = Option<String>)]
    unit: Option<CallSign>,
    /// When it was seen; now where it is not said. A report that is sent again with the same time changes nothing.
    at: Option<Timestamp>,
}

/// What became of a report.
#[derive(Serialize, ToSchema)]
pub(crate) struct Reported {
    /// 32 hexadecimal digits.
    observation_id: String,
    /// Whether a case took it up now.
    taken_up: bool,
}

/// `POST /api/cases/{case_id}/answer`
pub(crate) async fn answer(
    State(app): State<Arc<App>>,
    signed_in: SignedIn,
    Named(case): Named<CaseId>,
    Body(Answered { question, answer }): Body<Answered>,
) -> Result<Json<Shown<CaseEvent>>, ControlRoomError> {
    let now = Timestamp::now();
    let event = app
        .store
        .answer(case, question, &answer, signed_in.name(), now)
        .await?;
    tracing::info!(case_id = %case, user = %signed_in.name(), question, "answered");
    Ok(Json(app.restrictions.now().await?.event(event)))
}

/// `POST /api/observations`
pub(crate) async fn report(
    State(app): State<Arc<App>>,
    signed_in: SignedIn,
    Body(report): Body<Report>,
) -> Result<Json<Reported>, ControlRoomError> {
    let now = Timestamp::now();
    let vrm = Vrm::parse(&report.vrm).map_err(|error| ControlRoomError::request("vrm", error))?;
    let at = report.at.unwrap_or(now);
    if at > now + CLOCK_AHEAD || at < now - LATEST_REPORT {
        let message = "report what was seen within the last 24 hours";
        return Err(ControlRoomError::request("at", message));
    }
    let name = signed_in.name().clone();
    let by = match signed_in.user.role {
        Role::Patrol => Observer::Officer {
            name,
            unit: report.unit,
        },
        // Roles that may not report do not come here.
        Role::Operator | Role::Supervisor | Role::Intelligence | Role::Admin | Role::Client => {
            Observer::Operator { name }
        }
    };
    let observation = Observation::new(vrm, report.child, report.occupants, by, at);
    let event = app.store.observe(&observation, signed_in.name(), now).await?;
    tracing::info!(observation_id = %observation.observation_id, user = %signed_in.name(), "observed");
    Ok(Json(Reported {
        observation_id: observation.observation_id.to_string(),
        taken_up: event.is_some(),
    }))
}
