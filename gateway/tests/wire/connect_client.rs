//! The Connect protocol written by hand.

use std::net::SocketAddr;

use base64::{Engine, prelude::BASE64_STANDARD_NO_PAD};
use http::Method;
use prost::Message as _;
use serde_json::Value;
use tonic_types::{StatusExt as _, pb};

use crate::client::{self, Answer};

pub(crate) const JSON: &str = "application/json";
pub(crate) const PROTO: &str = "application/proto";

/// A unary call with these headers beside the content type.
pub(crate) async fn call(
    gateway: SocketAddr,
    path: &str,
    content_type: &str,
    headers: &[(&str, &str)],
    body: impl Into<Vec<u8>>,
) -> Answer {
    let mut all = vec![("content-type", content_type)];
    all.extend_from_slice(headers);
    client::call_with(gateway, path, &all, body.into()).await
}

/// A unary call in JSON.
pub(crate) async fn json(gateway: SocketAddr, path: &str, body: &str) -> Answer {
    call(gateway, path, JSON, &[], body).await
}

/// A unary call by GET.
pub(crate) async fn get(gateway: SocketAddr, path_and_query: &str) -> Answer {
    let request = client::request(Method::GET, path_and_query, &[], "");
    client::send(gateway, request).await
}

/// Asserts that this is the error of a unary call; returns its details, which are what gRPC sends.
#[track_caller]
pub(crate) fn assert_error(
    answer: &Answer,
    http_status: u16,
    code: &str,
    reason: &str,
) -> tonic_types::ErrorDetails {
    let text = String::from_utf8_lossy(&answer.body).into_owned();
    assert_eq!(answer.status, http_status, "{text}");
    assert_eq!(answer.header("content-type"), JSON);
    assert_error_json(&answer.json(), code, reason)
}

/// The same for an error that is a JSON value.
#[track_caller]
pub(crate) fn assert_error_json(
    error: &Value,
    code: &str,
    reason: &str,
) -> tonic_types::ErrorDetails {
    assert_eq!(error["code"], code, "{error}");
    let details = error["details"].as_array().unwrap();
    let details = details.iter().map(|detail| {
        let name = detail["type"].as_str().unwrap();
        assert!(name.starts_with("google.rpc."), "{name}");
        assert!(detail["debug"].is_object(), "{detail}");
        prost_types::Any {
            type_url: format!("type.googleapis.com/{name}"),
            value: BASE64_STANDARD_NO_PAD
                .decode(detail["value"].as_str().unwrap())
                .unwrap(),
        }
    });
    let rich = pb::Status {
        details: details.collect(),
        ..pb::Status::default()
    };
    let status = tonic::Status::with_details(tonic::Code::Unknown, "", rich.encode_to_vec().into());
    let details = status.get_error_details();
    let info = details.error_info().unwrap();
    assert_eq!(
        (&*info.reason, &*info.domain),
        (reason, "tandem"),
        "{error}"
    );
    details
}

/// The messages of a stream, and the content of its last frame.
pub(crate) fn frames(body: &[u8]) -> (Vec<(u8, Vec<u8>)>, Value) {
    let mut rest = body;
    let mut messages = Vec::new();
    loop {
        let length = u32::from_be_bytes(rest[1..5].try_into().unwrap()) as usize;
        let (flags, message) = (rest[0], &rest[5..5 + length]);
        rest = &rest[5 + length..];
        if flags & 2 != 0 {
            assert_eq!(rest, b"", "nothing follows the last frame");
            let end: Value = serde_json::from_slice(message).unwrap();
            assert!(end.get("error").is_none_or(Value::is_object), "{end}");
            return (messages, end);
        }
        messages.push((flags, message.to_vec()));
    }
}
