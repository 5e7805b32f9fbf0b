//! The service as a whole: routes, layers, tasks, and how it ends.

use std::sync::Arc;
use std::time::Duration;

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
use crate::remind::Reminder;
use crate::restrict::Restrictions;
use crate::{Parts, accept, headers, observe, page, routes, session};

/// How long the tasks may take to end after the last request.
const TASKS_END_WITHIN: Duration = Duration::from_millis(500);
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
    let restrictions = Arc::new(Restrictions::new(parts.store.clone(), Arc::clone(&parts.rules)));
    let feed = Arc::new(Feed::new(parts.store.clone(), Arc::clone(&restrictions)));
    let mut tasks = Follower {
        feed: Arc::clone(&feed),
        log: Arc::clone(&parts.log),
        store: parts.store.clone(),
        ready: ready.clone(),
        shutdown: ending.clone(),
        reads: Arc::new(ReadCount::default()),
    }
    .spawn();
    let reminder = Reminder {
        store: parts.store.clone(),
        force: Arc::clone(&parts.force),
        usual_policy: parts.usual_policy.clone(),
        shutdown: ending.clone(),
    };
    tasks.spawn(reminder.run());
    tokio::task::spawn_blocking(session::warm_up);
    let app = App::new(parts, feed, restrictions, ready.clone(), ending.clone())?;
    accept::serve(listener, router(&Arc::new(app)), ending.clone()).await;
    ready.set(false);
    ending.cancel();
    let all_ended = async { while tasks.join_next().await.is_some() {} };
    // What is left is dropped: the tasks read, and what one writes is a transaction.
    let _ = timeout(TASKS_END_WITHIN, all_ended).await;
    Ok(())
}

/// Everything that the address answers.
fn router(app: &Arc<App>) -> Router {
    routes::router(app)
        .fallback(page::serve)
        .method_not_allowed_fallback(async || ControlRoomError::MethodNotAllowed)
        .layer(compression())
        .layer(middleware::from_fn(observe::observe))
        .layer(middleware::from_fn(headers::add))
        .with_state(Arc::clone(app))
}

/// For the page, the map and long lists. Not for images, which are compressed, nor for the live stream, which must not wait.
fn compression() -> CompressionLayer<impl Predicate> {
    let worth_it = SizeAbove::new(COMPRESS_ABOVE)
        .and(NotForContentType::IMAGES)
        .and(NotForContentType::SSE);
    CompressionLayer::new().compress_when(worth_it)
}
