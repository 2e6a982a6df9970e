//! Follows the health of one replica (`grpc.health.v1.Health/Watch`), so that calls avoid a replica that is about to stop or
//! that has not finished starting.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use contract::proto::health::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};
use tokio::time::sleep;
use tonic::{Code, Status, transport::Channel};

/// The delay before a Watch that ended is started again. It doubles with each failure.
const MIN_RETRY_DELAY: Duration = Duration::from_millis(50);
const MAX_RETRY_DELAY: Duration = Duration::from_secs(1);

/// Keeps `serving` up to date. Runs until it is dropped, or until the replica answers that it has no health service: then the
/// replica counts as serving.
pub(super) async fn follow(channel: Channel, serving: Arc<AtomicBool>) {
    let mut delay = MIN_RETRY_DELAY;
    loop {
        let status = match watch_once(&channel, &serving).await {
            Ok(()) => {
                delay = MIN_RETRY_DELAY;
                None
            }
            Err(status) => Some(status.code()),
        };
        if status == Some(Code::Unimplemented) {
            serving.store(true, Ordering::Relaxed);
            return;
        }
        serving.store(false, Ordering::Relaxed);
        tracing::debug!(?status, "the health watch of a replica ended");
        sleep(delay).await;
        delay = (delay * 2).min(MAX_RETRY_DELAY);
    }
}

/// One Watch, until it ends. An error after it has started counts as its end.
async fn watch_once(channel: &Channel, serving: &AtomicBool) -> Result<(), Status> {
    let mut client = HealthClient::new(channel.clone());
    let watch = client.watch(HealthCheckRequest::default()).await?;
    let mut statuses = watch.into_inner();
    while let Ok(Some(status)) = statuses.message().await {
        let now = status.status() == ServingStatus::Serving;
        if serving.swap(now, Ordering::Relaxed) != now {
            tracing::info!(serving = now, "the health of a replica changed");
        }
    }
    Ok(())
}
