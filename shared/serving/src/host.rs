//! A request over HTTP/1.1 has exactly one `Host`, and it is a host (RFC 9112, section 3.2). With none, two, or one that cannot
//! be read, a proxy in front may take it for a request to another site.

use axum::{
    Json,
    extract::Request,
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use http::{
    HeaderMap, HeaderValue, StatusCode, Version,
    header::{CONNECTION, HOST},
    uri::Authority,
};

/// [`refuse`] as a middleware.
pub async fn require_one(request: Request, next: Next) -> Response {
    match refuse(request.version(), request.headers()) {
        None => next.run(request).await,
        Some(refusal) => refusal,
    }
}

/// The answer 400 if `Host` is not as it must be; it closes the connection. HTTP/1.0 and HTTP/2 need no `Host`; one that they have
/// is checked too.
#[must_use]
pub fn refuse(version: Version, headers: &HeaderMap) -> Option<Response> {
    if is_acceptable(version, headers) {
        return None;
    }
    let mut response = (
        StatusCode::BAD_REQUEST,
        Json(serde_json::json!({ "error": "a request must have exactly one valid Host" })),
    )
        .into_response();
    // HTTP/2 has no such header.
    if version <= Version::HTTP_11 {
        let close = HeaderValue::from_static("close");
        response.headers_mut().insert(CONNECTION, close);
    }
    Some(response)
}

fn is_acceptable(version: Version, headers: &HeaderMap) -> bool {
    let mut hosts = headers.get_all(HOST).iter();
    match (hosts.next(), hosts.next()) {
        (None, _) => version != Version::HTTP_11,
        (Some(host), None) => is_host(host),
        (Some(_), Some(_)) => false,
    }
}

/// Whether this is a host with or without a port. An empty one names no site of http or https (RFC 9110, section 4.2.1).
fn is_host(value: &HeaderValue) -> bool {
    let Ok(authority) = Authority::try_from(value.as_bytes()) else {
        return false;
    };
    let text = authority.as_str();
    let port = text.strip_prefix(authority.host()).unwrap_or(text);
    let port_is_valid = match port.strip_prefix(':') {
        None => port.is_empty(),
        Some(digits) => {
            digits.bytes().all(|digit| digit.is_ascii_digit())
                && (digits.is_empty() || digits.parse::<u16>().is_ok())
        }
    };
    !authority.host().is_empty() && port_is_valid
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_a_name_or_an_address_with_or_without_a_port() {
        let is_host = |text: &'static str| is_host(&HeaderValue::from_static(text));
        for host in [
            "a",
            "tasks.example.com",
            "tasks.example.com:8080",
            "127.0.0.1:1",
            "[::1]",
            "[::1]:8080",
            "a:",
            "xn--bcher-kva.example",
        ] {
            assert!(is_host(host), "{host}");
        }
        for other in [
            "", ":80", "a b", "a, b", "a,b:x", "user@a", "http://a", "a/b", "a?b", "a#b", "a:port",
            "a:+1", "a:65536", "a:1:2", "[::1", "::1", "a\\b", "[::1]x",
        ] {
            assert!(!is_host(other), "{other}");
        }
    }
}
