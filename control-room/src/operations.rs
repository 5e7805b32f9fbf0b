//! Operations: lists that are used together for a while.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use domain::operation::{Operation, OperationState};
use domain::{ListName, OperationName, Timestamp};
use serde::{Deserialize, Serialize};
use store::changes::Author;
use store::operations::{OperationRecord, StoredOperation};
use utoipa::ToSchema;

use crate::access::SignedIn;
use crate::app::App;
use crate::error::ControlRoomError;
use crate::extract::{Body, Named};
use crate::schemas;

/// Operations, those that begin last first.
#[derive(Serialize, ToSchema)]
pub(crate) struct OperationsAnswer {
    operations: Vec<OperationShown>,
}

/// An operation, and how far it is.
#[derive(Serialize, ToSchema)]
struct OperationShown {
    #[serde(flatten)]
    #[schema(value_type = schemas::StoredOperation)]
    stored: StoredOperation,
    #[schema(value_type = schemas::OperationState)]
    state: OperationState,
}

/// What an operation shall be.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PutOperation {
    /// What it is for.
    purpose: String,
    /// A whole hour.
    starts_at: Timestamp,
    /// A whole hour.
    ends_at: Timestamp,
    /// 1 to 50 lists that were loaded once.
    #[schema(value_type = Vec<String>)]
    lists: BTreeSet<ListName>,
    /// The unit that answers for it.
    #[serde(default)]
    owner: String,
    /// Why, for the record.
    why: String,
}

/// Why an operation ends before its time.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct EndOperation {
    why: String,
}

/// What a change did.
#[derive(Serialize, ToSchema)]
pub(crate) struct OperationChanged {
    /// The operation's version now.
    version: u64,
}

/// `GET /api/operations`
pub(crate) async fn list(
    State(app): State<Arc<App>>,
    _: SignedIn,
) -> Result<Json<OperationsAnswer>, ControlRoomError> {
    let now = Timestamp::now();
    let shown = |stored: StoredOperation| OperationShown {
        state: stored.operation.state_at(now),
        stored,
    };
    let operations = app.store.operations().await?;
    Ok(Json(OperationsAnswer {
        operations: operations.into_iter().map(shown).collect(),
    }))
}

/// `GET /api/operations/{operation}`
pub(crate) async fn one(
    State(app): State<Arc<App>>,
    _: SignedIn,
    Named(name): Named<OperationName>,
) -> Result<Json<OperationRecord>, ControlRoomError> {
    Ok(Json(app.store.operation(&name).await?))
}

/// `POST /api/operations/{operation}`
pub(crate) async fn put(
    State(app): State<Arc<App>>,
    signed_in: SignedIn,
    Named(name): Named<OperationName>,
    Body(said): Body<PutOperation>,
) -> Result<Json<OperationChanged>, ControlRoomError> {
    let operation = Operation {
        name,
        purpose: said.purpose,
        starts_at: said.starts_at,
        ends_at: said.ends_at,
        lists: said.lists,
        owner: said.owner,
    };
    let author = author(&signed_in, &said.why);
    let version = app.store.put_operation(&operation, &author).await?;
    Ok(Json(OperationChanged { version }))
}

/// `POST /api/operations/{operation}/end`
pub(crate) async fn end(
    State(app): State<Arc<App>>,
    signed_in: SignedIn,
    Named(name): Named<OperationName>,
    Body(EndOperation { why }): Body<EndOperation>,
) -> Result<Json<OperationChanged>, ControlRoomError> {
    let version = app.store.end_operation(&name, &author(&signed_in, &why)).await?;
    Ok(Json(OperationChanged { version }))
}

fn author<'a>(signed_in: &'a SignedIn, why: &'a str) -> Author<'a> {
    Author {
        by: signed_in.name(),
        at: Timestamp::now(),
        why,
    }
}
