//! How long the tokens that may be valid live at most.
//!
//! The setting `auth.access_ttl` can be lowered, and replicas can differ in it, so a revocation is not kept for the setting but for
//! the longest life that the rows of the keys record. A replica whose tokens live longer raises the rows first. It signs with a
//! raised active key only when every other replica has read the row, or has read none for so long that it keeps revocations for
//! [`MAX_ACCESS_TTL`].

use std::time::Duration;

use tokio::time::Instant;

use super::{Replica, store, store::StoredKey};
use crate::revocations::domain::{MAX_ACCESS_TTL, TOKEN_TTL_STALENESS};

/// The longest life of the tokens of a key.
fn of(key: &StoredKey) -> Duration {
    let seconds = key
        .token_ttl
        .and_then(|seconds| u64::try_from(seconds).ok());
    seconds.map_or(MAX_ACCESS_TTL, Duration::from_secs)
}

impl Replica {
    /// Tells the feed how long tokens live, and raises the rows of keys whose tokens will live longer than they say. Whether
    /// rows were raised, so that the keys must be read again.
    pub(super) async fn record_token_ttl(
        &mut self,
        keys: &[StoredKey],
        as_of: Instant,
    ) -> Result<bool, database::Error> {
        let own = self.keys.0.access_ttl;
        let longest = keys.iter().map(of).fold(own, Duration::max);
        self.keys.0.context.feed.set_token_ttl(longest, as_of);
        let short = |key: &&StoredKey| of(key) < own && key.retire_time.is_none();
        if !keys.iter().any(|key| short(&key)) {
            return Ok(false);
        }
        let active = keys.iter().any(|key| key.is_active() && short(&key));
        let token_ttl = self.keys.token_ttl();
        let raised = self.on_lane(move |connection| {
            Box::pin(async move { store::raise_token_ttl(connection, token_ttl).await })
        });
        let raised = raised.await;
        if active {
            // The time after the statement counts, even if its result was lost.
            self.raised = Some(Instant::now());
        }
        raised.map(|()| true)
    }

    /// Whether another replica may not have read that the active key's tokens live longer now.
    pub(super) fn waits_for_others(&self) -> bool {
        self.raised
            .is_some_and(|raised| raised.elapsed() <= TOKEN_TTL_STALENESS)
    }
}
