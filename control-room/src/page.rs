//! The web page, embedded in the binary. It holds no data: it shows the sign-in until the API knows its user.

use axum::body::Body;
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use rust_embed::{EmbeddedFile, RustEmbed};

use crate::error::ControlRoomError;

/// A file whose name holds its content's hash never changes.
const KEEP: &str = "public, max-age=31536000, immutable";
/// Everything else is asked for anew each time, and answered in one line when it is as before.
const ASK: &str = "no-cache";
/// Where the page's build puts files with hashes in their names.
const HASHED: &str = "assets/";
/// The page itself.
const INDEX: &str = "index.html";

#[derive(RustEmbed)]
#[folder = "ui/dist"]
struct Page;

/// Answers whatever no route of the API answers.
pub(crate) async fn serve(method: Method, uri: Uri, headers: HeaderMap) -> Response {
    serve_from::<Page>(&method, &uri, &headers)
}

fn serve_from<P: RustEmbed>(method: &Method, uri: &Uri, headers: &HeaderMap) -> Response {
    let path = uri.path().trim_start_matches('/');
    if path == "api" || path.starts_with("api/") {
        return ControlRoomError::NotFound("route").into_response();
    }
    if *method != Method::GET && *method != Method::HEAD {
        return StatusCode::METHOD_NOT_ALLOWED.into_response();
    }
    let Some(index) = P::get(INDEX) else {
        return ControlRoomError::NoPage.into_response();
    };
    match P::get(path) {
        Some(file) => answer(path, &file, headers),
        // A path that looks like a file is one that is missing; any other is a place within the page.
        None if path.rsplit('/').next().is_some_and(|name| name.contains('.')) => {
            ControlRoomError::NotFound("file").into_response()
        }
        None => answer(INDEX, &index, headers),
    }
}

fn answer(path: &str, file: &EmbeddedFile, headers: &HeaderMap) -> Response {
    let tag = format!("\"{}\"", hex::encode(&file.metadata.sha256_hash()[..16]));
    let keep = if path.starts_with(HASHED) { KEEP } else { ASK };
    let known = headers
        .get(header::IF_NONE_MATCH)
        .is_some_and(|value| value.as_bytes() == tag.as_bytes());
    let about = [(header::CACHE_CONTROL, keep.to_owned()), (header::ETAG, tag)];
    if known {
        return (StatusCode::NOT_MODIFIED, about).into_response();
    }
    let kind = [(header::CONTENT_TYPE, file.metadata.mimetype().to_owned())];
    (about, kind, Body::from(file.data.clone())).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(RustEmbed)]
    #[folder = "tests/page"]
    struct Sample;

    fn get(path: &str) -> Response {
        serve_from::<Sample>(&Method::GET, &path.parse().unwrap(), &HeaderMap::new())
    }

    fn check(path: &str, status: StatusCode, kind: &str, keep: &str) {
        let response = get(path);
        let header = |name| {
            response
                .headers()
                .get(name)
                .map_or("", |value| value.to_str().unwrap())
        };
        assert_eq!(response.status(), status, "{path}");
        assert_eq!(header(header::CONTENT_TYPE), kind, "{path}");
        assert_eq!(header(header::CACHE_CONTROL), keep, "{path}");
    }

    #[test]
    fn hashed_files_are_kept_places_within_the_page_give_the_page_and_missing_files_nothing() {
        check("/", StatusCode::OK, "text/html", ASK);
        check("/index.html", StatusCode::OK, "text/html", ASK);
        check("/cases/00ff", StatusCode::OK, "text/html", ASK);
        check("/assets/app-3f2a.js", StatusCode::OK, "text/javascript", KEEP);
        check(
            "/assets/app-old.js",
            StatusCode::NOT_FOUND,
            "application/json",
            "",
        );
        check("/../Cargo.toml", StatusCode::NOT_FOUND, "application/json", "");
        check("/api/nothing", StatusCode::NOT_FOUND, "application/json", "");
    }

    #[test]
    fn an_unchanged_page_is_answered_in_one_line() {
        let tag = get("/").headers()[header::ETAG].clone();
        let mut headers = HeaderMap::new();
        headers.insert(header::IF_NONE_MATCH, tag);
        let again = serve_from::<Sample>(&Method::GET, &"/".parse().unwrap(), &headers);
        assert_eq!(again.status(), StatusCode::NOT_MODIFIED);
    }

    #[test]
    fn without_a_page_the_answer_says_how_to_get_one() {
        #[derive(RustEmbed)]
        #[folder = "tests/no-page"]
        #[allow_missing = true]
        struct Nothing;
        let response = serve_from::<Nothing>(&Method::GET, &"/".parse().unwrap(), &HeaderMap::new());
        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    }
}
