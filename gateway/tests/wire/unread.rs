//! Answers that are ready before their request has arrived.

use std::process::{Command, Stdio};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

use crate::{
    Running,
    client::{self, ANSWER_TIMEOUT, BINARY},
    closed_port, gateway, gateway_to,
    service::{self, CREATE},
};

/// Sends a body of this many bytes with curl, which shares no code with the gateway. Returns the HTTP status, or the problem.
fn curl(arguments: &[&str], length: usize) -> String {
    let mut curl = Command::new("curl");
    curl.args(["--silent", "--show-error", "--max-time", "10"])
        .args(["--output", "/dev/null", "--write-out", "%{http_code}"])
        .args(["--data-binary", "@-"])
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut curl = curl.spawn().unwrap();
    let mut input = curl.stdin.take().unwrap();
    std::io::Write::write_all(&mut input, &vec![0; length]).unwrap();
    drop(input);
    let output = curl.wait_with_output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    text(&output.stdout) + &text(&output.stderr)
}

#[tokio::test(flavor = "multi_thread")]
async fn curl_gets_every_refusal_of_a_body_that_is_not_read() {
    let gateway = gateway_to(closed_port().await).await;
    let url = |path: &str| format!("http://{}{path}", gateway.address);
    let (create, nowhere) = (url(CREATE), url("/nowhere"));
    let binary = format!("content-type: {BINARY}");
    for version in ["--http1.1", "--http2-prior-knowledge"] {
        for (arguments, status) in [
            (
                &["--header", "content-type: text/plain", &create][..],
                "415",
            ),
            (
                &[
                    "--header",
                    &binary,
                    "--header",
                    "grpc-timeout: soon",
                    &create,
                ],
                "200",
            ),
            (&["--header", &binary, &nowhere], "404"),
        ] {
            let arguments = [&[version], arguments].concat();
            for length in [60_000, 100_000] {
                for _ in 0..15 {
                    let answer = tokio::task::block_in_place(|| curl(&arguments, length));
                    assert_eq!(answer, status, "{arguments:?} {length}");
                }
            }
        }
    }
}

/// A connection over HTTP/1.1 that has sent the headers of a call, with a body of this length, and these bytes of it.
async fn begin(gateway: &Running, headers: &str, length: usize, body: &[u8]) -> TcpStream {
    let mut stream = TcpStream::connect(gateway.address).await.unwrap();
    let head =
        format!("POST {CREATE} HTTP/1.1\r\nhost: a\r\n{headers}content-length: {length}\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(body).await.unwrap();
    stream
}

/// Reads until this text has arrived.
async fn read_until(stream: &mut TcpStream, end: &str) -> String {
    let mut all = Vec::new();
    loop {
        let mut some = [0; 4096];
        let read = timeout(ANSWER_TIMEOUT, stream.read(&mut some)).await;
        let count = read.expect("an answer").unwrap();
        assert_ne!(count, 0, "closed after {}", String::from_utf8_lossy(&all));
        all.extend_from_slice(&some[..count]);
        let text = String::from_utf8_lossy(&all);
        if text.contains(end) {
            return text.into_owned();
        }
    }
}

#[tokio::test]
async fn a_connection_over_http1_goes_on_after_a_refusal_that_came_before_the_body() {
    let gateway = gateway_to(closed_port().await).await;
    let text = "content-type: text/plain\r\n";
    let mut stream = begin(&gateway, text, 60_000, b"").await;
    let answer = read_until(&mut stream, "\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 415 "), "{answer}");
    stream.write_all(&vec![b'x'; 60_000]).await.unwrap();
    let next = b"GET / HTTP/1.1\r\nhost: a\r\n\r\n";
    stream.write_all(next).await.unwrap();
    let answer = read_until(&mut stream, "tandem").await;
    assert!(answer.contains("HTTP/1.1 200 OK"), "{answer}");
}

#[tokio::test]
async fn a_client_that_never_sends_the_rest_holds_no_place_and_is_disconnected() {
    let (upstream, _seen) = service::start().await;
    let gateway = gateway(upstream, upstream, |config| {
        config.calls.max_in_flight = 1;
        config.calls.request_limit = 1000;
    })
    .await;
    let binary = format!("content-type: {BINARY}\r\n");
    let mut stream = begin(&gateway, &binary, 60_000, &[0; 2000]).await;
    let answer = read_until(&mut stream, "\r\n\r\n").await;
    assert!(answer.contains("grpc-status: 3\r\n"), "{answer}");
    let message = "grpc-message: The%20request%20is%20larger%20than";
    assert!(answer.contains(message), "{answer}");

    let other = client::call(gateway.address, CREATE, &()).await;
    assert_eq!(other.frames().trailers["grpc-status"], "0");

    let mut rest = Vec::new();
    let closed = timeout(ANSWER_TIMEOUT, stream.read_to_end(&mut rest)).await;
    closed.expect("the gateway closes the connection").unwrap();
}

#[tokio::test]
async fn a_client_that_waits_for_permission_to_send_is_refused_and_not_given_it() {
    let gateway = gateway_to(closed_port().await).await;
    let headers = "content-type: text/plain\r\nexpect: 100-continue\r\n";
    let mut stream = begin(&gateway, headers, 60_000, b"").await;
    let mut answer = String::new();
    let closed = timeout(ANSWER_TIMEOUT, stream.read_to_string(&mut answer)).await;
    closed.expect("the gateway closes the connection").unwrap();
    assert!(answer.starts_with("HTTP/1.1 415 "), "{answer}");
}
