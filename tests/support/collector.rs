//! A collector of traces: takes OTLP over HTTP, as protobuf, and keeps it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::routing::post;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use prost::Message;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

/// A collector, until it is dropped.
pub struct Collector {
    /// What `otlp_endpoint` is set to.
    pub address: String,
    bodies: Arc<Mutex<Vec<Bytes>>>,
    _runtime: Runtime,
}

/// A span, its ids as hexadecimal digits.
#[derive(Clone, Debug)]
pub struct Span {
    /// What its process calls itself.
    pub service: String,
    pub name: String,
    pub trace: String,
    pub id: String,
    /// Empty for the first of a trace.
    pub parent: String,
    pub attributes: BTreeMap<String, String>,
}

impl Collector {
    pub fn start() -> Self {
        let runtime = Runtime::new().unwrap();
        let bodies = Arc::new(Mutex::new(Vec::new()));
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let kept = Arc::clone(&bodies);
        let take = move |body: Bytes| {
            kept.lock().unwrap().push(body);
            std::future::ready(())
        };
        let router = Router::new().route("/v1/traces", post(take));
        runtime.spawn(async { axum::serve(listener, router).await.unwrap() });
        Self {
            address,
            bodies,
            _runtime: runtime,
        }
    }

    /// Every span taken so far.
    pub fn spans(&self) -> Vec<Span> {
        let bodies = self.bodies.lock().unwrap().clone();
        bodies.into_iter().flat_map(spans).collect()
    }

    /// Whether a text stands anywhere in what was taken.
    pub fn holds(&self, text: &str) -> bool {
        let bodies = self.bodies.lock().unwrap();
        let holds = |body: &Bytes| body.windows(text.len()).any(|window| window == text.as_bytes());
        bodies.iter().any(holds)
    }
}

fn spans(body: Bytes) -> Vec<Span> {
    let mut found = Vec::new();
    for resource in ExportTraceServiceRequest::decode(body).unwrap().resource_spans {
        let service = texts(resource.resource.unwrap().attributes)["service.name"].clone();
        for span in resource.scope_spans.into_iter().flat_map(|scope| scope.spans) {
            assert!(
                span.start_time_unix_nano <= span.end_time_unix_nano,
                "{}",
                span.name
            );
            found.push(Span {
                service: service.clone(),
                name: span.name,
                trace: hex(&span.trace_id),
                id: hex(&span.span_id),
                parent: hex(&span.parent_span_id),
                attributes: texts(span.attributes),
            });
        }
    }
    found
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn texts(attributes: Vec<KeyValue>) -> BTreeMap<String, String> {
    let text = |KeyValue { key, value, .. }: KeyValue| match value?.value? {
        Value::StringValue(text) => Some((key, text)),
        _ => None,
    };
    attributes.into_iter().filter_map(text).collect()
}
