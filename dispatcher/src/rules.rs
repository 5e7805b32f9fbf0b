//! The force's rules, judged at each hit of an open case, each observation and each answer, in the order in which the store has
//! them.

use std::sync::Arc;
use std::time::Duration;

use domain::Timestamp;
use intelligence::rules::{Facts, RuleFile};
use store::events::Sequenced;
use store::rules::Holding;
use tokio_util::sync::CancellationToken;

use crate::{DispatcherError, Parts, persevere};

/// How often to look for new events, and for a new rule file. Events are taken together: a query a batch, not one an event.
const EVERY: Duration = Duration::from_millis(100);
/// Events looked at in one go.
const BATCH: u32 = 1_000;
/// Events after which the place is recorded though no rule held: what a restart judges again, in vain.
const RECORD_EVERY: u64 = 10_000;

/// Rules and their version.
struct Live {
    version: u64,
    file: Arc<RuleFile>,
}

/// Judges until `shutdown`. Every dispatcher judges all events; what held is done once, by the first (see
/// [`store::Store::apply_rules`]).
pub(crate) async fn run(parts: &Parts, shutdown: &CancellationToken) -> Result<(), DispatcherError> {
    let mut live = Live {
        version: 0,
        file: Arc::clone(&parts.rules),
    };
    let start = || async { Ok(parts.store.ruled_up_to().await?) };
    let Some(mut recorded) = persevere("see how far rules have come", shutdown, start).await? else {
        return Ok(());
    };
    let mut reached = recorded;
    while !shutdown.is_cancelled() {
        let look = || async {
            let version = parts.store.rules_version().await?;
            let newer = if version == live.version {
                None
            } else {
                parts.store.rules().await?
            };
            Ok((newer, parts.store.events_for_rules(reached, BATCH).await?))
        };
        let Some((newer, (events, reach))) = persevere("look for events to judge", shutdown, look).await?
        else {
            return Ok(());
        };
        if let Some(newer) = newer {
            take_up(&mut live, newer.version, &newer.text);
        }
        let holding = judge(parts, &live, &events);
        if !holding.is_empty() || reach - recorded >= RECORD_EVERY {
            let apply = || async { Ok(parts.store.apply_rules(&holding, reach, Timestamp::now()).await?) };
            let Some(led_to) = persevere("apply rules", shutdown, apply).await? else {
                return Ok(());
            };
            metrics::counter!("steelring_dispatcher_rule_events_total").increment(led_to.len() as u64);
            recorded = reach;
        }
        let full = reach - reached == u64::from(BATCH);
        reached = reach;
        if !full {
            tokio::select! {
                () = shutdown.cancelled() => {}
                () = tokio::time::sleep(EVERY) => {}
            }
        }
    }
    Ok(())
}

/// A file was checked before it was stored; one that this version cannot read leaves the running rules in force.
fn take_up(live: &mut Live, version: u64, text: &str) {
    match RuleFile::parse(text) {
        Ok(file) => {
            tracing::info!(version, rules = file.rules.len(), "new rules are live");
            live.file = Arc::new(file);
        }
        Err(faults) => {
            let first = faults.first().map(ToString::to_string).unwrap_or_default();
            tracing::error!(
                version,
                running = live.version,
                first,
                "the stored rules do not compile here"
            );
        }
    }
    live.version = version;
}

fn judge(parts: &Parts, live: &Live, events: &[Sequenced]) -> Vec<Holding> {
    let mut found = Vec::new();
    for Sequenced { sequence, event, .. } in events {
        let Some(trigger) = event.kind.trigger() else {
            continue;
        };
        let (holding, failed) = live.file.judge(&Facts::of(event, &parts.force), trigger);
        for (rule, error) in failed {
            metrics::counter!("steelring_dispatcher_rules_failed_total").increment(1);
            tracing::warn!(rule = rule.name, error, "a rule cannot be evaluated");
        }
        found.extend(holding.into_iter().map(|rule| Holding {
            cause: *sequence,
            case: event.case.clone(),
            effect: rule.effect_on(&event.case, live.version, &parts.force),
        }));
    }
    found
}
