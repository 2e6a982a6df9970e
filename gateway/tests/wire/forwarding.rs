//! What the gateway forwards and what it does not.

use std::time::Duration;

use settings::Setting as _;
use tokio::sync::mpsc::UnboundedReceiver;
use tonic::{Code, metadata::MetadataMap};

use crate::{
    client::{self, Answer, BINARY, frame},
    closed_port, gateway, gateway_to,
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
    let gateway = gateway_to(upstream).await;
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
async fn the_browsers_user_agent_reaches_the_service() {
    let (_, seen) = exchange(&[("user-agent", "Mozilla/5.0 (X11)")]).await;
    assert!(
        seen["user-agent"]
            .to_str()
            .unwrap()
            .starts_with("Mozilla/5.0 (X11)")
    );
}

#[tokio::test]
async fn headers_of_the_connection_and_headers_that_are_not_listed_do_not_reach_the_service() {
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
async fn the_forwarded_address_is_the_peers_whatever_the_client_sends() {
    let (_, seen) = exchange(&[("x-forwarded-for", "203.0.113.9, 198.51.100.1")]).await;
    let addresses: Vec<_> = seen.get_all("x-forwarded-for").iter().collect();
    assert_eq!(addresses, ["127.0.0.1"]);
}

#[tokio::test]
async fn behind_trusted_proxies_one_address_is_forwarded_that_of_the_client() {
    let (upstream, mut events) = service::start().await;
    let gateway = gateway(upstream, upstream, |config| {
        config.trusted_proxies = Vec::parse("127.0.0.1, 10.0.0.0/8").unwrap();
    })
    .await;
    for (sent, client) in [
        ("192.0.2.66, 203.0.113.9, 10.0.0.3", "203.0.113.9"),
        ("192.0.2.66, 2001:db8::1", "2001:db8::1"),
        ("203.0.113.9, unknown", "127.0.0.1"),
    ] {
        let headers = [("content-type", BINARY), ("x-forwarded-for", sent)];
        client::call_with(gateway.address, CREATE, &headers, frame(&())).await;
        let seen = seen(&mut events).await.into_headers();
        let addresses: Vec<_> = seen.get_all("x-forwarded-for").iter().collect();
        assert_eq!(addresses, [client], "{sent}");
    }
}

#[tokio::test]
async fn metadata_of_the_service_reaches_the_page_but_its_cookies_do_not() {
    let (answer, _) = exchange(&[]).await;
    assert_eq!(answer.header("x-served-by"), "task");
    assert!(!answer.headers.contains_key("set-cookie"));
}

#[tokio::test]
async fn a_request_without_a_valid_id_gets_a_new_one() {
    for invalid in ["", "two words", "a:b", &"a".repeat(65)] {
        let (answer, seen) = exchange(&[("x-request-id", invalid)]).await;
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
async fn the_service_gets_the_rest_of_the_clients_timeout() {
    let (_, seen) = exchange(&[("grpc-timeout", "5S")]).await;
    let left = micros(&seen["grpc-timeout"]);
    assert!((1..5_000_000).contains(&left), "{left}");
    assert!(
        left > 4_000_000,
        "a call on this machine takes less than a second: {left}"
    );
}

#[tokio::test]
async fn no_call_gets_more_time_than_the_gateway_allows() {
    for headers in [[("grpc-timeout", "2H")], [("x-none", "")]] {
        let (_, seen) = exchange(&headers).await;
        let left = micros(&seen["grpc-timeout"]);
        assert!((9_000_000..10_000_000).contains(&left), "{left}");
    }
}

/// The answer to a call with this `grpc-timeout`, from a gateway whose service must not be called.
async fn refusal_of_timeout(timeout: &str) -> Answer {
    let (upstream, mut events) = service::start().await;
    let gateway = gateway_to(upstream).await;
    let headers = [("content-type", BINARY), ("grpc-timeout", timeout)];
    let answer = client::call_with(gateway.address, CREATE, &headers, frame(&())).await;
    assert!(events.try_recv().is_err(), "{timeout} reached the service");
    answer
}

#[tokio::test]
async fn a_malformed_timeout_is_refused_and_named() {
    for malformed in ["soon", "5", "1s", "123456789S", ""] {
        let answer = refusal_of_timeout(malformed).await;
        let details = answer.assert_refused(Code::InvalidArgument, "REQUEST_MALFORMED");
        let violations = &details.bad_request().unwrap().field_violations;
        assert_eq!(violations[0].field, "grpc-timeout");
        answer.assert_request_id_in(&details);
    }
}

#[tokio::test]
async fn a_timeout_of_zero_is_refused_before_the_service_is_called() {
    let answer = refusal_of_timeout("0S").await;
    let details = answer.assert_refused(Code::DeadlineExceeded, "DEADLINE_EXCEEDED");
    answer.assert_request_id_in(&details);
}

#[tokio::test]
async fn the_gateway_refuses_a_call_whose_service_does_not_answer_in_time() {
    let upstream = service::start_raw(std::future::pending::<()>).await;
    let by_gateway = gateway(upstream, upstream, |config| {
        config.calls.deadline = Duration::from_millis(50);
    })
    .await;
    let by_client = gateway_to(upstream).await;
    for (gateway, timeout) in [(by_gateway, "10S"), (by_client, "50m")] {
        let headers = [("content-type", BINARY), ("grpc-timeout", timeout)];
        let answer = client::call_with(gateway.address, CREATE, &headers, frame(&())).await;
        let details = answer.assert_refused(Code::DeadlineExceeded, "DEADLINE_EXCEEDED");
        answer.assert_request_id_in(&details);
    }
}

#[tokio::test]
async fn the_gateway_refuses_a_call_whose_service_is_unreachable() {
    let gateway = gateway_to(closed_port().await).await;
    let answer = client::call(gateway.address, CREATE, &()).await;
    let details = answer.assert_refused(Code::Unavailable, "UPSTREAM_UNAVAILABLE");
    assert_eq!(
        details.retry_info().unwrap().retry_delay,
        Some(Duration::from_secs(1))
    );
    answer.assert_request_id_in(&details);
    assert_eq!(answer.header("grpc-status"), "14");
}

#[tokio::test]
async fn an_answer_that_is_not_grpc_counts_as_an_unreachable_service() {
    let upstream = service::start_raw(|| async { "hello" }).await;
    let gateway = gateway_to(upstream).await;
    let answer = client::call(gateway.address, CREATE, &()).await;
    assert_eq!(answer.error().1, "UPSTREAM_UNAVAILABLE");
}

#[tokio::test]
async fn the_call_to_the_service_ends_when_the_browser_goes_away() {
    let (upstream, mut events) = service::start().await;
    let gateway = gateway_to(upstream).await;
    let request = client::call_request(LIST, &());
    let call = tokio::spawn(client::send_alone(gateway.address, request));
    seen(&mut events).await;
    call.abort();
    assert!(matches!(events.recv().await.unwrap(), Event::Cancelled));
}
