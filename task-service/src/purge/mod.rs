//! Removes expired rows: deleted tasks whose purge time has come, and answers that need not be remembered any longer.
//!
//! A task past its `purge_time` is not found, whether it is removed yet or not. Any number of processes can purge at the same
//! time.

mod store;

use std::time::Duration;

use api::ids::UserId;
use chrono::{DateTime, Utc};
use database::Principal;
use futures_util::FutureExt as _;
use sqlx::PgConnection;
use tokio::{sync::watch, time::Instant};
use tokio_util::sync::CancellationToken;

use crate::{context::Context, error::Error, requests::ANSWER_TTL};

/// The pause between two sweeps.
const SWEEP_INTERVAL: Duration = Duration::from_mins(1);
/// The largest number of owners in one sweep.
const MAX_OWNERS: i64 = 100;
/// How long the purge of one owner may take, the wait for a lane included.
const OWNER_TIMEOUT: Duration = Duration::from_secs(30);

/// Purging has a share of the lanes like a user: it neither starves nor delays anybody for long.
const PRINCIPAL: Principal = Principal::Internal("purge");

/// The job that removes expired rows.
#[derive(Debug, Clone)]
pub(crate) struct Purge {
    pub(crate) context: Context,
}

impl Purge {
    /// Sweeps repeatedly, from the time that `schema` is true until `stop`.
    pub(crate) async fn run(self, stop: CancellationToken, mut schema: watch::Receiver<bool>) {
        let ready = schema.wait_for(|migrated| *migrated);
        if !matches!(stop.run_until_cancelled(ready).await, Some(Ok(_))) {
            return;
        }
        loop {
            let pause = match self.sweep().await {
                // There may be more owners.
                Ok(owners) if owners == usize::try_from(MAX_OWNERS).unwrap_or(usize::MAX) => {
                    Duration::ZERO
                }
                Ok(_) => SWEEP_INTERVAL,
                Err(error) => {
                    tracing::warn!(%error, "expired rows could not be removed; trying again later");
                    SWEEP_INTERVAL
                }
            };
            let pause = tokio::time::sleep(pause);
            if stop.run_until_cancelled(pause).await.is_none() {
                return;
            }
        }
    }

    /// Removes the rows that are expired now, owner by owner. Returns the number of owners, at most 100.
    async fn sweep(&self) -> Result<usize, Error> {
        let (lanes, now) = (&self.context.lanes, self.context.now());
        let owners = lanes.run(PRINCIPAL, Instant::now() + OWNER_TIMEOUT, move |conn| {
            async move { store::list_due_owners(conn, now, MAX_OWNERS).await }.boxed()
        });
        let owners = owners.await?;
        for owner in &owners {
            let owner = *owner;
            let purged =
                lanes.transaction(PRINCIPAL, Instant::now() + OWNER_TIMEOUT, move |conn| {
                    async move { purge_owner(conn, owner, now).await }.boxed()
                });
            let purged = purged.await?;
            tracing::debug!(%owner, tasks = purged, "purged");
        }
        Ok(owners.len())
    }
}

/// Locks tasks before counters, in the order of every other change.
async fn purge_owner(
    conn: &mut PgConnection,
    owner: UserId,
    now: DateTime<Utc>,
) -> Result<u64, Error> {
    let purged = store::purge_tasks(conn, owner, now).await?;
    store::purge_requests(conn, owner, now - ANSWER_TTL).await?;
    store::lock_owner(conn, owner).await?;
    store::schedule_purge(conn, owner, ANSWER_TTL).await?;
    Ok(purged)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use chrono::TimeDelta;
    use clock::Clock as _;
    use database::{self, Lanes};
    use secrecy::SecretString;
    use sqlx::Row as _;
    use testing::{Database, TestClock};

    use super::*;
    use crate::{
        requests::{self, RequestKey},
        schema::testing_database,
        tasks::{domain::Draft, store as task_store},
    };

    fn purge(database: &Database, clock: &TestClock) -> Purge {
        let settings = database::Settings {
            url: SecretString::from(database.url()),
            lanes: 1,
            ..Default::default()
        };
        let lanes = Lanes::start(settings).unwrap();
        let context = Context {
            scans: lanes.clone(),
            lanes,
            clock: Arc::new(clock.clone()),
        };
        Purge { context }
    }

    /// The number of tasks and of remembered requests.
    async fn count_rows(conn: &mut PgConnection) -> (i64, i64) {
        let sql = "select (select count(*) from tasks.task), (select count(*) from tasks.request)";
        let row = sqlx::query(sql).fetch_one(conn).await.unwrap();
        (row.get(0), row.get(1))
    }

    /// Stores three deleted tasks that expire one day apart, a live task, and a remembered request.
    async fn populate(conn: &mut PgConnection, owner: UserId, now: DateTime<Utc>) {
        let new_task = || Draft::for_test("t", "").into_task(owner, now);
        for days in [30, 31, 32] {
            let task = new_task();
            task_store::insert(conn, owner, &task, 10).await.unwrap();
            let purge_time = now + TimeDelta::days(days);
            let deleted = task_store::delete(conn, owner, task.id, None, purge_time, now).await;
            deleted.unwrap().unwrap();
        }
        task_store::insert(conn, owner, &new_task(), 10)
            .await
            .unwrap();
        let key = RequestKey {
            id: api::ids::uuid_at(now),
            fingerprint: [0; 32],
        };
        let first = requests::first_answer(conn, owner, &key, now).await;
        assert_eq!(first.unwrap(), None);
        let remembered = requests::remember(conn, owner, &key, b"x", now).await;
        remembered.unwrap();
    }

    #[tokio::test]
    async fn expired_rows_are_removed_and_all_others_stay() {
        let database = testing_database().await;
        let clock = TestClock::at("2026-01-01T00:00:00Z");
        let purge = purge(&database, &clock);
        let mut conn = database.connect().await;
        let owner = UserId::at(clock.now());
        populate(&mut conn, owner, clock.now()).await;

        let mut left = Vec::new();
        for days in [0, 1, 29, 1, 0, 1, 1, 100] {
            clock.advance(Duration::from_hours(24 * days));
            let owners = purge.sweep().await.unwrap();
            left.push((owners, count_rows(&mut conn).await));
        }
        let expected = [
            (0, (4, 1)),
            (1, (4, 0)),
            (1, (3, 0)),
            (1, (2, 0)),
            (0, (2, 0)),
            (1, (1, 0)),
            (0, (1, 0)),
            (0, (1, 0)),
        ];
        assert_eq!(left, expected);
        let live = task_store::count_live(&mut conn, owner).await.unwrap();
        assert_eq!(live, 1);
    }
}
