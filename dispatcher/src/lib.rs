//! Hits become cases; which unit can be there first, and why; what units report.
//!
//! **Enters:** hits, observations and unit positions from the log. **Leaves:** cases, rankings and deployments' progress in the
//! store, and every case event in the log, in the store's order.
//! **Guaranteed:** a hit counts once however often it is delivered; a hit's offset is committed only behind its
//! transaction; an event is relayed at least once and carries its sequence, so that a reader can drop doubles.
//! **Not here:** what an operator may do (`domain::case`), the operator's screen (`control-room`), travel times over
//! roads: distance is as the crow flies for now.
//!
//! Seven loops, each waiting out outages of log and database by itself: [`hits`], [`observations`], [`feed`], [`proposals`],
//! [`recall`], [`rules`], [`relay`].
//! The ranking itself is pure: read [`ranking`] first.

pub mod feed;
pub mod hits;
pub mod observations;
pub mod proposals;
pub mod ranking;
pub mod recall;
pub mod relay;
pub mod rules;
pub mod units;

use std::sync::Arc;
use std::time::Duration;

use domain::force::Force;
use domain::policy::ListPolicy;
use intelligence::rules::RuleFile;
use store::{Store, StoreError};
use stream::ready::Ready;
use stream::{Log, LogError};
use thiserror::Error;
use tokio_util::sync::CancellationToken;

use units::UnitTable;

/// First and longest pause between two tries while log or database are away: a blink for a restart, no storm.
const RETRY_PAUSE: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(3));

/// What the dispatcher works with.
#[derive(Clone)]
pub struct Parts {
    /// The log.
    pub log: Arc<dyn Log>,
    /// The store.
    pub store: Store,
    /// The force: which camera stands on whose ground.
    pub force: Arc<Force>,
    /// The rules that hold while none were loaded: version 0.
    pub rules: Arc<RuleFile>,
    /// The policy of lists that have none of their own: when their entries are overdue for review.
    pub usual_policy: ListPolicy,
}

/// What ends the dispatcher: nothing that passes by itself.
#[derive(Debug, Error)]
pub enum DispatcherError {
    /// The log fails for good.
    #[error("the log fails for good")]
    Log(#[from] LogError),
    /// The store fails for good.
    #[error("the store fails for good")]
    Store(#[from] StoreError),
}

impl DispatcherError {
    /// Whether it is an outage, to be waited out.
    fn will_pass(&self) -> bool {
        matches!(
            self,
            Self::Log(LogError::Unavailable(_) | LogError::Kafka { .. })
                | Self::Store(StoreError::Unavailable { .. } | StoreError::Database { .. })
        )
    }
}

/// Runs the dispatcher until `shutdown`; what is in flight is finished first.
///
/// # Errors
/// Only what will not pass by itself.
pub async fn run(parts: Parts, ready: Ready, shutdown: CancellationToken) -> Result<(), DispatcherError> {
    let units = Arc::new(UnitTable::default());
    let stop_all = shutdown.child_token();
    let _stop_on_return = stop_all.clone().drop_guard();
    tokio::try_join!(
        hits::run(&parts, &ready, &stop_all),
        observations::run(&parts, &stop_all),
        feed::run(&parts, &units, &stop_all),
        proposals::run(&parts, &units, &stop_all),
        recall::run(&parts, &stop_all),
        rules::run(&parts, &stop_all),
        relay::run(&parts, &stop_all),
    )?;
    ready.set(false);
    Ok(())
}

/// Repeats `work` until it succeeds, pausing longer each time while what fails will pass. None at shutdown.
async fn persevere<T, F>(
    what: &'static str,
    shutdown: &CancellationToken,
    mut work: impl FnMut() -> F,
) -> Result<Option<T>, DispatcherError>
where
    F: Future<Output = Result<T, DispatcherError>>,
{
    let (mut pause, longest) = RETRY_PAUSE;
    loop {
        match work().await {
            Ok(value) => return Ok(Some(value)),
            Err(error) if error.will_pass() => {
                metrics::counter!("steelring_dispatcher_retries_total", "what" => what).increment(1);
                tracing::warn!(
                    what,
                    error = &error as &dyn std::error::Error,
                    "waiting to try again"
                );
            }
            Err(error) => return Err(error),
        }
        tokio::select! {
            () = shutdown.cancelled() => return Ok(None),
            () = tokio::time::sleep(pause) => pause = (pause * 2).min(longest),
        }
    }
}
