//! The rows of accounts that were deleted.
//!
//! The deletion revokes the account's tokens, so no call that arrives after it writes a row. But a call that was under way, or a
//! process whose revocations are late, still may. So the rows are looked for again and again, until no token of the account can
//! be valid.

pub(super) mod store;

use api::ids::UserId;
use chrono::{DateTime, TimeDelta, Utc};
use sqlx::PgConnection;

use super::{BATCH, Removed, store::lock_owner};
use crate::error::Error;

/// The pause between two looks at an account without rows.
const LOOK_AGAIN_AFTER: TimeDelta = TimeDelta::minutes(10);
/// How long rows of an account are looked for. An access token lives for an hour at most, whatever the settings of the auth
/// service; the rest is for clocks and for calls under way.
const LOOKED_FOR: TimeDelta = TimeDelta::hours(2);

/// Removes a batch of the account's rows, and waits for no lock. The counters go last: while a task or a request is left, they are
/// there too.
pub(super) async fn remove(
    conn: &mut PgConnection,
    owner: UserId,
    now: DateTime<Utc>,
) -> Result<Removed, Error> {
    if !lock_owner(conn, owner).await? && store::has_counters(conn, owner).await? {
        return Ok(Removed::Held);
    }
    let tasks = store::remove_tasks(conn, owner, BATCH).await?;
    let requests = store::remove_requests(conn, owner, BATCH).await?;
    if !store::has_rows(conn, owner).await? {
        store::remove_counters(conn, owner).await?;
        if !store::forget(conn, owner, now - LOOKED_FOR).await? {
            store::look_again(conn, owner, now, now + LOOK_AGAIN_AFTER).await?;
        }
        return Ok(Removed::All { tasks });
    }
    Ok(if tasks + requests > 0 {
        Removed::Some { tasks }
    } else {
        Removed::Held
    })
}
