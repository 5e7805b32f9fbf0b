//! Lists for clients outside, over HTTP.

use std::collections::BTreeMap;

use domain::Timestamp;
use domain::hotlist::{Entry, Marker, Revision};
use domain::policy::ListPolicy;
use reqwest::header::{CONTENT_DISPOSITION, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::harness::{Room, answer, entry, user};

const LIST: &str = "/api/distribution/stolen";

/// Loads the list and puts its changes into the log, as the publisher would.
async fn load(room: &Room, entries: Vec<Entry>) {
    let list = entry("QX07AAA", 2).list;
    let now = Timestamp::now();
    room.store
        .replace_list(&list, entries, &user("intelligence"), now)
        .await
        .unwrap();
    publish(room).await;
}

async fn publish(room: &Room) {
    let (newest, _) = room.store.revision().await.unwrap();
    room.store.set_published(newest, Timestamp::now()).await.unwrap();
}

/// A room whose list `stolen` is distributed, with so many entries.
async fn room(entries: usize) -> (Room, String) {
    let room = Room::open().await;
    let supervisor = room.sign_in("supervisor").await;
    let policy = json!(ListPolicy {
        distributed: true,
        ..ListPolicy::default()
    });
    let (status, set) = supervisor.post("/api/hotlists/stolen/policy", policy).await;
    assert_eq!(status, StatusCode::OK, "{set}");
    if entries > 0 {
        let marks = (0..entries).map(|number| format!("QX{number:03}ABC"));
        load(&room, marks.map(|mark| entry(&mark, 2)).collect()).await;
    }
    let token = room.token("client").await;
    (room, token)
}

async fn get(room: &Room, token: &str, path: &str) -> (StatusCode, Value) {
    answer(room.request(Method::GET, path).bearer_auth(token)).await
}

#[tokio::test]
async fn a_client_pages_to_the_end_and_then_asks_for_what_changed() {
    let (room, token) = room(7).await;
    let (status, overview) = get(&room, &token, "/api/distribution").await;
    assert_eq!(status, StatusCode::OK, "{overview}");
    assert_eq!(
        (
            &overview["revision"],
            &overview["lists"][0]["list"],
            &overview["lists"][0]["entries"]
        ),
        (&json!(1), &json!("stolen"), &json!(7))
    );
    let mut held = BTreeMap::new();
    let mut after = String::new();
    loop {
        let path = format!("{LIST}?since=0&limit=3&after={after}");
        let (status, page) = get(&room, &token, &path).await;
        assert_eq!(status, StatusCode::OK, "{page}");
        for change in page["changes"].as_array().unwrap() {
            assert_eq!(change["change"], "put");
            held.insert(
                change["entry"]["entry_id"].clone().to_string(),
                change["entry"]["vrm"].clone(),
            );
        }
        match page["next"].as_str() {
            Some(next) => after = next.to_owned(),
            None => break assert_eq!(page["revision"], 1),
        }
    }
    assert_eq!(held.len(), 7);

    let mut next = vec![entry("QX900NEW", 1)];
    next.extend((1..7).map(|number| entry(&format!("QX{number:03}ABC"), 2)));
    load(&room, next).await;
    let (_, changed) = get(&room, &token, &format!("{LIST}?since=1")).await;
    assert_eq!(
        (&changed["revision"], &changed["next"]),
        (&json!(2), &json!(null)),
        "{changed}"
    );
    let changes = changed["changes"].as_array().unwrap();
    assert_eq!(changes.len(), 2, "{changed}");
    assert_eq!(
        (&changes[0]["change"], &changes[0]["vrm"], &changes[1]["change"]),
        (&json!("remove"), &json!("QX000ABC"), &json!("put"))
    );

    let browser = room.sign_in("intelligence").await;
    let (_, lists) = browser.get("/api/hotlists").await;
    let taking = &lists["lists"][0]["takings"][0];
    assert_eq!(
        (
            &lists["lists"][0]["distributed"],
            &taking["client"],
            &taking["revision"]
        ),
        (&json!(true), &json!("client"), &json!(2)),
        "{lists}"
    );
    let taken: Vec<_> = room
        .audited()
        .await
        .into_iter()
        .filter(|(action, _)| action == "list_taken")
        .collect();
    assert_eq!(taken.len(), 4, "three pages, and what changed: {taken:?}");
    assert!(!format!("{:?}", room.store.audit_rows(None, 100).await.unwrap()).contains("QX0"));
}

#[tokio::test]
async fn what_nobody_decided_to_distribute_and_what_is_asked_wrongly_is_refused() {
    let (room, token) = room(1).await;
    let error = async |path: &str| {
        let (status, answer) = get(&room, &token, path).await;
        (
            status.as_u16(),
            answer["error"]["code"].as_str().unwrap_or_default().to_owned(),
        )
    };
    let check = async |path: &str, status: u16, code: &str| {
        assert_eq!(error(path).await, (status, code.to_owned()), "{path}");
    };
    check("/api/distribution/other?since=0", 404, "not_found").await;
    check("/api/distribution/other/file", 404, "not_found").await;
    check("/api/distribution/nominals?since=0", 404, "not_found").await;
    check(LIST, 400, "bad_request").await;
    check(&format!("{LIST}?since=-1"), 400, "bad_request").await;
    check(&format!("{LIST}?since=0&after=soon"), 400, "bad_request").await;
    check(&format!("{LIST}?since=0&limit=5001"), 400, "bad_request").await;
    check(&format!("{LIST}?since=2"), 409, "ahead").await;
    check(&format!("{LIST}?since=1&after=0-99"), 409, "ahead").await;
    for path in [
        "/api/hotlists",
        "/api/hotlists/stolen/entries",
        "/api/cases",
        "/api/audit",
    ] {
        check(path, 403, "forbidden").await;
    }
    let supervisor = room.sign_in("supervisor").await;
    assert_eq!(supervisor.get(LIST).await.0, StatusCode::FORBIDDEN);
    let nominals = json!(ListPolicy {
        distributed: true,
        ..ListPolicy::default()
    });
    let (status, refused) = supervisor.post("/api/hotlists/nominals/policy", nominals).await;
    assert_eq!(
        (status, &refused["error"]["code"]),
        (StatusCode::CONFLICT, &json!("follows_nominals"))
    );

    let list = entry("QX07AAA", 2).list;
    let more = vec![entry("QX900NEW", 1)];
    room.store
        .replace_list(&list, more, &user("intelligence"), Timestamp::now())
        .await
        .unwrap();
    let waiting = room
        .request(Method::GET, &format!("{LIST}?since=1"))
        .bearer_auth(&token);
    let waiting = waiting.send().await.unwrap();
    assert_eq!(waiting.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(
        waiting.headers().contains_key("retry-after"),
        "it is on its way to the log"
    );
}

#[tokio::test]
async fn a_list_that_is_taken_as_a_file_loads_again_and_is_sent_once() {
    let (room, token) = room(0).await;
    let mut all: Vec<Entry> = (0..6_000)
        .map(|number| entry(&format!("QX{number:04}AB"), 2))
        .collect();
    for entry in &mut all {
        entry.information = "seen, twice; \"with a trailer\"".to_owned();
    }
    load(&room, all.clone()).await;
    let file = format!("{LIST}/file");
    let request = || room.request(Method::GET, &file).bearer_auth(&token);
    let response = request().send().await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    let headers = response.headers().clone();
    assert_eq!(headers[CONTENT_TYPE], "application/zip");
    assert_eq!(headers["x-revision"], "1");
    assert_eq!(
        headers[CONTENT_DISPOSITION],
        "attachment; filename=\"Test-Police_stolen.zip\""
    );
    let tag = headers[ETAG].clone();
    let bytes = response.bytes().await.unwrap();

    let again = request().header(IF_NONE_MATCH, tag.clone()).send().await.unwrap();
    assert_eq!(
        (again.status(), &again.headers()[ETAG]),
        (StatusCode::NOT_MODIFIED, &tag)
    );
    let takings = room.store.takings().await.unwrap();
    assert_eq!(takings[0].revision, Revision(1));

    let browser = room.sign_in("intelligence").await;
    let load = browser
        .request(Method::POST, "/api/hotlists/copy/load")
        .header(CONTENT_TYPE, "application/zip")
        .body(bytes);
    let (status, loaded) = answer(load).await;
    assert_eq!(
        (status, &loaded["change"]["added"]),
        (StatusCode::OK, &json!(6_000)),
        "{loaded}"
    );
    let copy = domain::ListName::parse("copy").unwrap();
    let copied = room.store.entries(&copy, None, 10_000).await.unwrap();
    let by_mark = |entries: Vec<Entry>| -> BTreeMap<String, Entry> {
        let plain = |entry: Entry| Entry {
            listed_at: Timestamp::UNIX_EPOCH,
            expires_at: None,
            ..entry
        };
        let entries = entries.into_iter().map(plain);
        entries.map(|entry| (entry.target.to_string(), entry)).collect()
    };
    let expected: Vec<Entry> = all.into_iter().map(|entry| entry.on(&copy)).collect();
    let expected: Vec<Entry> = expected
        .into_iter()
        .map(|entry| Entry {
            reason_code: domain::reason::ReasonCode::Stolen,
            ..entry
        })
        .collect();
    assert_eq!(by_mark(copied), by_mark(expected));
}

#[tokio::test]
async fn why_is_not_told_where_a_rule_restricts_it() {
    let (room, token) = room(0).await;
    let mut restricted = entry("QX07RSO", 2);
    restricted.markers = vec![Marker::RegisteredSexOffender, Marker::Violent];
    restricted.reason = "zz-reason".to_owned();
    let id = restricted.entry_id.to_string();
    load(&room, vec![restricted]).await;
    let (_, page) = get(&room, &token, &format!("{LIST}?since=0")).await;
    let given = &page["changes"][0]["entry"];
    assert_eq!(
        (&given["entry_id"], &given["list"], &given["markers"]),
        (&json!(id), &json!("stolen"), &json!(["violent"])),
        "{page}"
    );
    assert!(!page.to_string().contains("zz-reason"), "{page}");
}
