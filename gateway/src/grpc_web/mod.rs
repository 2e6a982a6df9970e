//! gRPC-web to gRPC and back (grpc/grpc, doc/PROTOCOL-WEB.md), without decoding a message.
//!
//! tonic-web is not used, because browsers need what it leaves out:
//! - parameters of a content type are accepted, and the answer has the request's format unless `Accept` prefers another;
//! - base64 may be padded in mid-stream, as the specification allows;
//! - the trailers frame is in the body of **every** answer, also of one without a message, where gRPC puts the status into the
//!   headers. Those headers are kept too, for clients that look there first. So a page sees the whole error, details
//!   included, whether or not CORS exposes headers to it. The frame is never empty: some clients take an empty one for
//!   success;
//! - 404, 405 and 415 say why a request is not a call; body size, body time and call time are bounded.

mod accept;
mod compression;
mod deadline;
mod format;
mod headers;
mod message_boundary;
mod not_a_call;
mod refusal;
mod request;
mod response;
mod text;

use std::time::Duration;

use api::grpc_timeout::TimeoutError;
use axum::{
    body::{Body, Bytes},
    extract::{Request, State},
    response::Response,
};
use contract::reason::Reason;
use http::{HeaderMap, Method};
use serving::shares::{CallShare, Principal};
use tower::ServiceExt as _;

pub(crate) use self::not_a_call::not_found;
use self::{
    deadline::Deadline,
    format::Formats,
    not_a_call::{method_not_allowed, unsupported_media_type},
};
use crate::{
    client_address::ClientAddress,
    monitoring::{LossCounter, UpstreamSpan, request_id},
    routes::{self, Service},
    state::GatewayState,
    upstream::Upstream,
};

/// A call: `POST /package.Service/Method`.
pub(crate) async fn call(State(state): State<GatewayState>, request: Request) -> Response {
    let Some(service) = Service::of(request.uri().path()) else {
        return not_found().await;
    };
    if request.method() != Method::POST {
        return method_not_allowed();
    }
    let Some(formats) = Formats::from_headers(request.headers()) else {
        return unsupported_media_type();
    };
    let id = request_id(request.headers()).to_owned();
    let refused = |trailers| response::trailers_only(&HeaderMap::new(), trailers, formats.response);
    if !state.offers(routes::service_name(request.uri().path())) {
        return refused(refusal::trailers(Reason::MethodUnknown, &id));
    }
    match Limits::of(&state, &request) {
        Ok(limits) => {
            let mut answer = answer(&state, service, request, formats, limits, id).await;
            let receive_by = limits.deadline.receive_by(state.config.calls.answer_grace);
            answer.extensions_mut().insert(receive_by);
            answer
        }
        Err(error) => refused(refusal::trailers_of_error(&error, &id)),
    }
}

/// The limits of one call.
#[derive(Debug, Clone, Copy)]
struct Limits {
    deadline: Deadline,
    body_timeout: Duration,
    message: usize,
    principal: Principal,
}

impl Limits {
    /// Those of a call that arrives now.
    fn of(state: &GatewayState, request: &Request) -> Result<Self, TimeoutError> {
        let calls = &state.config.calls;
        let streaming = state.catalog.is_streaming(request.uri().path());
        let client = request.extensions().get().copied();
        Ok(Self {
            deadline: Deadline::from_headers(request.headers(), calls.deadline, streaming)?,
            body_timeout: calls.body_timeout,
            message: calls.request_limit,
            principal: Principal::of_address(client.map(ClientAddress::ip)),
        })
    }
}

/// The answer of the service, or the gateway's own refusal if there is none.
async fn answer(
    state: &GatewayState,
    service: Service,
    mut request: Request,
    formats: Formats,
    limits: Limits,
    id: String,
) -> Response {
    let upstream = state.upstreams.get(service);
    let span = UpstreamSpan::start(&state.catalog, upstream.server(), &mut request);
    let losses = LossCounter::new(&state.metrics, service);
    match forward(state, upstream.clone(), request, formats, limits).await {
        Ok((answer, place)) => {
            let format = formats.response;
            let answer = response::translate(answer, format, limits.deadline, id, span, losses);
            answer.map(|body| Body::new(place.hold(body, None)))
        }
        Err(reason) => {
            losses.count(reason);
            let trailers = refusal::trailers(reason, &id);
            if let Some(span) = span {
                span.end(headers::status(&trailers));
            }
            response::trailers_only(&HeaderMap::new(), trailers, formats.response)
        }
    }
}

/// Receives the message, takes a place among the calls in flight, sends the call to the service and waits for the headers of the
/// answer. If the client goes away, this future is dropped, and with it the call to the service.
async fn forward(
    state: &GatewayState,
    upstream: Upstream,
    request: Request,
    formats: Formats,
    limits: Limits,
) -> Result<(http::Response<tonic::body::Body>, CallShare), Reason> {
    let (parts, body) = request.into_parts();
    let gzip = compression::is_gzip(&parts.headers)?;
    let message = receive(state, body, formats, limits).await?;
    compression::check(&message, gzip)?;
    let place = state.places.take(limits.principal)?;
    let call = headers::call(&parts, message, limits.deadline);
    let answer = tokio::time::timeout_at(limits.deadline.begin_by, upstream.oneshot(call))
        .await
        .map_err(too_late)?
        .map_err(|error| response::failure_reason(&*error))?;
    if headers::is_grpc(&answer) {
        Ok((answer, place))
    } else {
        Err(Reason::UpstreamUnavailable)
    }
}

/// The message of a request, within the time that its body may take and the deadline of the call.
async fn receive(
    state: &GatewayState,
    body: Body,
    formats: Formats,
    limits: Limits,
) -> Result<Bytes, Reason> {
    let bytes = state.arriving.bytes(limits.principal);
    let body = request::read(body, formats.request, limits.message, bytes);
    let body = tokio::time::timeout(limits.body_timeout, body);
    let message = tokio::time::timeout_at(limits.deadline.begin_by, body);
    let received = async { message.await.map_err(too_late)?.map_err(too_late)? };
    state.arriving.receive(limits.principal, received).await
}

fn too_late(_: tokio::time::error::Elapsed) -> Reason {
    Reason::DeadlineExceeded
}
