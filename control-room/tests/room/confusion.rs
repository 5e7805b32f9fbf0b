//! What is learnt about misreads, and who may ask.

use domain::read::{PlateRead, RawRead};
use domain::{CameraId, SourceName, Timestamp};
use jiff::SignedDuration;
use matcher::confusion::{Table, file};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use stream::topic::Topic;
use stream::wire;

use crate::harness::{Browser, Room, answer, logged};

async fn learn(browser: &Browser<'_>, believed: &str) -> (StatusCode, Value) {
    let request = browser.request(Method::POST, "/api/confusion/learn");
    answer(
        request
            .header("content-type", "application/toml")
            .body(believed.to_owned()),
    )
    .await
}

fn read(mark: &str, camera: &str, minutes: i64) -> PlateRead {
    let at = Timestamp::now() + SignedDuration::from_mins(minutes);
    let raw = RawRead {
        plate: mark.to_owned(),
        captured_at: at,
        ..RawRead::default()
    };
    let source = SourceName::parse("test").unwrap();
    raw.check(CameraId::parse(camera).unwrap(), source, at).unwrap()
}

/// Puts reads of one vehicle on its way into the log: three right, one wrong.
async fn pass(room: &Room) {
    let reads = [
        read("AB07PLT", "M57-J2-N", -60),
        read("AB07PLT", "M57-J6-N", -50),
        read("AB07PIT", "M57-J2-N", -40),
        read("AB07PLT", "M57-J2-N", -35),
    ];
    let records = reads
        .iter()
        .map(|read| wire::read_record(read).unwrap())
        .collect();
    room.log.publish(Topic::Reads, records).await.unwrap();
}

#[tokio::test]
async fn a_table_is_learnt_from_verdicts_and_from_the_log() {
    let room = Room::open().await;
    pass(&room).await;
    let opened = room.hit("QX08PLT", 1).await;
    room.hit("QX09PLT", 1).await;
    let admin = room.sign_in("admin").await;
    let path = format!("/api/cases/{}/decide", opened.case.case_id);
    let confirm = json!({"version": opened.case.version, "command": "confirm"});
    assert_eq!(admin.post(&path, confirm).await.0, StatusCode::OK);

    let (status, answer) = learn(&admin, "").await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    assert_eq!(
        answer["operators"],
        json!({"right": 1, "wrong": 0}),
        "an open case is no verdict"
    );
    // The one at the second site has none but reads of the first site beside it.
    assert_eq!(answer["journeys"], json!({"right": 2, "wrong": 1}));
    assert_eq!((&answer["reads"], &answer["cameras"]), (&json!(4), &json!([])));
    let learnt = file::read(answer["table"].as_str().unwrap()).unwrap();
    assert!(learnt.all().read_as(b'L', b'I') > Table::default().read_as(b'L', b'I'));
    assert!(learnt.all().read_as(b'L', b'1') < Table::default().read_as(b'L', b'1'));

    let audited = room.audited().await;
    assert_eq!(audited.last().unwrap().0, "learn_confusion");
    assert!(!logged().contains("AB07P"), "no plate is logged");
}

#[tokio::test]
async fn what_is_believed_already_is_what_is_built_on() {
    let room = Room::open().await;
    let admin = room.sign_in("admin").await;
    let (_, answer) = learn(&admin, "").await;
    let default = answer["table"].as_str().unwrap();
    let believed = default.replacen("lost = 0.0015", "lost = 0.25", 1);
    let (status, answer) = learn(&admin, &believed).await;
    assert_eq!(status, StatusCode::OK);
    assert!(answer["table"].as_str().unwrap().contains("lost = 0.25"));
}

#[tokio::test]
async fn a_bad_table_is_refused_with_its_reason_and_a_role_that_may_not_learns_nothing() {
    let room = Room::open().await;
    let admin = room.sign_in("admin").await;
    let (status, answer) = learn(&admin, "version = 2").await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(answer["error"]["code"], "bad_table");
    assert!(answer["error"]["message"].as_str().unwrap().contains("version 2"));
    let large = "#".repeat(4 * 1024 * 1024 + 1);
    assert_eq!(learn(&admin, &large).await.0, StatusCode::PAYLOAD_TOO_LARGE);
    for role in ["operator", "supervisor", "intelligence"] {
        let browser = room.sign_in(role).await;
        assert_eq!(learn(&browser, "").await.0, StatusCode::FORBIDDEN, "{role}");
    }
}
