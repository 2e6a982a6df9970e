//! A request with an id is answered once (AIP-155); its answer is a task, remembered as the contract encodes it.

use api::ids::UserId;
use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use super::{domain::Task, message, store::check_owner};
use crate::{
    error::Error,
    quota::Quota,
    requests::{self, Claim, RequestKey},
};

/// What is known of a request when it arrives.
#[derive(Debug)]
pub(super) enum Arrival {
    /// It is the first with its id.
    First(Claim),
    /// It was answered before, with this task.
    Repeated(Task),
}

/// Claims the request id, or finds the answer to the first request with it.
pub(super) async fn arrive(
    conn: &mut PgConnection,
    owner: UserId,
    key: &RequestKey,
    now: DateTime<Utc>,
) -> Result<Arrival, Error> {
    let answer = match requests::arrive(conn, owner, key, now).await? {
        requests::Arrival::First(claim) => return Ok(Arrival::First(claim)),
        requests::Arrival::Repeated(answer) => answer,
    };
    let task = message::decode(&answer).ok_or(Error::DamagedAnswer { owner })?;
    let task = check_owner(owner, Some(task))?;
    task.map(Arrival::Repeated)
        .ok_or(Error::DamagedAnswer { owner })
}

/// Remembers `task` as the answer to the request.
pub(super) async fn remember(
    conn: &mut PgConnection,
    owner: UserId,
    claimed: (&RequestKey, Claim),
    task: &Task,
    quota: Quota,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    requests::remember(conn, owner, claimed, &message::encode(task), quota, now).await
}
