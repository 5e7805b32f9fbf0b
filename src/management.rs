//! The management address: `/metrics`, `/healthz`, `/readyz`. Loopback by default; it tells counts, never plates.

use std::sync::Arc;

use anyhow::{Context, Result};
use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use axum::routing::get;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use stream::ready::Ready;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// Upper bounds of every duration histogram, in seconds: 100 us to 10 s.
const SECONDS: [f64; 16] = [
    0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
];

/// The stages of this process and whether each can do its work.
pub type Stages = Arc<Vec<(&'static str, Ready)>>;

#[derive(Clone)]
struct Management {
    metrics: PrometheusHandle,
    stages: Stages,
}

/// Starts recording metrics; once a process.
pub fn record_metrics() -> Result<PrometheusHandle> {
    PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".into()), &SECONDS)
        .context("set the buckets of histograms")?
        .install_recorder()
        .context("start recording metrics")
}

/// Answers until `shutdown`.
pub async fn serve(
    listener: TcpListener,
    metrics: PrometheusHandle,
    stages: Stages,
    shutdown: CancellationToken,
) -> Result<()> {
    let router = Router::new()
        .route(
            "/metrics",
            get(|State(state): State<Management>| async move { state.metrics.render() }),
        )
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .with_state(Management { metrics, stages });
    axum::serve(listener, router)
        .with_graceful_shutdown(shutdown.cancelled_owned())
        .await
        .context("serve the management address")
}

async fn ready(State(state): State<Management>) -> impl IntoResponse {
    let waiting: Vec<_> = state
        .stages
        .iter()
        .filter(|(_, ready)| !ready.get())
        .map(|(stage, _)| *stage)
        .collect();
    match waiting.as_slice() {
        [] => (StatusCode::OK, "ready\n".to_owned()),
        stages => (
            StatusCode::SERVICE_UNAVAILABLE,
            format!("not ready: {}\n", stages.join(", ")),
        ),
    }
}
