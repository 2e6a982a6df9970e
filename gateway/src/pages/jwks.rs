//! `GET /.well-known/jwks.json`: the keys that verify access tokens, as a JWK Set (RFC 7517, RFC 8037).

use std::time::Duration;

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use contract::proto::auth::{
    GetJsonWebKeySetRequest, GetJsonWebKeySetResponse, JsonWebKey,
    auth_service_client::AuthServiceClient,
};
use http::{HeaderValue, StatusCode, header::CACHE_CONTROL};
use serde::Serialize;

use crate::state::GatewayState;

#[derive(Serialize)]
struct KeySet {
    keys: Vec<Key>,
}

#[derive(Serialize)]
struct Key {
    kty: String,
    crv: String,
    x: String,
    kid: String,
    alg: String,
    r#use: String,
}

impl From<JsonWebKey> for Key {
    fn from(key: JsonWebKey) -> Self {
        let JsonWebKey {
            kty,
            crv,
            x,
            kid,
            alg,
            r#use,
        } = key;
        Self {
            kty,
            crv,
            x,
            kid,
            alg,
            r#use,
        }
    }
}

/// Calls the auth service for each request; `Cache-Control` lets clients and proxies cache the answer as long as it allows.
pub(crate) async fn jwks(State(state): State<GatewayState>) -> Response {
    let mut client = AuthServiceClient::new(state.upstreams.auth);
    let call = client.get_json_web_key_set(GetJsonWebKeySetRequest {});
    match tokio::time::timeout(state.config.calls.deadline, call).await {
        Ok(Ok(answer)) => key_set(answer.into_inner()),
        Ok(Err(status)) => unavailable(&format!("{:?}", status.code())),
        Err(_elapsed) => unavailable("no answer in time"),
    }
}

fn key_set(answer: GetJsonWebKeySetResponse) -> Response {
    let GetJsonWebKeySetResponse { keys, max_age } = answer;
    let max_age = max_age
        .and_then(|age| Duration::try_from(age).ok())
        .unwrap_or_default();
    let cache = format!("public, max-age={}", max_age.as_secs());
    let keys = keys.into_iter().map(Key::from).collect();
    ([(CACHE_CONTROL, cache)], Json(KeySet { keys })).into_response()
}

/// The cause is logged for the operator; a client can only try again.
fn unavailable(cause: &str) -> Response {
    tracing::warn!(cause, "cannot get the keys from the auth service");
    let headers = [
        (CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (http::header::RETRY_AFTER, HeaderValue::from_static("1")),
    ];
    let body = Json(serde_json::json!({ "error": "the keys are not available now" }));
    (StatusCode::SERVICE_UNAVAILABLE, headers, body).into_response()
}
