//! REST in front of services that are away, full or slow; over HTTP/1.1 and HTTP/2.

use std::{net::SocketAddr, time::Duration};

use futures_util::{StreamExt as _, stream};
use http::{HeaderValue, Method, Response};
use http_body_util::StreamBody;
use hyper::body::{Bytes, Frame};
use serde_json::{Value, json};
use tokio::{sync::mpsc::UnboundedReceiver, time::timeout};
use tonic::Code;
use transport::network::Network;

use crate::{
    Running,
    client::{self, ANSWER_TIMEOUT, Answer},
    closed_port,
    cookies_service::{Behaviour, Place, Site},
    gateway, gateway_to,
    service::{self, Event},
};

pub(crate) const TASKS: &str = "/api/tasks";
pub(crate) const BEARER: (&str, &str) = ("authorization", "Bearer a.token.of.some.kind");
pub(crate) const JSON: (&str, &str) = ("content-type", "application/json");

/// The versions of HTTP that a client of REST may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Http {
    One,
    Two,
}

pub(crate) const BOTH: [Http; 2] = [Http::One, Http::Two];

/// Sends a request with a token.
pub(crate) async fn ask(
    http: Http,
    address: SocketAddr,
    method: Method,
    path: &str,
    body: &str,
) -> Answer {
    send(http, address, method, path, &[BEARER, JSON], body).await
}

async fn send(
    http: Http,
    address: SocketAddr,
    method: Method,
    path: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> Answer {
    let request = client::request(method, path, headers, body.to_owned());
    match http {
        Http::One => client::send(address, request).await,
        Http::Two => client::send_http2(address, request).await,
    }
}

/// Asserts that this is a refusal in the form of FastAPI, for this client alone.
#[track_caller]
pub(crate) fn assert_refused(answer: &Answer, status: u16, reason: &str) {
    let seen = (answer.status.as_u16(), answer.header("tandem-reason"));
    assert_eq!(seen, (status, reason), "{:?}", answer.headers);
    assert_eq!(answer.header("content-type"), "application/json");
    assert_eq!(answer.header("cache-control"), "no-store");
    let body = answer.json();
    let fields: Vec<_> = body.as_object().unwrap().keys().collect();
    assert_eq!(fields, ["detail"]);
    assert_ne!(body["detail"].as_str().unwrap_or_default(), "", "{body}");
}

#[tokio::test]
async fn without_its_service_an_operation_is_503_and_says_when_to_come_back() {
    let gateway = gateway_to(closed_port().await).await;
    let sign_in = r#"{"email":"a@example.com","password":"correct horse"}"#;
    for http in BOTH {
        for (method, path, body) in [
            (Method::GET, TASKS, ""),
            (Method::POST, TASKS, r#"{"title":"x"}"#),
            (Method::GET, "/api/tasks/1", ""),
            (Method::PUT, "/api/tasks/1", "{}"),
            (Method::DELETE, "/api/tasks/1", ""),
            (Method::GET, "/protected", ""),
            (Method::POST, "/api/auth/sign-in", sign_in),
        ] {
            let answer = ask(http, gateway.address, method, path, body).await;
            assert_refused(&answer, 503, "UPSTREAM_UNAVAILABLE");
            assert_eq!(answer.header("retry-after"), "1", "{path}");
        }
    }
}

/// Starts a list that its service never answers.
async fn hold(
    gateway: &Running,
    events: &mut UnboundedReceiver<Event>,
    headers: &[(&str, &str)],
) -> tokio::task::JoinHandle<hyper::Result<Answer>> {
    let list = client::request(Method::GET, TASKS, headers, "");
    let held = tokio::spawn(client::send_alone(gateway.address, list));
    assert!(matches!(events.recv().await.unwrap(), Event::Call(_)));
    held
}

#[tokio::test]
async fn a_full_gateway_is_503_and_has_a_place_again_when_a_client_goes_away() {
    for http in BOTH {
        let (upstream, mut events) = service::start().await;
        let gateway = gateway(upstream, upstream, |config| config.calls.max_in_flight = 1).await;
        let held = hold(&gateway, &mut events, &[BEARER]).await;
        let create = async || {
            ask(
                http,
                gateway.address,
                Method::POST,
                TASKS,
                "{\"title\":\"x\"}",
            )
            .await
        };
        let refused = create().await;
        assert_refused(&refused, 503, "OVERLOADED");
        assert_eq!(refused.header("retry-after"), "1");

        held.abort();
        assert!(matches!(events.recv().await.unwrap(), Event::Cancelled));
        let admitted = async { while create().await.status != 201 {} };
        let admitted = timeout(ANSWER_TIMEOUT, admitted).await;
        admitted.expect("the place is free again");
    }
}

#[tokio::test]
async fn an_address_with_its_share_of_the_calls_is_429_and_others_are_not() {
    let (upstream, mut events) = service::start().await;
    let gateway = gateway(upstream, upstream, |config| {
        config.calls.max_in_flight = 2;
        config.calls.principal_share = 50;
        config.trusted_proxies = Network::loopback().to_vec();
    })
    .await;
    let from = |client| [BEARER, JSON, ("x-forwarded-for", client)];
    let _held = hold(&gateway, &mut events, &from("192.0.2.1")).await;
    let create = async |client| {
        let (post, body) = (Method::POST, r#"{"title":"x"}"#);
        send(Http::One, gateway.address, post, TASKS, &from(client), body).await
    };
    let refused = create("192.0.2.1").await;
    assert_refused(&refused, 429, "RATE_LIMITED");
    assert_eq!(refused.header("retry-after"), "1");
    assert_eq!(create("192.0.2.2").await.status, 201);
}

#[tokio::test]
async fn a_service_that_does_not_answer_in_time_is_504_and_its_call_ends() {
    for http in BOTH {
        let (upstream, mut events) = service::start().await;
        let gateway = gateway(upstream, upstream, |config| {
            config.calls.deadline = Duration::from_millis(100);
        })
        .await;
        let answer = ask(http, gateway.address, Method::GET, TASKS, "").await;
        assert_refused(&answer, 504, "DEADLINE_EXCEEDED");
        assert!(matches!(events.recv().await.unwrap(), Event::Call(_)));
        assert!(matches!(events.recv().await.unwrap(), Event::Cancelled));
    }
}

/// A service whose answers end in the middle of their message: its time is over, or its connection is lost.
async fn half_answers(lost: bool) -> SocketAddr {
    service::start_raw(move || async move {
        let half = stream::iter([Ok(Frame::data(Bytes::from_static(b"\0\0\0\0\x09half")))]);
        let lost = lost.then(|| Err(std::io::Error::other("lost")));
        let end = stream::iter(lost).chain(stream::pending());
        let body = StreamBody::new(half.chain(end));
        let mut answer = Response::new(axum::body::Body::new(body));
        let grpc = HeaderValue::from_static("application/grpc");
        answer.headers_mut().insert("content-type", grpc);
        answer
    })
    .await
}

#[tokio::test]
async fn half_an_answer_is_504_when_its_time_is_over_and_503_when_its_service_is_lost() {
    for (lost, status, reason) in [
        (false, 504, "DEADLINE_EXCEEDED"),
        (true, 503, "UPSTREAM_UNAVAILABLE"),
    ] {
        let upstream = half_answers(lost).await;
        let gateway = gateway(upstream, upstream, |config| {
            config.calls.deadline = Duration::from_millis(300);
        })
        .await;
        for http in BOTH {
            let path = "/api/tasks/1";
            let answer = ask(http, gateway.address, Method::GET, path, "").await;
            assert_refused(&answer, status, reason);
            // The same over Connect, which collects answers too.
            let request = client::request(Method::POST, service::GET, &[JSON], "{}");
            let answer = client::send(gateway.address, request).await;
            assert_eq!(answer.status, status, "{answer:?}");
        }
        let lost = u16::from(lost) * 4;
        let metrics = gateway.metrics.text();
        let counted = format!("tandem_gateway_upstream_errors_total{{upstream=\"task\"}} {lost}\n");
        assert!(metrics.contains(&counted), "{metrics}");
    }
}

/// Requests that cannot be read, whatever their token is.
const UNREADABLE: [(Method, &str, &str); 9] = [
    (Method::POST, TASKS, ""),
    (Method::POST, TASKS, "{"),
    (Method::POST, TASKS, "[]"),
    (Method::POST, TASKS, r#"{"title":""}"#),
    (Method::PUT, "/api/tasks/1", r#"{"title":5}"#),
    (Method::PUT, "/api/tasks/%ff", "{}"),
    (Method::GET, "/api/tasks?limit=0", ""),
    (Method::GET, "/api/tasks/%ff", ""),
    (Method::DELETE, "/api/tasks/%ff", ""),
];

#[tokio::test]
async fn a_service_judges_the_token_before_a_body_that_cannot_be_read() {
    for (code, reason, status, detail) in [
        (Code::Unauthenticated, "TOKEN_EXPIRED", 401, "Token expired"),
        (Code::Unauthenticated, "TOKEN_INVALID", 401, "Invalid token"),
        (Code::PermissionDenied, "SCOPE_MISSING", 403, "no"),
        (Code::Unavailable, "REVOCATION_FEED_STALE", 503, "no"),
    ] {
        for (method, path, body) in UNREADABLE {
            let site = Site::start(Behaviour::Refuse(code, reason, Place::Headers)).await;
            let answer = ask(Http::One, site.address(), method.clone(), path, body).await;
            assert_refused(&answer, status, reason);
            assert_eq!(
                answer.json(),
                json!({ "detail": detail }),
                "{method} {path}"
            );
            let scheme = if status == 401 { "Bearer" } else { "" };
            assert_eq!(answer.header("www-authenticate"), scheme);
            let asked = site.received();
            assert_eq!(asked.message, [0; 0], "nothing of the request is passed on");
            assert_eq!(asked.headers["authorization"], BEARER.1);
        }
    }
}

#[tokio::test]
async fn a_body_that_cannot_be_read_is_refused_when_its_token_is_good() {
    let behaviour = Behaviour::Refuse(Code::InvalidArgument, "FIELD_INVALID", Place::Headers);
    for (method, path, body) in UNREADABLE {
        let site = Site::start(behaviour.clone()).await;
        let answer = ask(Http::Two, site.address(), method.clone(), path, body).await;
        let expected = if path.ends_with("%ff") { 404 } else { 422 };
        assert_eq!(answer.status, expected, "{method} {path} {body}");
        site.received();
    }
}

/// The statuses of REST go with the body: no client has to read headers to know what is wrong.
#[tokio::test]
async fn what_is_not_there_is_a_detail_too() {
    let gateway = gateway_to(closed_port().await).await;
    for http in BOTH {
        for (method, path, status, detail) in [
            (Method::GET, "/api", 404, "Not Found"),
            (Method::GET, "/api/nothing", 404, "Not Found"),
            (Method::PATCH, TASKS, 405, "Method Not Allowed"),
            (Method::GET, "/api/auth/sign-in", 405, "Method Not Allowed"),
        ] {
            let answer = ask(http, gateway.address, method, path, "").await;
            let body: Value = answer.json();
            let found = (answer.status.as_u16(), body);
            assert_eq!(found, (status, json!({ "detail": detail })), "{path}");
        }
    }
}
