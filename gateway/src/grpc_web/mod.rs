//! gRPC-web to gRPC and back (grpc/grpc, doc/PROTOCOL-WEB.md), without decoding a message.
//!
//! Written here rather than taken from tonic-web, because browsers meet what that leaves out:
//! - parameters of a content type are tolerated, and the answer has the request's format unless `Accept` names another;
//! - base64 may be padded in mid-stream, as the specification allows;
//! - the trailers frame is in the body of **every** answer, also of one that has no message, where gRPC puts the status in the
//!   headers. Those headers are kept too, for clients that look there first. So a page sees the whole error, details
//!   included, whether or not CORS exposes headers to it. The frame is never empty: some clients take an empty one for
//!   success;
//! - 404, 405 and 415 say what is wrong with a request that is not a call; body size, body time and call time are bounded.

mod headers;
mod media;
mod request;
mod response;
mod text;

use std::{sync::Arc, time::Duration};

use axum::{
    Json,
    extract::{Request, State},
    response::{IntoResponse, Response},
};
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use tower::ServiceExt;

use shared::reason::Reason;

use crate::{
    app::Gateway, deadline::Deadline, guarded::guarded, refusal::trailers, request_id,
    traced::Onwards, upstream::Upstream,
};
use media::Media;

/// A call: `POST /package.Service/Method`.
pub(crate) async fn call(State(gateway): State<Gateway>, mut request: Request) -> Response {
    let Some(channel) = gateway.upstreams.of(request.uri().path()) else {
        return not_found().await;
    };
    if request.method() != Method::POST {
        return method_not_allowed();
    }
    let Some(media) = Media::of(request.headers()) else {
        return unsupported_media_type();
    };
    let id = request_id::of(request.headers()).to_owned();
    let Ok(place) = Arc::clone(&gateway.admission).try_acquire_owned() else {
        let refusal = trailers(Reason::Overloaded, &id);
        return response::trailers_only(&HeaderMap::new(), refusal, media.response);
    };
    let streaming = gateway.contract.is_streaming(request.uri().path());
    let deadline = Deadline::from_headers(request.headers(), gateway.config.deadline, streaming);
    let limits = Limits {
        deadline,
        body_timeout: gateway.config.body_timeout,
        message: gateway.config.request_limit,
    };
    let path = request.uri().path().to_owned();
    let onwards = Onwards::begin(&gateway.contract, gateway.service_of(&path), &mut request);
    let answer = match forward(channel.clone(), request, media, limits).await {
        Ok(answer) => response::translate(answer, media.response, deadline, id, onwards),
        Err(refusal) => {
            if refusal == Reason::UpstreamUnavailable {
                gateway.meter.upstream_error(&path);
            }
            let trailers = trailers(refusal, &id);
            if let Some(onwards) = onwards {
                onwards.end(headers::status(&trailers));
            }
            response::trailers_only(&HeaderMap::new(), trailers, media.response)
        }
    };
    answer.map(|body| guarded(body, place))
}

/// What one call may take.
#[derive(Debug, Clone, Copy)]
struct Limits {
    deadline: Deadline,
    body_timeout: Duration,
    message: usize,
}

/// Sends the call on and waits for the headers of the answer. If the client goes away this future is dropped, and with it
/// the call to the service.
async fn forward(
    channel: Upstream,
    request: Request,
    media: Media,
    limits: Limits,
) -> Result<http::Response<tonic::body::Body>, Reason> {
    let (parts, body) = request.into_parts();
    let body = tokio::time::timeout(
        limits.body_timeout,
        request::read(body, media.request, limits.message),
    );
    let message = tokio::time::timeout_at(limits.deadline.begin_by, body)
        .await
        .map_err(too_late)?
        .map_err(too_late)??;
    let call = headers::call(&parts, message, limits.deadline);
    let answer = tokio::time::timeout_at(limits.deadline.begin_by, channel.oneshot(call))
        .await
        .map_err(too_late)?
        .map_err(|error| response::lost(&*error))?;
    if headers::is_grpc(&answer) {
        Ok(answer)
    } else {
        Err(Reason::UpstreamUnavailable)
    }
}

fn too_late(_: tokio::time::error::Elapsed) -> Reason {
    Reason::DeadlineExceeded
}

/// Nothing is at this path.
pub(crate) async fn not_found() -> Response {
    problem(StatusCode::NOT_FOUND, "nothing is served at this path")
}

fn method_not_allowed() -> Response {
    let mut response = problem(StatusCode::METHOD_NOT_ALLOWED, "RPCs are called by POST");
    response
        .headers_mut()
        .insert(header::ALLOW, HeaderValue::from_static("POST"));
    response
}

fn unsupported_media_type() -> Response {
    let accepted = HeaderValue::from_static(
        "application/grpc-web, application/grpc-web+proto, application/grpc-web-text, application/grpc-web-text+proto",
    );
    let mut response = problem(
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        "RPCs take application/grpc-web or application/grpc-web-text",
    );
    response.headers_mut().insert("accept-post", accepted);
    response
}

fn problem(status: StatusCode, text: &str) -> Response {
    (status, Json(serde_json::json!({ "error": text }))).into_response()
}
