//! The API's description, made from the table of routes.

use std::sync::Arc;

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response as HttpResponse};
use bytes::Bytes;
use utoipa::openapi::path::{OperationBuilder, Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::request_body::{RequestBody, RequestBodyBuilder};
use utoipa::openapi::schema::{ComponentsBuilder, ObjectBuilder, Type};
use utoipa::openapi::security::{
    ApiKey, ApiKeyValue, Http, HttpAuthScheme, SecurityRequirement, SecurityScheme,
};
use utoipa::openapi::{
    Content, InfoBuilder, OpenApi, OpenApiBuilder, Paths, Ref, Required, Response, ResponseBuilder,
};
use utoipa::{PartialSchema, ToSchema};

use crate::access::SignedIn;
use crate::app::App;
use crate::error::ControlRoomError;
use crate::routes;
use crate::schemas::Problem;
use crate::session::COOKIE;

/// In one line what the live push is.
pub(crate) const EVENTS_SUMMARY: &str = "Live push as server-sent events; `Last-Event-ID` resumes";
/// What the live push sends.
pub(crate) const EVENTS: &str = "\
`case` (id N): a CaseEvent; every one after the id known, in order, none missed or doubled. \
`hit`: {camera, grade, at}, a hit just published. \
`units`: {units: [...]}, at first all, then at most once a second those that moved or went stale. \
`beat`: {at, lists_revision, feeds: {reads_per_s, log}} every 2 s; `reads_per_s` is null where not known, `log` is `ok` or `away`. \
`reload` (id N): the id is not known here; fetch the cases anew, what follows N comes.";

const SESSION: &str = "session";
const TOKEN: &str = "token";

/// `GET /api/openapi.json`
pub(crate) async fn document(State(app): State<Arc<App>>, _: SignedIn) -> HttpResponse {
    let kind = [(header::CONTENT_TYPE, "application/json")];
    (kind, app.openapi.clone()).into_response()
}

/// The description as JSON.
pub(crate) fn encode() -> Result<Bytes, ControlRoomError> {
    serde_json::to_vec(&describe())
        .map(Bytes::from)
        .map_err(ControlRoomError::Encode)
}

fn describe() -> OpenApi {
    let mut paths = Paths::new();
    let mut schemas = vec![(Problem::name().into_owned(), Problem::schema())];
    Problem::schemas(&mut schemas);
    for route in routes::table() {
        let (method, path, operation, used) = route.describe();
        paths.add_path_operation(path, vec![method], operation);
        schemas.extend(used);
    }
    let info = InfoBuilder::new()
        .title("Steelring control room")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(
            "Cases, units, hotlists and the audit trail of a ring of plate-reading cameras.",
        ));
    let cookie = "Browsers; changing requests also carry `X-CSRF-Token`.";
    let components = ComponentsBuilder::new()
        .schemas_from_iter(schemas)
        .security_scheme(
            SESSION,
            SecurityScheme::ApiKey(ApiKey::Cookie(ApiKeyValue::with_description(COOKIE, cookie))),
        )
        .security_scheme(TOKEN, SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer)));
    OpenApiBuilder::new()
        .info(info.build())
        .paths(paths)
        .components(Some(components.build()))
        .build()
}

/// Marks an operation as one that needs a user.
pub(crate) fn secured(operation: OperationBuilder, who: &str) -> OperationBuilder {
    operation
        .description(Some(format!("Needs: {who}.")))
        .security(SecurityRequirement::new::<_, [&str; 0], &str>(SESSION, []))
        .security(SecurityRequirement::new::<_, [&str; 0], &str>(TOKEN, []))
        .extensions(Some([("x-needs", who)].into_iter().collect()))
        .response("401", problem("Nobody is signed in"))
        .response(
            "503",
            problem("`unavailable` or `busy`; try again after `Retry-After` seconds"),
        )
}

/// The parameters that stand in a path.
pub(crate) fn path_parameters(path: &str) -> Option<Vec<Parameter>> {
    let parameter = |name: &str| {
        ParameterBuilder::new()
            .name(name)
            .parameter_in(ParameterIn::Path)
            .required(Required::True)
            .schema(Some(ObjectBuilder::new().schema_type(Type::String)))
            .build()
    };
    let names = path
        .split('/')
        .filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
    let parameters: Vec<_> = names.map(parameter).collect();
    (!parameters.is_empty()).then_some(parameters)
}

pub(crate) fn json_body<T: ToSchema>() -> RequestBody {
    RequestBodyBuilder::new()
        .content("application/json", named::<T>())
        .required(Some(Required::True))
        .build()
}

pub(crate) fn raw_body(kinds: &[&str]) -> RequestBody {
    let body = RequestBodyBuilder::new().required(Some(Required::True));
    kinds
        .iter()
        .fold(body, |body, kind| body.content(*kind, raw()))
        .build()
}

pub(crate) fn json_answer<T: ToSchema>(description: &str) -> Response {
    ResponseBuilder::new()
        .description(description)
        .content("application/json", named::<T>())
        .build()
}

pub(crate) fn raw_answer(kind: &str, description: &str) -> Response {
    ResponseBuilder::new()
        .description(description)
        .content(kind, raw())
        .build()
}

pub(crate) fn empty_answer(description: &str) -> Response {
    ResponseBuilder::new().description(description).build()
}

pub(crate) fn problem(description: &str) -> Response {
    json_answer::<Problem>(description)
}

fn named<T: ToSchema>() -> Content {
    Content::new(Some(Ref::from_schema_name(T::name())))
}

fn raw() -> Content {
    Content::new(Some(ObjectBuilder::new().schema_type(Type::String).build()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    /// Every reference anywhere in the value.
    fn references(value: &Value, found: &mut Vec<String>) {
        match value {
            Value::Object(map) => {
                if let Some(Value::String(to)) = map.get("$ref") {
                    found.push(to.clone());
                }
                map.values().for_each(|value| references(value, found));
            }
            Value::Array(items) => items.iter().for_each(|value| references(value, found)),
            _ => {}
        }
    }

    #[test]
    fn every_schema_that_is_named_is_there() {
        let document: Value = serde_json::from_slice(&encode().unwrap()).unwrap();
        assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
        let mut found = Vec::new();
        references(&document, &mut found);
        assert!(found.len() > 50, "{}", found.len());
        for reference in found {
            let pointer = reference.strip_prefix('#').unwrap();
            assert!(document.pointer(pointer).is_some(), "{reference}");
        }
    }

    #[test]
    fn every_operation_says_what_it_does_and_answers() {
        let document: Value = serde_json::from_slice(&encode().unwrap()).unwrap();
        for (path, item) in document["paths"].as_object().unwrap() {
            for (method, operation) in item.as_object().unwrap() {
                assert!(operation["summary"].is_string(), "{method} {path}");
                let answers = operation["responses"].as_object().unwrap();
                assert!(
                    answers.contains_key("200") || answers.contains_key("204"),
                    "{method} {path}"
                );
                assert_eq!(
                    operation["x-needs"].is_null(),
                    operation["security"].is_null(),
                    "{method} {path}"
                );
            }
        }
    }
}
