//! Clients that send too much, too slowly, or nothing.

use std::{net::SocketAddr, time::Duration};

use gateway::Config;
use http::Method;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};
use tonic::Code;

use crate::{
    Running,
    client::{self, ANSWER_TIMEOUT, BINARY, TEXT},
    gateway,
    service::{self, CREATE},
};

async fn gateway_with(adjust: impl FnOnce(&mut Config)) -> Running {
    let (upstream, _seen) = service::start().await;
    gateway(upstream, upstream, adjust).await
}

/// Sends these bytes and returns what arrives until the gateway closes the connection.
async fn send_raw(address: SocketAddr, bytes: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    let mut answer = Vec::new();
    let _a_reset_closes_it_too = timeout(ANSWER_TIMEOUT, stream.read_to_end(&mut answer))
        .await
        .expect("the gateway closes the connection");
    answer
}

/// A request whose request id has this many bytes, in its frame.
fn message(length: usize) -> Vec<u8> {
    let task = contract::proto::task::CreateTaskRequest {
        request_id: "a".repeat(length),
        ..Default::default()
    };
    client::frame(&task)
}

#[tokio::test]
async fn a_message_over_the_limit_is_refused_and_one_at_the_limit_is_not() {
    let full = message(1000);
    let limit = full.len() - 5;
    let gateway = gateway_with(|config| config.calls.request_limit = limit).await;
    for (body, status) in [(full, "0"), (message(1001), "3")] {
        for format in [BINARY, TEXT] {
            let body = if format == TEXT {
                base64(&body)
            } else {
                body.clone()
            };
            let answer =
                client::call_with(gateway.address, CREATE, &[("content-type", format)], body).await;
            assert_eq!(answer.frames().trailers["grpc-status"], status);
            if status == "3" {
                let details = answer.assert_refused(Code::InvalidArgument, "REQUEST_TOO_LARGE");
                assert_eq!(details.bad_request().unwrap().field_violations.len(), 1);
            }
        }
    }
}

fn base64(bytes: &[u8]) -> Vec<u8> {
    use base64::{Engine, prelude::BASE64_STANDARD};
    BASE64_STANDARD.encode(bytes).into_bytes()
}

#[tokio::test]
async fn a_connection_without_complete_headers_is_closed() {
    let gateway =
        gateway_with(|config| config.connections.header_timeout = Duration::from_millis(50)).await;
    for beginning in [
        "",
        "P",
        "PRI * HTTP/2.0\r\n",
        "GET / HTTP/1.1\r\nhost: a\r\n",
    ] {
        let answer = send_raw(gateway.address, beginning.as_bytes()).await;
        assert!(!answer.starts_with(b"HTTP/1.1 200"), "{beginning:?}");
    }
}

#[tokio::test]
async fn a_request_whose_body_does_not_arrive_is_refused_and_its_connection_closed() {
    let gateway =
        gateway_with(|config| config.calls.body_timeout = Duration::from_millis(50)).await;
    let request = format!(
        "POST {CREATE} HTTP/1.1\r\nhost: a\r\ncontent-type: {BINARY}\r\ncontent-length: 100\r\n\r\n\0\0"
    );
    let answer =
        String::from_utf8_lossy(&send_raw(gateway.address, request.as_bytes()).await).into_owned();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(answer.contains("grpc-status: 4\r\n"), "{answer}");
}

#[tokio::test]
async fn headers_over_the_size_limit_are_refused() {
    let gateway = gateway_with(|_| {}).await;
    let request = format!(
        "GET / HTTP/1.1\r\nhost: a\r\nx: {}\r\n\r\n",
        "a".repeat(64 * 1024)
    );
    let answer =
        String::from_utf8_lossy(&send_raw(gateway.address, request.as_bytes()).await).into_owned();
    assert!(!answer.starts_with("HTTP/1.1 200"), "{answer}");
}

#[tokio::test]
async fn connections_over_the_limit_wait_until_one_closes() {
    let gateway = gateway_with(|config| config.connections.max_connections = 1).await;
    let held = TcpStream::connect(gateway.address).await.unwrap();
    let mut waiting = TcpStream::connect(gateway.address).await.unwrap();
    waiting
        .write_all(b"GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n")
        .await
        .unwrap();
    let mut byte = [0];
    assert!(
        timeout(Duration::from_millis(100), waiting.read(&mut byte))
            .await
            .is_err(),
        "served over the limit"
    );
    drop(held);
    let mut answer = String::new();
    timeout(ANSWER_TIMEOUT, waiting.read_to_string(&mut answer))
        .await
        .unwrap()
        .unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

#[tokio::test]
async fn calls_over_the_limit_of_all_connections_are_refused_and_admitted_again_when_one_ends() {
    let (upstream, mut events) = service::start().await;
    let gateway = gateway(upstream, upstream, |config| config.calls.max_in_flight = 1).await;
    let list = client::call_request(service::LIST, &());
    let in_flight = tokio::spawn(client::send_alone(gateway.address, list));
    assert!(matches!(
        events.recv().await.unwrap(),
        service::Event::Call(_)
    ));

    let refused = client::call(gateway.address, CREATE, &()).await;
    refused.assert_refused(Code::Unavailable, "OVERLOADED");

    in_flight.abort();
    assert!(matches!(
        events.recv().await.unwrap(),
        service::Event::Cancelled
    ));
    let admitted = async {
        while client::call(gateway.address, CREATE, &())
            .await
            .frames()
            .trailers["grpc-status"]
            != "0"
        {}
    };
    timeout(ANSWER_TIMEOUT, admitted)
        .await
        .expect("the permit is free again");
}

#[tokio::test]
async fn calls_without_their_message_take_no_place() {
    let gateway = gateway_with(|config| {
        config.calls.max_in_flight = 1;
        config.calls.body_timeout = ANSWER_TIMEOUT;
    })
    .await;
    let headers = format!(
        "POST {CREATE} HTTP/1.1\r\nhost: a\r\ncontent-type: {BINARY}\r\ncontent-length: 100\r\n\r\n"
    );
    let mut waiting = Vec::new();
    for body in ["", "\0\0", ""] {
        let mut stream = TcpStream::connect(gateway.address).await.unwrap();
        stream.write_all(headers.as_bytes()).await.unwrap();
        stream.write_all(body.as_bytes()).await.unwrap();
        waiting.push(stream);
    }
    for _ in 0..20 {
        let answer = client::call(gateway.address, CREATE, &()).await;
        assert_eq!(answer.frames().trailers["grpc-status"], "0");
    }
    drop(waiting);
}

#[tokio::test]
async fn one_address_with_many_calls_in_flight_is_refused_and_others_are_not() {
    let (upstream, mut events) = service::start().await;
    let gateway = gateway(upstream, upstream, |config| {
        config.calls.max_in_flight = 4;
        config.calls.principal_share = 50;
        config.trusted_proxies = transport::network::Network::loopback().to_vec();
    })
    .await;
    let request = |path, client| {
        let headers = [("content-type", BINARY), ("x-forwarded-for", client)];
        client::request(Method::POST, path, &headers, client::frame(&()))
    };
    let mut in_flight = Vec::new();
    for _ in 0..2 {
        let list = request(service::LIST, "192.0.2.1");
        in_flight.push(tokio::spawn(client::send_alone(gateway.address, list)));
        let event = events.recv().await.unwrap();
        assert!(matches!(event, service::Event::Call(_)));
    }
    let refused = client::send(gateway.address, request(CREATE, "192.0.2.1")).await;
    let details = refused.assert_refused(Code::ResourceExhausted, "RATE_LIMITED");
    assert!(details.retry_info().is_some());
    let other = client::send(gateway.address, request(CREATE, "192.0.2.2")).await;
    assert_eq!(other.frames().trailers["grpc-status"], "0");
}
