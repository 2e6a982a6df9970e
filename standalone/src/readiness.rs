//! Waiting until a service says, over gRPC, that it is ready.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use shared::proto::health::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};
use tonic::transport::{Channel, Endpoint};

use crate::Error;

/// How long a service may take: its database may be far away, or recovering.
const LONGEST: Duration = Duration::from_mins(1);
/// The pause between two questions.
const PAUSE: Duration = Duration::from_millis(20);

/// A connection to a service, made when first used.
pub(crate) fn channel(address: SocketAddr) -> Channel {
    Endpoint::from_shared(format!("http://{address}"))
        .expect("an address is a valid authority")
        .connect_lazy()
}

/// Waits until the service is ready to serve.
pub(crate) async fn wait(part: &'static str, channel: Channel) -> Result<(), Error> {
    let began = Instant::now();
    let mut health = HealthClient::new(channel);
    loop {
        let question = HealthCheckRequest {
            service: "readiness".to_owned(),
        };
        let last = match health.check(question).await {
            Ok(answer) if answer.get_ref().status() == ServingStatus::Serving => return Ok(()),
            Ok(answer) => answer.get_ref().status().as_str_name().to_owned(),
            Err(status) => status.message().to_owned(),
        };
        if began.elapsed() > LONGEST {
            return Err(Error::NotReady {
                part,
                waited: LONGEST,
                last,
            });
        }
        tokio::time::sleep(PAUSE).await;
    }
}
