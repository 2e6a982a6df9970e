//! Statements that remove all rows of a deleted account, one account at a time.

use api::ids::UserId;
use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use super::super::{metrics::Pending, store::DueOwner};
use crate::error::Error;

/// Deleted accounts whose rows are to be looked for, that come after `after`. It reads no task.
pub(in super::super) async fn list_due_accounts(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    after: DueOwner,
    limit: i64,
) -> Result<Vec<DueOwner>, Error> {
    let accounts = sqlx::query_as!(
        DueOwner,
        r#"select next_purge_time as time, user_id as owner from tasks.deleted_account where next_purge_time <= $1 and (next_purge_time, user_id) > ($2, $3) order by next_purge_time, user_id limit $4"#,
        now,
        after.time,
        after.owner.uuid(),
        limit,
    );
    Ok(accounts.fetch_all(conn).await?)
}

/// The deleted accounts whose rows are not removed yet. It reads no task.
pub(in super::super) async fn count_pending(conn: &mut PgConnection) -> Result<Pending, Error> {
    let pending = sqlx::query_as!(
        Pending,
        r#"select count(*) as "accounts!", min(record_time) as oldest from tasks.deleted_account where purge_time is null"#,
    );
    Ok(pending.fetch_one(conn).await?)
}

/// Removes at most `batch` tasks of the owner; returns their number. Tasks that another transaction holds are skipped.
pub(super) async fn remove_tasks(
    conn: &mut PgConnection,
    owner: UserId,
    batch: i64,
) -> Result<u64, Error> {
    let removed = sqlx::query!(
        r#"
        delete from tasks.task where user_id = $1 and id in (
            select id from tasks.task where user_id = $1 order by id limit $2 for update skip locked
        )
        "#,
        owner.uuid(),
        batch,
    );
    Ok(removed.execute(conn).await?.rows_affected())
}

/// Removes at most `batch` remembered requests of the owner; returns their number. Requests that another transaction holds are
/// skipped.
pub(super) async fn remove_requests(
    conn: &mut PgConnection,
    owner: UserId,
    batch: i64,
) -> Result<u64, Error> {
    let removed = sqlx::query!(
        r#"
        delete from tasks.request where user_id = $1 and request_id in (
            select request_id from tasks.request where user_id = $1 order by request_id limit $2 for update skip locked
        )
        "#,
        owner.uuid(),
        batch,
    );
    Ok(removed.execute(conn).await?.rows_affected())
}

/// Removes the owner's counters, which this transaction has locked.
pub(super) async fn remove_counters(conn: &mut PgConnection, owner: UserId) -> Result<(), Error> {
    let removed = sqlx::query!(
        r#"delete from tasks.owner where user_id = $1"#,
        owner.uuid(),
    );
    removed.execute(conn).await?;
    Ok(())
}

/// Whether the owner has counters.
pub(super) async fn has_counters(conn: &mut PgConnection, owner: UserId) -> Result<bool, Error> {
    let found = sqlx::query_scalar!(
        r#"select exists (select from tasks.owner where user_id = $1) as "found!""#,
        owner.uuid(),
    );
    Ok(found.fetch_one(conn).await?)
}

/// Whether the owner has a task or a remembered request.
pub(super) async fn has_rows(conn: &mut PgConnection, owner: UserId) -> Result<bool, Error> {
    let found = sqlx::query_scalar!(
        r#"
        select exists (select from tasks.task where user_id = $1)
            or exists (select from tasks.request where user_id = $1) as "found!"
        "#,
        owner.uuid(),
    );
    Ok(found.fetch_one(conn).await?)
}

/// Records that no row was left at `now`, and when to look again.
pub(super) async fn look_again(
    conn: &mut PgConnection,
    owner: UserId,
    now: DateTime<Utc>,
    next: DateTime<Utc>,
) -> Result<(), Error> {
    let updated = sqlx::query!(
        r#"
        update tasks.deleted_account set purge_time = coalesce(purge_time, $2), next_purge_time = $3
        where user_id = $1
        "#,
        owner.uuid(),
        now,
        next,
    );
    updated.execute(conn).await?;
    Ok(())
}

/// Forgets the account if this service learned of it at `recorded` or earlier; whether it did.
pub(super) async fn forget(
    conn: &mut PgConnection,
    owner: UserId,
    recorded: DateTime<Utc>,
) -> Result<bool, Error> {
    let forgotten = sqlx::query!(
        r#"delete from tasks.deleted_account where user_id = $1 and record_time <= $2"#,
        owner.uuid(),
        recorded,
    );
    Ok(forgotten.execute(conn).await?.rows_affected() == 1)
}
