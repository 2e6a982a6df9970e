//! The refusal of a wrong `Host`, in the form of the call.

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::Response,
};
use http::{StatusCode, header::CONNECTION};

use super::{
    codec::Format,
    error::{self, RequestError},
    stream,
};
use crate::{
    calls,
    monitoring::{GrpcStatus, request_id},
    routes::Service,
    state::GatewayState,
};

/// A middleware around the check of `Host`. Without it, a client of Connect would see an error of its own making.
pub(crate) async fn refuse_as_error(
    State(state): State<GatewayState>,
    request: Request,
    next: Next,
) -> Response {
    let is_call = Service::of(request.uri().path()).is_some();
    let format = Format::from_headers(request.headers()).filter(|_| is_call);
    let id = request_id(request.headers()).to_owned();
    let refused = next.run(request).await;
    let is_page = refused.status() == StatusCode::BAD_REQUEST
        && refused.extensions().get::<GrpcStatus>().is_none();
    let (true, Some(format)) = (is_page, format) else {
        return refused;
    };
    let error = RequestError::malformed("host", "must be one valid host");
    let status = calls::status_of_error(&error, &id);
    let pool = state.catalog.pool();
    let mut response = if format.streaming {
        stream::refused(&status, format, pool)
    } else {
        error::refusal(&status, pool)
    };
    if let Some(close) = refused.headers().get(CONNECTION) {
        response.headers_mut().insert(CONNECTION, close.clone());
    }
    response
}
