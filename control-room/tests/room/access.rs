//! Every route of the description, as nobody and as every role.

use domain::user::{Permission, Role};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::harness::{Room, answer};

const METHODS: [(&str, Method); 4] = [
    ("get", Method::GET),
    ("post", Method::POST),
    ("put", Method::PUT),
    ("delete", Method::DELETE),
];

/// What no user has.
const FEED: &str = "the feed's own token";

struct Described {
    method: Method,
    path: String,
    /// What it needs; none where nobody needs to be signed in.
    needs: Option<String>,
}

/// Every operation of the description, with its parameters filled in.
fn operations(document: &Value) -> Vec<Described> {
    let mut found = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (name, operation) in item.as_object().unwrap() {
            let (_, method) = METHODS
                .iter()
                .find(|(known, _)| known == name)
                .expect("a known method");
            let path = path
                .replace("{case_id}", &"0".repeat(32))
                .replace("{deployment_id}", &"0".repeat(32))
                .replace("{hash}", &"0".repeat(64))
                .replace("{list}", "none")
                .replace("{feed}", "none")
                .replace("{draft}", "1")
                .replace("{nominal}", "none")
                .replace("{operation}", "none")
                .replace("{entry_id}", &"0".repeat(32));
            assert!(
                !path.contains('{'),
                "{path}: a parameter that this test does not know"
            );
            found.push(Described {
                method: method.clone(),
                path,
                needs: operation["x-needs"].as_str().map(str::to_owned),
            });
        }
    }
    found
}

async fn document(room: &Room) -> Value {
    let admin = room.sign_in("admin").await;
    let (status, document) = admin.get("/api/openapi.json").await;
    assert_eq!(status, StatusCode::OK);
    document
}

fn permission(name: &str) -> Option<Permission> {
    Some(match name {
        "view_cases" => Permission::ViewCases,
        "act_on_cases" => Permission::ActOnCases,
        "report_observations" => Permission::ReportObservations,
        "see_why" => Permission::SeeWhy,
        "follow_up" => Permission::FollowUp,
        "view_hotlists" => Permission::ViewHotlists,
        "change_hotlists" => Permission::ChangeHotlists,
        "change_policies" => Permission::ChangePolicies,
        "answer_calls" => Permission::AnswerCalls,
        "view_yield" => Permission::ViewYield,
        "take_lists" => Permission::TakeLists,
        "view_audit" => Permission::ViewAudit,
        "administer" => Permission::Administer,
        "any signed-in user" => return None,
        other => panic!("{other}: a permission that this test does not know"),
    })
}

#[tokio::test]
async fn nobody_gets_anything_but_the_sign_in() {
    let room = Room::open().await;
    let operations = operations(&document(&room).await);
    assert!(operations.len() >= 20, "{}", operations.len());
    let mut open = Vec::new();
    for Described { method, path, needs } in operations {
        if needs.is_none() {
            open.push(format!("{method} {path}"));
            continue;
        }
        let plain = room.request(method.clone(), &path);
        let forged = room
            .request(method.clone(), &path)
            .header("cookie", "steelring_session=forged")
            .header("x-csrf-token", "");
        for request in [plain, forged] {
            let (status, body) = answer(request.json(&json!({}))).await;
            assert_eq!(status, StatusCode::UNAUTHORIZED, "{method} {path}");
            assert_eq!(body["error"]["code"], "not_signed_in", "{method} {path}");
        }
    }
    open.sort();
    assert_eq!(open, ["GET /healthz", "GET /readyz", "POST /api/session"]);
}

#[tokio::test]
async fn every_role_gets_what_its_permissions_say_and_nothing_else() {
    let room = Room::open().await;
    let document = document(&room).await;
    for (role, name) in Role::ALL {
        let token = room.token(name).await;
        for Described { method, path, needs } in operations(&document) {
            let Some(needs) = needs else { continue };
            if needs == FEED {
                let request = room.request(method.clone(), &path).bearer_auth(&token);
                assert_eq!(
                    answer(request).await.0,
                    StatusCode::UNAUTHORIZED,
                    "{name} {method} {path}"
                );
                continue;
            }
            let allowed = permission(&needs).is_none_or(|permission| role.may(permission));
            let request = room
                .request(method.clone(), &path)
                .bearer_auth(&token)
                .json(&json!({}));
            let response = request.send().await.unwrap();
            let status = response.status();
            assert_ne!(status, StatusCode::UNAUTHORIZED, "{name} {method} {path}");
            assert_eq!(
                status == StatusCode::FORBIDDEN,
                !allowed,
                "{name} {method} {path}: {status}"
            );
            assert!(!status.is_server_error(), "{name} {method} {path}: {status}");
        }
    }
    let denied = room
        .audited()
        .await
        .into_iter()
        .filter(|(action, _)| action == "denied");
    let subjects: Vec<_> = denied.map(|(_, subject)| subject).collect();
    assert!(
        subjects.contains(&"POST /api/hotlists/{list}/load".to_owned()),
        "{subjects:?}"
    );
}

#[tokio::test]
async fn no_changing_route_answers_a_browser_without_its_csrf_token() {
    let room = Room::open().await;
    let operations = operations(&document(&room).await);
    let admin = room.sign_in("admin").await;
    for Described { method, path, needs } in operations {
        // A browser's session opens no feed.
        if needs.as_deref().is_none_or(|needs| needs == FEED) || method == Method::GET {
            continue;
        }
        let request = room
            .request(method.clone(), &path)
            .header("cookie", &admin.cookie)
            .json(&json!({}));
        let (status, body) = answer(request).await;
        assert_eq!(
            (status, &body["error"]["code"]),
            (StatusCode::FORBIDDEN, &json!("csrf")),
            "{method} {path}"
        );
    }
    assert_eq!(
        admin.get("/api/session").await.0,
        StatusCode::OK,
        "the session was not ended either"
    );
}

#[tokio::test]
async fn every_answer_carries_the_security_headers() {
    let room = Room::open().await;
    let browser = room.sign_in("operator").await;
    for request in [
        room.request(Method::GET, "/"),
        room.request(Method::GET, "/healthz"),
        room.request(Method::GET, "/api/cases"),
        room.request(Method::GET, "/api/nothing"),
        room.request(Method::PUT, "/api/cases"),
        browser.request(Method::GET, "/api/cases"),
        browser.request(Method::GET, "/api/events"),
    ] {
        let response = request.send().await.unwrap();
        let headers = response.headers();
        let policy = headers["content-security-policy"].to_str().unwrap();
        assert!(policy.starts_with("default-src 'self';"), "{policy}");
        assert!(policy.contains("frame-ancestors 'none'"), "{policy}");
        assert_eq!(headers["x-content-type-options"], "nosniff");
        assert_eq!(headers["referrer-policy"], "no-referrer");
        assert!(headers.contains_key("cache-control"));
    }
    let cases = browser.request(Method::GET, "/api/cases").send().await.unwrap();
    assert_eq!(cases.headers()["cache-control"], "no-store");
}

#[tokio::test]
async fn health_needs_no_user_and_what_is_not_there_is_not_found() {
    let room = Room::open().await;
    let status = async |path: &str| answer(room.request(Method::GET, path)).await.0;
    assert_eq!(status("/healthz").await, StatusCode::OK);
    assert_eq!(status("/api/nothing").await, StatusCode::NOT_FOUND);
    assert_eq!(status("/api").await, StatusCode::NOT_FOUND);
    let begun = std::time::Instant::now();
    while status("/readyz").await != StatusCode::OK {
        assert!(begun.elapsed() < crate::harness::PATIENCE, "never ready");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    // The page may not have been built for this test; then it says so.
    let (page, body) = answer(room.request(Method::GET, "/")).await;
    match page {
        StatusCode::OK => assert!(body.as_str().unwrap().contains("<html")),
        other => {
            assert_eq!(other, StatusCode::SERVICE_UNAVAILABLE);
            assert_eq!(
                body["error"]["message"],
                "built without its page: run cargo xtask up"
            );
        }
    }
}
