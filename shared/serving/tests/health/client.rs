//! A server with nothing but its health, and a client of it.

use std::time::Duration;

use contract::proto::health::{
    HealthCheckRequest, HealthCheckResponse, health_check_response::ServingStatus,
    health_client::HealthClient,
};
use serving::health::Health;
use tokio::time::timeout;
use tonic::{Status, Streaming, service::Routes, transport::Channel};

use crate::wire::{Served, serve};

pub(crate) const SERVICE: &str = "tandem.task.v1.TaskService";
pub(crate) const NAMES: [&str; 4] = ["", SERVICE, "liveness", "readiness"];

/// Longer than any step takes. Only a test that fails waits this long.
pub(crate) const TEST_TIMEOUT: Duration = Duration::from_secs(10);

pub(crate) async fn start() -> (Health, HealthClient<Channel>, Served) {
    let health = Health::new([SERVICE]);
    let served = serve(Routes::new(health.service())).await;
    let client = HealthClient::new(served.channel.clone());
    (health, client, served)
}

pub(crate) fn request_for(service: &str) -> HealthCheckRequest {
    HealthCheckRequest {
        service: service.to_owned(),
    }
}

pub(crate) async fn check(
    client: &mut HealthClient<Channel>,
    service: &str,
) -> Result<ServingStatus, Status> {
    let answer = client.check(request_for(service)).await?;
    Ok(answer.into_inner().status())
}

pub(crate) async fn watch_of(
    client: &mut HealthClient<Channel>,
    service: &str,
) -> Streaming<HealthCheckResponse> {
    client
        .watch(request_for(service))
        .await
        .unwrap()
        .into_inner()
}

/// The status of the next message of a Watch; `None` when the stream ends without an error.
pub(crate) async fn next_status(
    watch: &mut Streaming<HealthCheckResponse>,
) -> Option<ServingStatus> {
    let message = timeout(TEST_TIMEOUT, watch.message()).await;
    message
        .expect("a message or the end")
        .unwrap()
        .map(|m| m.status())
}
