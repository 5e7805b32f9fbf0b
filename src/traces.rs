//! Spans to a collector: OTLP over HTTP, and none without an address for it.
//!
//! The stages know nothing of OpenTelemetry: they finish spans ([`stream::trace`]), which wait here in a bounded queue for a
//! thread that sends them. A collector that is away costs spans, never a stage's time.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result};
use opentelemetry::trace::{SpanContext, SpanId, SpanKind, Status, TraceFlags, TraceId, TraceState};
use opentelemetry::{InstrumentationScope, KeyValue};
use opentelemetry_otlp::{Protocol, WithExportConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{
    BatchConfigBuilder, BatchSpanProcessor, SpanData, SpanEvents, SpanExporter, SpanLinks, SpanProcessor,
};
use stream::trace::{Finished, Sink, Step};

use crate::config::TraceSettings;

/// Spans that wait: some 2 MB of them, and a minute's worth at 1 % of 5,000 reads/s. Those beyond are dropped.
const QUEUE: usize = 4_096;
/// Spans sent at once, some 200 kB.
const BATCH: usize = 512;
const _: () = assert!(BATCH < QUEUE);
/// How long fewer spans than that wait: whoever tries a setting should see something come.
const SEND_EVERY: Duration = Duration::from_secs(2);
/// How long sending may take, tries included.
const SEND_WITHIN: Duration = Duration::from_secs(3);
/// How long the last spans may take when the process ends; those left over are lost.
pub const FLUSH_WITHIN: Duration = Duration::from_millis(1_500);

/// The way to the collector.
pub struct Traces(Arc<BatchSpanProcessor>);

impl Traces {
    /// Exports the spans of this process, which calls itself `service`.
    pub fn start(settings: &TraceSettings, service: &str) -> Result<Self> {
        let exporter = opentelemetry_otlp::SpanExporter::builder()
            .with_http()
            .with_protocol(Protocol::HttpBinary)
            .with_endpoint(settings.endpoint.as_str())
            .with_timeout(SEND_WITHIN)
            .build()
            .context("set up the exporter of traces")?;
        let config = BatchConfigBuilder::default()
            .with_max_queue_size(QUEUE)
            .with_max_export_batch_size(BATCH)
            .with_scheduled_delay(SEND_EVERY)
            .build();
        let exporter = Watched {
            exporter,
            away: AtomicBool::new(false),
        };
        let mut processor = BatchSpanProcessor::new(exporter, config);
        let version = env!("CARGO_PKG_VERSION");
        let resource = Resource::builder()
            .with_service_name(service.to_owned())
            .with_attribute(KeyValue::new("service.version", version))
            .build();
        processor.set_resource(&resource);
        let queue = Arc::new(processor);
        let sink = Queue {
            queue: Arc::clone(&queue),
            scope: InstrumentationScope::builder("steelring")
                .with_version(version)
                .build(),
        };
        stream::trace::export(Box::new(sink), settings.share)?;
        Ok(Self(queue))
    }

    /// Sends what waits, within [`FLUSH_WITHIN`]. Spans that finish later are lost.
    pub async fn finish(self) {
        let finished = tokio::task::spawn_blocking(move || self.0.shutdown_with_timeout(FLUSH_WITHIN));
        if let Ok(Err(error)) = finished.await {
            tracing::warn!(%error, "the last spans did not reach the collector");
        }
    }
}

/// Where finished spans wait.
struct Queue {
    queue: Arc<BatchSpanProcessor>,
    scope: InstrumentationScope,
}

impl Sink for Queue {
    fn take(&self, span: Finished) {
        self.queue.on_end(self.data(&span));
    }
}

impl Queue {
    fn data(&self, finished: &Finished) -> SpanData {
        let (name, span_kind) = match finished.step {
            Step::Accept => ("accept read", SpanKind::Server),
            Step::Match => ("match read", SpanKind::Consumer),
            Step::Dispatch => ("dispatch hit", SpanKind::Consumer),
            Step::Push => ("push case event", SpanKind::Producer),
        };
        let about = &finished.about;
        let ids = [
            ("read_id", about.read.map(|id| id.to_string())),
            ("hit_id", about.hit.map(|id| id.to_string())),
            ("case_id", about.case.map(|id| id.to_string())),
        ];
        SpanData {
            span_context: SpanContext::new(
                TraceId::from(finished.span.trace_id),
                SpanId::from(finished.span.span_id),
                TraceFlags::SAMPLED,
                false,
                TraceState::default(),
            ),
            parent_span_id: finished.parent.map_or(SpanId::INVALID, SpanId::from),
            parent_span_is_remote: finished.parent.is_some(),
            span_kind,
            name: name.into(),
            start_time: SystemTime::from(finished.began),
            end_time: SystemTime::from(finished.ended),
            attributes: ids
                .into_iter()
                .filter_map(|(name, id)| Some(KeyValue::new(name, id?)))
                .collect(),
            dropped_attributes_count: 0,
            events: SpanEvents::default(),
            links: SpanLinks::default(),
            status: Status::Unset,
            instrumentation_scope: self.scope.clone(),
        }
    }
}

/// Sends spans and counts them; says once that the collector is away, and once that it is back.
#[derive(Debug)]
struct Watched {
    exporter: opentelemetry_otlp::SpanExporter,
    away: AtomicBool,
}

impl SpanExporter for Watched {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let spans = batch.len() as u64;
        let sent = self.exporter.export(batch).await;
        let outcome = if sent.is_ok() { "sent" } else { "lost" };
        metrics::counter!("steelring_spans_total", "outcome" => outcome).increment(spans);
        let was_away = self.away.swap(sent.is_err(), Ordering::Relaxed);
        match sent {
            Ok(()) if was_away => tracing::info!("the collector takes spans again"),
            Err(error) if !was_away => {
                tracing::warn!(%error, "the collector takes no spans: they are lost until it does");
            }
            _ => {}
        }
        // What there was to say is said: an error here would be logged for every batch.
        Ok(())
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}
