//! People known to intelligence, over HTTP.

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::harness::{Browser, Room};

const PERSON: &str = "/api/nominals/PNC-07.123456X";

fn offender() -> Value {
    let markers = json!([{"marker": "registered_sex_offender", "detail": "MAPPA level 2"}]);
    json!({"name": "John Doe", "markers": markers, "why": "ViSOR"})
}

fn link(vrm: &str) -> Value {
    json!({
        "vrm": vrm, "relation": "keeper", "source": "register", "grading": "b23", "date": "2007-10-01", "why": "checked",
    })
}

async fn listed(browser: &Browser<'_>) -> Vec<Value> {
    let (status, entries) = browser.get("/api/hotlists/nominals/entries").await;
    match status {
        StatusCode::NOT_FOUND => Vec::new(),
        _ => entries["entries"].as_array().unwrap().clone(),
    }
}

#[tokio::test]
async fn a_linked_vehicle_is_looked_for_until_the_link_goes_and_its_entry_has_no_name() {
    let room = Room::open().await;
    let browser = room.sign_in("intelligence").await;
    let (status, put) = browser.post(PERSON, offender()).await;
    assert_eq!(
        (status, &put["version"], &put["list"]),
        (StatusCode::OK, &json!(1), &Value::Null)
    );
    let (status, linked) = browser.post(&format!("{PERSON}/link"), link("qx07 plt")).await;
    assert_eq!(
        (status, &linked["list"]["added"]),
        (StatusCode::OK, &json!(1)),
        "{linked}"
    );
    let entries = listed(&browser).await;
    let entry = &entries[0];
    assert_eq!(
        (
            &entry["vrm"],
            &entry["action"],
            &entry["grade"],
            &entry["reason_code"]
        ),
        (
            &json!("QX07PLT"),
            &json!("observe"),
            &json!(3),
            &json!("offender")
        )
    );
    let person = json!([{
        "reference": "PNC-07.123456X", "relations": ["keeper"], "markers": ["registered_sex_offender"],
    }]);
    assert_eq!(entry["nominals"], person);
    assert!(!entry.to_string().contains("Doe") && !entry.to_string().contains("MAPPA"));

    let (_, found) = browser.get("/api/nominals?vrm=QX07PLT").await;
    assert_eq!(found["nominals"][0]["name"], "John Doe");
    let unlink = json!({"vrm": "QX07PLT", "why": "sold"});
    let (status, _) = browser.post(&format!("{PERSON}/unlink"), unlink).await;
    assert_eq!((status, listed(&browser).await), (StatusCode::OK, Vec::new()));
    let (_, record) = browser.get(PERSON).await;
    let changes = record["changes"].as_array().unwrap();
    assert_eq!((changes.len(), &changes[0]["why"]), (3, &json!("sold")));
    let audited = room.audited().await;
    for action in [
        "nominal_put",
        "nominal_linked",
        "nominal_unlinked",
        "view_nominals",
    ] {
        assert!(audited.iter().any(|(known, _)| known == action), "{action}");
    }
}

#[tokio::test]
async fn what_is_wrong_with_a_nominal_is_named_by_field() {
    let room = Room::open().await;
    let browser = room.sign_in("intelligence").await;
    let link_path = format!("{PERSON}/link");
    let (status, unknown) = browser.post(&link_path, link("QX07PLT")).await;
    assert_eq!(
        (status, &unknown["error"]["code"]),
        (StatusCode::NOT_FOUND, &json!("not_found"))
    );
    browser.post(PERSON, offender()).await;
    let with = |mut said: Value, field: &str, value: Value| {
        said[field] = value;
        said
    };
    for (path, said, status, field) in [
        (PERSON, with(offender(), "why", json!(" ")), 422, "why"),
        (
            PERSON,
            with(offender(), "markers", json!([{"marker": "stolen"}])),
            422,
            "markers",
        ),
        (
            PERSON,
            with(offender(), "markers", json!([{"marker": "mappa"}])),
            400,
            "markers[0].marker",
        ),
        (
            &link_path,
            with(link("QX07PLT"), "source", json!("")),
            422,
            "source",
        ),
        (
            &link_path,
            with(link("QX07PLT"), "grading", json!("Z99")),
            400,
            "grading",
        ),
        (&link_path, with(link("QX07PLT"), "vrm", json!("?")), 400, "vrm"),
        (
            &link_path,
            with(link("QX07PLT"), "date", json!("soon")),
            400,
            "date",
        ),
    ] {
        let (got, answer) = browser.post(path, said).await;
        assert_eq!(
            (got.as_u16(), &answer["error"]["field"]),
            (status, &json!(field)),
            "{answer}"
        );
    }
    let entry = json!({"entry": {
        "vrm": "QX07PLT", "grade": "1", "action": "stop", "reason_code": "WANTED", "reason": "x", "owner": "FIB",
        "expires_at": "31/12/2030",
    }});
    let (status, refused) = browser.post("/api/hotlists/nominals/entries", entry).await;
    assert_eq!(
        (status, &refused["error"]["code"]),
        (StatusCode::CONFLICT, &json!("follows_nominals")),
        "{refused}"
    );
}
