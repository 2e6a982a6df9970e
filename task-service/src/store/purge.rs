//! Statements that remove what is over, one owner at a time.

use chrono::{DateTime, Utc};
use shared::ids::UserId;
use sqlx::PgConnection;

use crate::error::Error;

/// Owners of whom something is to be removed, longest due first. The one statement that is not about one owner: it reads
/// no task.
pub(crate) async fn list_due_owners(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    most: i64,
) -> Result<Vec<UserId>, Error> {
    let owners = sqlx::query_scalar!(
        r#"select user_id from tasks.owner where next_purge_time <= $1 order by next_purge_time limit $2"#,
        now,
        most,
    );
    let owners = owners.fetch_all(conn).await?;
    Ok(owners.into_iter().map(UserId::from).collect())
}

/// Removes the owner's deleted tasks whose time is over; gives their number.
pub(crate) async fn purge_tasks(
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

/// Forgets the owner's requests that were answered up to `expired`; gives their number.
pub(crate) async fn purge_requests(
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

/// Keeps the owner's counters from changing until the transaction ends, so that the next statement sees all that is due.
pub(crate) async fn lock_owner(conn: &mut PgConnection, owner: UserId) -> Result<(), Error> {
    let locked = sqlx::query!(
        r#"select user_id from tasks.owner where user_id = $1 for update"#,
        owner.uuid()
    );
    locked.fetch_optional(conn).await?;
    Ok(())
}

/// Sets when something of the owner's is due next: after a purge what is left lies in the future.
pub(crate) async fn schedule_purge(
    conn: &mut PgConnection,
    owner: UserId,
    requests_kept: chrono::TimeDelta,
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
        requests_kept.as_seconds_f64(),
    );
    scheduled.execute(conn).await?;
    Ok(())
}
