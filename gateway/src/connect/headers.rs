//! Headers of the Connect protocol.

use std::time::Duration;

use http::{HeaderMap, HeaderName};

use super::error::RequestError;
use crate::accept;

pub(super) const CONTENT_ENCODING: HeaderName = HeaderName::from_static("connect-content-encoding");
pub(super) const ACCEPT_ENCODING: HeaderName = HeaderName::from_static("connect-accept-encoding");
const PROTOCOL_VERSION: HeaderName = HeaderName::from_static("connect-protocol-version");
const TIMEOUT: HeaderName = HeaderName::from_static("connect-timeout-ms");

/// How long the client gives the call: a positive number of milliseconds in at most 10 digits.
pub(super) fn timeout(headers: &HeaderMap) -> Result<Option<Duration>, RequestError> {
    let malformed =
        || RequestError::malformed("connect-timeout-ms", "must be 1 to 10 digits, and not zero");
    let Some(value) = headers.get(TIMEOUT) else {
        return Ok(None);
    };
    let digits = value.to_str().unwrap_or_default();
    if !(1..=10).contains(&digits.len()) || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(malformed());
    }
    match digits.parse() {
        Ok(milliseconds @ 1..) => Ok(Some(Duration::from_millis(milliseconds))),
        _ => Err(malformed()),
    }
}

/// The version need not be named, so that a plain `curl` works.
pub(super) fn check_version(headers: &HeaderMap) -> Result<(), RequestError> {
    let mut versions = headers.get_all(PROTOCOL_VERSION).iter();
    if versions.all(|version| version == "1") {
        Ok(())
    } else {
        Err(RequestError::malformed(
            "connect-protocol-version",
            "must be 1",
        ))
    }
}

/// Whether the header `name` says that messages are compressed with gzip.
pub(super) fn is_gzip(headers: &HeaderMap, name: &HeaderName) -> Result<bool, RequestError> {
    let mut encodings = headers.get_all(name).iter();
    match (encodings.next(), encodings.next()) {
        (None, _) => Ok(false),
        (Some(one), None) => is_gzip_name(one.to_str().unwrap_or_default()),
        _ => Err(RequestError::Compression),
    }
}

/// Whether this name of a compression is gzip.
pub(super) fn is_gzip_name(name: &str) -> Result<bool, RequestError> {
    match name.trim().to_ascii_lowercase().as_str() {
        "gzip" => Ok(true),
        "identity" | "" => Ok(false),
        _ => Err(RequestError::Compression),
    }
}

/// Whether the client reads gzip. Without the header `name` it reads what it has sent. The list may have qualities.
pub(super) fn accepts_gzip(headers: &HeaderMap, name: &HeaderName, sent_gzip: bool) -> bool {
    if !headers.contains_key(name) {
        return sent_gzip;
    }
    accept::quality(headers, name, &["gzip"]) > 0
}

/// Adds headers or trailers of a service, with `prefix` before their names. Those of gRPC stay behind: Connect has its own.
pub(super) fn add_visible(headers: &mut HeaderMap, from: &HeaderMap, prefix: &str) {
    for (name, value) in from {
        if name.as_str().starts_with("grpc-") {
            continue;
        }
        let name = format!("{prefix}{name}");
        if let Ok(name) = HeaderName::try_from(name) {
            headers.append(name, value.clone());
        }
    }
}
