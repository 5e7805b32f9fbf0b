//! One row of the table of routes, which router and API description are both made from.

use std::sync::Arc;

use axum::extract::DefaultBodyLimit;
use axum::handler::Handler;
use axum::routing::{MethodFilter, MethodRouter, on};
use utoipa::openapi::path::{HttpMethod, Operation, OperationBuilder};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{IntoParams, ToSchema};

use crate::access::Access::{self, Anyone, Needs, SignedIn};
use crate::app::App;
use crate::extract::MAX_JSON_BYTES;
use crate::{openapi, session};

/// One row of the table.
pub(crate) struct Route {
    method: HttpMethod,
    pub(crate) path: &'static str,
    pub(crate) access: Access,
    pub(crate) handler: MethodRouter<Arc<App>>,
    operation: OperationBuilder,
    schemas: Vec<NamedSchema>,
}

/// A schema under its name in the description.
pub(crate) type NamedSchema = (String, RefOr<Schema>);

impl Route {
    fn new<H, T>(
        (method, filter): (HttpMethod, MethodFilter),
        path: &'static str,
        access: Access,
        handler: H,
        summary: &'static str,
    ) -> Self
    where
        H: Handler<T, Arc<App>>,
        T: 'static,
    {
        let operation = OperationBuilder::new()
            .summary(Some(summary))
            .parameters(openapi::path_parameters(path))
            .response(
                "400",
                openapi::problem("A parameter or the body is wrong; `field` names it"),
            );
        let operation = match access {
            Anyone => operation,
            SignedIn => openapi::secured(operation, "any signed-in user"),
            Access::Feed => openapi::secured(operation, "the feed's own token"),
            Needs(permission) => openapi::secured(operation, session::permission_name(permission))
                .response("403", openapi::problem("`forbidden` for this role, or `csrf`")),
        };
        Self {
            method,
            path,
            access,
            handler: on(filter, handler).layer(DefaultBodyLimit::max(MAX_JSON_BYTES)),
            operation,
            schemas: Vec::new(),
        }
    }

    pub(crate) fn get<H: Handler<T, Arc<App>>, T: 'static>(
        path: &'static str,
        access: Access,
        handler: H,
        summary: &'static str,
    ) -> Self {
        Self::new(
            (HttpMethod::Get, MethodFilter::GET),
            path,
            access,
            handler,
            summary,
        )
    }

    pub(crate) fn post<H: Handler<T, Arc<App>>, T: 'static>(
        path: &'static str,
        access: Access,
        handler: H,
        summary: &'static str,
    ) -> Self {
        Self::new(
            (HttpMethod::Post, MethodFilter::POST),
            path,
            access,
            handler,
            summary,
        )
    }

    pub(crate) fn put<H: Handler<T, Arc<App>>, T: 'static>(
        path: &'static str,
        access: Access,
        handler: H,
        summary: &'static str,
    ) -> Self {
        Self::new(
            (HttpMethod::Put, MethodFilter::PUT),
            path,
            access,
            handler,
            summary,
        )
    }

    pub(crate) fn delete<H: Handler<T, Arc<App>>, T: 'static>(
        path: &'static str,
        access: Access,
        handler: H,
        summary: &'static str,
    ) -> Self {
        Self::new(
            (HttpMethod::Delete, MethodFilter::DELETE),
            path,
            access,
            handler,
            summary,
        )
    }

    pub(crate) fn asks<P: IntoParams>(mut self) -> Self {
        self.operation = self.operation.parameters(Some(P::into_params(|| None)));
        self
    }

    pub(crate) fn takes<T: ToSchema>(mut self) -> Self {
        self.operation = self.operation.request_body(Some(openapi::json_body::<T>()));
        self.names::<T>()
    }

    pub(crate) fn takes_types(mut self, kinds: &[&str]) -> Self {
        self.operation = self.operation.request_body(Some(openapi::raw_body(kinds)));
        self
    }

    pub(crate) fn gives<T: ToSchema>(mut self, description: &str) -> Self {
        self.operation = self
            .operation
            .response("200", openapi::json_answer::<T>(description));
        self.names::<T>()
    }

    pub(crate) fn gives_type(mut self, kind: &str, description: &str) -> Self {
        self.operation = self
            .operation
            .response("200", openapi::raw_answer(kind, description));
        self
    }

    pub(crate) fn gives_nothing(mut self, description: &str) -> Self {
        self.operation = self.operation.response("204", openapi::empty_answer(description));
        self
    }

    pub(crate) fn fails(mut self, status: u16, description: &str) -> Self {
        self.operation = self
            .operation
            .response(status.to_string(), openapi::problem(description));
        self
    }

    pub(crate) fn names<T: ToSchema>(mut self) -> Self {
        self.schemas.push((T::name().into_owned(), T::schema()));
        T::schemas(&mut self.schemas);
        self
    }

    /// Its part of the description: method, path, operation, and the schemas that it names.
    pub(crate) fn describe(self) -> (HttpMethod, &'static str, Operation, Vec<NamedSchema>) {
        (self.method, self.path, self.operation.build(), self.schemas)
    }
}
