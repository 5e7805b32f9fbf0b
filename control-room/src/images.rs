//! Plate and scene images by their content's hash.

use std::sync::Arc;

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use domain::ImageHash;

use crate::access::SignedIn;
use crate::app::App;
use crate::error::ControlRoomError;
use crate::extract::Named;

/// An image never changes under its hash; a day in the browser of the person who saw it is a shift and its handover.
const KEEP: &str = "private, max-age=86400, immutable";

/// `GET /api/images/{hash}`
pub(crate) async fn image(
    State(app): State<Arc<App>>,
    _: SignedIn,
    Named(hash): Named<ImageHash>,
) -> Result<Response, ControlRoomError> {
    let found = app.images.get(hash).await.map_err(ControlRoomError::Images)?;
    let (bytes, kind) = found.ok_or(ControlRoomError::NotFound("image"))?;
    let headers = [(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, KEEP)];
    Ok((headers, bytes).into_response())
}
