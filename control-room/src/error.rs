//! What can go wrong, and what of it the outside hears.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use domain::case::Refusal;
use domain::nominal::NominalRefusal;
use domain::operation::OperationRefusal;
use domain::policy::DraftRefusal;
use intelligence::{Guess, IntelligenceError, RowFault};
use serde::Serialize;
use store::StoreError;
use store::distribution::DistributionRefusal;
use store::images::ImageError;
use stream::LogError;
use thiserror::Error;

/// Faults of a refused list that are sent back: a person mends the first hundred, the file's author the rest.
pub const MAX_FAULTS_SENT: usize = 100;
/// Seconds after which a client refused for a passing reason may try again.
const RETRY_AFTER_S: &str = "2";

/// Which step failed, or why a request was refused.
#[derive(Debug, Error)]
pub enum ControlRoomError {
    /// The store failed or refused.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The image store failed.
    #[error("reading an image")]
    Images(#[source] ImageError),
    /// A feed's folder failed.
    #[error("writing to a feed's folder")]
    Folder(#[source] std::io::Error),
    /// A list cannot be written as a file.
    #[error("writing a list for a client")]
    Export(#[source] std::io::Error),
    /// The log failed.
    #[error("reading the log")]
    Log(#[source] LogError),
    /// A file is no hotlist.
    #[error("reading a hotlist")]
    List(#[source] IntelligenceError),
    /// A hotlist has bad rows.
    #[error("{bad_rows} rows of the list are bad")]
    BadRows {
        /// The first faults.
        faults: Vec<RowFault>,
        /// All faults; a row may have several.
        fault_count: u64,
        /// Rows that have one.
        bad_rows: u64,
    },
    /// A value does not become JSON.
    #[error("encoding an answer")]
    Encode(#[source] serde_json::Error),
    /// A background computation did not come back.
    #[error("a background task ended early")]
    Task(#[source] tokio::task::JoinError),
    /// Something in the request is wrong.
    #[error("{field}: {message}")]
    Request {
        /// The field, parameter or `body`.
        field: String,
        /// What is wrong and what to do.
        message: String,
    },
    /// Well formed, but not possible.
    #[error("{field}: {message}")]
    Unprocessable {
        /// For programs.
        code: &'static str,
        /// The field.
        field: &'static str,
        /// What is wrong and what to do.
        message: String,
    },
    /// The body is too large.
    #[error("the body is larger than {limit} bytes")]
    TooLarge {
        /// What is taken.
        limit: usize,
    },
    /// Nobody is signed in.
    #[error("not signed in")]
    NotSignedIn,
    /// User name and password do not go together.
    #[error("user name or password is wrong")]
    BadCredentials,
    /// Too many failures for one user name.
    #[error("too many failed attempts")]
    TooManyAttempts {
        /// Seconds until the next attempt is heard.
        retry_after_s: i64,
    },
    /// The changing request of a browser lacks its token.
    #[error("the CSRF token is missing or wrong")]
    Csrf,
    /// The role does not allow it.
    #[error("the role of this user may not do this")]
    Forbidden,
    /// There is no such thing.
    #[error("no such {0}")]
    NotFound(&'static str),
    /// The route does something else.
    #[error("the route does not take this method")]
    MethodNotAllowed,
    /// A bound is reached; it passes.
    #[error("{0}")]
    Busy(&'static str),
    /// The binary was built before its page.
    #[error("built without its page: run cargo xtask up")]
    NoPage,
}

impl ControlRoomError {
    /// A request's field that is wrong, and what to do.
    pub(crate) fn request(field: impl Into<String>, message: impl ToString) -> Self {
        Self::Request {
            field: field.into(),
            message: message.to_string(),
        }
    }
}

/// What the outside hears.
struct Outside {
    status: StatusCode,
    code: &'static str,
    message: String,
    field: Option<String>,
}

impl Outside {
    fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            code,
            message: message.into(),
            field: None,
        }
    }

    fn field(self, field: impl Into<String>) -> Self {
        Self {
            field: Some(field.into()),
            ..self
        }
    }
}

#[derive(Serialize)]
struct Body {
    error: Detail,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    faults: Vec<RowFault>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fault_count: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    guess: Option<Box<Guess>>,
}

#[derive(Serialize)]
struct Detail {
    code: &'static str,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<String>,
}

fn refusal(refusal: &Refusal) -> Outside {
    let (status, code, field) = match refusal {
        Refusal::Superseded(_) => (StatusCode::CONFLICT, "superseded", None),
        Refusal::WrongState { .. } => (StatusCode::CONFLICT, "wrong_state", None),
        Refusal::UnitBusy { .. } => (StatusCode::CONFLICT, "unit_busy", Some("callsign")),
        Refusal::Answer(_) => (StatusCode::UNPROCESSABLE_ENTITY, "answer", Some("answer")),
        Refusal::FollowedUp { .. } => (StatusCode::CONFLICT, "closed", None),
        Refusal::WrongStep { .. } => (StatusCode::CONFLICT, "wrong_step", Some("to")),
        Refusal::WrongOutcome(_) => (StatusCode::UNPROCESSABLE_ENTITY, "wrong_outcome", Some("outcome")),
        Refusal::Note(_) => (StatusCode::UNPROCESSABLE_ENTITY, "note", Some("note")),
    };
    Outside {
        field: field.map(str::to_owned),
        ..Outside::new(status, code, refusal.to_string())
    }
}

fn draft_refusal(refusal: &DraftRefusal) -> Outside {
    let (status, code) = match refusal {
        DraftRefusal::Own(_) => (StatusCode::CONFLICT, "own_draft"),
        DraftRefusal::Decided { .. } => (StatusCode::CONFLICT, "decided"),
        DraftRefusal::Waits(_) => (StatusCode::CONFLICT, "draft_waits"),
        DraftRefusal::TooMany(_) => (StatusCode::CONFLICT, "too_many_drafts"),
        DraftRefusal::Reason => {
            return Outside::new(StatusCode::UNPROCESSABLE_ENTITY, "why", refusal.to_string()).field("why");
        }
    };
    Outside::new(status, code, refusal.to_string())
}

fn operation_refusal(refusal: &OperationRefusal) -> Outside {
    match refusal.field() {
        Some(field) => Outside::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "bad_operation",
            refusal.to_string(),
        )
        .field(field),
        None => Outside::new(StatusCode::CONFLICT, "not_running", refusal.to_string()),
    }
}

fn distribution_refusal(refusal: &DistributionRefusal) -> Outside {
    let (status, code) = match refusal {
        DistributionRefusal::Ahead { .. } => (StatusCode::CONFLICT, "ahead"),
        DistributionRefusal::TooOld(_) => (StatusCode::CONFLICT, "too_old"),
        DistributionRefusal::OnItsWay => (StatusCode::SERVICE_UNAVAILABLE, "busy"),
    };
    Outside::new(status, code, refusal.to_string())
}

fn nominal_refusal(refusal: NominalRefusal) -> Outside {
    let message = refusal.to_string();
    match (refusal, refusal.field()) {
        (NominalRefusal::Unknown | NominalRefusal::NotLinked, _) => {
            Outside::new(StatusCode::NOT_FOUND, "not_found", message)
        }
        (_, Some(field)) => {
            Outside::new(StatusCode::UNPROCESSABLE_ENTITY, "bad_nominal", message).field(field)
        }
        (_, None) => Outside::new(StatusCode::CONFLICT, "too_many_links", message),
    }
}

fn store(error: &StoreError) -> Outside {
    match error {
        StoreError::Nominal(reason) => nominal_refusal(*reason),
        StoreError::FollowsNominals => {
            Outside::new(StatusCode::CONFLICT, "follows_nominals", error.to_string())
        }
        StoreError::Refused(reason) => refusal(reason),
        StoreError::Draft(reason) => draft_refusal(reason),
        StoreError::Operation(reason) => operation_refusal(reason),
        StoreError::Distribution(reason) => distribution_refusal(reason),
        StoreError::NotFound(what) => Outside::new(
            StatusCode::NOT_FOUND,
            "not_found",
            format!("there is no such {what}"),
        ),
        StoreError::TooManyPatterns { .. } => Outside::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "too_many_patterns",
            error.to_string(),
        )
        .field("body"),
        StoreError::Exists(_) => Outside::new(StatusCode::CONFLICT, "exists", error.to_string()),
        _ => unavailable("the database does not answer; nothing was changed, try again in a moment"),
    }
}

fn unavailable(message: &str) -> Outside {
    Outside::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", message)
}

fn outside(error: &ControlRoomError) -> Outside {
    use ControlRoomError as E;
    match error {
        E::Store(error) => store(error),
        E::Images(_) => unavailable("the image store does not answer; try again in a moment"),
        E::Folder(_) => unavailable("the feed's folder cannot be written; nothing was kept, try again in a moment"),
        E::Export(_) => unavailable("the list cannot be written; try again in a moment"),
        E::Log(_) => unavailable("the log does not answer; try again in a moment"),
        E::List(error) => {
            Outside::new(StatusCode::UNPROCESSABLE_ENTITY, "bad_list", error.to_string()).field("body")
        }
        E::BadRows { bad_rows, .. } => Outside::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "bad_rows",
            format!("{bad_rows} rows are bad and nothing was changed; mend them, or load with accept_good_rows=true"),
        )
        .field("body"),
        E::Encode(_) | E::Task(_) => Outside::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            "something went wrong inside; try again, and tell the administrator if it stays",
        ),
        E::Request { field, message } => {
            Outside::new(StatusCode::BAD_REQUEST, "bad_request", message).field(field)
        }
        E::Unprocessable { code, field, message } => {
            Outside::new(StatusCode::UNPROCESSABLE_ENTITY, code, message).field(*field)
        }
        E::TooLarge { limit } => Outside::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "too_large",
            format!("send at most {limit} bytes"),
        )
        .field("body"),
        E::NotSignedIn => Outside::new(StatusCode::UNAUTHORIZED, "not_signed_in", "sign in first"),
        E::BadCredentials => Outside::new(
            StatusCode::UNAUTHORIZED,
            "bad_credentials",
            "user name or password is wrong",
        ),
        E::TooManyAttempts { retry_after_s } => Outside::new(
            StatusCode::TOO_MANY_REQUESTS,
            "too_many_attempts",
            format!("too many failed attempts for this user name; try again in {retry_after_s} s"),
        ),
        E::Csrf => Outside::new(
            StatusCode::FORBIDDEN,
            "csrf",
            "the header X-CSRF-Token is missing or wrong; reload the page",
        ),
        E::Forbidden => Outside::new(
            StatusCode::FORBIDDEN,
            "forbidden",
            "your role may not do this; ask a supervisor or an administrator",
        ),
        E::NotFound(what) => {
            Outside::new(StatusCode::NOT_FOUND, "not_found", format!("there is no such {what}"))
        }
        E::MethodNotAllowed => Outside::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "method_not_allowed",
            "the header Allow says what this route takes",
        ),
        E::Busy(what) => Outside::new(StatusCode::SERVICE_UNAVAILABLE, "busy", *what),
        E::NoPage => Outside::new(StatusCode::SERVICE_UNAVAILABLE, "no_page", error.to_string()),
    }
}

impl IntoResponse for ControlRoomError {
    fn into_response(self) -> Response {
        let Outside {
            status,
            code,
            message,
            field,
        } = outside(&self);
        if status.is_server_error() {
            tracing::warn!(code, cause = %causes(&self), "a request failed");
        }
        let retry_after = match &self {
            Self::TooManyAttempts { retry_after_s } => Some(HeaderValue::from(*retry_after_s)),
            _ if status == StatusCode::SERVICE_UNAVAILABLE => Some(HeaderValue::from_static(RETRY_AFTER_S)),
            _ => None,
        };
        let mut body = Body {
            error: Detail { code, message, field },
            faults: Vec::new(),
            fault_count: None,
            guess: None,
        };
        match self {
            Self::BadRows {
                mut faults,
                fault_count,
                ..
            } => {
                faults.truncate(MAX_FAULTS_SENT);
                (body.faults, body.fault_count) = (faults, Some(fault_count));
            }
            Self::List(IntelligenceError::Layout { guess, .. }) => body.guess = guess,
            _ => {}
        }
        let mut response = (status, Json(body)).into_response();
        if let Some(seconds) = retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, seconds);
        }
        response
    }
}

/// An error and what caused it, in one line.
pub(crate) fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text.push_str(": ");
        text.push_str(&inner.to_string());
        cause = inner.source();
    }
    text
}
