//! Unit positions out of the log: into the table, and units' own words about their deployments into the store.

use std::collections::HashMap;
use std::time::Duration;

use domain::case::DeploymentState;
use domain::unit::{UnitPosition, UnitState};
use domain::{CallSign, DeploymentId, Timestamp};
use store::StoreError;
use stream::topic::Topic;
use stream::{Delivered, Start, wire};
use tokio_util::sync::CancellationToken;

use crate::units::UnitTable;
use crate::{DispatcherError, Parts, persevere};

/// Positions taken at once: a few seconds of a large force's feed.
const BATCH: usize = 5_000;
/// How long a poll waits for a first position, and so how soon a shutdown is noticed.
const POLL_WAIT: Duration = Duration::from_millis(250);

/// Follows the feed until `shutdown`.
pub(crate) async fn run(
    parts: &Parts,
    units: &UnitTable,
    shutdown: &CancellationToken,
) -> Result<(), DispatcherError> {
    let open = || async { Ok(parts.log.tail(Topic::UnitPositions, Start::Beginning).await?) };
    let Some(mut tail) = persevere("follow unit positions", shutdown, open).await? else {
        return Ok(());
    };
    let mut reported = HashMap::new();
    while !shutdown.is_cancelled() {
        for record in tail.poll(BATCH, POLL_WAIT).await? {
            let Some(position) = take(units, &record) else {
                continue;
            };
            report(parts, &position, &mut reported, shutdown).await?;
        }
    }
    Ok(())
}

fn take(units: &UnitTable, record: &Delivered) -> Option<UnitPosition> {
    if record.value.is_none() {
        let key = std::str::from_utf8(record.key.as_deref()?).ok()?;
        units.remove(&CallSign::parse(key).ok()?);
        return None;
    }
    match wire::decode::<UnitPosition>(record) {
        Ok(position) => {
            units.put(position.clone());
            Some(position)
        }
        Err(error) => {
            metrics::counter!("steelring_dispatcher_positions_unreadable_total").increment(1);
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "a unit position is not readable"
            );
            None
        }
    }
}

/// What a unit says about its deployment moves that on; what it said already is not said again.
async fn report(
    parts: &Parts,
    position: &UnitPosition,
    reported: &mut HashMap<CallSign, (DeploymentId, DeploymentState)>,
    shutdown: &CancellationToken,
) -> Result<(), DispatcherError> {
    let (Some(deployment), Some(state)) = (position.deployment, said(position.state)) else {
        return Ok(());
    };
    if reported.get(&position.callsign) == Some(&(deployment, state)) {
        return Ok(());
    }
    let advance = || async {
        match parts
            .store
            .advance(deployment, state, None, Timestamp::now())
            .await
        {
            // Said before, or by the operator first, or of a deployment that this database does not know.
            Ok(_) | Err(StoreError::Refused(_) | StoreError::NotFound(_)) => Ok(()),
            Err(error) => Err(error.into()),
        }
    };
    if persevere("move a deployment on", shutdown, advance)
        .await?
        .is_some()
    {
        reported.insert(position.callsign.clone(), (deployment, state));
    }
    Ok(())
}

/// What a unit's state says about the deployment that it names.
fn said(state: UnitState) -> Option<DeploymentState> {
    match state {
        UnitState::Accepted => Some(DeploymentState::Accepted),
        UnitState::EnRoute => Some(DeploymentState::EnRoute),
        UnitState::AtScene => Some(DeploymentState::AtScene),
        UnitState::Available => Some(DeploymentState::Cleared),
        UnitState::Busy | UnitState::OffDuty => None,
    }
}
