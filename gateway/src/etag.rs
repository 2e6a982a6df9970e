//! Which version of a page a client has.

use aws_lc_rs::digest::{SHA256, digest};
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use http::{HeaderMap, header::IF_NONE_MATCH};

/// A tag for these contents, without quotes. Replicas have the same for the same contents.
pub(crate) fn of(contents: &[u8]) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(digest(&SHA256, contents))
}

/// Whether `if-none-match` names this `ETag`. The comparison is the weak one (RFC 9110, section 13.1.2).
pub(crate) fn is_held(request: &HeaderMap, etag: &str) -> bool {
    let values = request.get_all(IF_NONE_MATCH).iter();
    values
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .any(|held| held == "*" || held.strip_prefix("W/").unwrap_or(held) == etag)
}
