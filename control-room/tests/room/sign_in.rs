//! Who gets in, and what is remembered of it.

use domain::Timestamp;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::harness::{PASSWORD, Room, answer, user};

#[tokio::test]
async fn a_user_signs_in_is_known_and_signs_out() {
    let room = Room::open().await;
    let response = room.try_sign_in("operator", PASSWORD).await;
    let cookie = response.headers()["set-cookie"].to_str().unwrap().to_owned();
    for part in ["steelring_session=", "HttpOnly", "SameSite=Strict", "Path=/"] {
        assert!(cookie.contains(part), "{cookie}");
    }
    assert!(!cookie.contains("Secure"), "plain http, no proxy");

    let browser = room.sign_in("operator").await;
    let (status, who) = browser.get("/api/session").await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(
        who["user"],
        json!({"name": "operator", "role": "operator", "disabled": false})
    );
    assert_eq!(
        who["permissions"],
        json!([
            "view_cases",
            "act_on_cases",
            "report_observations",
            "view_hotlists"
        ])
    );
    assert_eq!(who["csrf"], browser.csrf);

    let response = browser
        .request(Method::DELETE, "/api/session")
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), StatusCode::NO_CONTENT);
    assert!(
        response.headers()["set-cookie"]
            .to_str()
            .unwrap()
            .contains("Max-Age=0")
    );
    assert_eq!(browser.get("/api/session").await.0, StatusCode::UNAUTHORIZED);
    assert_eq!(browser.get("/api/cases").await.0, StatusCode::UNAUTHORIZED);

    let audited = room.audited().await;
    let about_operator = |action: &str| (action.to_owned(), "operator".to_owned());
    assert!(audited.contains(&about_operator("sign_in")));
    assert_eq!(audited.last(), Some(&about_operator("sign_out")));
}

#[tokio::test]
async fn behind_https_the_cookie_is_for_https_alone() {
    let room = Room::open().await;
    let response = room
        .request(Method::POST, "/api/session")
        .header("x-forwarded-proto", "https")
        .json(&json!({"username": "operator", "password": PASSWORD}))
        .send()
        .await
        .unwrap();
    assert!(
        response.headers()["set-cookie"]
            .to_str()
            .unwrap()
            .contains("; Secure")
    );
}

#[tokio::test]
async fn nobody_learns_which_part_was_wrong() {
    let room = Room::open().await;
    room.store
        .set_disabled(&user("supervisor"), true, "test", Timestamp::now())
        .await
        .unwrap();
    let mut answers = Vec::new();
    for (name, password) in [
        ("operator", "wrong password"),
        ("nobody", PASSWORD),
        ("no such; name", PASSWORD),
        ("supervisor", PASSWORD),
    ] {
        let response = room.try_sign_in(name, password).await;
        assert!(!response.headers().contains_key("set-cookie"), "{name}");
        assert_eq!(response.status(), StatusCode::UNAUTHORIZED, "{name}");
        answers.push(response.text().await.unwrap());
    }
    answers.dedup();
    assert_eq!(answers.len(), 1, "{answers:?}");
    assert!(answers[0].contains("bad_credentials"));

    let subjects: Vec<_> = room
        .audited()
        .await
        .into_iter()
        .filter(|(action, _)| action == "sign_in_failed")
        .map(|(_, subject)| subject)
        .collect();
    assert_eq!(
        subjects,
        ["operator", "unknown user", "unknown user", "supervisor"]
    );
}

#[tokio::test]
async fn an_unknown_user_costs_the_time_of_a_wrong_password() {
    let room = Room::open().await;
    let time = async |name: &str| {
        let begun = std::time::Instant::now();
        room.try_sign_in(name, "wrong password").await;
        begun.elapsed().as_secs_f64()
    };
    // The stand-in hash is made at start; this waits for it.
    time("warm-up").await;
    let known = time("operator")
        .await
        .min(time("operator").await)
        .min(time("operator").await);
    let unknown = time("nobody")
        .await
        .min(time("nobody").await)
        .min(time("nobody").await);
    // Without the stand-in an unknown user is answered at least tenfold faster.
    assert!(
        unknown > known / 3.0 && known > unknown / 3.0,
        "known {known} s, unknown {unknown} s"
    );
}

#[tokio::test]
async fn after_ten_failures_even_the_right_password_waits_and_other_users_do_not() {
    let room = Room::open().await;
    for _ in 0..10 {
        let refused = room.try_sign_in("operator", "wrong password").await;
        assert_eq!(refused.status(), StatusCode::UNAUTHORIZED);
    }
    for _ in 0..2 {
        let response = room.try_sign_in("operator", PASSWORD).await;
        assert_eq!(response.status(), StatusCode::TOO_MANY_REQUESTS);
        let wait: i64 = response.headers()["retry-after"]
            .to_str()
            .unwrap()
            .parse()
            .unwrap();
        assert!((1..=301).contains(&wait), "{wait}");
        let body: Value = response.json().await.unwrap();
        assert_eq!(body["error"]["code"], "too_many_attempts");
    }
    room.sign_in("supervisor").await;
    let failures = room
        .audited()
        .await
        .iter()
        .filter(|(action, _)| action == "sign_in_failed")
        .count();
    assert_eq!(
        failures, 11,
        "ten failures, and one row that says that more now wait"
    );
}

#[tokio::test]
async fn a_changing_request_of_a_browser_needs_its_token_and_a_program_does_not() {
    let room = Room::open().await;
    let browser = room.sign_in("intelligence").await;
    let withdraw = || {
        room.request(Method::POST, "/api/hotlists/none/withdraw")
            .json(&json!({}))
    };
    for forged in [
        withdraw().header("cookie", &browser.cookie),
        withdraw()
            .header("cookie", &browser.cookie)
            .header("x-csrf-token", ""),
        withdraw()
            .header("cookie", &browser.cookie)
            .header("x-csrf-token", "guess"),
    ] {
        let (status, body) = answer(forged).await;
        assert_eq!(
            (status, &body["error"]["code"]),
            (StatusCode::FORBIDDEN, &json!("csrf"))
        );
    }
    // Let through to a list that is not there.
    assert_eq!(
        browser.post("/api/hotlists/none/withdraw", json!({})).await.0,
        StatusCode::NOT_FOUND
    );
    let program = withdraw().bearer_auth(room.token("intelligence").await);
    assert_eq!(answer(program).await.0, StatusCode::NOT_FOUND);
    let forger = withdraw().bearer_auth("made-up");
    assert_eq!(answer(forger).await.0, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn sign_in_takes_json_alone_and_names_what_is_wrong() {
    let room = Room::open().await;
    for (body, field) in [
        (r#"{"username":"a"}"#, "password"),
        (r#"{"username":5,"password":"x"}"#, "username"),
        (r#"{"username":" ","password":"x"}"#, "username"),
        (r#"{"username":"a","password":"x","role":"admin"}"#, "role"),
        ("not json", "body"),
    ] {
        let request = room
            .request(Method::POST, "/api/session")
            .header("content-type", "application/json")
            .body(body);
        let (status, answer) = answer(request).await;
        assert_eq!(
            (status, &answer["error"]["field"]),
            (StatusCode::BAD_REQUEST, &json!(field)),
            "{body}"
        );
    }
    let form = room
        .request(Method::POST, "/api/session")
        .header("content-type", "application/x-www-form-urlencoded")
        .body("username=operator");
    assert_eq!(answer(form).await.1["error"]["field"], "content-type");
    let endless = json!({"username": "operator", "password": "x".repeat(2_000)});
    assert_eq!(
        answer(room.request(Method::POST, "/api/session").json(&endless))
            .await
            .1["error"]["field"],
        "password"
    );
    let huge = json!({"username": "operator", "password": "x".repeat(100_000)});
    let (status, _) = answer(room.request(Method::POST, "/api/session").json(&huge)).await;
    assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE);
}
