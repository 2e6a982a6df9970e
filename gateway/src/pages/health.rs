//! `GET /health`: 200 when both services report that they are ready; otherwise 503, with the state of each. Also 503 once the
//! gateway was asked to stop.

use std::time::Duration;

use axum::{
    Extension, Json,
    extract::State,
    response::{IntoResponse, Response},
};
use chrono::SecondsFormat;
use clock::{Clock as _, SystemClock};
use contract::proto::health::health_check_response::ServingStatus;
use http::{HeaderValue, header::CACHE_CONTROL};
use serde::Serialize;
use serving::health::{ReadinessVerdict, check_readiness};

use super::{principal, refused};
use crate::{client_address::ClientAddress, state::GatewayState, upstream::Upstream};

/// What a service reported about itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Readiness {
    Ready,
    NotReady,
    /// It did not answer in time, or answered with an error.
    Failed,
}

/// Checks the services, within a bound of its own for such checks.
pub(crate) async fn health(
    State(state): State<GatewayState>,
    client: Option<Extension<ClientAddress>>,
) -> Response {
    match state.health_checks.take(principal(client)) {
        Ok(_place) => check(&state).await,
        Err(reason) => refused(reason),
    }
}

async fn check(state: &GatewayState) -> Response {
    let timeout = state.config.upstreams.health_timeout;
    let (auth, task) = tokio::join!(
        readiness(state.upstreams.auth.clone(), timeout),
        readiness(state.upstreams.task.clone(), timeout)
    );
    let verdict = if state.draining.has_started() {
        ReadinessVerdict::Draining
    } else {
        let services = [("auth-service", auth), ("task-service", task)];
        let failing = services
            .into_iter()
            .filter(|(_, it)| *it != Readiness::Ready);
        ReadinessVerdict::from_failing(failing.map(|(name, _)| name).collect())
    };
    let status = match verdict {
        ReadinessVerdict::Ready => "ok",
        ReadinessVerdict::NotReady(_) => "unavailable",
        ReadinessVerdict::Draining => "stopping",
    };
    // RFC 3339, UTC, milliseconds.
    let timestamp = SystemClock
        .now()
        .to_rfc3339_opts(SecondsFormat::Millis, true);
    let body = Json(serde_json::json!({
        "status": status,
        "timestamp": timestamp,
        "services": { "auth-service": auth, "task-service": task },
    }));
    let no_store = [(CACHE_CONTROL, HeaderValue::from_static("no-store"))];
    (verdict.http_status(), no_store, body).into_response()
}

async fn readiness(upstream: Upstream, timeout: Duration) -> Readiness {
    match tokio::time::timeout(timeout, check_readiness(upstream)).await {
        Ok(Ok(ServingStatus::Serving)) => Readiness::Ready,
        Ok(Ok(_)) => Readiness::NotReady,
        Ok(Err(_)) | Err(_) => Readiness::Failed,
    }
}
