//! Requests that are not gRPC.

use http::{Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::{
    body::{Bytes, Incoming},
    client::conn::http2,
};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;
use tonic::Status;

use crate::probe::{Served, limits, serve};

/// The answer to a request for `SignOut` with these content types.
async fn answer(served: &Served, method: Method, content_types: &[&str]) -> Response<Incoming> {
    let stream = TcpStream::connect(served.address).await.unwrap();
    let io = TokioIo::new(stream);
    let (mut client, connection) = http2::handshake(TokioExecutor::new(), io).await.unwrap();
    tokio::spawn(connection);
    let path = "tandem.auth.v1.AuthService/SignOut";
    let mut request = Request::builder()
        .method(method)
        .uri(format!("http://{}/{path}", served.address))
        .header("grpc-timeout", "not looked at");
    for content_type in content_types {
        request = request.header("content-type", *content_type);
    }
    let request = request.body(Full::new(Bytes::from_static(&[0; 5])));
    client.send_request(request.unwrap()).await.unwrap()
}

#[tokio::test]
async fn what_is_not_grpc_is_answered_with_415() {
    let served = serve(limits()).await;
    for content_types in [
        &["text/plain"][..],
        &["application/json"],
        &["application/grpc-web+proto"],
        &["application/grpc-web"],
        &["application/grpc-web-text"],
        &["application/grpcx"],
        &["application/grpc+"],
        &["application/grpc+a b"],
        &["application/grpc, text/plain"],
        &[""],
        &[],
        &["application/grpc", "text/plain"],
        &["application/grpc", "application/grpc"],
    ] {
        let answer = answer(&served, Method::POST, content_types).await;
        let status = answer.status();
        assert_eq!(
            status,
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "{content_types:?}"
        );
        assert_eq!(
            answer.headers()["accept-post"],
            "application/grpc, application/grpc+proto"
        );
    }
}

#[tokio::test]
async fn every_form_of_the_content_type_of_grpc_is_a_call() {
    let served = serve(limits()).await;
    for content_type in [
        "application/grpc",
        "application/grpc+proto",
        "application/grpc;charset=utf-8",
        "Application/gRPC+Proto ; a=b",
    ] {
        let answer = answer(&served, Method::POST, &[content_type]).await;
        assert_eq!(answer.status(), StatusCode::OK, "{content_type}");
        // The malformed timeout shows that it was taken for a call.
        let refused = Status::from_header_map(answer.headers()).expect(content_type);
        testing::assert_refused(&refused, tonic::Code::InvalidArgument, "REQUEST_MALFORMED");
    }
}

#[tokio::test]
async fn another_method_than_post_is_answered_with_405() {
    let served = serve(limits()).await;
    for method in [Method::GET, Method::PUT, Method::OPTIONS] {
        let answer = answer(&served, method, &["application/grpc"]).await;
        assert_eq!(answer.status(), StatusCode::METHOD_NOT_ALLOWED);
        assert_eq!(answer.headers()["allow"], "POST");
    }
}
