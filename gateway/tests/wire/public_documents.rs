//! The two documents for programs that verify tokens: the keys (RFC 7517) and the metadata of the issuer (RFC 8414).

use http::Method;
use serde_json::json;
use settings::{Setting, WebOrigin};

use crate::{
    Running,
    client::{self, Answer},
    closed_port, gateway, gateway_to,
    service::{self, ISSUER},
};

const JWKS: &str = "/.well-known/jwks.json";
/// The path of the issuer comes after the well-known one.
const METADATA: &str = "/.well-known/oauth-authorization-server/one";

async fn send(gateway: &Running, method: Method, path: &str, headers: &[(&str, &str)]) -> Answer {
    let request = client::request(method, path, headers, "");
    client::send(gateway.address, request).await
}

async fn get(gateway: &Running, path: &str, headers: &[(&str, &str)]) -> Answer {
    send(gateway, Method::GET, path, headers).await
}

async fn started() -> Running {
    let (upstream, _seen) = service::start().await;
    gateway_to(upstream).await
}

#[tokio::test]
async fn the_metadata_say_only_what_is_true_of_this_issuer() {
    let gateway = started().await;
    let answer = get(&gateway, METADATA, &[]).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), "application/json");
    assert_eq!(answer.header("cache-control"), "public, max-age=300");
    let expected = json!({
        "issuer": ISSUER,
        "jwks_uri": "https://tandem.example.com/.well-known/jwks.json",
        "response_types_supported": [],
        "grant_types_supported": [],
    });
    assert_eq!(answer.json(), expected);
}

#[tokio::test]
async fn at_the_path_of_another_issuer_there_is_nothing() {
    let gateway = started().await;
    for path in [
        "/.well-known/oauth-authorization-server",
        "/.well-known/oauth-authorization-server/",
        "/.well-known/oauth-authorization-server/two",
        "/.well-known/oauth-authorization-server/one/",
        "/.well-known/oauth-authorization-server/one/two",
        "/one/.well-known/oauth-authorization-server",
    ] {
        let answer = get(&gateway, path, &[]).await;
        assert_eq!(answer.status, 404, "{path}");
        assert!(answer.json()["error"].is_string(), "{path}");
    }
    let other = get(&gateway, "/.well-known/oauth-authorization-server", &[]).await;
    assert_eq!(other.header("cache-control"), "no-store");
}

#[tokio::test]
async fn a_client_that_holds_a_document_gets_304_without_a_body() {
    let gateway = started().await;
    for path in [JWKS, METADATA] {
        let first = get(&gateway, path, &[]).await;
        let etag = first.header("etag").to_owned();
        assert!(etag.starts_with('"') && etag.len() > 20, "{etag}");
        let held = format!("\"another\", W/{etag}");
        for held in [etag.as_str(), &held, "*"] {
            let again = get(&gateway, path, &[("if-none-match", held)]).await;
            assert_eq!(again.status, 304, "{path} {held}");
            assert_eq!(again.body, b"");
            assert_eq!(again.header("etag"), etag);
            assert_eq!(again.header("cache-control"), "public, max-age=300");
        }
        let changed = get(&gateway, path, &[("if-none-match", "\"another\"")]).await;
        assert_eq!(changed.status, 200);
        assert_eq!(changed.body, first.body);
    }
}

#[tokio::test]
async fn head_answers_like_get_without_the_body() {
    let gateway = started().await;
    for path in [JWKS, METADATA] {
        let got = get(&gateway, path, &[]).await;
        let head = send(&gateway, Method::HEAD, path, &[]).await;
        assert_eq!((head.status.as_u16(), head.body.len()), (200, 0));
        for name in ["etag", "cache-control", "content-type"] {
            assert_eq!(head.header(name), got.header(name), "{path} {name}");
        }
        let posted = send(&gateway, Method::POST, path, &[]).await;
        assert_eq!(
            (posted.status.as_u16(), posted.header("allow")),
            (405, "GET,HEAD")
        );
    }
}

#[tokio::test]
async fn a_page_of_any_origin_may_read_both_documents_without_credentials_and_nothing_else() {
    let (upstream, _seen) = service::start().await;
    let allowed = "https://app.example.com";
    let gateway = gateway(upstream, upstream, |config| {
        config.cors_origins = vec![WebOrigin::parse(allowed).unwrap()];
    })
    .await;
    for origin in [allowed, "https://elsewhere.example", "null"] {
        for path in [JWKS, METADATA] {
            let answer = get(&gateway, path, &[("origin", origin)]).await;
            assert_eq!(answer.header("access-control-allow-origin"), "*", "{path}");
            let count = answer.headers.get_all("access-control-allow-origin");
            assert_eq!(count.iter().count(), 1, "{path} {origin}");
            let credentials = answer.header("access-control-allow-credentials");
            assert_eq!(credentials, "", "{path}");
        }
    }
    let other = get(&gateway, "/", &[("origin", "https://elsewhere.example")]).await;
    assert_eq!(other.header("access-control-allow-origin"), "");
}

#[tokio::test]
async fn without_the_auth_service_the_metadata_are_unavailable_and_must_not_be_cached() {
    let gateway = gateway_to(closed_port().await).await;
    let answer = get(&gateway, METADATA, &[]).await;
    assert_eq!(
        (answer.status.as_u16(), answer.header("cache-control")),
        (503, "no-store")
    );
    assert_eq!(answer.header("retry-after"), "1");
}
