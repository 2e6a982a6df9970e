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

/// Claims the request id if it is new. Waits while another transaction holds the same id.
pub(super) async fn claim(
    conn: &mut PgConnection,
    owner: UserId,
    key: &RequestKey,
    now: DateTime<Utc>,
) -> Result<bool, Error> {
    let claimed = sqlx::query!(
        r#"
        insert into tasks.request (user_id, request_id, fingerprint, create_time)
        values ($1, $2, $3, $4)
        on conflict (user_id, request_id) do nothing
        "#,
        owner.uuid(),
        key.id,
        &key.fingerprint[..],
        now,
    );
    Ok(claimed.execute(conn).await?.rows_affected() == 1)
}

/// Claims the request id if it was last used at `expired` or earlier, and is not purged yet.
pub(super) async fn claim_again(
    conn: &mut PgConnection,
    owner: UserId,
    key: &RequestKey,
    expired: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<bool, Error> {
    let claimed = sqlx::query!(
        r#"
        update tasks.request set fingerprint = $3, answer = null, create_time = $4
        where user_id = $1 and request_id = $2 and create_time <= $5
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

/// What is stored of a claimed request.
#[derive(Debug)]
pub(super) struct Answer<'a> {
    pub(super) request_id: Uuid,
    /// The task in the answer, as the contract encodes it.
    pub(super) task: &'a [u8],
    /// How many requests it adds to those that are remembered: 0 or 1.
    pub(super) added: i32,
    /// It can be purged from this time on.
    pub(super) expire_time: DateTime<Utc>,
}

/// Stores the answer to a claimed request; false when more than `most` requests of the owner would be remembered.
pub(super) async fn set_answer(
    conn: &mut PgConnection,
    owner: UserId,
    answer: &Answer<'_>,
    most: i32,
) -> Result<bool, Error> {
    let stored = sqlx::query!(
        r#"
        with owner as (
            update tasks.owner set
                next_purge_time = least(next_purge_time, $4),
                request_count = coalesce(request_count + $5, (select count(*) from tasks.request where user_id = $1))
            where user_id = $1
              and coalesce(request_count + $5, (select count(*) from tasks.request where user_id = $1)) <= $6
            returning user_id as id
        )
        update tasks.request set answer = $3 from owner where user_id = $1 and request_id = $2
        "#,
        owner.uuid(),
        answer.request_id,
        answer.task,
        answer.expire_time,
        answer.added,
        i64::from(most),
    );
    Ok(stored.execute(conn).await?.rows_affected() == 1)
}

/// When the oldest of the owner's remembered requests was made.
pub(super) async fn find_oldest(
    conn: &mut PgConnection,
    owner: UserId,
) -> Result<Option<DateTime<Utc>>, Error> {
    let oldest = sqlx::query_scalar!(
        r#"select min(create_time) from tasks.request where user_id = $1"#,
        owner.uuid(),
    );
    Ok(oldest.fetch_one(conn).await?)
}
