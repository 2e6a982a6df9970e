//! `/app/`: the console, a page for people, from files that are part of the gateway.
//!
//! A page may run scripts and styles of its own origin alone, and no other page may show it in a frame. Files in `assets/` have a
//! name that changes with their contents, so a browser keeps them; it asks for every other file again.

use axum::{
    body::Bytes,
    extract::State,
    response::{IntoResponse as _, Redirect, Response},
};
use http::{
    HeaderMap, HeaderName, HeaderValue, StatusCode, Uri,
    header::{
        CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY,
        X_CONTENT_TYPE_OPTIONS,
    },
};

use crate::{
    accept,
    console_files::ConsoleFile,
    document::{ASK_AGAIN, Document},
    routes::APP_FOLDER,
    state::GatewayState,
};

const INDEX: &str = "index.html";
const FOREVER: &str = "public, max-age=31536000, immutable";

/// On every answer below `/app/`.
const PROTECTION: [(HeaderName, &str); 6] = [
    (
        CONTENT_SECURITY_POLICY,
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; font-src 'self'; \
         manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; \
         trusted-types 'none'",
    ),
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (REFERRER_POLICY, "no-referrer"),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        "same-origin",
    ),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        "same-origin",
    ),
    (
        HeaderName::from_static("permissions-policy"),
        "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    ),
];

const NOT_BUILT: &str = r#"<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Tandem</title>
<h1>The console is not part of this build</h1>
<p>This gateway works. Only its web page is missing, because Node.js was not there when the gateway was built.</p>
<p>To build it: install Node.js 18 or newer with npm, run <code>scripts/build-console</code>, and build the gateway again.
<code>make run</code> does both.</p>
</html>
"#;

/// The console without the slash at its end: its relative addresses would be wrong.
pub(crate) async fn console_folder() -> Redirect {
    Redirect::permanent(APP_FOLDER)
}

/// A file of the console, or its page for every path that the page itself has to read.
pub(crate) async fn console(
    State(state): State<GatewayState>,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    let name = uri.path().strip_prefix(APP_FOLDER).unwrap_or_default();
    let is_page = name.is_empty() || is_page_of_the_console(name);
    let file = state.console.find(if is_page { INDEX } else { name });
    let mut response = match file {
        Some(file) => answer(file, &headers),
        None if is_page => not_built(),
        None => (StatusCode::NOT_FOUND, "There is no such file.\n").into_response(),
    };
    for (header, value) in PROTECTION {
        let value = HeaderValue::from_static(value);
        response.headers_mut().insert(header, value);
    }
    response
}

/// Whether this is an address that the page makes: words in small letters between slashes. A file has a dot in its name, and
/// nothing that is escaped is an address of the page.
fn is_page_of_the_console(name: &str) -> bool {
    let is_word = |word: &str| {
        let mut bytes = word.bytes();
        !word.is_empty()
            && bytes.all(|it| it.is_ascii_lowercase() || it.is_ascii_digit() || it == b'-')
    };
    name.strip_suffix('/')
        .unwrap_or(name)
        .split('/')
        .all(is_word)
}

fn answer(file: &'static ConsoleFile, headers: &HeaderMap) -> Response {
    let cache = if file.name.starts_with("assets/") {
        FOREVER
    } else {
        ASK_AGAIN
    };
    let (plain, gzip) = (Bytes::from_static(file.plain), file.gzip);
    let gzip = gzip.map(Bytes::from_static);
    let kind = content_type(file.name);
    Document::with_forms(kind, file.tag.to_owned(), plain, gzip).respond(headers, cache)
}

fn content_type(name: &str) -> &'static str {
    match name.rsplit_once('.').map_or("", |(_, extension)| extension) {
        "html" => "text/html; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "webmanifest" => "application/manifest+json",
        "txt" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

fn not_built() -> Response {
    let headers = [
        (CONTENT_TYPE, content_type(INDEX)),
        (CACHE_CONTROL, "no-store"),
    ];
    (StatusCode::NOT_FOUND, headers, NOT_BUILT).into_response()
}

/// Whether a browser goes to this address, as against a program that reads JSON.
pub(super) fn is_navigation(headers: &HeaderMap) -> bool {
    let accepts = |types: &[&str]| accept::quality(headers, &http::header::ACCEPT, types);
    accepts(&["text/html", "text/*", "*/*"])
        > accepts(&["application/json", "application/*", "*/*"])
}

/// Where a browser that opened the gateway is sent.
pub(super) fn to_console() -> Response {
    let headers = [
        (CACHE_CONTROL, "no-store"),
        (http::header::LOCATION, APP_FOLDER),
    ];
    (StatusCode::SEE_OTHER, headers).into_response()
}
