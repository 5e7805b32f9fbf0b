//! PostgreSQL's word of events that another process wrote. It wakes whoever watches for them within a millisecond or two, where the
//! way through the log takes ten. Nothing depends on it: what goes unheard is found at the next look.

use std::convert::Infallible;
use std::sync::OnceLock;
use std::time::Duration;

use sqlx::PgPool;
use sqlx::postgres::{PgConnectOptions, PgListener, PgPoolOptions};
use tokio::sync::watch;
use tokio_util::task::AbortOnDropHandle;

/// Where the trigger on the table of events says the place of the newest (`migrations/postgres`).
const CHANNEL: &str = "steelring_events";
/// How long to leave a database alone that does not let itself be listened to.
const RETRY_AFTER: Duration = Duration::from_secs(5);

/// A connection that listens, from when somebody wants to know.
#[derive(Debug)]
pub(crate) struct Ear {
    /// Of one connection.
    pool: PgPool,
    listening: OnceLock<AbortOnDropHandle<()>>,
}

impl Ear {
    pub(crate) fn new(options: PgConnectOptions) -> Self {
        let pool = PgPoolOptions::new()
            .max_connections(1)
            .max_lifetime(None)
            .idle_timeout(None);
        Self {
            pool: pool.connect_lazy_with(options),
            listening: OnceLock::new(),
        }
    }

    /// Listens from now on, and raises `newest` to what is heard.
    pub(crate) fn listen(&self, newest: &watch::Sender<u64>) {
        self.listening.get_or_init(|| {
            let (pool, newest) = (self.pool.clone(), newest.clone());
            AbortOnDropHandle::new(tokio::spawn(async move {
                loop {
                    let Err(error) = hear(&pool, &newest).await;
                    tracing::warn!(%error, "other processes' events are found by looking alone for now");
                    tokio::time::sleep(RETRY_AFTER).await;
                }
            }))
        });
    }
}

async fn hear(pool: &PgPool, newest: &watch::Sender<u64>) -> Result<Infallible, sqlx::Error> {
    let mut listener = PgListener::connect_with(pool).await?;
    listener.listen(CHANNEL).await?;
    loop {
        // Whatever was said, somebody wrote: whoever watches looks.
        let heard: u64 = listener.recv().await?.payload().parse().unwrap_or_default();
        newest.send_modify(|known| *known = heard.max(*known));
    }
}
