//! Statements that delete sessions that have ended.

use api::ids::UserId;
use chrono::{DateTime, Utc};
use database;
use sqlx::PgConnection;

use crate::sweep::Batch;

/// Deletes a batch of sessions whose absolute deadline is before `limit`; how many were deleted. Rows that another sweeper holds
/// are skipped.
pub(crate) async fn sweep(
    connection: &mut PgConnection,
    limit: DateTime<Utc>,
    batch: Batch,
) -> Result<u64, database::Error> {
    let deleted = sqlx::query!(
        "delete from auth.session
         where id in (
           select id from auth.session
           where absolute_deadline < $1
           order by absolute_deadline, id
           limit $2 offset $3
           for update skip locked
         )",
        limit,
        batch.size,
        batch.skip,
    )
    .execute(connection)
    .await?;
    Ok(deleted.rows_affected())
}

/// The account that is due for longest. It is due again at `later`.
pub(crate) async fn put_off(
    connection: &mut PgConnection,
    now: DateTime<Utc>,
    later: DateTime<Utc>,
) -> Result<Option<UserId>, database::Error> {
    let due = sqlx::query_scalar!(
        r#"update auth.session_sweep set due_time = $2
           where account_id = (
             select account_id from auth.session_sweep
             where due_time <= $1
             order by due_time
             limit 1
             for update skip locked
           )
           returning account_id as "account_id: UserId""#,
        now,
        later,
    )
    .fetch_optional(connection)
    .await?;
    Ok(due)
}

/// Deletes at most `batch` sessions of an account that ended with all others and are not marked, or whose account is deleted; how
/// many were deleted.
pub(crate) async fn sweep_account(
    connection: &mut PgConnection,
    account_id: UserId,
    batch: i64,
) -> Result<u64, database::Error> {
    let deleted = sqlx::query!(
        "delete from auth.session
         where id in (
           select s.id from auth.session s
           left join auth.account a on a.id = s.account_id
           where s.account_id = $1
             and (a.id is null or s.revoke_time is null and coalesce(s.epoch, 0) < a.session_epoch)
           limit $2
           for update of s
         )",
        account_id.uuid(),
        batch,
    )
    .execute(connection)
    .await?;
    Ok(deleted.rows_affected())
}

/// Makes an account due again at once, because it has more sessions to delete.
pub(crate) async fn resume(
    connection: &mut PgConnection,
    account_id: UserId,
    now: DateTime<Utc>,
) -> Result<(), database::Error> {
    sqlx::query!(
        "update auth.session_sweep set due_time = $2 where account_id = $1",
        account_id.uuid(),
        now,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Removes an account that has no more sessions to delete, unless more have ended since it was put off until `due`.
pub(crate) async fn finish(
    connection: &mut PgConnection,
    account_id: UserId,
    due: DateTime<Utc>,
) -> Result<(), database::Error> {
    sqlx::query!(
        "delete from auth.session_sweep where account_id = $1 and due_time = $2",
        account_id.uuid(),
        due,
    )
    .execute(connection)
    .await?;
    Ok(())
}
