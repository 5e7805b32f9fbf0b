//! Changes that wait for a second person.

use std::process::ExitCode;

use anyhow::Result;
use domain::ListName;
use serde_json::{Value, json};

use super::{show_change, text};
use crate::client::Client;
use crate::commands::print_json;

/// Drafts that wait, one a line.
pub async fn list(client: &Client, list: Option<&ListName>, json: bool) -> Result<ExitCode> {
    let query = list.map_or(String::new(), |list| format!("?list={list}"));
    let answer = client.expect(client.get(&format!("/api/drafts{query}"))).await?;
    if json {
        print_json(&answer)?;
        return Ok(ExitCode::SUCCESS);
    }
    for draft in answer
        .get("drafts")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
    {
        println!("{}", line(draft));
    }
    Ok(ExitCode::SUCCESS)
}

/// Authorises or declines a draft.
pub async fn decide(client: &Client, draft: u64, verdict: &str, why: &str, json: bool) -> Result<ExitCode> {
    let request = client
        .post(&format!("/api/drafts/{draft}/decide"))
        .json(&json!({"verdict": verdict, "why": why}));
    let answer = client.expect(request).await?;
    if json {
        print_json(&answer)?;
        return Ok(ExitCode::SUCCESS);
    }
    let moved = answer.pointer("/draft/moved").and_then(Value::as_bool);
    if answer.get("change").is_none_or(Value::is_null) {
        println!("draft {draft} is declined: nothing has changed");
        return Ok(ExitCode::SUCCESS);
    }
    if moved == Some(true) {
        eprintln!("the list had changed since it was drafted: it was compared anew");
    }
    show_change(&json!({"change": answer["change"]}), false)
}

/// A draft in one line.
pub fn line(draft: &Value) -> String {
    let number = |name: &str| draft.pointer(name).and_then(Value::as_u64).unwrap_or_default();
    let mut line = format!(
        "draft {}: {} of {} by {} at {}: {} added, {} changed, {} removed, {} as before",
        number("/draft"),
        text(draft, "kind"),
        text(draft, "list"),
        text(draft, "author"),
        text(draft, "made_at"),
        number("/change/added"),
        number("/change/changed"),
        number("/change/removed"),
        number("/change/unchanged"),
    );
    let why = text(draft, "why");
    if !why.is_empty() {
        line.push_str(&format!("; {why}"));
    }
    if draft.get("moved") == Some(&Value::Bool(true)) {
        line.push_str("; THE LIST HAS CHANGED SINCE");
    }
    line
}
