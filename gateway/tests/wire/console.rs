//! `/app/`: the files of the console, byte by byte, and what a browser is told about them.

use std::net::SocketAddr;

use gateway::{ConsoleFile, ConsoleFiles};
use http::Method;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::{
    Running,
    client::{self, Answer},
    closed_port, gateway_to, serve,
};

const PAGE: &[u8] = b"<!doctype html><title>page</title>";
const SCRIPT: &str = "/app/assets/main-ABC.js";

/// Not compressed in truth, so that a test sees which form it got.
pub(crate) const FILES: &[ConsoleFile] = &[
    ConsoleFile {
        name: "assets/main-ABC.js",
        tag: "11",
        plain: b"plain script",
        gzip: Some(b"packed script"),
    },
    ConsoleFile {
        name: "icon.svg",
        tag: "22",
        plain: b"<svg/>",
        gzip: None,
    },
    ConsoleFile {
        name: "index.html",
        tag: "33",
        plain: PAGE,
        gzip: None,
    },
];

pub(crate) async fn with_console(files: &'static [ConsoleFile]) -> Running {
    let nothing = closed_port().await;
    serve(nothing, nothing, |_| {}, ConsoleFiles::of(files)).await
}

pub(crate) async fn ask(
    address: SocketAddr,
    method: Method,
    path: &str,
    headers: &[(&str, &str)],
) -> Answer {
    client::send(address, client::request(method, path, headers, "")).await
}

pub(crate) async fn get(address: SocketAddr, path: &str) -> Answer {
    ask(address, Method::GET, path, &[]).await
}

#[track_caller]
fn assert_protected(answer: &Answer) {
    let policy = answer.header("content-security-policy");
    let directives: Vec<_> = policy.split("; ").collect();
    for directive in [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "connect-src 'self'",
        "font-src 'self'",
        "manifest-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    ] {
        assert!(directives.contains(&directive), "{directive} in {policy}");
    }
    assert_eq!(directives.len(), 12, "nothing else is allowed: {policy}");
    for (header, value) in [
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "no-referrer"),
        ("cross-origin-opener-policy", "same-origin"),
        ("cross-origin-resource-policy", "same-origin"),
    ] {
        assert_eq!(answer.header(header), value, "{header}");
    }
    assert!(answer.header("permissions-policy").contains("camera=()"));
}

#[tokio::test]
async fn the_page_is_protected_and_asked_for_again_and_assets_are_kept_for_ever() {
    let gateway = with_console(FILES).await;
    for (path, body, content_type, cache) in [
        ("/app/", PAGE, "text/html; charset=utf-8", "no-cache"),
        (
            SCRIPT,
            b"plain script".as_slice(),
            "text/javascript; charset=utf-8",
            "public, max-age=31536000, immutable",
        ),
        ("/app/icon.svg", b"<svg/>", "image/svg+xml", "no-cache"),
    ] {
        let answer = get(gateway.address, path).await;
        assert_eq!(
            (answer.status.as_u16(), answer.body.as_slice()),
            (200, body)
        );
        assert_eq!(answer.header("content-type"), content_type, "{path}");
        assert_eq!(answer.header("cache-control"), cache, "{path}");
        assert!(!answer.headers.contains_key("content-encoding"), "{path}");
        assert_protected(&answer);
    }
}

#[tokio::test]
async fn every_address_of_the_page_gets_the_page_and_an_unknown_file_is_404() {
    let gateway = with_console(FILES).await;
    for path in [
        "/app/?view=done&q=%22",
        "/app/settings",
        "/app/settings/api-keys",
        "/app/settings/",
        "/app/index.html",
    ] {
        let answer = get(gateway.address, path).await;
        assert_eq!(
            (answer.status.as_u16(), answer.body.as_slice()),
            (200, PAGE)
        );
    }
    for path in [
        "/app/assets/main-OLD.js",
        "/app/assets/main-ABC.js.gz",
        "/app/missing.css",
        "/app/.gitignore",
        "/app//",
        "/app/settings//password",
        "/app/Settings",
        "/app/..%2fCargo.toml",
        "/app/..%2f..%2fetc%2fpasswd",
        "/app/%2e%2e/health",
        "/app/..%5c..%5cwindows",
        "/app/assets%2fmain-ABC.js",
        "/app/index.html%00",
    ] {
        let answer = get(gateway.address, path).await;
        assert_eq!(answer.status, 404, "{path}");
        assert_ne!(answer.body, PAGE, "{path}");
        assert_protected(&answer);
    }
}

/// A client library would resolve the dots itself.
#[tokio::test]
async fn dots_in_the_path_reach_no_other_file() {
    let gateway = with_console(FILES).await;
    for path in ["/app/../Cargo.toml", "/app/assets/../index.html", "/app/./"] {
        let mut stream = TcpStream::connect(gateway.address).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 404 "), "{path}: {answer}");
    }
}

#[tokio::test]
async fn the_compressed_form_is_sent_to_those_who_take_it_with_a_tag_of_its_own() {
    let gateway = with_console(FILES).await;
    for (accepted, packed) in [
        ("gzip, deflate, br", true),
        ("br;q=1.0, gzip;q=0.2", true),
        ("*", true),
        ("GZIP", true),
        ("identity", false),
        ("gzip;q=0", false),
        ("gzip;q=0, *", false),
        ("br", false),
        ("", false),
    ] {
        let headers = [("accept-encoding", accepted)];
        let answer = ask(gateway.address, Method::GET, SCRIPT, &headers).await;
        let (body, encoding, tag): (&[u8], _, _) = if packed {
            (b"packed script", "gzip", "\"11-gzip\"")
        } else {
            (b"plain script", "", "\"11\"")
        };
        assert_eq!(answer.body, body, "{accepted}");
        assert_eq!(answer.header("content-encoding"), encoding, "{accepted}");
        assert_eq!(answer.header("etag"), tag, "{accepted}");
        let vary = answer.headers.get_all("vary").iter();
        assert!(vary.into_iter().any(|it| it == "accept-encoding"));
    }
}

#[tokio::test]
async fn a_browser_that_has_the_file_gets_304_without_it() {
    let gateway = with_console(FILES).await;
    for (known, encoding, status) in [
        ("\"11\"", "", 304),
        ("W/\"11\"", "", 304),
        ("\"x\", \"11\"", "", 304),
        ("*", "", 304),
        ("\"11-gzip\"", "gzip", 304),
        ("\"11-gzip\"", "", 200),
        ("\"11\"", "gzip", 200),
        ("\"12\"", "", 200),
    ] {
        let headers = [("if-none-match", known), ("accept-encoding", encoding)];
        let answer = ask(gateway.address, Method::GET, SCRIPT, &headers).await;
        assert_eq!(answer.status, status, "{known} {encoding}");
        assert_eq!(answer.body.is_empty(), status == 304);
        assert!(!answer.header("etag").is_empty());
        assert!(answer.header("cache-control").contains("immutable"));
        assert_protected(&answer);
    }
}

#[tokio::test]
async fn head_has_the_headers_of_get_and_nothing_else_is_allowed() {
    let gateway = with_console(FILES).await;
    for path in ["/app/", SCRIPT] {
        let whole = get(gateway.address, path).await;
        let head = ask(gateway.address, Method::HEAD, path, &[]).await;
        assert_eq!((head.status.as_u16(), head.body.len()), (200, 0));
        for header in ["content-type", "etag", "cache-control", "content-length"] {
            assert_eq!(head.header(header), whole.header(header), "{path} {header}");
        }
        assert_eq!(
            head.header("content-length"),
            whole.body.len().to_string(),
            "{path}"
        );
        let answer = ask(gateway.address, Method::POST, path, &[]).await;
        assert_eq!(answer.status, 405);
        assert_eq!(answer.header("allow"), "GET,HEAD");
    }
}

#[tokio::test]
async fn a_gateway_without_a_console_says_how_to_build_one() {
    let gateway = with_console(&[]).await;
    for path in ["/app/", "/app/settings"] {
        let answer = get(gateway.address, path).await;
        assert_eq!(answer.status, 404);
        assert_eq!(answer.header("content-type"), "text/html; charset=utf-8");
        assert_eq!(answer.header("cache-control"), "no-store");
        let page = String::from_utf8(answer.body.clone()).unwrap();
        assert!(page.contains("scripts/build-console"), "{page}");
        assert_protected(&answer);
    }
    assert_eq!(get(gateway.address, SCRIPT).await.status, 404);
}

/// Whatever this build has at `/app/`, it is one of the two.
#[tokio::test]
async fn this_build_has_a_page_with_its_files_or_says_that_it_has_none() {
    let gateway = gateway_to(closed_port().await).await;
    let answer = get(gateway.address, "/app/").await;
    let page = String::from_utf8(answer.body.clone()).unwrap();
    let files: Vec<_> = page
        .split('"')
        .filter(|text| text.starts_with("/app/"))
        .collect();
    match answer.status.as_u16() {
        404 => assert!(page.contains("scripts/build-console")),
        status => assert!(status == 200 && files.len() > 2, "{page}"),
    }
    for file in files {
        assert_eq!(get(gateway.address, file).await.status, 200, "{file}");
    }
}
