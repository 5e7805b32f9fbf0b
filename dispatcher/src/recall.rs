//! Open cases whose leading entry was withdrawn or has expired: told within a second or two.

use std::time::Duration;

use domain::Timestamp;
use store::StoreError;
use tokio_util::sync::CancellationToken;

use crate::{DispatcherError, Parts, persevere};

/// How often open cases are held against the lists. A recall is to be on every screen within five seconds.
const EVERY: Duration = Duration::from_secs(1);
/// Cases recalled in one round: a list of a million that is withdrawn may have led thousands, and others look too.
const BATCH: u32 = 500;

/// Recalls until `shutdown`. Every dispatcher looks; a case is locked while it is recalled, and is so once.
pub(crate) async fn run(parts: &Parts, shutdown: &CancellationToken) -> Result<(), DispatcherError> {
    loop {
        tokio::select! {
            () = shutdown.cancelled() => return Ok(()),
            () = tokio::time::sleep(EVERY) => {}
        }
        let look = || async { Ok(parts.store.to_recall(Timestamp::now(), BATCH).await?) };
        let Some(cases) = persevere("look for cases to recall", shutdown, look).await? else {
            return Ok(());
        };
        for case in cases {
            let recall = || async {
                match parts.store.recall(case, Timestamp::now()).await {
                    Ok(event) => Ok(event.is_some()),
                    Err(StoreError::NotFound(_)) => Ok(false),
                    Err(error) => Err(error.into()),
                }
            };
            match persevere("recall a case", shutdown, recall).await? {
                Some(true) => metrics::counter!("steelring_dispatcher_recalls_total").increment(1),
                Some(false) => {}
                None => return Ok(()),
            }
        }
    }
}
