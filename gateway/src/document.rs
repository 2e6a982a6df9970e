//! A document in two representations, plain and compressed (RFC 9110, sections 8.8.3 and 12.5.3).

use axum::{
    body::{Body, Bytes},
    response::{IntoResponse as _, Response},
};
use http::{
    HeaderMap, HeaderValue, StatusCode,
    header::{CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, ETAG, VARY},
};

use crate::{accept, calls::gzip, etag};

/// A browser keeps it, but asks each time whether it is still current.
pub(crate) const ASK_AGAIN: &str = "no-cache";

/// A document that stays the same as long as the gateway runs.
#[derive(Debug, Clone)]
pub(crate) struct Document {
    content_type: &'static str,
    /// The tag of its plain form, without quotes.
    tag: String,
    plain: Bytes,
    gzip: Option<Bytes>,
}

impl Document {
    /// A document that is compressed now, once.
    pub(crate) fn new(content_type: &'static str, plain: Bytes) -> Self {
        let gzip = (plain.len() > gzip::WORTH_COMPRESSING).then(|| gzip::compress_well(&plain));
        let tag = etag::of(&plain);
        Self::with_forms(content_type, tag, plain, gzip)
    }

    /// A document with its compressed form, if it has one. `tag` differs for other contents.
    pub(crate) fn with_forms(
        content_type: &'static str,
        tag: String,
        plain: Bytes,
        gzip: Option<Bytes>,
    ) -> Self {
        Self {
            content_type,
            tag,
            plain,
            gzip,
        }
    }

    /// The answer to a request with these headers: the form that it prefers, or 304 if it has that. `cache` is for `Cache-Control`.
    pub(crate) fn respond(&self, request: &HeaderMap, cache: &'static str) -> Response {
        let packed = self.gzip.clone().filter(|_| accept::gzip(request));
        // Two forms of one document are different representations, so they have different tags.
        let form = if packed.is_some() { "-gzip" } else { "" };
        let tag = format!("\"{}{form}\"", self.tag);
        let mut response = if etag::is_held(request, &tag) {
            StatusCode::NOT_MODIFIED.into_response()
        } else {
            self.contents(packed)
        };
        let headers = response.headers_mut();
        let tag = HeaderValue::try_from(tag).expect("a tag is visible ASCII");
        headers.insert(ETAG, tag);
        headers.insert(CACHE_CONTROL, HeaderValue::from_static(cache));
        headers.append(VARY, HeaderValue::from_static("accept-encoding"));
        response
    }

    fn contents(&self, packed: Option<Bytes>) -> Response {
        let is_packed = packed.is_some();
        let body = packed.unwrap_or_else(|| self.plain.clone());
        let mut response = Response::new(Body::from(body));
        let headers = response.headers_mut();
        let kind = HeaderValue::from_static(self.content_type);
        headers.insert(CONTENT_TYPE, kind);
        if is_packed {
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        response
    }
}
