//! Unary calls in the Connect protocol: messages, errors, headers, deadlines.

use axum::body::Body;
use contract::proto::task::{CreateTaskRequest, CreateTaskResponse};
use http::{HeaderMap, HeaderValue, Method, Response};
use http_body_util::StreamBody;
use hyper::body::{Bytes, Frame};
use prost::Message as _;
use serde_json::json;
use tokio::time::timeout;

use crate::{
    client::{self, ANSWER_TIMEOUT},
    closed_port,
    connect_client::{self, JSON, PROTO, assert_error, call},
    gateway, gateway_to,
    service::{self, CREATE, Event, GET, LIST, SIGN_OUT, start_raw, task},
};

#[tokio::test]
async fn a_call_in_json_is_answered_in_json_over_http1_and_http2() {
    let (service, _events) = service::start().await;
    let gateway = gateway_to(service).await;
    let headers = [("content-type", JSON)];
    let request = || {
        client::request(
            Method::POST,
            CREATE,
            &headers,
            r#"{"task":{"title":"Buy milk"}}"#,
        )
    };
    for answer in [
        client::send(gateway.address, request()).await,
        client::send_http2(gateway.address, request()).await,
    ] {
        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("content-type"), JSON);
        assert_eq!(answer.header("x-served-by"), "task");
        assert!(!answer.headers.contains_key("set-cookie"));
        assert!(
            answer
                .headers
                .keys()
                .all(|name| !name.as_str().contains("grpc-"))
        );
        assert_eq!(answer.json(), json!({"task": {"title": "Buy milk"}}));
    }
}

#[tokio::test]
async fn a_call_in_protobuf_is_answered_in_protobuf() {
    let (service, _events) = service::start().await;
    let gateway = gateway_to(service).await;
    let request = CreateTaskRequest {
        task: Some(task("größer")),
        ..CreateTaskRequest::default()
    };
    let answer = call(gateway.address, CREATE, PROTO, &[], request.encode_to_vec()).await;
    assert_eq!(
        (answer.status.as_u16(), answer.header("content-type")),
        (200, PROTO)
    );
    let response = CreateTaskResponse::decode(&*answer.body).unwrap();
    assert_eq!(response.task, request.task);
}

#[tokio::test]
async fn an_empty_message_is_braces_in_json_and_nothing_in_protobuf() {
    let (service, _events) = service::start().await;
    let gateway = gateway_to(service).await;
    let answer = connect_client::json(gateway.address, SIGN_OUT, "{}").await;
    assert_eq!(
        (answer.status.as_u16(), &*answer.body),
        (200, b"{}".as_slice())
    );
    let answer = call(gateway.address, SIGN_OUT, PROTO, &[], "").await;
    assert_eq!(
        (answer.status.as_u16(), &*answer.body),
        (200, b"".as_slice())
    );
    let answer = connect_client::json(gateway.address, SIGN_OUT, "").await;
    assert_error(&answer, 400, "invalid_argument", "REQUEST_MALFORMED");
}

#[tokio::test]
async fn a_large_message_arrives_whole_and_one_over_the_limit_is_refused() {
    let (service, _events) = service::start().await;
    let gateway = gateway(service, service, |config| {
        config.calls.request_limit = 300_000;
    })
    .await;
    let title = "x".repeat(290_000);
    let answer = connect_client::json(
        gateway.address,
        CREATE,
        &json!({"task": {"title": title}}).to_string(),
    )
    .await;
    assert_eq!(answer.json()["task"]["title"], title);
    let body = json!({"task": {"title": "x".repeat(300_000)}}).to_string();
    let answer = connect_client::json(gateway.address, CREATE, &body).await;
    assert_error(&answer, 400, "invalid_argument", "REQUEST_TOO_LARGE");
}

#[tokio::test]
async fn an_error_of_the_service_has_its_details_and_the_http_status_of_its_code() {
    let (service, _events) = service::start().await;
    let gateway = gateway_to(service).await;
    for (content_type, body) in [(JSON, "{}"), (PROTO, "")] {
        let answer = call(gateway.address, GET, content_type, &[], body).await;
        let details = assert_error(&answer, 404, "not_found", "TASK_NOT_FOUND");
        assert_eq!(
            details.request_info().unwrap().request_id,
            "from-the-service"
        );
        assert_eq!(answer.json()["message"], "no task: größer\n");
        assert_eq!(answer.header("x-hint"), "look elsewhere");
        assert!(
            answer
                .headers
                .keys()
                .all(|name| !name.as_str().contains("grpc-"))
        );
    }
}

#[tokio::test]
async fn every_code_has_its_name_and_http_status() {
    for (number, name, http_status) in [
        ("1", "canceled", 499),
        ("2", "unknown", 500),
        ("3", "invalid_argument", 400),
        ("4", "deadline_exceeded", 504),
        ("5", "not_found", 404),
        ("6", "already_exists", 409),
        ("7", "permission_denied", 403),
        ("8", "resource_exhausted", 429),
        ("9", "failed_precondition", 400),
        ("10", "aborted", 409),
        ("11", "out_of_range", 400),
        ("12", "unimplemented", 501),
        ("13", "internal", 500),
        ("14", "unavailable", 503),
        ("15", "data_loss", 500),
        ("16", "unauthenticated", 401),
    ] {
        let upstream = start_raw(move || async move {
            let mut response = Response::new(Body::empty());
            let headers = response.headers_mut();
            headers.insert("content-type", HeaderValue::from_static("application/grpc"));
            headers.insert("grpc-status", HeaderValue::from_static(number));
            response
        })
        .await;
        let gateway = gateway_to(upstream).await;
        let answer = connect_client::json(gateway.address, GET, "{}").await;
        assert_eq!(answer.status, http_status, "{name}");
        assert_eq!(answer.json(), json!({"code": name}));
    }
}

/// One message, then trailers with a status and metadata.
async fn message_and_trailers() -> Response<Body> {
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", HeaderValue::from_static("0"));
    trailers.insert("x-after", HeaderValue::from_static("the end"));
    let frames = [
        Frame::data(Bytes::from_static(b"\0\0\0\0\0")),
        Frame::trailers(trailers),
    ];
    let frames = frames.map(Ok::<_, std::convert::Infallible>);
    let mut response = Response::new(Body::new(StreamBody::new(futures_util::stream::iter(
        frames,
    ))));
    let grpc = HeaderValue::from_static("application/grpc");
    response.headers_mut().insert("content-type", grpc);
    response
}

#[tokio::test]
async fn trailers_are_headers_with_a_prefix_and_without_the_status_of_grpc() {
    let gateway = gateway_to(start_raw(message_and_trailers).await).await;
    let answer = connect_client::json(gateway.address, GET, "{}").await;
    assert_eq!(
        (answer.status.as_u16(), &*answer.body),
        (200, b"{}".as_slice())
    );
    assert_eq!(answer.header("trailer-x-after"), "the end");
    assert!(
        answer
            .headers
            .keys()
            .all(|name| !name.as_str().contains("grpc-"))
    );
}

/// Half a message, then the end.
async fn half_a_message() -> Response<Body> {
    let mut response = Response::new(Body::from(b"\0\0\0\0\x05ab".as_slice()));
    let grpc = HeaderValue::from_static("application/grpc");
    response.headers_mut().insert("content-type", grpc);
    response
}

#[tokio::test]
async fn a_lost_service_is_unavailable() {
    for upstream in [closed_port().await, start_raw(half_a_message).await] {
        let gateway = gateway_to(upstream).await;
        let answer = connect_client::json(gateway.address, CREATE, "{}").await;
        let details = assert_error(&answer, 503, "unavailable", "UPSTREAM_UNAVAILABLE");
        assert!(details.retry_info().is_some());
        answer.assert_request_id_in(&details);
    }
}

#[tokio::test]
async fn a_call_past_its_deadline_ends_and_the_service_is_told() {
    let (service, mut events) = service::start().await;
    let gateway = gateway_to(service).await;
    let headers = [("connect-timeout-ms", "300")];
    let answer = call(gateway.address, LIST, JSON, &headers, "{}").await;
    assert_error(&answer, 504, "deadline_exceeded", "DEADLINE_EXCEEDED");
    let Some(Event::Call(metadata)) = events.recv().await else {
        panic!("the service was called");
    };
    assert!(metadata.contains_key("grpc-timeout"));
    let event = timeout(ANSWER_TIMEOUT, events.recv()).await;
    assert!(matches!(event, Ok(Some(Event::Cancelled))));
}

#[tokio::test]
async fn a_call_whose_client_goes_away_is_cancelled() {
    let (service, mut events) = service::start().await;
    let gateway = gateway_to(service).await;
    let request = client::request(Method::POST, LIST, &[("content-type", JSON)], "{}");
    let call = tokio::spawn(client::send_alone(gateway.address, request));
    assert!(matches!(events.recv().await, Some(Event::Call(_))));
    call.abort();
    let event = timeout(ANSWER_TIMEOUT, events.recv()).await;
    assert!(matches!(event, Ok(Some(Event::Cancelled))));
}
