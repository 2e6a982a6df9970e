//! Calls by GET in the Connect protocol, and compression.

use base64::{Engine, prelude::BASE64_URL_SAFE, prelude::BASE64_URL_SAFE_NO_PAD};
use contract::proto::auth::GetJsonWebKeySetResponse;
use flate2::{Compression, read::GzDecoder, write::GzEncoder};
use prost::Message as _;
use serde_json::json;
use std::io::{Read as _, Write as _};

use crate::{
    connect_client::{self, JSON, PROTO, assert_error, call, get},
    gateway, gateway_to,
    service::{self, CREATE, GET},
};

const KEYS: &str = "/tandem.auth.v1.AuthService/GetJsonWebKeySet";

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn gunzip(bytes: &[u8]) -> Vec<u8> {
    let mut inflated = Vec::new();
    GzDecoder::new(bytes).read_to_end(&mut inflated).unwrap();
    inflated
}

#[tokio::test]
async fn the_keys_by_get_may_be_kept_by_everybody_as_long_as_they_say() {
    let (service, _events) = service::start().await;
    let gateway = gateway_to(service).await;
    for query in [
        "?connect=v1&encoding=json&message=%7B%7D",
        "?message={}&other=1&encoding=json",
        "?encoding=json&message=e30&base64=1",
        "?encoding=json&message=e30%3D&base64=1",
        "?encoding=json&message={}&base64=0",
    ] {
        let answer = get(gateway.address, &format!("{KEYS}{query}")).await;
        assert_eq!(
            (answer.status.as_u16(), answer.header("content-type")),
            (200, JSON),
            "{query}"
        );
        assert_eq!(answer.header("cache-control"), "public, max-age=300");
        let keys = answer.json();
        assert_eq!(keys["maxAge"], "300s");
        assert_eq!(keys["keys"][0]["kid"], "2026-11");
    }
    let answer = get(
        gateway.address,
        &format!("{KEYS}?connect=v1&encoding=proto&message="),
    )
    .await;
    assert_eq!(answer.header("content-type"), PROTO);
    let keys = GetJsonWebKeySetResponse::decode(&*answer.body).unwrap();
    assert_eq!(keys.keys[0].kid, "2026-11");
}

#[tokio::test]
async fn an_answer_for_one_user_is_kept_nowhere() {
    let (service, _events) = service::start().await;
    let gateway = gateway_to(service).await;
    let message = BASE64_URL_SAFE.encode(r#"{"id":"??>>"}"#);
    let path = format!("{GET}?connect=v1&encoding=json&base64=1&message={message}");
    let answer = get(gateway.address, &path).await;
    assert_error(&answer, 404, "not_found", "TASK_NOT_FOUND");
    assert_eq!(answer.header("cache-control"), "private, no-store");
}

#[tokio::test]
async fn a_query_that_is_not_a_message_is_refused() {
    let (service, _events) = service::start().await;
    let gateway = gateway_to(service).await;
    for (query, field) in [
        ("", "encoding"),
        ("?encoding=json", "message"),
        ("?message={}", "encoding"),
        ("?encoding=json&message={}&message={}", "message"),
        ("?encoding=json&message=%ZZ&base64=1", "message"),
        ("?encoding=json&message={}&connect=v2", "connect"),
    ] {
        let answer = get(gateway.address, &format!("{KEYS}{query}")).await;
        let details = assert_error(&answer, 400, "invalid_argument", "REQUEST_MALFORMED");
        let violations = &details.bad_request().unwrap().field_violations;
        assert_eq!(violations[0].field, field, "{query}");
    }
    let answer = get(gateway.address, &format!("{KEYS}?encoding=xml&message=")).await;
    assert_eq!(
        (answer.status.as_u16(), &*answer.body),
        (415, b"".as_slice())
    );
    let answer = get(
        gateway.address,
        &format!("{KEYS}?encoding=json&message={{}}&compression=br"),
    )
    .await;
    assert_error(&answer, 501, "unimplemented", "COMPRESSION_UNSUPPORTED");
}

#[tokio::test]
async fn a_url_that_is_too_long_is_refused_as_such() {
    let (service, _events) = service::start().await;
    let gateway = gateway_to(service).await;
    let path = format!("{KEYS}?encoding=json&message={{}}&x={}", "x".repeat(9000));
    let answer = get(gateway.address, &path).await;
    assert_error(&answer, 414, "invalid_argument", "REQUEST_TOO_LARGE");
}

#[tokio::test]
async fn a_message_in_a_url_may_be_compressed() {
    let (service, _events) = service::start().await;
    let gateway = gateway_to(service).await;
    let message = BASE64_URL_SAFE_NO_PAD.encode(gzip(b"{}"));
    let path = format!("{KEYS}?encoding=json&compression=gzip&base64=1&message={message}");
    let answer = get(gateway.address, &path).await;
    assert_eq!(answer.json()["maxAge"], "300s");
}

#[tokio::test]
async fn compressed_requests_are_read_and_answers_are_compressed_for_clients_that_read_them() {
    let (service, _events) = service::start().await;
    let gateway = gateway_to(service).await;
    let title = "x".repeat(5000);
    let body = json!({"task": {"title": title}}).to_string();
    for (accept, compressed) in [
        (None, true),
        (Some("gzip"), true),
        (Some("br, gzip;q=0.5"), true),
        (Some("gzip;q=0"), false),
        (Some("identity"), false),
        (Some("br"), false),
    ] {
        let mut headers = vec![("content-encoding", "gzip")];
        headers.extend(accept.map(|accept| ("accept-encoding", accept)));
        let answer = call(
            gateway.address,
            CREATE,
            JSON,
            &headers,
            gzip(body.as_bytes()),
        )
        .await;
        assert_eq!(answer.status, 200, "{accept:?}");
        let json = if compressed {
            assert_eq!(answer.header("content-encoding"), "gzip", "{accept:?}");
            gunzip(&answer.body)
        } else {
            assert_eq!(answer.header("content-encoding"), "", "{accept:?}");
            answer.body.clone()
        };
        let json: serde_json::Value = serde_json::from_slice(&json).unwrap();
        assert_eq!(json["task"]["title"], title);
    }
    let headers = [("accept-encoding", "gzip")];
    let answer = call(gateway.address, CREATE, JSON, &headers, "{}").await;
    assert_eq!(
        (answer.header("content-encoding"), &*answer.body),
        ("", b"{}".as_slice())
    );
}

#[tokio::test]
async fn an_unknown_compression_is_refused_with_the_known_ones() {
    let (service, _events) = service::start().await;
    let gateway = gateway_to(service).await;
    for encoding in ["br", "zstd", "deflate", "gzip, gzip", "x"] {
        let headers = [("content-encoding", encoding)];
        let answer = call(gateway.address, CREATE, JSON, &headers, "{}").await;
        assert_error(&answer, 501, "unimplemented", "COMPRESSION_UNSUPPORTED");
        let json = answer.json();
        let message = json["message"].as_str().unwrap();
        assert!(
            message.contains("gzip") && message.contains("identity"),
            "{message}"
        );
    }
}

#[tokio::test]
async fn the_limit_of_a_request_holds_after_it_was_inflated() {
    let (service, _events) = service::start().await;
    let gateway = gateway(service, service, |config| {
        config.calls.request_limit = 10_000;
    })
    .await;
    let body = gzip(
        json!({"task": {"title": "x".repeat(1_000_000)}})
            .to_string()
            .as_bytes(),
    );
    assert!(body.len() < 10_000);
    let headers = [("content-encoding", "gzip")];
    let answer = call(gateway.address, CREATE, JSON, &headers, body).await;
    assert_error(&answer, 400, "invalid_argument", "REQUEST_TOO_LARGE");
    let answer = call(gateway.address, CREATE, JSON, &headers, "not gzip").await;
    assert_error(&answer, 400, "invalid_argument", "REQUEST_MALFORMED");
}

#[tokio::test]
async fn no_bytes_at_all_are_never_inflated() {
    let (service, _events) = service::start().await;
    let gateway = gateway_to(service).await;
    let headers = [("content-encoding", "gzip")];
    let answer = call(gateway.address, service::SIGN_OUT, PROTO, &headers, "").await;
    assert_eq!(
        (answer.status.as_u16(), &*answer.body),
        (200, b"".as_slice())
    );
    let answer = connect_client::json(gateway.address, service::SIGN_OUT, "{}").await;
    assert_eq!(answer.header("content-encoding"), "");
}
