//! Streams in the Connect protocol.

use std::{convert::Infallible, net::SocketAddr};

use axum::body::Body;
use contract::proto::auth::{WatchRevocationsRequest, WatchRevocationsResponse};
use flate2::{Compression, read::GzDecoder, write::GzEncoder};
use futures_util::{Stream, StreamExt as _, stream};
use http::{HeaderMap, HeaderValue, Method, Response};
use http_body_util::{BodyExt as _, StreamBody};
use hyper::body::{Bytes, Frame};
use prost::Message as _;
use serde_json::{Value, json};
use std::io::{Read as _, Write as _};
use tokio::{sync::mpsc, time::timeout};

use crate::{
    Running,
    client::{self, ANSWER_TIMEOUT, Answer},
    connect_client::{assert_error_json, frames},
    gateway,
    service::{CancelGuard, Event, GET, start_raw},
};

const WATCH: &str = "/tandem.auth.v1.VerifierService/WatchRevocations";
const JSON: &str = "application/connect+json";
const PROTO: &str = "application/connect+proto";

/// A frame of a request, or of gRPC.
fn frame(flags: u8, message: &[u8]) -> Vec<u8> {
    let length = u32::try_from(message.len()).unwrap().to_be_bytes();
    [&[flags], &length[..], message].concat()
}

fn trailers(status: &'static str) -> Frame<Bytes> {
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", HeaderValue::from_static(status));
    trailers.insert("x-after", HeaderValue::from_static("the end"));
    Frame::trailers(trailers)
}

fn answer(parts: impl Stream<Item = Frame<Bytes>> + Send + 'static) -> Response<Body> {
    let mut response = Response::new(Body::new(StreamBody::new(parts.map(Ok::<_, Infallible>))));
    let grpc = HeaderValue::from_static("application/grpc");
    response.headers_mut().insert("content-type", grpc);
    response
}

/// A message of the stream with an incarnation of this length.
fn message(sequence: i64) -> WatchRevocationsResponse {
    use contract::proto::auth::{RevocationHeartbeat, watch_revocations_response::Event};
    WatchRevocationsResponse {
        event: Some(Event::Heartbeat(RevocationHeartbeat {
            head_sequence: sequence,
            ..RevocationHeartbeat::default()
        })),
        ..WatchRevocationsResponse::default()
    }
}

fn data(sequence: i64) -> Frame<Bytes> {
    Frame::data(frame(0, &message(sequence).encode_to_vec()).into())
}

/// Two messages, the first in two chunks; then the end.
async fn two_messages() -> Response<Body> {
    let bytes = frame(0, &message(1).encode_to_vec());
    let (first, second) = bytes.split_at(3);
    let parts = [
        Frame::data(first.to_vec().into()),
        Frame::data(second.to_vec().into()),
        data(2),
        trailers("0"),
    ];
    answer(stream::iter(parts))
}

async fn start(upstream: SocketAddr) -> Running {
    gateway(upstream, upstream, |config| {
        config.offer_internal_services = true;
    })
    .await
}

async fn watch(
    gateway: &Running,
    content_type: &str,
    headers: &[(&str, &str)],
    body: Vec<u8>,
) -> Answer {
    let mut all = vec![("content-type", content_type)];
    all.extend_from_slice(headers);
    let answer = client::call_with(gateway.address, WATCH, &all, body).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), content_type);
    answer
}

#[tokio::test]
async fn every_message_arrives_before_the_frame_that_ends_the_stream() {
    let gateway = start(start_raw(two_messages).await).await;
    let (messages, end) = frames(&watch(&gateway, JSON, &[], frame(0, b"{}")).await.body);
    let messages: Vec<Value> = messages
        .iter()
        .map(|(flags, message)| {
            assert_eq!(*flags, 0);
            serde_json::from_slice(message).unwrap()
        })
        .collect();
    assert_eq!(
        messages,
        [
            json!({"heartbeat": {"headSequence": "1"}}),
            json!({"heartbeat": {"headSequence": "2"}})
        ]
    );
    assert_eq!(end, json!({"metadata": {"x-after": ["the end"]}}));
    let request = frame(0, &WatchRevocationsRequest::default().encode_to_vec());
    let (messages, end) = frames(&watch(&gateway, PROTO, &[], request).await.body);
    let messages: Vec<_> = messages
        .iter()
        .map(|(_, bytes)| WatchRevocationsResponse::decode(&**bytes).unwrap())
        .collect();
    assert_eq!(messages, [message(1), message(2)]);
    assert_eq!(end, json!({"metadata": {"x-after": ["the end"]}}));
}

#[tokio::test]
async fn a_message_arrives_before_the_stream_ends_and_the_client_may_go_away() {
    let (seen, mut events) = mpsc::unbounded_channel();
    let upstream = start_raw(move || async move {
        let guard = CancelGuard(seen);
        let held = stream::pending().map(move |part: Frame<Bytes>| {
            let _guard = &guard;
            part
        });
        answer(stream::iter([data(1)]).chain(held))
    });
    let gateway = start(upstream.await).await;
    let headers = [("content-type", JSON)];
    let request = client::request(Method::POST, WATCH, &headers, frame(0, b"{}"));
    let mut answer = client::begin(gateway.address, request).await;
    let first = answer.body_mut().frame().await.unwrap().unwrap();
    let first = first.into_data().unwrap();
    assert_eq!(first, frame(0, br#"{"heartbeat":{"headSequence":"1"}}"#));
    drop(answer);
    let event = timeout(ANSWER_TIMEOUT, events.recv()).await;
    assert!(matches!(event, Ok(Some(Event::Cancelled))));
}

#[tokio::test]
async fn an_error_is_in_the_last_frame_before_and_after_messages() {
    let upstream = || async { answer(stream::iter([data(1), trailers("10")])) };
    let gateway = start(start_raw(upstream).await).await;
    let (messages, end) = frames(&watch(&gateway, JSON, &[], frame(0, b"{}")).await.body);
    assert_eq!(messages.len(), 1);
    assert_eq!(end["error"], json!({"code": "aborted"}));
    let answer = watch(&gateway, JSON, &[], frame(0, br#"{"x":1}"#)).await;
    let (messages, end) = frames(&answer.body);
    assert_eq!(messages.len(), 0);
    let details = assert_error_json(&end["error"], "invalid_argument", "FIELD_INVALID");
    assert_eq!(
        details.bad_request().unwrap().field_violations[0].field,
        "x"
    );
}

#[tokio::test]
async fn a_stream_past_its_deadline_ends_with_a_reason() {
    let upstream = || async { answer(stream::iter([data(1)]).chain(stream::pending())) };
    let gateway = start(start_raw(upstream).await).await;
    let headers = [("connect-timeout-ms", "500")];
    let (messages, end) = frames(&watch(&gateway, JSON, &headers, frame(0, b"{}")).await.body);
    assert_eq!(messages.len(), 1);
    assert_error_json(&end["error"], "deadline_exceeded", "DEADLINE_EXCEEDED");
}

#[tokio::test]
async fn a_stream_that_is_cut_within_a_message_is_aborted_without_an_end() {
    let upstream = || async {
        answer(stream::iter([
            data(1),
            Frame::data(Bytes::from_static(b"\0\0\0\0\x05ab")),
        ]))
    };
    let gateway = start(start_raw(upstream).await).await;
    let headers = [("content-type", JSON)];
    let request = client::request(Method::POST, WATCH, &headers, frame(0, b"{}"));
    assert!(client::send_alone(gateway.address, request).await.is_err());
}

#[tokio::test]
async fn a_stream_that_is_cut_between_messages_is_an_error() {
    let upstream = || async { answer(stream::iter([data(1)])) };
    let gateway = start(start_raw(upstream).await).await;
    let (_, end) = frames(&watch(&gateway, JSON, &[], frame(0, b"{}")).await.body);
    assert_error_json(&end["error"], "unavailable", "UPSTREAM_UNAVAILABLE");
}

#[tokio::test]
async fn a_request_is_exactly_one_message() {
    let gateway = start(start_raw(two_messages).await).await;
    let two = [frame(0, b"{}"), frame(0, b"{}")].concat();
    for (body, code, reason) in [
        (Vec::new(), "unimplemented", "METHOD_UNKNOWN"),
        (two, "unimplemented", "METHOD_UNKNOWN"),
        (
            b"\0\0\0\0\x05{}".to_vec(),
            "invalid_argument",
            "REQUEST_MALFORMED",
        ),
        (b"\0\0".to_vec(), "invalid_argument", "REQUEST_MALFORMED"),
        (frame(2, b"{}"), "invalid_argument", "REQUEST_MALFORMED"),
        (frame(1, b"{}"), "internal", "INTERNAL"),
    ] {
        let answer = watch(&gateway, JSON, &[], body).await;
        let (_, end) = frames(&answer.body);
        assert_error_json(&end["error"], code, reason);
    }
}

#[tokio::test]
async fn messages_are_compressed_one_by_one() {
    let upstream = || async {
        let long = message(1).encode_to_vec();
        // An unknown field makes it long.
        let long = [long, [0xfa, 0x3f, 0xd0, 0x0f].to_vec(), vec![b'x'; 2000]].concat();
        answer(stream::iter([
            Frame::data(frame(0, &long).into()),
            data(2),
            trailers("0"),
        ]))
    };
    let gateway = start(start_raw(upstream).await).await;
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder
        .write_all(&WatchRevocationsRequest::default().encode_to_vec())
        .unwrap();
    let request = frame(1, &encoder.finish().unwrap());
    let headers = [
        ("connect-content-encoding", "gzip"),
        ("accept-encoding", "gzip"),
    ];
    let answer = watch(&gateway, PROTO, &headers, request).await;
    assert_eq!(answer.header("connect-content-encoding"), "gzip");
    assert_eq!(answer.header("content-encoding"), "");
    let (messages, _) = frames(&answer.body);
    let flags: Vec<_> = messages.iter().map(|(flags, _)| *flags).collect();
    assert_eq!(flags, [1, 0]);
    let mut inflated = Vec::new();
    GzDecoder::new(&*messages[0].1)
        .read_to_end(&mut inflated)
        .unwrap();
    assert_eq!(
        WatchRevocationsResponse::decode(&*inflated).unwrap(),
        message(1)
    );
    let headers = [("connect-content-encoding", "br")];
    let answer = watch(&gateway, PROTO, &headers, frame(0, b"")).await;
    let (_, end) = frames(&answer.body);
    assert_error_json(&end["error"], "unimplemented", "COMPRESSION_UNSUPPORTED");
}

#[tokio::test]
async fn the_type_of_a_stream_is_for_streams_and_that_of_a_message_is_not() {
    let gateway = start(start_raw(two_messages).await).await;
    for (path, content_type) in [(WATCH, "application/json"), (GET, JSON)] {
        let headers = [("content-type", content_type)];
        let answer = client::call_with(gateway.address, path, &headers, b"{}".to_vec()).await;
        assert_eq!(
            (answer.status.as_u16(), &*answer.body),
            (415, b"".as_slice())
        );
    }
}
