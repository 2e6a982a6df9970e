//! Statements of administration: those that are about any account, not the caller's. Each belongs in a transaction that
//! began with [`authorize`], or is the command line's.

use chrono::{DateTime, Utc};
use shared::{caller::Caller, database, ids::UserId};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{ACTIVE, ADMIN, DISABLED, account::Account, revocation::RevokeReason};
use crate::domain::{DisplayName, Email};

/// Whether a caller whose session is live is an administrator now; `None` when it is not live.
///
/// The caller's account is locked for share: until the transaction is over, it stays what it is.
pub(crate) async fn authorize(
    connection: &mut PgConnection,
    caller: &Caller,
    now: DateTime<Utc>,
) -> Result<Option<bool>, database::Error> {
    let admin = sqlx::query_scalar!(
        r#"select a.role = $6 as "admin!"
           from auth.session s
           join auth.account a on a.id = s.account_id
           where s.id = $1 and s.account_id = $2 and a.epoch = $3 and a.state = $4
             and s.revoke_time is null and s.idle_deadline > $5 and s.absolute_deadline > $5
           for share of a"#,
        caller.session_id.uuid(),
        caller.user_id.uuid(),
        caller.epoch,
        ACTIVE,
        now,
        ADMIN,
    )
    .fetch_optional(connection)
    .await?;
    Ok(admin)
}

/// At most `limit` accounts that were made before the one with the id `before`, the newest first.
pub(crate) async fn list_accounts(
    connection: &mut PgConnection,
    before: Uuid,
    limit: i64,
) -> Result<Vec<Account>, database::Error> {
    let listed = sqlx::query_as!(
        Account,
        r#"select id as "id: UserId", email as "email: Email", display_name as "display_name: DisplayName", role, state,
                  epoch, revision, create_time, update_time
           from auth.account
           where id < $1
           order by id desc
           limit $2"#,
        before,
        limit,
    )
    .fetch_all(connection)
    .await?;
    Ok(listed)
}

/// The account with this id.
pub(crate) async fn find_account(
    connection: &mut PgConnection,
    id: UserId,
) -> Result<Option<Account>, database::Error> {
    let found = sqlx::query_as!(
        Account,
        r#"select id as "id: UserId", email as "email: Email", display_name as "display_name: DisplayName", role, state,
                  epoch, revision, create_time, update_time
           from auth.account
           where id = $1"#,
        id.uuid(),
    )
    .fetch_optional(connection)
    .await?;
    Ok(found)
}

/// The account with this address.
pub(crate) async fn find_account_of(
    connection: &mut PgConnection,
    email_hash: &[u8; 32],
) -> Result<Option<Account>, database::Error> {
    let found = sqlx::query_as!(
        Account,
        r#"select id as "id: UserId", email as "email: Email", display_name as "display_name: DisplayName", role, state,
                  epoch, revision, create_time, update_time
           from auth.account
           where email_hash = $1"#,
        email_hash,
    )
    .fetch_optional(connection)
    .await?;
    Ok(found)
}

/// Closes an open account and raises its epoch.
pub(crate) async fn disable(
    connection: &mut PgConnection,
    id: UserId,
    now: DateTime<Utc>,
) -> Result<Option<Account>, database::Error> {
    let disabled = sqlx::query_as!(
        Account,
        r#"update auth.account
           set state = $3, epoch = epoch + 1, revision = revision + 1, update_time = $4
           where id = $1 and state = $2
           returning id as "id: UserId", email as "email: Email", display_name as "display_name: DisplayName", role, state,
                     epoch, revision, create_time, update_time"#,
        id.uuid(),
        ACTIVE,
        DISABLED,
        now,
    )
    .fetch_optional(connection)
    .await?;
    Ok(disabled)
}

/// Opens a closed account.
pub(crate) async fn enable(
    connection: &mut PgConnection,
    id: UserId,
    now: DateTime<Utc>,
) -> Result<Option<Account>, database::Error> {
    let enabled = sqlx::query_as!(
        Account,
        r#"update auth.account
           set state = $3, revision = revision + 1, update_time = $4
           where id = $1 and state = $2
           returning id as "id: UserId", email as "email: Email", display_name as "display_name: DisplayName", role, state,
                     epoch, revision, create_time, update_time"#,
        id.uuid(),
        DISABLED,
        ACTIVE,
        now,
    )
    .fetch_optional(connection)
    .await?;
    Ok(enabled)
}

/// Locks an open administrator that is not `but`; false when there is none.
///
/// After `but` was updated or deleted in the same transaction: two that do so to the last two of them wait for each other,
/// and one is called again.
pub(crate) async fn lock_other_admin(
    connection: &mut PgConnection,
    but: UserId,
) -> Result<bool, database::Error> {
    let other = sqlx::query_scalar!(
        r#"select true as "other!" from auth.account where role = $2 and state = $3 and id <> $1 limit 1 for share"#,
        but.uuid(),
        ADMIN,
        ACTIVE,
    )
    .fetch_optional(connection)
    .await?;
    Ok(other.is_some())
}

/// Raises the epoch of an account, which voids its tokens; the new epoch.
pub(crate) async fn raise_epoch(
    connection: &mut PgConnection,
    id: UserId,
) -> Result<Option<i64>, database::Error> {
    let epoch = sqlx::query_scalar!(
        "update auth.account set epoch = epoch + 1 where id = $1 returning epoch",
        id.uuid(),
    )
    .fetch_optional(connection)
    .await?;
    Ok(epoch)
}

/// Ends every session of an account; how many of them were open.
pub(crate) async fn end_sessions(
    connection: &mut PgConnection,
    id: UserId,
    now: DateTime<Utc>,
) -> Result<i64, database::Error> {
    let open = sqlx::query_scalar!(
        r#"with ended as (
             update auth.session
             set revoke_time = $2, revoke_reason = $3
             where account_id = $1 and revoke_time is null
             returning idle_deadline > $2 and absolute_deadline > $2 as open
           )
           select count(*) filter (where open) as "open!" from ended"#,
        id.uuid(),
        now,
        RevokeReason::ByAdmin as i16,
    )
    .fetch_one(connection)
    .await?;
    Ok(open)
}

/// Ends every API key of an account.
pub(crate) async fn end_api_keys(
    connection: &mut PgConnection,
    id: UserId,
    now: DateTime<Utc>,
) -> Result<(), database::Error> {
    sqlx::query!(
        "update auth.api_key set revoke_time = $2 where account_id = $1 and revoke_time is null",
        id.uuid(),
        now,
    )
    .execute(connection)
    .await?;
    Ok(())
}
