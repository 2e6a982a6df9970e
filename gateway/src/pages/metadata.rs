//! `GET /.well-known/oauth-authorization-server`: the metadata of the issuer of access tokens (RFC 8414), if the issuer is a URL.
//!
//! The auth service says who the issuer is. So there is no second setting, which could differ from what tokens say.

use axum::{
    extract::State,
    response::{IntoResponse as _, Response},
};
use http::{HeaderValue, StatusCode, header::CACHE_CONTROL, request::Parts};
use serde::Serialize;

use super::{
    issuer::IssuerUrl,
    jwks::{self, Published},
    public_document,
};
use crate::state::GatewayState;

/// Only what is true: Tandem has no endpoint of OAuth, so there is no grant and no type of response. Both lists are there although they
/// are empty: the first is required, and without the second the RFC's default would be two grants.
#[derive(Serialize)]
struct Metadata<'a> {
    issuer: &'a str,
    jwks_uri: String,
    response_types_supported: [&'static str; 0],
    grant_types_supported: [&'static str; 0],
}

/// The answer is 404 at the path of another issuer, and if the issuer is not a URL.
pub(crate) async fn metadata(State(state): State<GatewayState>, client: Parts) -> Response {
    let published = match jwks::published(&state, &client).await {
        Ok(published) => published,
        Err(refusal) => return refusal,
    };
    let Published {
        issuer, max_age, ..
    } = published;
    match IssuerUrl::parse(&issuer) {
        Some(issuer) if issuer.metadata_path() == client.uri.path() => {
            let metadata = Metadata {
                issuer: issuer.as_str(),
                jwks_uri: issuer.jwks_uri(),
                response_types_supported: [],
                grant_types_supported: [],
            };
            public_document::respond(&client.headers, max_age, &metadata)
        }
        Some(_other) => not_found("the issuer is not the one of this path"),
        None => not_found("the issuer is not a URL: auth.issuer says which it is"),
    }
}

fn not_found(why: &str) -> Response {
    let no_store = [(CACHE_CONTROL, HeaderValue::from_static("no-store"))];
    let body = axum::Json(serde_json::json!({ "error": why }));
    (StatusCode::NOT_FOUND, no_store, body).into_response()
}
