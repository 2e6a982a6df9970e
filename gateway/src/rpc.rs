//! RPCs: `/package.Service/Method`, in the protocol that the headers of the request name.

use axum::{
    extract::{Request, State},
    response::Response,
};
use http::Method;

use crate::{
    grpc_web::{self, Formats},
    not_a_call::{method_not_allowed, not_found, unsupported_media_type},
    routes::Service,
    state::GatewayState,
};

/// Answers a call.
pub(crate) async fn call(State(state): State<GatewayState>, request: Request) -> Response {
    let Some(service) = Service::of(request.uri().path()) else {
        return not_found().await;
    };
    if request.method() != Method::POST {
        return method_not_allowed();
    }
    match Formats::from_headers(request.headers()) {
        Some(formats) => grpc_web::call(&state, service, request, formats).await,
        None => unsupported_media_type(),
    }
}
