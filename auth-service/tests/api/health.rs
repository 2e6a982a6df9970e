//! The readiness of the service.

use std::time::Duration;

use contract::proto::health::{HealthCheckRequest, health_client::HealthClient};
use tonic::transport::Channel;

/// Longest wait for a state of the service.
const TIMEOUT: Duration = Duration::from_secs(30);
/// The numbers of `ServingStatus.SERVING` and `ServingStatus.NOT_SERVING`.
pub(crate) const SERVING: i32 = 1;
pub(crate) const NOT_SERVING: i32 = 2;

/// Waits until the service reports this state.
pub(crate) async fn becomes(channel: &Channel, state: i32) {
    let mut health = HealthClient::new(channel.clone());
    let watched = health.watch(HealthCheckRequest::default()).await;
    let mut statuses = watched.unwrap().into_inner();
    let become_so = async { while statuses.message().await.unwrap().unwrap().status != state {} };
    let became = tokio::time::timeout(TIMEOUT, become_so).await;
    became.unwrap_or_else(|_elapsed| panic!("the service's state is not {state}"));
}
