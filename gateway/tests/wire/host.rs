//! `Host` of HTTP/1.1.

use std::net::SocketAddr;

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

use crate::{
    client::{ANSWER_TIMEOUT, BINARY},
    gateway_to, service,
    service::CREATE,
};

/// What the gateway answers to these bytes until it closes the connection.
async fn answer_to(gateway: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(gateway).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    timeout(ANSWER_TIMEOUT, stream.read_to_string(&mut answer))
        .await
        .expect("the gateway closes the connection")
        .unwrap();
    answer
}

#[tokio::test]
async fn a_request_over_http1_must_have_exactly_one_valid_host() {
    let (upstream, _seen) = service::start().await;
    let gateway = gateway_to(upstream).await;
    for headers in [
        "",
        "host: a\r\nhost: b\r\n",
        "host: a\r\nHost: a\r\n",
        "host:\r\n",
        "host: a b\r\n",
        "host: a, b\r\n",
        "host: a@b\r\n",
        "host: http://a/\r\n",
        "host: a:port\r\n",
    ] {
        for target in ["GET /", "GET http://a/", "OPTIONS /", "POST /nowhere"] {
            // The connection is kept open by the client: the gateway closes it.
            let request = format!("{target} HTTP/1.1\r\n{headers}content-length: 0\r\n\r\n");
            let answer = answer_to(gateway.address, &request).await;
            assert!(
                answer.starts_with("HTTP/1.1 400 Bad Request\r\n"),
                "{request}: {answer}"
            );
        }
    }
    for (version, headers, status) in [
        ("HTTP/1.1", "host: a\r\n", "HTTP/1.1 200 OK"),
        ("HTTP/1.1", "host: a.example:8080\r\n", "HTTP/1.1 200 OK"),
        ("HTTP/1.1", "host: [::1]:8080\r\n", "HTTP/1.1 200 OK"),
        ("HTTP/1.0", "", "HTTP/1.0 200 OK"),
        ("HTTP/1.0", "host: a\r\nhost: b\r\n", "HTTP/1.0 400 Bad"),
    ] {
        let request = format!("GET / {version}\r\nconnection: close\r\n{headers}\r\n");
        let answer = answer_to(gateway.address, &request).await;
        assert!(answer.starts_with(status), "{request}: {answer}");
    }
}

#[tokio::test]
async fn a_call_without_a_host_does_not_reach_a_service() {
    let (upstream, mut seen) = service::start().await;
    let gateway = gateway_to(upstream).await;
    let request = format!(
        "POST {CREATE} HTTP/1.1\r\ncontent-type: {BINARY}\r\ncontent-length: 5\r\n\r\n\0\0\0\0\0"
    );
    let answer = answer_to(gateway.address, &request).await;
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    assert!(!answer.contains("grpc-status"), "{answer}");
    assert!(seen.try_recv().is_err());
}
