//! An operator's browser: takes the live push, and comes back by event id when the connection is lost.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result};
use domain::case::EventKind;
use domain::{HitId, Timestamp};
use futures::StreamExt;
use serde::Deserialize;
use tokio_util::sync::CancellationToken;

use super::ledger::{Ledger, Push};
use super::system::System;

/// As the page does.
const RECONNECT_AFTER: Duration = Duration::from_millis(500);

/// Where to look, and where to write down what was seen.
pub struct Watch {
    http: reqwest::Client,
    address: String,
    token: String,
    ledger: Arc<Mutex<Ledger>>,
    /// The last event that came.
    last: Option<String>,
}

/// What counts of a case event.
#[derive(Deserialize)]
struct Event {
    kind: EventKind,
    at: Timestamp,
    hit_id: Option<HitId>,
}

impl Watch {
    pub fn new(system: &System, ledger: Arc<Mutex<Ledger>>) -> Self {
        Self {
            http: reqwest::Client::new(),
            address: format!("{}/api/events", system.control_room),
            token: system.token.clone(),
            ledger,
            last: None,
        }
    }

    /// Connects: what happens from now on will be seen.
    pub async fn connect(&self) -> Result<reqwest::Response> {
        let mut request = self.http.get(&self.address).bearer_auth(&self.token);
        if let Some(last) = &self.last {
            request = request.header("last-event-id", last);
        }
        let answer = request.send().await.context("connect to the live push")?;
        answer.error_for_status().context("connect to the live push")
    }

    /// Watches until `done`, reconnecting after every loss.
    pub async fn run(mut self, connected: reqwest::Response, done: CancellationToken) {
        let mut connection = Some(connected);
        while !done.is_cancelled() {
            if let Some(answer) = connection.take() {
                tokio::select! {
                    () = done.cancelled() => return,
                    () = self.follow(answer) => {}
                }
            }
            tokio::time::sleep(RECONNECT_AFTER).await;
            connection = self.connect().await.ok();
        }
    }

    /// Takes events until the connection ends.
    async fn follow(&mut self, answer: reqwest::Response) {
        let mut body = answer.bytes_stream();
        let mut waiting = Vec::new();
        while let Some(Ok(chunk)) = body.next().await {
            let at = Timestamp::now();
            waiting.extend_from_slice(&chunk);
            while let Some(end) = waiting.windows(2).position(|pair| pair == b"\n\n") {
                let event: Vec<u8> = waiting.drain(..end + 2).collect();
                self.take(&String::from_utf8_lossy(&event), at);
            }
        }
    }

    fn take(&mut self, event: &str, at: Timestamp) {
        let field = |name: &str| {
            let lines = event.lines().filter_map(|line| line.split_once(':'));
            let mut found = lines.filter(|(key, _)| *key == name);
            found.next().map(|(_, value)| value.trim_start())
        };
        if let Some(id) = field("id") {
            self.last = Some(id.to_owned());
        }
        if field("event") != Some("case") {
            return;
        }
        let Some(Ok(event)) = field("data").map(serde_json::from_str::<Event>) else {
            return;
        };
        if let (EventKind::Opened | EventKind::Sighted, Some(hit)) = (event.kind, event.hit_id) {
            let push = Push {
                happened_at: event.at,
                at,
            };
            let mut ledger = self.ledger.lock().unwrap_or_else(PoisonError::into_inner);
            ledger.pushed(hit, push);
        }
    }
}
