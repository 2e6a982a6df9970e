//! Why the feed was interrupted, and whether it can be resumed.

use tonic::{Status, metadata::errors::InvalidMetadataValue, transport};

use crate::revocation::MalformedRevocation;

/// Why a subscription ended. It is tried again in every case.
#[derive(Debug, thiserror::Error)]
pub(super) enum Interruption {
    #[error("the service secret cannot be sent")]
    Secret(#[from] InvalidMetadataValue),
    #[error("the auth service cannot be reached: {0}")]
    Unreachable(#[from] transport::Error),
    #[error("the auth service refused: {:?}: {}", .0.code(), .0.message())]
    Refused(Box<Status>),
    #[error("the auth service ended the feed")]
    Ended,
    #[error("the feed was silent")]
    Silent,
    #[error("the messages of the feed are late")]
    Late,
    #[error("the revocations held are not those that were published")]
    Mismatch,
    #[error("the auth service has a new incarnation")]
    Incarnation,
    #[error("the feed began without the requested snapshot")]
    NoSnapshot,
    #[error("a revocation cannot be read: {0}")]
    Malformed(#[from] MalformedRevocation),
    #[error("a heartbeat has no time")]
    Undated,
}

impl Interruption {
    /// Whether the feed cannot be resumed, so that the next attempt must ask for a snapshot.
    pub(super) const fn needs_snapshot(&self) -> bool {
        match self {
            Self::Mismatch
            | Self::Incarnation
            | Self::NoSnapshot
            | Self::Malformed(_)
            | Self::Undated => true,
            Self::Secret(_)
            | Self::Unreachable(_)
            | Self::Refused(_)
            | Self::Ended
            | Self::Silent
            | Self::Late => false,
        }
    }

    /// One word, for telemetry.
    #[cfg(feature = "telemetry")]
    pub(super) const fn name(&self) -> &'static str {
        match self {
            Self::Secret(_) => "secret",
            Self::Unreachable(_) => "unreachable",
            Self::Refused(_) => "refused",
            Self::Ended => "ended",
            Self::Silent => "silent",
            Self::Late => "late",
            Self::Mismatch => "mismatch",
            Self::Incarnation => "incarnation",
            Self::NoSnapshot => "no_snapshot",
            Self::Malformed(_) => "malformed",
            Self::Undated => "undated",
        }
    }
}

impl From<Status> for Interruption {
    fn from(status: Status) -> Self {
        Self::Refused(Box::new(status))
    }
}
