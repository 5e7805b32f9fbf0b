//! `GET /api/events`: the live push as server-sent events that resume by event id.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use domain::Timestamp;
use futures::Stream;
use serde::Deserialize;
use tokio::sync::{OwnedSemaphorePermit, broadcast, watch};
use tokio::time::Instant;
use utoipa::IntoParams;

use crate::access::SignedIn;
use crate::app::App;
use crate::error::{ControlRoomError, causes};
use crate::extract::Asked;
use crate::feed::{Latest, Pushed};
use crate::follow::RETRY_AFTER;

/// Streams open at once: a large room with several screens each, and room for tabs left behind.
pub const MAX_STREAMS: usize = 512;
/// How often a stream asks whether its user is still signed in.
pub const SESSION_CHECK: Duration = Duration::from_secs(5);
/// How long a stream may be silent, for proxies in between; beats come more often.
const KEEP_ALIVE: Duration = Duration::from_secs(10);
/// How long a browser waits before it connects again.
const RECONNECT: Duration = Duration::from_secs(1);

/// Where to begin.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct EventsAsked {
    /// The event that is known already, for a first connection: `at_event` of `/api/cases`. `Last-Event-ID` overrides
    /// it. Without either the stream begins now.
    after: Option<String>,
}

/// One browser's stream.
struct Live {
    app: Arc<App>,
    signed_in: SignedIn,
    _place: OwnedSemaphorePermit,
    /// The last case event sent.
    cursor: u64,
    newest: watch::Receiver<u64>,
    flashes: broadcast::Receiver<Arc<str>>,
    units: watch::Receiver<Latest>,
    units_seen: u64,
    beats: watch::Receiver<Latest>,
    beat_seen: u64,
    check_at: Instant,
    /// The store failed: not asked again before.
    retry_at: Option<Instant>,
    /// Ready to be sent.
    waiting: VecDeque<Event>,
}

/// `GET /api/events`
pub(crate) async fn events(
    State(app): State<Arc<App>>,
    signed_in: SignedIn,
    headers: HeaderMap,
    Asked(asked): Asked<EventsAsked>,
) -> Result<Response, ControlRoomError> {
    let place = Arc::clone(&app.streams)
        .try_acquire_owned()
        .map_err(|_| ControlRoomError::Busy("too many screens are connected; close some"))?;
    let known = match headers.get("last-event-id") {
        Some(id) => Some(id.to_str().unwrap_or_default()),
        None => asked.after.as_deref(),
    };
    let newest = app.store.last_event().await?;
    let mut live = Live::new(app, signed_in, place);
    match known {
        None => live.cursor = newest,
        Some(id) => match id.trim().parse::<u64>() {
            Ok(id) if id <= newest => live.cursor = id,
            _ => live.reload(newest),
        },
    }
    let sse = Sse::new(live.into_stream()).keep_alive(KeepAlive::new().interval(KEEP_ALIVE));
    let unbuffered = [
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        // Some proxies hold a stream back until it is long enough.
        (
            HeaderName::from_static("x-accel-buffering"),
            HeaderValue::from_static("no"),
        ),
    ];
    Ok((unbuffered, sse).into_response())
}

impl Live {
    fn new(app: Arc<App>, signed_in: SignedIn, place: OwnedSemaphorePermit) -> Self {
        metrics::gauge!("steelring_control_room_streams").increment(1.0);
        let feed = &app.feed;
        Self {
            cursor: 0,
            newest: feed.newest(),
            flashes: feed.flashes(),
            units: feed.changed_units(),
            units_seen: 0,
            beats: feed.beats(),
            beat_seen: 0,
            check_at: Instant::now() + SESSION_CHECK,
            retry_at: None,
            waiting: VecDeque::from([Event::default().comment("steelring").retry(RECONNECT)]),
            app,
            signed_in,
            _place: place,
        }
    }

    fn into_stream(self) -> impl Stream<Item = Result<Event, Infallible>> {
        futures::stream::unfold(self, |mut live| async {
            let event = live.next().await?;
            Some((Ok(event), live))
        })
    }

    /// Says that the picture must be fetched anew, and goes on live from `newest`.
    fn reload(&mut self, newest: u64) {
        self.cursor = newest;
        let event = Event::default().event("reload").id(newest.to_string()).data("{}");
        self.waiting.push_back(event);
    }

    /// The next thing to send; none when the stream is over.
    async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.waiting.pop_front() {
                return Some(event);
            }
            if self.app.shutdown.is_cancelled() || !self.still_signed_in().await {
                return None;
            }
            self.take_beat();
            self.take_units();
            self.take_events().await;
            if self.waiting.is_empty() && !self.wait().await {
                return None;
            }
        }
    }

    /// Waits until something may be new; false when the service ends.
    async fn wait(&mut self) -> bool {
        let until = self
            .retry_at
            .map_or(self.check_at, |retry| retry.min(self.check_at));
        tokio::select! {
            () = self.app.shutdown.cancelled() => return false,
            () = tokio::time::sleep_until(until) => {}
            flash = self.flashes.recv() => {
                if let Ok(json) = flash {
                    self.waiting.push_back(Event::default().event("hit").data(&*json));
                }
            }
            changed = self.newest.changed() => return changed.is_ok(),
            changed = self.units.changed() => return changed.is_ok(),
            changed = self.beats.changed() => return changed.is_ok(),
        }
        true
    }

    async fn still_signed_in(&mut self) -> bool {
        if Instant::now() < self.check_at {
            return true;
        }
        self.check_at = Instant::now() + SESSION_CHECK;
        let holder = self
            .signed_in
            .credential
            .holder(&self.app.store, Timestamp::now());
        match holder.await {
            Ok(holder) => holder.is_some_and(|user| user.role == self.signed_in.user.role),
            // Nobody can be disabled either while the database is away.
            Err(error) => {
                tracing::debug!(cause = %causes(&error), "cannot check a session");
                true
            }
        }
    }

    fn take_beat(&mut self) {
        let beat = self.beats.borrow_and_update().clone();
        if beat.number > self.beat_seen {
            self.beat_seen = beat.number;
            self.waiting
                .push_back(Event::default().event("beat").data(&*beat.json));
        }
    }

    fn take_units(&mut self) {
        let Latest { number, json } = self.units.borrow_and_update().clone();
        if number == self.units_seen {
            return;
        }
        let json = if number == self.units_seen + 1 {
            json
        } else {
            match self.app.feed.units_after(self.units_seen, Timestamp::now()) {
                Ok(json) => json,
                Err(error) => return tracing::error!(cause = %causes(&error), "cannot show units"),
            }
        };
        self.units_seen = number;
        self.waiting
            .push_back(Event::default().event("units").data(&*json));
    }

    async fn take_events(&mut self) {
        let newest = *self.newest.borrow_and_update();
        if newest <= self.cursor || self.retry_at.is_some_and(|at| Instant::now() < at) {
            return;
        }
        self.retry_at = None;
        match self.app.feed.events_after(self.cursor).await {
            Ok(events) if events.is_empty() => self.reload(newest),
            Ok(events) => {
                for Pushed { sequence, json } in events {
                    self.cursor = sequence;
                    let event = Event::default()
                        .event("case")
                        .id(sequence.to_string())
                        .data(&*json);
                    self.waiting.push_back(event);
                }
            }
            Err(error) => {
                tracing::warn!(cause = %causes(&error), "cannot read events for a stream");
                self.retry_at = Some(Instant::now() + RETRY_AFTER);
            }
        }
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        metrics::gauge!("steelring_control_room_streams").decrement(1.0);
    }
}
