//! Statements over remembered requests.

use api::ids::UserId;
use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::RequestKey;
use crate::error::Error;

/// A remembered request.
#[derive(Debug)]
pub(super) struct Remembered {
    pub(super) fingerprint: Vec<u8>,
    /// The task in the answer, as the contract encodes it.
    pub(super) answer: Option<Vec<u8>>,
}

/// Claims the request id. Succeeds if the id is new or was last used at `expired` or earlier. Waits while another
/// transaction holds the same id.
pub(super) async fn claim(
    conn: &mut PgConnection,
    owner: UserId,
    key: &RequestKey,
    expired: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<bool, Error> {
    let claimed = sqlx::query!(
        r#"
        insert into tasks.request as r (user_id, request_id, fingerprint, create_time)
        values ($1, $2, $3, $4)
        on conflict (user_id, request_id) do update
        set fingerprint = excluded.fingerprint, answer = null, create_time = excluded.create_time
        where r.create_time <= $5
        "#,
        owner.uuid(),
        key.id,
        &key.fingerprint[..],
        now,
        expired,
    );
    Ok(claimed.execute(conn).await?.rows_affected() == 1)
}

/// The first request with this id.
pub(super) async fn find(
    conn: &mut PgConnection,
    owner: UserId,
    request_id: Uuid,
) -> Result<Option<Remembered>, Error> {
    let found = sqlx::query_as!(
        Remembered,
        r#"select fingerprint, answer from tasks.request where user_id = $1 and request_id = $2"#,
        owner.uuid(),
        request_id,
    );
    Ok(found.fetch_optional(conn).await?)
}

/// Stores the answer to a claimed request. It can be purged from `expire_time` on.
pub(super) async fn set_answer(
    conn: &mut PgConnection,
    owner: UserId,
    request_id: Uuid,
    answer: &[u8],
    expire_time: DateTime<Utc>,
) -> Result<(), Error> {
    let stored = sqlx::query!(
        r#"
        with owner as (
            update tasks.owner set next_purge_time = least(next_purge_time, $4) where user_id = $1
        )
        update tasks.request set answer = $3 where user_id = $1 and request_id = $2
        "#,
        owner.uuid(),
        request_id,
        answer,
        expire_time,
    );
    stored.execute(conn).await?;
    Ok(())
}
