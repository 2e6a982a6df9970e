//! Rows whose time is over.

use api::ids::UserId;
use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use super::{BATCH, Removed, store};
use crate::{error::Error, requests::ANSWER_TTL};

/// Removes a batch of the owner's expired rows. It waits for no lock, so it cannot be part of a deadlock, and a lane is not held up by rows in use.
pub(super) async fn remove(
    conn: &mut PgConnection,
    owner: UserId,
    now: DateTime<Utc>,
) -> Result<Removed, Error> {
    if !store::lock_owner(conn, owner).await? {
        return Ok(Removed::Held);
    }
    let tasks = store::purge_tasks(conn, owner, now, BATCH).await?;
    let requests = store::purge_requests(conn, owner, now - ANSWER_TTL, BATCH).await?;
    let next = store::schedule_purge(conn, owner, ANSWER_TTL).await?;
    Ok(if next.is_none_or(|next| next > now) {
        Removed::All { tasks }
    } else if tasks + requests > 0 {
        Removed::Some { tasks }
    } else {
        Removed::Held
    })
}
