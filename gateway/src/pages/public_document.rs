//! JSON that is the same for everybody: how long it may be cached, its `ETag`, and 304 for a client that has it (RFC 9110).

use std::time::Duration;

use axum::response::{IntoResponse, Response};
use http::{
    HeaderMap, StatusCode,
    header::{CACHE_CONTROL, CONTENT_TYPE, ETAG},
};
use serde::Serialize;

use crate::etag;

/// The answer to a request with these headers. Replicas answer with the same `ETag`, because it is made of the text.
pub(super) fn respond(
    request: &HeaderMap,
    max_age: Duration,
    document: &impl Serialize,
) -> Response {
    let text = serde_json::to_vec(document).expect("names and texts are JSON");
    let etag = format!("\"{}\"", etag::of(&text));
    let held = etag::is_held(request, &etag);
    let cache = format!("public, max-age={}", max_age.as_secs());
    let headers = [(CACHE_CONTROL, cache), (ETAG, etag)];
    if held {
        return (StatusCode::NOT_MODIFIED, headers).into_response();
    }
    let json = [(CONTENT_TYPE, "application/json")];
    (headers, json, text).into_response()
}
