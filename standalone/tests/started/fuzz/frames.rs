//! The frames of gRPC-web, at the gateway.

use http::{HeaderValue, StatusCode};
use proptest::{collection::vec, prelude::*, sample::select};
use prost::Message as _;
use tonic::Code;

use super::{Fuzzed, inputs, peer::Peer};
use contract::proto::auth::SignOutRequest;

const METHODS: &[&str] = &[
    "tandem.auth.v1.AuthService/GetJsonWebKeySet",
    "tandem.auth.v1.AuthService/SignOut",
    "tandem.task.v1.TaskService/GetTask",
    "grpc.health.v1.Health/Watch",
    "tandem.auth.v1.AuthService/NoSuchMethod",
];
const CONTENT_TYPES: &[&str] = &[
    "application/grpc-web",
    "application/grpc-web+proto",
    "application/grpc-web-text",
    "application/grpc-web-text+proto; charset=utf-8",
    "application/grpc-web+json",
    "application/grpc",
    "text/plain",
];

/// A frame whose flag, length and content need not fit together.
fn frame() -> impl Strategy<Value = Vec<u8>> {
    let flag = select(vec![0_u8, 0, 0, 1, 2, 0x80, 0x81, 0xff]);
    let error = select(vec![0_i64, 0, 0, -1, 1, 5, 65_536, i64::from(u32::MAX)]);
    (flag, error, vec(any::<u8>(), 0..40)).prop_map(|(flag, error, content)| {
        let length = i64::try_from(content.len()).unwrap() + error;
        let length = u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes();
        [&[flag], &length[..], &content].concat()
    })
}

/// A whole and well-formed body.
fn valid() -> Vec<u8> {
    let message = SignOutRequest {
        refresh_token: "x".repeat(70),
    };
    let bytes = message.encode_to_vec();
    let length = u32::try_from(bytes.len()).unwrap().to_be_bytes();
    [&[0], &length[..], &bytes].concat()
}

fn base64(bytes: Vec<u8>) -> Vec<u8> {
    use base64::{Engine as _, prelude::BASE64_STANDARD};
    BASE64_STANDARD.encode(bytes).into_bytes()
}

#[test]
fn grpc_web_frames() {
    let fuzzed = Fuzzed::start();
    let address = fuzzed.stack.addresses().gateway;
    let peer = fuzzed.runtime.block_on(Peer::connect(address));
    let raw = prop_oneof![
        vec(frame(), 0..4).prop_map(|frames| frames.concat()),
        inputs::changed(valid()),
        vec(any::<u8>(), 0..300),
    ];
    let body = prop_oneof![
        raw.prop_flat_map(|body| select(vec![body.clone(), base64(body)])),
        inputs::changed(base64(valid())),
    ];
    let inputs = (body, select(METHODS), select(CONTENT_TYPES));
    fuzzed.check(&inputs, |(body, method, content_type)| {
        let headers = [
            ("content-type", HeaderValue::from_static(content_type)),
            // `Health/Watch` has no other end.
            ("grpc-timeout", HeaderValue::from_static("1S")),
        ];
        let answer = peer.post(&fuzzed.runtime, method, &headers, body);
        let answer = answer.map_err(|error| TestCaseError::fail(error.to_string()))?;
        if answer.http == StatusCode::OK {
            let code = answer.grpc_status().map(Code::from_i32);
            let known = code.is_some_and(|code| ![Code::Internal, Code::Unknown].contains(&code));
            prop_assert!(known, "{:?}", answer);
        } else {
            prop_assert!(answer.http.is_client_error(), "{:?}", answer);
        }
        Ok(())
    });
}
