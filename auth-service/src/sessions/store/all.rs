//! Statements that end all sessions of an account, or all but one. Their work does not grow with the number of sessions.
//!
//! Of the newest sessions each row is marked: an account has no more of them, unless it got them before there was a limit. All
//! others end by `account.session_epoch` alone, and are deleted later.

use api::ids::{SessionId, UserId};
use chrono::{DateTime, Utc};
use database;
use serving::caller::Caller;
use sqlx::PgConnection;

use super::end::RevokeReason;
use crate::{
    revocations::{domain::RevocationWindow, store::SESSION},
    sql::sql,
};

/// Rows of an account that one statement reads at most. It is more than an account keeps: its live sessions, of which the setting
/// allows 1,000, and the ended ones that are kept.
pub(crate) const MAX_READ: i64 = 2_000;

/// What was done to the newest sessions of an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NewestEnded {
    /// How many of those that ended were live.
    pub(crate) live: i64,
    /// Whether the account may have older sessions.
    pub(crate) more: bool,
}

/// Locks an account, so that none of its sessions begins and no other caller ends all of them.
pub(crate) async fn lock_account(
    connection: &mut PgConnection,
    id: UserId,
) -> Result<(), database::Error> {
    sqlx::query!(
        "select id from auth.account where id = $1 for no key update",
        id.uuid()
    )
    .fetch_optional(connection)
    .await?;
    Ok(())
}

/// Whether the session of a caller is live, and its access token valid.
pub(crate) async fn is_own_live(
    connection: &mut PgConnection,
    caller: &Caller,
    now: DateTime<Utc>,
) -> Result<bool, database::Error> {
    let live = sql!(query_scalar,
        ["select exists (
            select from auth.session s join auth.account a on a.id = s.account_id where " caller_is_live r#"
          ) as "live!""#],
        caller(caller, now),
    )
    .fetch_one(connection)
    .await?;
    Ok(live)
}

/// Ends the newest sessions of an account, which is locked, except one. With a window it revokes the tokens of each, but only if the
/// account has no older sessions.
pub(crate) async fn end_newest(
    connection: &mut PgConnection,
    account_id: UserId,
    except: Option<SessionId>,
    reason: RevokeReason,
    now: DateTime<Utc>,
    window: Option<RevocationWindow>,
) -> Result<NewestEnded, database::Error> {
    let ended = sql!(query_as NewestEnded,
        ["with newest as materialized (
            select s.id, s.revoke_time is null as open, " session_is_live("$3") " as live
            from (select * from auth.session where account_id = $1 order by create_time desc limit $5) s
            join auth.account a on a.id = s.account_id
          ), size as (
            select count(*) >= $5 as more from newest
          ), ended as (
            update auth.session s
            set revoke_time = $3, revoke_reason = $4
            from newest
            where s.id = newest.id and newest.open and s.id is distinct from $2 and s.revoke_time is null
            returning s.id, newest.live
          ), revoked as (
            " insert_revocation r#"
            select $7, ended.id::text, 0, $3, $6::timestamptz from ended, size
            where ended.live and not size.more and $6::timestamptz is not null
          )
          select size.more as "more!", (select count(*) from ended where live) as "live!" from size"#],
        account_id.uuid(),
        except.map(SessionId::uuid),
        now,
        reason as i16,
        MAX_READ,
        window.map(|window| window.expire_time),
        SESSION,
    )
    .fetch_one(connection)
    .await?;
    Ok(ended)
}

/// Ends every session of an account whose epoch is not that of the account.
pub(crate) async fn end_older(
    connection: &mut PgConnection,
    account_id: UserId,
) -> Result<(), database::Error> {
    sqlx::query!(
        "update auth.account set session_epoch = epoch where id = $1",
        account_id.uuid(),
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Lets the session of a caller go on although its account has got a new epoch, with the access tokens that it has.
pub(crate) async fn keep(
    connection: &mut PgConnection,
    caller: &Caller,
    epoch: i64,
) -> Result<(), database::Error> {
    sqlx::query!(
        "update auth.session set epoch = $2, token_epoch = coalesce(token_epoch, $3) where id = $1",
        caller.session_id.uuid(),
        epoch,
        caller.epoch,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Deletes the newest sessions of an account that is being deleted.
pub(crate) async fn delete_newest(
    connection: &mut PgConnection,
    account_id: UserId,
) -> Result<(), database::Error> {
    sqlx::query!(
        "delete from auth.session where id in (
           select id from auth.session where account_id = $1 order by create_time desc limit $2
         )",
        account_id.uuid(),
        MAX_READ,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Lets the sessions of an account be deleted from `due` on that ended without being marked.
pub(crate) async fn schedule_sweep(
    connection: &mut PgConnection,
    account_id: UserId,
    due: DateTime<Utc>,
) -> Result<(), database::Error> {
    sqlx::query!(
        "insert into auth.session_sweep (account_id, due_time) values ($1, $2)
         on conflict on constraint session_sweep_pkey do update set due_time = excluded.due_time",
        account_id.uuid(),
        due,
    )
    .execute(connection)
    .await?;
    Ok(())
}
