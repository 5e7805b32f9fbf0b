//! Policies of lists, drafts and the second person, the check before a load, and single entries with their history.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::harness::{Browser, Room, answer};

const FILE: &str = "vrm,grade,action,reason\nQX07 PLT,1,stop,stolen\nQX08PLT,4,intelligence,no insurance\n";

async fn send(browser: &Browser<'_>, path: &str, file: &str) -> (StatusCode, Value) {
    let request = browser.request(Method::POST, path);
    answer(request.header("content-type", "text/csv").body(file.to_owned())).await
}

fn policy(four_eyes: bool, max_days: u32) -> Value {
    json!({"four_eyes": four_eyes, "max_days": max_days, "owner": "FIB", "default_grade": null, "review_days": 90, "notice_days": 14})
}

#[tokio::test]
async fn a_supervisor_sets_a_policy_and_an_entry_that_lives_too_long_is_named() {
    let room = Room::open().await;
    let intelligence = room.sign_in("intelligence").await;
    let path = "/api/hotlists/stolen/policy";
    let (status, usual) = intelligence.get(path).await;
    assert_eq!(
        (status, &usual["own"], &usual["policy"]["four_eyes"]),
        (StatusCode::OK, &json!(false), &json!(false))
    );
    assert_eq!(
        intelligence.post(path, policy(false, 30)).await.0,
        StatusCode::FORBIDDEN
    );
    let supervisor = room.sign_in("supervisor").await;
    let (status, wrong) = supervisor.post(path, policy(false, 0)).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert!(
        wrong["error"]["message"].as_str().unwrap().contains("max_days"),
        "{wrong}"
    );
    let (status, set) = supervisor.post(path, policy(false, 30)).await;
    assert_eq!((status, &set["own"]), (StatusCode::OK, &json!(true)), "{set}");

    let file = "vrm,reason,expires_at\nQX07PLT,stolen,2199-01-31\n";
    let (status, refused) = send(&intelligence, "/api/hotlists/stolen/load", file).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    let fault = &refused["faults"][0];
    assert_eq!(
        (&fault["line"], &fault["column"]),
        (&json!(2), &json!("expires_at (3)"))
    );
    let reason = fault["reason"].as_str().unwrap();
    assert!(
        reason.contains("2199-01-31") && reason.contains("at most 30 days"),
        "{reason}"
    );
    let (status, _) = send(&intelligence, "/api/hotlists/stolen/load", FILE).await;
    assert_eq!(status, StatusCode::OK);
    let (_, entries) = intelligence.get("/api/hotlists/stolen/entries").await;
    assert!(entries["entries"][0]["expires_at"].is_string(), "{entries}");
}

#[tokio::test]
async fn four_eyes_hold_a_load_back_until_a_second_person_authorises_it() {
    let room = Room::open().await;
    let supervisor = room.sign_in("supervisor").await;
    supervisor
        .post("/api/hotlists/stolen/policy", policy(true, 365))
        .await;
    let author = room.sign_in("intelligence").await;
    let (status, loaded) = send(&author, "/api/hotlists/stolen/load?why=weekly", FILE).await;
    assert_eq!(status, StatusCode::OK, "{loaded}");
    assert!(loaded["change"].is_null());
    assert_eq!(
        (&loaded["draft"]["change"]["added"], &loaded["draft"]["why"]),
        (&json!(2), &json!("weekly"))
    );
    let (_, lists) = author.get("/api/hotlists").await;
    assert_eq!((&lists["entries"], &lists["drafts"]), (&json!(0), &json!(1)));
    let number = &loaded["draft"]["draft"];
    let (_, held) = author.get(&format!("/api/drafts/{number}/entries")).await;
    assert_eq!(held["entries"].as_array().unwrap().len(), 2);

    let path = format!("/api/drafts/{number}/decide");
    let authorise = json!({"verdict": "authorise"});
    let (status, own) = author.post(&path, authorise.clone()).await;
    assert_eq!(
        (status, &own["error"]["code"]),
        (StatusCode::CONFLICT, &json!("own_draft"))
    );
    assert!(own["error"]["message"].as_str().unwrap().contains("intelligence"));
    assert_eq!(
        supervisor.post(&path, authorise.clone()).await.0,
        StatusCode::FORBIDDEN
    );
    let second = room.sign_in("admin").await;
    let (status, why) = second.post(&path, json!({"verdict": "decline"})).await;
    assert_eq!(
        (status, &why["error"]["field"]),
        (StatusCode::UNPROCESSABLE_ENTITY, &json!("why"))
    );
    let (status, decided) = second.post(&path, authorise.clone()).await;
    assert_eq!(status, StatusCode::OK, "{decided}");
    assert_eq!(decided["change"]["added"], json!(2));
    assert_eq!(second.post(&path, authorise).await.0, StatusCode::CONFLICT);
    let (_, lists) = author.get("/api/hotlists").await;
    assert_eq!((&lists["entries"], &lists["drafts"]), (&json!(2), &json!(0)));
    assert_eq!(
        lists["lists"][0]["live"],
        json!(false),
        "no matcher runs here: {lists}"
    );

    let withdraw = json!({"vrm": "QX07PLT", "why": "found"});
    let (status, gone) = author.post("/api/hotlists/stolen/withdraw", withdraw).await;
    assert_eq!(
        (status, &gone["change"]["removed"]),
        (StatusCode::OK, &json!(1)),
        "{gone}"
    );
    let (_, whole) = author.post("/api/hotlists/stolen/withdraw", json!({})).await;
    assert_eq!(whole["draft"]["kind"], json!("withdrawal"), "{whole}");
}

#[tokio::test]
async fn a_check_says_what_a_load_would_do_and_does_nothing() {
    let room = Room::open().await;
    let browser = room.sign_in("intelligence").await;
    send(&browser, "/api/hotlists/stolen/load", FILE).await;
    let next = "vrm,grade,action,reason,expires_at\nQX07PLT,2,stop,stolen,\nAAAAAA,4,intelligence,x,\n\
                ABI2CDE,3,stop,x,2020-01-31\nABI2CDE,3,silent,y,\n";
    let (status, said) = send(&browser, "/api/hotlists/stolen/check", next).await;
    assert_eq!(status, StatusCode::OK, "{said}");
    assert_eq!(
        said["may_load"],
        json!(false),
        "one mark twice without references"
    );
    let next = next
        .replace("expires_at\n", "expires_at,ref\n")
        .replace(",\nA", ",,1\nA");
    let next = next
        .replace("2020-01-31", "2020-01-31,2")
        .replace("y,\n", "y,,3\n");
    let (status, said) = send(&browser, "/api/hotlists/stolen/check", &next).await;
    assert_eq!(
        (status, &said["may_load"]),
        (StatusCode::OK, &json!(true)),
        "{said}"
    );
    let change = &said["comparison"]["change"];
    assert_eq!((&change["added"], &change["removed"]), (&json!(4), &json!(2)));
    let reasons: Vec<_> = said["suspicions"].as_array().unwrap().iter().collect();
    let of = |line: u64, part: &str| {
        reasons
            .iter()
            .any(|one| one["line"] == line && one["reason"].as_str().unwrap().contains(part))
    };
    assert!(of(3, "dummy") && of(4, "character 3") && of(4, "weed date is past"));
    assert!(of(5, "line 4, and the two actions contradict"), "{said}");
    assert!(
        !said["suspicions"].to_string().contains("ABI2"),
        "no plate in a reason"
    );
    let (_, lists) = browser.get("/api/hotlists").await;
    assert_eq!(lists["revision"], json!(1));
}

#[tokio::test]
async fn a_single_entry_needs_all_that_somebody_answers_for_and_keeps_its_history() {
    let room = Room::open().await;
    let browser = room.sign_in("intelligence").await;
    let said = |grade: &str, owner: &str| {
        json!({"why": "seen twice", "entry": {"vrm": "QX07 PLT", "grade": grade, "action": "observe", "reason_code": "INTELLIGENCE", "reason": "of interest",
               "owner": owner, "expires_at": "2099-12-31"}})
    };
    let path = "/api/hotlists/wanted/entries";
    let (status, refused) = browser.post(path, said("2", " ")).await;
    assert_eq!(
        (status, &refused["error"]["field"]),
        (StatusCode::BAD_REQUEST, &json!("owner"))
    );
    let (status, refused) = browser.post(path, said("9", "FIB")).await;
    assert_eq!(
        (status, &refused["faults"][0]["column"]),
        (StatusCode::UNPROCESSABLE_ENTITY, &json!("grade (2)"))
    );
    for grade in ["2", "1"] {
        let (status, put) = browser.post(path, said(grade, "FIB")).await;
        assert_eq!(status, StatusCode::OK, "{put}");
    }
    let (_, entries) = browser.get(path).await;
    let id = entries["entries"][0]["entry_id"].as_str().unwrap();
    let (status, history) = browser.get(&format!("{path}/{id}/history")).await;
    assert_eq!(status, StatusCode::OK, "{history}");
    let [newest, oldest] = &history["changes"].as_array().unwrap()[..] else {
        panic!("{history}")
    };
    assert_eq!(
        (&newest["before"]["grade"], &newest["after"]["grade"]),
        (&json!(2), &json!(1))
    );
    assert_eq!(
        (&newest["by"], &newest["why"]),
        (&json!("intelligence"), &json!("seen twice"))
    );
    assert_eq!(
        (&oldest["before"], &oldest["after"]["grade"]),
        (&Value::Null, &json!(2))
    );
    let audited = room.audited().await;
    assert_eq!(audited.last().unwrap().0, "view_entry_history");
}
