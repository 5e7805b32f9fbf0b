//! Open cases and the units that could take them: ranked anew when that says something new.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use domain::case::{Case, CaseState};
use domain::unit::Proposal;
use domain::{CallSign, CaseId, Timestamp};
use jiff::SignedDuration;
use store::cases::CaseFilter;
use tokio_util::sync::CancellationToken;

use crate::ranking::UnitMap;
use crate::units::UnitTable;
use crate::{DispatcherError, Parts, persevere};

/// How often open cases are looked at.
const EVERY: Duration = Duration::from_secs(1);
/// Open cases ranked at most; the most urgent come first.
const CASES: u32 = 1_000;
/// Rankings stored in one transaction: one sync, and one wait of whoever reads the events, for all of them.
const RANKED_AT_ONCE: usize = 100;
/// Least time between two rankings of a case that a person is about to send a unit to.
const WHILE_CONFIRMED: SignedDuration = SignedDuration::from_secs(5);
/// Least time between two rankings of any other case: each is an event, and a long queue must not drown the log.
const OTHERWISE: SignedDuration = SignedDuration::from_secs(60);

/// What was last said about a case.
struct Said {
    state: CaseState,
    order: Vec<(CallSign, bool)>,
    at: Timestamp,
}

/// Ranks until `shutdown`.
pub(crate) async fn run(
    parts: &Parts,
    units: &UnitTable,
    shutdown: &CancellationToken,
) -> Result<(), DispatcherError> {
    let mut said = HashMap::new();
    loop {
        tokio::select! {
            () = shutdown.cancelled() => return Ok(()),
            () = tokio::time::sleep(EVERY) => {}
        }
        let look = || async {
            let filter = CaseFilter {
                open_only: true,
                limit: CASES,
                ..CaseFilter::default()
            };
            Ok((
                parts.store.cases(&filter).await?,
                parts.store.active_deployments().await?,
            ))
        };
        let Some((cases, deployments)) = persevere("look at open cases", shutdown, look).await? else {
            return Ok(());
        };
        metrics::gauge!("steelring_dispatcher_open_cases").set(cases.len() as f64);
        let bound: HashSet<_> = deployments
            .into_iter()
            .map(|deployment| deployment.callsign)
            .collect();
        let positions = units.snapshot();
        let now = Timestamp::now();
        let due = rank_due(parts, &cases, &UnitMap::new(&positions, &bound, now), &said, now);
        for some in due.chunks(RANKED_AT_ONCE) {
            let rankings = some
                .iter()
                .map(|(case, proposals)| (case.case_id, proposals.clone()))
                .collect();
            let store = || async { Ok(parts.store.rank(&rankings, now).await?) };
            if persevere("store rankings", shutdown, store).await?.is_none() {
                return Ok(());
            }
            said.extend(some.iter().map(|(case, proposals)| {
                let said = Said {
                    state: case.state,
                    order: order(proposals),
                    at: now,
                };
                (case.case_id, said)
            }));
        }
        let open: HashSet<_> = cases.iter().map(|case| case.case_id).collect();
        said.retain(|case, _| open.contains(case));
    }
}

/// The cases whose ranking says something new, and may be said again.
fn rank_due<'a>(
    parts: &Parts,
    cases: &'a [Case],
    map: &UnitMap<'_>,
    said: &HashMap<CaseId, Said>,
    now: Timestamp,
) -> Vec<(&'a Case, Vec<Proposal>)> {
    let due = cases.iter().filter(|case| {
        said.get(&case.case_id)
            .is_none_or(|said| may_say_again(case, said, now))
    });
    due.filter_map(|case| {
        let camera = parts.force.camera(&case.last_read.camera)?;
        let proposals = map.rank(camera.position, case.bcu.as_ref());
        let news = said
            .get(&case.case_id)
            .is_none_or(|said| said.order != order(&proposals));
        news.then_some((case, proposals))
    })
    .collect()
}

/// At once when a person has decided something; otherwise not too often.
fn may_say_again(case: &Case, said: &Said, now: Timestamp) -> bool {
    let least = if case.state == CaseState::Confirmed {
        WHILE_CONFIRMED
    } else {
        OTHERWISE
    };
    said.state != case.state || now.duration_since(said.at) >= least
}

/// What makes two rankings different: who, in which order, and whether the fix is stale.
fn order(proposals: &[Proposal]) -> Vec<(CallSign, bool)> {
    proposals
        .iter()
        .map(|proposal| (proposal.callsign.clone(), proposal.stale))
        .collect()
}
