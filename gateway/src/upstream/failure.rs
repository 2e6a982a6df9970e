//! Why a call got no answer, and whether it may be made again elsewhere.

use std::error::Error;

use tonic::{ConnectError, TimeoutExpired};

/// What is known of a call that got no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Failure {
    /// There is no connection to the replica.
    Unreachable,
    /// The connection ended before the call was sent, or the replica said that it has not begun it (RFC 9113, sections 6.8
    /// and 8.7): connections are asked to go when they are old.
    NotBegun,
    /// The replica was lost with the call, whose outcome is unknown.
    Lost,
    /// The time is over.
    Late,
}

impl Failure {
    pub(super) fn of(error: &(dyn Error + 'static)) -> Self {
        let mut next = Some(error);
        while let Some(cause) = next {
            if cause.is::<TimeoutExpired>() {
                return Self::Late;
            }
            if cause.is::<ConnectError>() {
                return Self::Unreachable;
            }
            let canceled = cause.downcast_ref::<hyper::Error>();
            let refused = cause.downcast_ref::<h2::Error>();
            if canceled.is_some_and(hyper::Error::is_canceled) || refused.is_some_and(not_begun) {
                return Self::NotBegun;
            }
            next = cause.source();
        }
        Self::Lost
    }

    /// Whether the call may be made again, given whether it is one that changes nothing, and whether more attempts were made
    /// than there are replicas. One more is worth it for each failure: the connection to the only one may have been lost a
    /// moment ago.
    pub(super) fn permits(self, harmless: bool, tried_all: bool) -> bool {
        match self {
            Self::NotBegun => true,
            Self::Unreachable => !tried_all,
            Self::Lost => harmless && !tried_all,
            Self::Late => false,
        }
    }
}

/// GOAWAY is an error only of the streams that it leaves out.
fn not_begun(error: &h2::Error) -> bool {
    let reason = error.reason();
    error.is_remote()
        && (error.is_reset() && reason == Some(h2::Reason::REFUSED_STREAM)
            || error.is_go_away() && reason == Some(h2::Reason::NO_ERROR))
}
