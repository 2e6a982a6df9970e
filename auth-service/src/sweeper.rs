//! Deletes what has ended, a few rows at a time: sessions and API keys a month after their end, sessions that ended all together,
//! counts of wrong passwords when their window is over, revocations when they have expired, and old audit events.
//!
//! Each kind is deleted by itself. A batch that fails is skipped, so that the rows after it are deleted nevertheless; it is tried
//! again after a pause.

use std::{sync::Arc, time::Duration};

use api::ids::UserId;
use chrono::{DateTime, SubsecRound as _, TimeDelta, Utc};
use clock::Clock;
use database::{self, Lanes};
use futures_util::FutureExt as _;
use sqlx::PgConnection;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::{
    api_keys::store as api_keys, audit::store as audit, batch::Batch,
    revocations::store as revocations, sessions::store::sweep as sessions,
    throttle::store as throttle,
};

/// How long a session is kept after its absolute deadline, and a key after its end, so that operators can look them up.
const RETENTION: TimeDelta = TimeDelta::days(30);
/// How long revocations are kept after they expire, for verifiers whose clock is behind.
const REVOCATION_RETENTION: TimeDelta = TimeDelta::minutes(1);
/// Rows of a table deleted by one statement: few enough that no call waits for it noticeably.
const BATCH: u64 = 500;
/// Pause after a full batch, so that the sweeper never takes a lane for long.
const BATCH_DELAY: Duration = Duration::from_millis(100);
/// Pause when nothing is left.
const SWEEP_INTERVAL: Duration = Duration::from_mins(1);
/// Longest time of one batch, waiting included.
const BATCH_TIMEOUT: Duration = Duration::from_secs(10);
/// Batches of one kind that may fail before the sweeper pauses and begins again.
const MAX_SKIPPED: u64 = 10;

/// What is deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Sessions,
    SessionsOfAccounts,
    ApiKeys,
    Counts,
    Revocations,
    AuditEvents,
}

impl Kind {
    const ALL: [Self; 6] = [
        Self::Sessions,
        Self::SessionsOfAccounts,
        Self::ApiKeys,
        Self::Counts,
        Self::Revocations,
        Self::AuditEvents,
    ];

    /// Counts and revocations come and go all the time.
    const fn is_logged(self) -> bool {
        !matches!(self, Self::Counts | Self::Revocations)
    }

    const fn as_str(self) -> &'static str {
        match self {
            Self::Sessions => "sessions",
            Self::SessionsOfAccounts => "sessions of accounts",
            Self::ApiKeys => "API keys",
            Self::Counts => "counts of wrong passwords",
            Self::Revocations => "revocations",
            Self::AuditEvents => "audit events",
        }
    }
}

/// The sweep of one kind.
#[derive(Debug, Clone, Copy)]
struct KindSweep {
    kind: Kind,
    audit_retention: TimeDelta,
    /// Batches that failed since the kind was swept from its beginning.
    skipped: u64,
}

/// Sweeps until `stop`. Audit events are kept for `audit_retention`.
pub(crate) async fn sweep(
    lanes: Lanes,
    clock: Arc<dyn Clock>,
    audit_retention: Duration,
    stop: CancellationToken,
) {
    let audit_retention = TimeDelta::from_std(audit_retention).expect("it is ten years at most");
    let mut sweeps = Kind::ALL.map(|kind| KindSweep {
        kind,
        audit_retention,
        skipped: 0,
    });
    loop {
        let mut pause = SWEEP_INTERVAL;
        for one in &mut sweeps {
            if one.step(&lanes, clock.now()).await {
                pause = BATCH_DELAY;
            }
        }
        if stop
            .run_until_cancelled(tokio::time::sleep(pause))
            .await
            .is_none()
        {
            return;
        }
    }
}

impl KindSweep {
    /// Deletes a batch; whether there may be more to delete.
    async fn step(&mut self, lanes: &Lanes, now: DateTime<Utc>) -> bool {
        let what = self.kind.as_str();
        match self.batch(lanes, now).await {
            Ok(deleted) => {
                if deleted > 0 && self.kind.is_logged() {
                    tracing::info!(deleted, "deleted {what} that have ended");
                }
                let more = deleted >= BATCH;
                if !more {
                    self.skipped = 0;
                }
                more
            }
            Err(error) => {
                tracing::warn!(%error, "a batch of {what} was not deleted");
                self.skipped = (self.skipped + 1) % MAX_SKIPPED;
                self.skipped > 0
            }
        }
    }

    /// How long rows of the kind are kept after their end.
    const fn retention(self) -> TimeDelta {
        match self.kind {
            Kind::Sessions | Kind::ApiKeys => RETENTION,
            Kind::SessionsOfAccounts | Kind::Counts => TimeDelta::zero(),
            Kind::Revocations => REVOCATION_RETENTION,
            Kind::AuditEvents => self.audit_retention,
        }
    }

    async fn batch(self, lanes: &Lanes, now: DateTime<Utc>) -> Result<u64, database::Error> {
        if self.kind == Kind::SessionsOfAccounts {
            return sweep_account(lanes, now).await;
        }
        let batch = Batch {
            size: i64::try_from(BATCH).expect("a batch is small"),
            skip: i64::try_from(self.skipped * BATCH).expect("few batches are skipped"),
        };
        let limit = now - self.retention();
        let deleted = lanes.run(Instant::now() + BATCH_TIMEOUT, move |connection| {
            async move { delete(connection, self.kind, limit, batch).await }.boxed()
        });
        deleted.await
    }
}

/// Deletes a batch of what ended before `limit`.
async fn delete(
    connection: &mut PgConnection,
    kind: Kind,
    limit: DateTime<Utc>,
    batch: Batch,
) -> Result<u64, database::Error> {
    match kind {
        Kind::Sessions => sessions::sweep(connection, limit, batch).await,
        Kind::ApiKeys => api_keys::sweep(connection, limit, batch).await,
        Kind::Counts => throttle::sweep(connection, limit, batch).await,
        Kind::Revocations => revocations::sweep(connection, limit, batch).await,
        Kind::AuditEvents => audit::sweep(connection, limit, batch).await,
        Kind::SessionsOfAccounts => Ok(0),
    }
}

/// Deletes a batch of the sessions of one account that ended all together; [`BATCH`] if another account may be due.
///
/// The account is put off before anything is deleted. So if that fails, or this process ends, the other accounts come first.
async fn sweep_account(lanes: &Lanes, now: DateTime<Utc>) -> Result<u64, database::Error> {
    // In microseconds, which is the precision of the database.
    let later =
        now.trunc_subsecs(6) + TimeDelta::from_std(SWEEP_INTERVAL).expect("the interval is short");
    let due = lanes.run(Instant::now() + BATCH_TIMEOUT, move |connection| {
        async move { sessions::put_off(connection, now, later).await }.boxed()
    });
    let Some(account_id) = due.await? else {
        return Ok(0);
    };
    let swept = lanes.run(Instant::now() + BATCH_TIMEOUT, move |connection| {
        async move { delete_of_account(connection, account_id, now, later).await }.boxed()
    });
    swept.await?;
    Ok(BATCH)
}

async fn delete_of_account(
    connection: &mut PgConnection,
    account_id: UserId,
    now: DateTime<Utc>,
    later: DateTime<Utc>,
) -> Result<(), database::Error> {
    let batch = i64::try_from(BATCH).expect("a batch is small");
    if sessions::sweep_account(connection, account_id, batch).await? < BATCH {
        return sessions::finish(connection, account_id, later).await;
    }
    sessions::resume(connection, account_id, now).await
}
