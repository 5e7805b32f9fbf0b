//! What a list demands of its changes.

use std::process::ExitCode;

use anyhow::{Context, Result};
use domain::ListName;
use domain::hotlist::Grade;
use domain::policy::ListPolicy;
use serde_json::{Value, json};

use crate::cli::PolicyChange;
use crate::client::Client;
use crate::commands::print_json;

/// Shows a policy, or changes what is named of it and shows what it is then.
pub async fn run(client: &Client, list: &ListName, change: PolicyChange, json: bool) -> Result<ExitCode> {
    let path = format!("/api/hotlists/{list}/policy");
    let mut answer = client.expect(client.get(&path)).await?;
    let before = policy_in(&answer)?;
    let after = changed(before.clone(), change)?;
    if after != before {
        answer = client.expect(client.post(&path).json(&json!(after))).await?;
    }
    if json {
        print_json(&answer)?;
    } else {
        show(
            list,
            &policy_in(&answer)?,
            answer.get("own") == Some(&Value::Bool(true)),
        );
    }
    Ok(ExitCode::SUCCESS)
}

fn policy_in(answer: &Value) -> Result<ListPolicy> {
    let policy = answer.get("policy").cloned().unwrap_or_default();
    serde_json::from_value(policy).context("read the policy")
}

fn changed(policy: ListPolicy, change: PolicyChange) -> Result<ListPolicy> {
    let default_grade = match change.default_grade {
        None => policy.default_grade,
        Some(0) => None,
        Some(grade) => Some(Grade::try_from(grade)?),
    };
    Ok(ListPolicy {
        four_eyes: change.four_eyes.unwrap_or(policy.four_eyes),
        max_days: change.max_days.unwrap_or(policy.max_days),
        owner: change.owner.unwrap_or(policy.owner),
        default_grade,
        review_days: change.review_days.unwrap_or(policy.review_days),
        notice_days: change.notice_days.unwrap_or(policy.notice_days),
        distributed: change.distributed.unwrap_or(policy.distributed),
    })
}

fn show(list: &ListName, policy: &ListPolicy, own: bool) {
    let whose = if own { "its own" } else { "the usual one" };
    println!("{list}: policy is {whose}");
    let switch = |on| if on { "on" } else { "off" };
    println!("  four eyes       {}", switch(policy.four_eyes));
    println!("  longest life    {} days", policy.max_days);
    let owner = if policy.owner.is_empty() {
        "-"
    } else {
        &policy.owner
    };
    println!("  owner           {owner}");
    let grade = policy
        .default_grade
        .map_or("from action and markers".to_owned(), |grade| grade.to_string());
    println!("  default grade   {grade}");
    println!("  review          every {} days", policy.review_days);
    println!(
        "  lapse           grades 3 and 4, {} days after notice that they are overdue",
        policy.notice_days
    );
    println!("  distributed     {}", switch(policy.distributed));
}
