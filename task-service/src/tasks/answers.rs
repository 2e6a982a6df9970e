//! A request with an id is answered once (AIP-155); its answer is a task, remembered as the contract encodes it.

use api::ids::UserId;
use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use super::{domain::Task, message, store::check_owner};
use crate::{
    error::Error,
    requests::{self, RequestKey},
};

/// The answer to the first request with this id; `None` when this is the first.
pub(super) async fn first(
    conn: &mut PgConnection,
    owner: UserId,
    key: &RequestKey,
    now: DateTime<Utc>,
) -> Result<Option<Task>, Error> {
    let Some(answer) = requests::first_answer(conn, owner, key, now).await? else {
        return Ok(None);
    };
    let task = message::decode(&answer).ok_or(Error::DamagedAnswer { owner })?;
    check_owner(owner, Some(task))
}

/// Remembers `task` as the answer to the request.
pub(super) async fn remember(
    conn: &mut PgConnection,
    owner: UserId,
    key: &RequestKey,
    task: &Task,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    requests::remember(conn, owner, key, &message::encode(task), now).await
}
