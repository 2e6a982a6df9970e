//! What is exported; and no call waits for it.
#![expect(clippy::unwrap_used, reason = "a test may fail where it stands")]

use std::{
    collections::BTreeSet,
    io,
    path::PathBuf,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use http::{HeaderMap, HeaderValue};
use opentelemetry::metrics::MeterProvider as _;
use opentelemetry_sdk::metrics::SdkMeterProvider;
use serving::ops::Ops;
use settings::{Setting as _, Settings, Source};
use telemetry::{
    logs::{self, Log, LogFormat, LogLevel},
    settings::Telemetry,
    trace::{Otlp, SpanKind, TraceParent, current, within},
};
use testing::{Collector, SilentCollector};
use transport::metrics::CONNECTIONS_ACCEPTED;

const GOOD: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
const SOON: Duration = Duration::from_secs(10);

/// The default settings, except for these.
fn settings(set: &[(&str, &str)]) -> Telemetry {
    let environment = set
        .iter()
        .map(|(key, value)| (format!("TANDEM_TELEMETRY__{key}"), (*value).to_owned()));
    let mut settings = Settings::load(Source {
        defaults: &[telemetry::settings::DEFAULTS],
        sections: &[],
        generated: Vec::new(),
        directory: PathBuf::from("/nonexistent"),
        environment: environment.collect(),
    });
    let telemetry = telemetry::settings::telemetry(&mut settings);
    telemetry::logs::log(&mut settings);
    settings.finish(|| telemetry).unwrap()
}

fn exporting(endpoint: &str, ratio: &str) -> Otlp {
    let settings = settings(&[
        ("OTLP__ENDPOINT", endpoint),
        ("OTLP__TIMEOUT", "500ms"),
        ("TRACES__RATIO", ratio),
    ]);
    Otlp::start(&settings).unwrap()
}

fn headers(traceparent: &'static str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert("traceparent", HeaderValue::from_static(traceparent));
    headers
}

#[test]
fn nothing_is_exported_unless_a_collector_is_configured() {
    let otlp = Otlp::start(&settings(&[])).unwrap();
    let tracing = otlp.tracing("service").unwrap();
    let trace = tracing.start_call(&headers(GOOD), || true, "name");
    assert!(trace.span.is_none());
    assert_eq!(trace.id.unwrap().to_string(), GOOD[3..35]);
    assert!(tracing.begin(SpanKind::Client, "name").is_none());
    assert!(otlp.metric_reader().unwrap().is_none());
    let mut untouched = headers("whatever it is");
    assert!(tracing.start_edge_call(&mut untouched, "name").id.is_none());
    assert_eq!(untouched, headers("whatever it is"));
}

#[test]
fn all_wrong_settings_are_reported_at_once() {
    let wrong = [
        (
            "TANDEM_TELEMETRY__OTLP__ENDPOINT",
            "http://collector:4317/path",
        ),
        ("TANDEM_TELEMETRY__OTLP__TIMEOUT", "1h"),
        ("TANDEM_TELEMETRY__OTLP__HEADERS", "no-equals-sign"),
        ("TANDEM_TELEMETRY__TRACES__RATIO", "1.5"),
        ("TANDEM_TELEMETRY__TRACES__ASKED_PER_SECOND", "-1"),
        ("TANDEM_TELEMETRY__TRACES__INTERVAL", "0s"),
        ("TANDEM_TELEMETRY__METRICS__INTERVAL", "soon"),
        ("TANDEM_TELEMETRY__ENVIRONMENT", &"x".repeat(101)),
        ("TANDEM_TELEMETRY__COLOUR", "blue"),
    ];
    let mut settings = Settings::load(Source {
        defaults: &[telemetry::settings::DEFAULTS],
        sections: &[],
        generated: Vec::new(),
        directory: PathBuf::from("/nonexistent"),
        environment: wrong
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .to_vec(),
    });
    let telemetry = telemetry::settings::telemetry(&mut settings);
    telemetry::logs::log(&mut settings);
    let problems = settings.finish(|| telemetry).unwrap_err().to_string();
    for (name, _) in wrong {
        let key = name.strip_prefix("TANDEM_").unwrap();
        let key = key.to_lowercase().replace("__", ".");
        assert!(problems.contains(&key), "{key} is missing in: {problems}");
    }
    assert!(!problems.contains("no-equals-sign"), "headers are secret");
}

#[tokio::test]
async fn at_the_edge_only_the_decision_is_passed_on() {
    let otlp = exporting("http://127.0.0.1:9", "0");
    let tracing = otlp.tracing("edge").unwrap();

    let mut none = HeaderMap::new();
    let trace = tracing.start_edge_call(&mut none, "name");
    let outgoing = TraceParent::of(&none).unwrap();
    assert!(trace.span.is_none() && !outgoing.sampled);
    assert_eq!(trace.id, Some(outgoing.trace_id));

    let mut malformed = headers("01-what-is-this");
    malformed.insert("tracestate", HeaderValue::from_static("a=b"));
    let trace = tracing.start_edge_call(&mut malformed, "name");
    assert_eq!(
        trace.id,
        TraceParent::of(&malformed).map(|parent| parent.trace_id)
    );
    assert!(!malformed.contains_key("tracestate"));

    let mut asked = headers(GOOD);
    let trace = tracing.start_edge_call(&mut asked, "name");
    let span = trace.span.unwrap();
    assert_eq!(TraceParent::of(&asked), Some(span.traceparent()));
    assert_eq!(span.trace_id().to_string(), GOOD[3..35]);

    // Beyond the limit of callers from outside, the decision is passed on as no, and the trace id stays.
    let refused = (0..100).find_map(|_| {
        let mut asked = headers(GOOD);
        let trace = tracing.start_edge_call(&mut asked, "name");
        trace.span.is_none().then_some(asked)
    });
    let outgoing = TraceParent::of(&refused.expect("ten a second are followed")).unwrap();
    assert_eq!(outgoing.trace_id.to_string(), GOOD[3..35]);
    assert!(!outgoing.sampled);
}

#[tokio::test]
async fn only_the_work_of_a_call_finds_the_span_of_the_call() {
    let otlp = exporting("http://127.0.0.1:9", "1");
    let span = otlp
        .tracing("service")
        .unwrap()
        .begin(SpanKind::Server, "call")
        .unwrap();
    assert!(current().is_none());
    within(Some(span.parent()), async {
        let child = current().unwrap().begin(SpanKind::Internal, "child");
        assert_eq!(child.trace_id(), span.trace_id());
        assert!(tokio::spawn(async { current() }).await.unwrap().is_none());
    })
    .await;
    assert!(current().is_none());
}

/// Counts once, ends spans of several batches, each of whose deliveries would take the whole limit, and stops.
fn export_and_stop(otlp: Otlp) {
    let tracing = otlp.tracing("service").unwrap();
    let reader = otlp.metric_reader().unwrap().unwrap();
    let meters = SdkMeterProvider::builder().with_reader(reader).build();
    let counter = meters.meter("test").u64_counter("calls").build();
    counter.add(1, &[]);
    otlp.hold(meters.clone());
    for _ in 0..2000 {
        drop(tracing.begin(SpanKind::Server, "call"));
    }
    otlp.stop();
    // Does not wait either.
    drop(meters);
}

#[test]
fn stop_returns_in_time_on_any_runtime_whatever_the_collector_does() {
    let silent = SilentCollector::start();
    let one_worker = || {
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        builder.worker_threads(1).enable_all().build().unwrap()
    };
    let current_thread = || {
        let mut builder = tokio::runtime::Builder::new_current_thread();
        builder.enable_all().build().unwrap()
    };
    for runtime in [one_worker(), current_thread()] {
        let otlp = exporting(&silent.endpoint(), "1");
        let began = Instant::now();
        runtime.block_on(async {
            let work = tokio::spawn(async { export_and_stop(otlp) });
            work.await.unwrap();
        });
        let took = began.elapsed();
        assert!(took < Duration::from_millis(1500), "{took:?}");
    }
    assert!(silent.connections() >= 2, "the collector was reached");
}

fn metrics_of(collector: &Collector, service: &str) -> BTreeSet<String> {
    let metrics = collector.metrics().into_iter();
    let of_service = metrics.filter(|(by, _)| by == service);
    of_service.map(|(_, name)| name).collect()
}

#[tokio::test]
async fn metrics_are_counted_and_pushed_to_the_collector_without_an_operations_port() {
    let collector = Collector::start().await;
    let otlp = exporting(&collector.endpoint(), "0");
    let metrics = Ops::none().metrics(&otlp, "service").unwrap();
    metrics.count(&CONNECTIONS_ACCEPTED, &[]).add(3);
    tokio::task::spawn_blocking(|| otlp.stop()).await.unwrap();
    let counted = metrics_of(&collector, "service");
    assert!(counted.contains(CONNECTIONS_ACCEPTED.name), "{counted:?}");
    assert_eq!(
        counted.len(),
        collector.metrics().len(),
        "each arrived once"
    );
}

#[tokio::test]
async fn a_flush_delivers_every_span_that_has_ended() {
    let collector = Collector::start().await;
    let otlp = exporting(&collector.endpoint(), "1");
    let tracing = otlp.tracing("service").unwrap();
    for _ in 0..1500 {
        drop(tracing.begin(SpanKind::Server, "call"));
    }
    tokio::task::spawn_blocking(move || {
        otlp.flush();
        otlp
    })
    .await
    .unwrap();
    assert_eq!(collector.spans().len(), 1500);
}

#[derive(Clone, Default)]
struct Buffer(Arc<Mutex<Vec<u8>>>);

impl io::Write for Buffer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The log lines of `work`, at level WARN.
fn logged(work: impl FnOnce()) -> Vec<serde_json::Value> {
    let buffer = Buffer::default();
    let writer = buffer.clone();
    let log = Log {
        format: LogFormat::Json,
        level: LogLevel::parse("warn").unwrap(),
    };
    let subscriber = logs::subscriber(&log, move || writer.clone(), false);
    tracing::subscriber::with_default(subscriber, work);
    let text = String::from_utf8(buffer.0.lock().unwrap().clone()).unwrap();
    let lines = text.lines().map(serde_json::from_str);
    lines.collect::<Result<_, _>>().unwrap()
}

#[test]
fn spans_that_find_the_queue_full_are_dropped_at_once_and_that_is_logged_once_with_a_total() {
    let silent = SilentCollector::start();
    let lines = logged(|| {
        let otlp = exporting(&silent.endpoint(), "1");
        let tracing = otlp.tracing("service").unwrap();
        let began = Instant::now();
        for _ in 0..20_000 {
            drop(tracing.begin(SpanKind::Server, "call"));
        }
        assert!(
            began.elapsed() < SOON,
            "ending a span does not wait for the collector"
        );
        otlp.stop();
    });
    let named = |name: &str| {
        let named = lines.iter().filter(|line| line["name"] == name);
        named.collect::<Vec<_>>()
    };
    let first = named("BatchSpanProcessor.SpanDroppingStarted");
    assert_eq!(first.len(), 1, "{lines:#?}");
    let totals = named("BatchSpanProcessor.SpansDropped");
    assert_eq!(totals.len(), 1, "{lines:#?}");
    let total = totals[0]["dropped_span_count"].as_u64().unwrap();
    assert!(total > 10_000, "{lines:#?}");
    for of_the_sdk in ["ExportError", "Shutdown.Timeout"] {
        let name = format!("BatchSpanProcessor.{of_the_sdk}");
        assert!(named(&name).is_empty(), "{lines:#?}");
    }
}
