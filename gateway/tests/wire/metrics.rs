//! What the gateway counts of its requests.

use std::time::Duration;

use http::Method;

use crate::{
    Running,
    client::{self, BINARY, frame},
    gateway_before, nobody,
    service::{self, CREATE},
};

/// Waits for a line of the metrics: a request is counted when its last byte has been handed over.
async fn told(gateway: &Running, line: &str) {
    let line = format!("\n{line}\n");
    let telling = async {
        while !gateway.metrics.text().contains(&line) {
            tokio::task::yield_now().await;
        }
    };
    let told = tokio::time::timeout(Duration::from_secs(10), telling).await;
    told.unwrap_or_else(|_| panic!("never{line}{}", gateway.metrics.text()));
}

/// The line of requests with this route, HTTP status and gRPC status.
fn requests(route: &str, status: u16, code: &str, count: u32) -> String {
    format!(
        "tandem_gateway_requests_total{{http_response_status_code=\"{status}\",route=\"{route}\",rpc_response_status_code=\"{code}\"}} {count}"
    )
}

#[tokio::test]
async fn a_call_is_counted_by_its_service_and_its_grpc_status() {
    let (upstream, _events) = service::start().await;
    let gateway = gateway_before(upstream).await;
    told(&gateway, &requests("task", 200, "OK", 0)).await;
    client::call_with(
        gateway.address,
        CREATE,
        &[("content-type", BINARY)],
        frame(&()),
    )
    .await;
    told(&gateway, &requests("task", 200, "OK", 1)).await;
    told(
        &gateway,
        "tandem_gateway_request_duration_seconds_count{route=\"task\"} 1",
    )
    .await;
    told(&gateway, "tandem_gateway_in_flight 0").await;
    told(
        &gateway,
        "tandem_gateway_upstream_errors_total{upstream=\"task\"} 0",
    )
    .await;
    told(&gateway, "tandem_connections_accepted_total 1").await;
}

#[tokio::test]
async fn a_service_that_is_away_is_counted_as_such_and_by_name() {
    let gateway = gateway_before(nobody().await).await;
    client::call_with(
        gateway.address,
        CREATE,
        &[("content-type", BINARY)],
        frame(&()),
    )
    .await;
    told(
        &gateway,
        "tandem_gateway_upstream_errors_total{upstream=\"task\"} 1",
    )
    .await;
    told(
        &gateway,
        "tandem_gateway_upstream_errors_total{upstream=\"auth\"} 0",
    )
    .await;
    told(&gateway, &requests("task", 200, "UNAVAILABLE", 1)).await;
}

#[tokio::test]
async fn what_is_no_call_is_counted_by_its_page_and_no_path_becomes_a_label() {
    let gateway = gateway_before(nobody().await).await;
    for path in ["/", "/nowhere", "/a/b", "/tandem.auth.v2.X/Y"] {
        client::send(gateway.address, client::request(Method::GET, path, &[], "")).await;
    }
    told(&gateway, &requests("info", 200, "-", 1)).await;
    told(&gateway, &requests("_OTHER", 404, "-", 3)).await;
    let text = gateway.metrics.text();
    assert!(!text.contains("nowhere") && !text.contains("v2"), "{text}");
}
