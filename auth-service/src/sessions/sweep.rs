//! Deletes sessions that ended all together: those of an account whose epoch moved, or that was deleted.
//!
//! An account is put off before anything of it is deleted. So if that fails, or this process ends, the other accounts come first.

use std::{sync::Arc, time::Duration};

use api::ids::UserId;
use chrono::{DateTime, SubsecRound as _, TimeDelta, Utc};
use clock::Clock;
use database::{Error, Lanes, Principal};
use futures_util::FutureExt as _;
use sqlx::PgConnection;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::store::sweep as store;

/// Rows deleted at once: few enough that no call waits for it noticeably.
const BATCH: u16 = 500;
/// Pause after a batch, so that a lane is free in between.
const BATCH_DELAY: Duration = Duration::from_millis(100);
/// Pause when no account is due, and the time for which an account is put off.
const INTERVAL: Duration = Duration::from_mins(10);
/// Longest time of one batch, waiting included.
const BATCH_TIMEOUT: Duration = Duration::from_secs(10);

/// Whose share of the lanes it takes.
const SWEEP: Principal = Principal::Internal("sweep of sessions");

/// Sweeps until `stop`.
pub(crate) async fn run(lanes: Lanes, clock: Arc<dyn Clock>, stop: CancellationToken) {
    loop {
        let pause = match batch(&lanes, clock.now()).await {
            Ok(true) => BATCH_DELAY,
            Ok(false) => INTERVAL,
            Err(error) => {
                tracing::warn!(%error, "sessions of an account are not deleted; those of others are");
                match error {
                    Error::Unavailable(_) | Error::Overloaded => INTERVAL,
                    _ => BATCH_DELAY,
                }
            }
        };
        if stop.run_until_cancelled(sleep(pause)).await.is_none() {
            return;
        }
    }
}

/// Deletes a batch of the account that is due for longest; whether one was due.
async fn batch(lanes: &Lanes, now: DateTime<Utc>) -> Result<bool, Error> {
    // In microseconds, which is the precision of the database.
    let later = now.trunc_subsecs(6) + TimeDelta::from_std(INTERVAL).expect("it is short");
    let due = lanes.run(SWEEP, Instant::now() + BATCH_TIMEOUT, move |connection| {
        async move { store::put_off(connection, now, later).await }.boxed()
    });
    let Some(account_id) = due.await? else {
        return Ok(false);
    };
    let deleted = lanes.run(SWEEP, Instant::now() + BATCH_TIMEOUT, move |connection| {
        async move { delete(connection, account_id, now, later).await }.boxed()
    });
    deleted.await?;
    Ok(true)
}

async fn delete(
    connection: &mut PgConnection,
    account_id: UserId,
    now: DateTime<Utc>,
    later: DateTime<Utc>,
) -> Result<(), Error> {
    let deleted = store::sweep_account(connection, account_id, i64::from(BATCH)).await?;
    if deleted < u64::from(BATCH) {
        return store::finish(connection, account_id, later).await;
    }
    store::resume(connection, account_id, now).await
}
