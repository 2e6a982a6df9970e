//! Statements over deleted accounts, and over the place up to which they were read. They read no task.

use api::ids::UserId;
use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use super::Place;
use crate::error::Error;

/// The place up to which deletions were read; `None` before the first.
pub(super) async fn find_place(conn: &mut PgConnection) -> Result<Option<Place>, Error> {
    let place = sqlx::query_as!(
        Place,
        r#"select incarnation, sequence from tasks.deletions_read"#
    );
    Ok(place.fetch_optional(conn).await?)
}

/// Records the place up to which deletions were read. Another process may be further in the same history.
pub(super) async fn set_place(conn: &mut PgConnection, place: &Place) -> Result<(), Error> {
    let set = sqlx::query!(
        r#"insert into tasks.deletions_read as r (incarnation, sequence) values ($1, $2) on conflict (singleton) do update set incarnation = $1, sequence = $2 where r.incarnation <> $1 or r.sequence < $2"#,
        place.incarnation,
        place.sequence,
    );
    set.execute(conn).await?;
    Ok(())
}

/// Records that the account was deleted, if it has rows or `recent` says that some may appear; how many were recorded. An
/// account that is recorded already stays as it is.
pub(super) async fn record(
    conn: &mut PgConnection,
    owner: UserId,
    recent: bool,
    now: DateTime<Utc>,
) -> Result<u64, Error> {
    let recorded = sqlx::query!(
        r#"
        insert into tasks.deleted_account as d (user_id, record_time, next_purge_time)
        select $1, $2, $2 where $3 or exists (select from tasks.owner where user_id = $1)
        on conflict (user_id) do nothing
        "#,
        owner.uuid(),
        now,
        recent,
    );
    Ok(recorded.execute(conn).await?.rows_affected())
}
