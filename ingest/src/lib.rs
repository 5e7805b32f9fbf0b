//! Cameras' formats in, plate reads out.
//!
//! **Enters:** HTTP posts of sources that sign in with a token: our own JSON ([`reads`]), back-office captures
//! ([`bof`]), vendors' messages ([`vendors`]), images. **Leaves:** reads in `plate.reads.v1`, images in the image store,
//! and what could not be read in `plate.reads.dlq.v1` with reason and original bytes.
//! **Guaranteed:** 2xx only once the read is durable in the log; 503 means that nothing needs to be remembered by
//! anybody but the sender; a bad read harms no neighbour; a retransmission gives the same read id.
//! **Not here:** whether a vehicle is wanted (`matcher`), who the users are (`store`), Hikvision's digest sign-in.
//!
//! A car that a camera reports several times is one read: `cars` decides, `hold` keeps it durable meanwhile. **Limit:**
//! such a camera posts to one ingest process. Images that come apart from their read are linked to its id
//! (`store::image_links`): whoever shows a read asks `Images::links(read_id)` where the read names no image.
//!
//! Read [`message`] first (what a format makes of a message), then `intake` (what happens to it), then `http` (the
//! answers). To add a vendor, read [`vendors`].

pub mod bof;
pub mod formats;
pub mod json;
pub mod limits;
pub mod message;
pub mod multipart;
pub mod reads;
pub mod times;
pub mod vendors;
pub mod xml;

mod body;
mod cars;
mod dead_letters;
mod error;
mod hold;
mod http;
mod intake;
mod sources;

use std::sync::Arc;

use axum::serve::ListenerExt;
use domain::force::Force;
use store::Store;
use store::images::Images;
use stream::Log;
use stream::ready::Ready;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio::time::{Instant, interval, sleep, timeout};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

pub use error::{IngestError, Refusal};

use body::Admission;
use http::Service;
use intake::Intake;
use limits::{CHECK_EVERY, DRAIN, SOURCES_EVERY};
use sources::Sources;

/// What ingest works with.
#[derive(Clone)]
pub struct Parts {
    /// Where reads go.
    pub log: Arc<dyn Log>,
    /// Where sources, users and the audit trail are.
    pub store: Store,
    /// Where images go.
    pub images: Images,
    /// Whose cameras these are.
    pub force: Arc<Force>,
}

/// Serves sources on a listener until the stop signal; then finishes what is in flight, within 4 s.
///
/// # Errors
/// When the listener fails. Outages of log, database and image store are answered with 503 and waited out.
pub async fn run(
    listener: TcpListener,
    parts: Parts,
    ready: Ready,
    shutdown: CancellationToken,
) -> Result<(), IngestError> {
    // The tasks outlive the stop signal: requests in flight still need them.
    let stop = CancellationToken::new();
    let _stop_on_return = stop.clone().drop_guard();
    let mut tasks = JoinSet::new();
    let (hold, holding) = hold::hold(Arc::clone(&parts.log), stop.clone());
    tasks.spawn(holding);
    let service = Arc::new(Service {
        sources: Sources::new(parts.store.clone()),
        intake: Intake::new(Arc::clone(&parts.log), parts.images, hold, &parts.force),
        store: parts.store,
        admission: Admission::default(),
    });
    tasks.spawn(keep_sources(Arc::clone(&service), stop.clone()));
    tasks.spawn(keep_ready(Arc::clone(&service), ready.clone(), stop.clone()));
    let listener = listener.tap_io(|stream| {
        if let Err(error) = stream.set_nodelay(true) {
            warn!(%error, "a connection stays with delayed writes");
        }
    });
    let router = http::router(service);
    let server = axum::serve(listener, router).with_graceful_shutdown(shutdown.clone().cancelled_owned());
    let too_long = async {
        shutdown.cancelled().await;
        sleep(DRAIN).await;
    };
    let served = tokio::select! {
        served = server => served.map_err(IngestError::Serve),
        () = too_long => {
            warn!("requests still in flight after {DRAIN:?}: their senders will post again");
            Ok(())
        }
    };
    ready.set(false);
    stop.cancel();
    while tasks.join_next().await.is_some() {}
    info!("ingest has stopped");
    served
}

async fn keep_sources(service: Arc<Service>, stop: CancellationToken) {
    let mut ticks = interval(SOURCES_EVERY);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = ticks.tick() => service.sources.refresh(Instant::now()).await,
        }
    }
}

async fn keep_ready(service: Arc<Service>, ready: Ready, stop: CancellationToken) {
    let mut ticks = interval(CHECK_EVERY);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = ticks.tick() => {
                let log = timeout(CHECK_EVERY, service.intake.log.check()).await;
                let is_ready = matches!(log, Ok(Ok(()))) && service.sources.is_known();
                if is_ready != ready.get() {
                    info!(ready = is_ready, "readiness changed");
                }
                ready.set(is_ready);
            }
        }
    }
}
