//! Bodies of REST that are too large, or do not arrive.

use std::{convert::Infallible, net::SocketAddr, time::Duration};

use futures_util::{StreamExt as _, stream};
use gateway::Config;
use http::{Method, Request};
use http_body_util::{StreamBody, combinators::BoxBody};
use hyper::body::{Bytes, Frame};
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

use crate::{
    Running,
    client::{self, ANSWER_TIMEOUT, Answer},
    gateway,
    rest::{BEARER, BOTH, JSON, TASKS, ask, assert_refused},
    service,
};

async fn gateway_with(adjust: impl FnOnce(&mut Config)) -> Running {
    let (upstream, _seen) = service::start().await;
    gateway(upstream, upstream, adjust).await
}

/// The answer over HTTP/2 to a request whose body goes on after these chunks, but never comes.
async fn unfinished_over_http2(
    address: SocketAddr,
    path: &str,
    chunks: &[&'static [u8]],
) -> Answer {
    let chunks: Vec<_> = (chunks.iter())
        .map(|chunk| Ok::<_, Infallible>(Frame::data(Bytes::from_static(chunk))))
        .collect();
    let body = StreamBody::new(stream::iter(chunks).chain(stream::pending()));
    let io = TokioIo::new(TcpStream::connect(address).await.unwrap());
    let (mut sender, connection) = hyper::client::conn::http2::handshake(TokioExecutor::new(), io)
        .await
        .unwrap();
    tokio::spawn(connection);
    let request = Request::post(format!("http://gateway.test{path}"))
        .header(BEARER.0, BEARER.1)
        .header(JSON.0, JSON.1)
        .body(BoxBody::new(body))
        .unwrap();
    client::read(sender.send_request(request).await.unwrap()).await
}

/// The same over HTTP/1.1, until the gateway closes the connection.
async fn unfinished_over_http1(address: SocketAddr, path: &str, begin: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: a\r\nauthorization: Bearer x\r\ncontent-type: application/json\r\n\
         content-length: 100\r\n\r\n{begin}"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let closed = timeout(ANSWER_TIMEOUT, stream.read_to_end(&mut answer)).await;
    let _a_reset_closes_it_too = closed.expect("the gateway closes the connection");
    String::from_utf8(answer).unwrap()
}

#[tokio::test]
async fn a_body_that_does_not_arrive_in_time_is_408_and_its_connection_is_closed() {
    const BEGIN: &[u8] = b"{\"email\":";
    let gateway =
        gateway_with(|config| config.calls.body_timeout = Duration::from_millis(50)).await;
    let (path, address) = ("/api/auth/sign-in", gateway.address);
    for chunks in [&[][..], &[BEGIN]] {
        let answer = unfinished_over_http2(address, path, chunks).await;
        assert_refused(&answer, 408, "DEADLINE_EXCEEDED");
        assert_eq!(answer.json(), json!({ "detail": "Request Timeout" }));
        let begin = String::from_utf8(chunks.concat()).unwrap();
        let answer = unfinished_over_http1(address, path, &begin).await;
        assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
        assert!(answer.contains("tandem-reason: DEADLINE_EXCEEDED\r\n"));
        let body = "{\"detail\":\"Request Timeout\"}";
        assert!(answer.ends_with(body), "{answer}");
    }
}

#[tokio::test]
async fn a_slow_body_takes_no_place_from_others() {
    let gateway = gateway_with(|config| {
        config.calls.max_in_flight = 1;
        config.calls.body_timeout = ANSWER_TIMEOUT;
    })
    .await;
    let mut waiting = Vec::new();
    for _ in 0..3 {
        let mut stream = TcpStream::connect(gateway.address).await.unwrap();
        let head = format!(
            "POST {TASKS} HTTP/1.1\r\nhost: a\r\nauthorization: Bearer x\r\ncontent-type: application/json\r\n\
             content-length: 100\r\n\r\n{{"
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        waiting.push(stream);
    }
    for http in BOTH {
        for _ in 0..5 {
            let body = r#"{"title":"x"}"#;
            let answer = ask(http, gateway.address, Method::POST, TASKS, body).await;
            assert_eq!(answer.status, 201, "{answer:?}");
        }
    }
    drop(waiting);
}

#[tokio::test]
async fn a_body_over_the_limit_is_413_and_one_at_the_limit_is_not() {
    let body = |title: usize| json!({ "title": "x".repeat(title) }).to_string();
    let limit = body(200).len();
    let gateway = gateway_with(|config| config.calls.request_limit = limit).await;
    for http in BOTH {
        let answer = ask(http, gateway.address, Method::POST, TASKS, &body(200)).await;
        assert_eq!(answer.status, 201, "{answer:?}");
        // What is within the limit but too long for a title is judged, what is over it is not.
        let answer = ask(http, gateway.address, Method::POST, TASKS, &body(201)).await;
        assert_refused(&answer, 413, "REQUEST_TOO_LARGE");
        for path in ["/api/auth/sign-up", "/api/auth/sign-out"] {
            let answer = ask(http, gateway.address, Method::POST, path, &body(100_000)).await;
            assert_refused(&answer, 413, "REQUEST_TOO_LARGE");
        }
    }
}

#[tokio::test]
async fn a_body_without_a_length_is_413_as_soon_as_it_is_over_the_limit() {
    const HALF: &[u8] = &[b' '; 501];
    let gateway = gateway_with(|config| {
        config.calls.request_limit = 1000;
        config.calls.body_timeout = 2 * ANSWER_TIMEOUT;
    })
    .await;
    let answer = unfinished_over_http2(gateway.address, TASKS, &[HALF, HALF]).await;
    assert_refused(&answer, 413, "REQUEST_TOO_LARGE");
}
