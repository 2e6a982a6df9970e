//! Statements over `auth.revocation`: what voids access tokens before they expire.
//!
//! Whatever ends tokens voids them in the same transaction: with one of these functions, or in a statement of its own that
//! inserts into the table as they do.

use chrono::{DateTime, Utc};
use shared::{database, ids::UserId};
use sqlx::PgConnection;
use uuid::Uuid;

/// `kind` of a revocation: the numbers of `RevocationKind`.
pub(crate) const SESSION: i16 = 1;
pub(crate) const ACCOUNT: i16 = 2;
pub(crate) const KEY: i16 = 3;

/// `min_epoch` of an account that is gone: no epoch is good any more.
pub(crate) const NO_EPOCH: i64 = i64::MAX;

/// When tokens are voided, and when all of them have expired anyway.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Voiding {
    pub(crate) now: DateTime<Utc>,
    /// In whole seconds.
    pub(crate) expire_time: DateTime<Utc>,
}

/// Voids the tokens of one session or one API key: those whose `sid` is `id`.
#[expect(
    dead_code,
    reason = "sessions are ended together with this row in one statement; API keys are not"
)]
pub(crate) async fn revoke_session(
    connection: &mut PgConnection,
    id: Uuid,
    voiding: Voiding,
) -> Result<(), database::Error> {
    insert(connection, SESSION, &id.to_string(), 0, voiding).await
}

/// Voids the tokens of an account whose epoch is below `min_epoch`.
pub(crate) async fn revoke_account(
    connection: &mut PgConnection,
    id: UserId,
    min_epoch: i64,
    voiding: Voiding,
) -> Result<(), database::Error> {
    insert(connection, ACCOUNT, &id.to_string(), min_epoch, voiding).await
}

/// Voids the tokens that one key has signed.
#[expect(dead_code, reason = "no key can be killed yet")]
pub(crate) async fn revoke_key(
    connection: &mut PgConnection,
    kid: &str,
    voiding: Voiding,
) -> Result<(), database::Error> {
    insert(connection, KEY, kid, 0, voiding).await
}

async fn insert(
    connection: &mut PgConnection,
    kind: i16,
    subject: &str,
    min_epoch: i64,
    voiding: Voiding,
) -> Result<(), database::Error> {
    sqlx::query!(
        "insert into auth.revocation (kind, subject, min_epoch, create_time, expire_time)
         values ($1, $2, $3, $4, $5)",
        kind,
        subject,
        min_epoch,
        voiding.now,
        voiding.expire_time,
    )
    .execute(connection)
    .await?;
    Ok(())
}
