//! Requests with an id are done once (AIP-155): inside one transaction the id is claimed, the work done and its answer
//! kept. Work that fails takes its claim back with it.

use chrono::{DateTime, TimeDelta, Utc};
use shared::ids::UserId;
use sqlx::PgConnection;

use crate::{domain::Task, error::Error, message, request::RequestKey, store};

/// How long an answer is remembered.
pub(crate) const REMEMBERED: TimeDelta = TimeDelta::hours(24);

/// The answer to the first request of this id; `None` when this is the first.
pub(crate) async fn first_answer(
    conn: &mut PgConnection,
    owner: UserId,
    key: &RequestKey,
    now: DateTime<Utc>,
) -> Result<Option<Task>, Error> {
    if store::claim_request(conn, owner, key, now - REMEMBERED, now).await? {
        return Ok(None);
    }
    let first = store::find_request(conn, owner, key.id).await?;
    // Gone in between only if it was purged just now; and what was committed has an answer.
    let first = first.ok_or(Error::Conflict)?;
    if first.fingerprint != key.fingerprint {
        return Err(Error::request_id_reused());
    }
    let answer = first.answer.ok_or(Error::DamagedAnswer { owner })?;
    store::owned(owner, Some(message::decode(owner, &answer)?))
}

/// Keeps the answer of a claimed request.
pub(crate) async fn remember(
    conn: &mut PgConnection,
    owner: UserId,
    key: &RequestKey,
    task: &Task,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    store::keep_answer(
        conn,
        owner,
        key.id,
        &message::encode(task),
        now + REMEMBERED,
    )
    .await
}
