//! What a request says, taken apart: every mistake names its field.

use axum::body::Body as RawBody;
use axum::extract::{FromRequest, FromRequestParts, RawPathParams, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use bytes::Bytes;
use futures::StreamExt;
use serde::de::DeserializeOwned;
use std::fmt::Display;
use std::str::FromStr;
use std::time::Duration;

use crate::error::ControlRoomError;

/// Largest JSON body, in bytes: a note of 2,000 characters, escaped, with room to spare.
pub const MAX_JSON_BYTES: usize = 64 * 1024;

/// How long a JSON body may take to arrive.
pub const BODY_WITHIN: Duration = Duration::from_secs(10);

/// How long a sender may pause within a file before it is given up: it holds a place that others wait for.
pub const MAX_PAUSE: Duration = Duration::from_secs(30);

/// A JSON body.
pub(crate) struct Body<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = ControlRoomError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ControlRoomError> {
        // A form of another site can send text or form data unasked, but not this type.
        if !is_json(request.headers()) {
            return Err(ControlRoomError::request(
                "content-type",
                "send the body as application/json",
            ));
        }
        let received = tokio::time::timeout(BODY_WITHIN, Bytes::from_request(request, state)).await;
        let bytes = received
            .map_err(|_| ControlRoomError::request("body", "the body did not come in time; send it again"))?
            .map_err(|rejection| match rejection.status().as_u16() {
                413 => ControlRoomError::TooLarge {
                    limit: MAX_JSON_BYTES,
                },
                _ => ControlRoomError::request("body", "the body broke off; send it again"),
            })?;
        let mut json = serde_json::Deserializer::from_slice(&bytes);
        let value = serde_path_to_error::deserialize(&mut json)
            .map_err(|error| wrong(&error.path().to_string(), "body", error.inner()))?;
        json.end()
            .map_err(|error| ControlRoomError::request("body", error))?;
        Ok(Self(value))
    }
}

/// The parameters behind the question mark.
pub(crate) struct Asked<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Asked<T> {
    type Rejection = ControlRoomError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ControlRoomError> {
        let query = parts.uri.query().unwrap_or_default();
        let pairs = serde_urlencoded::Deserializer::new(form_urlencoded::parse(query.as_bytes()));
        serde_path_to_error::deserialize(pairs)
            .map(Self)
            .map_err(|error| wrong(&error.path().to_string(), "query", error.inner()))
    }
}

/// A parameter in the path.
pub(crate) struct Named<T>(pub T);

/// A value that stands in a path: its parameter there, and how it reads.
pub(crate) trait InPath: FromStr<Err: Display> {
    /// The parameter's name in the path.
    const NAME: &'static str;
}

impl InPath for domain::CaseId {
    const NAME: &'static str = "case_id";
}
impl InPath for domain::DeploymentId {
    const NAME: &'static str = "deployment_id";
}
impl InPath for domain::ImageHash {
    const NAME: &'static str = "hash";
}
impl InPath for domain::EntryId {
    const NAME: &'static str = "entry_id";
}
impl InPath for u64 {
    /// Drafts are the one thing that has a number.
    const NAME: &'static str = "draft";
}
impl InPath for domain::NominalRef {
    const NAME: &'static str = "nominal";
}
impl InPath for domain::OperationName {
    const NAME: &'static str = "operation";
}
impl InPath for domain::FeedName {
    const NAME: &'static str = "feed";
}
impl InPath for domain::ListName {
    const NAME: &'static str = "list";
}

impl<S: Send + Sync, T: InPath> FromRequestParts<S> for Named<T> {
    type Rejection = ControlRoomError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ControlRoomError> {
        let parameters = RawPathParams::from_request_parts(parts, state)
            .await
            .map_err(|_| ControlRoomError::request(T::NAME, "the path is not valid UTF-8"))?;
        let text = parameters
            .iter()
            .find(|(name, _)| *name == T::NAME)
            .map_or("", |(_, text)| text);
        text.parse()
            .map(Self)
            .map_err(|error: T::Err| ControlRoomError::request(T::NAME, error))
    }
}

/// Reads a parameter that may be missing; an empty one counts as missing.
pub(crate) fn optional<T: FromStr<Err: Display>>(
    field: &'static str,
    text: Option<&str>,
) -> Result<Option<T>, ControlRoomError> {
    match text.map(str::trim) {
        None | Some("") => Ok(None),
        Some(text) => text
            .parse()
            .map(Some)
            .map_err(|error: T::Err| ControlRoomError::request(field, error)),
    }
}

/// A limit between 1 and `most`; `usual` where none was asked for.
pub(crate) fn limit(asked: Option<u32>, usual: u32, most: u32) -> Result<u32, ControlRoomError> {
    match asked {
        None => Ok(usual),
        Some(number) if (1..=most).contains(&number) => Ok(number),
        Some(_) => Err(ControlRoomError::request("limit", format!("1 to {most}"))),
    }
}

fn wrong(path: &str, whole: &str, error: &dyn Display) -> ControlRoomError {
    let message = error.to_string();
    // A missing or unknown field is reported on what lacks or holds it; people look for its own name.
    let whole_value = matches!(path, "." | "?");
    let named = whole_value
        .then(|| message.split('`').nth(1).filter(|_| message.contains("field `")))
        .flatten();
    let field = match (named, path) {
        (Some(name), _) => name,
        (None, _) if whole_value => whole,
        (None, path) => path,
    };
    ControlRoomError::request(field, &message)
}

fn is_json(headers: &HeaderMap) -> bool {
    headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split(';').next())
        .is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json"))
}

/// Takes a file in, of at most so many bytes: [`MAX_JSON_BYTES`] bounds decoded bodies, a raw one is bounded here.
pub(crate) async fn receive(body: RawBody, limit: usize) -> Result<Vec<u8>, ControlRoomError> {
    let mut chunks = body.into_data_stream();
    let mut file = Vec::new();
    loop {
        let chunk = tokio::time::timeout(MAX_PAUSE, chunks.next())
            .await
            .map_err(|_| ControlRoomError::request("body", "the file stopped coming; send it again"))?;
        let Some(chunk) = chunk else {
            return Ok(file);
        };
        let chunk =
            chunk.map_err(|_| ControlRoomError::request("body", "the file broke off; send it again"))?;
        if file.len() + chunk.len() > limit {
            return Err(ControlRoomError::TooLarge { limit });
        }
        file.extend_from_slice(&chunk);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[allow(dead_code, reason = "only its errors are looked at")]
    struct Sample {
        version: u64,
        #[serde(default)]
        note: String,
    }

    async fn field_of(content_type: &str, body: &str) -> String {
        let request = Request::builder()
            .header(header::CONTENT_TYPE, content_type)
            .body(axum::body::Body::from(body.to_owned()))
            .unwrap();
        match Body::<Sample>::from_request(request, &()).await {
            Err(ControlRoomError::Request { field, .. }) => field,
            Err(other) => format!("{other:?}"),
            Ok(_) => "none".to_owned(),
        }
    }

    #[tokio::test]
    async fn every_mistake_in_a_body_names_its_field() {
        for (body, expected) in [
            (r#"{"version":1}"#, "none"),
            (r#"{"version":"x"}"#, "version"),
            (r#"{"version":1,"note":2}"#, "note"),
            (r#"{"note":""}"#, "version"),
            (r#"{"version":1,"colour":"red"}"#, "colour"),
            ("[]", "body"),
            ("{", "body"),
            (r#"{"version":1} x"#, "body"),
        ] {
            assert_eq!(
                field_of("application/json; charset=utf-8", body).await,
                expected,
                "{body}"
            );
        }
        assert_eq!(field_of("text/plain", r#"{"version":1}"#).await, "content-type");
    }

    #[tokio::test]
    async fn every_mistake_in_a_query_names_its_parameter() {
        for (query, expected) in [
            ("version=1", "none"),
            ("version=x", "version"),
            ("note=a", "version"),
            ("version=1&b=2", "b"),
        ] {
            let request = Request::builder().uri(format!("/?{query}")).body(()).unwrap();
            let (mut parts, ()) = request.into_parts();
            let field = match Asked::<Sample>::from_request_parts(&mut parts, &()).await {
                Err(ControlRoomError::Request { field, .. }) => field,
                Err(other) => format!("{other:?}"),
                Ok(_) => "none".to_owned(),
            };
            assert_eq!(field, expected, "{query}");
        }
    }

    #[test]
    fn a_limit_is_at_least_one_and_bounded() {
        assert_eq!(limit(None, 50, 500).unwrap(), 50);
        assert_eq!(limit(Some(500), 50, 500).unwrap(), 500);
        assert!(limit(Some(0), 50, 500).is_err());
        assert!(limit(Some(501), 50, 500).is_err());
    }
}
