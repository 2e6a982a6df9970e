//! `GET /.well-known/jwks.json`: the keys that verify access tokens, as a JWK Set (RFC 7517, RFC 8037).

use std::time::Duration;

use axum::{
    Extension, Json,
    extract::State,
    response::{IntoResponse, Response},
};
use contract::proto::auth::{
    GetJsonWebKeySetRequest, GetJsonWebKeySetResponse, JsonWebKey,
    auth_service_client::AuthServiceClient,
};
use contract::reason::Reason;
use http::{HeaderMap, HeaderValue, StatusCode, header::CACHE_CONTROL};
use serde::Serialize;
use serving::shares::CallKind;

use super::{principal, public_document, refused};
use crate::{
    client_address::ClientAddress, monitoring::LossCounter, routes::Service, state::GatewayState,
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
pub(crate) async fn jwks(
    State(state): State<GatewayState>,
    client: Option<Extension<ClientAddress>>,
    headers: HeaderMap,
) -> Response {
    match published(&state, client).await {
        Ok(Published { keys, max_age, .. }) => {
            public_document::respond(&headers, max_age, &KeySet { keys })
        }
        Err(refusal) => refusal,
    }
}

/// Calls the auth service for each request, within the bounds of every call: its place, the share of its client, the deadline.
pub(super) async fn published(
    state: &GatewayState,
    client: Option<Extension<ClientAddress>>,
) -> Result<Published, Response> {
    let _place = state
        .places
        .take(principal(client), CallKind(0))
        .map_err(refused)?;
    let deadline = state.config.calls.deadline;
    let mut request = tonic::Request::new(GetJsonWebKeySetRequest {});
    request.set_timeout(deadline);
    let mut client = AuthServiceClient::new(state.upstreams.auth.clone());
    let call = client.get_json_web_key_set(request);
    match tokio::time::timeout(deadline, call).await {
        Ok(Ok(answer)) => Ok(answer.into_inner().into()),
        Ok(Err(status)) => {
            // A refusal of the service has details; the loss of a connection has none.
            if status.details().is_empty() {
                LossCounter::new(&state.metrics, Service::Auth).count(Reason::UpstreamUnavailable);
            }
            Err(unavailable(&format!("{:?}", status.code())))
        }
        Err(_elapsed) => Err(unavailable("no answer in time")),
    }
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
fn unavailable(cause: &str) -> Response {
    tracing::warn!(cause, "cannot get the keys from the auth service");
    let headers = [
        (CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (http::header::RETRY_AFTER, HeaderValue::from_static("1")),
    ];
    let body = Json(serde_json::json!({ "error": "the keys are not available now" }));
    (StatusCode::SERVICE_UNAVAILABLE, headers, body).into_response()
}
