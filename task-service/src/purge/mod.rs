//! Removes rows for good: deleted tasks whose purge time has come and answers that need not be remembered any longer, and all rows
//! of accounts that were deleted. A job of its own does each of the two.
//!
//! A task past its `purge_time` is not found, whether it is removed yet or not. Any number of processes can purge at the same
//! time. A sweep visits every owner that has rows to be removed and removes one batch of each, so no owner waits for another
//! one's many rows. An owner whose rows cannot be removed is set aside for a while.

mod deleted;
mod expired;
pub(crate) mod metrics;
mod set_aside;
mod store;
#[cfg(test)]
mod tests;

use std::{sync::Arc, time::Duration};

use api::ids::UserId;
use chrono::{DateTime, Utc};
use database::{Principal, UnitError as _};
use futures_util::FutureExt as _;
use sqlx::PgConnection;
use tokio::{
    sync::{Notify, watch},
    time::{Instant, timeout},
};
use tokio_util::sync::CancellationToken;

use self::{
    metrics::{RemovalMetrics, Rows},
    set_aside::{Failure, SetAside},
    store::DueOwner,
};
use crate::{context::Context, error::Error};

/// The pause between two sweeps.
const SWEEP_INTERVAL: Duration = Duration::from_mins(1);
/// The pause before the next sweep when an owner has more rows to remove, so that a lane is free in between.
const BATCH_DELAY: Duration = Duration::from_millis(100);
/// The largest number of owners that are read at once.
const MAX_OWNERS: i64 = 100;
/// The largest number of rows of a table that are removed at once: few enough that no call waits for it noticeably.
const BATCH: i64 = 500;
/// How long one batch may take, the wait for a lane included.
const BATCH_TIMEOUT: Duration = Duration::from_secs(30);

/// Removing has a share of the lanes like a user: it neither starves nor delays anybody for long.
const PRINCIPAL: Principal = Principal::Internal("purge");

/// A job that removes rows.
#[derive(Debug)]
pub(crate) struct Purge {
    rows: Rows,
    /// Notified when there is something to remove before the next sweep.
    due: Arc<Notify>,
    context: Context,
    metrics: RemovalMetrics,
    aside: SetAside,
    /// The database has failed, and the failure was logged.
    failing: bool,
}

/// What one sweep did.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Swept {
    /// Owners that were visited.
    owners: usize,
    /// Whether one of them has more rows to remove now.
    more: bool,
}

/// What one visit to an owner did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Removed {
    /// Tasks were removed, or nothing was to be done; no row to be removed is left.
    All { tasks: u64 },
    /// Tasks were removed, and rows to be removed are left.
    Some { tasks: u64 },
    /// Another transaction holds the rows.
    Held,
}

impl Purge {
    pub(crate) fn new(
        rows: Rows,
        due: Arc<Notify>,
        context: Context,
        metrics: RemovalMetrics,
    ) -> Self {
        Self {
            rows,
            due,
            context,
            metrics,
            aside: SetAside::default(),
            failing: false,
        }
    }

    /// Sweeps repeatedly, from the time that `schema` is true until `stop`.
    pub(crate) async fn run(mut self, stop: CancellationToken, mut schema: watch::Receiver<bool>) {
        let ready = schema.wait_for(|migrated| *migrated);
        if !matches!(stop.run_until_cancelled(ready).await, Some(Ok(_))) {
            return;
        }
        let sweeps = async {
            loop {
                let pause = self.sweep_and_log().await;
                // The next sweep is due in both cases.
                let _elapsed = timeout(pause, self.due.notified()).await;
            }
        };
        // A batch that has begun ends on its lane.
        stop.run_until_cancelled(sweeps).await;
    }

    /// Returns the pause before the next sweep.
    async fn sweep_and_log(&mut self) -> Duration {
        let swept = self.sweep().await;
        let failing = std::mem::replace(&mut self.failing, swept.is_err());
        match swept {
            Ok(Swept { more: true, .. }) => BATCH_DELAY,
            Ok(_) => SWEEP_INTERVAL,
            Err(error) if failing => {
                tracing::debug!(%error, rows = ?self.rows, "rows still cannot be removed");
                SWEEP_INTERVAL
            }
            Err(error) => {
                tracing::warn!(%error, rows = ?self.rows, "rows cannot be removed; trying again later");
                SWEEP_INTERVAL
            }
        }
    }

    /// Removes a batch of the rows that are due now of each owner, except of owners that are set aside. It ends early only
    /// when the database cannot be used.
    async fn sweep(&mut self) -> Result<Swept, Error> {
        let now = self.context.now();
        let (mut swept, mut after) = (Swept::default(), DueOwner::first());
        loop {
            let due = self.list_due(now, after).await?;
            for DueOwner { owner, .. } in &due {
                if !self.aside.contains(*owner, now) {
                    swept.owners += 1;
                    swept.more |= self.visit(*owner, now).await?;
                }
            }
            match due.last() {
                Some(last) if i64::try_from(due.len()) == Ok(MAX_OWNERS) => after = *last,
                _ => break,
            }
        }
        self.aside.prune(now);
        self.metrics.set_aside(self.rows, self.aside.count());
        self.report_pending().await?;
        Ok(swept)
    }

    async fn list_due(&self, now: DateTime<Utc>, after: DueOwner) -> Result<Vec<DueOwner>, Error> {
        let deadline = Instant::now() + BATCH_TIMEOUT;
        let rows = self.rows;
        let listed = self.context.lanes.run(PRINCIPAL, deadline, move |conn| {
            async move { list_due(rows, conn, now, after).await }.boxed()
        });
        listed.await
    }

    /// Sets the gauges of deleted accounts whose rows are not removed yet.
    async fn report_pending(&self) -> Result<(), Error> {
        if self.rows == Rows::DeletedAccounts {
            let deadline = Instant::now() + BATCH_TIMEOUT;
            let pending = self.context.lanes.run(PRINCIPAL, deadline, move |conn| {
                async move { deleted::store::count_pending(conn).await }.boxed()
            });
            self.metrics.set_pending(pending.await?);
        }
        Ok(())
    }

    /// Removes a batch of the owner's rows; returns whether more can be removed now. Only a database that cannot be used is an
    /// error: whatever else happens concerns this owner alone.
    async fn visit(&mut self, owner: UserId, now: DateTime<Utc>) -> Result<bool, Error> {
        let deadline = Instant::now() + BATCH_TIMEOUT;
        let rows = self.rows;
        let removed = self
            .context
            .lanes
            .transaction(PRINCIPAL, deadline, move |conn| {
                async move { remove(rows, conn, owner, now).await }.boxed()
            });
        match removed.await {
            Ok(Removed::All { tasks }) => {
                self.removed(owner, tasks);
                Ok(false)
            }
            Ok(Removed::Some { tasks }) => {
                self.removed(owner, tasks);
                Ok(true)
            }
            Ok(Removed::Held) => {
                self.fail(owner, &Failure::Held, now);
                Ok(false)
            }
            Err(error) if is_of_the_database(&error) => Err(error),
            Err(error) => {
                self.fail(owner, &Failure::Refused(&error), now);
                // Its rows may be what broke the connection, so the next sweep does not begin with them.
                if matches!(error, Error::Database(database::Error::Unavailable(_))) {
                    return Err(error);
                }
                Ok(false)
            }
        }
    }

    fn removed(&mut self, owner: UserId, tasks: u64) {
        self.aside.remove(owner);
        self.metrics.count_removed(self.rows, tasks);
        tracing::debug!(%owner, tasks, "purged");
    }

    fn fail(&mut self, owner: UserId, failure: &Failure<'_>, now: DateTime<Utc>) {
        self.aside.add(owner, failure, now);
        self.metrics.count_failure(self.rows);
        self.metrics.set_aside(self.rows, self.aside.count());
    }
}

/// Whether the unit did not begin because the database cannot be used.
fn is_of_the_database(error: &Error) -> bool {
    use database::Error::{Overloaded, Unavailable};
    matches!(error.database(), Some(Overloaded | Unavailable(None)))
}

async fn list_due(
    rows: Rows,
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    after: DueOwner,
) -> Result<Vec<DueOwner>, Error> {
    match rows {
        Rows::Expired => store::list_due_owners(conn, now, after, MAX_OWNERS).await,
        Rows::DeletedAccounts => {
            deleted::store::list_due_accounts(conn, now, after, MAX_OWNERS).await
        }
    }
}

async fn remove(
    rows: Rows,
    conn: &mut PgConnection,
    owner: UserId,
    now: DateTime<Utc>,
) -> Result<Removed, Error> {
    match rows {
        Rows::Expired => expired::remove(conn, owner, now).await,
        Rows::DeletedAccounts => deleted::remove(conn, owner, now).await,
    }
}
