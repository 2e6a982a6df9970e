//! The page of the REST API and both descriptions: plain and compressed, and what a client that has them gets.

use std::io::Read as _;

use flate2::read::GzDecoder;
use http::Method;
use serde_json::json;

use crate::{
    Running,
    client::Answer,
    closed_port,
    console::{ask, get},
    gateway_to,
};

/// With their types, and whether they are long enough to be compressed.
const DOCUMENTS: [(&str, &str, bool); 7] = [
    ("/docs", "text/html; charset=utf-8", false),
    ("/docs/start.js", "text/javascript; charset=utf-8", false),
    ("/docs/swagger-ui.css", "text/css; charset=utf-8", true),
    (
        "/docs/swagger-ui-bundle.js",
        "text/javascript; charset=utf-8",
        true,
    ),
    ("/docs/favicon-32x32.png", "image/png", false),
    ("/openapi.json", "application/json", true),
    ("/connect/openapi.json", "application/json", true),
];

async fn with(gateway: &Running, path: &str, headers: &[(&str, &str)]) -> Answer {
    ask(gateway.address, Method::GET, path, headers).await
}

fn varies_by_encoding(answer: &Answer) -> bool {
    let mut vary = answer.headers.get_all("vary").iter();
    vary.any(|it| it == "accept-encoding")
}

#[tokio::test]
async fn a_long_document_is_sent_compressed_to_those_who_take_it() {
    let gateway = gateway_to(closed_port().await).await;
    for (path, kind, long) in DOCUMENTS {
        let plain = get(gateway.address, path).await;
        assert_eq!(
            (plain.status.as_u16(), plain.header("content-type")),
            (200, kind)
        );
        assert_eq!(plain.header("content-encoding"), "", "{path}");
        assert!(varies_by_encoding(&plain), "{path}");
        for (accepted, packed) in [
            ("gzip, deflate, br", true),
            ("identity;q=0.5, *;q=0.7", true),
            ("gzip;q=0, *", false),
            ("gzip;q=0.5, identity", false),
            ("br", false),
        ] {
            let answer = with(&gateway, path, &[("accept-encoding", accepted)]).await;
            assert_eq!(answer.header("content-type"), kind);
            assert!(varies_by_encoding(&answer), "{path}");
            let encoding = answer.header("content-encoding");
            if long || !packed {
                let expected = if packed { "gzip" } else { "" };
                assert_eq!(encoding, expected, "{path} {accepted}");
            }
            if encoding == "gzip" {
                assert_ne!(answer.header("etag"), plain.header("etag"));
                let mut inflated = Vec::new();
                let mut decoder = GzDecoder::new(answer.body.as_slice());
                decoder.read_to_end(&mut inflated).unwrap();
                assert!(inflated == plain.body, "{path}");
            } else {
                assert_eq!(answer.header("etag"), plain.header("etag"));
                assert!(answer.body == plain.body, "{path}");
            }
        }
    }
}

#[tokio::test]
async fn a_client_that_has_a_document_gets_304_for_the_form_that_it_has() {
    let gateway = gateway_to(closed_port().await).await;
    for (path, ..) in DOCUMENTS {
        let plain = get(gateway.address, path).await.header("etag").to_owned();
        let gzip = ("accept-encoding", "gzip");
        let packed = with(&gateway, path, &[gzip]).await;
        let packed = packed.header("etag").to_owned();
        let weak = format!("\"x\", W/{plain}");
        for (held, encoding, status) in [
            (plain.as_str(), "", 304),
            (&weak, "", 304),
            (&packed, "gzip", 304),
            ("*", "gzip", 304),
            ("\"x\"", "gzip", 200),
            (&plain, "gzip", if packed == plain { 304 } else { 200 }),
        ] {
            let headers = [("if-none-match", held), ("accept-encoding", encoding)];
            let answer = with(&gateway, path, &headers).await;
            assert_eq!(answer.status, status, "{path} {held} {encoding}");
            assert_eq!(answer.body.is_empty(), status == 304);
            assert_eq!(answer.header("cache-control"), "no-cache");
            assert!(varies_by_encoding(&answer) && !answer.header("etag").is_empty());
        }
        let head = ask(gateway.address, Method::HEAD, path, &[gzip]).await;
        let whole = with(&gateway, path, &[gzip]).await;
        assert_eq!((head.status.as_u16(), head.body.len()), (200, 0));
        let length = whole.body.len().to_string();
        assert_eq!(head.header("content-length"), length);
        assert_eq!(head.header("etag"), packed);
    }
}

#[tokio::test]
async fn the_page_is_protected_in_both_forms_and_when_it_is_not_modified() {
    let gateway = gateway_to(closed_port().await).await;
    for path in ["/docs", "/docs/start.js", "/docs/swagger-ui-bundle.js"] {
        for headers in [[("accept-encoding", "gzip")], [("if-none-match", "*")]] {
            let answer = with(&gateway, path, &headers).await;
            let policy = answer.header("content-security-policy");
            assert!(policy.contains("script-src 'self'"), "{path}: {policy}");
            assert_eq!(answer.header("x-content-type-options"), "nosniff");
            assert_eq!(answer.header("referrer-policy"), "no-referrer");
        }
    }
}

#[tokio::test]
async fn what_is_no_file_of_the_page_is_refused_in_the_form_of_rest() {
    let gateway = gateway_to(closed_port().await).await;
    for (method, path, status, detail) in [
        (
            Method::GET,
            "/docs/%ff",
            400,
            "There was an error parsing the path",
        ),
        (
            Method::GET,
            "/docs/a/%fe/b",
            400,
            "There was an error parsing the path",
        ),
        (Method::GET, "/docs/nothing.js", 404, "Not Found"),
        (Method::GET, "/docs/a/b", 404, "Not Found"),
        (Method::GET, "/docs/..%2fstart.js", 404, "Not Found"),
        (Method::POST, "/docs/start.js", 405, "Method Not Allowed"),
        (Method::POST, "/docs/%ff", 405, "Method Not Allowed"),
    ] {
        let answer = ask(gateway.address, method.clone(), path, &[]).await;
        let found = (answer.status.as_u16(), answer.json());
        assert_eq!(
            found,
            (status, json!({ "detail": detail })),
            "{method} {path}"
        );
        assert_eq!(answer.header("content-type"), "application/json");
        let allow = if status == 405 { "GET,HEAD" } else { "" };
        assert_eq!(answer.header("allow"), allow);
    }
}
