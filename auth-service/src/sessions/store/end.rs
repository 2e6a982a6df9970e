//! Statements that end sessions. Each also revokes the tokens of the session and records the end, itself or in the same
//! transaction.

use api::ids::SessionId;
use database;
use serving::caller::Caller;
use sqlx::PgConnection;

use crate::{
    audit::domain::AuditEvent,
    revocations::{domain::RevocationWindow, store::SESSION},
    sql::sql,
};

/// Why a session was ended, as the column `revoke_reason` has it. Numbers are never used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i16)]
pub(crate) enum RevokeReason {
    /// By its own refresh token.
    SignedOut = 1,
    /// By its account, as one session or with all others.
    ByAccount = 2,
    /// The password was changed from another session.
    PasswordChanged = 3,
    /// A second party presented its refresh token.
    Reused = 4,
    /// Its refresh token was newer than the database.
    Restored = 5,
    /// By an administrator, who may have disabled the account too.
    ByAdmin = 6,
    /// It was the oldest one when the account had too many.
    Displaced = 7,
}

/// The result of ending sessions or API keys of a caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct EndResult {
    /// Whether the caller's own session is live.
    pub(crate) caller_live: bool,
    /// How many were ended.
    pub(crate) count: i64,
}

/// Ends a session, revokes its tokens and records why; false when it had ended before.
pub(crate) async fn end(
    connection: &mut PgConnection,
    id: SessionId,
    reason: RevokeReason,
    event: &AuditEvent,
    window: RevocationWindow,
) -> Result<bool, database::Error> {
    let recorded = sql!(query,
        ["with ended as (
            update auth.session
            set revoke_time = $3, revoke_reason = $2
            where id = $1 and revoke_time is null
            returning id, account_id
          ), revoked as (
            " insert_revocation "
            select $8, ended.id::text, 0, $3, $9 from ended
          )
          " insert_audit_event "
          select $4, $3, $5, ended.account_id, ended.id, $6, $7 from ended"],
        id.uuid(),
        reason as i16,
        event.time,
        event.id,
        event.kind.as_str(),
        event.origin.ip,
        event.origin.user_agent,
        SESSION,
        window.expire_time,
    )
    .execute(connection)
    .await?;
    Ok(recorded.rows_affected() == 1)
}

/// Ends the session of a refresh token of any generation, revokes its tokens and records it. An unknown session, or one that
/// has ended, is not an error (RFC 7009 section 2.2).
pub(crate) async fn sign_out(
    connection: &mut PgConnection,
    id: SessionId,
    secret_hash: &[u8; 32],
    event: &AuditEvent,
    window: RevocationWindow,
) -> Result<(), database::Error> {
    sql!(query,
        ["with ended as (
            update auth.session
            set revoke_time = $4, revoke_reason = $3
            where id = $1 and secret_hash = $2 and revoke_time is null
            returning id, account_id
          ), revoked as (
            " insert_revocation "
            select $9, ended.id::text, 0, $4, $10 from ended
          )
          " insert_audit_event "
          select $5, $4, $6, ended.account_id, ended.id, $7, $8 from ended"],
        id.uuid(),
        secret_hash,
        RevokeReason::SignedOut as i16,
        event.time,
        event.id,
        event.kind.as_str(),
        event.origin.ip,
        event.origin.user_agent,
        SESSION,
        window.expire_time,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Ends one live session of a caller whose own session is live, revokes its tokens and records it.
pub(crate) async fn revoke(
    connection: &mut PgConnection,
    caller: &Caller,
    id: SessionId,
    event: &AuditEvent,
    window: RevocationWindow,
) -> Result<EndResult, database::Error> {
    let ended = sql!(query_as EndResult,
        ["with own as (
            select s.account_id from auth.session s join auth.account a on a.id = s.account_id where " caller_is_live "
          ), ended as (
            update auth.session s
            set revoke_time = $5, revoke_reason = $7
            from own
            join auth.account a on a.id = own.account_id
            where s.id = $6 and s.account_id = own.account_id and " session_is_live("$5") "
            returning s.id, s.account_id
          ), revoked as (
            " insert_revocation "
            select $12, ended.id::text, 0, $5, $13 from ended
          ), recorded as (
            " insert_audit_event r#"
            select $8, $5, $9, ended.account_id, ended.id, $10, $11 from ended
          )
          select exists (select from own) as "caller_live!", (select count(*) from ended) as "count!""#],
        caller(caller, event.time),
        id.uuid(),
        RevokeReason::ByAccount as i16,
        event.id,
        event.kind.as_str(),
        event.origin.ip,
        event.origin.user_agent,
        SESSION,
        window.expire_time,
    )
    .fetch_one(connection)
    .await?;
    Ok(ended)
}
