//! Browsers that do not read their answers.

use std::{convert::Infallible, net::SocketAddr, time::Duration};

use ::gateway::Config;
use axum::body::Body;
use futures_util::{StreamExt as _, stream};
use http::{HeaderMap, HeaderValue, Request, Response};
use http_body_util::{Full, StreamBody};
use hyper::{
    body::{Bytes, Frame, Incoming},
    client::conn::http2::{self, SendRequest},
};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::{
    io::AsyncWriteExt as _,
    net::{TcpSocket, TcpStream},
    sync::mpsc::{self, UnboundedReceiver},
    time::timeout,
};
use tonic::Code;

use crate::{
    Running,
    client::{self, ANSWER_TIMEOUT, BINARY},
    gateway, gateway_to,
    service::{CancelGuard, Event, GET, LIST, start_raw},
};

/// More than the system buffers of a connection.
const LONG_ANSWER_CHUNKS: usize = 1024;
const CHUNK_BYTES: usize = 64 * 1024;

/// A service whose answers are long, or one byte and a status. Tells when an answer was dropped before its end.
async fn long_answers() -> (SocketAddr, UnboundedReceiver<Event>) {
    let (seen, events) = mpsc::unbounded_channel();
    let upstream = start_raw(move |request: Request<Body>| async move {
        let is_long = request.uri().path() == LIST;
        let guard = CancelGuard(seen);
        let mut trailers = HeaderMap::new();
        trailers.insert("grpc-status", HeaderValue::from_static("0"));
        let trailers = stream::once(async { Frame::trailers(trailers) });
        let data = if is_long {
            let length = u32::try_from(LONG_ANSWER_CHUNKS * CHUNK_BYTES).unwrap();
            let mut begin = vec![0];
            begin.extend(length.to_be_bytes());
            let chunks = vec![vec![0; CHUNK_BYTES]; LONG_ANSWER_CHUNKS];
            [begin].into_iter().chain(chunks).collect()
        } else {
            vec![vec![0; 5]]
        };
        let data = stream::iter(data).map(move |bytes: Vec<u8>| {
            let _guard = &guard;
            Frame::data(Bytes::from(bytes))
        });
        let frames = data.chain(trailers).map(Ok::<_, Infallible>);
        let mut answer = Response::new(Body::new(StreamBody::new(frames)));
        let grpc = HeaderValue::from_static("application/grpc");
        answer.headers_mut().insert("content-type", grpc);
        answer
    })
    .await;
    (upstream, events)
}

/// A gateway with one place, and its service.
async fn gateway_with(adjust: impl FnOnce(&mut Config)) -> (Running, UnboundedReceiver<Event>) {
    let (upstream, events) = long_answers().await;
    let gateway = gateway(upstream, upstream, |config| {
        config.calls.max_in_flight = 1;
        adjust(config);
    })
    .await;
    (gateway, events)
}

/// The place is taken now; soon it is free again, and the call to the service has ended.
async fn assert_ends(gateway: &Running, events: &mut UnboundedReceiver<Event>) {
    let refused = client::call(gateway.address, GET, &()).await;
    refused.assert_refused(Code::Unavailable, "OVERLOADED");
    let ended = timeout(ANSWER_TIMEOUT, events.recv()).await;
    assert!(matches!(ended, Ok(Some(Event::Cancelled))));
    let admitted = async {
        let status = async || {
            let answer = client::call(gateway.address, GET, &()).await;
            answer.frames().trailers["grpc-status"].clone()
        };
        while status().await != "0" {}
    };
    timeout(ANSWER_TIMEOUT, admitted)
        .await
        .expect("a free place");
}

/// A browser over HTTP/2 that gives each answer room for `window` bytes, and never more.
async fn with_window(address: SocketAddr, window: u32) -> SendRequest<Full<Bytes>> {
    let io = TokioIo::new(TcpStream::connect(address).await.unwrap());
    let mut builder = http2::Builder::new(TokioExecutor::new());
    builder.initial_stream_window_size(window);
    let (browser, connection) = builder.handshake(io).await.unwrap();
    tokio::spawn(connection);
    browser
}

/// Calls for a long answer, and reads only its headers.
async fn list(browser: &mut SendRequest<Full<Bytes>>) -> Response<Incoming> {
    let request = Request::post(format!("http://gateway.test{LIST}"))
        .header("content-type", BINARY)
        .body(Full::new(Bytes::from_static(&[0; 5])))
        .unwrap();
    let unread = browser.send_request(request).await.unwrap();
    assert_eq!(unread.status(), 200);
    unread
}

#[tokio::test]
async fn answers_that_nobody_reads_do_not_hold_up_others_of_the_same_service() {
    let (upstream, _events) = long_answers().await;
    let gateway = gateway_to(upstream).await;
    let mut browser = with_window(gateway.address, 0).await;
    let mut unread = Vec::new();
    for _ in 0..20 {
        unread.push(list(&mut browser).await);
    }
    // Meanwhile the service sends as much of the long answers as it may.
    for _ in 0..200 {
        let answer = client::call(gateway.address, GET, &()).await;
        assert_eq!(answer.frames().trailers["grpc-status"], "0");
    }
}

#[tokio::test]
async fn an_answer_over_http2_that_nobody_reads_ends_with_its_call_to_the_service() {
    for window in [0, 1, 65_535] {
        let (gateway, mut events) = gateway_with(|config| {
            config.calls.deadline = Duration::from_secs(1);
            config.calls.answer_grace = Duration::from_millis(50);
        })
        .await;
        let mut browser = with_window(gateway.address, window).await;
        let _unread = list(&mut browser).await;
        assert_ends(&gateway, &mut events).await;
        let metrics = gateway.metrics.text();
        assert!(metrics.contains("\ntandem_answers_unread_total 1\n"));
    }
}

#[tokio::test]
async fn an_answer_over_http1_that_nobody_reads_ends_with_its_call_to_the_service() {
    let limit = Duration::from_secs(1);
    let (gateway, mut events) =
        gateway_with(|config| config.connections.send_timeout = limit).await;
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    let mut stream = socket.connect(gateway.address).await.unwrap();
    let request = format!(
        "POST {LIST} HTTP/1.1\r\nhost: a\r\ncontent-type: {BINARY}\r\ncontent-length: 5\r\n\r\n\0\0\0\0\0"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    stream.readable().await.unwrap();
    assert_ends(&gateway, &mut events).await;
}
