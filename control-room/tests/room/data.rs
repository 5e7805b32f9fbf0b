//! Map, images, hotlists, hits and the trail.

use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::harness::{Browser, Room, answer};

#[tokio::test]
async fn the_map_is_geojson_within_its_bounds() {
    let room = Room::open().await;
    let browser = room.sign_in("operator").await;
    let (status, map) = browser.get("/api/map").await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(map["control_room"], "Lightning Three");
    assert_eq!(map["bounds"], json!([[-3.0, 53.0], [-2.0, 54.0]]));
    assert_eq!(
        map["bcus"]["features"][0]["properties"],
        json!({"code": "KN", "name": "Knowsley"})
    );
    assert_eq!(
        map["roads"]["features"][0]["geometry"]["coordinates"],
        json!([[-2.9, 53.4], [-2.8, 53.5]])
    );
    assert_eq!(
        map["cameras"]["features"][0]["geometry"]["coordinates"],
        json!([-2.88, 53.42])
    );
    let (_, cameras) = browser.get("/api/cameras").await;
    let [first, second] = [0, 1].map(|place| &cameras["cameras"][place]);
    assert_eq!(first["camera"], "M57-J2-N");
    assert_eq!(first["cctv"], "https://cctv.example/m57-j2");
    assert!(second.get("cctv").is_none(), "{second}");
}

#[tokio::test]
async fn an_image_comes_back_as_it_was_kept() {
    let room = Room::open().await;
    let image = bytes::Bytes::from(
        [
            &b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"[..],
            &[0, 0, 0, 1, 0, 0, 0, 1, 8, 0, 0, 0, 0, 0x3a, 0x7e, 0x9b, 0x55],
        ]
        .concat(),
    );
    let hash = room.images.put(image.clone()).await.unwrap();
    let browser = room.sign_in("operator").await;
    let response = browser
        .request(Method::GET, &format!("/api/images/{hash}"))
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.headers()["content-type"], "image/png");
    assert_eq!(
        response.headers()["cache-control"],
        "private, max-age=86400, immutable"
    );
    assert_eq!(response.bytes().await.unwrap(), image);
    assert_eq!(
        browser.get(&format!("/api/images/{}", "0".repeat(64))).await.0,
        StatusCode::NOT_FOUND
    );
}

#[tokio::test]
async fn an_image_that_came_apart_from_its_read_is_shown_with_the_case() {
    let room = Room::open().await;
    let opened = room.hit("QX07PLT", 1).await;
    let hash = domain::ImageHash::of_image(b"an image");
    let read = opened.case.last_read.read_id;
    room.images
        .link(read, store::image_links::ImageKind::Plate, hash)
        .await
        .unwrap();
    let browser = room.sign_in("operator").await;
    let (_, record) = browser.get(&format!("/api/cases/{}", opened.case.case_id)).await;
    assert_eq!(record["case"]["last_read"]["plate_image"], hash.to_string());
    assert!(record["case"]["last_read"]["overview_image"].is_null());
}

async fn load(
    browser: &Browser<'_>,
    path: &str,
    file: impl Into<reqwest::Body>,
) -> (StatusCode, serde_json::Value) {
    let request = browser
        .request(Method::POST, path)
        .header("content-type", "text/csv")
        .body(file);
    answer(request).await
}

#[tokio::test]
async fn a_list_is_loaded_whole_or_not_at_all_and_withdrawn() {
    let room = Room::open().await;
    let browser = room.sign_in("intelligence").await;
    let good = "vrm,grade,action,reason\nQX07 PLT,1,stop,stolen\nQX08PLT,4,intelligence,no insurance\n";
    let (status, loaded) = load(&browser, "/api/hotlists/stolen/load", good).await;
    assert_eq!(status, StatusCode::OK, "{loaded}");
    assert_eq!(
        (&loaded["change"]["added"], &loaded["rows"]),
        (&json!(2), &json!(2))
    );

    let bad = "vrm,grade,action,reason\nQX09PLT,1,stop,stolen\nQX10PLT,9,stop,stolen\n";
    let (status, refused) = load(&browser, "/api/hotlists/stolen/load", bad).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(refused["error"]["code"], "bad_rows");
    assert_eq!(
        (&refused["fault_count"], &refused["faults"][0]["line"]),
        (&json!(1), &json!(3))
    );
    let (_, lists) = browser.get("/api/hotlists").await;
    assert_eq!(
        (&lists["entries"], &lists["lists"][0]["entries"]),
        (&json!(2), &json!(2)),
        "{lists}"
    );

    let (status, loaded) = load(&browser, "/api/hotlists/stolen/load?accept_good_rows=true", bad).await;
    assert_eq!(status, StatusCode::OK, "{loaded}");
    assert_eq!(
        (&loaded["change"]["added"], &loaded["change"]["removed"]),
        (&json!(1), &json!(2))
    );
    assert_eq!(
        (&loaded["bad_rows"], &loaded["fault_count"]),
        (&json!(1), &json!(1))
    );
    let (_, entries) = browser.get("/api/hotlists/stolen/entries").await;
    assert_eq!(entries["entries"][0]["vrm"], "QX09PLT");

    let all_bad = "vrm,grade,action,reason\nQX10PLT,9,stop,stolen\n";
    let (status, refused) = load(
        &browser,
        "/api/hotlists/stolen/load?accept_good_rows=true",
        all_bad,
    )
    .await;
    assert_eq!(
        (status, &refused["error"]["code"]),
        (StatusCode::UNPROCESSABLE_ENTITY, &json!("empty_list"))
    );
    let (status, refused) = load(&browser, "/api/hotlists/stolen/load", "").await;
    assert_eq!(
        (status, &refused["error"]["code"]),
        (StatusCode::UNPROCESSABLE_ENTITY, &json!("bad_list"))
    );

    let (status, answer) = browser
        .post("/api/hotlists/stolen/withdraw", json!({"vrm": ""}))
        .await;
    assert_eq!(
        (status, &answer["error"]["field"]),
        (StatusCode::BAD_REQUEST, &json!("vrm")),
        "not the whole list"
    );
    let (status, withdrawn) = browser
        .post("/api/hotlists/stolen/withdraw", json!({"vrm": "qx09 plt"}))
        .await;
    assert_eq!(
        (status, &withdrawn["change"]["removed"]),
        (StatusCode::OK, &json!(1))
    );
}

#[tokio::test]
async fn a_long_list_goes_in_and_a_second_one_at_once_is_asked_to_wait() {
    use std::fmt::Write;
    let room = Room::open().await;
    let browser = room.sign_in("intelligence").await;
    let mut file = String::from("vrm,grade,action,reason\n");
    for number in 0..20_000 {
        writeln!(file, "QX{number:05},4,intelligence,no insurance").unwrap();
    }
    // The first file never ends until the second was refused.
    let (end, ended) = tokio::sync::oneshot::channel::<()>();
    let first_part = futures::stream::iter([Ok::<_, std::io::Error>(file)]);
    let rest = futures::stream::once(async {
        ended.await.unwrap();
        Ok(String::new())
    });
    let endless = reqwest::Body::wrap_stream(futures::StreamExt::chain(first_part, rest));
    let first = load(&browser, "/api/hotlists/a/load", endless);
    let second = async {
        let begun = std::time::Instant::now();
        loop {
            let (status, answer) = load(&browser, "/api/hotlists/b/load", "vrm,grade,action,reason\n").await;
            if status == StatusCode::SERVICE_UNAVAILABLE {
                end.send(()).unwrap();
                return answer;
            }
            assert!(begun.elapsed() < crate::harness::PATIENCE, "{answer}");
        }
    };
    let ((status, loaded), refused) = tokio::join!(first, second);
    assert_eq!(refused["error"]["code"], "busy");
    assert_eq!(
        (status, &loaded["change"]["added"]),
        (StatusCode::OK, &json!(20_000)),
        "{loaded}"
    );
}

#[tokio::test]
async fn rows_without_a_grade_take_the_one_that_the_loader_gives() {
    let room = Room::open().await;
    let browser = room.sign_in("intelligence").await;
    let file = "vrm,action,reason\nQX07PLT,stop,stolen\n";
    let (status, loaded) = load(&browser, "/api/hotlists/a/load?default_grade=3", file).await;
    assert_eq!(status, StatusCode::OK, "{loaded}");
    let (_, entries) = browser.get("/api/hotlists/a/entries").await;
    assert_eq!(entries["entries"][0]["grade"], 3);
    let (status, answer) = load(&browser, "/api/hotlists/a/load?default_grade=9", file).await;
    assert_eq!(
        (status, &answer["error"]["field"]),
        (StatusCode::BAD_REQUEST, &json!("default_grade"))
    );
}

#[tokio::test]
async fn grade_four_hits_are_found_and_searching_leaves_a_record() {
    let room = Room::open().await;
    let now = domain::Timestamp::now();
    assert!(room.hit_at("QX07PLT", 4, now).await.is_none(), "opens no case");
    room.hit("QX08PLT", 1).await;
    let browser = room.sign_in("intelligence").await;
    for (query, found) in [
        ("", 2),
        ("?grade=4", 1),
        ("?vrm=qx07%20plt", 1),
        ("?vrm=AB12CDE", 0),
        ("?limit=1", 1),
    ] {
        let (_, hits) = browser.get(&format!("/api/hits{query}")).await;
        assert_eq!(hits["hits"].as_array().unwrap().len(), found, "{query}");
    }
    browser.get("/api/cases?vrm=QX08PLT").await;
    let audited = room.audited().await;
    let count = |wanted: &str| audited.iter().filter(|(action, _)| action == wanted).count();
    assert_eq!((count("view_hits"), count("search_cases")), (5, 1));
}

#[tokio::test]
async fn the_trail_is_paged_is_whole_and_shows_its_own_readers() {
    let room = Room::open().await;
    let supervisor = room.sign_in("supervisor").await;
    supervisor.get("/api/audit").await;
    let (status, page) = supervisor.get("/api/audit?limit=2").await;
    assert_eq!(status, StatusCode::OK);
    let rows = page["rows"].as_array().unwrap();
    assert_eq!((rows.len(), &rows[0]["action"]), (2, &json!("view_audit")));
    let before = rows[1]["number"].as_u64().unwrap();
    let (_, older) = supervisor
        .get(&format!("/api/audit?before={before}&limit=1"))
        .await;
    assert_eq!(older["rows"][0]["number"], before - 1);
    assert_eq!(room.store.verify_audit().await.unwrap().broken_at, None);
}

#[tokio::test]
async fn columns_that_nobody_knows_are_guessed_and_loaded_once_a_person_has_said_what_they_hold() {
    let room = Room::open().await;
    let browser = room.sign_in("intelligence").await;
    let file = "Car;Crime type;Sev\nAB07 PLT;theft of a van;2\n";
    for what in ["check", "load"] {
        let (status, refused) = load(&browser, &format!("/api/hotlists/stolen/{what}"), file).await;
        assert_eq!(
            (status, &refused["error"]["code"]),
            (StatusCode::UNPROCESSABLE_ENTITY, &json!("bad_list"))
        );
        let column = &refused["guess"]["columns"][1];
        assert_eq!(
            (&column["name"], &column["key"], &column["field"]),
            (&json!("Crime type"), &json!("Crime type"), &json!("reason")),
            "{refused}"
        );
    }
    let (_, lists) = browser.get("/api/hotlists").await;
    assert_eq!(lists["entries"], 0, "a guess loads nothing");
    // header = true, [columns], vrm = 1, reason = 2, grade = "Sev"
    let mapping =
        "header%20%3D%20true%0A%5Bcolumns%5D%0Avrm%20%3D%201%0Areason%20%3D%202%0Agrade%20%3D%20%22Sev%22";
    let path = format!("/api/hotlists/stolen/load?mapping={mapping}");
    let (status, loaded) = load(&browser, &path, file).await;
    assert_eq!(
        (status, &loaded["change"]["added"]),
        (StatusCode::OK, &json!(1)),
        "{loaded}"
    );
    let wrong = "/api/hotlists/stolen/check?mapping=%5Bcolumns%5D%0Acolur%20%3D%201";
    let (status, refused) = load(&browser, wrong, file).await;
    assert_eq!(
        (status, &refused["error"]["field"]),
        (StatusCode::BAD_REQUEST, &json!("mapping"))
    );
    let message = refused["error"]["message"].as_str().unwrap();
    assert!(message.contains("line 2, column 1: no such field"), "{message}");
}

#[tokio::test]
async fn a_rule_file_is_checked_by_place_and_counts_only_when_it_is_whole() {
    let room = Room::open().await;
    let officer = room.sign_in("intelligence").await;
    let send = async |path: &str, text: &str| {
        let request = officer.request(Method::POST, path);
        answer(
            request
                .header("content-type", "application/toml")
                .body(text.to_owned()),
        )
        .await
    };
    let (status, own) = officer.get("/api/rules").await;
    assert_eq!((status, &own["version"]), (StatusCode::OK, &json!(0)), "{own}");
    assert_eq!(own["rules"][0]["tests"][0]["expect"], true, "{own}");
    let good = "[[rule]]\nname = 'x'\nwhen = 'sightings.count == 9'\nset_grade = 2\n\
        [[rule.test]]\nname = 'a'\ngiven = { sightings = { count = 9 } }\nexpect = true\n\
        [[rule.test]]\nname = 'b'\nexpect = false\n";
    let bad = good.replace("count == 9", "count == 8");
    for (text, faults) in [(good, 0), (bad.as_str(), 1)] {
        let (status, checked) = send("/api/rules/check", text).await;
        assert_eq!(status, StatusCode::OK, "{checked}");
        assert_eq!(checked["faults"].as_array().unwrap().len(), faults, "{checked}");
    }
    let (status, refused) = send("/api/rules", &bad).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{refused}");
    assert_eq!(officer.get("/api/rules").await.1["version"], 0);
    let (status, loaded) = send("/api/rules", good).await;
    assert_eq!(status, StatusCode::OK, "{loaded}");
    let (_, live) = officer.get("/api/rules").await;
    assert_eq!(
        (&live["version"], &live["loaded_by"]),
        (&json!(1), &json!("intelligence"))
    );
    assert_eq!(live["rules"][0]["when"], "sightings.count == 9");
}
