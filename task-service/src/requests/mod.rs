//! Idempotency: a request with an id is done once (AIP-155).
//!
//! One transaction claims the id, does the work and stores the answer. When the work fails, the claim is rolled back with it.

mod domain;
mod store;

use std::time::Duration;

use api::ids::UserId;
use chrono::{DateTime, TimeDelta, Utc};
use sqlx::PgConnection;

pub(crate) use self::domain::RequestKey;
use self::store::{Answer, Remembered};
use crate::{error::Error, quota::Quota};

/// How often a claim is decided when the purge comes between its statements.
const MAX_ATTEMPTS: u32 = 3;

/// How long it takes until an expired answer is purged.
const PURGE_DELAY: Duration = Duration::from_mins(1);

/// How long an answer is remembered.
pub(crate) const ANSWER_TTL: TimeDelta = TimeDelta::hours(24);

/// What is known of a request when it arrives.
#[derive(Debug)]
pub(crate) enum Arrival {
    /// It is the first with its id, which it has claimed.
    First(Claim),
    /// It was answered before: the answer.
    Repeated(Vec<u8>),
}

/// A request id that this transaction has claimed.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Claim {
    /// The id was not remembered.
    New,
    /// The id was remembered, for too long to count.
    Again,
}

/// Claims the request id, or finds the answer to the first request with it.
pub(crate) async fn arrive(
    conn: &mut PgConnection,
    owner: UserId,
    key: &RequestKey,
    now: DateTime<Utc>,
) -> Result<Arrival, Error> {
    for _ in 0..MAX_ATTEMPTS {
        if store::claim(conn, owner, key, now).await? {
            return Ok(Arrival::First(Claim::New));
        }
        if store::claim_again(conn, owner, key, now - ANSWER_TTL, now).await? {
            return Ok(Arrival::First(Claim::Again));
        }
        // It is missing only if it was purged after the statements before; then the id can be claimed.
        if let Some(first) = store::find(conn, owner, key.id).await? {
            return first_answer(owner, key, first).map(Arrival::Repeated);
        }
    }
    Err(Error::Conflict)
}

fn first_answer(owner: UserId, key: &RequestKey, first: Remembered) -> Result<Vec<u8>, Error> {
    if first.fingerprint != key.fingerprint {
        return Err(Error::request_id_reused());
    }
    // A request that is committed has an answer.
    first.answer.ok_or(Error::DamagedAnswer { owner })
}

/// Stores the answer to a claimed request. It is refused when the largest number of the owner's requests is remembered: the
/// first result is promised for 24 h, so none is forgotten earlier. The work of the request is then rolled back with it.
pub(crate) async fn remember(
    conn: &mut PgConnection,
    owner: UserId,
    (key, claim): (&RequestKey, Claim),
    answer: &[u8],
    quota: Quota,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let answer = Answer {
        request_id: key.id,
        task: answer,
        added: match claim {
            Claim::New => 1,
            Claim::Again => 0,
        },
        expire_time: now + ANSWER_TTL,
    };
    if store::set_answer(conn, owner, &answer, quota.requests).await? {
        return Ok(());
    }
    let oldest = store::find_oldest(conn, owner).await?.unwrap_or(now);
    let wait = (oldest + ANSWER_TTL - now).to_std().unwrap_or_default();
    Err(Error::TooManyRequests {
        limit: quota.requests,
        retry_after: wait.max(PURGE_DELAY),
    })
}
