//! Requests that are not gRPC (grpc/grpc, doc/PROTOCOL-HTTP2.md). They get an HTTP status, because their clients do not read that
//! of gRPC. They take no place among the calls in flight and are not counted as calls.

use http::{HeaderMap, HeaderValue, Method, Response, StatusCode, header, request::Parts};
use tonic::body::Body;

/// What a native port accepts, for the answer to something else.
const ACCEPTED: &str = "application/grpc, application/grpc+proto";

/// The answer to a request that is not gRPC: 415 for its content type, 405 for its method. `None` if it is gRPC.
pub(crate) fn refuse_other(request: &Parts) -> Option<Response<Body>> {
    let (status, header, value) = if !is_grpc(&request.headers) {
        (StatusCode::UNSUPPORTED_MEDIA_TYPE, "accept-post", ACCEPTED)
    } else if request.method != Method::POST {
        (StatusCode::METHOD_NOT_ALLOWED, "allow", "POST")
    } else {
        return None;
    };
    tracing::debug!(path = request.uri.path(), %status, "not gRPC");
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    let value = HeaderValue::from_static(value);
    response.headers_mut().insert(header, value);
    Some(response)
}

/// Whether there is one content type, and it is `application/grpc`, with or without a suffix for the encoding of messages, such
/// as `+proto`. gRPC-web is another type: its frames have another meaning.
fn is_grpc(headers: &HeaderMap) -> bool {
    let mut values = headers.get_all(header::CONTENT_TYPE).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return false;
    };
    let essence = value.as_bytes().split(|byte| *byte == b';').next();
    let essence = essence.unwrap_or_default().trim_ascii();
    let essence = essence.to_ascii_lowercase();
    match essence.strip_prefix(b"application/grpc") {
        Some([]) => true,
        Some([b'+', suffix @ ..]) => !suffix.is_empty() && suffix.iter().copied().all(is_token),
        _ => false,
    }
}

/// A character of a token (RFC 9110, section 5.6.2).
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}
