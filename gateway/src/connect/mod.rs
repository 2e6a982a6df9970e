//! The Connect protocol (connectrpc.com, "Connect Protocol Reference"), unary and server streaming, so that every RPC is one `curl`
//! with JSON.
//!
//! A unary call is a POST whose body is the message, or a GET if the RPC has no side effects. Its answer is the message, or an error
//! as JSON with the HTTP status of its code. A stream has frames, the last of which says how it ended. [`crate::json`] converts
//! messages; nothing here knows what they mean.

mod cache;
mod codec;
mod error;
mod get;
mod headers;
mod host;
pub(crate) mod openapi;
mod stream;
mod unary;

use axum::{extract::Request, response::Response};
use contract::{reason::Reason, refusal::refuse_request};
use http::{StatusCode, request::Parts};
use tonic::Status;

use self::error::RequestError;
pub(crate) use self::{
    codec::Format, get::call as get, host::host_refusal, stream::call as stream,
    unary::call as unary,
};
use crate::{calls, monitoring::request_id, rpc_catalog::Rpc, state::GatewayState};

/// Where a call goes.
#[derive(Clone, Copy)]
pub(crate) struct Target<'a> {
    pub(crate) state: &'a GatewayState,
    pub(crate) service: crate::routes::Service,
    pub(crate) rpc: &'a Rpc,
}

/// The answer for a path of no RPC. Clients that read no body take 404 for the same code.
pub(crate) fn unknown_rpc(state: &GatewayState, request: &Request) -> Response {
    let status = refuse_request(Reason::MethodUnknown, request_id(request.headers()));
    not_found(&status, state)
}

fn not_found(status: &Status, state: &GatewayState) -> Response {
    error::refusal_with(StatusCode::NOT_FOUND, status, state.catalog.pool())
}

/// The status for a request that is not as the protocol says.
fn status_of(error: &RequestError, parts: &Parts) -> Status {
    calls::status_of_error(error, request_id(&parts.headers))
}
