//! From a hit to a closed case.

use domain::Timestamp;
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::harness::{Browser, Room, logged};

async fn decide(browser: &Browser<'_>, case: &str, body: Value) -> (StatusCode, Value) {
    browser.post(&format!("/api/cases/{case}/decide"), body).await
}

fn code(answer: &(StatusCode, Value)) -> (u16, &str) {
    (
        answer.0.as_u16(),
        answer.1["error"]["code"].as_str().unwrap_or_default(),
    )
}

#[tokio::test]
async fn a_case_is_confirmed_answered_and_closed_and_the_trail_shows_it() {
    let room = Room::open().await;
    let opened = room.hit("QX07PLT", 1).await;
    let case = opened.case.case_id.to_string();
    let operator = room.sign_in("operator").await;

    let (_, list) = operator.get("/api/cases").await;
    assert_eq!(list["cases"][0]["case_id"], *case);
    assert_eq!(list["at_event"], 1);

    let early = decide(
        &operator,
        &case,
        json!({"version": 0, "command": "deploy", "callsign": "KN11"}),
    )
    .await;
    assert_eq!(code(&early), (409, "wrong_state"));
    let (status, confirmed) = decide(&operator, &case, json!({"version": 0, "command": "confirm"})).await;
    assert_eq!(status, StatusCode::OK, "{confirmed}");
    assert_eq!(confirmed["case"]["state"], "confirmed");

    let nobody = decide(
        &operator,
        &case,
        json!({"version": 1, "command": "deploy", "callsign": "XX99"}),
    )
    .await;
    assert_eq!(code(&nobody), (422, "unknown_unit"));
    let (status, deployed) = decide(
        &operator,
        &case,
        json!({"version": 1, "command": "deploy", "callsign": "KN11"}),
    )
    .await;
    assert_eq!(status, StatusCode::OK, "{deployed}");
    let (_, list) = operator.get("/api/cases").await;
    assert_eq!(
        list["deployments"], deployed["deployments"],
        "the queue shows who is on the way"
    );
    let deployment = deployed["deployments"][0]["deployment_id"].as_str().unwrap();
    let advance = format!("/api/deployments/{deployment}/advance");
    assert_eq!(
        operator.post(&advance, json!({"to": "at_scene"})).await.0,
        StatusCode::OK
    );
    assert_eq!(
        code(&operator.post(&advance, json!({"to": "accepted"})).await),
        (409, "wrong_step")
    );

    let wrong = json!({"version": 2, "command": "close", "outcome": "other"});
    assert_eq!(code(&decide(&operator, &case, wrong).await), (422, "note"));
    let close = json!({"version": 2, "command": "close", "outcome": "arrest", "note": "one arrest"});
    assert_eq!(decide(&operator, &case, close).await.0, StatusCode::OK);

    let (_, record) = operator.get(&format!("/api/cases/{case}")).await;
    assert_eq!(record["case"]["state"], "closed");
    assert_eq!(record["deployments"][0]["state"], "cleared");
    assert_eq!(operator.get("/api/cases").await.1["cases"], json!([]));
    let (_, closed) = operator.get("/api/cases?state=closed").await;
    assert_eq!(closed["cases"][0]["case_id"], *case);

    let audited = room.audited().await;
    let about_case: Vec<_> = audited
        .iter()
        .filter(|(_, subject)| *subject == case)
        .map(|(action, _)| action.as_str())
        .collect();
    assert!(about_case.contains(&"view_case"), "{audited:?}");
    assert!(about_case.len() >= 4, "{audited:?}");
}

#[tokio::test]
async fn the_second_of_two_operators_is_told_who_was_first() {
    let room = Room::open().await;
    let opened = room.hit("QX07PLT", 2).await;
    let case = opened.case.case_id.to_string();
    let (operator, supervisor) = (room.sign_in("operator").await, room.sign_in("supervisor").await);
    assert_eq!(
        decide(&supervisor, &case, json!({"version": 0, "command": "confirm"}))
            .await
            .0,
        StatusCode::OK
    );
    let late = json!({"version": 0, "command": "reject", "outcome": "misread"});
    let answer = decide(&operator, &case, late).await;
    assert_eq!(code(&answer), (409, "superseded"));
    let message = answer.1["error"]["message"].as_str().unwrap();
    assert!(message.contains("supervisor was first"), "{message}");
}

#[tokio::test]
async fn a_unit_on_one_deployment_is_not_sent_to_another() {
    let room = Room::open().await;
    let operator = room.sign_in("operator").await;
    let mut codes = Vec::new();
    for mark in ["QX07PLT", "QX08PLT"] {
        let case = room.hit(mark, 1).await.case.case_id.to_string();
        decide(&operator, &case, json!({"version": 0, "command": "confirm"})).await;
        let deploy = json!({"version": 1, "command": "deploy", "callsign": "KN11"});
        codes.push(decide(&operator, &case, deploy).await);
    }
    assert_eq!(codes[0].0, StatusCode::OK);
    assert_eq!(code(&codes[1]), (409, "unit_busy"));
    assert_eq!(codes[1].1["error"]["field"], "callsign");
}

#[tokio::test]
async fn what_is_wrong_with_a_request_is_named_and_changes_nothing() {
    let room = Room::open().await;
    let case = room.hit("QX07PLT", 1).await.case.case_id.to_string();
    let operator = room.sign_in("operator").await;
    for (body, field) in [
        (json!({}), "version"),
        (json!({"version": -1, "command": "confirm"}), "version"),
        (json!({"version": 0}), "command"),
        (json!({"version": 0, "command": "escalate"}), "command"),
        (json!({"version": 0, "command": "reject"}), "outcome"),
        (
            json!({"version": 0, "command": "reject", "outcome": "bored"}),
            "outcome",
        ),
        (json!({"version": 0, "command": "deploy"}), "callsign"),
        (
            json!({"version": 0, "command": "deploy", "callsign": "K N"}),
            "callsign",
        ),
        (
            json!({"version": 0, "command": "confirm", "force": true}),
            "force",
        ),
    ] {
        let (status, answer) = decide(&operator, &case, body.clone()).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{body}");
        assert_eq!(answer["error"]["field"], field, "{body}: {answer}");
    }
    for (path, field) in [
        ("/api/cases/xyz", "case_id"),
        ("/api/cases?state=lost", "state"),
        ("/api/cases?vrm=%21", "vrm"),
        ("/api/cases?limit=0", "limit"),
        ("/api/cases?limit=many", "limit"),
        ("/api/cases?colour=red", "colour"),
        ("/api/hits?grade=7", "grade"),
        ("/api/images/abc", "hash"),
        ("/api/hotlists/a%20b/entries", "list"),
        ("/api/hotlists/a/entries?after=1", "after"),
    ] {
        let (status, answer) = operator.get(path).await;
        assert_eq!(
            (status, &answer["error"]["field"]),
            (StatusCode::BAD_REQUEST, &json!(field)),
            "{path}: {answer}"
        );
    }
    let unknown = "0".repeat(32);
    assert_eq!(
        operator.get(&format!("/api/cases/{unknown}")).await.0,
        StatusCode::NOT_FOUND
    );
    let lost = operator
        .post(
            &format!("/api/deployments/{unknown}/advance"),
            json!({"to": "cleared"}),
        )
        .await;
    assert_eq!(lost.0, StatusCode::NOT_FOUND);
    let (_, record) = operator.get(&format!("/api/cases/{case}")).await;
    assert_eq!(record["case"]["version"], 0);
}

#[tokio::test]
async fn a_plate_is_in_no_log_line_and_no_audit_row() {
    let room = Room::open().await;
    // Marks of this test alone: other tests of this process log too.
    let (mark, searched) = ("ZZ51LNT", "ZZ52LNT");
    let case = room.hit(mark, 1).await.case.case_id.to_string();
    room.hit_at(mark, 4, Timestamp::now()).await;
    let admin = room.sign_in("admin").await;
    room.try_sign_in(searched, "wrong password").await;
    for path in [
        format!("/api/cases/{case}"),
        format!("/api/cases?vrm={mark}"),
        format!("/api/hits?vrm={searched}"),
        format!("/api/cases?vrm={mark}!"),
        format!("/api/hotlists/stolen/entries?after={mark}"),
        format!("/{searched}"),
        format!("/api/{searched}"),
    ] {
        admin.get(&path).await;
    }
    decide(&admin, &case, json!({"version": 0, "command": "confirm"})).await;
    decide(&admin, &case, json!({"version": 0, "command": mark})).await;
    let file = format!("vrm,grade,action,reason\n{mark},1,stop,wanted\n{searched}{searched},1,stop,wanted\n");
    let load = admin
        .request(reqwest::Method::POST, "/api/hotlists/stolen/load")
        .header("content-type", "text/csv");
    let (status, body) = crate::harness::answer(load.body(file)).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{body}");
    admin
        .post("/api/hotlists/stolen/withdraw", json!({"vrm": mark}))
        .await;
    let mut live = admin.listen(Some(0), None).await;
    live.next_of("case").await;

    let logged = logged();
    assert!(logged.contains("signed in"), "the recorder records");
    let rows = room.store.audit_rows(None, 1_000).await.unwrap();
    let rows = serde_json::to_string(&rows).unwrap();
    for plate in [mark, searched] {
        assert!(!logged.contains(plate), "a log line holds a plate");
        assert!(!rows.contains(plate), "an audit row holds a plate");
    }
}
