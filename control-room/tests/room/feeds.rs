//! Feeds of lists over HTTP.

use control_room::secrets;
use domain::{FeedName, Timestamp};
use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::harness::{FEED, Room, answer};

#[tokio::test]
async fn a_file_is_put_into_the_folder_by_the_feeds_own_token_alone() {
    let room = Room::open().await;
    let now = Timestamp::now();
    let mut tokens = Vec::new();
    for name in [FEED, "other"] {
        let (token, hash) = secrets::new();
        let name = FeedName::parse(name).unwrap();
        room.store.set_feed_token(&name, hash, "test", now).await.unwrap();
        tokens.push(token);
    }
    let put = async |name: &str, token: &str, body: &str| {
        let request = room.request(Method::PUT, &format!("/api/feeds/{name}"));
        answer(request.bearer_auth(token).body(body.to_owned())).await
    };
    let file = "vrm,reason\nAB12CDE,x\n";
    let (status, received) = put(FEED, &tokens[0], file).await;
    assert_eq!(status, StatusCode::OK, "{received}");
    let kept = room.feed_folder().join(received["file"].as_str().unwrap());
    assert_eq!(std::fs::read_to_string(kept).unwrap(), file);

    let user = room.token("admin").await;
    for (name, token, expected) in [
        (FEED, tokens[1].as_str(), StatusCode::FORBIDDEN),
        ("other", tokens[1].as_str(), StatusCode::NOT_FOUND),
        (FEED, user.as_str(), StatusCode::UNAUTHORIZED),
        (FEED, "guessed", StatusCode::UNAUTHORIZED),
    ] {
        assert_eq!(put(name, token, file).await.0, expected, "{name}");
    }
    let (status, refused) = put(FEED, &tokens[0], "").await;
    assert_eq!(
        (status, &refused["error"]["field"]),
        (StatusCode::BAD_REQUEST, &json!("body"))
    );
    let waiting = intelligence::feeds::count_waiting(&room.feed_folder()).unwrap();
    assert_eq!(waiting, 1, "only the first is kept");
}

#[tokio::test]
async fn a_late_feed_says_since_when() {
    let room = Room::open().await;
    let browser = room.sign_in("intelligence").await;
    let (status, answer) = browser.get("/api/feeds").await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    let feed = &answer["feeds"][0];
    assert_eq!(
        (&feed["feed"], &feed["late_since"], &feed["last"]),
        (&json!(FEED), &json!(null), &json!(null))
    );
    let long_ago: Timestamp = "2020-01-01T00:00:00Z".parse().unwrap();
    room.store
        .know_feed(&FeedName::parse(FEED).unwrap(), long_ago)
        .await
        .unwrap();
    let (_, answer) = browser.get("/api/feeds").await;
    assert_eq!(
        answer["feeds"][0]["late_since"], "2020-01-02T00:00:00Z",
        "{answer}"
    );
}
