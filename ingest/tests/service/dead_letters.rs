//! Administrators see dead letters and read them again; nobody else does, and each look is on record.

use domain::{CameraId, Timestamp};
use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::world::{OPERATOR, TOKEN, World, answer};

const BAD: &str = r#"{"camera":"new-camera","plate":"AB12CDE","captured_at":"2026-07-01T12:00:00Z"}"#;

#[tokio::test]
async fn a_dead_letter_is_listed_shown_and_replayed_once_its_cause_is_gone() {
    let world = World::start().await;
    assert_eq!(world.post_json("/v1/reads", "{").await.0, StatusCode::BAD_REQUEST);
    assert_eq!(
        world.post_json("/v1/reads", BAD).await.0,
        StatusCode::UNPROCESSABLE_ENTITY
    );
    let ask =
        async |method: Method, path: &str| answer(world.admin(method, path).send().await.unwrap()).await;

    let (status, list) = ask(Method::GET, "/dlq?limit=1").await;
    assert_eq!(status, StatusCode::OK, "{list}");
    let letters = list["dead_letters"].as_array().unwrap();
    assert_eq!(
        (letters.len(), &letters[0]["field"], &letters[0]["offset"]),
        (1, &json!("camera"), &json!(1))
    );
    assert!(letters[0].get("body_base64").is_none() && !list.to_string().contains("AB12"));
    assert_eq!(
        ask(Method::GET, "/dlq").await.1["dead_letters"]
            .as_array()
            .map(Vec::len),
        Some(2)
    );

    let (status, letter) = ask(Method::GET, "/dlq/0/1").await;
    assert_eq!((status, &letter["format"]), (StatusCode::OK, &json!("reads")));
    assert!(letter["body_base64"].is_string());

    let (status, again) = ask(Method::POST, "/dlq/0/1/replay").await;
    assert_eq!(
        (status, &again["error"]["field"]),
        (StatusCode::UNPROCESSABLE_ENTITY, &json!("camera"))
    );
    let mut source = world.store.sources().await.unwrap().remove(0);
    source
        .cameras
        .insert("new-camera".into(), CameraId::parse("C1").unwrap());
    world
        .store
        .put_source(&source, "test", Timestamp::now())
        .await
        .unwrap();
    tokio::time::sleep(std::time::Duration::from_millis(3_500)).await;
    let (status, accepted) = ask(Method::POST, "/dlq/0/1/replay").await;
    assert_eq!(status, StatusCode::OK, "{accepted}");
    assert_eq!(accepted["accepted"], json!([world.reads().await[0].read_id]));
    assert_eq!(world.dead_letters().await.len(), 2, "a replay buries nothing");

    let rows = world.store.audit_rows(None, 100).await.unwrap();
    let actions: Vec<_> = rows
        .iter()
        .filter(|row| row.actor == "ada")
        .map(|row| row.action.as_str())
        .collect();
    let expected = [
        "dead_letter_replayed",
        "dead_letter_replayed",
        "dead_letter_viewed",
        "dead_letters_listed",
        "dead_letters_listed",
    ];
    assert_eq!(actions, expected);
    world.stop().await;
}

#[tokio::test]
async fn dead_letters_are_for_administrators() {
    let world = World::start().await;
    for (token, expected) in [("", 401), ("wrong", 401), (TOKEN, 401), (OPERATOR, 403)] {
        for (method, path) in [
            (Method::GET, "/dlq"),
            (Method::GET, "/dlq/0/0"),
            (Method::POST, "/dlq/0/0/replay"),
            (Method::GET, "/dlq/a/b"),
        ] {
            let request = world
                .client
                .request(method, format!("{}{path}", world.address))
                .bearer_auth(token);
            assert_eq!(
                request.send().await.unwrap().status().as_u16(),
                expected,
                "{path} {token}"
            );
        }
    }
    for (path, expected) in [
        ("/dlq/0/0", 404),
        ("/dlq/9/0", 404),
        ("/dlq/a/b", 404),
        ("/dlq?limit=all", 422),
        ("/dlq", 200),
    ] {
        let response = world.admin(Method::GET, path).send().await.unwrap();
        assert_eq!(response.status().as_u16(), expected, "{path}");
    }
    world.stop().await;
}
