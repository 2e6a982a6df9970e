//! Idempotency: a request with an id is done once (AIP-155).
//!
//! One transaction claims the id, does the work and stores the answer. When the work fails, the claim is rolled back with it.

mod domain;
mod store;

use api::ids::UserId;
use chrono::{DateTime, TimeDelta, Utc};
use sqlx::PgConnection;

pub(crate) use self::domain::RequestKey;
use self::store::Remembered;
use crate::error::Error;

/// How often a claim is decided when the purge comes between its statements.
const MAX_ATTEMPTS: u32 = 3;

/// How long an answer is remembered.
pub(crate) const ANSWER_TTL: TimeDelta = TimeDelta::hours(24);

/// Claims the request id. `None` when this is the first request with it; otherwise the answer to the first.
pub(crate) async fn first_answer(
    conn: &mut PgConnection,
    owner: UserId,
    key: &RequestKey,
    now: DateTime<Utc>,
) -> Result<Option<Vec<u8>>, Error> {
    let Some(first) = claim_or_find(conn, owner, key, now).await? else {
        return Ok(None);
    };
    if first.fingerprint != key.fingerprint {
        return Err(Error::request_id_reused());
    }
    // A request that is committed has an answer.
    let answer = first.answer.ok_or(Error::DamagedAnswer { owner })?;
    Ok(Some(answer))
}

/// The first request with this id; `None` when this is the first, which has claimed the id.
async fn claim_or_find(
    conn: &mut PgConnection,
    owner: UserId,
    key: &RequestKey,
    now: DateTime<Utc>,
) -> Result<Option<Remembered>, Error> {
    for _ in 0..MAX_ATTEMPTS {
        if store::claim(conn, owner, key, now - ANSWER_TTL, now).await? {
            return Ok(None);
        }
        // It is missing only if it was purged after the statement before; then the id can be claimed.
        if let Some(first) = store::find(conn, owner, key.id).await? {
            return Ok(Some(first));
        }
    }
    Err(Error::Conflict)
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
