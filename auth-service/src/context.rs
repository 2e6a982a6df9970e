//! What all subjects share.

use std::sync::Arc;

use chrono::{DateTime, SubsecRound as _, Utc};
use clock::Clock;
use database::Lanes;

use crate::revocations::Feed;

/// The database, the time and the feed of revocations. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Context {
    pub(crate) lanes: Lanes,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) feed: Feed,
}

impl Context {
    /// The time in microseconds, which is the precision of the database.
    pub(crate) fn now(&self) -> DateTime<Utc> {
        self.clock.now().trunc_subsecs(6)
    }
}
