//! Which version of a page a client has.

use http::{HeaderMap, header::IF_NONE_MATCH};

/// Whether `if-none-match` names this `ETag`. The comparison is the weak one (RFC 9110, section 13.1.2).
pub(crate) fn is_held(request: &HeaderMap, etag: &str) -> bool {
    let values = request.get_all(IF_NONE_MATCH).iter();
    values
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .any(|held| held == "*" || held.strip_prefix("W/").unwrap_or(held) == etag)
}
