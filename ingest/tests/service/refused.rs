//! What cannot be read is refused with its field, kept as a dead letter, and harms no neighbour.

use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use domain::{CameraId, SourceName, Timestamp};
use reqwest::StatusCode;
use serde_json::{Value, json};
use store::sources::Source;

use crate::world::{OPERATOR, World, answer, hash};

struct Bad {
    path: &'static str,
    content_type: &'static str,
    body: Vec<u8>,
    status: u16,
    field: Value,
    says: &'static str,
}

fn bad(path: &'static str, body: impl AsRef<[u8]>, status: u16, field: &str, says: &'static str) -> Bad {
    let field = if field.is_empty() {
        Value::Null
    } else {
        field.into()
    };
    let (content_type, body) = ("application/json", body.as_ref().to_vec());
    Bad {
        path,
        content_type,
        body,
        status,
        field,
        says,
    }
}

async fn check(world: &World, case: Bad) {
    let before = world.dead_letters().await.len();
    let request = world.post(case.path, case.content_type, case.body.clone());
    let (status, body) = answer(request.send().await.unwrap()).await;
    let shown = String::from_utf8_lossy(&case.body[..case.body.len().min(200)]).into_owned();
    assert_eq!(status.as_u16(), case.status, "{shown}: {body}");
    assert_eq!(body["error"]["field"], case.field, "{shown}: {body}");
    let message = body["error"]["message"].as_str().unwrap();
    assert!(message.contains(case.says), "{shown}: {message}");
    let letters = world.dead_letters().await;
    assert_eq!(letters.len(), before + 1, "{shown}: no dead letter");
    let letter = &letters[before];
    assert_eq!(
        BASE64_STANDARD.decode(&letter.body_base64).unwrap(),
        case.body,
        "{shown}"
    );
    assert_eq!(
        (letter.source.as_str(), letter.reason.as_str()),
        ("ring", message)
    );
    assert!(case.path.ends_with(&letter.format));
}

fn read_with(field: &str, value: Value) -> String {
    let mut read = json!({"camera": "C1", "plate": "AB12CDE", "captured_at": "2026-07-01T12:00:00Z"});
    read[field] = value;
    read.to_string()
}

/// Our own JSON that nobody can read.
fn bad_reads() -> Vec<Bad> {
    let next_year = (Timestamp::now() + Duration::from_secs(365 * 24 * 60 * 60)).to_string();
    let utf16: Vec<u8> = read_with("plate", "X1".into())
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    let whole = |body: Vec<u8>, says| bad("/v1/reads", body, 400, "", says);
    let field = |field: &str, value: Value, says| bad("/v1/reads", read_with(field, value), 422, field, says);
    vec![
        whole("{\"camera\":\n".into(), "line 2"),
        whole(Vec::new(), "JSON"),
        whole(utf16, "UTF-16"),
        field("plate", "".into(), "empty"),
        field("plate", "unknown".into(), "placeholder"),
        field("plate", "A".repeat(40).into(), "40"),
        field("plate", "AB/12".into(), "character 3"),
        field("captured_at", "1970-01-01T00:00:00Z".into(), "clock"),
        field("captured_at", next_year.into(), "clock"),
        field("captured_at", "noon".into(), "2026-11-01T12:00:00"),
        field(
            "camera",
            "C99".into(),
            "steelring source add ring --camera \"C99=CAMERA\"",
        ),
        field("confidence", json!(1.5), "0 to 1"),
        field("plate_image", "bm8gaW1hZ2U=".into(), "JPEG"),
        bad(
            "/v1/reads",
            format!("[{}0]", "0,".repeat(1_000)),
            422,
            "",
            "1001 reads",
        ),
    ]
}

/// Messages of the other formats that nobody can read.
fn bad_messages() -> Vec<Bad> {
    let no_plate =
        r#"{"data":{"camera_id":"camera-1","timestamp":"2026-07-19T11:17:19Z","results":[{"plate":""}]}}"#;
    let no_camera = "s|u|AB12CDE|7|3||2026-07-19T11:17:19";
    vec![
        bad("/v1/images", "no image", 422, "image", "JPEG"),
        bad("/bof/sendCompactCapture", no_camera, 422, "camera", "missing"),
        bad(
            "/bof/sendCompoundCapture",
            "x\n".repeat(51),
            422,
            "",
            "51 captures",
        ),
        bad(
            "/vendors/hikvision",
            "<EventNotificationAlert>\n<ANPR>",
            400,
            "",
            "line 2",
        ),
        bad(
            "/vendors/hikvision",
            "<other/>",
            422,
            "eventType",
            "EventNotificationAlert",
        ),
        bad("/vendors/platerecognizer", no_plate, 422, "plate", "empty"),
        bad(
            "/vendors/axis",
            r#"{"carState":"parked"}"#,
            422,
            "carState",
            "new, update or lost",
        ),
        Bad {
            content_type: "multipart/form-data",
            ..bad("/vendors/hikvision", "--x", 415, "", "boundary")
        },
    ]
}

#[tokio::test]
async fn bad_input_is_named_and_kept() {
    let world = World::start().await;
    for case in bad_reads().into_iter().chain(bad_messages()) {
        check(&world, case).await;
    }
    assert!(world.reads().await.is_empty());
    world.stop().await;
}

#[tokio::test]
async fn a_bad_read_in_a_batch_loses_no_neighbour() {
    let world = World::start().await;
    let good = read_with("plate", "AB12CDE".into());
    let bad = read_with("plate", "unknown".into());
    let (status, body) = world
        .post_json("/v1/reads", &format!("[{good}, {bad}, 7, {good}]"))
        .await;
    assert_eq!(status, StatusCode::MULTI_STATUS);
    assert_eq!(body["accepted"].as_array().map(Vec::len), Some(2));
    let results = body["results"].as_array().unwrap();
    assert!(results[0]["read_id"].is_string() && results[3]["read_id"].is_string());
    assert_eq!(results[1]["error"]["field"], "plate");
    assert_eq!(results[2]["error"]["code"], "bad_syntax");
    assert_eq!(world.reads().await.len(), 2);
    let bodies: Vec<_> = world
        .dead_letters()
        .await
        .iter()
        .map(|letter| BASE64_STANDARD.decode(&letter.body_base64).unwrap())
        .collect();
    assert_eq!(bodies, [bad.as_bytes(), b"7"]);
    let (status, body) = world.post_json("/v1/reads", &format!("[{bad}, {bad}]")).await;
    assert_eq!(
        (status, &body["error"]["field"]),
        (StatusCode::UNPROCESSABLE_ENTITY, &json!("plate"))
    );
    world.stop().await;
}

#[tokio::test]
async fn strangers_get_nothing_and_leave_nothing() {
    let world = World::start().await;
    let now = Timestamp::now();
    let disabled = Source {
        name: SourceName::parse("old").unwrap(),
        token: hash("old-secret"),
        cameras: [("x".to_owned(), CameraId::parse("C1").unwrap())].into(),
        disabled: true,
    };
    world.store.put_source(&disabled, "test", now).await.unwrap();
    for (path, token, code) in [
        ("/v1/reads", None, "no_token"),
        ("/v1/reads", Some("wrong"), "unknown_token"),
        ("/v1/reads", Some("old-secret"), "source_disabled"),
        ("/v1/reads", Some(OPERATOR), "unknown_token"),
        ("/nowhere", None, "no_token"),
        ("/v1/images", None, "no_token"),
    ] {
        let mut request = world
            .client
            .post(format!("{}{path}", world.address))
            .body("not json");
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        let response = request.send().await.unwrap();
        assert!(response.headers().contains_key("www-authenticate"));
        let (status, body) = answer(response).await;
        assert_eq!(
            (status, &body["error"]["code"]),
            (StatusCode::UNAUTHORIZED, &json!(code)),
            "{path} {token:?}"
        );
    }
    assert!(world.dead_letters().await.is_empty());
    world.stop().await;
}

#[tokio::test]
async fn a_new_source_may_post_at_once() {
    let world = World::start().await;
    assert_eq!(world.post_json("/v1/reads", "[]").await.0, StatusCode::OK);
    let new = Source {
        name: SourceName::parse("new").unwrap(),
        token: hash("new-secret"),
        cameras: [].into(),
        disabled: false,
    };
    world
        .store
        .put_source(&new, "test", Timestamp::now())
        .await
        .unwrap();
    let request = world
        .client
        .post(format!("{}/v1/reads", world.address))
        .bearer_auth("new-secret");
    let response = request
        .body(read_with("plate", "AB12CDE".into()))
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    world.stop().await;
}

#[tokio::test]
async fn what_is_not_read_at_all_gets_a_clear_answer() {
    let world = World::start().await;
    let (status, body) = world.post_json("/vendors/acme", "{}").await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    let known = body["known"].as_array().unwrap();
    assert!(known.contains(&json!("POST /vendors/hikvision")) && known.contains(&json!("POST /v1/reads")));

    let get = world
        .client
        .get(format!("{}/v1/reads", world.address))
        .bearer_auth(crate::world::TOKEN);
    assert_eq!(get.send().await.unwrap().status(), StatusCode::METHOD_NOT_ALLOWED);

    let ten_megabytes = vec![b' '; 10 * 1024 * 1024];
    let (status, body) = answer(
        world
            .post("/v1/reads", "application/json", ten_megabytes.clone())
            .send()
            .await
            .unwrap(),
    )
    .await;
    assert_eq!(
        (status, &body["error"]["code"]),
        (StatusCode::PAYLOAD_TOO_LARGE, &json!("too_large"))
    );
    let unannounced = futures::stream::iter(
        ten_megabytes
            .chunks(64 * 1024)
            .map(|chunk| Ok::<_, std::io::Error>(chunk.to_vec()))
            .collect::<Vec<_>>(),
    );
    let request = world.post(
        "/v1/reads",
        "application/json",
        reqwest::Body::wrap_stream(unannounced),
    );
    assert_eq!(
        request.send().await.unwrap().status(),
        StatusCode::PAYLOAD_TOO_LARGE
    );

    let zipped = world
        .post("/v1/reads", "application/json", "x")
        .header("content-encoding", "gzip");
    assert_eq!(
        zipped.send().await.unwrap().status(),
        StatusCode::UNSUPPORTED_MEDIA_TYPE
    );
    assert!(world.dead_letters().await.is_empty());
    world.stop().await;
}
