//! What every subject of the service works with.

use std::sync::Arc;

use chrono::{DateTime, SubsecRound as _, Utc};
use clock::Clock;
use database::Lanes;

/// The database and the time.
#[derive(Debug, Clone)]
pub(crate) struct Context {
    /// Runs statements and transactions.
    pub(crate) lanes: Lanes,
    /// The source of the current time.
    pub(crate) clock: Arc<dyn Clock>,
}

impl Context {
    /// The current time, to the microsecond: PostgreSQL stores nothing finer.
    pub(crate) fn now(&self) -> DateTime<Utc> {
        self.clock.now().trunc_subsecs(6)
    }
}
