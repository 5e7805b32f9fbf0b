//! What the live push knows now. The tasks of [`crate::follow`] write it, every browser's stream reads it.
//!
//! Case events are never queued for a browser: a stream knows how far it has come and reads on from there, here while
//! the event is recent, in the store when it is not. So a slow browser costs nothing and misses nothing.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use domain::unit::UnitPosition;
use domain::{CallSign, Timestamp};
use jiff::SignedDuration;
use serde::Serialize;
use store::events::Sequenced;
use store::{Store, StoreError};
use stream::wire::MatcherStatus;
use tokio::sync::{Notify, broadcast, watch};

use crate::restrict::Restrictions;
use crate::units::UnitShown;

/// Recent events kept in memory, at 1 to 4 kB each: a browser that was away for a minute costs no database query.
pub const RECENT_EVENTS: usize = 1_024;
/// Events taken at once, from memory or store: between two such batches a stream sees to everything else.
pub const BATCH: u32 = 100;
/// Flashes that a slow browser may lag behind before it loses some: ten seconds at 25 hits/s.
pub const FLASHES: usize = 256;
/// A matcher that has said nothing for so long is no longer listed: it was renamed or taken away.
pub const MATCHER_FORGOTTEN_AFTER: SignedDuration = SignedDuration::from_hours(24);

/// An event as it goes to browsers.
#[derive(Clone, Debug)]
pub(crate) struct Pushed {
    pub(crate) sequence: u64,
    pub(crate) json: Arc<str>,
}

/// Something of which only the latest counts, with a number that tells whether it is new.
#[derive(Clone, Debug)]
pub(crate) struct Latest {
    pub(crate) number: u64,
    pub(crate) json: Arc<str>,
}

/// Everything live.
pub(crate) struct Feed {
    store: Store,
    restrictions: Arc<Restrictions>,
    /// The newest event's place, for streams to wait on.
    newest: watch::Sender<u64>,
    recent: Mutex<VecDeque<Pushed>>,
    flashes: broadcast::Sender<Arc<str>>,
    units: Mutex<Units>,
    changed_units: watch::Sender<Latest>,
    beat: watch::Sender<Latest>,
    matchers: Mutex<BTreeMap<String, MatcherStatus>>,
    /// Somebody has reason to think that there is a new event.
    pub(crate) look: Notify,
}

#[derive(Default)]
struct Units {
    by_callsign: HashMap<CallSign, Unit>,
    /// Counts the seconds in which something changed.
    tick: u64,
}

struct Unit {
    position: UnitPosition,
    stale: bool,
    /// The tick that showed it last; none while it waits to be shown.
    shown_in: Option<u64>,
}

#[derive(Serialize)]
struct UnitsEvent {
    units: Vec<UnitShown>,
}

impl Feed {
    pub(crate) fn new(store: Store, restrictions: Arc<Restrictions>) -> Self {
        let nothing = || Latest {
            number: 0,
            json: Arc::from(""),
        };
        Self {
            store,
            restrictions,
            newest: watch::Sender::new(0),
            recent: Mutex::default(),
            flashes: broadcast::Sender::new(FLASHES),
            units: Mutex::default(),
            changed_units: watch::Sender::new(nothing()),
            beat: watch::Sender::new(nothing()),
            matchers: Mutex::default(),
            look: Notify::new(),
        }
    }

    /// Takes new events, which follow on those taken before.
    pub(crate) fn push_events(&self, events: Vec<Pushed>) {
        let Some(last) = events.last().map(|event| event.sequence) else {
            return;
        };
        {
            let mut recent = lock(&self.recent);
            recent.extend(events);
            let surplus = recent.len().saturating_sub(RECENT_EVENTS);
            recent.drain(..surplus);
        }
        self.newest.send_replace(last);
    }

    /// Where following begins: nothing before it is in memory.
    pub(crate) fn begin_at(&self, sequence: u64) {
        self.newest.send_replace(sequence);
    }

    /// The newest event's place, to look at and to wait on.
    pub(crate) fn newest(&self) -> watch::Receiver<u64> {
        self.newest.subscribe()
    }

    /// Some events behind `sequence`, in order without a gap; empty where there is none, or where the next one is no
    /// longer kept.
    pub(crate) async fn events_after(&self, sequence: u64) -> Result<Vec<Pushed>, StoreError> {
        if let Some(found) = recent_after(&lock(&self.recent), sequence) {
            return Ok(found);
        }
        let events = self
            .encode_events(self.store.events_after(sequence, BATCH).await?)
            .await?;
        let follows = events.first().is_none_or(|first| first.sequence == sequence + 1);
        Ok(if follows { events } else { Vec::new() })
    }

    /// Events as they go to browsers.
    pub(crate) async fn encode_events(&self, events: Vec<Sequenced>) -> Result<Vec<Pushed>, StoreError> {
        let restriction = self.restrictions.now().await?;
        let encode_one = |Sequenced { sequence, event, .. }: Sequenced| {
            encode("case event", &restriction.event(event)).map(|json| Pushed { sequence, json })
        };
        events.into_iter().map(encode_one).collect()
    }

    /// Shows a hit to whoever watches.
    pub(crate) fn flash(&self, json: Arc<str>) {
        // Without a browser nobody is there to hear it.
        let _ = self.flashes.send(json);
    }

    pub(crate) fn flashes(&self) -> broadcast::Receiver<Arc<str>> {
        self.flashes.subscribe()
    }

    /// Takes a unit's position, unless a later one is known.
    pub(crate) fn place_unit(&self, position: UnitPosition) {
        let mut units = lock(&self.units);
        match units.by_callsign.get_mut(&position.callsign) {
            Some(known) if known.position.at >= position.at => {}
            Some(known) => {
                known.position = position;
                known.shown_in = None;
            }
            None => {
                let unit = Unit {
                    stale: false,
                    shown_in: None,
                    position,
                };
                units.by_callsign.insert(unit.position.callsign.clone(), unit);
            }
        }
    }

    /// Shows the units that moved or went stale since the last call.
    pub(crate) fn show_units(&self, now: Timestamp) -> Result<(), StoreError> {
        let mut units = lock(&self.units);
        let tick = units.tick + 1;
        let mut changed = Vec::new();
        for unit in units.by_callsign.values_mut() {
            let stale = unit.position.is_stale(now);
            if unit.shown_in.is_none() || unit.stale != stale {
                unit.stale = stale;
                unit.shown_in = Some(tick);
                changed.push(UnitShown::at(&unit.position, now));
            }
        }
        if changed.is_empty() {
            return Ok(());
        }
        units.tick = tick;
        drop(units);
        let json = encode("units", &UnitsEvent { units: changed })?;
        self.changed_units.send_replace(Latest { number: tick, json });
        Ok(())
    }

    /// The last change of units, to look at and to wait on.
    pub(crate) fn changed_units(&self) -> watch::Receiver<Latest> {
        self.changed_units.subscribe()
    }

    /// The units that were shown after the tick `after`: for a stream that missed some ticks, or begins.
    pub(crate) fn units_after(&self, after: u64, now: Timestamp) -> Result<Arc<str>, StoreError> {
        let units = lock(&self.units)
            .by_callsign
            .values()
            .filter(|unit| unit.shown_in.is_none_or(|tick| tick > after))
            .map(|unit| UnitShown::at(&unit.position, now))
            .collect();
        encode("units", &UnitsEvent { units })
    }

    /// Every unit, by callsign.
    pub(crate) fn units(&self, now: Timestamp) -> Vec<UnitShown> {
        let mut units: Vec<_> = lock(&self.units)
            .by_callsign
            .values()
            .map(|unit| UnitShown::at(&unit.position, now))
            .collect();
        units.sort_by(|a, b| a.position.callsign.cmp(&b.position.callsign));
        units
    }

    pub(crate) fn has_unit(&self, callsign: &CallSign) -> bool {
        lock(&self.units).by_callsign.contains_key(callsign)
    }

    /// Shows that the picture is live.
    pub(crate) fn beat(&self, json: Arc<str>) {
        self.beat.send_modify(|latest| {
            latest.number += 1;
            latest.json = json;
        });
    }

    /// The last beat, to look at and to wait on.
    pub(crate) fn beats(&self) -> watch::Receiver<Latest> {
        self.beat.subscribe()
    }

    /// Takes what a matcher says of itself; none says that it is gone.
    pub(crate) fn set_matcher(&self, name: &str, status: Option<MatcherStatus>) {
        let mut matchers = lock(&self.matchers);
        match status {
            Some(status) => matchers.insert(name.to_owned(), status),
            None => matchers.remove(name),
        };
    }

    /// Matchers that spoke within the last day, by name.
    pub(crate) fn matchers(&self, now: Timestamp) -> Vec<MatcherStatus> {
        let mut matchers = lock(&self.matchers);
        matchers.retain(|_, status| now.duration_since(status.at) < MATCHER_FORGOTTEN_AFTER);
        matchers.values().cloned().collect()
    }
}

/// A value as one line of JSON.
pub(crate) fn encode<T: Serialize>(what: &'static str, value: &T) -> Result<Arc<str>, StoreError> {
    serde_json::to_string(value)
        .map(Arc::from)
        .map_err(|source| StoreError::Value { what, source })
}

/// The next events from memory; none where the next one is not there any more.
fn recent_after(recent: &VecDeque<Pushed>, sequence: u64) -> Option<Vec<Pushed>> {
    let first = recent.front()?.sequence;
    let skip = (sequence + 1).checked_sub(first)?;
    let skip = usize::try_from(skip).ok()?;
    Some(recent.iter().skip(skip).take(BATCH as usize).cloned().collect())
}

/// None of these locks is held across anything that can panic half way through a change.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recent(range: std::ops::RangeInclusive<u64>) -> VecDeque<Pushed> {
        let json = Arc::<str>::from("{}");
        let pushed = |sequence| Pushed {
            sequence,
            json: Arc::clone(&json),
        };
        range.map(pushed).collect()
    }

    fn sequences(found: Option<Vec<Pushed>>) -> Option<Vec<u64>> {
        found.map(|found| found.iter().map(|event| event.sequence).collect())
    }

    #[test]
    fn memory_answers_what_follows_without_a_gap_or_says_that_it_cannot() {
        let kept = recent(5..=8);
        assert_eq!(sequences(recent_after(&kept, 4)), Some(vec![5, 6, 7, 8]));
        assert_eq!(sequences(recent_after(&kept, 6)), Some(vec![7, 8]));
        assert_eq!(sequences(recent_after(&kept, 8)), Some(vec![]));
        assert_eq!(sequences(recent_after(&kept, 3)), None);
        assert_eq!(sequences(recent_after(&VecDeque::new(), 3)), None);
        let many = sequences(recent_after(&recent(1..=500), 0)).unwrap();
        assert_eq!(many.len(), BATCH as usize);
    }
}
