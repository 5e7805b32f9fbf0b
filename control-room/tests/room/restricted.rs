//! Where a rule restricts why, no route and no push tells it but the one that asks what for.

use std::sync::Arc;

use domain::case::{Ask, AskedFor, CaseEvent, Command, Effects, EventKind, RuleEffect, Trigger};
use domain::hotlist::{Entry, Marker};
use domain::policy::ListPolicy;
use domain::{CallSign, EntryId, ListName, SignedDuration, Timestamp};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use store::cases::Arrival;
use store::rules::Holding;
use stream::embedded::EmbeddedLog;

use crate::harness::{Browser, Room, answer, entry, hit, memory, user};

/// Each is in a field that tells why, or names a rule or desk that does.
const SECRETS: [&str; 9] = [
    "zz-reason",
    "zz-information",
    "zz-owner",
    "zz-reference",
    "zz-list",
    "zz-rule",
    "zz-desk",
    "zz-follow-up",
    "registered_sex_offender",
];

const RULES: &str = r#"
[[rule]]
name = "zz-rule: who may see why"
when = '"RSO" in entry.markers'
restrict = "ask the supervisor"
[[rule.test]]
name = "yes"
given = { entry = { markers = ["RSO"] } }
expect = true
[[rule.test]]
name = "no"
expect = false
"#;

fn secret_entry(mark: &str) -> Entry {
    let list = ListName::parse("zz-list").unwrap();
    let plain = entry(mark, 2);
    Entry {
        entry_id: EntryId::of_entry(&list, plain.target, "zz-reference"),
        list,
        markers: vec![Marker::RegisteredSexOffender, Marker::Violent],
        reason: "zz-reason".to_owned(),
        information: "zz-information".to_owned(),
        owner: "zz-owner".to_owned(),
        reference: "zz-reference".to_owned(),
        ..plain
    }
}

/// A room with a restricted case, its entry on a list, a deployment, a question, a call and a follow-up; and the ids.
struct Restricted {
    room: Room,
    case: String,
    deployment: String,
    entry: String,
}

async fn restricted() -> Restricted {
    let room = Room::open_with(memory().await, Arc::new(EmbeddedLog::in_memory())).await;
    let store = &room.store;
    let now = Timestamp::now();
    store
        .load_rules(RULES, "hash", &user("intelligence"), now)
        .await
        .unwrap();
    let listed = secret_entry("QX07RSO");
    store
        .replace_list(&listed.list, vec![listed.clone()], &user("intelligence"), now)
        .await
        .unwrap();
    let mut hit = hit("QX07RSO", 2, now);
    hit.entry = listed.clone();
    let arrival = Arrival {
        hit,
        bcu: None,
        trace: None,
    };
    let opened = store
        .apply_hits(&[arrival], &[], &ListPolicy::default(), now)
        .await
        .unwrap()
        .events
        .remove(0);
    let ruled = rule(&room, &opened).await;
    let by = user("operator");
    let confirmed = store
        .decide(opened.case.case_id, &Command::Confirm, 0, &by, now)
        .await
        .unwrap();
    assert_eq!(confirmed.case.ruled, ruled.case.ruled);
    let deploy = Command::Deploy {
        callsign: CallSign::parse("KN11").unwrap(),
    };
    let deployed = store
        .decide(opened.case.case_id, &deploy, 1, &by, now)
        .await
        .unwrap();
    Restricted {
        case: opened.case.case_id.to_string(),
        deployment: deployed.deployments[0].deployment_id.to_string(),
        entry: listed.entry_id.to_string(),
        room,
    }
}

/// What the dispatcher does where a rule holds.
async fn rule(room: &Room, event: &CaseEvent) -> CaseEvent {
    let cause = room.store.last_event().await.unwrap();
    let held = Holding {
        cause,
        case: event.case.clone(),
        effect: RuleEffect {
            rule: "zz-rule: everything".to_owned(),
            version: 1,
            trigger: Trigger::Sighting,
            effects: Effects {
                raise_grade: true,
                notify: vec!["zz-desk".to_owned()],
                ask: Some(Ask {
                    question: "Is a child visible?".to_owned(),
                    answers: AskedFor::Child,
                }),
                instruct: Some("Stop with two units".to_owned()),
                follow_up: Some("zz-follow-up".to_owned()),
                ..Effects::default()
            },
        },
    };
    let now = Timestamp::now();
    let events = room.store.apply_rules(&[held], cause, now).await.unwrap();
    assert_eq!(events.len(), 5);
    events.last().unwrap().clone()
}

fn assert_tells_nothing(what: &str, body: &str, but: &[&str]) {
    for secret in SECRETS.iter().filter(|secret| !but.contains(secret)) {
        assert!(!body.contains(secret), "{what} tells {secret}: {body}");
    }
}

/// Every GET of the description that this user may use, with the ids filled in, but the two that are no answers in JSON.
async fn every_answer(browser: &Browser<'_>, ids: &Restricted) -> Vec<(String, String)> {
    let (_, document) = browser.get("/api/openapi.json").await;
    let mut answers = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        if item["get"].is_null() || ["/api/events", "/api/openapi.json"].contains(&path.as_str()) {
            continue;
        }
        let path = path
            .replace("{case_id}", &ids.case)
            .replace("{list}", "zz-list")
            .replace("{entry_id}", &ids.entry)
            .replace("{draft}", "1")
            .replace("{nominal}", "zz-nominal")
            .replace("{operation}", "none")
            .replace("{hash}", &"0".repeat(64));
        assert!(
            !path.contains('{'),
            "{path}: a parameter that this test does not know"
        );
        for asked in [
            path.clone(),
            format!("{path}?open=false"),
            format!("{path}?vrm=QX07RSO"),
        ] {
            let (status, body) = answer(browser.request(Method::GET, &asked)).await;
            if status == StatusCode::OK {
                answers.push((asked, body.to_string()));
            }
        }
    }
    answers
}

#[tokio::test]
async fn no_route_tells_an_operator_why() {
    let ids = restricted().await;
    let operator = ids.room.sign_in("operator").await;
    let answers = every_answer(&operator, &ids).await;
    let asked: Vec<&str> = answers.iter().map(|(path, _)| path.as_str()).collect();
    let case = format!("/api/cases/{}", ids.case);
    for wanted in [
        case.as_str(),
        "/api/cases",
        "/api/cases?open=false",
        "/api/cases?vrm=QX07RSO",
        "/api/hits",
        "/api/hotlists/zz-list/entries",
    ] {
        assert!(asked.contains(&wanted), "{wanted} was not looked at: {asked:?}");
    }
    for (path, body) in &answers {
        // Which lists and rules there are is no secret, only which vehicle is on one.
        let but: &[&str] = match path.split('?').next() {
            Some("/api/hotlists" | "/api/hotlists/zz-list/policy") => &["zz-list"],
            Some("/api/rules") => &["zz-rule"],
            _ => &[],
        };
        assert_tells_nothing(path, body, but);
    }
    let (_, body) = operator.get(&case).await;
    let shown = &body["case"];
    assert_eq!(shown["restricted"], "ask the supervisor");
    assert_eq!(shown["entry"]["reason"], "ask the supervisor");
    assert_eq!(shown["entry"]["markers"], json!(["violent"]), "warnings stay");
    assert_eq!(
        shown["entry"]["make"], "FORD",
        "what is compared with the image stays"
    );
    assert_eq!(shown["instructions"], json!(["Stop with two units"]));
    assert_eq!(shown["questions"][0]["question"], "Is a child visible?");
}

#[tokio::test]
async fn no_push_tells_why_from_the_first_event_on() {
    let ids = restricted().await;
    let newest = ids.room.store.last_event().await.unwrap();
    for name in ["operator", "supervisor", "intelligence", "admin"] {
        let mut live = ids.room.sign_in(name).await.listen(Some(0), None).await;
        for place in 1..=newest {
            let sent = live.next_of("case").await.unwrap();
            assert_eq!(sent.id, Some(place));
            assert_tells_nothing(&format!("event {place} to {name}"), &sent.data, &[]);
        }
    }
    // One that comes while somebody listens, from memory.
    let operator = ids.room.sign_in("operator").await;
    let mut live = operator.listen(Some(newest), None).await;
    let path = format!("/api/cases/{}/answer", ids.case);
    let asked = json!({"question": 1, "answer": "not seen"});
    let (status, body) = operator.post(&path, asked).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    assert_tells_nothing("an answer", &body.to_string(), &[]);
    let sent = live.next_of("case").await.unwrap();
    assert_eq!(sent.json()["kind"], "observed");
    assert_tells_nothing("an event", &sent.data, &[]);
}

#[tokio::test]
async fn no_answer_to_a_command_tells_why() {
    let ids = restricted().await;
    let operator = ids.room.sign_in("operator").await;
    let advance = format!("/api/deployments/{}/advance", ids.deployment);
    let decide = format!("/api/cases/{}/decide", ids.case);
    for (path, body) in [
        (&advance, json!({"to": "at_scene"})),
        (&decide, json!({"version": 0, "command": "confirm"})),
        (
            &decide,
            json!({"version": 2, "command": "close", "outcome": "observed", "note": ""}),
        ),
    ] {
        let (_, body) = operator.post(path, body).await;
        assert_tells_nothing(path, &body.to_string(), &[]);
    }
}

#[tokio::test]
async fn who_is_cleared_is_told_only_on_asking_with_a_code_and_leaves_a_row() {
    let ids = restricted().await;
    let supervisor = ids.room.sign_in("supervisor").await;
    for (path, body) in every_answer(&supervisor, &ids).await {
        let but: &[&str] = match path.as_str() {
            // Whose work the lists are sees them whole; whom to call and what to do is what these are for.
            path if path.starts_with("/api/hotlists") => &SECRETS,
            path if path.starts_with("/api/follow-ups") => &["zz-follow-up"],
            path if path.starts_with("/api/notifications") => &["zz-desk"],
            path if path.starts_with("/api/rules") => &["zz-rule"],
            path if path.starts_with("/api/audit") => &["zz-list"],
            // Which lists there are, who answers for them and what came of them is no secret: no vehicle is named.
            path if path.starts_with("/api/yield") || path.starts_with("/api/reviews") => {
                assert!(!body.contains("QX07RSO"), "{path}: {body}");
                &["zz-list", "zz-owner"]
            }
            _ => &[],
        };
        assert_tells_nothing(&path, &body, but);
    }
    let why = format!("/api/cases/{}/why", ids.case);
    for (name, code, expected) in [
        ("operator", json!("safeguarding"), StatusCode::FORBIDDEN),
        ("supervisor", json!("curiosity"), StatusCode::BAD_REQUEST),
        ("supervisor", Value::Null, StatusCode::BAD_REQUEST),
        ("supervisor", json!("safeguarding"), StatusCode::OK),
    ] {
        let browser = ids.room.sign_in(name).await;
        let (status, body) = browser.post(&why, json!({"code": code})).await;
        assert_eq!(status, expected, "{name} {code}: {body}");
        if status == StatusCode::OK {
            for secret in SECRETS.iter().filter(|secret| **secret != "zz-follow-up") {
                assert!(body.to_string().contains(secret), "{secret} is missing: {body}");
            }
        } else {
            assert_tells_nothing("a refusal", &body.to_string(), &[]);
        }
    }
    let rows = ids.room.store.audit_rows(None, 100).await.unwrap();
    let looks: Vec<_> = rows.iter().filter(|row| row.action == "view_why").collect();
    assert_eq!(looks.len(), 1);
    assert_eq!(
        (
            looks[0].actor.as_str(),
            looks[0].subject.as_str(),
            looks[0].detail.as_str()
        ),
        ("supervisor", ids.case.as_str(), "safeguarding")
    );
}

#[tokio::test]
async fn a_follow_up_is_listed_and_closed_once_with_words() {
    let ids = restricted().await;
    let intelligence = ids.room.sign_in("intelligence").await;
    let (_, body) = intelligence.get("/api/follow-ups").await;
    assert_eq!(body["follow_ups"][0]["what"], "zz-follow-up");
    assert_eq!(body["follow_ups"][0]["case_id"], ids.case.as_str());
    for (number, note, expected) in [
        (1, " ", StatusCode::UNPROCESSABLE_ENTITY),
        (9, "done", StatusCode::NOT_FOUND),
        (1, "referred", StatusCode::OK),
        (1, "referred", StatusCode::CONFLICT),
    ] {
        let close = json!({"number": number, "note": note});
        let (status, body) = intelligence.post("/api/follow-ups/close", close).await;
        assert_eq!(status, expected, "{number} {note:?}: {body}");
    }
    let (_, body) = intelligence.get("/api/follow-ups").await;
    assert_eq!(body["follow_ups"], json!([]));
    let (_, body) = intelligence.get("/api/follow-ups?open=false").await;
    assert_eq!(body["follow_ups"][0]["closed"]["by"], "intelligence");
    assert_eq!(body["follow_ups"][0]["closed"]["words"], "referred", "it is kept");
    assert!(
        ids.room
            .audited()
            .await
            .contains(&("follow_up_closed".to_owned(), ids.case.clone()))
    );
}

#[tokio::test]
async fn what_was_seen_is_reported_for_any_vehicle_by_whom_and_when() {
    let ids = restricted().await;
    let patrol = ids.room.sign_in("patrol").await;
    let now = Timestamp::now();
    let at = |minutes| json!((now + SignedDuration::from_mins(minutes)).to_string());
    for (report, expected, taken_up) in [
        (
            json!({"vrm": "qx07 rso", "child": "not_seen", "occupants": 1, "unit": "KN11"}),
            200,
            true,
        ),
        (
            json!({"vrm": "QX07RSO", "child": "seen", "at": at(-20)}),
            200,
            true,
        ),
        (
            json!({"vrm": "QX07RSO", "child": "seen", "at": at(-20)}),
            200,
            false,
        ),
        (
            json!({"vrm": "QX07RSO", "child": "seen", "at": at(-40)}),
            200,
            false,
        ),
        (json!({"vrm": "QX07OTH", "child": "cannot_tell"}), 200, false),
        (
            json!({"vrm": "QX07RSO", "child": "seen", "at": at(5)}),
            400,
            false,
        ),
        (
            json!({"vrm": "QX07RSO", "child": "seen", "at": at(-60 * 25)}),
            400,
            false,
        ),
        (json!({"vrm": "", "child": "seen"}), 400, false),
        (json!({"vrm": "QX07RSO", "child": "perhaps"}), 400, false),
        (
            json!({"vrm": "QX07RSO", "child": "seen", "occupants": 100}),
            400,
            false,
        ),
    ] {
        let (status, body) = patrol.post("/api/observations", report.clone()).await;
        assert_eq!(status.as_u16(), expected, "{report}: {body}");
        assert_eq!(body["taken_up"] == true, taken_up, "{report}: {body}");
        assert_tells_nothing("a report", &body.to_string(), &[]);
    }
    let operator = ids.room.sign_in("operator").await;
    let (_, body) = operator.get(&format!("/api/cases/{}", ids.case)).await;
    let by: Vec<&Value> = body["case"]["observed"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["by"])
        .collect();
    assert_eq!(
        by[0],
        &json!({"kind": "officer", "name": "patrol", "unit": "KN11"})
    );
    assert_eq!(by[1], &json!({"kind": "officer", "name": "patrol"}));
    let kinds: Vec<_> = ids.room.store.events_after(0, 100).await.unwrap();
    assert!(kinds.iter().any(|event| event.event.kind == EventKind::Observed));
}

#[tokio::test]
async fn an_officer_sees_what_the_unit_is_sent_to_and_never_why() {
    let ids = restricted().await;
    let patrol = ids.room.sign_in("patrol").await;
    let order = async |asked: &str| patrol.get(&format!("/api/patrol{asked}")).await.1;
    let nobody = order("").await;
    assert_eq!(
        (&nobody["order"], &nobody["units"]),
        (&Value::Null, &json!(["KN11", "KN12"]))
    );
    assert_eq!(order("?callsign=KN12").await["order"], Value::Null);
    let sent = order("?callsign=KN11").await;
    assert_tells_nothing("an order", &sent.to_string(), &[]);
    let sent = &sent["order"];
    assert_eq!(
        (&sent["vrm"], &sent["grade"], &sent["action"], &sent["colour"]),
        (&json!("QX07RSO"), &json!(1), &json!("stop"), &json!("BLUE"))
    );
    assert_eq!(sent["warnings"], json!(["violent"]));
    assert_eq!(sent["instructions"], json!(["Stop with two units"]));
    assert_eq!(sent["questions"], json!(["Is a child visible?"]));
    assert_eq!(sent["place"], "M57 J2 northbound");
    let known = format!("?callsign=KN11&known={}", sent["tag"].as_str().unwrap());
    let again = order(&known).await;
    assert_eq!(
        (&again["order"], &again["unchanged"]),
        (&Value::Null, &json!(true))
    );
    let looks = async || {
        let audited = ids.room.audited().await;
        audited
            .iter()
            .filter(|(action, subject)| action == "view_order" && *subject == ids.case)
            .count()
    };
    assert_eq!(
        looks().await,
        1,
        "what is known already is not sent, and not recorded again"
    );
    let report = json!({"vrm": "QX07RSO", "child": "not_seen", "unit": "KN11"});
    assert_eq!(patrol.post("/api/observations", report).await.0, StatusCode::OK);
    assert_eq!(
        order(&known).await["order"]["questions"],
        json!([]),
        "the answer is known"
    );
    assert_eq!(looks().await, 2);
    for path in [
        "/api/cases",
        "/api/hits",
        "/api/hotlists",
        "/api/events",
        "/api/notifications",
    ] {
        assert_eq!(patrol.get(path).await.0, StatusCode::FORBIDDEN, "{path}");
    }
}
