//! Follows the health of one replica (`grpc.health.v1.Health/Watch`), so that calls go where they are served: not to a process
//! that is about to stop, nor to one that has only just started.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use shared::proto::health::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};
use tokio::time::sleep;
use tonic::{Code, Status, transport::Channel};

/// The first pause after a Watch that ended, and the longest: they double.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// Keeps `serves` as the replica says, for ever, or for as long as it knows what is asked.
pub(super) async fn follow(channel: Channel, serves: Arc<AtomicBool>) {
    let mut pause = FIRST_PAUSE;
    loop {
        let status = match told(&channel, &serves).await {
            Ok(()) => {
                pause = FIRST_PAUSE;
                None
            }
            Err(status) => Some(status.code()),
        };
        if status == Some(Code::Unimplemented) {
            serves.store(true, Ordering::Relaxed);
            return;
        }
        serves.store(false, Ordering::Relaxed);
        tracing::debug!(?status, "a replica does not tell its health");
        sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// One Watch, to its end.
async fn told(channel: &Channel, serves: &AtomicBool) -> Result<(), Status> {
    let mut client = HealthClient::new(channel.clone());
    let watch = client.watch(HealthCheckRequest::default()).await?;
    let mut statuses = watch.into_inner();
    // One that has begun and then broke is one that ended.
    while let Ok(Some(status)) = statuses.message().await {
        let now = status.status() == ServingStatus::Serving;
        if serves.swap(now, Ordering::Relaxed) != now {
            tracing::info!(serves = now, "the health of a replica changed");
        }
    }
    Ok(())
}
