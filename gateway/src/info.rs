//! `GET /`: what this is, for whoever finds the port.

use std::sync::Arc;

use axum::{Json, extract::State};
use serde_json::{Value, json};

use crate::contract::Contract;

pub(crate) async fn show(State(contract): State<Arc<Contract>>) -> Json<Value> {
    Json(json!({
        "name": "tandem",
        "version": env!("CARGO_PKG_VERSION"),
        "services": contract.services(),
    }))
}
