//! The operators' service: HTTP API, live push, sign-in, audit, and the page.
//!
//! **Enters:** people's requests; case events from the store; hits, units' positions and matchers' states from the log.
//! **Leaves:** the queue of cases, pushed live; people's decisions, through the store; the web page.
//! **Guaranteed:** no route but the health checks, the sign-in and the page's own files answers without a user whose
//! role allows it; a browser that comes back with the last event id it saw gets every case event since, once, in order;
//! every sign-in, view of a case, search and change leaves an audit row, and none of them holds a plate.
//! **Not here:** what a decision may be (`domain::case`), its transaction and its audit row (`store`), the ranking of
//! units (`dispatcher`), the reading of list files (`intelligence`), matching and what a confusion table learns (`matcher`), cameras'
//! side (`ingest`).
//!
//! Read the table in `routes.rs` first, then `access.rs`, then `events.rs`.

mod accept;
mod access;
mod app;
mod audit;
mod cases;
mod check;
mod confusion;
mod distribution;
mod drafts;
mod entries;
mod error;
mod events;
mod extract;
mod feed;
mod feeds;
mod follow;
mod follow_ups;
mod headers;
mod health;
mod hotlists;
mod images;
mod map;
mod nominals;
mod observations;
mod observe;
mod openapi;
mod operations;
mod page;
pub mod passwords;
mod patrol;
mod policies;
mod remind;
mod restrict;
mod reviews;
mod route;
mod routes;
mod rules;
mod schemas;
pub mod secrets;
mod serve;
mod session;
mod throttle;
mod units;
mod yields;

use std::sync::Arc;

use domain::force::Force;
use domain::policy::ListPolicy;
use intelligence::feeds::Feed;
use intelligence::rules::RuleFile;
use store::Store;
use store::images::Images;
use stream::Log;
use stream::ready::Ready;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

pub use error::ControlRoomError;

/// What the control room works with.
#[derive(Clone)]
pub struct Parts {
    /// The log between the stages.
    pub log: Arc<dyn Log>,
    /// Cases, lists, users, audit.
    pub store: Store,
    /// Plate and scene images.
    pub images: Images,
    /// The force's fixed data.
    pub force: Arc<Force>,
    /// The policy of lists that have none of their own.
    pub usual_policy: ListPolicy,
    /// The rules that count while none were loaded: version 0.
    pub rules: Arc<RuleFile>,
    /// The feeds of lists, checked.
    pub feeds: Arc<Vec<Feed>>,
}

/// Serves the control room until `shutdown`: streams end at once, requests in flight within 4 s. `ready` follows the
/// database; without the log the room goes on with what the store has.
///
/// # Errors
/// When the force does not become JSON, which one of `domain` always does. Outages are waited out.
pub async fn run(
    listener: TcpListener,
    parts: Parts,
    ready: Ready,
    shutdown: CancellationToken,
) -> Result<(), ControlRoomError> {
    serve::run(listener, parts, ready, shutdown).await
}
