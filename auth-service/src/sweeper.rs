//! Deletes sessions and API keys that are long over, a few at a time.

use std::{sync::Arc, time::Duration};

use chrono::TimeDelta;
use futures_util::FutureExt as _;
use shared::{
    clock::Clock,
    database::{self, Lanes},
};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::store::{api_key, revocation};

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
        let limit = clock.now() - RETENTION;
        let batch = lanes.run(Instant::now() + LIMIT, move |connection| {
            let batch = i64::try_from(BATCH).expect("a batch is small");
            async move {
                let sessions = revocation::sweep(connection, limit, batch).await?;
                let api_keys = api_key::sweep(connection, limit, batch).await?;
                Ok::<_, database::Error>((sessions, api_keys))
            }
            .boxed()
        });
        let pause = match batch.await {
            Ok((BATCH, _) | (_, BATCH)) => BREATH,
            Ok((0, 0)) => REST,
            Ok((sessions, api_keys)) => {
                tracing::info!(sessions, api_keys, "deleted what was long over");
                REST
            }
            Err(error) => {
                tracing::warn!(%error, "nothing was swept");
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
