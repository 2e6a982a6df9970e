//! What caches may do with the answers to GET.

use std::time::Duration;

use axum::response::Response;
use contract::proto::auth::GetJsonWebKeySetResponse;
use http::{HeaderValue, header};
use prost::Message as _;

use crate::{routes, rpc_catalog::Rpc};

/// How long everybody may keep an answer. Among its extensions.
#[derive(Debug, Clone, Copy)]
pub(super) struct MaxAge(Duration);

impl MaxAge {
    /// Only the keys are the same for everybody, and they say how long they hold.
    pub(super) fn of(rpc: &Rpc, answer: &[u8]) -> Option<Self> {
        if rpc.path != routes::GET_KEYS {
            return None;
        }
        let keys = GetJsonWebKeySetResponse::decode(answer).ok()?;
        Some(Self(keys.max_age?.try_into().ok()?))
    }
}

/// Sets `Cache-Control`: an answer is for its client alone and is not kept, unless it says otherwise.
pub(super) fn mark(response: &mut Response) {
    let value = match response.extensions().get() {
        Some(MaxAge(age)) if response.status().is_success() => {
            HeaderValue::try_from(format!("public, max-age={}", age.as_secs()))
                .expect("a number is visible ASCII")
        }
        _ => HeaderValue::from_static("private, no-store"),
    };
    response.headers_mut().insert(header::CACHE_CONTROL, value);
}
