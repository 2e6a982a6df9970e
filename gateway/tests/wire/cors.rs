//! Pages of other origins.

use http::Method;
use settings::{Setting, WebOrigin};

use crate::{
    Running,
    client::{self, Answer, BINARY, frame},
    closed_port, gateway,
    service::{self, CREATE, GET},
};

const ALLOWED: &str = "https://app.example.com";
const REFUSED: [&str; 5] = [
    "https://evil.example.com",
    "http://app.example.com",
    "https://app.example.com.evil.test",
    "https://app.example.com:8443",
    "null",
];

async fn gateway_for(origins: &[&str]) -> Running {
    let (upstream, _seen) = service::start().await;
    let origins = origins
        .iter()
        .map(|origin| WebOrigin::parse(origin).unwrap())
        .collect();
    gateway(upstream, upstream, |config| config.cors_origins = origins).await
}

async fn preflight(gateway: &Running, origin: &str) -> Answer {
    let headers = [
        ("origin", origin),
        ("access-control-request-method", "POST"),
        (
            "access-control-request-headers",
            "authorization,content-type,x-grpc-web",
        ),
    ];
    client::send(
        gateway.address,
        client::request(Method::OPTIONS, CREATE, &headers, ""),
    )
    .await
}

fn list(answer: &Answer, name: &str) -> Vec<String> {
    let mut names: Vec<String> = answer
        .header(name)
        .split(',')
        .map(|name| name.trim().to_lowercase())
        .filter(|name| !name.is_empty())
        .collect();
    names.sort();
    names
}

#[tokio::test]
async fn the_preflight_of_a_configured_origin_is_allowed() {
    let gateway = gateway_for(&["http://localhost:5173", ALLOWED]).await;
    let answer = preflight(&gateway, ALLOWED).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("access-control-allow-origin"), ALLOWED);
    assert_eq!(
        list(&answer, "access-control-allow-methods"),
        ["delete", "get", "post", "put"]
    );
    assert_eq!(
        list(&answer, "access-control-allow-headers"),
        [
            "authorization",
            "baggage",
            "connect-protocol-version",
            "connect-timeout-ms",
            "content-type",
            "grpc-timeout",
            "tandem-device-token",
            "traceparent",
            "tracestate",
            "x-grpc-web",
            "x-request-id",
            "x-user-agent"
        ]
    );
    assert_eq!(answer.header("access-control-max-age"), "7200");
    assert!(
        !answer
            .headers
            .contains_key("access-control-allow-credentials")
    );
    assert!(list(&answer, "vary").contains(&"origin".to_owned()));
}

#[tokio::test]
async fn no_other_origin_is_allowed() {
    let gateway = gateway_for(&[ALLOWED]).await;
    for origin in REFUSED {
        let answer = preflight(&gateway, origin).await;
        assert!(
            !answer.headers.contains_key("access-control-allow-origin"),
            "{origin}"
        );
        assert!(list(&answer, "vary").contains(&"origin".to_owned()));
    }
}

#[tokio::test]
async fn no_origin_is_allowed_when_none_is_configured() {
    let gateway = gateway_for(&[]).await;
    let answer = preflight(&gateway, ALLOWED).await;
    assert!(!answer.headers.contains_key("access-control-allow-origin"));
}

#[tokio::test]
async fn the_answer_to_a_call_exposes_the_status_to_the_page() {
    let gateway = gateway_for(&[ALLOWED]).await;
    let headers = [("content-type", BINARY), ("origin", ALLOWED)];
    for path in [CREATE, GET] {
        let answer = client::call_with(gateway.address, path, &headers, frame(&())).await;
        assert_eq!(answer.header("access-control-allow-origin"), ALLOWED);
        assert_eq!(
            list(&answer, "access-control-expose-headers"),
            [
                "grpc-message",
                "grpc-status",
                "grpc-status-details-bin",
                "retry-after",
                "tandem-reason",
                "tandem-revocation-staleness-ms",
                "x-request-id"
            ]
        );
    }
}

#[tokio::test]
async fn a_page_of_another_origin_can_read_a_refusal_of_the_gateway() {
    let closed = closed_port().await;
    let gateway = gateway(closed, closed, |config| {
        config.cors_origins = vec![WebOrigin::parse(ALLOWED).unwrap()];
    })
    .await;
    let headers = [("content-type", BINARY), ("origin", ALLOWED)];
    let answer = client::call_with(gateway.address, CREATE, &headers, frame(&())).await;
    assert_eq!(answer.header("access-control-allow-origin"), ALLOWED);
    assert_eq!(answer.error().1, "UPSTREAM_UNAVAILABLE");
}

/// FastAPI answers it so too.
#[tokio::test]
async fn options_without_the_headers_of_a_preflight_are_405_with_the_methods_of_the_path() {
    let gateway = gateway_for(&[ALLOWED]).await;
    for (path, status, allow) in [
        ("/", 405, "GET,HEAD"),
        ("/health", 405, "GET,HEAD"),
        ("/app/", 405, "GET,HEAD"),
        ("/openapi.json", 405, "GET,HEAD"),
        ("/docs/start.js", 405, "GET,HEAD"),
        ("/connect/openapi.json", 405, "GET,HEAD"),
        ("/.well-known/jwks.json", 405, "GET,HEAD"),
        ("/api/tasks", 405, "GET,HEAD,POST"),
        ("/api/tasks/1", 405, "GET,HEAD,PUT,DELETE"),
        ("/api/auth/sign-in", 405, "POST"),
        (CREATE, 405, "POST"),
        (GET, 405, "GET, POST"),
        ("/nothing", 404, ""),
        ("/api/nothing", 404, ""),
    ] {
        for headers in [
            &[][..],
            &[("origin", ALLOWED)],
            &[("access-control-request-method", "POST")],
        ] {
            let request = client::request(Method::OPTIONS, path, headers, "");
            let answer = client::send(gateway.address, request).await;
            let found = (answer.status.as_u16(), answer.header("allow"));
            assert_eq!(found, (status, allow), "{path} {headers:?}");
            assert_eq!(answer.header("access-control-allow-methods"), "");
        }
    }
}
