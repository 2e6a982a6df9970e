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
mod format;
mod request;
mod response;
mod text;

use api::grpc_timeout;
use axum::{body::Body, extract::Request, response::Response};
use contract::reason::Reason;
use tonic::Status;

pub(crate) use self::format::Formats;
use crate::{
    calls::{self, Answer, Call, Message},
    monitoring::request_id,
    routes::Service,
    state::GatewayState,
};

/// A call in one of the formats of gRPC-web.
pub(crate) async fn call(
    state: &GatewayState,
    service: Service,
    request: Request,
    formats: Formats,
) -> Response {
    let (parts, body) = request.into_parts();
    let refused = |status: &Status| response::refused(status, formats.response);
    let gzip = compression::is_gzip(&parts.headers);
    let asked = match grpc_timeout::from_headers(&parts.headers) {
        Ok(asked) => asked,
        Err(error) => {
            let id = request_id(&parts.headers);
            return refused(&calls::status_of_error(&error, id));
        }
    };
    let call = match Call::begin(state, service, parts, asked) {
        Ok(call) => call,
        Err(status) => return refused(&status),
    };
    let receive_by = call.receive_by();
    let mut response = match forward(call, gzip, body, formats).await {
        Ok(answer) => response::translate(answer, formats.response),
        Err(status) => refused(&status),
    };
    response.extensions_mut().insert(receive_by);
    response
}

async fn forward(
    call: Call,
    gzip: Result<bool, Reason>,
    body: Body,
    formats: Formats,
) -> Result<Answer, Status> {
    let gzip = match gzip {
        Ok(gzip) => gzip,
        Err(reason) => return Err(call.refuse(reason)),
    };
    let read = |limit, share| request::read(body, formats.request, limit, share);
    call.forward(read, |_, frame| Ok(Message::from_frame(frame, gzip)?))
        .await
}
