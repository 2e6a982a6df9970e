//! The two tasks of the feed: one looks for what was written, the other deletes what has expired.

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::FutureExt as _;
use shared::{
    clock::Clock,
    database::{self, Lanes, Settings},
};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::Feed;
use crate::store::feed::{self, Look, Position};

/// Longest one look may take: enough for the first, which reads everything in force.
const LIMIT: Duration = Duration::from_secs(5);
/// How long one attempt to connect may take.
const CONNECT: Duration = Duration::from_secs(1);
/// Revocations are kept this long past their expiry, for readers whose clock is behind.
const RETENTION: TimeDelta = TimeDelta::minutes(1);
/// Rows deleted by one statement: few enough that nobody waits for it.
const BATCH: u64 = 1_000;
/// Pause after a full batch, so that the sweeper never takes a lane for long.
const BREATH: Duration = Duration::from_millis(100);
/// Pause when nothing is left.
const REST: Duration = Duration::from_mins(1);

/// The settings of the one lane that the publisher has for itself, so that it never waits behind the calls.
pub(crate) fn lane(database: &Settings) -> Settings {
    Settings {
        lanes: 1,
        unit_limit: LIMIT.min(database.unit_limit),
        // The only one: an attempt that a silent network swallowed must not keep the feed from going on.
        connect_timeout: CONNECT.min(database.connect_timeout),
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
    let mut position = Position::default();
    let mut away = false;
    loop {
        let (began, as_of) = (Instant::now(), clock.now());
        match look(&lane, position.clone(), as_of).await {
            Ok(found) => {
                position = found.position();
                feed.take(found, as_of, began);
                away = false;
            }
            Err(error) if away => tracing::debug!(%error, "the revocations still cannot be read"),
            Err(error) => {
                tracing::warn!(%error, "the revocations cannot be read: no heartbeats");
                away = true;
            }
        }
        if stop.run_until_cancelled(feed.due()).await.is_none() {
            return lane.close().await;
        }
    }
}

async fn look(
    lane: &Lanes,
    position: Position,
    as_of: DateTime<Utc>,
) -> Result<Look, database::Error> {
    lane.run(Instant::now() + LIMIT, move |connection| {
        async move { feed::look(connection, &position, as_of).await }.boxed()
    })
    .await
}

/// Deletes expired revocations until `stop`.
pub(crate) async fn sweep(lanes: Lanes, clock: Arc<dyn Clock>, stop: CancellationToken) {
    loop {
        let limit = clock.now() - RETENTION;
        let batch = lanes.run(Instant::now() + LIMIT, move |connection| {
            let batch = i64::try_from(BATCH).expect("a batch is small");
            async move { feed::sweep(connection, limit, batch).await }.boxed()
        });
        let pause = match batch.await {
            Ok(BATCH) => BREATH,
            Ok(_) => REST,
            Err(error) => {
                tracing::warn!(%error, "the revocations were not swept");
                REST
            }
        };
        if stop.run_until_cancelled(sleep(pause)).await.is_none() {
            return;
        }
    }
}
