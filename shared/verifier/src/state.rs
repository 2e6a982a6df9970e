//! The state of a verifier: keys, and what the feed has published.

use std::{sync::Arc, time::Duration};

use tokio::time::Instant;

use crate::{KeySet, cache::Cache, revocation::RevocationSet};

/// Everything that a check needs. It is only replaced as a whole, so that a check uses one consistent state.
#[derive(Debug, Clone)]
pub(super) struct VerifierState {
    pub(super) keys: Arc<CurrentKeys>,
    /// None until the feed has brought a snapshot.
    pub(super) feed: Option<FeedState>,
}

/// The keys, and the tokens that were checked against them: both are replaced together.
#[derive(Debug)]
pub(super) struct CurrentKeys {
    pub(super) set: KeySet,
    pub(super) verified: Cache,
}

/// What the feed has published.
#[derive(Debug, Clone)]
pub(super) struct FeedState {
    pub(super) revocations: Arc<RevocationSet>,
    /// The incarnation of the feed that `head` belongs to.
    pub(super) incarnation: Arc<str>,
    /// The highest sequence held.
    pub(super) head: i64,
    /// All revocations published up to this moment are held; none until that was proven once.
    pub(super) current_to: Option<Instant>,
    /// The feed has ended, and nothing has been proven since then: keys may have been missed.
    pub(super) interrupted: bool,
}

impl VerifierState {
    pub(super) fn new(keys: KeySet, cache_capacity: usize) -> Self {
        Self {
            keys: Arc::new(CurrentKeys::new(keys, cache_capacity)),
            feed: None,
        }
    }
}

impl CurrentKeys {
    pub(super) fn new(set: KeySet, cache_capacity: usize) -> Self {
        Self {
            set,
            verified: Cache::new(cache_capacity),
        }
    }
}

impl FeedState {
    /// The time since the last proof that every revocation is held; none if there was none.
    pub(super) fn age(&self) -> Option<Duration> {
        self.current_to.map(|moment| moment.elapsed())
    }

    pub(super) fn is_older_than(&self, bound: Duration) -> bool {
        self.age().is_none_or(|age| age > bound)
    }
}
