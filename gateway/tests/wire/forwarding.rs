//! What crosses the gateway and what does not.

use std::time::Duration;

use tokio::sync::mpsc::UnboundedReceiver;
use tonic::{Code, metadata::MetadataMap};

use crate::{
    client::{self, Answer, BINARY, frame},
    gateway, gateway_before, nobody,
    service::{self, CREATE, Event, LIST},
};

async fn seen(events: &mut UnboundedReceiver<Event>) -> MetadataMap {
    match events.recv().await.unwrap() {
        Event::Call(metadata) => metadata,
        Event::Cancelled => panic!("cancelled"),
    }
}

/// Calls with these headers; returns the answer and the headers the service saw.
async fn exchange(headers: &[(&str, &str)]) -> (Answer, http::HeaderMap) {
    let (upstream, mut events) = service::start().await;
    let gateway = gateway_before(upstream).await;
    let mut all = vec![("content-type", BINARY)];
    all.extend_from_slice(headers);
    let answer = client::call_with(gateway.address, CREATE, &all, frame(&())).await;
    (answer, seen(&mut events).await.into_headers())
}

#[tokio::test]
async fn credentials_trace_and_custom_metadata_reach_the_service() {
    let passed = [
        ("authorization", "Bearer abc.def"),
        ("x-user-agent", "connect-es/2.2.0"),
        ("tandem-device-token", "a-token-of-this-device"),
        ("x-request-id", "from-the-client.1"),
        (
            "traceparent",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        ),
        ("tracestate", "a=b"),
        ("device-bin", "AAEC"),
    ];
    let (answer, seen) = exchange(&passed).await;
    for (name, value) in passed {
        assert_eq!(seen[name], value, "{name}");
    }
    assert_eq!(answer.header("x-request-id"), "from-the-client.1");
}

#[tokio::test]
async fn the_browser_s_user_agent_reaches_the_service() {
    let (_, seen) = exchange(&[("user-agent", "Mozilla/5.0 (X11)")]).await;
    assert!(
        seen["user-agent"]
            .to_str()
            .unwrap()
            .starts_with("Mozilla/5.0 (X11)")
    );
}

#[tokio::test]
async fn what_concerns_the_connection_or_the_gateway_alone_does_not_reach_the_service() {
    let dropped = [
        ("cookie", "session=secret"),
        ("origin", "https://app.example.com"),
        ("x-real-ip", "203.0.113.9"),
        ("forwarded", "for=203.0.113.9"),
        ("accept-encoding", "gzip"),
        ("grpc-accept-encoding", "gzip"),
        ("grpc-trace-bin", "AAEC"),
        ("keep-alive", "timeout=5"),
        ("x-grpc-web", "1"),
        ("x-custom", "not named"),
    ];
    let (_, seen) = exchange(&dropped).await;
    for (name, _) in dropped {
        assert!(!seen.contains_key(name), "{name}");
    }
}

#[tokio::test]
async fn the_client_address_is_the_peer_s_whatever_the_client_says() {
    let (_, seen) = exchange(&[("x-forwarded-for", "203.0.113.9, 198.51.100.1")]).await;
    let addresses: Vec<_> = seen.get_all("x-forwarded-for").iter().collect();
    assert_eq!(addresses, ["127.0.0.1"]);
}

#[tokio::test]
async fn metadata_of_the_service_reaches_the_page_but_cookies_do_not() {
    let (answer, _) = exchange(&[]).await;
    assert_eq!(answer.header("x-served-by"), "task");
    assert!(!answer.headers.contains_key("set-cookie"));
}

#[tokio::test]
async fn a_request_without_a_fit_id_gets_one_of_its_own() {
    for unfit in ["", "two words", &"a".repeat(129)] {
        let (answer, seen) = exchange(&[("x-request-id", unfit)]).await;
        let id = answer.header("x-request-id");
        assert_eq!(id.len(), 32, "{id}");
        assert!(id.bytes().all(|byte| byte.is_ascii_hexdigit()));
        assert_eq!(seen["x-request-id"], id);
    }
}

fn micros(timeout: &http::HeaderValue) -> u128 {
    timeout
        .to_str()
        .unwrap()
        .strip_suffix('u')
        .unwrap()
        .parse()
        .unwrap()
}

#[tokio::test]
async fn the_service_is_told_what_is_left_of_the_client_s_time() {
    let (_, seen) = exchange(&[("grpc-timeout", "5S")]).await;
    let left = micros(&seen["grpc-timeout"]);
    assert!((1..5_000_000).contains(&left), "{left}");
    assert!(
        left > 4_000_000,
        "a call through memory takes no second: {left}"
    );
}

#[tokio::test]
async fn no_client_gets_more_time_than_the_gateway_gives() {
    for headers in [
        [("grpc-timeout", "2H")],
        [("grpc-timeout", "soon")],
        [("x-none", "")],
    ] {
        let (_, seen) = exchange(&headers).await;
        let left = micros(&seen["grpc-timeout"]);
        assert!((9_000_000..10_000_000).contains(&left), "{left}");
    }
}

#[tokio::test]
async fn a_service_that_does_not_answer_in_time_is_answered_for() {
    let upstream = service::start_raw(std::future::pending::<()>).await;
    let by_gateway = gateway(upstream, upstream, |config| {
        config.deadline = Duration::from_millis(50);
    })
    .await;
    let by_client = gateway_before(upstream).await;
    for (gateway, timeout) in [(by_gateway, "10S"), (by_client, "50m")] {
        let headers = [("content-type", BINARY), ("grpc-timeout", timeout)];
        let answer = client::call_with(gateway.address, CREATE, &headers, frame(&())).await;
        let (code, reason, details) = answer.error();
        assert_eq!(
            (code, reason.as_str()),
            (Code::DeadlineExceeded, "DEADLINE_EXCEEDED")
        );
        assert_eq!(
            details.request_info().unwrap().request_id,
            answer.header("x-request-id")
        );
    }
}

#[tokio::test]
async fn a_service_that_cannot_be_reached_is_answered_for() {
    let gateway = gateway_before(nobody().await).await;
    let answer = client::call(gateway.address, CREATE, &()).await;
    let (code, reason, details) = answer.error();
    assert_eq!(
        (code, reason.as_str()),
        (Code::Unavailable, "UPSTREAM_UNAVAILABLE")
    );
    assert_eq!(
        details.retry_info().unwrap().retry_delay,
        Some(Duration::from_secs(1))
    );
    assert_eq!(
        details.request_info().unwrap().request_id,
        answer.header("x-request-id")
    );
    assert_eq!(answer.header("grpc-status"), "14");
}

#[tokio::test]
async fn an_answer_that_is_not_grpc_is_no_answer_of_the_service() {
    let upstream = service::start_raw(|| async { "hello" }).await;
    let gateway = gateway_before(upstream).await;
    let answer = client::call(gateway.address, CREATE, &()).await;
    assert_eq!(answer.error().1, "UPSTREAM_UNAVAILABLE");
}

#[tokio::test]
async fn a_call_ends_at_the_service_when_the_browser_goes_away() {
    let (upstream, mut events) = service::start().await;
    let gateway = gateway_before(upstream).await;
    let request = client::request(
        http::Method::POST,
        LIST,
        &[("content-type", BINARY)],
        frame(&()),
    );
    let call = tokio::spawn(client::send_alone(gateway.address, request));
    seen(&mut events).await;
    call.abort();
    assert!(matches!(events.recv().await.unwrap(), Event::Cancelled));
}
