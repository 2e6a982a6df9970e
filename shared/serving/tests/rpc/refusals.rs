//! The refusals that the layer itself makes.

use std::time::Duration;

use contract::proto::{
    auth::{SignInRequest, SignOutRequest, SignUpRequest},
    health::{HealthCheckRequest, health_client::HealthClient},
};
use http_body_util::Full;
use hyper::{body::Bytes, client::conn::http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use testing::{assert_refused, violations};
use tokio::net::TcpStream;
use tonic::{Code, Request, Status, client::Grpc, codegen::http::uri::PathAndQuery};
use tonic_prost::ProstCodec;
use tonic_types::StatusExt as _;

use crate::probe::{Served, limits, serve};

/// Calls any path with any message.
async fn call<M: prost::Message + 'static>(
    served: &Served,
    path: &'static str,
    message: M,
) -> Result<(), Status> {
    let mut grpc = Grpc::new(served.channel.clone());
    grpc.ready().await.unwrap();
    let codec = ProstCodec::<M, ()>::default();
    let path = PathAndQuery::from_static(path);
    grpc.unary(Request::new(message), path, codec)
        .await
        .map(|_| ())
}

/// The answer of the server to `SignIn` with a timeout. Without tonic, whose client ends such a call itself with CANCELLED.
async fn answer_to_timeout(served: &Served, timeout: &str) -> Status {
    let stream = TcpStream::connect(served.address).await.unwrap();
    let io = TokioIo::new(stream);
    let (mut client, connection) = http2::handshake(TokioExecutor::new(), io).await.unwrap();
    let connection = tokio::spawn(connection);
    let request = http::Request::post(format!(
        "http://{}/tandem.auth.v1.AuthService/SignIn",
        served.address
    ))
    .header("content-type", "application/grpc")
    .header("te", "trailers")
    .header("grpc-timeout", timeout)
    .body(Full::new(Bytes::from_static(&[0; 5])))
    .unwrap();
    let answer = client.send_request(request).await.unwrap();
    connection.abort();
    Status::from_header_map(answer.headers()).expect("the answer is a status alone")
}

#[tokio::test]
async fn the_deadline_of_the_client_answers_deadline_exceeded_and_not_cancelled() {
    let served = serve(limits()).await;

    let refused = answer_to_timeout(&served, "50m").await;

    assert_refused(&refused, Code::DeadlineExceeded, "DEADLINE_EXCEEDED");
}

#[tokio::test]
async fn a_timeout_of_zero_answers_deadline_exceeded() {
    let served = serve(limits()).await;

    let refused = answer_to_timeout(&served, "0S").await;

    assert_refused(&refused, Code::DeadlineExceeded, "DEADLINE_EXCEEDED");
}

#[tokio::test]
async fn the_maximum_of_the_server_limits_a_call_without_a_deadline() {
    let mut served = serve(serving::serve::ServerLimits {
        deadline: Duration::from_millis(50),
        ..limits()
    })
    .await;

    let refused = served
        .client
        .sign_in(SignInRequest::default())
        .await
        .unwrap_err();

    assert_refused(&refused, Code::DeadlineExceeded, "DEADLINE_EXCEEDED");
}

#[tokio::test]
async fn a_call_beyond_the_limit_is_refused_at_once_and_health_still_answers() {
    let served = serve(serving::serve::ServerLimits {
        max_in_flight: 1,
        ..limits()
    })
    .await;
    let mut first = served.client.clone();
    let waiting = tokio::spawn(async move { first.sign_in(SignInRequest::default()).await });
    served.sign_in_has_started().await;

    let refused = served
        .client
        .clone()
        .sign_out(SignOutRequest::default())
        .await
        .unwrap_err();
    assert_refused(&refused, Code::Unavailable, "OVERLOADED");
    let health = HealthClient::new(served.channel.clone())
        .check(HealthCheckRequest::default())
        .await;
    assert!(health.is_ok());

    served.release();
    waiting.await.unwrap().unwrap();
    served
        .client
        .clone()
        .sign_out(SignOutRequest::default())
        .await
        .unwrap();
}

#[tokio::test]
async fn a_panicking_method_answers_internal_and_the_server_goes_on() {
    let mut served = serve(limits()).await;

    let refused = served
        .client
        .sign_up(SignUpRequest::default())
        .await
        .unwrap_err();

    assert_refused(&refused, Code::Internal, "INTERNAL");
    assert!(
        !refused.message().contains("defect"),
        "{}",
        refused.message()
    );
    served
        .client
        .sign_out(SignOutRequest::default())
        .await
        .unwrap();
}

#[tokio::test]
async fn a_request_over_the_size_limit_is_refused_as_too_large() {
    let mut served = serve(limits()).await;
    let request = SignOutRequest {
        refresh_token: "x".repeat(64 * 1024),
    };

    let refused = served.client.sign_out(request).await.unwrap_err();

    assert_refused(&refused, Code::InvalidArgument, "REQUEST_TOO_LARGE");
}

#[tokio::test]
async fn a_message_that_cannot_be_decoded_is_malformed() {
    let served = serve(limits()).await;
    // Field 1 of SignOutRequest is a string; field 1 of a timestamp is a varint.
    let message = prost_types::Timestamp {
        seconds: 1,
        nanos: 0,
    };

    let refused = call(&served, "/tandem.auth.v1.AuthService/SignOut", message)
        .await
        .unwrap_err();

    assert_refused(&refused, Code::InvalidArgument, "REQUEST_MALFORMED");
}

#[tokio::test]
async fn an_unknown_method_and_an_unknown_service_are_refused_as_unknown() {
    let served = serve(limits()).await;
    for path in [
        "/tandem.auth.v1.AuthService/Nothing",
        "/tandem.nothing.v1.NothingService/Nothing",
    ] {
        let refused = call(&served, path, ()).await.unwrap_err();
        assert_refused(&refused, Code::Unimplemented, "METHOD_UNKNOWN");
    }
}

#[tokio::test]
async fn the_health_of_an_unknown_service_is_a_typed_not_found() {
    let served = serve(limits()).await;
    let request = HealthCheckRequest {
        service: "nothing".to_owned(),
    };

    let refused = HealthClient::new(served.channel.clone())
        .check(request)
        .await
        .unwrap_err();

    assert_refused(&refused, Code::NotFound, "SERVICE_NOT_FOUND");
}

#[tokio::test]
async fn a_malformed_timeout_is_refused_and_named() {
    let mut served = serve(limits()).await;
    let mut request = Request::new(SignOutRequest::default());
    request
        .metadata_mut()
        .insert("grpc-timeout", "soon".parse().unwrap());

    let refused = served.client.sign_out(request).await.unwrap_err();

    assert_refused(&refused, Code::InvalidArgument, "REQUEST_MALFORMED");
    assert_eq!(violations(&refused)[0].0, "grpc-timeout");
}

#[tokio::test]
async fn a_valid_request_id_is_kept_and_another_is_replaced() {
    let mut served = serve(limits()).await;
    let mut answered_to = async |id: &'static str| {
        let mut request = Request::new(SignUpRequest::default());
        request
            .metadata_mut()
            .insert("x-request-id", id.parse().unwrap());
        let refused = served.client.sign_up(request).await.unwrap_err();
        let details = refused.get_error_details();
        details.request_info().unwrap().request_id.clone()
    };

    assert_eq!(answered_to("order-17.a_b").await, "order-17.a_b");
    for hostile in ["two words", "{\"json\":1}", &"x".repeat(65) as &str] {
        let replaced = answered_to(String::leak(hostile.to_owned())).await;
        assert!(
            replaced.len() == 32 && replaced.bytes().all(|b| b.is_ascii_hexdigit()),
            "{replaced}"
        );
    }
}
