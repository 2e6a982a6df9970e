//! The task that deletes expired revocations.

use std::{sync::Arc, time::Duration};

use chrono::TimeDelta;
use clock::Clock;
use database::{Lanes, Principal};
use futures_util::FutureExt as _;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::store;

/// Longest time of one batch, waiting included.
const BATCH_TIMEOUT: Duration = Duration::from_secs(5);
/// How long revocations are kept after they expire, for verifiers whose clock is behind.
const RETENTION: TimeDelta = TimeDelta::minutes(1);
/// Rows deleted by one statement: few enough that no call waits for it noticeably.
const BATCH: u64 = 1_000;
/// Pause after a full batch, so that the sweep never occupies a lane for long.
const BATCH_DELAY: Duration = Duration::from_millis(100);
/// Pause when nothing is left.
const SWEEP_INTERVAL: Duration = Duration::from_mins(1);

/// Whose share of the lanes it takes.
const SWEEP: Principal = Principal::Internal("sweep of revocations");

/// Deletes expired revocations until `stop`.
pub(crate) async fn sweep(lanes: Lanes, clock: Arc<dyn Clock>, stop: CancellationToken) {
    loop {
        let limit = clock.now() - RETENTION;
        let batch = lanes.run(SWEEP, Instant::now() + BATCH_TIMEOUT, move |connection| {
            let batch = i64::try_from(BATCH).expect("a batch is small");
            async move { store::sweep(connection, limit, batch).await }.boxed()
        });
        let pause = match batch.await {
            Ok(BATCH) => BATCH_DELAY,
            Ok(_) => SWEEP_INTERVAL,
            Err(error) => {
                tracing::warn!(%error, "expired revocations were not deleted");
                SWEEP_INTERVAL
            }
        };
        if stop.run_until_cancelled(sleep(pause)).await.is_none() {
            return;
        }
    }
}
