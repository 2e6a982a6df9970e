//! Statements after a restore from a backup. They end everything that was issued before. No running service uses them.

use chrono::{DateTime, Utc};
use database;
use sqlx::PgConnection;
use verifier::revocation::RevocationKind;

use crate::{revocations::domain::RevocationWindow, sessions::store::end::RevokeReason, sql::sql};

/// Raises the epoch of every account by `by`; how many accounts there are.
pub(crate) async fn raise_epochs(
    connection: &mut PgConnection,
    by: i64,
) -> Result<u64, database::Error> {
    let raised = sqlx::query!("update auth.account set epoch = epoch + $1", by)
        .execute(connection)
        .await?;
    Ok(raised.rows_affected())
}

/// Ends every session; how many had not ended before.
pub(crate) async fn end_sessions(
    connection: &mut PgConnection,
    now: DateTime<Utc>,
) -> Result<u64, database::Error> {
    let ended = sqlx::query!(
        "update auth.session set revoke_time = $1, revoke_reason = $2 where revoke_time is null",
        now,
        RevokeReason::Restored as i16,
    )
    .execute(connection)
    .await?;
    Ok(ended.rows_affected())
}

/// Ends every API key; how many had not ended before.
pub(crate) async fn end_api_keys(
    connection: &mut PgConnection,
    now: DateTime<Utc>,
) -> Result<u64, database::Error> {
    let ended = sqlx::query!(
        "update auth.api_key set revoke_time = $1 where revoke_time is null",
        now,
    )
    .execute(connection)
    .await?;
    Ok(ended.rows_affected())
}

/// Kills every signing key and revokes the tokens it has signed; how many keys there were.
pub(crate) async fn kill_signing_keys(
    connection: &mut PgConnection,
    window: RevocationWindow,
) -> Result<u64, database::Error> {
    let killed = sql!(query,
        ["with killed as (
           update auth.signing_key
           set kill_time = $1, sealed_private_key = null
           where kill_time is null
           returning kid
         )
         " insert_revocation "
         select $2, kid, 0, $1, $3 from killed"],
        window.now,
        RevocationKind::Key as i16,
        window.expire_time,
    )
    .execute(connection)
    .await?;
    Ok(killed.rows_affected())
}
