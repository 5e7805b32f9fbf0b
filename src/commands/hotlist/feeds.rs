//! Feeds of lists: how each stands, and the tokens that they send files with.

use std::process::ExitCode;

use anyhow::{Result, bail};
use control_room::secrets;
use domain::{FeedName, Timestamp};
use serde_json::Value;

use super::text;
use crate::client::Client;
use crate::commands::{ACTOR, print_json};
use crate::config::{Settings, make_data_directory};
use crate::topology::open_store;

/// Shows every feed.
pub async fn list(client: &Client, json: bool) -> Result<ExitCode> {
    let answer = client.expect(client.get("/api/feeds")).await?;
    let feeds = answer
        .get("feeds")
        .and_then(Value::as_array)
        .map_or(&[][..], Vec::as_slice);
    let late = |feed: &Value| feed.get("late_since").is_some_and(Value::is_string);
    let refused = |feed: &Value| feed.get("refused").and_then(Value::as_bool) == Some(true);
    if json {
        print_json(&answer)?;
    } else {
        for feed in feeds {
            let last = feed.get("last").filter(|last| !last.is_null());
            let last = last.map_or_else(
                || "no file yet".to_owned(),
                |last| {
                    format!(
                        "{} {}: {}",
                        text(last, "at"),
                        text(last, "outcome"),
                        text(last, "said")
                    )
                },
            );
            let late = if late(feed) {
                format!("   LATE since {}", text(feed, "late_since"))
            } else {
                String::new()
            };
            println!("{:24} {:24} {last}{late}", text(feed, "feed"), text(feed, "list"));
        }
    }
    Ok(if feeds.iter().any(|feed| late(feed) || refused(feed)) {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

/// Makes a token.
pub async fn token(settings: &Settings, name: &FeedName) -> Result<ExitCode> {
    if !settings.feeds.iter().any(|feed| feed.name == *name) {
        bail!("the settings have no feed {name}: name their file with --config");
    }
    make_data_directory(&settings.data)?;
    let store = open_store(settings).await?;
    let (token, hash) = secrets::new();
    store.set_feed_token(name, hash, ACTOR, Timestamp::now()).await?;
    println!("{token}");
    eprintln!(
        "{name} may send files with this token as bearer token, PUT /api/feeds/{name}; shown this once"
    );
    Ok(ExitCode::SUCCESS)
}
