//! Compressed requests.

use contract::proto::{
    auth::SignOutRequest,
    health::{HealthCheckRequest, health_client::HealthClient},
};
use http::HeaderMap;
use http_body_util::Full;
use hyper::{body::Bytes, client::conn::http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use testing::assert_refused;
use tokio::net::TcpStream;
use tonic::{Code, Status, codec::CompressionEncoding::Gzip};

use crate::probe::{Served, limits, serve};

fn sign_out(length: usize) -> SignOutRequest {
    SignOutRequest {
        refresh_token: "x".repeat(length),
    }
}

/// The refusal of these bytes as the body of `SignOut`, and the headers of the answer.
async fn refusal(
    served: &Served,
    encodings: &[&'static str],
    body: &'static [u8],
) -> (Status, HeaderMap) {
    let stream = TcpStream::connect(served.address).await.unwrap();
    let io = TokioIo::new(stream);
    let (mut client, connection) = http2::handshake(TokioExecutor::new(), io).await.unwrap();
    tokio::spawn(connection);
    let path = "tandem.auth.v1.AuthService/SignOut";
    let mut request = http::Request::post(format!("http://{}/{path}", served.address))
        .header("content-type", "application/grpc");
    for encoding in encodings {
        request = request.header("grpc-encoding", *encoding);
    }
    let request = request.body(Full::new(Bytes::from_static(body))).unwrap();
    let (parts, _) = client.send_request(request).await.unwrap().into_parts();
    let refused = Status::from_header_map(&parts.headers).expect("a status alone");
    (refused, parts.headers)
}

#[tokio::test]
async fn a_request_compressed_with_gzip_is_read() {
    let served = serve(limits()).await;
    let mut client = served.client.clone().send_compressed(Gzip);
    client.sign_out(sign_out(10_000)).await.unwrap();

    let mut health = HealthClient::new(served.channel.clone()).send_compressed(Gzip);
    let service = String::new();
    health.check(HealthCheckRequest { service }).await.unwrap();
}

#[tokio::test]
async fn a_message_is_measured_after_it_is_inflated() {
    let served = serve(limits()).await;
    let mut client = served.client.clone().send_compressed(Gzip);
    for length in [64 << 10, 30 << 20] {
        let refused = client.sign_out(sign_out(length)).await.unwrap_err();
        assert_refused(&refused, Code::InvalidArgument, "REQUEST_TOO_LARGE");
    }
    client.sign_out(sign_out(60 << 10)).await.unwrap();
}

#[tokio::test]
async fn a_message_that_is_compressed_in_another_way_is_refused_with_what_is_accepted() {
    let served = serve(limits()).await;
    for (encodings, body) in [
        (&["snappy"][..], &b"\x01\0\0\0\x02ab"[..]),
        (&["deflate"], b"\x01\0\0\0\x02ab"),
        (&["zstd"], b"\0\0\0\0\0"),
        (&["gzip", "snappy"], b"\x01\0\0\0\x02ab"),
        (&["gzip,gzip"], b"\x01\0\0\0\x02ab"),
        (&[""], b"\0\0\0\0\0"),
        (&[], b"\x01\0\0\0\x02ab"),
        (&["identity"], b"\x01\0\0\0\x02ab"),
    ] {
        let (refused, headers) = refusal(&served, encodings, body).await;
        assert_refused(&refused, Code::Unimplemented, "COMPRESSION_UNSUPPORTED");
        assert_eq!(headers["grpc-accept-encoding"], "gzip,identity");
    }
}

#[tokio::test]
async fn a_message_that_cannot_be_inflated_is_malformed() {
    let served = serve(limits()).await;
    for body in [
        &b"\x01\0\0\0\x02ab"[..],
        b"\x01\0\0\0\x0a\x1f\x8b\x08\0\0\0\0\0\0\xff",
        b"\x01\0\0\0\0",
        b"\x02\0\0\0\0",
    ] {
        let (refused, _) = refusal(&served, &["gzip"], body).await;
        assert_refused(&refused, Code::InvalidArgument, "REQUEST_MALFORMED");
    }
}
