//! People known to intelligence, and the vehicles that they are linked to. A mark that is asked for stands in a body or a query, a
//! name in a body alone: neither is ever logged, and the audit trail has references and counts.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use domain::nominal::{Change, Grading, Link, PersonMarker, Relation};
use domain::{NominalRef, Timestamp, Vrm};
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use store::changes::Author;
use store::nominals::{NominalChanged, NominalRecord, StoredNominal};
use utoipa::{IntoParams, ToSchema};

use crate::access::SignedIn;
use crate::app::App;
use crate::error::ControlRoomError;
use crate::extract::{self, Asked, Body, Named};
use crate::schemas;

/// Nominals in one answer where no limit is asked for, and at most.
const USUAL: u32 = 100;
const MOST: u32 = 1_000;

/// Which nominals.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct NominalsAsked {
    /// Only those linked to this vehicle.
    vrm: Option<String>,
    /// Only those behind this reference.
    after: Option<String>,
    /// At most so many, 1 to 1,000; 100 where it is not given.
    limit: Option<u32>,
}

/// Nominals in order of reference.
#[derive(Serialize, ToSchema)]
pub(crate) struct NominalsAnswer {
    #[schema(value_type = Vec<schemas::StoredNominal>)]
    nominals: Vec<StoredNominal>,
}

/// Who a person is, and what is coded about them. Their links stay.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PutNominal {
    #[serde(default)]
    name: String,
    #[schema(value_type = Vec<schemas::PersonMarker>)]
    markers: Vec<PersonMarker>,
    /// Why, for the record.
    why: String,
}

/// Why a nominal goes.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RemoveNominal {
    why: String,
}

/// A vehicle of a person.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LinkNominal {
    #[schema(value_type = String)]
    vrm: Vrm,
    #[schema(value_type = schemas::Relation)]
    relation: Relation,
    /// Where this is known from.
    source: String,
    /// 5x5x5, such as `B23`.
    #[schema(value_type = String)]
    grading: Grading,
    /// The day that it was known.
    #[schema(value_type = String, format = Date)]
    date: Date,
    /// Why, for the record.
    why: String,
}

/// A vehicle that is a person's no longer.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct UnlinkNominal {
    #[schema(value_type = String)]
    vrm: Vrm,
    /// Why, for the record.
    why: String,
}

/// `GET /api/nominals`
pub(crate) async fn list(
    State(app): State<Arc<App>>,
    signed_in: SignedIn,
    Asked(asked): Asked<NominalsAsked>,
) -> Result<Json<NominalsAnswer>, ControlRoomError> {
    let vrm: Option<Vrm> = extract::optional("vrm", asked.vrm.as_deref())?;
    let after: Option<NominalRef> = extract::optional("after", asked.after.as_deref())?;
    let limit = extract::limit(asked.limit, USUAL, MOST)?;
    let nominals = app.store.nominals(vrm, after.as_ref(), limit).await?;
    let which = if vrm.is_some() { "of a vehicle" } else { "of all" };
    let detail = format!("{} nominals {which}", nominals.len());
    viewed(&app, &signed_in, "nominals", &detail).await?;
    Ok(Json(NominalsAnswer { nominals }))
}

/// `GET /api/nominals/{nominal}`
pub(crate) async fn one(
    State(app): State<Arc<App>>,
    signed_in: SignedIn,
    Named(nominal): Named<NominalRef>,
) -> Result<Json<NominalRecord>, ControlRoomError> {
    let record = app.store.nominal(&nominal).await?;
    let detail = format!("{} changes", record.changes.len());
    viewed(&app, &signed_in, nominal.as_str(), &detail).await?;
    Ok(Json(record))
}

async fn viewed(app: &App, signed_in: &SignedIn, what: &str, detail: &str) -> Result<(), ControlRoomError> {
    let name = signed_in.name().as_str();
    app.store
        .audit(name, "view_nominals", what, detail, Timestamp::now())
        .await?;
    Ok(())
}

/// `POST /api/nominals/{nominal}`
pub(crate) async fn put(
    State(app): State<Arc<App>>,
    signed_in: SignedIn,
    Named(nominal): Named<NominalRef>,
    Body(PutNominal { name, markers, why }): Body<PutNominal>,
) -> Result<Json<NominalChanged>, ControlRoomError> {
    change(&app, &signed_in, &nominal, Change::Put { name, markers }, &why).await
}

/// `POST /api/nominals/{nominal}/remove`
pub(crate) async fn remove(
    State(app): State<Arc<App>>,
    signed_in: SignedIn,
    Named(nominal): Named<NominalRef>,
    Body(RemoveNominal { why }): Body<RemoveNominal>,
) -> Result<Json<NominalChanged>, ControlRoomError> {
    change(&app, &signed_in, &nominal, Change::Remove, &why).await
}

/// `POST /api/nominals/{nominal}/link`
pub(crate) async fn link(
    State(app): State<Arc<App>>,
    signed_in: SignedIn,
    Named(nominal): Named<NominalRef>,
    Body(said): Body<LinkNominal>,
) -> Result<Json<NominalChanged>, ControlRoomError> {
    let link = Link {
        vrm: said.vrm,
        relation: said.relation,
        source: said.source,
        grading: said.grading,
        date: said.date,
    };
    change(&app, &signed_in, &nominal, Change::Link(link), &said.why).await
}

/// `POST /api/nominals/{nominal}/unlink`
pub(crate) async fn unlink(
    State(app): State<Arc<App>>,
    signed_in: SignedIn,
    Named(nominal): Named<NominalRef>,
    Body(UnlinkNominal { vrm, why }): Body<UnlinkNominal>,
) -> Result<Json<NominalChanged>, ControlRoomError> {
    change(&app, &signed_in, &nominal, Change::Unlink(vrm), &why).await
}

async fn change(
    app: &App,
    signed_in: &SignedIn,
    nominal: &NominalRef,
    change: Change,
    why: &str,
) -> Result<Json<NominalChanged>, ControlRoomError> {
    let author = Author {
        by: signed_in.name(),
        at: Timestamp::now(),
        why,
    };
    Ok(Json(app.store.change_nominal(nominal, change, &author).await?))
}
