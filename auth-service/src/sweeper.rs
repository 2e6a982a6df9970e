//! Deletes what has ended, a few rows at a time: sessions and API keys a month after their end, and counts of wrong passwords
//! when their window is over.

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use clock::Clock;
use database::{self, Lanes, Principal};
use futures_util::FutureExt as _;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::{
    api_keys::store as api_keys, sessions::store::end as sessions, throttle::store as throttle,
};

/// How long a session is kept after its absolute deadline, and a key after its end, so that operators can look them up.
const RETENTION: TimeDelta = TimeDelta::days(30);
/// Rows of a table deleted by one statement: few enough that no call waits for it noticeably.
const BATCH: u64 = 500;
/// Pause after a full batch, so that the sweeper never takes a lane for long.
const BATCH_DELAY: Duration = Duration::from_millis(100);
/// Pause when nothing is left.
const SWEEP_INTERVAL: Duration = Duration::from_mins(10);
/// Longest time of one batch, waiting included.
const BATCH_TIMEOUT: Duration = Duration::from_secs(10);

/// Whose share of the lanes it takes.
const SWEEPER: Principal = Principal::Internal("sweeper");

/// Sweeps until `stop`.
pub(crate) async fn sweep(lanes: Lanes, clock: Arc<dyn Clock>, stop: CancellationToken) {
    loop {
        let pause = match batch(&lanes, clock.now()).await {
            Ok(swept) if swept.contains(&BATCH) => BATCH_DELAY,
            Ok([0, 0, _]) => SWEEP_INTERVAL,
            Ok([sessions, api_keys, _]) => {
                tracing::info!(
                    sessions,
                    api_keys,
                    "deleted sessions and API keys that ended long ago"
                );
                SWEEP_INTERVAL
            }
            Err(error) => {
                tracing::warn!(%error, "ended sessions and API keys were not deleted");
                SWEEP_INTERVAL
            }
        };
        if stop
            .run_until_cancelled(tokio::time::sleep(pause))
            .await
            .is_none()
        {
            return;
        }
    }
}

/// Deletes a batch of each. Returns the numbers of sessions, API keys and counts.
async fn batch(lanes: &Lanes, now: DateTime<Utc>) -> Result<[u64; 3], database::Error> {
    let batch = i64::try_from(BATCH).expect("a batch is small");
    let swept = lanes.run(SWEEPER, Instant::now() + BATCH_TIMEOUT, move |connection| {
        async move {
            let sessions = sessions::sweep(connection, now - RETENTION, batch).await?;
            let api_keys = api_keys::sweep(connection, now - RETENTION, batch).await?;
            let counts = throttle::sweep(connection, now, batch).await?;
            Ok([sessions, api_keys, counts])
        }
        .boxed()
    });
    swept.await
}
