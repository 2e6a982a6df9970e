//! `/docs`: swagger-ui on the document, from files within this program, under a content security policy that allows no other host and
//! nothing inline.
//!
//! The layout with the bar on top has an inline style, so the base layout is used. Parameters of the page's address configure
//! nothing: they have let other sites show their own documents here.

use std::{
    collections::HashMap,
    io::{Cursor, Read},
    sync::LazyLock,
};

use axum::{
    body::Bytes,
    extract::{Path, rejection::PathRejection},
    response::{IntoResponse, Response},
};
use contract::reason::Reason;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use utoipa_swagger_ui_vendored::SWAGGER_UI_VENDORED;
use zip::{CompressionMethod, ZipArchive};

use super::problem::Problem;
use crate::{
    document::{ASK_AGAIN, Document},
    etag,
};

const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; \
     frame-ancestors 'none'; form-action 'none'",
);
const NO_SNIFF: HeaderValue = HeaderValue::from_static("nosniff");
const NO_REFERRER: HeaderValue = HeaderValue::from_static("no-referrer");

const PAGE: &str = include_str!("docs/index.html");
const START: &str = include_str!("docs/start.js");

/// Files of swagger-ui, with their types.
const FILES: [(&str, &str); 3] = [
    ("swagger-ui.css", "text/css; charset=utf-8"),
    ("swagger-ui-bundle.js", "text/javascript; charset=utf-8"),
    ("favicon-32x32.png", "image/png"),
];

/// Every file at `/docs/…`, and the page at `/docs` with an empty name.
static CONTENTS: LazyLock<HashMap<&str, Document>> = LazyLock::new(|| {
    let mut archive =
        ZipArchive::new(Cursor::new(SWAGGER_UI_VENDORED)).expect("the archive is whole");
    let own = [
        ("", "text/html; charset=utf-8", PAGE),
        ("start.js", "text/javascript; charset=utf-8", START),
    ];
    let own = own.map(|(name, kind, text)| (name, Document::new(kind, text.into())));
    let vendored = FILES.map(|(name, kind)| (name, extract(&mut archive, name, kind)));
    own.into_iter().chain(vendored).collect()
});

/// `GET /docs`.
pub(super) async fn page(headers: HeaderMap) -> Response {
    served("", &headers)
}

/// `GET /docs/…`.
pub(super) async fn file(
    name: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
) -> Response {
    match name {
        Ok(Path(name)) => served(&name, &headers),
        Err(_not_utf8) => {
            let text = "There was an error parsing the path";
            let problem = Problem::new(StatusCode::BAD_REQUEST, text);
            problem.because_of(Reason::RequestMalformed).into_response()
        }
    }
}

fn served(name: &str, headers: &HeaderMap) -> Response {
    let Some(document) = CONTENTS.get(name) else {
        return Problem::nothing_here().into_response();
    };
    let mut response = document.respond(headers, ASK_AGAIN);
    let protection: [(HeaderName, HeaderValue); 3] = [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, NO_SNIFF),
        (header::REFERRER_POLICY, NO_REFERRER),
    ];
    response.headers_mut().extend(protection);
    response
}

/// The file of this name. The archive has it compressed with deflate, so its gzip form (RFC 1952) needs only a head and an end.
fn extract(archive: &mut ZipArchive<Cursor<&[u8]>>, name: &str, kind: &'static str) -> Document {
    let end = format!("/dist/{name}");
    let number = (0..archive.len())
        .find(|number| {
            archive
                .name_for_index(*number)
                .is_some_and(|path| path.is_ok_and(|path| path.ends_with(&end)))
        })
        .expect("swagger-ui has this file");
    let mut file = archive.by_index(number).expect("the archive has the file");
    let (is_deflated, checksum) = (
        file.compression() == CompressionMethod::Deflated,
        file.crc32(),
    );
    let plain = read(&mut file);
    drop(file);
    let raw = archive
        .by_index_raw(number)
        .expect("the archive has the file");
    let gzip = is_deflated.then(|| gzip_of(&read(raw), checksum, plain.len()));
    Document::with_forms(kind, etag::of(&plain), plain.into(), gzip)
}

fn gzip_of(deflated: &[u8], checksum: u32, length: usize) -> Bytes {
    // Deflate; no flags and no time; the slowest compression; an unknown system.
    const HEAD: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 2, 0xff];
    let length = u32::try_from(length).expect("the files are small");
    [
        &HEAD,
        deflated,
        &checksum.to_le_bytes(),
        &length.to_le_bytes(),
    ]
    .concat()
    .into()
}

fn read(mut file: impl Read) -> Vec<u8> {
    let mut contents = Vec::new();
    file.read_to_end(&mut contents)
        .expect("the file is whole: it is a part of this program");
    contents
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_needs_exactly_these_files() {
        for (name, _) in FILES {
            assert!(CONTENTS.contains_key(name), "{name}");
            assert!(PAGE.contains(name), "{name}");
        }
    }
}
