//! `GET /`, `GET /health`, `GET /.well-known/jwks.json`, and the answers to requests that are neither a page nor a call.

use contract::proto::health::health_check_response::ServingStatus;
use http::Method;
use settings::Setting as _;
use transport::network::Network;

use crate::{
    Running,
    client::{self, Answer, BINARY},
    closed_port, gateway, gateway_to,
    service::{self, CREATE, LIST},
};

const JWKS: &str = "/.well-known/jwks.json";

async fn get(address: std::net::SocketAddr, path: &str) -> Answer {
    client::send(address, client::request(Method::GET, path, &[], "")).await
}

#[tokio::test]
async fn the_root_answers_name_version_and_services() {
    let gateway = gateway_to(closed_port().await).await;
    let answer = get(gateway.address, "/").await;
    assert_eq!(answer.status, 200);
    let info = answer.json();
    assert_eq!(info["name"], "tandem");
    assert_eq!(info["version"], env!("CARGO_PKG_VERSION"));
    let services = info["services"].as_array().unwrap();
    assert!(services.contains(&"tandem.auth.v1.AuthService".into()));
    assert!(services.contains(&"tandem.task.v1.TaskService".into()));
    assert!(!services.contains(&"grpc.health.v1.Health".into()));
}

#[tokio::test]
async fn health_is_ok_with_a_timestamp_when_both_services_are_ready() {
    let (upstream, _seen) = service::start().await;
    let gateway = gateway_to(upstream).await;
    let answer = get(gateway.address, "/health").await;
    assert_eq!(
        (answer.status.as_u16(), answer.header("cache-control")),
        (200, "no-store")
    );
    let health = answer.json();
    assert_eq!(health["status"], "ok");
    assert_eq!(health["services"]["auth-service"], "ready");
    assert_eq!(health["services"]["task-service"], "ready");
    let timestamp = health["timestamp"].as_str().unwrap();
    assert!(
        chrono::DateTime::parse_from_rfc3339(timestamp).is_ok(),
        "{timestamp}"
    );
}

#[tokio::test]
async fn health_names_the_service_that_is_not_ready() {
    let (ready, _seen) = service::start().await;
    let (not_ready, _seen) = service::start_as(ServingStatus::NotServing).await;
    let gateway = gateway(ready, not_ready, |_| {}).await;
    let answer = get(gateway.address, "/health").await;
    assert_eq!(answer.status, 503);
    let health = answer.json();
    assert_eq!(health["status"], "unavailable");
    assert_eq!(health["services"]["auth-service"], "ready");
    assert_eq!(health["services"]["task-service"], "not_ready");
}

#[tokio::test]
async fn health_does_not_wait_for_a_service_that_does_not_answer() {
    let (ready, _seen) = service::start().await;
    let silent = service::start_raw(std::future::pending::<()>).await;
    let gateway = gateway(silent, ready, |config| {
        config.upstreams.health_timeout = std::time::Duration::from_millis(50);
    })
    .await;
    let answer = get(gateway.address, "/health").await;
    assert_eq!(answer.status, 503);
    assert_eq!(answer.json()["services"]["auth-service"], "failed");
}

#[tokio::test]
async fn the_keys_are_a_jwk_set_that_may_be_cached_as_long_as_the_service_allows() {
    let (upstream, _seen) = service::start().await;
    let gateway = gateway_to(upstream).await;
    let answer = get(gateway.address, "/.well-known/jwks.json").await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("cache-control"), "public, max-age=300");
    let key = serde_json::json!({
        "kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
        "kid": "2026-11", "alg": "EdDSA", "use": "sig",
    });
    assert_eq!(answer.json(), serde_json::json!({ "keys": [key] }));
}

#[tokio::test]
async fn without_the_auth_service_the_keys_are_unavailable_and_must_not_be_cached() {
    let gateway = gateway_to(closed_port().await).await;
    let answer = get(gateway.address, "/.well-known/jwks.json").await;
    assert_eq!(
        (answer.status.as_u16(), answer.header("cache-control")),
        (503, "no-store")
    );
    assert_eq!(answer.header("retry-after"), "1");
}

type Headers = [(&'static str, &'static str); 1];

/// Requests that are not calls, and the HTTP status that each gets.
fn not_calls() -> [(Method, &'static str, Headers, u16); 10] {
    let grpc_web = [("content-type", BINARY)];
    [
        (Method::GET, "/nothing", grpc_web, 404),
        (Method::POST, "/grpc.health.v1.Health/Check", grpc_web, 404),
        (
            Method::POST,
            "/tandem.task.v10.TaskService/CreateTask",
            grpc_web,
            404,
        ),
        (
            Method::POST,
            "/tandem.task.v1.TaskService/CreateTask/more",
            grpc_web,
            404,
        ),
        (Method::GET, CREATE, grpc_web, 405),
        (Method::DELETE, CREATE, grpc_web, 405),
        (Method::POST, "/health", grpc_web, 405),
        (
            Method::POST,
            CREATE,
            [("content-type", "application/grpc")],
            415,
        ),
        (
            Method::POST,
            CREATE,
            [("content-type", "application/grpc-web+json")],
            415,
        ),
        (Method::POST, CREATE, [("content-typo", BINARY)], 415),
    ]
}

#[tokio::test]
async fn a_request_that_is_not_a_call_gets_the_http_status_that_says_why() {
    let gateway = gateway_to(closed_port().await).await;
    for (method, path, headers, status) in not_calls() {
        let request = client::request(method.clone(), path, &headers, "");
        let answer = client::send(gateway.address, request).await;
        assert_eq!(answer.status, status, "{method} {path} {headers:?}");
        let allow = match (status, path) {
            (405, "/health") => "GET,HEAD",
            (405, _) => "POST",
            _ => "",
        };
        assert_eq!(answer.header("allow"), allow, "{method} {path}");
        assert!(!answer.headers.contains_key("grpc-status"));
    }
}

/// The answer to a client behind a proxy on this machine.
async fn get_as(gateway: &Running, client: &str, path: &str) -> Answer {
    let headers = [("x-forwarded-for", client)];
    client::send(
        gateway.address,
        client::request(Method::GET, path, &headers, ""),
    )
    .await
}

fn behind_a_proxy(config: &mut gateway::Config) {
    config.trusted_proxies = vec![Network::parse("127.0.0.1").unwrap()];
}

#[tokio::test]
async fn the_keys_are_within_the_bounds_of_calls_and_health_is_apart_from_them() {
    let (upstream, mut seen) = service::start().await;
    let gateway = gateway(upstream, upstream, |config| {
        behind_a_proxy(config);
        config.calls.max_in_flight = 2;
        config.calls.principal_share = 50;
    })
    .await;
    assert_eq!(get_as(&gateway, "192.0.2.1", JWKS).await.status, 200);
    let hold = |client| {
        let headers = [("content-type", BINARY), ("x-forwarded-for", client)];
        let list = client::request(Method::POST, LIST, &headers, client::frame(&()));
        tokio::spawn(client::send_alone(gateway.address, list))
    };
    let first = hold("192.0.2.1");
    seen.recv().await.unwrap();
    for (client, status) in [("192.0.2.1", 429), ("192.0.2.2", 200)] {
        let keys = get_as(&gateway, client, JWKS).await;
        assert_eq!(keys.status, status, "{client}");
    }
    let second = hold("192.0.2.2");
    seen.recv().await.unwrap();
    let keys = get_as(&gateway, "192.0.2.3", JWKS).await;
    let retry = keys.header("retry-after");
    assert_eq!((keys.status.as_u16(), retry), (503, "1"));
    assert_eq!(get_as(&gateway, "192.0.2.1", "/health").await.status, 200);
    first.abort();
    second.abort();
}

#[tokio::test]
async fn a_client_that_asks_for_health_again_and_again_is_refused_and_another_one_is_not() {
    let (asked, mut seen) = tokio::sync::mpsc::unbounded_channel();
    let silent = service::start_raw(move |uri: http::Uri| {
        if uri.path().ends_with("/Check") {
            asked.send(()).unwrap();
        }
        std::future::pending::<&str>()
    });
    let gateway = gateway(silent.await, closed_port().await, |config| {
        behind_a_proxy(config);
        config.calls.principal_share = 1;
        config.upstreams.health_timeout = std::time::Duration::from_secs(2);
    })
    .await;
    let first = get_as(&gateway, "192.0.2.1", "/health");
    tokio::pin!(first);
    tokio::select! {
        _ = &mut first => panic!("answered at once"),
        asked = seen.recv() => asked.unwrap(),
    }
    let refused = get_as(&gateway, "192.0.2.1", "/health").await;
    let retry = refused.header("retry-after");
    assert_eq!((refused.status.as_u16(), retry), (429, "1"));
    let other = get_as(&gateway, "192.0.2.2", "/health").await;
    assert_eq!(other.json()["status"], "unavailable");
    assert_eq!(first.await.json()["status"], "unavailable");
    assert_eq!(get_as(&gateway, "192.0.2.1", "/health").await.status, 503);
}
