//! Statements that remove expired rows, one owner at a time.

use api::ids::UserId;
use chrono::{DateTime, TimeDelta, Utc};
use sqlx::PgConnection;

use crate::error::Error;

/// Owners with expired rows, the longest overdue first. This is the only statement that is not about one owner; it reads no
/// task.
pub(super) async fn list_due_owners(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    limit: i64,
) -> Result<Vec<UserId>, Error> {
    let owners = sqlx::query_scalar!(
        r#"select user_id from tasks.owner where next_purge_time <= $1 order by next_purge_time limit $2"#,
        now,
        limit,
    );
    let owners = owners.fetch_all(conn).await?;
    Ok(owners.into_iter().map(UserId::from).collect())
}

/// Removes the owner's tasks whose purge time has come; returns their number.
pub(super) async fn purge_tasks(
    conn: &mut PgConnection,
    owner: UserId,
    now: DateTime<Utc>,
) -> Result<u64, Error> {
    let purged = sqlx::query!(
        r#"delete from tasks.task where user_id = $1 and purge_time <= $2"#,
        owner.uuid(),
        now,
    );
    Ok(purged.execute(conn).await?.rows_affected())
}

/// Removes the owner's remembered requests that were made at `expired` or earlier; returns their number.
pub(super) async fn purge_requests(
    conn: &mut PgConnection,
    owner: UserId,
    expired: DateTime<Utc>,
) -> Result<u64, Error> {
    let purged = sqlx::query!(
        r#"delete from tasks.request where user_id = $1 and create_time <= $2"#,
        owner.uuid(),
        expired,
    );
    Ok(purged.execute(conn).await?.rows_affected())
}

/// Locks the owner's counters until the transaction ends, so that the next statement sees every row that will expire.
pub(super) async fn lock_owner(conn: &mut PgConnection, owner: UserId) -> Result<(), Error> {
    let locked = sqlx::query!(
        r#"select user_id from tasks.owner where user_id = $1 for update"#,
        owner.uuid()
    );
    locked.fetch_optional(conn).await?;
    Ok(())
}

/// Sets the time of the owner's next purge: when the first of the rows that are left expires.
pub(super) async fn schedule_purge(
    conn: &mut PgConnection,
    owner: UserId,
    answer_ttl: TimeDelta,
) -> Result<(), Error> {
    let scheduled = sqlx::query!(
        r#"
        update tasks.owner set next_purge_time = least(
            (select min(purge_time) from tasks.task where user_id = $1),
            (select min(create_time) + make_interval(secs => $2) from tasks.request where user_id = $1)
        )
        where user_id = $1
        "#,
        owner.uuid(),
        answer_ttl.as_seconds_f64(),
    );
    scheduled.execute(conn).await?;
    Ok(())
}
