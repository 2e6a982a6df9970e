//! The answers to requests that are not calls. Those for a path of an RPC have no body, so that clients of Connect go by the HTTP
//! status (Connect protocol, "Unary-Response").

use axum::{
    Json,
    body::Body,
    response::{IntoResponse, Response},
};
use http::{HeaderName, HeaderValue, StatusCode, header::ALLOW};

const ACCEPT_POST: HeaderName = HeaderName::from_static("accept-post");
const CALL_FORMATS: HeaderValue = HeaderValue::from_static(
    "application/json, application/proto, application/connect+json, application/connect+proto, \
     application/grpc-web, application/grpc-web+proto, application/grpc-web-text, application/grpc-web-text+proto",
);

/// Nothing is at this path.
pub(crate) async fn not_found() -> Response {
    let body = Json(serde_json::json!({ "error": "nothing is served at this path" }));
    (StatusCode::NOT_FOUND, body).into_response()
}

/// RPCs are called by POST, and by GET if they have no side effects.
pub(crate) fn method_not_allowed(get: bool) -> Response {
    let allowed = if get { "GET, POST" } else { "POST" };
    let allowed = HeaderValue::from_static(allowed);
    empty(StatusCode::METHOD_NOT_ALLOWED, ALLOW, allowed)
}

/// The formats in which RPCs are called.
pub(crate) fn unsupported_media_type() -> Response {
    empty(
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        ACCEPT_POST,
        CALL_FORMATS,
    )
}

fn empty(status: StatusCode, name: HeaderName, value: HeaderValue) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response.headers_mut().insert(name, value);
    response
}
