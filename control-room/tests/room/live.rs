//! The live push over real connections.

use std::time::{Duration, Instant};

use domain::hotlist::Revision;
use domain::policy::ListPolicy;
use domain::unit::{UnitPosition, UnitState};
use domain::{BcuCode, CallSign, Position, Timestamp};
use jiff::SignedDuration;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::json;
use store::cases::Arrival;
use stream::embedded::EmbeddedLog;
use stream::topic::Topic;
use stream::wire::{self, MatcherStatus};

use crate::harness::{PATIENCE, Room, hit, memory, user};

fn mark(number: u64) -> String {
    format!("QX{number:05}")
}

#[tokio::test]
async fn a_browser_that_comes_and_goes_gets_every_event_once_and_in_order() {
    // Half were there before the service started: those are in the store alone.
    const BEFORE: u64 = 250;
    const EVENTS: u64 = 500;
    let seed = 20_071_101;
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let store = memory().await;
    let before: Vec<_> = (0..BEFORE)
        .map(|number| Arrival {
            hit: hit(&mark(number), 1, Timestamp::now()),
            bcu: None,
            trace: None,
        })
        .collect();
    store
        .apply_hits(&before, &[], &ListPolicy::default(), Timestamp::now())
        .await
        .unwrap();
    let room = Room::open_with(store, std::sync::Arc::new(EmbeddedLog::in_memory())).await;
    let browser = room.sign_in("operator").await;
    let writer = |third: u64| {
        let room = &room;
        async move {
            for number in (BEFORE..EVENTS).filter(|number| number % 3 == third) {
                room.hit(&mark(number), 1).await;
            }
        }
    };
    let reader = async {
        let mut seen: Vec<u64> = Vec::new();
        while (seen.len() as u64) < EVENTS {
            // Now by header, now by parameter, as a browser's first and later connections do.
            let last = seen.last().copied().unwrap_or(0);
            let by_header = random.random_bool(0.5);
            let id = last.to_string();
            let mut live = browser
                .listen((!by_header).then_some(last), by_header.then_some(id.as_str()))
                .await;
            let stay = random.random_range(1..60);
            for _ in 0..stay {
                if (seen.len() as u64) == EVENTS {
                    break;
                }
                let sent = live.next_of("case").await.expect("the stream stays open");
                seen.push(sent.id.unwrap());
            }
        }
        seen
    };
    let (seen, (), (), ()) = tokio::join!(reader, writer(0), writer(1), writer(2));
    assert_eq!(seen, (1..=EVENTS).collect::<Vec<_>>(), "seed {seed}");
}

#[tokio::test]
async fn an_event_is_what_the_store_has_and_comes_at_once() {
    let room = Room::open().await;
    let browser = room.sign_in("operator").await;
    let mut live = browser.listen(None, None).await;
    live.next_of("beat").await;
    let mut fastest = Duration::MAX;
    for number in 1..=5 {
        let begun = Instant::now();
        let opened = room.hit(&mark(number), 1).await;
        let sent = live.next_of("case").await.unwrap();
        fastest = fastest.min(begun.elapsed());
        assert_eq!(sent.json(), serde_json::to_value(&opened).unwrap());
        assert_eq!(sent.id, Some(number));
    }
    // Polling alone would take up to 500 ms each, and a busy machine longer; the fastest of five tells them apart.
    assert!(
        fastest < Duration::from_millis(200),
        "{fastest:?}: woken, not polled"
    );
}

#[tokio::test]
async fn an_event_of_another_process_comes_within_a_second() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("store.db").display());
    let ours = store::Store::open(&url).await.unwrap();
    let theirs = store::Store::open(&url).await.unwrap();
    let log = std::sync::Arc::new(EmbeddedLog::in_memory());
    let room = Room::open_with(ours, log).await;
    let browser = room.sign_in("operator").await;
    let mut live = browser.listen(None, None).await;
    live.next_of("beat").await;
    let now = Timestamp::now();
    let arrival = Arrival {
        hit: hit("QX07PLT", 1, now),
        bcu: None,
        trace: None,
    };
    theirs
        .apply_hits(&[arrival], &[], &ListPolicy::default(), now)
        .await
        .unwrap();
    let begun = Instant::now();
    assert_eq!(live.next_of("case").await.unwrap().id, Some(1));
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn an_id_that_was_never_given_means_reload_and_what_follows_comes() {
    let room = Room::open().await;
    room.hit("QX07PLT", 1).await;
    let browser = room.sign_in("operator").await;
    for id in ["2", "99999999999999999999", "-1", "abc", ""] {
        let mut live = browser.listen(Some(1), Some(id)).await;
        let first = live.next().await.unwrap();
        assert_eq!(first.event, "reload", "{id:?}");
        assert_eq!(first.id, Some(1), "{id:?}");
    }
    let mut live = browser.listen(None, Some("abc")).await;
    live.next_of("reload").await;
    room.hit("QX08PLT", 1).await;
    assert_eq!(live.next_of("case").await.unwrap().id, Some(2));
}

#[tokio::test]
async fn hits_flash_and_units_show_once_a_second_and_beats_go_on() {
    let room = Room::open().await;
    let browser = room.sign_in("operator").await;
    let now = Timestamp::now();
    publish_unit(&room, "KN11", now, 53.4).await;
    publish_unit(&room, "KN12", now - SignedDuration::from_mins(5), 53.4).await;
    let mut live = browser.listen(None, None).await;
    let shown = live.next_of("units").await.unwrap().json();
    let mut units: Vec<_> = shown["units"].as_array().unwrap().clone();
    units.sort_by_key(|unit| unit["callsign"].to_string());
    assert_eq!(units.len(), 2, "{shown}");
    assert_eq!(
        (&units[0]["callsign"], &units[0]["stale"]),
        (&json!("KN11"), &json!(false))
    );
    assert_eq!(
        (&units[1]["callsign"], &units[1]["stale"]),
        (&json!("KN12"), &json!(true))
    );

    publish_unit(&room, "KN11", now + SignedDuration::from_secs(1), 53.5).await;
    let moved = live.next_of("units").await.unwrap().json();
    assert_eq!(
        moved["units"].as_array().unwrap().len(),
        1,
        "only what moved: {moved}"
    );
    assert_eq!(moved["units"][0]["lat"], 53.5);
    let all = browser.get("/api/units").await.1;
    assert_eq!(all["units"].as_array().unwrap().len(), 2);

    room.log
        .publish(
            Topic::Hits,
            vec![wire::hit_record(&hit("QX07PLT", 4, now)).unwrap()],
        )
        .await
        .unwrap();
    let flash = live.next_of("hit").await.unwrap();
    assert_eq!(flash.id, None);
    assert_eq!(
        flash.json(),
        json!({"camera": "M57-J2-N", "grade": 4, "at": json!(hit("QX07PLT", 4, now).read.captured_at)})
    );

    let beat = live.next_of("beat").await.unwrap().json();
    assert_eq!(beat["feeds"]["log"], "ok");
    assert_eq!(beat["lists_revision"], 0);
    let begun = Instant::now();
    live.next_of("beat").await.unwrap();
    assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());
}

async fn publish_unit(room: &Room, callsign: &str, at: Timestamp, lat: f64) {
    let position = UnitPosition {
        callsign: CallSign::parse(callsign).unwrap(),
        bcu: BcuCode::parse("KN").unwrap(),
        position: Position::new(lat, -2.8).unwrap(),
        heading: 90.0,
        speed_kmh: 40.0,
        state: UnitState::Available,
        deployment: None,
        crew: 2,
        skills: Vec::new(),
        at,
    };
    let record = wire::position_record(&position).unwrap();
    room.log
        .publish(Topic::UnitPositions, vec![record])
        .await
        .unwrap();
}

#[tokio::test]
async fn a_disabled_users_stream_ends() {
    let room = Room::open().await;
    let (operator, supervisor) = (room.sign_in("operator").await, room.sign_in("supervisor").await);
    let mut live = operator.listen(None, None).await;
    let mut other = supervisor.listen(None, None).await;
    live.next_of("beat").await;
    room.store
        .set_disabled(&user("operator"), true, "test", Timestamp::now())
        .await
        .unwrap();
    tokio::time::timeout(Duration::from_secs(12), live.ends())
        .await
        .expect("the stream ends");
    assert!(other.next_of("beat").await.is_some(), "the others go on");
}

#[tokio::test]
async fn a_session_that_was_signed_out_elsewhere_ends_its_stream() {
    let room = Room::open().await;
    let operator = room.sign_in("operator").await;
    let mut live = operator.listen(None, None).await;
    operator
        .request(reqwest::Method::DELETE, "/api/session")
        .send()
        .await
        .unwrap();
    tokio::time::timeout(Duration::from_secs(12), live.ends())
        .await
        .expect("the stream ends");
}

/// A matcher tells what it judges under, so many seconds ago.
async fn say(room: &Room, matcher: &str, revision: u64, age_s: i64) {
    let now = Timestamp::now();
    let status = MatcherStatus {
        matcher: matcher.to_owned(),
        revision: Revision(revision),
        without: None,
        entries: 0,
        applied_at: now,
        at: now - SignedDuration::from_secs(age_s),
    };
    let record = wire::status_record(&status).unwrap();
    room.log
        .publish(Topic::MatcherStatus, vec![record])
        .await
        .unwrap();
}

#[tokio::test]
async fn a_list_is_live_when_every_running_matcher_has_it_and_one_that_lags_is_named() {
    let room = Room::open_with(memory().await, std::sync::Arc::new(EmbeddedLog::in_memory())).await;
    say(&room, "fast", 1, 0).await;
    say(&room, "slow", 0, 0).await;
    say(&room, "gone", 0, 60).await;
    let list = domain::ListName::parse("stolen").unwrap();
    let entries = vec![crate::harness::entry("QX07PLT", 1)];
    let by = crate::harness::user("intelligence");
    let now = Timestamp::now();
    room.store.replace_list(&list, entries, &by, now).await.unwrap();
    room.store.set_published(Revision(1), now).await.unwrap();
    let browser = room.sign_in("intelligence").await;
    let begun = Instant::now();
    let until = async |live: bool, lagging: serde_json::Value| loop {
        let (_, lists) = browser.get("/api/hotlists").await;
        let shown = &lists["lists"][0];
        if (&shown["live"], &shown["lagging"]) == (&json!(live), &lagging) {
            return;
        }
        assert!(begun.elapsed() < PATIENCE, "{lists}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    until(false, json!(["slow"])).await;
    say(&room, "slow", 1, 0).await;
    say(&room, "fast", 1, 0).await;
    until(true, json!([])).await;
}

#[tokio::test]
async fn matchers_are_shown_with_the_revision_they_applied() {
    let room = Room::open_with(memory().await, std::sync::Arc::new(EmbeddedLog::in_memory())).await;
    say(&room, "m1", 0, 0).await;
    say(&room, "m2", 0, 60).await;
    let browser = room.sign_in("intelligence").await;
    let begun = Instant::now();
    let matchers = loop {
        let (_, lists) = browser.get("/api/hotlists").await;
        let matchers = lists["matchers"].as_array().unwrap().clone();
        if matchers.len() == 2 {
            break matchers;
        }
        assert!(begun.elapsed() < PATIENCE, "{lists}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    let shown: Vec<_> = matchers
        .iter()
        .map(|m| (&m["matcher"], &m["running"], &m["current"]))
        .collect();
    assert_eq!(shown[0], (&json!("m1"), &json!(true), &json!(true)));
    assert_eq!(shown[1], (&json!("m2"), &json!(false), &json!(true)));
}

#[tokio::test]
async fn on_shutdown_streams_end_at_once_and_the_service_within_its_time() {
    let mut room = Room::open().await;
    {
        let browser = room.sign_in("operator").await;
        let mut live = browser.listen(None, None).await;
        live.next_of("beat").await;
        room.shutdown.cancel();
        tokio::time::timeout(Duration::from_secs(2), live.ends())
            .await
            .expect("the stream ends");
    }
    let ended = tokio::time::timeout(Duration::from_secs(5), &mut room.task).await;
    ended.expect("in time").unwrap().unwrap();
}
