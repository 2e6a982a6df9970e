//! Idempotency: a request with an id is done once (AIP-155).
//!
//! One transaction claims the id, does the work and stores the answer. When the work fails, the claim is rolled back with it.

mod domain;
mod store;

use api::ids::UserId;
use chrono::{DateTime, TimeDelta, Utc};
use sqlx::PgConnection;

pub(crate) use self::domain::RequestKey;
use crate::error::Error;

/// How long an answer is remembered.
pub(crate) const ANSWER_TTL: TimeDelta = TimeDelta::hours(24);

/// Claims the request id. `None` when this is the first request with it; otherwise the answer to the first.
pub(crate) async fn first_answer(
    conn: &mut PgConnection,
    owner: UserId,
    key: &RequestKey,
    now: DateTime<Utc>,
) -> Result<Option<Vec<u8>>, Error> {
    if store::claim(conn, owner, key, now - ANSWER_TTL, now).await? {
        return Ok(None);
    }
    // It is missing only if it was purged a moment ago.
    let first = store::find(conn, owner, key.id).await?;
    let first = first.ok_or(Error::Conflict)?;
    if first.fingerprint != key.fingerprint {
        return Err(Error::request_id_reused());
    }
    // A request that is committed has an answer.
    let answer = first.answer.ok_or(Error::DamagedAnswer { owner })?;
    Ok(Some(answer))
}

/// Stores the answer to a claimed request.
pub(crate) async fn remember(
    conn: &mut PgConnection,
    owner: UserId,
    key: &RequestKey,
    answer: &[u8],
    now: DateTime<Utc>,
) -> Result<(), Error> {
    store::set_answer(conn, owner, key.id, answer, now + ANSWER_TTL).await
}
