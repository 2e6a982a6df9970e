//! Statements that remove expired rows, one owner at a time.

use api::ids::UserId;
use chrono::{DateTime, TimeDelta, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::error::Error;

/// An owner with rows to be removed: its place in the order in which owners are visited.
#[derive(Debug, Clone, Copy)]
pub(super) struct DueOwner {
    /// Since when there is something to remove.
    pub(super) time: DateTime<Utc>,
    pub(super) owner: UserId,
}

impl DueOwner {
    /// Before every owner.
    pub(super) fn first() -> Self {
        Self {
            time: DateTime::UNIX_EPOCH,
            owner: UserId::from(Uuid::nil()),
        }
    }
}

/// Owners with expired rows that come after `after`, the longest overdue first. This is the only statement that is not about
/// one owner; it reads no task.
pub(super) async fn list_due_owners(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    after: DueOwner,
    limit: i64,
) -> Result<Vec<DueOwner>, Error> {
    let owners = sqlx::query_as!(
        DueOwner,
        r#"select next_purge_time as "time!", user_id as owner from tasks.owner where next_purge_time <= $1 and (next_purge_time, user_id) > ($2, $3) order by next_purge_time, user_id limit $4"#,
        now,
        after.time,
        after.owner.uuid(),
        limit,
    );
    Ok(owners.fetch_all(conn).await?)
}

/// Locks the owner's counters until the transaction ends, so that no row of the owner appears or changes meanwhile; false when
/// another transaction holds them, or when there are none. It does not wait: a change locks its task before the counters.
pub(super) async fn lock_owner(conn: &mut PgConnection, owner: UserId) -> Result<bool, Error> {
    let locked = sqlx::query!(
        r#"select user_id from tasks.owner where user_id = $1 for update skip locked"#,
        owner.uuid()
    );
    Ok(locked.fetch_optional(conn).await?.is_some())
}

/// Removes at most `batch` of the owner's tasks whose purge time has come; returns their number. Tasks that another
/// transaction holds are skipped.
pub(super) async fn purge_tasks(
    conn: &mut PgConnection,
    owner: UserId,
    now: DateTime<Utc>,
    batch: i64,
) -> Result<u64, Error> {
    let purged = sqlx::query!(
        r#"
        delete from tasks.task where user_id = $1 and id in (
            select id from tasks.task where user_id = $1 and purge_time <= $2
            order by id limit $3 for update skip locked
        )
        "#,
        owner.uuid(),
        now,
        batch,
    );
    Ok(purged.execute(conn).await?.rows_affected())
}

/// Removes at most `batch` of the owner's remembered requests that were made at `expired` or earlier; returns their number.
/// Requests that another transaction holds are skipped.
pub(super) async fn purge_requests(
    conn: &mut PgConnection,
    owner: UserId,
    expired: DateTime<Utc>,
    batch: i64,
) -> Result<u64, Error> {
    let purged = sqlx::query!(
        r#"
        delete from tasks.request where user_id = $1 and request_id in (
            select request_id from tasks.request where user_id = $1 and create_time <= $2
            order by request_id limit $3 for update skip locked
        )
        "#,
        owner.uuid(),
        expired,
        batch,
    );
    Ok(purged.execute(conn).await?.rows_affected())
}

/// Sets the time of the owner's next purge: when the first of the rows that are left expires. Returns that time. It also counts
/// the rows that are left. The owner's counters must be locked.
pub(super) async fn schedule_purge(
    conn: &mut PgConnection,
    owner: UserId,
    answer_ttl: TimeDelta,
) -> Result<Option<DateTime<Utc>>, Error> {
    let scheduled = sqlx::query_scalar!(
        r#"
        update tasks.owner set
            next_purge_time = least(
                (select min(purge_time) from tasks.task where user_id = $1),
                (select min(create_time) + make_interval(secs => $2) from tasks.request where user_id = $1)
            ),
            stored_count = (select count(*) from tasks.task where user_id = $1),
            request_count = (select count(*) from tasks.request where user_id = $1)
        where user_id = $1
        returning next_purge_time
        "#,
        owner.uuid(),
        answer_ttl.as_seconds_f64(),
    );
    Ok(scheduled.fetch_optional(conn).await?.flatten())
}
