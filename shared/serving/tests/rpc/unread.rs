//! Refusals that are ready before their request has arrived.

use std::{
    future::poll_fn,
    process::{Command, Stdio},
    task::Poll,
};

use contract::proto::auth::SignOutRequest;
use h2::{Ping, PingPong, SendStream, client::SendRequest};
use http::{HeaderMap, Request, StatusCode};
use hyper::body::Bytes;
use testing::assert_refused;
use tokio::net::TcpStream;
use tonic::{Code, Status};

use crate::probe::{Served, limits, serve};

const SIGN_OUT: &str = "tandem.auth.v1.AuthService/SignOut";
/// More than the server accepts.
static TOO_LARGE: [u8; 70_000] = [0; 70_000];

/// A client that sees single frames.
struct Client {
    requests: SendRequest<Bytes>,
    ping: PingPong,
    address: std::net::SocketAddr,
}

impl Client {
    async fn connect(served: &Served) -> Self {
        let stream = TcpStream::connect(served.address).await.unwrap();
        let (requests, mut connection) = h2::client::handshake(stream).await.unwrap();
        let ping = connection.ping_pong().unwrap();
        tokio::spawn(connection);
        Self {
            requests,
            ping,
            address: served.address,
        }
    }

    /// The answer to a request of which this has arrived. The rest can still be sent.
    async fn answer(
        &mut self,
        path: &str,
        headers: &[(&str, &str)],
        begin: &'static [u8],
    ) -> (StatusCode, HeaderMap, SendStream<Bytes>) {
        let mut request = Request::post(format!("http://{}/{path}", self.address));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(()).unwrap();
        let (answer, mut rest) = self.requests.send_request(request, false).unwrap();
        if !begin.is_empty() {
            rest.send_data(Bytes::from_static(begin), false).unwrap();
        }
        let (parts, _body) = answer.await.unwrap().into_parts();
        (parts.status, parts.headers, rest)
    }

    /// Waits until everything that the server had sent before has arrived.
    async fn wait(&mut self) {
        self.ping.ping(Ping::opaque()).await.unwrap();
    }
}

/// Whether the server has reset the stream.
async fn is_reset(stream: &mut SendStream<Bytes>) -> bool {
    poll_fn(|context| Poll::Ready(stream.poll_reset(context).is_ready())).await
}

const GRPC: (&str, &str) = ("content-type", "application/grpc");

#[tokio::test]
async fn a_client_that_is_still_sending_gets_its_refusal_and_is_not_reset() {
    let served = serve(limits()).await;
    let mut client = Client::connect(&served).await;
    let soon = ("grpc-timeout", "soon");
    let unknown = "tandem.auth.v1.AuthService/Nothing";
    for (path, headers, begin, code, reason) in [
        (
            SIGN_OUT,
            &[GRPC, soon][..],
            &b""[..],
            Code::InvalidArgument,
            "REQUEST_MALFORMED",
        ),
        (
            SIGN_OUT,
            &[GRPC, soon],
            b"\0\0",
            Code::InvalidArgument,
            "REQUEST_MALFORMED",
        ),
        (
            SIGN_OUT,
            &[GRPC],
            &TOO_LARGE,
            Code::InvalidArgument,
            "REQUEST_TOO_LARGE",
        ),
        (unknown, &[GRPC], b"", Code::Unimplemented, "METHOD_UNKNOWN"),
    ] {
        let (_, headers, mut rest) = client.answer(path, headers, begin).await;
        let refused = Status::from_header_map(&headers).unwrap();
        assert_refused(&refused, code, reason);
        client.wait().await;
        assert!(!is_reset(&mut rest).await, "{reason}");
        rest.send_data(Bytes::from(vec![0; 60_000]), true).unwrap();
        client.wait().await;
        assert!(!is_reset(&mut rest).await, "{reason}");
    }
}

#[tokio::test]
async fn a_client_that_does_not_speak_grpc_is_not_reset_either() {
    let served = serve(limits()).await;
    let mut client = Client::connect(&served).await;
    let text = [("content-type", "text/plain")];
    let (status, _, mut rest) = client.answer(SIGN_OUT, &text, b"").await;
    assert_eq!(status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    client.wait().await;
    assert!(!is_reset(&mut rest).await);
}

#[tokio::test]
async fn a_client_that_never_sends_the_rest_holds_no_place_and_is_reset_in_the_end() {
    let served = serve(serving::serve::ServerLimits {
        max_in_flight: 1,
        ..limits()
    })
    .await;
    let mut client = Client::connect(&served).await;
    let (_, headers, mut rest) = client.answer(SIGN_OUT, &[GRPC], &TOO_LARGE).await;
    let refused = Status::from_header_map(&headers).unwrap();
    assert_refused(&refused, Code::InvalidArgument, "REQUEST_TOO_LARGE");
    client.wait().await;
    assert!(!is_reset(&mut rest).await);

    let mut calls = served.client.clone();
    calls.sign_out(SignOutRequest::default()).await.unwrap();

    let ended = poll_fn(|context| rest.poll_reset(context)).await;
    assert_eq!(ended.unwrap(), h2::Reason::NO_ERROR);
}

/// Calls with curl, which shares no code with the server, and sends a body of 100 kB. Returns the HTTP status and the gRPC status.
fn curl(url: &str, header: &str) -> String {
    let mut curl = Command::new("curl");
    curl.args(["--silent", "--show-error", "--max-time", "10"])
        .args(["--http2-prior-knowledge", "--output", "/dev/null"])
        .args(["--write-out", "%{http_code} %header{grpc-status}"])
        .args(["--header", "te: trailers", "--header", header])
        .args(["--data-binary", "@-", url])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut curl = curl.spawn().unwrap();
    let mut input = curl.stdin.take().unwrap();
    std::io::Write::write_all(&mut input, &vec![0; 100_000]).unwrap();
    drop(input);
    let output = curl.wait_with_output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    text(&output.stdout) + &text(&output.stderr)
}

#[tokio::test(flavor = "multi_thread")]
async fn curl_gets_every_refusal_of_a_body_that_is_not_read() {
    let served = serve(limits()).await;
    let url = |path: &str| format!("http://{}/{path}", served.address);
    let unknown = url("tandem.auth.v1.AuthService/Nothing");
    for (url, header, expected) in [
        (&unknown, "content-type: application/grpc", "200 12"),
        (&unknown, "content-type: text/plain", "415 "),
    ] {
        for _ in 0..30 {
            let answer = tokio::task::block_in_place(|| curl(url, header));
            assert_eq!(answer, expected);
        }
    }
}
