//! Why a call got no answer, and whether it may be tried again on another replica.

use std::error::Error;

use tonic::{ConnectError, TimeoutExpired};

/// Why a call got no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CallFailure {
    /// There is no connection to the replica.
    Unreachable,
    /// The connection ended before the call was sent, or the replica answered that it has not started it (RFC 9113, sections
    /// 6.8 and 8.7). This happens when a replica closes an old connection.
    NotStarted,
    /// The connection was lost during the call. Its outcome is unknown.
    ConnectionLost,
    /// The deadline has passed.
    TimedOut,
}

impl CallFailure {
    pub(super) fn of(error: &(dyn Error + 'static)) -> Self {
        let mut next = Some(error);
        while let Some(cause) = next {
            if cause.is::<TimeoutExpired>() {
                return Self::TimedOut;
            }
            if cause.is::<ConnectError>() {
                return Self::Unreachable;
            }
            let canceled = cause.downcast_ref::<hyper::Error>();
            let refused = cause.downcast_ref::<h2::Error>();
            if canceled.is_some_and(hyper::Error::is_canceled) || refused.is_some_and(not_started) {
                return Self::NotStarted;
            }
            next = cause.source();
        }
        Self::ConnectionLost
    }

    /// Whether the call may be tried again. `repeatable`: the RPC has no side effects. `tried_all`: there were more attempts
    /// than there are replicas. So a single replica gets a second attempt, because its connection may have been lost just
    /// before the call.
    pub(super) fn allows_retry(self, repeatable: bool, tried_all: bool) -> bool {
        match self {
            Self::NotStarted => true,
            Self::Unreachable => !tried_all,
            Self::ConnectionLost => repeatable && !tried_all,
            Self::TimedOut => false,
        }
    }
}

/// A GOAWAY is an error only for the streams that it does not cover.
fn not_started(error: &h2::Error) -> bool {
    let reason = error.reason();
    error.is_remote()
        && (error.is_reset() && reason == Some(h2::Reason::REFUSED_STREAM)
            || error.is_go_away() && reason == Some(h2::Reason::NO_ERROR))
}
