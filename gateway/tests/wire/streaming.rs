//! Answers with more than one message, and answers that are aborted.

use std::convert::Infallible;

use axum::body::Body;
use futures_util::{Stream, StreamExt, stream};
use http::{HeaderMap, HeaderValue, Method, Response};
use http_body_util::{BodyExt, StreamBody};
use hyper::body::{Bytes, Frame};
use tokio::{sync::mpsc, time::timeout};
use tonic::Code;

use crate::{
    client::{self, ANSWER_TIMEOUT, BINARY, TEXT, decode_texts, frame},
    gateway_to,
    service::{CancelGuard, Event, start_raw},
};

/// No RPC of these services streams yet. The gateway also forwards RPCs that it does not know.
const STREAM: &str = "/tandem.task.v1.TaskService/StreamForTest";

type Part = Frame<Bytes>;

fn data(bytes: &'static [u8]) -> Part {
    Frame::data(Bytes::from_static(bytes))
}

fn trailers(status: &'static str) -> Part {
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", HeaderValue::from_static(status));
    trailers.insert("x-after", HeaderValue::from_static("the end"));
    Frame::trailers(trailers)
}

fn answer(parts: impl Stream<Item = Part> + Send + 'static) -> Response<Body> {
    let mut response = Response::new(Body::new(StreamBody::new(parts.map(Ok::<_, Infallible>))));
    response
        .headers_mut()
        .insert("content-type", HeaderValue::from_static("application/grpc"));
    response
}

/// One message in two chunks, one chunk of two messages, trailers.
async fn three_messages() -> Response<Body> {
    let parts = [
        data(b"\0\0\0\0\x02a"),
        data(b"b"),
        data(b"\0\0\0\0\x01c\0\0\0\0\0"),
        trailers("0"),
    ];
    answer(stream::iter(parts))
}

async fn one_message_then_error() -> Response<Body> {
    answer(stream::iter([data(b"\0\0\0\0\x01a"), trailers("10")]))
}

async fn one_message_then_silence() -> Response<Body> {
    answer(stream::iter([data(b"\0\0\0\0\x01a")]).chain(stream::pending()))
}

async fn one_message_without_trailers() -> Response<Body> {
    answer(stream::iter([data(b"\0\0\0\0\x01a")]))
}

async fn half_a_message() -> Response<Body> {
    answer(stream::iter([data(b"\0\0\0\0\x05ab")]))
}

async fn call(
    upstream: std::net::SocketAddr,
    format: &str,
    timeout: &str,
) -> Response<hyper::body::Incoming> {
    let gateway = gateway_to(upstream).await;
    let body = if format == TEXT {
        b"AAAAAAA=".to_vec()
    } else {
        frame(&())
    };
    let headers = [("content-type", format), ("grpc-timeout", timeout)];
    client::begin(
        gateway.address,
        client::request(Method::POST, STREAM, &headers, body),
    )
    .await
}

#[tokio::test]
async fn every_message_of_a_stream_arrives_in_order_before_the_trailers() {
    for format in [BINARY, TEXT] {
        let upstream = start_raw(three_messages).await;
        let answer = client::read(call(upstream, format, "5S").await).await;
        let frames = answer.frames();
        assert_eq!(
            frames.messages,
            [b"ab".to_vec(), b"c".to_vec(), b"".to_vec()]
        );
        assert_eq!(frames.trailers["grpc-status"], "0");
        assert_eq!(frames.trailers["x-after"], "the end");
    }
}

#[tokio::test]
async fn an_error_after_a_message_arrives_with_the_message() {
    let upstream = start_raw(one_message_then_error).await;
    let frames = client::read(call(upstream, BINARY, "5S").await)
        .await
        .frames();
    assert_eq!(frames.messages, [b"a".to_vec()]);
    assert_eq!(frames.trailers["grpc-status"], "10");
}

#[tokio::test]
async fn a_message_arrives_before_the_stream_ends() {
    for format in [BINARY, TEXT] {
        let upstream = start_raw(one_message_then_silence).await;
        let mut body = call(upstream, format, "5S").await.into_body();
        let first = body.frame().await.unwrap().unwrap().into_data().unwrap();
        let bytes = if format == TEXT {
            decode_texts(&first)
        } else {
            first.to_vec()
        };
        assert_eq!(bytes, b"\0\0\0\0\x01a");
    }
}

#[tokio::test]
async fn a_stream_past_its_deadline_ends_with_a_reason() {
    let upstream = start_raw(one_message_then_silence).await;
    let answer = client::read(call(upstream, BINARY, "500m").await).await;
    assert_eq!(answer.frames().messages, [b"a".to_vec()]);
    answer.assert_refused(Code::DeadlineExceeded, "DEADLINE_EXCEEDED");
}

#[tokio::test]
async fn a_stream_that_ends_without_a_status_is_an_error() {
    let upstream = start_raw(one_message_without_trailers).await;
    let answer = client::read(call(upstream, TEXT, "5S").await).await;
    assert_eq!(answer.frames().messages, [b"a".to_vec()]);
    let details = answer.assert_refused(Code::Unavailable, "UPSTREAM_UNAVAILABLE");
    assert!(details.retry_info().is_some());
}

#[tokio::test]
async fn a_stream_lost_within_a_message_is_aborted_without_a_trailers_frame() {
    let gateway = gateway_to(start_raw(half_a_message).await).await;
    let request = client::call_request(STREAM, &());
    assert!(client::send_alone(gateway.address, request).await.is_err());
}

#[tokio::test]
async fn the_services_stream_ends_when_the_browser_goes_away() {
    let (seen, mut events) = mpsc::unbounded_channel();
    let upstream = start_raw(move || async move {
        let guard = CancelGuard(seen);
        let held = stream::pending().map(move |part: Part| {
            let _guard = &guard;
            part
        });
        answer(stream::iter([data(b"\0\0\0\0\x01a")]).chain(held))
    })
    .await;
    let mut answer = call(upstream, BINARY, "9S").await;
    answer.body_mut().frame().await.unwrap().unwrap();
    drop(answer);
    let event = timeout(ANSWER_TIMEOUT, events.recv()).await;
    assert!(matches!(event, Ok(Some(Event::Cancelled))));
}
