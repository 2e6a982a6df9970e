//! The sweeper: removes deleted tasks whose time is over and answers that need not be remembered any more.
//!
//! Whether a task is purged is decided by its `purge_time`, not by the sweeper: a task past it is not found, swept or not.
//! Any number of processes may sweep at once.

use std::time::Duration;

use chrono::{DateTime, Utc};
use futures_util::FutureExt as _;
use shared::ids::UserId;
use sqlx::PgConnection;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::{error::Error, once::REMEMBERED, store, tasks::Tasks};

/// How often to look for owners of whom something is due.
const INTERVAL: Duration = Duration::from_mins(1);
/// Owners swept between two looks.
const BATCH: i64 = 100;
/// How long sweeping one owner may wait and take.
const LIMIT: Duration = Duration::from_secs(30);

impl Tasks {
    /// Sweeps again and again until `stop`.
    pub(crate) async fn sweep_until(self, stop: CancellationToken) {
        loop {
            let pause = match self.sweep().await {
                // There may be more.
                Ok(owners) if owners == usize::try_from(BATCH).unwrap_or(usize::MAX) => {
                    Duration::ZERO
                }
                Ok(_) => INTERVAL,
                Err(error) => {
                    tracing::warn!(%error, "what is due could not be removed; trying later");
                    INTERVAL
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

    /// Removes what is due now, owner by owner; gives how many owners there were, at most 100.
    pub async fn sweep(&self) -> Result<usize, Error> {
        let now = self.now();
        let owners = self.lanes.run(Instant::now() + LIMIT, move |conn| {
            async move { store::list_due_owners(conn, now, BATCH).await }.boxed()
        });
        let owners = owners.await?;
        for owner in &owners {
            let owner = *owner;
            let purged = self.lanes.transaction(Instant::now() + LIMIT, move |conn| {
                async move { purge(conn, owner, now).await }.boxed()
            });
            let purged = purged.await?;
            tracing::debug!(%owner, tasks = purged, "purged");
        }
        Ok(owners.len())
    }
}

/// Tasks before counters, the order in which every change locks them.
async fn purge(conn: &mut PgConnection, owner: UserId, now: DateTime<Utc>) -> Result<u64, Error> {
    let purged = store::purge_tasks(conn, owner, now).await?;
    store::purge_requests(conn, owner, now - REMEMBERED).await?;
    store::lock_owner(conn, owner).await?;
    store::schedule_purge(conn, owner, REMEMBERED).await?;
    Ok(purged)
}
