//! The trace of a request of REST.

use std::path::Path;

use testing::Collector;

use crate::{
    tools::run,
    traced::{CLIENT, CREATE, SERVER, TracedStack, of_trace, one},
};

/// Sends a request of REST in a trace.
fn ask_rest(stack: &TracedStack, method: &str, path: &str, token: &str, trace: &str) {
    let url = format!("http://{}{path}", stack.gateway());
    let headers = [
        format!("authorization: Bearer {token}"),
        "content-type: application/json".to_owned(),
        format!("traceparent: 00-{trace}-b7ad6b7169203331-01"),
    ];
    let mut arguments = vec![
        "-q",
        "-s",
        "-X",
        method,
        &url,
        "-d",
        "{\"title\":\"traced\"}",
    ];
    for header in &headers {
        arguments.extend(["-H", header]);
    }
    run(Path::new("curl"), &arguments, &[]).stdout_of_success();
}

#[tokio::test]
async fn a_request_of_rest_has_a_span_of_its_own_above_that_of_its_call() {
    let collector = Collector::start().await;
    let stack = TracedStack::start(collector.endpoint(), "0").await;
    let token = stack.sign_up(&[]);
    let trace = "0af7651916cd43dd8448eb211c80319c";
    for (method, path) in [("POST", "/api/tasks"), ("GET", "/api/tasks/0193c8a4")] {
        ask_rest(&stack, method, path, &token, trace);
    }
    stack.stop().await;

    let spans = of_trace(&collector, trace);
    let created = one(&spans, "tandem-gateway", "POST /api/tasks", SERVER);
    assert_eq!(created.parent_id, "b7ad6b7169203331");
    let outgoing = one(&spans, "tandem-gateway", CREATE, CLIENT);
    assert_eq!(outgoing.parent_id, created.span_id);
    let service = one(&spans, "tandem-task", CREATE, SERVER);
    assert_eq!(service.parent_id, outgoing.span_id);
    let read = one(&spans, "tandem-gateway", "GET /api/tasks/{task_id}", SERVER);
    for (span, method, route, status) in [
        (created, "POST", "/api/tasks", "201"),
        (read, "GET", "/api/tasks/{task_id}", "404"),
    ] {
        assert!(!span.failed, "{span:#?}");
        assert_eq!(span.attributes["http.request.method"], method);
        assert_eq!(span.attributes["http.route"], route);
        assert_eq!(span.attributes["http.response.status_code"], status);
        assert_eq!(span.attributes["tandem.request_id"].len(), 32);
        assert!(!span.attributes.contains_key("rpc.method"), "{span:#?}");
    }
}
