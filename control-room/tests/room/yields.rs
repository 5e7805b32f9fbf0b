//! What came of lists, and looking them through.

use domain::{SignedDuration, Timestamp};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::harness::{Browser, Room, answer};

const FILE: &str = "vrm,grade,action,reason\nQX07PLT,4,intelligence,no insurance\nQX08PLT,1,stop,stolen\n";

async fn load(browser: &Browser<'_>, file: &str) {
    let request = browser.request(Method::POST, "/api/hotlists/stolen/load");
    let (status, loaded) = answer(request.header("content-type", "text/csv").body(file.to_owned())).await;
    assert_eq!(status, StatusCode::OK, "{loaded}");
}

async fn of_stolen(browser: &Browser<'_>) -> Value {
    let (status, yields) = browser.get("/api/yield").await;
    assert_eq!(status, StatusCode::OK, "{yields}");
    let lists = yields["lists"].as_array().unwrap();
    lists
        .iter()
        .find(|list| list["list"] == "stolen")
        .unwrap()
        .clone()
}

#[tokio::test]
async fn a_list_with_many_hits_and_no_result_is_named_until_it_is_reviewed() {
    let room = Room::open().await;
    let intelligence = room.sign_in("intelligence").await;
    load(&intelligence, FILE).await;
    let first = of_stolen(&intelligence).await;
    assert_eq!(
        (&first["came"]["hits"], &first["reviewed"]),
        (&json!(0), &json!(null))
    );
    let now = Timestamp::now();
    for minute in 0..100 {
        let at = now - SignedDuration::from_mins(minute);
        assert!(room.hit_at("QX07PLT", 4, at).await.is_none(), "it opens no case");
    }
    let named = of_stolen(&intelligence).await;
    assert_eq!(
        (&named["came"]["hits"], &named["results"], &named["fruitless"]),
        (&json!(100), &json!(0), &json!(true))
    );
    let path = "/api/hotlists/stolen/review";
    let (status, reviewed) = intelligence.post(path, json!({"why": "the feed is right"})).await;
    assert_eq!(
        (status, &reviewed["entries"]),
        (StatusCode::OK, &json!(null)),
        "{reviewed}"
    );
    let quiet = of_stolen(&intelligence).await;
    assert_eq!(
        (&quiet["fruitless"], &quiet["reviewed"]["by"]),
        (&json!(false), &json!("intelligence"))
    );
    // A span of other hours has nothing.
    let (_, before) = intelligence
        .get("/api/yield?from=2007-01-01T00:00:00Z&to=2007-02-01T00:00:00Z")
        .await;
    assert_eq!(before["lists"][0]["came"]["hits"], 0);
}

#[tokio::test]
async fn a_review_names_what_is_wrong_with_it_and_stands_in_the_entrys_history() {
    let room = Room::open().await;
    let intelligence = room.sign_in("intelligence").await;
    load(&intelligence, FILE).await;
    let path = "/api/hotlists/stolen/review";
    let id = "0".repeat(32);
    for (body, status, field) in [
        (json!({"why": " "}), StatusCode::UNPROCESSABLE_ENTITY, "why"),
        (
            json!({"why": "x", "vrm": "QX07PLT", "entry_id": id}),
            StatusCode::BAD_REQUEST,
            "vrm",
        ),
        (json!({"why": "x", "vrm": "A_B"}), StatusCode::BAD_REQUEST, "vrm"),
        (
            json!({"why": "x", "entry_id": "x"}),
            StatusCode::BAD_REQUEST,
            "entry_id",
        ),
    ] {
        let (found, refused) = intelligence.post(path, body).await;
        assert_eq!(
            (found, &refused["error"]["field"]),
            (status, &json!(field)),
            "{refused}"
        );
    }
    let (status, _) = intelligence
        .post(path, json!({"why": "x", "vrm": "ZZ99ZZZ"}))
        .await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    let supervisor = room.sign_in("supervisor").await;
    assert_eq!(
        supervisor.post(path, json!({"why": "x"})).await.0,
        StatusCode::FORBIDDEN
    );
    let (status, one) = intelligence
        .post(path, json!({"why": "checked", "vrm": "QX08 PLT"}))
        .await;
    assert_eq!((status, &one["entries"]), (StatusCode::OK, &json!(1)));
    let (_, entries) = intelligence.get("/api/hotlists/stolen/entries").await;
    let entry = entries["entries"][1]["entry_id"].as_str().unwrap().to_owned();
    let (_, history) = intelligence
        .get(&format!("/api/hotlists/stolen/entries/{entry}/history"))
        .await;
    assert_eq!(history["reviews"][0]["why"], "checked", "{history}");
    let audited = room.audited().await;
    assert!(audited.contains(&("hotlist_reviewed".to_owned(), "stolen".to_owned())));
}

#[tokio::test]
async fn what_came_of_an_entry_stays_when_the_entry_goes() {
    let room = Room::open().await;
    let intelligence = room.sign_in("intelligence").await;
    let hit = room.hit("QX08PLT", 1).await;
    let id = hit.case.entry.entry_id;
    let list = hit.case.entry.list;
    let (status, entries) = intelligence.get(&format!("/api/hotlists/{list}/yield")).await;
    assert_eq!(status, StatusCode::OK);
    let most = &entries["entries"][0];
    assert_eq!(
        (&most["entry_id"], &most["came"]["hits"], &most["entry"]),
        (&json!(id), &json!(1), &json!(null)),
        "{entries}"
    );
    let path = format!("/api/hotlists/{list}/entries/{id}/yield");
    let (status, one) = intelligence.get(&path).await;
    assert_eq!((status, &one["came"]["hits"]), (StatusCode::OK, &json!(1)));
    let nothing = "0".repeat(32);
    let (status, _) = intelligence
        .get(&format!("/api/hotlists/{list}/entries/{nothing}/yield"))
        .await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    let (status, far) = intelligence
        .get(&format!("/api/hotlists/{list}/yield?skip=100001"))
        .await;
    assert_eq!(
        (status, &far["error"]["field"]),
        (StatusCode::BAD_REQUEST, &json!("skip"))
    );
}
