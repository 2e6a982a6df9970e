//! Traces of a browser's calls, from the gateway to the database, as a collector receives them.

use std::{
    collections::BTreeSet,
    net::TcpListener,
    time::{Duration, Instant},
};

use contract::proto::task::ListTasksRequest;
use testing::{
    Collector, ReceivedSpan, SilentCollector,
    leaks::{GivenSecrets, PASSWORD_MARK, leak},
};

use crate::{
    browser::post,
    traced::{CLIENT, CREATE, INTERNAL, SERVER, SIGN_UP, TracedStack, of_trace, one},
};

/// How long a step may take.
const TIMEOUT: Duration = Duration::from_mins(1);

const LIST: &str = "tandem.task.v1.TaskService/ListTasks";
const WATCH: &str = "tandem.auth.v1.VerifierService/WatchRevocations";

/// Asserts that every service has pushed its metrics under its own name.
fn assert_metrics_pushed(collector: &Collector) {
    let metrics = collector.metrics();
    for (service, name) in [
        ("tandem-auth", "rpc.server.call.duration"),
        ("tandem-task", "rpc.server.call.duration"),
        ("tandem-gateway", "tandem.gateway.request.duration"),
    ] {
        let pushed = (service.to_owned(), name.to_owned());
        assert!(metrics.contains(&pushed), "{pushed:?}: {metrics:?}");
    }
}

/// Asserts that the spans lead from the browser to the service, and have the attributes that every span must have.
fn assert_one_trace(spans: &[ReceivedSpan]) {
    let gateway = one(spans, "tandem-gateway", CREATE, SERVER);
    assert_eq!(gateway.parent_id, "b7ad6b7169203331");
    assert_eq!(gateway.state, "shop=7");
    let outgoing = one(spans, "tandem-gateway", CREATE, CLIENT);
    assert_eq!(outgoing.parent_id, gateway.span_id);
    let service = one(spans, "tandem-task", CREATE, SERVER);
    assert_eq!(service.parent_id, outgoing.span_id);
    assert_eq!(service.state, "shop=7");
    assert_units(spans, service);
    for (key, value) in [
        ("rpc.system.name", "grpc"),
        ("rpc.method", CREATE),
        ("rpc.response.status_code", "OK"),
    ] {
        for span in [gateway, outgoing, service] {
            assert_eq!(span.attributes[key], value, "{span:#?}");
        }
    }
    for span in spans {
        assert!(!span.failed, "{span:#?}");
        assert_eq!(span.resource["deployment.environment.name"], "tests");
        assert_eq!(span.resource["service.namespace"], "tandem");
        assert_eq!(span.resource["service.version"], env!("CARGO_PKG_VERSION"));
        assert_eq!(span.resource["service.instance.id"].len(), 36);
    }
}

/// Asserts that the span of the service has spans for its database units.
fn assert_units(spans: &[ReceivedSpan], service: &ReceivedSpan) {
    let units = spans
        .iter()
        .filter(|span| span.attributes.contains_key("db.system.name"));
    let units: Vec<_> = units.collect();
    assert!(!units.is_empty(), "{spans:#?}");
    for unit in units {
        assert_eq!((unit.kind, &unit.parent_id), (CLIENT, &service.span_id));
        assert_eq!(unit.service, "tandem-task");
        assert_eq!(unit.name, "tasks.create");
        let function = &unit.attributes["code.function.name"];
        assert!(
            function.starts_with("task_service::") && function.ends_with("::create"),
            "{unit:#?}"
        );
        assert!(unit.attributes["tandem.queue.wait"].parse::<f64>().unwrap() >= 0.0);
    }
}

#[tokio::test]
async fn a_browsers_call_is_one_trace_from_the_gateway_through_a_service_to_the_statement() {
    let collector = Collector::start().await;
    let stack = TracedStack::start(collector.endpoint(), "0").await;
    let (signing_up, creating) = (
        "0af7651916cd43dd8448eb211c80319c",
        "0af7651916cd43dd8448eb211c80319d",
    );
    let parent = |trace: &str| format!("traceparent: 00-{trace}-b7ad6b7169203331-01");
    let token = stack.sign_up(&[&parent(signing_up)]);
    stack.create(
        &token,
        &[
            &parent(creating),
            "tracestate: shop=7",
            "baggage: user=anna",
        ],
    );
    let output = stack.stop().await;

    assert_one_trace(&of_trace(&collector, creating));
    assert_metrics_pushed(&collector);
    let spans = of_trace(&collector, signing_up);
    let service = one(&spans, "tandem-auth", SIGN_UP, SERVER);
    let hash = one(&spans, "tandem-auth", "password.hash", INTERNAL);
    assert_eq!(hash.parent_id, service.span_id);

    // The log lines of the gateway and of the service have the id of the trace.
    let lines = output.lines().filter(|line| line.contains(creating));
    let lines: Vec<_> = lines.filter(|line| line.contains(CREATE)).collect();
    assert_eq!(lines.len(), 2, "{lines:#?}");

    let received = collector.text();
    assert!(received.contains("x-key"), "the collector gets its header");
    let received = received.replace(&format!("collector{PASSWORD_MARK}"), "");
    assert_eq!(leak(&received, &GivenSecrets::default()), None);
    assert!(!received.contains(&token) && !received.contains("anna"));
}

#[tokio::test]
async fn a_call_that_is_not_sampled_has_no_span_but_has_log_lines() {
    let collector = Collector::start().await;
    let stack = TracedStack::start(collector.endpoint(), "0").await;
    let (sampled, not_sampled) = (
        "0af7651916cd43dd8448eb211c80319c",
        "0af7651916cd43dd8448eb211c80319d",
    );
    let token = stack.sign_up(&[]);
    stack.create(
        &token,
        &[&format!(
            "traceparent: 00-{not_sampled}-b7ad6b7169203331-00"
        )],
    );
    stack.create(&token, &["traceparent: 00-not-a-trace-01"]);
    stack.create(
        &token,
        &[&format!("traceparent: 00-{sampled}-b7ad6b7169203331-01")],
    );
    let output = stack.stop().await;

    let traces: BTreeSet<_> = collector
        .spans()
        .into_iter()
        .map(|span| span.trace_id)
        .collect();
    assert_eq!(traces, BTreeSet::from([sampled.to_owned()]));
    for trace in [sampled, not_sampled] {
        let lines = output
            .lines()
            .filter(|line| line.contains(trace) && line.contains(CREATE));
        assert_eq!(
            lines.count(),
            2,
            "the gateway's and the service's: {output}"
        );
    }
}

#[tokio::test]
async fn a_malformed_parent_is_ignored_and_the_feed_is_in_one_trace_with_its_stream() {
    let collector = Collector::start().await;
    let stack = TracedStack::start(collector.endpoint(), "1").await;
    let malformed = "0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let body = post(
        stack.gateway(),
        LIST,
        &ListTasksRequest::default(),
        &[&format!("traceparent: {malformed}"), "tracestate: shop=7"],
    );
    assert!(String::from_utf8_lossy(&body).contains("grpc-status: 16"));
    let is_root = |span: &ReceivedSpan| span.name == LIST && span.parent_id.is_empty();
    let root = collector.span(TIMEOUT, is_root).await;
    assert_ne!(root.trace_id, malformed[..32]);
    assert_eq!(
        (root.service.as_str(), root.state.as_str()),
        ("tandem-gateway", "")
    );
    let is_served = |span: &ReceivedSpan| span.service == "tandem-task" && span.name == LIST;
    let served = collector.span(TIMEOUT, is_served).await;
    assert_eq!(served.trace_id, root.trace_id);
    assert_eq!(served.attributes["tandem.reason"], "TOKEN_MISSING");
    assert_eq!(
        served.attributes["rpc.response.status_code"],
        "UNAUTHENTICATED"
    );
    assert!(
        !served.failed,
        "a mistake of the caller is not a failure of the service"
    );
    stack.stop().await;

    let spans = collector.spans();
    let client = one(&spans, "tandem-task", WATCH, CLIENT);
    let watched = one(&spans, "tandem-auth", WATCH, SERVER);
    assert_eq!(watched.trace_id, client.trace_id);
    assert_eq!(watched.parent_id, client.span_id);
    assert_eq!(client.parent_id, "");
}

#[tokio::test]
async fn no_call_waits_for_an_export() {
    let silent = SilentCollector::start();
    // An export takes longer than any call may take: one that waited for it would be answered DEADLINE_EXCEEDED.
    let stack = TracedStack::start_with_timeout(silent.endpoint(), "1", "60s").await;
    let token = stack.sign_up(&[]);
    for _ in 0..20 {
        stack.create(&token, &[]);
    }
    // It is killed, not stopped: a stop lets the exports under way finish.
    assert!(silent.connections() > 0);
}

#[tokio::test]
async fn a_collector_that_is_down_or_never_answers_fails_no_call_and_delays_no_stop() {
    let silent = SilentCollector::start();
    let down = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    for endpoint in [silent.endpoint(), format!("http://{down}")] {
        let stack = TracedStack::start(endpoint, "1").await;
        let token = stack.sign_up(&[]);
        for _ in 0..20 {
            stack.create(&token, &[]);
        }
        let warning = |line: &str| line.contains("does not accept telemetry");
        stack.running.process.wait_for_line(TIMEOUT, warning).await;
        let stopping = Instant::now();
        let output = stack.stop().await;
        // Telemetry may take one second. The rest is for everything else that stops.
        assert!(stopping.elapsed() < Duration::from_secs(10), "{output}");
        let warnings = output.lines().filter(|line| warning(line)).count();
        // Each of the three services warns once about its spans and once about its metrics, however many exports fail.
        assert!((1..=6).contains(&warnings), "{output}");
    }
    assert!(silent.connections() > 0);
}
