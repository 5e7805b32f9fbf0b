//! Addresses and answers.
//!
//! | answer | when |
//! |---|---|
//! | 200 `{"accepted":[read id ...]}` | everything is durable; `held` counts sightings of cars still in view |
//! | 207 `{"accepted", "results"}` | some reads of a message are, others are refused: `results` has each, in the message's order |
//! | 4xx `{"error":{code,message,field}}` | nothing of it can be read; it is a dead letter |
//! | 401, 404, 405, 408, 413, 415 | it was not read at all, and is none |
//! | 503 with `Retry-After` | nothing was accepted: post it all again |

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use domain::Timestamp;
use serde_json::{Value, json};
use store::Store;
use store::sources::Source;
use stream::trace::{HEADER_TRACE, TraceParent};
use tokio::time::Instant;
use tracing::{Instrument, info_span};

use crate::body::{self, Admission};
use crate::dead_letters;
use crate::error::Refusal;
use crate::formats::{self, Address, IMAGES};
use crate::intake::{Fate, Intake, Post, count_refused};
use crate::limits::RETRY_AFTER_S;
use crate::message::Message;
use crate::sources::Sources;

/// What every handler needs.
pub(crate) struct Service {
    pub(crate) sources: Sources,
    pub(crate) intake: Intake,
    pub(crate) store: Store,
    pub(crate) admission: Admission,
}

/// Every address.
pub(crate) fn router(service: Arc<Service>) -> Router {
    let mut router = Router::new();
    for address in formats::all() {
        let path = address.path.clone();
        let address = Arc::new(address);
        router = router.route(
            &path,
            post(
                move |State(service): State<Arc<Service>>, request: Request| async move {
                    let work = receive(&service, &address, request);
                    timed(address.name, work).await
                },
            ),
        );
    }
    router
        .route("/v1/images", post(receive_image))
        .route("/dlq", get(dead_letters::list))
        .route("/dlq/{partition}/{offset}", get(dead_letters::show))
        .route("/dlq/{partition}/{offset}/replay", post(dead_letters::replay))
        .fallback(unknown)
        .method_not_allowed_fallback(wrong_method)
        .with_state(service)
}

async fn timed(format: &'static str, work: impl Future<Output = Response>) -> Response {
    let start = Instant::now();
    let response = work.await;
    metrics::histogram!("steelring_ingest_request_seconds", "format" => format).record(start.elapsed());
    response
}

async fn receive(service: &Service, address: &Address, request: Request) -> Response {
    let caller = request.headers().get(HEADER_TRACE).map(HeaderValue::as_bytes);
    let caller = caller.and_then(TraceParent::parse);
    let (source, message, _admitted) = match enter(service, request).await {
        Ok(entered) => entered,
        Err(refusal) => {
            count_refused(address.name, &refusal);
            return refusal.into_response();
        }
    };
    let post = Post {
        source: &source,
        message,
        received_at: Timestamp::now(),
        caller,
        bury: true,
    };
    let span = info_span!("post", source = %source.name, format = address.name);
    match service.intake.take(address, &post).instrument(span).await {
        Ok(fates) => answer(&fates),
        Err(refusal) => {
            count_refused(address.name, &refusal);
            refusal.into_response()
        }
    }
}

async fn receive_image(State(service): State<Arc<Service>>, request: Request) -> Response {
    let work = async {
        let entered = enter(&service, request).await;
        let (source, message, _admitted) = match entered {
            Ok(entered) => entered,
            Err(refusal) => {
                count_refused(IMAGES, &refusal);
                return refusal.into_response();
            }
        };
        let post = Post {
            source: &source,
            message,
            received_at: Timestamp::now(),
            caller: None,
            bury: true,
        };
        match service.intake.take_image(&post).await {
            Ok(hash) => json_answer(StatusCode::OK, &json!({ "hash": hash })),
            Err(refusal) => refusal.into_response(),
        }
    };
    timed(IMAGES, work).await
}

/// Lets a source in and reads its message into memory.
async fn enter(
    service: &Service,
    request: Request,
) -> Result<(Arc<Source>, Message, body::Admitted), Refusal> {
    let (head, body) = request.into_parts();
    let admitted = async {
        let source = service.sources.sign_in(&head.headers).await?;
        check_encoding(&head.headers)?;
        let admitted = service.admission.admit(body::announced(&head.headers))?;
        Ok((source, admitted))
    };
    let (source, admitted) = match admitted.await {
        Ok(admitted) => admitted,
        Err(refusal) => {
            body::discard(&head.headers, body);
            return Err(refusal);
        }
    };
    let message = Message {
        content_type: text_of(&head.headers, header::CONTENT_TYPE),
        body: body::read(body).await?,
    };
    Ok((source, message, admitted))
}

fn check_encoding(headers: &HeaderMap) -> Result<(), Refusal> {
    match text_of(headers, header::CONTENT_ENCODING) {
        Some(encoding) if !encoding.eq_ignore_ascii_case("identity") => Err(Refusal::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "bad_content_encoding",
            "the body is compressed: send it without Content-Encoding",
        )),
        _ => Ok(()),
    }
}

fn text_of(headers: &HeaderMap, name: header::HeaderName) -> Option<String> {
    headers
        .get(name)
        .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
}

/// The answer to a message that was read.
pub(crate) fn answer(fates: &[Fate]) -> Response {
    let accepted: Vec<_> = fates
        .iter()
        .filter_map(|fate| match fate {
            Fate::Accepted(read) => Some(read),
            _ => None,
        })
        .collect();
    let held = fates.iter().filter(|fate| **fate == Fate::Held).count();
    let first_refusal = fates.iter().find_map(|fate| match fate {
        Fate::Refused(refusal) => Some(refusal),
        _ => None,
    });
    let mut body = json!({ "accepted": accepted });
    if held > 0 {
        body["held"] = held.into();
    }
    let Some(refusal) = first_refusal else {
        return json_answer(StatusCode::OK, &body);
    };
    if fates.len() == 1 {
        return refusal.clone().into_response();
    }
    body["results"] = fates.iter().map(Fate::to_json).collect();
    if accepted.is_empty() && held == 0 {
        body["error"] = refusal.to_json();
        return json_answer(StatusCode::UNPROCESSABLE_ENTITY, &body);
    }
    json_answer(StatusCode::MULTI_STATUS, &body)
}

pub(crate) fn json_answer(status: StatusCode, body: &Value) -> Response {
    let headers = [
        (header::CONTENT_TYPE, "application/json"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    (status, headers, body.to_string()).into_response()
}

impl Fate {
    fn to_json(&self) -> Value {
        match self {
            Self::Accepted(read) => json!({ "read_id": read }),
            Self::Held => json!({ "held": true }),
            Self::Refused(refusal) => json!({ "error": refusal.to_json() }),
        }
    }
}

impl Refusal {
    /// The refusal as an answer shows it.
    pub(crate) fn to_json(&self) -> Value {
        json!({ "code": self.code, "message": self.message, "field": self.field })
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut response = json_answer(self.status, &json!({ "error": self.to_json() }));
        let headers = response.headers_mut();
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(header::RETRY_AFTER, RETRY_AFTER_S.into());
        }
        if self.status == StatusCode::UNAUTHORIZED {
            for challenge in [
                "Bearer realm=\"steelring ingest\"",
                "Basic realm=\"steelring ingest\"",
            ] {
                headers.append(header::WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
            }
        }
        response
    }
}

/// An address that is none of ours. Strangers are not told which are.
async fn unknown(State(service): State<Arc<Service>>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    body::discard(&head.headers, body);
    if let Err(refusal) = service.sources.sign_in(&head.headers).await {
        return refusal.into_response();
    }
    let mut known: Vec<_> = formats::all()
        .map(|address| format!("POST {}", address.path))
        .collect();
    known.push("POST /v1/images".into());
    let message = format!(
        "there is no such address or format; known are {}",
        known.join(", ")
    );
    let refusal = Refusal::new(StatusCode::NOT_FOUND, "unknown_address", message);
    count_refused("unknown", &refusal);
    json_answer(
        refusal.status,
        &json!({ "error": refusal.to_json(), "known": known }),
    )
}

async fn wrong_method(State(service): State<Arc<Service>>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    body::discard(&head.headers, body);
    match service.sources.sign_in(&head.headers).await {
        Err(refusal) => refusal.into_response(),
        Ok(_) => {
            let message = "formats and images are taken by POST, dead letters are read by GET";
            Refusal::new(StatusCode::METHOD_NOT_ALLOWED, "wrong_method", message).into_response()
        }
    }
}
