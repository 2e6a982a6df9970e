//! Waits until a service reports over gRPC that it is ready.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use contract::proto::health::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};
use serving::health::READINESS;
use tonic::transport::{Channel, Endpoint};

use crate::error::Error;

/// The longest a service may take to become ready. Its database may be remote, or may be recovering.
const READY_TIMEOUT: Duration = Duration::from_mins(1);
/// The delay between two health checks.
const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// A channel to a service. It connects when first used.
pub(crate) fn channel(address: SocketAddr) -> Channel {
    Endpoint::from_shared(format!("http://{address}"))
        .expect("an address is a valid authority")
        .connect_lazy()
}

/// Waits until the service is ready to serve.
pub(crate) async fn wait(part: &'static str, channel: Channel) -> Result<(), Error> {
    let start = Instant::now();
    let mut health = HealthClient::new(channel);
    loop {
        let request = HealthCheckRequest {
            service: READINESS.to_owned(),
        };
        let last = match health.check(request).await {
            Ok(answer) if answer.get_ref().status() == ServingStatus::Serving => return Ok(()),
            Ok(answer) => answer.get_ref().status().as_str_name().to_owned(),
            Err(status) => status.message().to_owned(),
        };
        if start.elapsed() > READY_TIMEOUT {
            return Err(Error::NotReady {
                part,
                waited: READY_TIMEOUT,
                last,
            });
        }
        tokio::time::sleep(POLL_INTERVAL).await;
    }
}
