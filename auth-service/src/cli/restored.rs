//! `auth-service restored` prepares a database that was restored from a backup for service.
//!
//! A restore undoes every revocation made since the backup: sessions, API keys and signing keys that were ended are live
//! again, and nothing in the database says which. So this command ends all of them. No access token issued before is valid
//! afterwards, because every key that signed one is killed or unknown. Epochs are raised by more than the number of their
//! changes since the backup, so that no epoch is used twice with different meanings.

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, SubsecRound as _, Utc};
use clock::Clock;
use database::{self, Lanes, Principal};
use futures_util::FutureExt as _;
use sqlx::PgConnection;
use tokio::time::Instant;

use super::{ACTOR, store};
use crate::{
    app::parts::revocation_ttl,
    audit::{
        domain::{AuditEvent, EventKind},
        store as audit,
    },
    config::Config,
    error,
    revocations::domain::{MAX_ACCESS_TTL, RevocationWindow},
};

/// Longest time of the transaction, which writes every account and every live session.
const TRANSACTION_TIMEOUT: Duration = Duration::from_hours(1);
/// More than the epoch of any account can have risen since the backup, because each step is an action of a person.
const EPOCH_STEP: i64 = 1 << 20;

/// Why the command has changed nothing.
#[derive(Debug, thiserror::Error)]
pub enum RestoredError {
    /// The URL of the database cannot be read.
    #[error("auth.database.url cannot be read")]
    Url(#[source] sqlx::Error),
    /// The transaction failed.
    #[error(transparent)]
    Failed(#[from] error::Error),
}

impl RestoredError {
    /// The exit code, after sysexits.h: 69 the database cannot be reached, 70 anything else.
    #[must_use]
    pub const fn exit_code(&self) -> u8 {
        match self {
            Self::Failed(error::Error::Database(_)) => 69,
            Self::Url(_) | Self::Failed(_) => 70,
        }
    }
}

/// How many of each were ended.
#[derive(Debug)]
struct EndedCounts {
    accounts: u64,
    sessions: u64,
    api_keys: u64,
    signing_keys: u64,
}

/// Ends everything that was issued before, in one transaction, and describes it. A second run only signs everyone out again.
pub async fn run(config: Config, clock: &dyn Clock) -> Result<String, RestoredError> {
    let now = clock.now().trunc_subsecs(6);
    let window = revocation_ttl(&config).window(MAX_ACCESS_TTL, now);
    let settings = database::Settings {
        lanes: 1,
        unit_limit: TRANSACTION_TIMEOUT,
        statement_timeout: TRANSACTION_TIMEOUT,
        ..config.database
    };
    let lanes = Lanes::start(settings).map_err(RestoredError::Url)?;
    let event = Arc::new(AuditEvent::without_call(EventKind::DatabaseRestored, now));
    let ended = lanes.transaction(
        Principal::Internal("cli"),
        Instant::now() + TRANSACTION_TIMEOUT,
        move |connection| {
            let event = Arc::clone(&event);
            async move { end_all(connection, &event, now, window).await }.boxed()
        },
    );
    let ended: Result<EndedCounts, error::Error> = ended.await;
    lanes.close().await;
    let ended = ended?;
    Ok(format!(
        "everything issued before is revoked: {} sessions, {} API keys and {} signing keys have ended, \
         and the epochs of {} accounts are raised",
        ended.sessions, ended.api_keys, ended.signing_keys, ended.accounts
    ))
}

/// The transaction. Accounts come first, because a session begins under a lock of its account: no session can begin unseen.
async fn end_all(
    connection: &mut PgConnection,
    event: &AuditEvent,
    now: DateTime<Utc>,
    window: RevocationWindow,
) -> Result<EndedCounts, error::Error> {
    let ended = EndedCounts {
        accounts: store::raise_epochs(connection, EPOCH_STEP).await?,
        sessions: store::end_sessions(connection, now).await?,
        api_keys: store::end_api_keys(connection, now).await?,
        signing_keys: store::kill_signing_keys(connection, window).await?,
    };
    audit::insert_general(connection, event, Some(ACTOR)).await?;
    Ok(ended)
}
