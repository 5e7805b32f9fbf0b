//! Units as they last reported, and cameras as they stand.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use domain::Timestamp;
use domain::force::Camera;
use domain::unit::UnitPosition;
use serde::Serialize;
use utoipa::ToSchema;

use crate::access::SignedIn;
use crate::app::App;
use crate::schemas;

/// A unit's last position, and whether it is too old to rely on.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct UnitShown {
    #[serde(flatten)]
    #[schema(value_type = schemas::UnitPosition)]
    pub(crate) position: UnitPosition,
    /// The position is older than two minutes.
    pub(crate) stale: bool,
}

impl UnitShown {
    pub(crate) fn at(position: &UnitPosition, now: Timestamp) -> Self {
        Self {
            stale: position.is_stale(now),
            position: position.clone(),
        }
    }
}

/// Units by callsign.
#[derive(Serialize, ToSchema)]
pub(crate) struct UnitsAnswer {
    units: Vec<UnitShown>,
}

/// Cameras in the force's order.
#[derive(Serialize, ToSchema)]
pub(crate) struct CamerasAnswer {
    #[schema(value_type = Vec<schemas::Camera>)]
    cameras: Vec<Camera>,
}

/// `GET /api/units`
pub(crate) async fn units(State(app): State<Arc<App>>, _: SignedIn) -> Json<UnitsAnswer> {
    Json(UnitsAnswer {
        units: app.feed.units(Timestamp::now()),
    })
}

/// `GET /api/cameras`
pub(crate) async fn cameras(State(app): State<Arc<App>>, _: SignedIn) -> Json<CamerasAnswer> {
    Json(CamerasAnswer {
        cameras: app.force.cameras.clone(),
    })
}
