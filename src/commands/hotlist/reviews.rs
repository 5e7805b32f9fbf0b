//! Looking through lists: recording it, and what nobody looked through.

use std::process::ExitCode;

use anyhow::Result;
use domain::ListName;
use serde_json::Value;

use super::text;
use crate::client::Client;
use crate::commands::print_json;

/// Records a review.
pub async fn review(client: &Client, list: &ListName, said: &Value, json: bool) -> Result<ExitCode> {
    let request = client.post(&format!("/api/hotlists/{list}/review")).json(said);
    let answer = client.expect(request).await?;
    if json {
        print_json(&answer)?;
    } else {
        match answer.get("entries").and_then(Value::as_u64) {
            Some(entries) => println!("{list}: {entries} entries reviewed"),
            None => println!("{list}: reviewed as a whole"),
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Shows what is overdue.
pub async fn notices(client: &Client, json: bool) -> Result<ExitCode> {
    let answer = client.expect(client.get("/api/reviews")).await?;
    let all = answer
        .get("notices")
        .and_then(Value::as_array)
        .map_or(&[][..], Vec::as_slice);
    let is_open = |notice: &&Value| notice.get("reviewed_at").is_none_or(Value::is_null);
    let open: Vec<&Value> = all.iter().filter(is_open).collect();
    if json {
        print_json(&answer)?;
    } else {
        for notice in &open {
            println!("{}", line(notice));
        }
    }
    Ok(if open.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn line(notice: &Value) -> String {
    let number = |name: &str| notice.get(name).and_then(Value::as_u64).unwrap_or_default();
    let lapse = match number("lapsing") {
        0 => String::new(),
        some => format!(", {some} lapse from {} on", text(notice, "first_lapse_at")),
    };
    let seen = notice.get("seen").filter(|seen| !seen.is_null());
    let seen = seen.map_or_else(
        || "not seen yet".to_owned(),
        |seen| format!("seen by {}", text(seen, "by")),
    );
    format!(
        "{} {:24} {:24} {} overdue, {} log-only{lapse}; {seen}",
        text(notice, "day"),
        text(notice, "list"),
        Some(text(notice, "owner"))
            .filter(|owner| !owner.is_empty())
            .unwrap_or("-"),
        number("overdue"),
        number("log_only"),
    )
}
