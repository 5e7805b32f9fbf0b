//! Takes connections in: how many, how patiently, and how they end. Sign-in comes later, so all of this is for strangers.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

/// Connections at once: every stream that may be open ([`crate::events::MAX_STREAMS`]) and a few more of each browser.
pub const MAX_CONNECTIONS: usize = 2_048;
/// How long a connection may take to say what it wants, the first time and after each answer.
pub const HEADERS_WITHIN: Duration = Duration::from_secs(10);
/// How long requests in flight may take to finish: within the 5 s that a stage has to stop.
pub const FINISH_WITHIN: Duration = Duration::from_secs(4);
/// How long to wait when the system has no more connections to give.
const ACCEPT_AGAIN_AFTER: Duration = Duration::from_millis(500);

/// Serves until `shutdown`, then lets requests in flight finish.
pub(crate) async fn serve(listener: TcpListener, router: Router, shutdown: CancellationToken) {
    let mut http = Builder::new(TokioExecutor::new()).http1_only();
    http.http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADERS_WITHIN);
    let graceful = GracefulShutdown::new();
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    while let Some(stream) = accept(&listener, &shutdown).await {
        // Beyond this many the rest wait in the system's queue.
        let place = tokio::select! {
            () = shutdown.cancelled() => break,
            place = Arc::clone(&places).acquire_owned() => place,
        };
        let service = TowerToHyperService::new(router.clone());
        let connection = http.serve_connection(TokioIo::new(stream), service).into_owned();
        let connection = graceful.watch(connection);
        tokio::spawn(async move {
            // A browser that goes away mid-answer is no news.
            if let Err(error) = connection.await {
                tracing::trace!(%error, "a connection broke off");
            }
            drop(place);
        });
    }
    drop(listener);
    if timeout(FINISH_WITHIN, graceful.shutdown()).await.is_err() {
        tracing::warn!("some requests did not finish in time");
    }
}

/// The next connection; none on shutdown.
async fn accept(listener: &TcpListener, shutdown: &CancellationToken) -> Option<TcpStream> {
    loop {
        let accepted = tokio::select! {
            () = shutdown.cancelled() => return None,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, _)) => {
                // Events are small and urgent; where this fails they are only a little later.
                let _ = stream.set_nodelay(true);
                return Some(stream);
            }
            Err(error) => {
                tracing::warn!(%error, "cannot take a connection in");
                sleep(ACCEPT_AGAIN_AFTER).await;
            }
        }
    }
}
