//! The metrics of requests.

use std::time::Duration;

use http::Method;

use crate::{
    Running, client, closed_port, connect_client, gateway_to,
    service::{self, CREATE, GET},
};

/// Waits until the metrics have this line: a request is counted after its last byte was sent.
async fn wait_for(gateway: &Running, line: &str) {
    let line = format!("\n{line}\n");
    let appears = async {
        while !gateway.metrics.text().contains(&line) {
            tokio::task::yield_now().await;
        }
    };
    let result = tokio::time::timeout(Duration::from_secs(10), appears).await;
    result.unwrap_or_else(|_| panic!("not found:{line}{}", gateway.metrics.text()));
}

/// The metric line of requests with this route, HTTP status and gRPC code.
fn requests(route: &str, status: u16, code: &str, count: u32) -> String {
    format!(
        "tandem_gateway_requests_total{{http_response_status_code=\"{status}\",route=\"{route}\",rpc_response_status_code=\"{code}\"}} {count}"
    )
}

#[tokio::test]
async fn a_call_is_counted_by_its_service_and_its_grpc_status() {
    let (upstream, _events) = service::start().await;
    let gateway = gateway_to(upstream).await;
    wait_for(&gateway, &requests("task", 200, "OK", 0)).await;
    client::call(gateway.address, CREATE, &()).await;
    wait_for(&gateway, &requests("task", 200, "OK", 1)).await;
    wait_for(
        &gateway,
        "tandem_gateway_request_duration_seconds_count{route=\"task\"} 1",
    )
    .await;
    wait_for(&gateway, "tandem_gateway_in_flight 0").await;
    wait_for(
        &gateway,
        "tandem_gateway_upstream_errors_total{upstream=\"task\"} 0",
    )
    .await;
    wait_for(&gateway, "tandem_connections_accepted_total 1").await;
}

#[tokio::test]
async fn an_unreachable_service_is_counted_under_its_name() {
    let gateway = gateway_to(closed_port().await).await;
    client::call(gateway.address, CREATE, &()).await;
    wait_for(
        &gateway,
        "tandem_gateway_upstream_errors_total{upstream=\"task\"} 1",
    )
    .await;
    wait_for(
        &gateway,
        "tandem_gateway_upstream_errors_total{upstream=\"auth\"} 0",
    )
    .await;
    wait_for(&gateway, &requests("task", 200, "UNAVAILABLE", 1)).await;
}

#[tokio::test]
async fn a_request_that_is_not_a_call_is_counted_by_its_page_and_no_path_becomes_a_label() {
    let gateway = gateway_to(closed_port().await).await;
    for path in ["/", "/nowhere", "/a/b", "/tandem.auth.v2.X/Y"] {
        client::send(gateway.address, client::request(Method::GET, path, &[], "")).await;
    }
    wait_for(&gateway, &requests("info", 200, "-", 1)).await;
    wait_for(&gateway, &requests("_OTHER", 404, "-", 3)).await;
    let text = gateway.metrics.text();
    assert!(!text.contains("nowhere") && !text.contains("v2"), "{text}");
}

#[tokio::test]
async fn a_call_that_is_lost_after_its_headers_is_counted_as_an_error_of_its_service() {
    for body in [&b""[..], b"\0\0\0\0\x02a"] {
        let upstream =
            service::start_raw(
                move || async move { ([("content-type", "application/grpc")], body) },
            );
        let gateway = gateway_to(upstream.await).await;
        let request = client::call_request(CREATE, &());
        let _aborted_in_mid_message = client::send_alone(gateway.address, request).await;
        let counted = "tandem_gateway_upstream_errors_total{upstream=\"task\"} 1";
        wait_for(&gateway, counted).await;
    }
}

#[tokio::test]
async fn a_call_in_connect_is_counted_by_its_grpc_status_too() {
    let (upstream, _events) = service::start().await;
    let gateway = gateway_to(upstream).await;
    connect_client::json(gateway.address, CREATE, "{}").await;
    wait_for(&gateway, &requests("task", 200, "OK", 1)).await;
    connect_client::json(gateway.address, GET, "{}").await;
    wait_for(&gateway, &requests("task", 404, "NOT_FOUND", 1)).await;
    connect_client::json(gateway.address, CREATE, "[]").await;
    wait_for(&gateway, &requests("task", 400, "INVALID_ARGUMENT", 1)).await;
}
