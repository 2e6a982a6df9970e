//! `GET /`: name, version and services, for anyone who opens the port in a browser.

use axum::{Json, extract::State};
use serde_json::{Value, json};

use crate::state::GatewayState;

pub(crate) async fn info(State(state): State<GatewayState>) -> Json<Value> {
    let services = state.catalog.services().iter();
    let offered: Vec<_> = services.filter(|name| state.offers(name)).collect();
    Json(json!({
        "name": "tandem",
        "version": env!("CARGO_PKG_VERSION"),
        "services": offered,
    }))
}
