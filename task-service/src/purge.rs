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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use chrono::TimeDelta;
    use secrecy::SecretString;
    use shared::{clock::Clock as _, database, paging::PageTokens};
    use sqlx::Row as _;
    use testing::{Database, TestClock};

    use super::*;
    use crate::{
        domain::{Description, Draft, Due, Labels, Priority, Status, Title},
        request::RequestKey,
    };

    fn tasks(database: &Database, clock: &TestClock) -> Tasks {
        let settings = database::Settings {
            url: SecretString::from(database.url()),
            lanes: 1,
            ..Default::default()
        };
        Tasks {
            lanes: database::Lanes::start(settings).unwrap(),
            clock: Arc::new(clock.clone()),
            tokens: Arc::new(PageTokens::new(&[1; 32])),
            quota: 10,
            purge_after: TimeDelta::days(30),
        }
    }

    fn draft() -> Draft {
        Draft {
            title: Title::parse("t").unwrap(),
            description: Description::parse("").unwrap(),
            status: Status::Pending,
            priority: Priority::Normal,
            labels: Labels::default(),
            due: Due::default(),
        }
    }

    /// How many tasks and remembered requests there are.
    async fn rows(conn: &mut PgConnection) -> (i64, i64) {
        let sql = "select (select count(*) from tasks.task), (select count(*) from tasks.request)";
        let row = sqlx::query(sql).fetch_one(conn).await.unwrap();
        (row.get(0), row.get(1))
    }

    #[tokio::test]
    async fn what_is_over_is_removed_and_what_is_not_stays() {
        let database = crate::testing_database().await;
        let clock = TestClock::at("2026-01-01T00:00:00Z");
        let tasks = tasks(&database, &clock);
        let mut conn = database.connect().await;
        let (owner, now) = (UserId::at(clock.now()), clock.now());
        for delete_after in [0, 1, 2] {
            let task = draft().at(owner, now);
            store::insert(&mut conn, owner, &task, 10).await.unwrap();
            let purge_time = now + TimeDelta::days(30 + delete_after);
            store::delete(&mut conn, owner, task.id, None, purge_time, now)
                .await
                .unwrap()
                .unwrap();
        }
        store::insert(&mut conn, owner, &draft().at(owner, now), 10)
            .await
            .unwrap();
        let key = RequestKey {
            id: shared::ids::uuid_at(now),
            fingerprint: [0; 32],
        };
        assert!(
            store::claim_request(&mut conn, owner, &key, now - REMEMBERED, now)
                .await
                .unwrap()
        );
        store::keep_answer(&mut conn, owner, key.id, b"x", now + REMEMBERED)
            .await
            .unwrap();

        let mut left = Vec::new();
        for days in [0, 1, 29, 1, 0, 1, 1, 100] {
            clock.advance(Duration::from_hours(24 * days));
            let owners = tasks.sweep().await.unwrap();
            left.push((owners, rows(&mut conn).await));
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
        assert_eq!(store::count_live(&mut conn, owner).await.unwrap(), 1);
    }
}
