//! Statements over `auth.throttle`. The counts are read together with the credentials that they protect:
//! [`crate::passwords::store`].

use chrono::{DateTime, Utc};
use database;
use sqlx::PgConnection;

use super::domain::ThrottleKey;
use crate::batch::Batch;

/// Counts a wrong password. A window begins with the first failure after the last window ended.
pub(crate) async fn count_failure(
    connection: &mut PgConnection,
    key: &ThrottleKey,
    now: DateTime<Utc>,
) -> Result<(), database::Error> {
    sqlx::query!(
        "insert into auth.throttle as t (key, failures, expire_time)
         values ($1, 1, $3)
         on conflict on constraint throttle_pkey do update
         set failures = case when t.expire_time > $2 then t.failures + 1 else 1 end,
             expire_time = case when t.expire_time > $2 then t.expire_time else excluded.expire_time end",
        &key.key,
        now,
        key.expire_time(now),
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Deletes a batch of counts whose window is over; how many were deleted. Rows that another sweeper holds are skipped.
pub(crate) async fn sweep(
    connection: &mut PgConnection,
    now: DateTime<Utc>,
    batch: Batch,
) -> Result<u64, database::Error> {
    let deleted = sqlx::query!(
        "delete from auth.throttle
         where key in (
           select key from auth.throttle
           where expire_time <= $1
           order by expire_time
           limit $2 offset $3
           for update skip locked
         )",
        now,
        batch.size,
        batch.skip,
    )
    .execute(connection)
    .await?;
    Ok(deleted.rows_affected())
}
