//! Why the feed was interrupted, and whether what is held is still good to go on from.

use tonic::{Status, metadata::errors::InvalidMetadataValue, transport};

use crate::revocation::MalformedRevocation;

/// Why a subscription came to its end. It is tried again, whatever it was.
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
    #[error("what the feed tells is late")]
    Late,
    #[error("what is held is not what was published")]
    Mismatch,
    #[error("the auth service has begun a new incarnation")]
    Incarnation,
    #[error("the feed began without the snapshot that was asked for")]
    NoSnapshot,
    #[error("a revocation cannot be read: {0}")]
    Malformed(#[from] MalformedRevocation),
    #[error("a heartbeat does not say when it is from")]
    Undated,
}

impl Interruption {
    /// Whether what is held is no base to go on from.
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
}

impl Interruption {
    /// One word, for telemetry.
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
