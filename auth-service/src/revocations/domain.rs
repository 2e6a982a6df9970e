//! How long a revocation is kept.

use std::time::Duration;

use chrono::{DateTime, SubsecRound as _, TimeDelta, Utc};

/// How far the clocks of those who issue and those who verify tokens may be from the true time: the greatest leeway.
const MAX_CLOCK_ERROR: Duration = Duration::from_secs(5);

/// The longest life of an access token that the setting allows.
pub(crate) const MAX_ACCESS_TTL: Duration = Duration::from_hours(1);
/// For how long it is relied on what was read of the life of tokens. A replica whose tokens live longer waits as long.
pub(crate) const TOKEN_TTL_STALENESS: Duration = Duration::from_secs(10);

/// What bounds how long tokens can be used after they are revoked.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RevocationTtl {
    /// Longest time between the moment a call takes as its own and the moment its transaction is over. A token that
    /// another call issues in that time is newer than its revocation.
    pub(crate) longest_call: Duration,
}

impl RevocationTtl {
    /// The window of a revocation made now: it is kept until every token that it revokes has expired everywhere. `token_ttl` is
    /// the longest life of any token that may be valid, which is not what the setting says now: it may have been lowered.
    pub(crate) fn window(self, token_ttl: Duration, now: DateTime<Utc>) -> RevocationWindow {
        // One second is added because the fraction of a second is cut off below.
        let ttl = token_ttl + self.longest_call + 2 * MAX_CLOCK_ERROR + Duration::from_secs(1);
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
