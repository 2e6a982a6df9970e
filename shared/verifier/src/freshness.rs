//! How old a verifier's knowledge of what is revoked may be before it stops accepting tokens.

use std::time::Duration;

/// What a call does with the rights of its token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// It only reads.
    Read,
    /// It changes something, or nobody has said that it does not.
    Write,
}

/// The declared bounds: a token that was revoked is accepted no longer than this after the feed was cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Freshness {
    /// For reads: 100 ms to 1 h.
    pub reads: Duration,
    /// For writes: 100 ms to 1 h.
    pub writes: Duration,
}

/// A feed that is silent for this long has a fault: the heartbeat comes at least every second.
pub(super) const SILENCE: Duration = Duration::from_secs(2);

impl Freshness {
    /// The bound for calls of this purpose.
    #[must_use]
    pub const fn bound(&self, purpose: Purpose) -> Duration {
        match purpose {
            Purpose::Read => self.reads,
            Purpose::Write => self.writes,
        }
    }

    /// While knowledge is no older, every call is served.
    #[must_use]
    pub fn strictest(&self) -> Duration {
        self.reads.min(self.writes)
    }

    /// Knowledge older than this is stale, although calls may still be accepted.
    #[must_use]
    pub fn noticeable(&self) -> Duration {
        SILENCE.min(self.strictest())
    }
}
