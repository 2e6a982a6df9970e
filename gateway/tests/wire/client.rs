//! gRPC-web written by hand: frames, trailers, and HTTP/1.1 on a raw connection, so that a test sees what a browser sees.

use std::{net::SocketAddr, time::Duration};

use base64::{Engine, prelude::BASE64_STANDARD};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper_util::rt::{TokioExecutor, TokioIo};
use prost::Message;
use tokio::{net::TcpStream, time::timeout};
use tonic::{Code, Status, metadata::MetadataMap};
use tonic_types::{ErrorDetails, StatusExt};

pub(crate) const BINARY: &str = "application/grpc-web+proto";
pub(crate) const TEXT: &str = "application/grpc-web-text+proto";

/// Longer than any answer in these tests takes.
pub(crate) const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);

/// A message in its frame.
pub(crate) fn frame(message: &impl Message) -> Vec<u8> {
    let bytes = message.encode_to_vec();
    let mut frame = vec![0];
    frame.extend_from_slice(&u32::try_from(bytes.len()).unwrap().to_be_bytes());
    frame.extend_from_slice(&bytes);
    frame
}

/// An answer read to its end.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

/// The frames of an answer.
#[derive(Debug)]
pub(crate) struct Frames {
    pub(crate) messages: Vec<Vec<u8>>,
    pub(crate) trailers: HeaderMap,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// Splits the body; asserts that it is messages and then exactly one trailers frame with a status.
    pub(crate) fn frames(&self) -> Frames {
        assert_eq!(self.status, 200);
        let body = match self.header("content-type") {
            BINARY => self.body.clone(),
            TEXT => decode_texts(&self.body),
            other => panic!("not gRPC-web: {other}"),
        };
        let mut rest = body.as_slice();
        let mut messages = Vec::new();
        loop {
            let (flag, bytes, after) = split(rest);
            rest = after;
            if flag == 0x80 {
                assert_eq!(rest, b"", "nothing follows the trailers");
                let trailers = parse_trailers(bytes);
                assert!(trailers.contains_key("grpc-status"));
                return Frames { messages, trailers };
            }
            assert_eq!(flag, 0);
            messages.push(bytes.to_vec());
        }
    }

    /// The gRPC error of the body's trailers, with its details.
    pub(crate) fn error(&self) -> (Code, String, ErrorDetails) {
        let frames = self.frames();
        let headers = MetadataMap::from_headers(frames.trailers).into_headers();
        let status = Status::from_header_map(&headers).unwrap();
        let details = status.get_error_details();
        let reason = details.error_info().map_or_else(String::new, |info| {
            assert_eq!(info.domain, "tandem");
            info.reason.clone()
        });
        (status.code(), reason, details)
    }

    /// Asserts that this is a refusal with this code and reason; returns its details.
    #[track_caller]
    pub(crate) fn assert_refused(&self, code: Code, reason: &str) -> ErrorDetails {
        let (actual_code, actual_reason, details) = self.error();
        assert_eq!((actual_code, actual_reason.as_str()), (code, reason));
        details
    }

    /// Asserts that the refusal carries the same request id as the headers.
    #[track_caller]
    pub(crate) fn assert_request_id_in(&self, details: &ErrorDetails) {
        assert_eq!(
            details.request_info().unwrap().request_id,
            self.header("x-request-id")
        );
    }
}

fn split(bytes: &[u8]) -> (u8, &[u8], &[u8]) {
    let length = u32::from_be_bytes(bytes[1..5].try_into().unwrap()) as usize;
    (bytes[0], &bytes[5..5 + length], &bytes[5 + length..])
}

fn parse_trailers(block: &[u8]) -> HeaderMap {
    let block = std::str::from_utf8(block).unwrap();
    assert!(block.ends_with("\r\n"));
    block
        .lines()
        .map(|line| line.split_once(": ").unwrap())
        .map(|(name, value)| {
            assert_eq!(name, name.to_lowercase());
            (
                name.parse::<HeaderName>().unwrap(),
                value.parse::<HeaderValue>().unwrap(),
            )
        })
        .collect()
}

/// Decodes base64 texts in a row, each padded: every group of four characters can be decoded by itself.
pub(crate) fn decode_texts(text: &[u8]) -> Vec<u8> {
    assert_eq!(text.len() % 4, 0);
    text.chunks(4)
        .flat_map(|group| BASE64_STANDARD.decode(group).unwrap())
        .collect()
}

/// A request for `call`.
pub(crate) fn request(
    method: Method,
    path: &str,
    headers: &[(&str, &str)],
    body: impl Into<Bytes>,
) -> Request<Full<Bytes>> {
    let mut request = Request::builder()
        .method(method)
        .uri(path)
        .header("host", "gateway.test");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(Full::new(body.into())).unwrap()
}

/// Sends one request over HTTP/1.1.
pub(crate) async fn send(address: SocketAddr, request: Request<Full<Bytes>>) -> Answer {
    read(begin(address, request).await).await
}

/// Sends one request over a connection that is closed when this future is dropped.
pub(crate) async fn send_alone(
    address: SocketAddr,
    request: Request<Full<Bytes>>,
) -> hyper::Result<Answer> {
    let stream = TcpStream::connect(address).await.unwrap();
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    let answer = async { try_read(sender.send_request(request).await?).await };
    let mut answer = std::pin::pin!(answer);
    tokio::select! {
        answer = &mut answer => answer,
        _ended = connection => answer.await,
    }
}

/// Sends one request over HTTP/1.1 and returns when the headers of the answer have arrived.
pub(crate) async fn begin(
    address: SocketAddr,
    request: Request<Full<Bytes>>,
) -> Response<hyper::body::Incoming> {
    let stream = TcpStream::connect(address).await.unwrap();
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .unwrap();
    tokio::spawn(connection);
    sender.send_request(request).await.unwrap()
}

/// Sends one request over HTTP/2 with prior knowledge.
pub(crate) async fn send_http2(address: SocketAddr, request: Request<Full<Bytes>>) -> Answer {
    let stream = TcpStream::connect(address).await.unwrap();
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
            .await
            .unwrap();
    tokio::spawn(connection);
    let (mut parts, body) = request.into_parts();
    parts.headers.remove("host");
    parts.uri = format!("http://gateway.test{}", parts.uri).parse().unwrap();
    read(
        sender
            .send_request(Request::from_parts(parts, body))
            .await
            .unwrap(),
    )
    .await
}

pub(crate) async fn read(response: Response<hyper::body::Incoming>) -> Answer {
    try_read(response).await.unwrap()
}

async fn try_read(response: Response<hyper::body::Incoming>) -> hyper::Result<Answer> {
    let (parts, body) = response.into_parts();
    let body = timeout(ANSWER_TIMEOUT, body.collect())
        .await
        .expect("the answer ends")?;
    Ok(Answer {
        status: parts.status,
        headers: parts.headers,
        body: body.to_bytes().to_vec(),
    })
}

/// The request of a call in the binary format.
pub(crate) fn call_request(path: &str, message: &impl Message) -> Request<Full<Bytes>> {
    let headers = [("content-type", BINARY)];
    request(Method::POST, path, &headers, frame(message))
}

/// Calls an RPC over HTTP/1.1 in the binary format.
pub(crate) async fn call(address: SocketAddr, path: &str, message: &impl Message) -> Answer {
    send(address, call_request(path, message)).await
}

pub(crate) async fn call_with(
    address: SocketAddr,
    path: &str,
    headers: &[(&str, &str)],
    body: Vec<u8>,
) -> Answer {
    send(address, request(Method::POST, path, headers, body)).await
}
