//! What every subject of the service works with.

use std::sync::Arc;

use api::ids::UserId;
use chrono::{DateTime, SubsecRound as _, Utc};
use clock::Clock;
use database::{Lanes, Principal};

/// The database and the time.
#[derive(Debug, Clone)]
pub(crate) struct Context {
    /// Runs statements and transactions that find their rows by key.
    pub(crate) lanes: Lanes,
    /// Runs what may read all rows of a user: one at a time for each user. So it never delays what runs by key.
    pub(crate) scans: Lanes,
    /// The source of the current time.
    pub(crate) clock: Arc<dyn Clock>,
}

impl Context {
    /// The current time, to the microsecond: PostgreSQL stores nothing finer.
    pub(crate) fn now(&self) -> DateTime<Utc> {
        self.clock.now().trunc_subsecs(6)
    }
}

/// Whose share of the database a call takes.
pub(crate) fn share_of(owner: UserId) -> Principal {
    Principal::User(owner.uuid())
}
