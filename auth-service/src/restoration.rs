//! `auth-service restored`: what makes a database that was restored from a backup fit to serve.
//!
//! A restore takes back every revocation made since the backup: sessions that were signed out, API keys and signing keys
//! that were ended are live again, and nothing in the database tells which. So all of them end here. No access token from
//! before passes any more, since no key that signed one is left: those in the backup are killed, and later ones are unknown.
//! Epochs jump, so that none handed out since the backup is handed out again with another meaning.

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, SubsecRound as _, Utc};
use futures_util::FutureExt as _;
use shared::{
    clock::Clock,
    database::{self, Lanes},
};
use sqlx::PgConnection;
use tokio::time::Instant;

use crate::{
    config::Config,
    error,
    store::{
        audit::{self, Act, Kind},
        feed::Voiding,
        restoration as store,
    },
};

/// Who the audit log says it was.
const ACTOR: &str = "cli";
/// Longest the transaction may take: it writes every account and every live session.
const LIMIT: Duration = Duration::from_hours(1);
/// More than any account's epoch was raised since a backup: each step of it is an act of a person.
const JUMP: i64 = 1 << 20;

/// Why nothing was done.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The database's URL cannot be read.
    #[error("auth.database.url cannot be read")]
    Url(#[source] sqlx::Error),
    /// The database did not do it.
    #[error(transparent)]
    Act(#[from] error::Error),
}

impl Error {
    /// For the shell, after sysexits.h: 69 the database cannot be reached, 70 anything else.
    #[must_use]
    pub const fn exit_code(&self) -> u8 {
        match self {
            Self::Act(error::Error::Database(_)) => 69,
            Self::Url(_) | Self::Act(_) => 70,
        }
    }
}

/// How many of each were ended.
#[derive(Debug)]
struct Ended {
    accounts: u64,
    sessions: u64,
    api_keys: u64,
    signing_keys: u64,
}

/// Ends everything that was issued before, in one transaction, and says what it was. Harmless when done again, but that
/// everybody is signed out again.
pub async fn run(config: Config, clock: &dyn Clock) -> Result<String, Error> {
    let now = clock.now().trunc_subsecs(6);
    let voiding = crate::parts::lag(&config).voiding(now);
    let patient = database::Settings {
        lanes: 1,
        unit_limit: LIMIT,
        statement_timeout: LIMIT,
        ..config.database
    };
    let lanes = Lanes::start(patient).map_err(Error::Url)?;
    let act = Arc::new(Act::without_call(Kind::DatabaseRestored, now));
    let ended = lanes.transaction(Instant::now() + LIMIT, move |connection| {
        let act = Arc::clone(&act);
        async move { end_all(connection, &act, now, voiding).await }.boxed()
    });
    let ended: Result<Ended, error::Error> = ended.await;
    lanes.close().await;
    let ended = ended?;
    Ok(format!(
        "everything issued before is void: {} sessions, {} API keys and {} signing keys have ended, \
         and the epochs of {} accounts are raised",
        ended.sessions, ended.api_keys, ended.signing_keys, ended.accounts
    ))
}

/// The transaction. Accounts come first, since sessions are begun under a lock of theirs: none begins unseen.
async fn end_all(
    connection: &mut PgConnection,
    act: &Act,
    now: DateTime<Utc>,
    voiding: Voiding,
) -> Result<Ended, error::Error> {
    let ended = Ended {
        accounts: store::raise_epochs(connection, JUMP).await?,
        sessions: store::end_sessions(connection, now).await?,
        api_keys: store::end_api_keys(connection, now).await?,
        signing_keys: store::kill_signing_keys(connection, voiding).await?,
    };
    audit::insert_general(connection, act, Some(ACTOR)).await?;
    Ok(ended)
}
