//! What a verifier knows at one moment.

use std::{sync::Arc, time::Duration};

use tokio::time::Instant;

use super::{KeySet, cache::Cache};
use crate::revocation::RevocationSet;

/// Everything a decision needs. Never changed, only replaced as a whole, so that a decision looks at one moment.
#[derive(Debug, Clone)]
pub(super) struct Knowledge {
    pub(super) keys: Arc<Keys>,
    /// None until the feed has brought a snapshot.
    pub(super) held: Option<Held>,
}

/// The keys, and the tokens that were checked against them: both go together.
#[derive(Debug)]
pub(super) struct Keys {
    pub(super) set: KeySet,
    pub(super) verified: Cache,
}

/// The revocations, as a feed has told them.
#[derive(Debug, Clone)]
pub(super) struct Held {
    pub(super) revocations: Arc<RevocationSet>,
    /// The history that `head` belongs to.
    pub(super) incarnation: Arc<str>,
    /// The highest sequence held.
    pub(super) head: i64,
    /// Everything that was published until then is held; none until that was proven once.
    pub(super) current_to: Option<Instant>,
    /// The feed has ended, and nothing has been proven since: keys may have been missed.
    pub(super) interrupted: bool,
}

impl Knowledge {
    pub(super) fn of(keys: KeySet, remembered: usize) -> Self {
        Self {
            keys: Arc::new(Keys::new(keys, remembered)),
            held: None,
        }
    }
}

impl Keys {
    pub(super) fn new(set: KeySet, remembered: usize) -> Self {
        Self {
            set,
            verified: Cache::new(remembered),
        }
    }
}

impl Held {
    /// How long ago it was proven that everything is held; none if never.
    pub(super) fn age(&self) -> Option<Duration> {
        self.current_to.map(|moment| moment.elapsed())
    }

    pub(super) fn is_older_than(&self, bound: Duration) -> bool {
        self.age().is_none_or(|age| age > bound)
    }
}
