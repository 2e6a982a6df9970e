//! `GET /.well-known/jwks.json`: the keys that verify access tokens, as a JWK Set (RFC 7517, RFC 8037).

use std::time::Duration;

use api::request_id::X_REQUEST_ID;
use axum::{extract::State, response::Response};
use contract::{
    proto::auth::{GetJsonWebKeySetRequest, GetJsonWebKeySetResponse, JsonWebKey},
    reason::Reason,
};
use http::{StatusCode, request::Parts};
use serde::Serialize;
use tonic::Status;

use super::{public_document, refused, retry};
use crate::{
    calls::{self, Exchange},
    routes,
    state::GatewayState,
};

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

/// What the auth service publishes about its tokens.
pub(super) struct Published {
    pub(super) issuer: String,
    pub(super) max_age: Duration,
    keys: Vec<Key>,
}

/// `Cache-Control` lets clients and proxies cache the answer as long as the auth service allows.
pub(crate) async fn jwks(State(state): State<GatewayState>, client: Parts) -> Response {
    match published(&state, &client).await {
        Ok(Published { keys, max_age, .. }) => {
            public_document::respond(&client.headers, max_age, &KeySet { keys })
        }
        Err(refusal) => refusal,
    }
}

/// Calls the auth service for each request. Of the client, only its address and the id of its request are passed on: the keys are for
/// everybody.
pub(super) async fn published(state: &GatewayState, client: &Parts) -> Result<Published, Response> {
    let exchange = Exchange::new(state);
    let mut client = client.clone();
    let id = client.headers.remove(X_REQUEST_ID);
    client.headers = id.map(|id| (X_REQUEST_ID, id)).into_iter().collect();
    let request = GetJsonWebKeySetRequest {};
    let answer = calls::unary(state, &exchange, routes::GET_KEYS, &client, &request).await;
    let answer: GetJsonWebKeySetResponse = answer.map_err(|status| unavailable(&status))?;
    Ok(answer.into())
}

impl From<GetJsonWebKeySetResponse> for Published {
    fn from(answer: GetJsonWebKeySetResponse) -> Self {
        let GetJsonWebKeySetResponse {
            keys,
            max_age,
            issuer,
        } = answer;
        Self {
            issuer,
            max_age: max_age
                .and_then(|age| Duration::try_from(age).ok())
                .unwrap_or_default(),
            keys: keys.into_iter().map(Key::from).collect(),
        }
    }
}

/// The cause is logged for the operator; a client can only try again.
fn unavailable(status: &Status) -> Response {
    match calls::reason_of(status) {
        Some(reason @ (Reason::RateLimited | Reason::Overloaded)) => refused(reason),
        reason => {
            let cause = reason.map(Reason::as_str);
            tracing::warn!(cause, "cannot get the keys from the auth service");
            retry(
                StatusCode::SERVICE_UNAVAILABLE,
                "the keys are not available now",
            )
        }
    }
}
