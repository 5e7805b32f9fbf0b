//! Operations over HTTP.

use domain::Timestamp;
use jiff::SignedDuration;
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::harness::{Room, entry, user};

const WEEK: &str = "/api/operations/week";

/// The hour that is running, and so many hours on.
fn hour(hours: i64) -> Timestamp {
    let now = Timestamp::now().as_second();
    Timestamp::from_second(now - now.rem_euclid(3_600)).unwrap() + SignedDuration::from_hours(hours)
}

fn week(from: i64, to: i64) -> Value {
    json!({"purpose": "stolen vehicles", "starts_at": hour(from), "ends_at": hour(to), "lists": ["stolen"],
        "owner": "Roads Policing", "why": "as planned"})
}

#[tokio::test]
async fn an_operation_runs_is_ended_and_names_what_is_still_live() {
    let room = Room::open().await;
    let listed = entry("QX07ABC", 2);
    room.store
        .replace_list(
            &listed.list,
            vec![listed.clone()],
            &user("intelligence"),
            Timestamp::now(),
        )
        .await
        .unwrap();
    let browser = room.sign_in("intelligence").await;
    let (status, made) = browser.post(WEEK, week(0, 48)).await;
    assert_eq!((status, &made["version"]), (StatusCode::OK, &json!(1)), "{made}");
    room.hit("QX07ABC", 2).await;
    let (status, record) = browser.get(WEEK).await;
    assert_eq!(status, StatusCode::OK, "{record}");
    assert_eq!(
        (&record["total"]["hits"], &record["yields"]["stolen"]["hits"]),
        (&json!(1), &json!(1)),
        "{record}"
    );
    let (_, all) = browser.get("/api/operations").await;
    let shown = &all["operations"][0];
    assert_eq!(
        (&shown["state"], &shown["live"]),
        (&json!("running"), &json!(["stolen"])),
        "{all}"
    );

    let end = json!({"why": "called off"});
    assert_eq!(
        browser.post(&format!("{WEEK}/end"), end.clone()).await.0,
        StatusCode::OK
    );
    let (_, record) = browser.get(WEEK).await;
    assert_eq!(record["changes"][0]["action"], "operation_ended");
    assert_eq!(record["stored"]["operation"]["ends_at"], json!(hour(1)));
    assert!(
        room.audited()
            .await
            .contains(&("operation_ended".to_owned(), "week".to_owned()))
    );

    assert_eq!(
        browser.post("/api/operations/coming", week(1, 2)).await.0,
        StatusCode::OK
    );
    let (status, refused) = browser.post("/api/operations/coming/end", end.clone()).await;
    assert_eq!(
        (status, &refused["error"]["code"]),
        (StatusCode::CONFLICT, &json!("not_running"))
    );
    assert_eq!(
        browser.post("/api/operations/none/end", end).await.0,
        StatusCode::NOT_FOUND
    );
    assert_eq!(browser.get("/api/operations/none").await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn what_is_wrong_with_an_operation_is_named_by_its_field() {
    let room = Room::open().await;
    let browser = room.sign_in("intelligence").await;
    let check = async |change: Value, status: StatusCode, field: &str| {
        let mut said = week(0, 2);
        said.as_object_mut()
            .unwrap()
            .extend(change.as_object().unwrap().clone());
        let (found, refused) = browser.post(WEEK, said).await;
        assert_eq!(
            (found, &refused["error"]["field"]),
            (status, &json!(field)),
            "{refused}"
        );
    };
    let refused = StatusCode::UNPROCESSABLE_ENTITY;
    check(json!({}), refused, "lists").await;
    check(json!({"lists": []}), refused, "lists").await;
    check(json!({"purpose": " "}), refused, "purpose").await;
    check(json!({"starts_at": "2007-11-01T12:30:00Z"}), refused, "starts_at").await;
    check(json!({"ends_at": hour(0)}), refused, "ends_at").await;
    check(json!({"why": ""}), refused, "why").await;
    check(json!({"ends_at": "soon"}), StatusCode::BAD_REQUEST, "ends_at").await;
    let operator = room.sign_in("operator").await;
    assert_eq!(operator.post(WEEK, week(0, 2)).await.0, StatusCode::FORBIDDEN);
    assert_eq!(operator.get("/api/operations").await.0, StatusCode::OK);
}
