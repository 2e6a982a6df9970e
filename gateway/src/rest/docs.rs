//! `/docs`: swagger-ui on the document, from files within this program, under a content security policy that allows no other host and
//! nothing inline.
//!
//! The layout with the bar on top has an inline style, so the base layout is used. Parameters of the page's address configure
//! nothing: they have let other sites show their own documents here.

use std::{
    borrow::Cow,
    collections::HashMap,
    io::{Cursor, Read},
    sync::LazyLock,
};

use axum::{
    body::Bytes,
    extract::Path,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, HeaderName, HeaderValue, header};
use utoipa_swagger_ui_vendored::SWAGGER_UI_VENDORED;
use zip::ZipArchive;

use super::problem::Problem;

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

static CONTENTS: LazyLock<HashMap<&str, Bytes>> = LazyLock::new(|| {
    let mut archive =
        ZipArchive::new(Cursor::new(SWAGGER_UI_VENDORED)).expect("the archive is whole");
    FILES
        .map(|(name, _)| (name, extract(&mut archive, name)))
        .into()
});

/// `GET /docs`.
pub(super) async fn page() -> Response {
    served("text/html; charset=utf-8", PAGE.into())
}

/// `GET /docs/{file}`.
pub(super) async fn file(Path(name): Path<String>) -> Response {
    if name == "start.js" {
        return served("text/javascript; charset=utf-8", START.into());
    }
    match FILES.iter().find(|(known, _)| *known == name) {
        Some((name, kind)) => served(kind, CONTENTS[name].clone()),
        None => Problem::nothing_here().into_response(),
    }
}

fn served(kind: &'static str, body: Bytes) -> Response {
    let headers: [(HeaderName, HeaderValue); 5] = [
        (header::CONTENT_TYPE, HeaderValue::from_static(kind)),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-cache")),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, NO_SNIFF),
        (header::REFERRER_POLICY, NO_REFERRER),
    ];
    (HeaderMap::from_iter(headers), body).into_response()
}

fn extract(archive: &mut ZipArchive<Cursor<&[u8]>>, name: &str) -> Bytes {
    let end = format!("/dist/{name}");
    let path = archive
        .file_names()
        .filter_map(Result::ok)
        .find(|path| path.ends_with(&end))
        .map(Cow::into_owned)
        .expect("swagger-ui has this file");
    let mut file = archive.by_name(&path).expect("the archive has this file");
    let mut contents = Vec::new();
    file.read_to_end(&mut contents)
        .expect("the file is whole: it is a part of this program");
    contents.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_is_in_the_archive() {
        for (name, _) in FILES {
            assert!(!CONTENTS[name].is_empty(), "{name}");
            assert!(PAGE.contains(name), "{name}");
        }
    }
}
