//! `GET /health`: 200 when both services say that they are ready, else 503 with the one that does not.

use std::time::Duration;

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use chrono::{SecondsFormat, Utc};
use http::{HeaderValue, StatusCode, header::CACHE_CONTROL};
use serde::Serialize;
use shared::proto::health::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};

use crate::{app::Gateway, resending::Resending};

/// What a service said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Readiness {
    Ready,
    NotReady,
    Failed,
}

pub(crate) async fn show(State(gateway): State<Gateway>) -> Response {
    let within = gateway.config.health_timeout;
    let (auth, task) = tokio::join!(
        ask(gateway.upstreams.auth, within),
        ask(gateway.upstreams.task, within)
    );
    let ready = auth == Readiness::Ready && task == Readiness::Ready;
    let code = if ready {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    let body = Json(serde_json::json!({
        "status": if ready { "ok" } else { "unavailable" },
        "timestamp": timestamp(),
        "services": { "auth-service": auth, "task-service": task },
    }));
    let no_store = [(CACHE_CONTROL, HeaderValue::from_static("no-store"))];
    (code, no_store, body).into_response()
}

async fn ask(channel: Resending, within: Duration) -> Readiness {
    let request = HealthCheckRequest {
        service: "readiness".to_owned(),
    };
    let mut client = HealthClient::new(channel);
    match tokio::time::timeout(within, client.check(request)).await {
        Ok(Ok(answer)) if answer.get_ref().status() == ServingStatus::Serving => Readiness::Ready,
        Ok(Ok(_)) => Readiness::NotReady,
        Ok(Err(_)) | Err(_) => Readiness::Failed,
    }
}

/// RFC 3339, UTC, milliseconds.
#[expect(
    clippy::disallowed_methods,
    reason = "the time is only shown; nothing is decided by it"
)]
fn timestamp() -> String {
    Utc::now().to_rfc3339_opts(SecondsFormat::Millis, true)
}
