//! What is counted and logged of every request: its route as in the table, never its address, which may hold a plate.

use std::time::Instant;

use axum::extract::{MatchedPath, Request};
use axum::middleware::Next;
use axum::response::Response;
use tracing::Instrument;

/// Counts and times a request.
pub(crate) async fn observe(request: Request, next: Next) -> Response {
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map_or("page", |matched| matched.as_str())
        .to_owned();
    let method = match request.method().as_str() {
        known @ ("GET" | "HEAD" | "POST" | "DELETE") => known.to_owned(),
        _ => "other".to_owned(),
    };
    let span = tracing::debug_span!("request", method, route);
    let begun = Instant::now();
    let response = next.run(request).instrument(span).await;
    let status = response.status().as_u16().to_string();
    let took = begun.elapsed();
    tracing::debug!(
        method,
        route,
        status,
        took_ms = took.as_secs_f64() * 1_000.0,
        "answered"
    );
    metrics::histogram!("steelring_control_room_request_seconds", "method" => method.clone(), "route" => route.clone())
        .record(took.as_secs_f64());
    metrics::counter!("steelring_control_room_requests_total", "method" => method, "route" => route, "status" => status)
        .increment(1);
    response
}
