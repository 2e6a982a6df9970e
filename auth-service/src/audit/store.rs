//! Statements over `auth.audit_event`.

use api::ids::{SessionId, UserId, uuid_at};
use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::domain::{AuditEvent, RecordedEvent};
use crate::{sql::sql, sweep::Batch};

/// Records an event of an account. Other statements of the same transaction make the change, if there is one.
pub(crate) async fn insert(
    connection: &mut PgConnection,
    event: &AuditEvent,
    account_id: UserId,
    session_id: Option<SessionId>,
) -> Result<(), database::Error> {
    sql!(query, [insert_audit_event " values ($1, $2, $3, $4, $5, $6, $7)"],
        event.id,
        event.time,
        event.kind.as_str(),
        account_id.uuid(),
        session_id.map(SessionId::uuid),
        event.origin.ip,
        event.origin.user_agent,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Records an event that concerns no account, and who caused it: an administrator's account id, `cli`, or nobody.
pub(crate) async fn insert_general(
    connection: &mut PgConnection,
    event: &AuditEvent,
    actor: Option<&str>,
) -> Result<(), database::Error> {
    sqlx::query!(
        "insert into auth.audit_event (id, time, kind, actor, ip, user_agent) values ($1, $2, $3, $4, $5, $6)",
        event.id,
        event.time,
        event.kind.as_str(),
        actor,
        event.origin.ip,
        event.origin.user_agent,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Records what somebody else did to an account: `actor` is the id of an administrator's account, or `cli`.
pub(crate) async fn insert_by(
    connection: &mut PgConnection,
    event: &AuditEvent,
    account_id: UserId,
    actor: &str,
) -> Result<(), database::Error> {
    sqlx::query!(
        "insert into auth.audit_event (id, time, kind, account_id, actor, ip, user_agent)
         values ($1, $2, $3, $4, $5, $6, $7)",
        event.id,
        event.time,
        event.kind.as_str(),
        account_id.uuid(),
        actor,
        event.origin.ip,
        event.origin.user_agent,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// At most `limit` events older than the one with the id `before`, the newest first.
pub(crate) async fn list(
    connection: &mut PgConnection,
    before: Uuid,
    limit: i64,
) -> Result<Vec<RecordedEvent>, database::Error> {
    let listed = sql!(query_as RecordedEvent,
        ["select " audit_event_columns " from auth.audit_event where id < $1 order by id desc limit $2"],
        before,
        limit,
    )
    .fetch_all(connection)
    .await?;
    Ok(listed)
}

/// At most `limit` events of one account older than the one with the id `before`, the newest first.
pub(crate) async fn list_of_account(
    connection: &mut PgConnection,
    account_id: UserId,
    before: Uuid,
    limit: i64,
) -> Result<Vec<RecordedEvent>, database::Error> {
    let listed = sql!(query_as RecordedEvent,
        ["select " audit_event_columns "
          from auth.audit_event
          where account_id = $1 and id < $2
          order by id desc
          limit $3"],
        account_id.uuid(),
        before,
        limit,
    )
    .fetch_all(connection)
    .await?;
    Ok(listed)
}

/// Deletes a batch of events from before `limit`; how many were deleted. The service can delete events only through this function
/// of the database, which leaves those of the last 30 days.
pub(crate) async fn sweep(
    connection: &mut PgConnection,
    limit: DateTime<Utc>,
    batch: Batch,
) -> Result<u64, database::Error> {
    let deleted = sqlx::query_scalar!(
        r#"select auth.sweep_audit_events($1, $2, $3) as "deleted!""#,
        uuid_at(limit),
        batch.size,
        batch.skip,
    )
    .fetch_one(connection)
    .await?;
    Ok(deleted.cast_unsigned())
}
