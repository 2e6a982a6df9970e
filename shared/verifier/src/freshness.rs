//! How old the revocations that a verifier holds may be before it stops accepting tokens.

use std::time::Duration;

/// What a call uses its token for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// To read only.
    Read,
    /// To change something, or unknown.
    Write,
}

/// The declared bounds: after the feed is cut, a revoked token is accepted for at most this time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Freshness {
    /// For reads: 100 ms to 1 h.
    pub reads: Duration,
    /// For writes: 100 ms to 1 h.
    pub writes: Duration,
}

/// A feed without a message for this long is broken: a heartbeat is sent at least every second.
pub(super) const SILENCE_TIMEOUT: Duration = Duration::from_secs(2);

impl Freshness {
    /// The bound for calls of this purpose.
    pub(super) const fn bound(&self, purpose: Purpose) -> Duration {
        match purpose {
            Purpose::Read => self.reads,
            Purpose::Write => self.writes,
        }
    }

    /// Up to this age, every call is served.
    pub(super) fn strictest(&self) -> Duration {
        self.reads.min(self.writes)
    }

    /// Beyond this age the feed is behind, although calls may still be accepted.
    pub(super) fn warning_age(&self) -> Duration {
        SILENCE_TIMEOUT.min(self.strictest())
    }
}
