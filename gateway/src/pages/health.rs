//! `GET /health`: 200 when both services report that they are ready; otherwise 503, with the state of each. Also 503 once the
//! gateway was asked to stop.

use std::time::Duration;

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use chrono::SecondsFormat;
use clock::{Clock as _, SystemClock};
use contract::proto::health::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};
use http::{HeaderValue, StatusCode, header::CACHE_CONTROL};
use serde::Serialize;
use serving::health::READINESS;

use crate::{state::GatewayState, upstream::Upstream};

/// What a service reported about itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Readiness {
    Ready,
    NotReady,
    /// It did not answer in time, or answered with an error.
    Failed,
}

pub(crate) async fn health(State(state): State<GatewayState>) -> Response {
    let timeout = state.config.upstreams.health_timeout;
    let (auth, task) = tokio::join!(
        readiness(state.upstreams.auth, timeout),
        readiness(state.upstreams.task, timeout)
    );
    let draining = state.draining.has_started();
    let ready = auth == Readiness::Ready && task == Readiness::Ready && !draining;
    let status = match (ready, draining) {
        (true, _) => "ok",
        (false, true) => "stopping",
        (false, false) => "unavailable",
    };
    let code = if ready {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
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
    (code, no_store, body).into_response()
}

async fn readiness(upstream: Upstream, timeout: Duration) -> Readiness {
    let request = HealthCheckRequest {
        service: READINESS.to_owned(),
    };
    let mut client = HealthClient::new(upstream);
    match tokio::time::timeout(timeout, client.check(request)).await {
        Ok(Ok(answer)) if answer.get_ref().status() == ServingStatus::Serving => Readiness::Ready,
        Ok(Ok(_)) => Readiness::NotReady,
        Ok(Err(_)) | Err(_) => Readiness::Failed,
    }
}
