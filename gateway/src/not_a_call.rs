//! The answers to requests that are not calls: an HTTP status and a JSON text that says why.

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use http::{HeaderValue, StatusCode, header};

/// Nothing is at this path.
pub(crate) async fn not_found() -> Response {
    problem(StatusCode::NOT_FOUND, "nothing is served at this path")
}

pub(crate) fn method_not_allowed() -> Response {
    let mut response = problem(StatusCode::METHOD_NOT_ALLOWED, "RPCs are called by POST");
    response
        .headers_mut()
        .insert(header::ALLOW, HeaderValue::from_static("POST"));
    response
}

pub(crate) fn unsupported_media_type() -> Response {
    let accepted = HeaderValue::from_static(
        "application/grpc-web, application/grpc-web+proto, application/grpc-web-text, application/grpc-web-text+proto",
    );
    let mut response = problem(
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        "RPCs accept application/grpc-web or application/grpc-web-text",
    );
    response.headers_mut().insert("accept-post", accepted);
    response
}

fn problem(status: StatusCode, text: &str) -> Response {
    (status, Json(serde_json::json!({ "error": text }))).into_response()
}
