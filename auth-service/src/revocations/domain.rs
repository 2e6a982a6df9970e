//! How long a revocation is kept.

use std::time::Duration;

use chrono::{DateTime, SubsecRound as _, TimeDelta, Utc};

/// How far the clocks of those who issue and those who verify tokens may be from the true time: the greatest leeway.
const MAX_CLOCK_ERROR: Duration = Duration::from_secs(5);

/// What bounds how long tokens can be used after they are revoked.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RevocationTtl {
    /// Longest life of an access token.
    pub(crate) access_ttl: Duration,
    /// Longest time between the moment a call takes as its own and the moment its transaction is over. A token that
    /// another call issues in that time is newer than its revocation.
    pub(crate) longest_call: Duration,
}

impl RevocationTtl {
    /// The window of a revocation made now: it is kept until every token that it revokes has expired everywhere.
    pub(crate) fn window(self, now: DateTime<Utc>) -> RevocationWindow {
        // One second is added because the fraction of a second is cut off below.
        let ttl =
            self.access_ttl + self.longest_call + 2 * MAX_CLOCK_ERROR + Duration::from_secs(1);
        let ttl = TimeDelta::from_std(ttl).expect("settings are hours at most");
        RevocationWindow {
            now,
            expire_time: (now + ttl).trunc_subsecs(0),
        }
    }
}

/// When tokens are revoked, and when all of them have expired.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RevocationWindow {
    pub(crate) now: DateTime<Utc>,
    /// In whole seconds.
    pub(crate) expire_time: DateTime<Utc>,
}
