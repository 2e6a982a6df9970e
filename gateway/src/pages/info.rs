//! `GET /`: name, version and services. A browser that a person points at it is sent to the console.

use axum::{
    Json,
    extract::State,
    response::{IntoResponse as _, Response},
};
use http::{HeaderMap, HeaderValue, header::VARY};
use serde_json::json;

use super::console::{is_navigation, to_console};
use crate::state::GatewayState;

pub(crate) async fn info(State(state): State<GatewayState>, headers: HeaderMap) -> Response {
    let mut response = if is_navigation(&headers) {
        to_console()
    } else {
        description(&state)
    };
    let vary = HeaderValue::from_static("accept");
    response.headers_mut().append(VARY, vary);
    response
}

fn description(state: &GatewayState) -> Response {
    let services = state.catalog.services().iter();
    let offered: Vec<_> = services.filter(|name| state.offers(name)).collect();
    Json(json!({
        "name": "tandem",
        "version": env!("CARGO_PKG_VERSION"),
        "services": offered,
    }))
    .into_response()
}
