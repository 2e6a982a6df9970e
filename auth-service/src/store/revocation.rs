//! Statements that end sessions. Whatever ends one voids its tokens and records it in the same statement or
//! transaction.

use chrono::{DateTime, Utc};
use shared::{
    caller::Caller,
    database,
    ids::{SessionId, UserId},
};
use sqlx::PgConnection;

use super::{
    ACTIVE,
    audit::Act,
    feed::{self, Voiding},
};

/// Why a session was ended, as the column `revoke_reason` has it; numbers are never used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i16)]
pub(crate) enum RevokeReason {
    /// By its own refresh token.
    SignedOut = 1,
    /// By its account, one session or all others.
    ByAccount = 2,
    /// The password was changed elsewhere.
    PasswordChanged = 3,
    /// A second party presented its refresh token.
    Reused = 4,
    /// Its refresh token was newer than the database.
    Restored = 5,
    /// By an administrator, who may have closed the account too.
    ByAdmin = 6,
}

/// What became of the wish to end a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ended {
    /// Whether the caller's own session is live.
    pub(crate) caller_live: bool,
    /// How many sessions were ended.
    pub(crate) count: i64,
}

/// Ends a session, voids its tokens and records why, at once; false when it had ended already.
pub(crate) async fn end(
    connection: &mut PgConnection,
    id: SessionId,
    reason: RevokeReason,
    act: &Act,
    voiding: Voiding,
) -> Result<bool, database::Error> {
    let recorded = sqlx::query!(
        "with ended as (
           update auth.session
           set revoke_time = $3, revoke_reason = $2
           where id = $1 and revoke_time is null
           returning id, account_id
         ), voided as (
           insert into auth.revocation (kind, subject, min_epoch, create_time, expire_time)
           select $8, ended.id::text, 0, $3, $9 from ended
         )
         insert into auth.audit_event (id, time, kind, account_id, session_id, ip, user_agent)
         select $4, $3, $5, ended.account_id, ended.id, $6, $7 from ended",
        id.uuid(),
        reason as i16,
        act.time,
        act.id,
        act.kind.as_str(),
        act.origin.ip,
        act.origin.user_agent,
        feed::SESSION,
        voiding.expire_time,
    )
    .execute(connection)
    .await?;
    Ok(recorded.rows_affected() == 1)
}

/// Ends the session that a refresh token of any generation belongs to, voids its tokens and records it. One that is unknown or has ended
/// is no error (RFC 7009 section 2.2).
pub(crate) async fn sign_out(
    connection: &mut PgConnection,
    id: SessionId,
    secret_hash: &[u8; 32],
    act: &Act,
    voiding: Voiding,
) -> Result<(), database::Error> {
    sqlx::query!(
        "with ended as (
           update auth.session
           set revoke_time = $4, revoke_reason = $3
           where id = $1 and secret_hash = $2 and revoke_time is null
           returning id, account_id
         ), voided as (
           insert into auth.revocation (kind, subject, min_epoch, create_time, expire_time)
           select $9, ended.id::text, 0, $4, $10 from ended
         )
         insert into auth.audit_event (id, time, kind, account_id, session_id, ip, user_agent)
         select $5, $4, $6, ended.account_id, ended.id, $7, $8 from ended",
        id.uuid(),
        secret_hash,
        RevokeReason::SignedOut as i16,
        act.time,
        act.id,
        act.kind.as_str(),
        act.origin.ip,
        act.origin.user_agent,
        feed::SESSION,
        voiding.expire_time,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Ends one open session of a caller whose own is live, voids its tokens and records it.
pub(crate) async fn revoke(
    connection: &mut PgConnection,
    caller: &Caller,
    id: SessionId,
    act: &Act,
    voiding: Voiding,
) -> Result<Ended, database::Error> {
    let ended = sqlx::query_as!(
        Ended,
        r#"with own as (
             select s.account_id
             from auth.session s
             join auth.account a on a.id = s.account_id
             where s.id = $1 and s.account_id = $2 and a.epoch = $3 and a.state = $4
               and s.revoke_time is null and s.idle_deadline > $5 and s.absolute_deadline > $5
           ), ended as (
             update auth.session s
             set revoke_time = $5, revoke_reason = $7
             from own
             where s.id = $6 and s.account_id = own.account_id
               and s.revoke_time is null and s.idle_deadline > $5 and s.absolute_deadline > $5
             returning s.id, s.account_id
           ), voided as (
             insert into auth.revocation (kind, subject, min_epoch, create_time, expire_time)
             select $12, ended.id::text, 0, $5, $13 from ended
           ), recorded as (
             insert into auth.audit_event (id, time, kind, account_id, session_id, ip, user_agent)
             select $8, $5, $9, ended.account_id, ended.id, $10, $11 from ended
           )
           select exists (select from own) as "caller_live!", (select count(*) from ended) as "count!""#,
        caller.session_id.uuid(),
        caller.user_id.uuid(),
        caller.epoch,
        ACTIVE,
        act.time,
        id.uuid(),
        RevokeReason::ByAccount as i16,
        act.id,
        act.kind.as_str(),
        act.origin.ip,
        act.origin.user_agent,
        feed::SESSION,
        voiding.expire_time,
    )
    .fetch_one(connection)
    .await?;
    Ok(ended)
}

/// Ends every open session of a caller but its own, which must be live, voids their tokens and records it if there was
/// one.
pub(crate) async fn revoke_others(
    connection: &mut PgConnection,
    caller: &Caller,
    act: &Act,
    voiding: Voiding,
) -> Result<Ended, database::Error> {
    let ended = sqlx::query_as!(
        Ended,
        r#"with own as (
             select s.id, s.account_id
             from auth.session s
             join auth.account a on a.id = s.account_id
             where s.id = $1 and s.account_id = $2 and a.epoch = $3 and a.state = $4
               and s.revoke_time is null and s.idle_deadline > $5 and s.absolute_deadline > $5
           ), ended as (
             update auth.session s
             set revoke_time = $5, revoke_reason = $6
             from own
             where s.account_id = own.account_id and s.id <> own.id
               and s.revoke_time is null and s.idle_deadline > $5 and s.absolute_deadline > $5
             returning s.id
           ), voided as (
             insert into auth.revocation (kind, subject, min_epoch, create_time, expire_time)
             select $11, ended.id::text, 0, $5, $12 from ended
           ), recorded as (
             insert into auth.audit_event (id, time, kind, account_id, session_id, ip, user_agent)
             select $7, $5, $8, own.account_id, own.id, $9, $10 from own where exists (select from ended)
           )
           select exists (select from own) as "caller_live!", (select count(*) from ended) as "count!""#,
        caller.session_id.uuid(),
        caller.user_id.uuid(),
        caller.epoch,
        ACTIVE,
        act.time,
        RevokeReason::ByAccount as i16,
        act.id,
        act.kind.as_str(),
        act.origin.ip,
        act.origin.user_agent,
        feed::SESSION,
        voiding.expire_time,
    )
    .fetch_one(connection)
    .await?;
    Ok(ended)
}

/// Ends every session of an account but one: its password was changed, which voids the tokens of all.
pub(crate) async fn end_others(
    connection: &mut PgConnection,
    account_id: UserId,
    but: SessionId,
    now: DateTime<Utc>,
) -> Result<(), database::Error> {
    sqlx::query!(
        "update auth.session
         set revoke_time = $3, revoke_reason = $4
         where account_id = $1 and id <> $2 and revoke_time is null",
        account_id.uuid(),
        but.uuid(),
        now,
        RevokeReason::PasswordChanged as i16,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Deletes at most `batch` sessions whose absolute deadline is before `limit`; how many it were. Rows that another
/// sweeper holds are passed over.
pub(crate) async fn sweep(
    connection: &mut PgConnection,
    limit: DateTime<Utc>,
    batch: i64,
) -> Result<u64, database::Error> {
    let deleted = sqlx::query!(
        "delete from auth.session
         where id in (
           select id from auth.session
           where absolute_deadline < $1
           order by absolute_deadline
           limit $2
           for update skip locked
         )",
        limit,
        batch,
    )
    .execute(connection)
    .await?;
    Ok(deleted.rows_affected())
}
