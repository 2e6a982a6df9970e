//! The task that reads new revocations and publishes them.

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use clock::Clock;
use database::{self, Lanes, Principal, Settings};
use futures_util::FutureExt as _;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{
    Feed,
    store::{self, FeedChanges, FeedPosition},
};

/// Longest time of one read: enough for the first one, which reads all revocations in force.
const READ_TIMEOUT: Duration = Duration::from_secs(5);
/// Longest time of one attempt to connect.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);

/// The settings of the publisher's own lane. It has one of its own, so that it never waits behind calls.
pub(crate) fn lane_settings(database: &Settings) -> Settings {
    Settings {
        lanes: 1,
        unit_limit: READ_TIMEOUT.min(database.unit_limit),
        // There is only one lane, so an attempt that gets no reply from the network must end soon.
        connect_timeout: CONNECT_TIMEOUT.min(database.connect_timeout),
        ..database.clone()
    }
}

/// Publishes until `stop`.
pub(crate) async fn publish(
    feed: Feed,
    lane: Lanes,
    clock: Arc<dyn Clock>,
    stop: CancellationToken,
) {
    let mut position = FeedPosition::default();
    let mut failing = false;
    loop {
        let (began, as_of) = (Instant::now(), clock.now());
        match read(&lane, position.clone(), as_of).await {
            Ok(changes) => {
                position = changes.position();
                feed.apply(changes, as_of, began);
                failing = false;
            }
            Err(error) if failing => {
                tracing::debug!(%error, "the revocations still cannot be read");
            }
            Err(error) => {
                tracing::warn!(%error, "the revocations cannot be read: no heartbeats");
                failing = true;
            }
        }
        let next = feed.wait_for_next_read();
        if stop.run_until_cancelled(next).await.is_none() {
            return lane.close().await;
        }
    }
}

async fn read(
    lane: &Lanes,
    position: FeedPosition,
    as_of: DateTime<Utc>,
) -> Result<FeedChanges, database::Error> {
    let feed = Principal::Internal("feed");
    lane.run(feed, Instant::now() + READ_TIMEOUT, move |connection| {
        async move { store::read_changes(connection, &position, as_of).await }.boxed()
    })
    .await
}
