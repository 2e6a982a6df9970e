//! What the gateway answers by itself: the console for people, and as JSON name and services, health, the keys that verify tokens, and
//! the metadata of their issuer.

mod console;
mod health;
mod info;
mod issuer;
mod jwks;
mod metadata;
mod public_document;

use axum::{
    Extension, Json,
    response::{IntoResponse as _, Response},
};
use contract::reason::Reason;
use http::{
    HeaderValue, StatusCode,
    header::{CACHE_CONTROL, RETRY_AFTER},
};
use serving::shares::Principal;

use crate::client_address::ClientAddress;

pub(crate) use self::{
    console::{console, console_folder},
    health::health,
    info::info,
    jwks::jwks,
    metadata::metadata,
};

/// Whose share a request for a page takes.
fn principal(client: Option<Extension<ClientAddress>>) -> Principal {
    Principal::of_address(client.map(|Extension(client)| client.ip()))
}

/// The answer to a client that has its share already (429), or when all places are taken (503).
fn refused(reason: Reason) -> Response {
    let status = match reason {
        Reason::RateLimited => StatusCode::TOO_MANY_REQUESTS,
        _ => StatusCode::SERVICE_UNAVAILABLE,
    };
    let mut answer = retry(status, reason.description());
    answer.extensions_mut().insert(reason);
    answer
}

/// A refusal that may be over in a second.
fn retry(status: StatusCode, error: &str) -> Response {
    let headers = [
        (CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (RETRY_AFTER, HeaderValue::from_static("1")),
    ];
    let body = Json(serde_json::json!({ "error": error }));
    (status, headers, body).into_response()
}
