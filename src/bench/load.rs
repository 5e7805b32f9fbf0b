//! The lists: loaded as an intelligence unit loads them, a CSV file through the control room.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use domain::ListName;
use domain::hotlist::{Action, Entry};
use serde_json::Value;

use super::system::System;

/// The columns written, as docs/hotlists.md names them.
const HEADER: [&str; 11] = [
    "vrm",
    "grade",
    "action",
    "markers",
    "reason",
    "information",
    "make",
    "model",
    "colour",
    "owner",
    "reference",
];
/// Ten million rows in lists of half a million take a while.
const LIVE_WITHIN: Duration = Duration::from_secs(900);
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// A client of the control room that loads lists.
#[derive(Clone)]
pub struct Loader {
    http: reqwest::Client,
    address: String,
    token: String,
    matchers: usize,
}

impl Loader {
    pub fn new(system: &System) -> Self {
        Self {
            http: reqwest::Client::new(),
            address: format!("{}/api/hotlists", system.control_room),
            token: system.token.clone(),
            matchers: system.matchers().len(),
        }
    }

    /// Makes these entries the whole of a list.
    pub async fn load(&self, list: &ListName, file: Vec<u8>) -> Result<()> {
        let request = self.http.post(format!("{}/{list}/load", self.address));
        let request = request
            .bearer_auth(&self.token)
            .header("content-type", "application/octet-stream")
            .body(file);
        let answer = request.send().await.context("load a list")?;
        if !answer.status().is_success() {
            bail!(
                "the control room refuses the list {list}: {}",
                answer.text().await.unwrap_or_default()
            );
        }
        Ok(())
    }

    /// Waits until every matcher judges under the newest revision.
    pub async fn wait_until_live(&self) -> Result<()> {
        let begun = Instant::now();
        while begun.elapsed() < LIVE_WITHIN {
            let request = self.http.get(&self.address).bearer_auth(&self.token);
            if let Ok(answer) = request.send().await
                && let Ok(answer) = answer.json::<Value>().await
                && self.live(&answer)
            {
                return Ok(());
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
        bail!("the lists are not on every matcher after {LIVE_WITHIN:?}")
    }

    fn live(&self, answer: &Value) -> bool {
        let matchers = answer.get("matchers").and_then(Value::as_array);
        let flag = |matcher: &Value, name: &str| matcher.get(name).and_then(Value::as_bool) == Some(true);
        let current = matchers.into_iter().flatten();
        current
            .filter(|matcher| flag(matcher, "running") && flag(matcher, "current"))
            .count()
            >= self.matchers
    }
}

/// Entries as a CSV file with a header.
pub fn file(entries: &[Entry]) -> Result<Vec<u8>> {
    let mut writer = csv::Writer::from_writer(Vec::with_capacity(entries.len() * 120));
    writer.write_record(HEADER)?;
    for entry in entries {
        let markers: Vec<&str> = entry.markers.iter().map(|marker| marker.code()).collect();
        let action = match entry.action {
            Action::Stop => "STOP",
            Action::Observe => "OBSERVE",
            Action::Silent => "SILENT",
            Action::Intelligence => "INTELLIGENCE",
        };
        writer.write_record([
            entry.target.as_str(),
            &u8::from(entry.grade).to_string(),
            action,
            &markers.join(" "),
            &entry.reason,
            &entry.information,
            &entry.make,
            &entry.model,
            &entry.colour,
            &entry.owner,
            &entry.reference,
        ])?;
    }
    writer.into_inner().context("write a list")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::force;
    use domain::Timestamp;

    #[test]
    fn the_worlds_lists_come_back_from_their_files_with_the_same_ids() {
        let force = force::load(None).unwrap();
        let world = simulator::World::new(1, force.clone()).unwrap();
        let now: Timestamp = "2026-11-01T12:00:00Z".parse().unwrap();
        let absent: ListName = "absent".parse().unwrap();
        let mut lists = world.hotlists(now);
        let entries = world.absent(500, now).into_iter().map(|entry| entry.on(&absent));
        lists.push((absent.clone(), entries.collect()));
        for (list, entries) in lists {
            let parsed = intelligence::parse(&list, &file(&entries).unwrap(), now, &force.timezone).unwrap();
            assert_eq!(parsed.faults, [], "{list}");
            let ids = |entries: &[Entry]| {
                let mut ids: Vec<_> = entries
                    .iter()
                    .map(|entry| (entry.entry_id, entry.grade, entry.target))
                    .collect();
                ids.sort();
                ids
            };
            assert_eq!(ids(&parsed.entries), ids(&entries), "{list}");
        }
    }
}
