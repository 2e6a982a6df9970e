//! `GET /`: name, version and services, for anyone who opens the port in a browser.

use std::sync::Arc;

use axum::{Json, extract::State};
use serde_json::{Value, json};

use crate::rpc_catalog::RpcCatalog;

pub(crate) async fn info(State(catalog): State<Arc<RpcCatalog>>) -> Json<Value> {
    Json(json!({
        "name": "tandem",
        "version": env!("CARGO_PKG_VERSION"),
        "services": catalog.services(),
    }))
}
