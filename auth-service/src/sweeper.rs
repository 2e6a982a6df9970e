//! Deletes what is over, a few rows at a time: sessions and API keys a month after their end, counts of wrong passwords at
//! theirs.

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::FutureExt as _;
use shared::{
    clock::Clock,
    database::{self, Lanes},
};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::store::{api_key, revocation, throttle};

/// How long a session is kept past its absolute deadline, and a key past its end, for those who ask what became of it.
const RETENTION: TimeDelta = TimeDelta::days(30);
/// Rows of a table deleted by one statement: few enough that nobody waits for it.
const BATCH: u64 = 500;
/// Pause after a full batch, so that the sweeper never takes a lane for long.
const BREATH: Duration = Duration::from_millis(100);
/// Pause when nothing is left.
const REST: Duration = Duration::from_mins(10);
/// Longest one batch may wait and take.
const LIMIT: Duration = Duration::from_secs(10);

/// Sweeps until `stop`.
pub(crate) async fn sweep(lanes: Lanes, clock: Arc<dyn Clock>, stop: CancellationToken) {
    loop {
        let pause = match batch(&lanes, clock.now()).await {
            Ok(swept) if swept.contains(&BATCH) => BREATH,
            Ok([0, 0, _]) => REST,
            Ok([sessions, api_keys, _]) => {
                tracing::info!(sessions, api_keys, "deleted what was long over");
                REST
            }
            Err(error) => {
                tracing::warn!(%error, "what is over was not swept");
                REST
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

/// Deletes a batch of each; how many rows: sessions, API keys, counts.
async fn batch(lanes: &Lanes, now: DateTime<Utc>) -> Result<[u64; 3], database::Error> {
    let batch = i64::try_from(BATCH).expect("a batch is small");
    let swept = lanes.run(Instant::now() + LIMIT, move |connection| {
        async move {
            let sessions = revocation::sweep(connection, now - RETENTION, batch).await?;
            let api_keys = api_key::sweep(connection, now - RETENTION, batch).await?;
            let counts = throttle::sweep(connection, now, batch).await?;
            Ok([sessions, api_keys, counts])
        }
        .boxed()
    });
    swept.await
}
