//! RPCs: `/package.Service/Method`, in the protocol that the method and the headers of the request name.

use axum::{
    extract::{Request, State},
    response::Response,
};
use http::Method;

use crate::{
    connect::{self, Target},
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
    let rpc = state.catalog.find(request.uri().path());
    let by_get = rpc.is_some_and(|rpc| rpc.no_side_effects && !rpc.streaming);
    let get = by_get && request.method() == Method::GET;
    if !get && request.method() != Method::POST {
        return method_not_allowed(by_get);
    }
    let formats = Formats::from_headers(request.headers());
    if let (false, Some(formats)) = (get, formats) {
        return grpc_web::call(&state, service, request, formats).await;
    }
    let format = connect::Format::from_headers(request.headers());
    let Some(rpc) = rpc else {
        return match format {
            Some(_) => connect::unknown_rpc(&state, &request),
            None => unsupported_media_type(),
        };
    };
    let target = Target {
        state: &state,
        service,
        rpc,
    };
    match format {
        _ if get => connect::get(target, request).await,
        Some(format) if format.streaming != rpc.streaming => unsupported_media_type(),
        Some(format) if format.streaming => connect::stream(target, request, format).await,
        Some(format) => connect::unary(target, request, format).await,
        None => unsupported_media_type(),
    }
}
