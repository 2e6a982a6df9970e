//! The refusal of a wrong `Host`, in the form of the call.

use axum::{extract::Request, response::Response};
use http::header::CONNECTION;

use super::{
    codec::Format,
    error::{self, RequestError},
    stream,
};
use crate::{calls, monitoring::request_id, routes::Service, state::GatewayState};

/// The refusal of a request in the form of its protocol: a client of Connect would else see an error of its own making.
pub(crate) fn host_refusal(state: &GatewayState, request: &Request, refusal: Response) -> Response {
    let format = Format::from_headers(request.headers());
    let Some(format) = format.filter(|_| Service::of(request.uri().path()).is_some()) else {
        return refusal;
    };
    let error = RequestError::malformed("host", "must be one valid host");
    let status = calls::status_of_error(&error, request_id(request.headers()));
    let pool = state.catalog.pool();
    let mut response = if format.streaming {
        stream::refused(&status, format, pool)
    } else {
        error::refusal(&status, pool)
    };
    if let Some(close) = refusal.headers().get(CONNECTION) {
        response.headers_mut().insert(CONNECTION, close.clone());
    }
    response
}
