//! The service as a whole: routes, layers, tasks, and how it ends.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Router, middleware};
use stream::ready::Ready;
use tokio::net::TcpListener;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::{NotForContentType, Predicate, SizeAbove};

use crate::app::App;
use crate::error::ControlRoomError;
use crate::feed::Feed;
use crate::follow::{Follower, ReadCount};
use crate::{Parts, headers, observe, page, routes, session};

/// How long requests in flight may take to finish: within the 5 s that a stage has to stop.
const FINISH_WITHIN: Duration = Duration::from_secs(4);
/// Answers smaller than this are sent as they are: one packet either way.
const COMPRESS_ABOVE: u64 = 1_400;

pub(crate) async fn run(
    listener: TcpListener,
    parts: Parts,
    ready: Ready,
    shutdown: CancellationToken,
) -> Result<(), ControlRoomError> {
    // Ends the tasks also when serving fails.
    let ending = shutdown.child_token();
    let _end = ending.clone().drop_guard();
    let feed = Arc::new(Feed::new(parts.store.clone()));
    let mut tasks = Follower {
        feed: Arc::clone(&feed),
        log: parts.log,
        store: parts.store.clone(),
        ready: ready.clone(),
        shutdown: ending.clone(),
        reads: Arc::new(ReadCount::default()),
    }
    .spawn();
    tokio::task::spawn_blocking(session::warm_up);
    let app = App::new(
        parts.store,
        parts.images,
        parts.force,
        feed,
        ready,
        ending.clone(),
    )?;
    let server =
        axum::serve(listener, router(Arc::new(app))).with_graceful_shutdown(ending.clone().cancelled_owned());
    let served = tokio::select! {
        served = async { server.await } => served,
        () = async { ending.cancelled().await; tokio::time::sleep(FINISH_WITHIN).await } => {
            tracing::warn!("some requests did not finish in time");
            Ok(())
        }
    };
    ending.cancel();
    let all_ended = async { while tasks.join_next().await.is_some() {} };
    let _ = timeout(Duration::from_millis(500), all_ended).await;
    served.map_err(ControlRoomError::Serve)
}

/// Everything that the address answers.
pub(crate) fn router(app: Arc<App>) -> Router {
    let health = Router::new()
        .route("/healthz", get(async || "ok"))
        .route("/readyz", get(readyz));
    routes::router(&app)
        .merge(health)
        .fallback(page::serve)
        .layer(compression())
        .layer(middleware::from_fn(observe::observe))
        .layer(middleware::from_fn(headers::add))
        .with_state(app)
}

async fn readyz(State(app): State<Arc<App>>) -> (StatusCode, &'static str) {
    if app.ready.get() {
        (StatusCode::OK, "ready")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "the database does not answer")
    }
}

/// For the page, the map and long lists. Not for images, which are compressed, nor for the live stream, which must not wait.
fn compression() -> CompressionLayer<impl Predicate> {
    let worth_it = SizeAbove::new(COMPRESS_ABOVE)
        .and(NotForContentType::IMAGES)
        .and(NotForContentType::SSE);
    CompressionLayer::new().compress_when(worth_it)
}
