//! The main job, whole: a camera posts a listed plate, and an operator in a browser confirms it, sends a unit and closes
//! the case. And the cases that want a closer look: a misread, a cloned plate, a vehicle that passed before it was listed.
//! Real Kafka, real PostgreSQL, real Chromium.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod support;

use std::sync::atomic::{AtomicBool, Ordering};

use domain::force::Camera;
use domain::hit::{Hit, MatchKind};
use domain::hotlist::{Action, Entry, Grade, Revision};
use domain::journey::{Journey, Waypoint, least_speed};
use domain::read::{PlateRead, RawRead};
use domain::{CameraId, ListName, SourceName, Timestamp};
use stream::topic::Topic;
use stream::{Log, wire};
use support::page::{Room, SAMPLE_CAMERA, browse, camera, cameras, keep_units_fresh, log};
use support::{Api, run, run_ok};

/// The plate on the Hikvision sample.
const SAMPLE_VRM: &str = "PECT600";
/// A small but real image, as a camera would attach it.
fn image() -> Vec<u8> {
    const PNG: &str =
        "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.decode(PNG).unwrap()
}

/// The sample as the camera posts it: XML and two pictures in one multipart body.
fn multipart(xml: &[u8]) -> (String, Vec<u8>) {
    const BOUNDARY: &str = "boundary-of-the-test";
    let mut body = Vec::new();
    let mut part = |name: &str, file: &str, kind: &str, bytes: &[u8]| {
        let head = format!(
            "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"; filename=\"{file}\"\r\n\
             Content-Type: {kind}\r\n\r\n"
        );
        body.extend_from_slice(head.as_bytes());
        body.extend_from_slice(bytes);
        body.extend_from_slice(b"\r\n");
    };
    part("anpr.xml", "anpr.xml", "text/xml", xml);
    part(
        "licensePlatePicture.jpg",
        "licensePlatePicture.jpg",
        "image/jpeg",
        &image(),
    );
    part(
        "detectionPicture.jpg",
        "detectionPicture.jpg",
        "image/jpeg",
        &image(),
    );
    body.extend_from_slice(format!("--{BOUNDARY}--\r\n").as_bytes());
    (format!("multipart/form-data; boundary={BOUNDARY}"), body)
}

#[test]
fn a_posted_sample_is_confirmed_deployed_and_closed_in_a_browser() {
    let Some(sample) = xtask::shared_file("payloads/hikvision_isapi_anpr_parkpow.xml") else {
        return;
    };
    let directory = tempfile::tempdir().unwrap();
    let room = Room::open("operator", &directory.path().join("data"));
    room.list(&format!(
        "vrm,grade,action,reason,colour\n{SAMPLE_VRM},1,stop,wanted for robbery,white\n"
    ));

    let on_duty = AtomicBool::new(true);
    std::thread::scope(|scope| {
        scope.spawn(|| keep_units_fresh(&room.topic_prefix, &on_duty));
        let (kind, body) = multipart(&std::fs::read(&sample).unwrap());
        let (status, answer) = Api::new(&room.up.ingest, &room.token).post("/vendors/hikvision", &kind, body);
        let browser = (status == 200).then(|| browse(&room.up, "operator", &[("STEELRING_VRM", SAMPLE_VRM)]));
        on_duty.store(false, Ordering::Relaxed);
        assert_eq!(status, 200, "{answer}");
        assert!(
            browser.is_some_and(|end| end.success()),
            "the operator's browser failed; its output is above"
        );
    });

    let (_, audit) = Api::of_data_directory(&room.data).get("/api/audit?limit=200");
    let rows = audit["rows"].as_array().unwrap();
    for action in ["sign_in", "view_case", "confirmed", "deployed", "closed"] {
        assert!(
            rows.iter().any(|row| row["action"] == action),
            "the audit trail shows {action}"
        );
    }
    assert!(
        !audit.to_string().contains(SAMPLE_VRM),
        "no plate in the audit trail"
    );
    assert!(
        !room.up.process.said().contains(SAMPLE_VRM),
        "no plate in the logs"
    );
}

#[test]
fn a_misread_a_clone_and_a_past_read_are_told_apart_in_a_browser() {
    const MISREAD: &str = "AB12CDE";
    const CLONE: &str = "QX07CLN";
    const PAST: &str = "QX07PST";
    let directory = tempfile::tempdir().unwrap();
    let room = Room::open("matches", &directory.path().join("data"));
    room.list(&format!(
        "vrm,grade,action,reason,make,colour\n{MISREAD},1,stop,wanted for robbery,FORD,red\n\
         {CLONE},2,stop,of interest,,\n{PAST},2,stop,of interest,,\n"
    ));
    // An I where only a digit can stand.
    let read = serde_json::json!({
        "camera": SAMPLE_CAMERA, "plate": "ABI2CDE", "captured_at": Timestamp::now(), "make": "FORD", "colour": "red",
    });
    let camera = Api::new(&room.up.ingest, &room.token);
    let (status, answer) = camera.post("/v1/reads", "application/json", read.to_string().into());
    assert_eq!(status, 200, "{answer}");

    let marks = [
        ("STEELRING_MISREAD", MISREAD),
        ("STEELRING_CLONE", CLONE),
        ("STEELRING_PAST", PAST),
    ];
    let records = [&cloned(CLONE), &past(PAST)].map(|hit| wire::hit_record(hit).unwrap());
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let log = log(&room.topic_prefix);
        log.publish(Topic::Hits, records.to_vec()).await.unwrap();
    });
    let end = browse(&room.up, "matches", &marks);
    assert!(
        end.success(),
        "the operator's browser failed; its output is above"
    );
    for (_, mark) in marks {
        assert!(!room.up.process.said().contains(mark), "no plate in the logs");
    }
}

#[test]
fn a_list_of_four_eyes_changes_when_a_second_person_lets_it_in_the_browser_and_on_the_command_line() {
    let directory = tempfile::tempdir().unwrap();
    let room = Room::open("lists", &directory.path().join("data"));
    room.list("vrm,grade,action,reason\nQX06LST,4,intelligence,seen\n");
    let (password, token) = room.user("second", "intelligence");
    let settings = [
        ("STEELRING_LIST", "wanted"),
        ("STEELRING_SECOND", "second"),
        ("STEELRING_SECOND_PASSWORD", password.as_str()),
    ];
    let end = browse(&room.up, "lists", &settings);
    assert!(end.success(), "the browser failed; its output is above");

    let data = ["--data", room.data.to_str().unwrap()];
    let hotlist = |words: &[&str]| run(&[&["hotlist"], words, &data[..]].concat(), &[]);
    let said = |output: std::process::Output| {
        let [out, err] =
            [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes).into_owned());
        (output.status.code().unwrap(), out, err)
    };
    let (_, policy, _) = said(hotlist(&["policy", "wanted"]));
    assert!(
        policy.contains("four eyes       on") && policy.contains("365 days"),
        "{policy}"
    );
    let file = room.data.join("next.csv");
    std::fs::write(&file, "vrm,grade,action,reason\nQX08LST,4,intelligence,seen\n").unwrap();
    let file = file.to_str().unwrap();
    let (code, check, _) = said(hotlist(&["check", file, "--list", "wanted", "--live"]));
    assert!(
        code == 0 && check.contains("a load would add 1, change 0, remove 2"),
        "{check}"
    );
    let (code, draft, note) = said(hotlist(&["load", "wanted", file, "--why", "the next week"]));
    assert!(
        code == 0 && draft.starts_with("draft 3: load of wanted by command-line"),
        "{draft}"
    );
    assert!(note.contains("nothing is live yet"), "{note}");
    let (_, drafts, _) = said(hotlist(&["drafts"]));
    assert!(drafts.contains("the next week"), "{drafts}");
    let (code, _, refused) = said(hotlist(&["authorise", "3"]));
    assert!(
        code == 1 && refused.contains("command-line made this draft"),
        "{refused}"
    );
    let server = ["--server", room.up.control_room.as_str()];
    let environment = [("STEELRING_TOKEN", token.as_str())];
    let authorise = [&["hotlist", "authorise", "3"], &server[..]].concat();
    let done = run_ok(&authorise, &environment);
    assert!(done.contains("1 added, 0 changed, 2 removed"), "{done}");
    let (_, drafts, _) = said(hotlist(&["drafts"]));
    assert_eq!(drafts, "");
    for mark in ["QX06LST", "QX07LST", "QX08LST"] {
        assert!(!room.up.process.said().contains(mark), "no plate in the logs");
    }
}

#[test]
fn a_withdrawn_entry_is_recalled_on_the_operators_screen_within_five_seconds() {
    const DEPLOYED: &str = "QX07REC";
    const UNSEEN: &str = "QX07NEW";
    let directory = tempfile::tempdir().unwrap();
    let room = Room::open("recall", &directory.path().join("data"));
    room.list(&format!(
        "vrm,grade,action,reason\n{DEPLOYED},1,stop,wanted for robbery\n{UNSEEN},2,stop,wanted for fraud\n"
    ));
    let on_duty = AtomicBool::new(true);
    std::thread::scope(|scope| {
        scope.spawn(|| keep_units_fresh(&room.topic_prefix, &on_duty));
        for plate in [DEPLOYED, UNSEEN] {
            let read = serde_json::json!({
                "camera": SAMPLE_CAMERA, "plate": plate, "captured_at": Timestamp::now(),
            });
            let camera = Api::new(&room.up.ingest, &room.token);
            let (status, answer) = camera.post("/v1/reads", "application/json", read.to_string().into());
            assert_eq!(status, 200, "{answer}");
        }
        let marks = [
            ("STEELRING_LIST", "wanted"),
            ("STEELRING_DEPLOYED", DEPLOYED),
            ("STEELRING_UNSEEN", UNSEEN),
        ];
        let end = browse(&room.up, "recall", &marks);
        on_duty.store(false, Ordering::Relaxed);
        assert!(
            end.success(),
            "the operator's browser failed; its output is above"
        );
    });
    let (_, cases) = Api::of_data_directory(&room.data).get(&format!("/api/cases?vrm={UNSEEN}"));
    let case = &cases["cases"][0];
    assert_eq!(case["state"], "closed", "it ends by itself, in the record");
    assert_eq!(case["conclusion"]["outcome"], "recalled");
    assert_eq!(case["recall"]["cause"], "withdrawn");
}

/// Of a registered sex offender's car, which is hit first, and of another, in which an officer sees a child before it is ever read.
const RSO_HIT: &str = "QX07SGD";
const RSO_NEXT: &str = "QX08SGD";
/// Why both are looked for, which nobody is told who is not cleared.
const RSO_REASON: &str = "breach of notification";

/// The car is hit, the operator is asked, and answers that a child is in it; of another car an officer says so on a phone before it
/// is ever read. Both are safeguarded alike, and only who is cleared is told why.
#[test]
fn a_child_in_a_sex_offenders_car_makes_its_case_grade_1_whoever_sees_it_and_whenever() {
    let directory = tempfile::tempdir().unwrap();
    let room = Room::open("child", &directory.path().join("data"));
    let row = |mark| format!("{mark},2,observe,RSO VI,{RSO_REASON},FORD,blue\n");
    let rows = [row(RSO_HIT), row(RSO_NEXT)].concat();
    room.list(&format!("vrm,grade,action,markers,reason,make,colour\n{rows}"));
    let on_duty = AtomicBool::new(true);
    std::thread::scope(|scope| {
        scope.spawn(|| keep_units_fresh(&room.topic_prefix, &on_duty));
        post_read(&room, RSO_HIT);
        let end = three_people(&room);
        on_duty.store(false, Ordering::Relaxed);
        assert!(end.success(), "a browser failed; its output is above");
    });

    post_read(&room, RSO_NEXT);
    let api = Api::of_data_directory(&room.data);
    let case = support::eventually(
        "what the officer saw before the hit makes the case grade 1",
        || {
            let (_, cases) = api.get(&format!("/api/cases?vrm={RSO_NEXT}"));
            let case = cases["cases"].get(0)?.clone();
            (case["grade"] == 1 && case["instructions"][0].is_string()).then_some(case)
        },
    );
    let seen = &case["observed"][0];
    let said = serde_json::json!([
        seen["child"],
        seen["occupants"],
        seen["by"]["kind"],
        seen["by"]["name"]
    ]);
    assert_eq!(said, serde_json::json!(["seen", 2, "officer", "olu"]));
    assert!(
        !case.to_string().contains(RSO_REASON),
        "nor is an administrator told: {case}"
    );
    let calls = support::eventually("both desks are called to both cases", || {
        let calls = api.get("/api/notifications").1["notifications"]
            .as_array()?
            .clone();
        (calls.len() == 4).then_some(calls)
    });
    for desk in [
        "Knowsley sex-offender unit",
        "Knowsley family crime investigation unit",
    ] {
        let called = calls.iter().filter(|call| call["desk"] == desk);
        assert_eq!(called.count(), 2, "{desk}: {calls:?}");
    }
    let (_, left) = api.get("/api/follow-ups");
    assert_eq!(
        left["follow_ups"].as_array().unwrap().len(),
        1,
        "the other is closed: {left}"
    );
    recorded(&api);
    assert!(!room.up.process.said().contains(RSO_HIT), "no plate in the logs");
    assert!(!room.up.process.said().contains(RSO_NEXT), "no plate in the logs");
}

/// A read by the sample's camera, now.
fn post_read(room: &Room, mark: &str) {
    let read = serde_json::json!({"camera": SAMPLE_CAMERA, "plate": mark, "captured_at": Timestamp::now()});
    let camera = Api::new(&room.up.ingest, &room.token);
    let (status, answer) = camera.post("/v1/reads", "application/json", read.to_string().into());
    assert_eq!(status, 200, "{answer}");
}

/// Operator, supervisor and officer at their work.
fn three_people(room: &Room) -> std::process::ExitStatus {
    let people = [("ann", "operator"), ("sue", "supervisor"), ("olu", "patrol")];
    let [ann, sue, olu] = people.map(|(name, role)| format!("{name}:{}", room.user(name, role).0));
    let settings = [
        ("STEELRING_OPERATOR", ann.as_str()),
        ("STEELRING_SUPERVISOR", &sue),
        ("STEELRING_OFFICER", &olu),
        ("STEELRING_VRM", RSO_HIT),
        ("STEELRING_SECRET", RSO_REASON),
        ("STEELRING_NEXT", RSO_NEXT),
    ];
    browse(&room.up, "child", &settings)
}

/// The audit trail says who answered, who saw why and what for, and who saw a child; and no plate.
fn recorded(api: &Api) {
    let (_, audit) = api.get("/api/audit?limit=500");
    let rows = audit["rows"].as_array().unwrap();
    for (actor, action, detail) in [
        ("ann", "answered", "child seen"),
        ("sue", "view_why", "safeguarding"),
        ("olu", "observed", "child seen, 2 in the vehicle"),
        ("sue", "follow_up_closed", "1"),
    ] {
        let left = |row: &&serde_json::Value| row["actor"] == actor && row["action"] == action;
        let row = rows.iter().find(left);
        let row = row.unwrap_or_else(|| panic!("no {action} by {actor}"));
        assert_eq!(row["detail"], detail, "{actor} {action}");
    }
    let looked = |row: &serde_json::Value| row["actor"] == "olu" && row["action"] == "view_order";
    assert!(
        rows.iter().any(looked),
        "the officer's look at the order is recorded"
    );
    for mark in [RSO_HIT, RSO_NEXT] {
        assert!(!audit.to_string().contains(mark), "no plate in the audit trail");
    }
}

/// In October 2009 a wanted man's car, on the lists at medium priority, was read sixteen times in four days by three areas' cameras,
/// and nobody acted.
#[test]
fn the_2009_sequence_reaches_grade_1_by_the_third_read() {
    const WANTED: &str = "QX09RPT";
    let directory = tempfile::tempdir().unwrap();
    let room = Room::open("repeats", &directory.path().join("data"));
    room.list(&format!(
        "vrm,grade,action,reason\n{WANTED},2,stop,wanted for failing to register\n"
    ));
    let (ann, _) = room.user("ann", "operator");
    let (sue, _) = room.user("sue", "supervisor");
    let credentials = serde_json::json!({"username": "ann", "password": ann});
    let (status, answer) = Api::new(&room.up.control_room, "").post(
        "/api/session",
        "application/json",
        credentials.to_string().into(),
    );
    assert_eq!(status, 200, "{answer}");

    let reads = reads_of_2009(WANTED);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let publish = |reads: &[PlateRead]| {
        let records = reads
            .iter()
            .map(|read| wire::read_record(read).unwrap())
            .collect();
        runtime.block_on(async {
            log(&room.topic_prefix)
                .publish(Topic::Reads, records)
                .await
                .unwrap();
        });
    };
    let api = Api::of_data_directory(&room.data);
    let case_with = |sightings: usize, grade: u8| {
        support::eventually("the case has come so far", || {
            let (_, cases) = api.get(&format!("/api/cases?vrm={WANTED}"));
            let case = cases["cases"].get(0)?.clone();
            (case["sightings"] == sightings && case["grade"] == grade).then_some(case)
        })
    };
    publish(&reads[..1]);
    case_with(1, 2);
    publish(&reads[1..2]);
    case_with(2, 1);
    publish(&reads[2..3]);
    case_with(3, 1);
    let called = support::eventually("the supervisor is called", || {
        api.get("/api/notifications").1["notifications"].get(0).cloned()
    });
    assert_eq!(called["desk"], "supervisor");
    let marks = [
        ("STEELRING_USER", "sue"),
        ("STEELRING_PASSWORD", sue.as_str()),
        ("STEELRING_VRM", WANTED),
        ("STEELRING_ABSENT", "ann"),
    ];
    assert!(
        browse(&room.up, "repeats", &marks).success(),
        "the supervisor's browser failed; its output is above"
    );

    publish(&reads[3..]);
    let case = case_with(reads.len(), 1);
    let ruled = case["ruled"].as_array().unwrap();
    assert_eq!(ruled.len(), 2, "two rules acted, once each: {ruled:?}");
    for (deed, sighting) in ruled.iter().zip(["second sighting", "third sighting"]) {
        assert!(deed["rule"].as_str().unwrap().ends_with(sighting), "{deed}");
        assert_eq!(deed["signed_in"][0], "ann", "who did not act: {deed}");
    }
    let calls = api.get("/api/notifications").1;
    assert_eq!(calls["notifications"].as_array().unwrap().len(), 1, "{calls}");
    assert_eq!(calls["notifications"][0]["seen_by"][0], "sue");
    assert!(!room.up.process.said().contains(WANTED), "no plate in the logs");
}

/// Sixteen reads from 23 to 26 October 2009, four a day, at sites of three areas: two BCUs, and a neighbouring force whose camera
/// the room does not know.
fn reads_of_2009(mark: &str) -> Vec<PlateRead> {
    let own = cameras();
    let elsewhere = own.iter().find(|camera| camera.bcu != own[0].bcu).unwrap();
    let neighbour = CameraId::parse("neighbour-m62-w").unwrap();
    assert!(own.iter().all(|camera| camera.camera != neighbour));
    let areas = [&own[0].camera, &elsewhere.camera, &neighbour];
    let first: Timestamp = "2009-10-23T07:40:00Z".parse().unwrap();
    let read = |number: i64| {
        let raw = RawRead {
            plate: mark.to_owned(),
            captured_at: first + jiff::SignedDuration::from_hours(24 * (number / 4) + 3 * (number % 4)),
            ..RawRead::default()
        };
        let camera = areas[usize::try_from(number).unwrap() % areas.len()].clone();
        raw.check(camera, SourceName::parse("local").unwrap(), Timestamp::now())
            .unwrap()
    };
    (0..16).map(read).collect()
}

/// An exact hit that a camera of the built-in force saw so many minutes ago.
fn hit(mark: &str, camera: &Camera, minutes: i64) -> Hit {
    let now = Timestamp::now();
    let raw = RawRead {
        plate: mark.to_owned(),
        captured_at: now - jiff::SignedDuration::from_mins(minutes),
        ..RawRead::default()
    };
    let source = SourceName::parse("local").unwrap();
    let read = raw.check(camera.camera.clone(), source, now).unwrap();
    let (list, vrm) = (ListName::parse("wanted").unwrap(), read.vrm);
    let entry = Entry {
        grade: Grade::Two,
        action: Action::Stop,
        reason: "of interest".to_owned(),
        ..Entry::new(&list, vrm, "", now)
    };
    Hit::exact(read, entry, Revision(1), now)
}

/// A hit on a mark that was read at the first camera, and three minutes before at the one that is furthest from it.
fn cloned(mark: &str) -> Hit {
    let (here, cameras) = (camera(), cameras());
    let distance = |other: &&Camera| here.position.distance_m(other.position);
    let there = cameras
        .iter()
        .max_by(|one, other| distance(one).total_cmp(&distance(other)))
        .unwrap();
    let hit = hit(mark, &here, 1);
    let from = Waypoint {
        camera: there.camera.clone(),
        at: hit.read.captured_at - jiff::SignedDuration::from_mins(3),
    };
    let to = Waypoint {
        camera: here.camera,
        at: hit.read.captured_at,
    };
    let (distance_m, speed_kmh) = least_speed(here.position, there.position, 3 * 60_000);
    let journey = Journey {
        from,
        to,
        distance_m,
        speed_kmh,
    };
    Hit {
        kind: MatchKind::Clone,
        journey: Some(journey),
        ..hit
    }
}

/// A hit on a vehicle that passed the first camera 42 minutes before it was listed.
fn past(mark: &str) -> Hit {
    Hit {
        past: true,
        ..hit(mark, &camera(), 42)
    }
}
