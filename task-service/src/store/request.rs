//! Statements over requests that were answered (AIP-155).

use chrono::{DateTime, Utc};
use shared::ids::UserId;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::{error::Error, request::RequestKey};

/// What was answered to the first request of an id.
#[derive(Debug)]
pub(crate) struct FirstAnswer {
    /// Of that request.
    pub(crate) fingerprint: Vec<u8>,
    /// The task as the contract encodes it.
    pub(crate) answer: Option<Vec<u8>>,
}

/// Whether the request id is this request's to work on: it is new, or was last used up to `expired`. While another
/// transaction works on the same id, this waits for it.
pub(crate) async fn claim_request(
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

/// What the first request of this id was answered.
pub(crate) async fn find_request(
    conn: &mut PgConnection,
    owner: UserId,
    request_id: Uuid,
) -> Result<Option<FirstAnswer>, Error> {
    let found = sqlx::query_as!(
        FirstAnswer,
        r#"select fingerprint, answer from tasks.request where user_id = $1 and request_id = $2"#,
        owner.uuid(),
        request_id,
    );
    Ok(found.fetch_optional(conn).await?)
}

/// Keeps the answer of a claimed request until `forget_time`.
pub(crate) async fn keep_answer(
    conn: &mut PgConnection,
    owner: UserId,
    request_id: Uuid,
    answer: &[u8],
    forget_time: DateTime<Utc>,
) -> Result<(), Error> {
    let kept = sqlx::query!(
        r#"
        with owner as (
            update tasks.owner set next_purge_time = least(next_purge_time, $4) where user_id = $1
        )
        update tasks.request set answer = $3 where user_id = $1 and request_id = $2
        "#,
        owner.uuid(),
        request_id,
        answer,
        forget_time,
    );
    kept.execute(conn).await?;
    Ok(())
}
