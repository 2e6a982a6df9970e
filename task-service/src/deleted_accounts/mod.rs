//! Which accounts were deleted: read from the auth service and recorded, so that `purge` removes their rows.
//!
//! A deletion is recorded in the same transaction as the place up to which the list was read. So each is recorded at least once,
//! whatever stops in between. When the auth service has another history, because its database was restored or has restarted, the
//! list is read from its beginning. Any number of processes can read at the same time.

pub(crate) mod metrics;
mod reader;
mod store;

use api::ids::UserId;
use chrono::{DateTime, TimeDelta, Utc};
use sqlx::PgConnection;

pub(crate) use self::reader::Reader;
use crate::error::Error;

/// A deletion is recent for this long: rows of the account can still appear, also if it has none. Longer than tokens live and
/// clocks differ.
const RECENT: TimeDelta = TimeDelta::days(1);

/// The place up to which the list of deletions was read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Place {
    /// The history that the sequence belongs to.
    incarnation: String,
    sequence: i64,
}

/// A deletion that was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Deletion {
    owner: UserId,
    delete_time: DateTime<Utc>,
}

/// Records deletions, and that they were read up to `place`. Returns how many accounts have rows to be removed.
async fn record(
    conn: &mut PgConnection,
    deletions: &[Deletion],
    place: &Place,
    now: DateTime<Utc>,
) -> Result<u64, Error> {
    let mut recorded = 0;
    for Deletion { owner, delete_time } in deletions {
        let recent = *delete_time > now - RECENT;
        recorded += store::record(conn, *owner, recent, now).await?;
    }
    store::set_place(conn, place).await?;
    Ok(recorded)
}
