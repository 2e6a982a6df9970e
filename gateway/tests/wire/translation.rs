//! gRPC-web through the gateway, byte by byte.

use crate::{
    client::{self, BINARY, TEXT, frame},
    closed_port, gateway, gateway_to,
    service::{self, CREATE, GET, SIGN_OUT, task},
};
use base64::{
    Engine,
    prelude::{BASE64_STANDARD, BASE64_STANDARD_NO_PAD},
};
use contract::proto::{
    auth,
    task::{CreateTaskRequest, CreateTaskResponse, GetTaskRequest},
};
use http::Method;
use prost::Message;
use tonic::Code;

fn create(title: &str) -> CreateTaskRequest {
    CreateTaskRequest {
        task: Some(task(title)),
        ..CreateTaskRequest::default()
    }
}

fn title_of(answer: &client::Answer) -> String {
    let frames = answer.frames();
    assert_eq!(frames.trailers["grpc-status"], "0");
    assert_eq!(frames.messages.len(), 1);
    CreateTaskResponse::decode(frames.messages[0].as_slice())
        .unwrap()
        .task
        .unwrap()
        .title
}

#[tokio::test]
async fn a_unary_call_comes_back_as_a_message_and_a_trailers_frame() {
    let (upstream, _seen) = service::start().await;
    let gateway = gateway_to(upstream).await;
    let answer = client::call(gateway.address, CREATE, &create("größer")).await;
    assert_eq!(title_of(&answer), "größer");
    assert_eq!(answer.header("content-type"), BINARY);
    assert_eq!(
        answer.header("grpc-status"),
        "",
        "a status in the headers would mean that no message follows"
    );
}

#[tokio::test]
async fn a_call_over_http2_with_prior_knowledge_is_answered_like_one_over_http1() {
    let (upstream, _seen) = service::start().await;
    let gateway = gateway_to(upstream).await;
    let request = client::request(
        Method::POST,
        CREATE,
        &[("content-type", TEXT)],
        BASE64_STANDARD.encode(frame(&create("two"))),
    );
    let answer = client::send_http2(gateway.address, request).await;
    assert_eq!(title_of(&answer), "two");
    assert_eq!(answer.header("content-type"), TEXT);
}

#[tokio::test]
async fn each_package_is_served_by_its_service() {
    let (auth, _seen) = service::start().await;
    let gateway = gateway(auth, closed_port().await, |_| {}).await;
    let answer = client::call(gateway.address, SIGN_OUT, &auth::SignOutRequest::default()).await;
    assert_eq!(answer.frames().trailers["grpc-status"], "0");
    let answer = client::call(gateway.address, CREATE, &create("x")).await;
    assert_eq!(answer.error().0, Code::Unavailable);
}

#[tokio::test]
async fn an_answer_without_a_message_has_its_status_and_details_in_body_and_headers() {
    let (upstream, _seen) = service::start().await;
    let gateway = gateway_to(upstream).await;
    for content_type in [BINARY, TEXT] {
        let mut body = frame(&GetTaskRequest::default());
        if content_type == TEXT {
            body = BASE64_STANDARD.encode(body).into_bytes();
        }
        let answer = client::call_with(
            gateway.address,
            GET,
            &[("content-type", content_type)],
            body,
        )
        .await;
        let details = answer.assert_refused(Code::NotFound, "TASK_NOT_FOUND");
        assert_eq!(
            details.request_info().unwrap().request_id,
            "from-the-service"
        );
        let trailers = answer.frames().trailers;
        for name in [
            "grpc-status",
            "grpc-message",
            "grpc-status-details-bin",
            "x-hint",
        ] {
            assert_eq!(answer.headers[name], trailers[name], "{name}");
        }
        assert_eq!(trailers["grpc-message"], "no%20task:%20gr%C3%B6%C3%9Fer%0A");
        assert!(!trailers.contains_key("content-type"));
    }
}

#[tokio::test]
async fn parameters_of_the_content_type_are_accepted() {
    let (upstream, _seen) = service::start().await;
    let gateway = gateway_to(upstream).await;
    for content_type in [
        "application/grpc-web; charset=utf-8",
        "Application/Grpc-Web+Proto;a=b",
    ] {
        let answer = client::call_with(
            gateway.address,
            CREATE,
            &[("content-type", content_type)],
            frame(&create("a")),
        )
        .await;
        assert_eq!(title_of(&answer), "a");
    }
}

#[tokio::test]
async fn accept_decides_the_format_of_the_answer_only_when_it_names_one() {
    let (upstream, _seen) = service::start().await;
    let gateway = gateway_to(upstream).await;
    let text = BASE64_STANDARD.encode(frame(&create("a"))).into_bytes();
    for (accept, format) in [
        ("*/*", TEXT),
        (TEXT, TEXT),
        ("application/grpc-web", BINARY),
        ("application/grpc-web;q=0, application/grpc-web-text", TEXT),
        ("application/grpc-web-text;q=0.0, */*", BINARY),
        ("application/grpc-web;q=high", TEXT),
    ] {
        let headers = [("content-type", TEXT), ("accept", accept)];
        let answer = client::call_with(gateway.address, CREATE, &headers, text.clone()).await;
        assert_eq!(answer.header("content-type"), format);
        assert_eq!(title_of(&answer), "a");
    }
}

#[tokio::test]
async fn a_text_body_may_be_padded_in_mid_stream_and_unpadded_at_its_end() {
    let (upstream, _seen) = service::start().await;
    let gateway = gateway_to(upstream).await;
    let bytes = frame(&create("in two texts"));
    let (head, message) = bytes.split_at(5);
    let body = BASE64_STANDARD.encode(head) + &BASE64_STANDARD_NO_PAD.encode(message);
    assert!(body.contains('='));
    let answer = client::call_with(
        gateway.address,
        CREATE,
        &[("content-type", TEXT)],
        body.into_bytes(),
    )
    .await;
    assert_eq!(title_of(&answer), "in two texts");
}

#[tokio::test]
async fn a_body_that_is_not_one_message_is_refused_with_a_reason() {
    let (upstream, _seen) = service::start().await;
    let gateway = gateway_to(upstream).await;
    for (content_type, body) in [
        (BINARY, b"".as_slice()),
        (BINARY, b"\0\0\0\0"),
        (BINARY, b"\0\0\0\0\x05ab"),
        (BINARY, b"\x02\0\0\0\0"),
        (TEXT, b"?"),
        (TEXT, b"AAAAA==="),
    ] {
        let answer = client::call_with(
            gateway.address,
            CREATE,
            &[("content-type", content_type)],
            body.to_vec(),
        )
        .await;
        let details = answer.assert_refused(Code::InvalidArgument, "REQUEST_MALFORMED");
        assert_eq!(details.bad_request().unwrap().field_violations.len(), 1);
        answer.assert_request_id_in(&details);
    }
}

#[tokio::test]
async fn an_unknown_rpc_of_a_known_service_is_refused_by_the_service() {
    let (upstream, _seen) = service::start().await;
    let gateway = gateway_to(upstream).await;
    let answer = client::call(
        gateway.address,
        "/tandem.task.v1.TaskService/Nothing",
        &create("x"),
    )
    .await;
    assert_eq!(answer.frames().trailers["grpc-status"], "12");
}

/// A message of no bytes, compressed with gzip.
const EMPTY_GZIP: &[u8] = b"\x01\0\0\0\x14\x1f\x8b\x08\0\0\0\0\0\0\x03\x03\0\0\0\0\0\0\0\0\0";

#[tokio::test]
async fn a_request_compressed_with_gzip_reaches_the_service_and_in_another_way_it_is_refused() {
    let (upstream, _seen) = service::start().await;
    let gateway = gateway_to(upstream).await;
    let call = async |encoding, body: &[u8]| {
        let headers = [("content-type", BINARY), ("grpc-encoding", encoding)];
        client::call_with(gateway.address, CREATE, &headers, body.to_vec()).await
    };
    let answer = call("gzip", EMPTY_GZIP).await;
    assert_eq!(answer.frames().trailers["grpc-status"], "0");
    for (encoding, body) in [
        ("snappy", b"\0\0\0\0\0".as_slice()),
        ("deflate", b"\x01\0\0\0\x02ab"),
        ("identity", EMPTY_GZIP),
        ("gzip, gzip", EMPTY_GZIP),
    ] {
        let answer = call(encoding, body).await;
        let details = answer.assert_refused(Code::Unimplemented, "COMPRESSION_UNSUPPORTED");
        answer.assert_request_id_in(&details);
        assert_eq!(answer.header("grpc-accept-encoding"), "gzip,identity");
    }
    let headers = [("content-type", BINARY)];
    let answer = client::call_with(gateway.address, CREATE, &headers, EMPTY_GZIP.to_vec()).await;
    answer.assert_refused(Code::Unimplemented, "COMPRESSION_UNSUPPORTED");
}
