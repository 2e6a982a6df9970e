//! Why a call got no answer, and whether it may be made again elsewhere.

use std::error::Error;

use tonic::{ConnectError, TimeoutExpired};

/// What is known of a call that got no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Failure {
    /// The call was not sent, or its replica said that it has not begun it (RFC 9113, sections 6.8 and 8.7).
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
            let canceled = cause.downcast_ref::<hyper::Error>();
            let refused = cause.downcast_ref::<h2::Error>();
            if cause.is::<ConnectError>()
                || canceled.is_some_and(hyper::Error::is_canceled)
                || refused.is_some_and(not_begun)
            {
                return Self::NotBegun;
            }
            next = cause.source();
        }
        Self::Lost
    }

    /// Whether the call may be made again, given whether it is one that changes nothing.
    pub(super) fn permits(self, harmless: bool) -> bool {
        match self {
            Self::NotBegun => true,
            Self::Lost => harmless,
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
