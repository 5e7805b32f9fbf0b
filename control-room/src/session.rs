//! Sign-in, sign-out, and who is asking.

use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use domain::user::{Permission, User};
use domain::{Timestamp, UserName};
use jiff::SignedDuration;
use serde::{Deserialize, Serialize};
use store::Store;
use tokio::sync::Semaphore;
use utoipa::ToSchema;

use crate::access::{Credential, SignedIn};
use crate::app::App;
use crate::error::ControlRoomError;
use crate::extract::Body;
use crate::schemas;
use crate::throttle::Throttle;
use crate::{passwords, secrets};

/// The cookie that carries a session's secret.
pub const COOKIE: &str = "steelring_session";
/// How long a session lives: a twelve-hour shift and its handover.
pub const SESSION_LENGTH: SignedDuration = SignedDuration::from_hours(13);
/// Passwords hashed at once: each takes 19 MiB and a core for tens of milliseconds, and the queue of cases must go on.
pub const MAX_HASHES_AT_ONCE: usize = 2;
/// How long a sign-in waits for its turn to be hashed.
pub const HASH_WAIT: Duration = Duration::from_secs(5);

/// What stands in for the hash of a user who is not there, so that the answer takes as long.
static NOBODYS_HASH: LazyLock<String> = LazyLock::new(|| passwords::hash(&passwords::random()));

/// Where people sign in.
pub(crate) struct Desk {
    throttle: Mutex<Throttle>,
    hashing: Semaphore,
}

/// Who wants to sign in.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Credentials {
    username: String,
    password: String,
}

/// Who is signed in.
#[derive(Serialize, ToSchema)]
pub(crate) struct SessionAnswer {
    #[schema(value_type = schemas::User)]
    user: User,
    /// What changing requests of this session carry in `X-CSRF-Token`.
    csrf: String,
    /// What the user may do.
    permissions: Vec<&'static str>,
}

impl Desk {
    pub(crate) fn new() -> Self {
        Self {
            throttle: Mutex::default(),
            hashing: Semaphore::new(MAX_HASHES_AT_ONCE),
        }
    }

    /// Checks a password, waiting for a turn. An unknown user costs the same time as a wrong password.
    async fn verify(&self, password: String, stored: Option<String>) -> Result<bool, ControlRoomError> {
        let turn = tokio::time::timeout(HASH_WAIT, self.hashing.acquire())
            .await
            .map_err(|_| ControlRoomError::Busy("too many people are signing in; try again in a moment"))?;
        let check = move || {
            let known = stored.is_some();
            let right = passwords::verify(&password, stored.as_deref().unwrap_or(&NOBODYS_HASH));
            known && right
        };
        let verdict = tokio::task::spawn_blocking(check)
            .await
            .map_err(ControlRoomError::Task);
        drop(turn);
        verdict
    }

    fn throttle<T>(&self, act: impl FnOnce(&mut Throttle) -> T) -> T {
        act(&mut self.throttle.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Makes the stand-in hash, so that the first unknown user does not wait for it.
pub(crate) fn warm_up() {
    LazyLock::force(&NOBODYS_HASH);
}

/// `POST /api/session`
pub(crate) async fn sign_in(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    Body(Credentials { username, password }): Body<Credentials>,
) -> Result<Response, ControlRoomError> {
    let name = username.trim().to_owned();
    if name.is_empty() || name.len() > passwords::MAX_BYTES {
        return Err(ControlRoomError::request("username", "say who you are"));
    }
    if password.len() > passwords::MAX_BYTES {
        return Err(ControlRoomError::request(
            "password",
            passwords::PasswordError::TooLong,
        ));
    }
    let now = Timestamp::now();
    let stored = match UserName::parse(&name) {
        Ok(name) => app.store.user(&name).await?,
        Err(_) => None,
    };
    if let Err(wait) = app.desk.throttle(|throttle| throttle.admit(&name, now)) {
        count("throttled");
        if wait.first {
            audit_failure(&app.store, stored.as_ref(), "too many failures, now waiting", now).await?;
        }
        return Err(ControlRoomError::TooManyAttempts {
            retry_after_s: wait.seconds,
        });
    }
    let hash = stored.as_ref().map(|(_, hash)| hash.clone());
    let right = match app.desk.verify(password, hash).await {
        Ok(right) => right,
        Err(error) => {
            app.desk.throttle(|throttle| throttle.take_back(&name, now));
            return Err(error);
        }
    };
    match stored {
        Some((user, _)) if right && !user.disabled => {
            app.desk.throttle(|throttle| throttle.take_back(&name, now));
            open(&app.store, user, is_https(&headers)).await
        }
        stored => {
            count("refused");
            audit_failure(&app.store, stored.as_ref(), "", Timestamp::now()).await?;
            Err(ControlRoomError::BadCredentials)
        }
    }
}

async fn open(store: &Store, user: User, https: bool) -> Result<Response, ControlRoomError> {
    let now = Timestamp::now();
    let (token, secret) = secrets::new();
    let csrf = secrets::random_text();
    store
        .open_session(secret, &user.name, &csrf, now + SESSION_LENGTH)
        .await?;
    store
        .audit(
            user.name.as_str(),
            "sign_in",
            user.name.as_str(),
            user.role.name(),
            now,
        )
        .await?;
    count("accepted");
    tracing::info!(user = %user.name, "signed in");
    let cookie = cookie(&token, SESSION_LENGTH.as_secs(), https)?;
    let mut response = Json(answer(user, csrf)).into_response();
    response.headers_mut().insert(header::SET_COOKIE, cookie);
    Ok(response)
}

/// Records a failed sign-in. What was typed as the name of nobody is left out: it may be a password in the wrong box.
async fn audit_failure(
    store: &Store,
    stored: Option<&(User, String)>,
    why: &str,
    now: Timestamp,
) -> Result<(), ControlRoomError> {
    let (subject, detail) = match stored {
        None => ("unknown user", why),
        Some((user, _)) if user.disabled => (user.name.as_str(), "the user is disabled"),
        Some((user, _)) => (user.name.as_str(), why),
    };
    tracing::warn!(user = subject, "a sign-in failed");
    store
        .audit("control-room", "sign_in_failed", subject, detail, now)
        .await?;
    Ok(())
}

/// `GET /api/session`
pub(crate) async fn who(signed_in: SignedIn) -> Json<SessionAnswer> {
    let csrf = match signed_in.credential {
        Credential::Session { csrf, .. } => csrf,
        Credential::Token { .. } => String::new(),
    };
    Json(answer(signed_in.user, csrf))
}

/// `DELETE /api/session`
pub(crate) async fn sign_out(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    signed_in: SignedIn,
) -> Result<Response, ControlRoomError> {
    let Credential::Session { secret, .. } = signed_in.credential else {
        return Err(ControlRoomError::request(
            "authorization",
            "a program's token has no session to end; disable its user or replace the token",
        ));
    };
    app.store.end_session(secret).await?;
    let name = signed_in.user.name.as_str();
    app.store
        .audit(name, "sign_out", name, "", Timestamp::now())
        .await?;
    let mut response = StatusCode::NO_CONTENT.into_response();
    response
        .headers_mut()
        .insert(header::SET_COOKIE, cookie("", 0, is_https(&headers))?);
    Ok(response)
}

fn answer(user: User, csrf: String) -> SessionAnswer {
    let permissions = PERMISSIONS
        .iter()
        .filter(|(permission, _)| user.role.may(*permission))
        .map(|(_, name)| *name)
        .collect();
    SessionAnswer {
        user,
        csrf,
        permissions,
    }
}

/// Every permission with its name on the wire.
pub(crate) const PERMISSIONS: [(Permission, &str); 13] = [
    (Permission::ViewCases, "view_cases"),
    (Permission::ActOnCases, "act_on_cases"),
    (Permission::ReportObservations, "report_observations"),
    (Permission::SeeWhy, "see_why"),
    (Permission::FollowUp, "follow_up"),
    (Permission::ViewHotlists, "view_hotlists"),
    (Permission::ChangeHotlists, "change_hotlists"),
    (Permission::ChangePolicies, "change_policies"),
    (Permission::AnswerCalls, "answer_calls"),
    (Permission::ViewYield, "view_yield"),
    (Permission::TakeLists, "take_lists"),
    (Permission::ViewAudit, "view_audit"),
    (Permission::Administer, "administer"),
];

/// A permission's name on the wire.
pub(crate) fn permission_name(permission: Permission) -> &'static str {
    PERMISSIONS
        .iter()
        .find(|(known, _)| *known == permission)
        .map_or("", |(_, name)| name)
}

/// The session's cookie: not for scripts, not for requests that other sites start, and not in clear where a proxy in
/// front speaks https.
fn cookie(token: &str, max_age_s: i64, https: bool) -> Result<HeaderValue, ControlRoomError> {
    let secure = if https { "; Secure" } else { "" };
    let text = format!("{COOKIE}={token}; HttpOnly; SameSite=Strict; Path=/; Max-Age={max_age_s}{secure}");
    HeaderValue::try_from(text).map_err(|_| ControlRoomError::NotSignedIn)
}

fn is_https(headers: &HeaderMap) -> bool {
    headers
        .get("x-forwarded-proto")
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split(',').next())
        .is_some_and(|proto| proto.trim().eq_ignore_ascii_case("https"))
}

fn count(result: &'static str) {
    metrics::counter!("steelring_control_room_sign_ins_total", "result" => result).increment(1);
}
